"""More than one of each: every test of the matrix of several processes, and what it saw.

Real Collectors in their roles, two Prometheus, three Alertmanagers and the nodes of distributed
stores, on loopback addresses of their own, are killed, ended, stopped, added and removed under
traffic with known totals. Counts are those that Prometheus and Cortex hold, traces and records
those of the stores, by unique ids. The rows are
those of the guide (docs/guide/scaling.md, which also says why they hold); the tests are in
`tests/scale`.

    python -m bench.scale
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import faults
from bench.harness import ROOT, measured
from bench.project import components
from bench.report import Page, write

# Those of the matrix; what operators and an API server make of the objects is another subject.
_TESTS = [
    str(file)
    for pattern in ("test_roles_*.py", "test_pairs.py", "test_distributed_*.py")
    for file in sorted((ROOT / "tests" / "scale").glob(pattern))
]
_COMPONENTS = ("otelcol", "prometheus", "alertmanager", "cortex", "etcd", "jaeger", "cassandra")
_GUIDE = ROOT / "docs" / "guide" / "scaling.md"


def main() -> None:
    """Run the tests and write their page; exit with pytest's code."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    with measured() as run:
        code, results = faults.run_tests("scale", *_TESTS)
    matrix = faults.read_matrix(_GUIDE.read_text("utf-8"))
    found = Page(
        "scale",
        "More than one of each",
        __doc__ or "",
        components(*_COMPONENTS),
        [faults.table(matrix, results)],
        [faults.kept("every promise of the matrix of several processes is kept", results)],
        faults.raw(results),
    )
    write(found, run, given.out)
    sys.exit(code)


if __name__ == "__main__":
    main()

"""Write the examples that gitleaks' rules are tested with, for the tests of redaction.

    python -m release.secret_rules.corpus

builds a copy of gitleaks' own generator that prints what each rule must find. Most of the secrets
in it are made up at random, so the file changes with each run. It is compressed so that scanners
of this repository do not report six thousand secrets that are none.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from release.secret_rules.module import folder

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "tests/golden/secrets_corpus.jsonl.gz"
_GENERATOR = "cmd/generate/config"
_VALIDATE = f"{_GENERATOR}/utils/validate.go"
# The two functions that every rule hands its examples to begin so.
_BEGINS = "\tr := &rule\n"
_PRINTS = _BEGINS + "\tprintExamples(r.RuleID, truePositives)\n"
_PRINT = """
func printExamples(id string, examples any) {
	json.NewEncoder(os.Stdout).Encode(map[string]any{"rule": id, "examples": examples})
}
"""


def examples() -> Iterator[dict[str, str]]:
    """Yield ``rule``, ``text`` and, where the rule looks at it, ``path`` of each example.

    Rules that look at the names of files alone have examples without a text, which are left out.
    """
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "gitleaks"
        shutil.copytree(folder(), copy, copy_function=shutil.copyfile)
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        file = copy / _VALIDATE
        text = file.read_text("utf-8")
        if text.count(_BEGINS) != 2:
            raise SystemExit(f"{_VALIDATE} of this version is not as it was")
        text = text.replace("import (\n", 'import (\n\t"encoding/json"\n\t"os"\n')
        file.write_text(text.replace(_BEGINS, _PRINTS) + _PRINT, "utf-8")
        done = subprocess.run(
            ["go", "run", ".", str(Path(name) / "rules.toml")],
            cwd=copy / _GENERATOR, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    for line in done.stdout.splitlines():
        row = json.loads(line)
        given = row["examples"] or []
        if isinstance(given, dict):
            for path, text in given.items():
                if text:
                    yield {"rule": row["rule"], "text": text, "path": path}
        else:
            yield from ({"rule": row["rule"], "text": text} for text in given)


def main() -> None:
    """Write the file."""
    rows = sorted(examples(), key=lambda row: (row["rule"], row["text"]))
    lines = "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    TARGET.write_bytes(gzip.compress(lines.encode(), compresslevel=9, mtime=0))
    rules = len({row["rule"] for row in rows})
    sys.stdout.write(f"{len(rows)} examples of {rules} rules -> {TARGET.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()

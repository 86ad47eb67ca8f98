"""The command: chooses, judges, tells; see the package's docstring."""

from __future__ import annotations

import argparse
import datetime
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import bench.mutants
from bench import report
from bench.harness import measured, say
from bench.mutants import judge, page
from bench.mutants.code import Mutant
from bench.mutants.page import Found, Survivor
from bench.mutants.suites import PACKAGE, SUITES, Suite

SEED = 20
# Runs of mutations to one without any: tests that fail then would make of nothing a notice.
PER_CONTROL = 20


def main() -> None:
    """Run the mutation tests that are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.mutants",
        description=bench.mutants.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="*", help="suites or modules; all of them when left out")
    parser.add_argument("--sample", type=int, default=0, help="mutations per module; 0 is all")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=report.FOLDER, help="folder for the page")
    parser.add_argument(
        "--update", action="store_true", help="put what is measured into the page that is there"
    )
    given = parser.parse_args()
    harmless = page.read_harmless()
    found: list[Found] = []
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        for suite, files in chosen(given.what):
            found += judged(suite, files, given.sample, given.seed, given.jobs, harmless)
    for one in found:
        print(f"{one.noticed:5} of {one.counted:4} {one.module}")
    noticed, counted = sum(one.noticed for one in found), sum(one.counted for one in found)
    print(f"{noticed:5} of {counted:4}, {page.percent(noticed, counted)}")
    if given.update:
        found = updated(page.read(given.out), found)
    if given.update or not given.what:
        page.write(found, run, given.sample, given.seed, given.out)


def chosen(what: Sequence[str]) -> Iterator[tuple[Suite, list[Path]]]:
    """Yield the suites that are asked for with their modules; SystemExit for an unknown name."""
    names = {suite.name for suite in SUITES}
    files = {str(file.relative_to(PACKAGE)) for suite in SUITES for file in suite.files()}
    for name in what:
        if name not in names | files:
            sys.exit(
                f"no suite or module {name!r}: {', '.join(sorted(names))};"
                f" {', '.join(sorted(files))}"
            )
    for suite in SUITES:
        wanted = [
            file
            for file in suite.files()
            if not what or suite.name in what or str(file.relative_to(PACKAGE)) in what
        ]
        if wanted:
            yield suite, wanted


def updated(before: Sequence[Found], found: Sequence[Found]) -> list[Found]:
    """Return what is known of every module that a suite has, in the order of the suites."""
    known = {one.module: one for one in (*before, *found)}
    modules = [str(file.relative_to(PACKAGE)) for suite in SUITES for file in suite.files()]
    return [known[module] for module in modules if module in known]


def judged(
    suite: Suite,
    files: Sequence[Path],
    sample: int,
    seed: int,
    jobs: int,
    harmless: page.Harmless,
) -> Iterator[Found]:
    """Yield what became of each module's mutations."""
    with tempfile.TemporaryDirectory() as folder:
        modules = Path(folder) / "modules"
        seconds, output = judge.unchanged(suite.tests, modules)
        if output:
            sys.exit(f"{output}\n{suite.name}: its tests fail without any mutation")
        judge.preload(modules)
    say(f"{suite.name}: tests take {seconds:.1f} s")
    for file in files:
        mutant, module = Mutant(file), str(file.relative_to(PACKAGE))
        excused = harmless.get(module, {})
        if gone := excused.keys() - set(mutant.keys):
            sys.exit(f"{page.HARMLESS.name}: {module} has no longer: {'; '.join(sorted(gone))}")
        numbers = list(range(len(mutant.mutations)))
        if sample and len(numbers) > sample:
            # Seeded by the module too: the sample of one does not depend on the others.
            numbers = sorted(random.Random(f"{seed} {file.name}").sample(numbers, sample))  # noqa: S311
        now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M}"
        found = Found(suite.name, module, len(mutant.mutations), len(numbers), [], now)
        for number, verdict in judge.judge(
            file, with_controls(numbers), suite.tests, jobs, 10 * seconds + 20
        ):
            if number == judge.CONTROL:
                found.controls += 1
                found.failed += verdict.noticed
            elif not verdict.noticed:
                line, key = mutant.mutations[number].line, mutant.keys[number]
                found.survivors.append(Survivor(line, key, excused.get(key)))
                if key not in excused:
                    print(f"{found.module}:{line}: {key}", flush=True)
        if found.failed == found.controls:
            sys.exit(f"{found.module}: its tests fail without any mutation")
        found.survivors.sort(key=lambda survivor: (survivor.line, survivor.key))
        yield found


def with_controls(numbers: Sequence[int]) -> list[int]:
    """Return the mutations with a run without any before each twenty."""
    return [
        run
        for first in range(0, max(len(numbers), 1), PER_CONTROL)
        for run in (judge.CONTROL, *numbers[first : first + PER_CONTROL])
    ]


if __name__ == "__main__":
    main()

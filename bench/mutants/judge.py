"""Runs tests on a mutated module, in a process forked where all but the package is loaded.

The module's tree is changed and compiled in memory. What does not import it, directly or by way
of others, is imported once for all of its mutations; the module, what does, and the tests are
imported anew in each fork, so nothing holds the module as it was.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import grimp

from bench.harness import ROOT
from bench.mutants.code import Mutant
from bench.mutants.suites import PACKAGE

# Where the package and its tests are: what is imported from there may hold the module as it was.
_OWN = (str(PACKAGE), str(ROOT / "tests"))
_PASSED, _NOT_IMPORTED = 0, 77
# Number of the mutation that changes nothing: it must not be noticed.
CONTROL = -1


@dataclass(frozen=True)
class Verdict:
    """What became of one mutation. noticed: a test failed; seconds: how long it took."""

    noticed: bool
    seconds: float


def judge(
    file: Path, numbers: Sequence[int], tests: Sequence[str], jobs: int, limit: float
) -> Iterator[tuple[int, Verdict]]:
    """Yield (number of the mutation, verdict) as they come.

    limit: seconds after which a run counts as noticed: a loop that does not end is a fault.
    """
    waiting, running = list(numbers), dict[int, tuple[int, float]]()
    mutant = Mutant(file)
    _preload_beside(file)
    while waiting or running:
        while waiting and len(running) < jobs:
            number = waiting.pop(0)
            pid = _fork(lambda number=number: _judged(mutant, number, tests), limit)  # type: ignore[misc]
            running[pid] = (number, time.monotonic())
        pid, status = os.wait()
        if pid not in running:
            continue
        number, began = running.pop(pid)
        yield number, Verdict(status != _PASSED, time.monotonic() - began)


def unchanged(tests: Sequence[str], modules: Path) -> tuple[float, str]:
    """Run tests on the package as it is; return seconds, and the output when they fail.

    modules: file for the names of what they import, for ``preload``.
    """
    output = modules.with_suffix(".log")
    began = time.monotonic()
    pid = _fork(lambda: _loaded(tests, modules, output), 600)
    _, status = os.waitpid(pid, 0)
    return time.monotonic() - began, "" if status == _PASSED else output.read_text("utf-8")


def preload(modules: Path) -> None:
    """Import what the tests need and what is not the package's or theirs."""
    _import(modules.read_text("utf-8").split())


def _preload_beside(file: Path) -> None:
    """Import what of the package does not depend on a module, and nothing else of it."""
    _forget_own()
    graph = grimp.build_graph(PACKAGE.name)
    for module in graph.modules:
        package = module.rpartition(".")[0]
        if package not in ("", PACKAGE.name):
            # A package may import its modules without naming them (model/kinds), and comes first.
            graph.add_import(importer=package, imported=module)
            graph.add_import(importer=module, imported=package)
    changed = _module_name(file)
    _import(graph.modules - {changed} - graph.find_downstream_modules(changed))
    if changed in sys.modules:  # Imported in a way that the graph does not show.
        _forget_own()
    # No page of memory is copied only because the collector has looked at it.
    gc.collect()
    gc.freeze()


def _import(names: Iterable[str]) -> None:
    for name in sorted(names):
        try:
            importlib.import_module(name)
        except ImportError:  # A part that only its own package can import.
            continue


def _own() -> set[str]:
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return {name for name, file in files.items() if file and file.startswith(_OWN)}


def _forget_own() -> None:
    for name in _own():
        del sys.modules[name]


def _module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _fork(run: Callable[[], int], limit: float) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 3
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGALRM, _end)
        signal.alarm(int(limit) + 1)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
        code = run()
    except BaseException:
        traceback.print_exc()
    finally:
        # No handler of the parent runs here, and no buffer of it is written twice.
        os._exit(code)


def _end(*_: object) -> None:
    """End this run with every process that it started."""
    os.killpg(0, signal.SIGKILL)


def _judged(mutant: Mutant, number: int, tests: Sequence[str]) -> int:
    mutation = None if number == CONTROL else mutant.mutations[number]
    finder = _Finder(mutant.file, mutant.compiled(mutation))
    sys.meta_path.insert(0, finder)
    code = _pytest(tests, Path(os.devnull))
    # Tests that do not import the module cannot notice anything.
    return code if finder.used or number != CONTROL else _NOT_IMPORTED


def _loaded(tests: Sequence[str], modules: Path, output: Path) -> int:
    code = _pytest(tests, output)
    names = sys.modules.keys() - _own()
    modules.write_text("\n".join(names), "utf-8")
    return code


def _pytest(tests: Sequence[str], output: Path) -> int:
    import pytest

    with output.open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        # Only the plugin that the project's settings name; it sets no alarm of its own.
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout", "-o", "timeout=0"]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        options += ["-o", "tmp_path_retention_policy=none", "--no-header"]
        # Of the usual folders pytest removes all but the last three, also while they are in use.
        options += [f"--basetemp={tempfile.gettempdir()}/{os.getpid()}"]
        files = [str(ROOT / "tests" / test) for test in tests]
        return int(pytest.main([*options, f"--rootdir={ROOT}", *files]))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module of the package its mutated code."""

    def __init__(self, file: Path, code: CodeType) -> None:
        self._package = file.stem == "__init__"
        self._name = _module_name(file)
        self._file, self._code = file, code
        self.used = False

    def find_spec(
        self, name: str, path: Any, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        places = [str(self._file.parent)] if self._package else None
        return importlib.util.spec_from_file_location(
            name, self._file, loader=self, submodule_search_locations=places
        )

    def exec_module(self, module: ModuleType) -> None:
        self.used = True
        exec(self._code, module.__dict__)  # noqa: S102

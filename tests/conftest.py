"""What every test may use: the project's spec compiled once per run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from imsobs.compile import read_spec, render_model
from imsobs.model import Model

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what stays for the whole run: modules and tests.

    Measured on the invalid specs and the mutations: 26 instead of 44 CPU seconds.
    """
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as ``product`` what reads the product's spec: ``-m "not product"`` is the engine's.

    A test of the engine that fails after a legal edit of the spec is one to move to a small spec.
    """
    texts: dict[Path, bool] = {}
    for item in items:
        if item.path not in texts:
            texts[item.path] = "ims.yaml" in item.path.read_text("utf-8")
        if texts[item.path] or {"model", "rendered"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker("product")


class _Files(LoadFileScheduling):
    """Gives each process whole files, and one of them all that look at the one running stack."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the running stack" if file in self._looking else file

    @cached_property
    def _looking(self) -> set[str]:
        files = (ROOT / "tests" / "native").glob("test_*.py")
        looking = (file for file in files if "stack: Live" in file.read_text("utf-8"))
        return {file.relative_to(ROOT).as_posix() for file in looking}


# The mutation tester runs tests without plugins.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return _Files(config, log) if config.getvalue("dist") == "loadfile" else None


_PRODUCT = ROOT / "spec" / "ims.yaml"
# The test that runs now, where it may not read the product's spec.
_of_the_engine: list[str] = []
_strayed: list[str] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if (
        event == "open"
        and _of_the_engine
        and str(arguments[0]).endswith("ims.yaml")
        and Path(str(arguments[0])).resolve() == _PRODUCT
    ):
        _strayed.append(_of_the_engine[0])


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def engine_or_product(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that reads the product's spec without saying so, under ``-m "not product"``.

    What is not marked ``product`` must pass whatever is edited in spec/ims.yaml.
    """
    asked = "not product" in request.config.getoption("markexpr")
    if not asked or request.node.get_closest_marker("product"):
        yield
        return
    _of_the_engine[:] = [request.node.nodeid]
    yield
    _of_the_engine.clear()
    strayed, _strayed[:] = [*_strayed], []
    assert not strayed, (
        "reads spec/ims.yaml: use tests/small_specs.py, or name the file in the test"
    )


@pytest.fixture(scope="session")
def model() -> Model:
    """The project's own spec, resolved."""
    compiled = read_spec([ROOT / "spec" / "ims.yaml"])
    assert compiled.model is not None, "\n".join(compiled.lines())
    return compiled.model


@pytest.fixture(scope="session")
def rendered(model: Model) -> dict[str, bytes]:
    """Every file that the project's own spec renders, by path."""
    return render_model(model)

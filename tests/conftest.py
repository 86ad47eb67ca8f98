"""What every test may use: the project's spec compiled once per run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imsobs.compile import read_spec, render_model
from imsobs.model import Model

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what stays for the whole run: modules and tests.

    Measured on the invalid specs and the mutations: 26 instead of 44 CPU seconds.
    """
    gc.collect()
    gc.freeze()


# Before pytest-xdist reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what goes together, and as ``product`` what reads the product's spec.

    ``-m "not product"`` is the engine's.

    A test of the engine that fails after a legal edit of the spec is one to move to a small spec.
    """
    texts: dict[Path, bool] = {}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
        if item.path not in texts:
            texts[item.path] = "ims.yaml" in item.path.read_text("utf-8")
        if texts[item.path] or {"model", "rendered"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker("product")


def _group(item: pytest.Item) -> str:
    """Return with what a test shares a process under ``--dist loadgroup``.

    With its file, for the fixtures of that, or with all that look at the one running stack.
    """
    looks = item.path.parent.name == "native" and "stack" in getattr(item, "fixturenames", ())
    return "stack" if looks else item.path.stem


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

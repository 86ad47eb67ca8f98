"""What every test may use: the project's spec compiled once per run."""

from __future__ import annotations

import gc
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

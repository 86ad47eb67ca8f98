"""What every unit test has."""

from __future__ import annotations

import pytest

from imsobs import shipped


@pytest.fixture(autouse=True)
def shipped_components(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what the program ships, should a test ship something else (native_fakes)."""
    monkeypatch.setattr(shipped, "FILE", shipped.FILE)

"""One Collector for the whole suite; each case is a service of its own."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from golden.cases import CASES
from golden.collector import ROOT, Collector
from golden.health import HealthServer

from imsobs.runtime.build.binaries import resolve_binary
from tests.dialects.recording import plans

# The probe asks one service, the first of the list.
PROBED = "case-probe"
# Services of tests that are no cases, and the one that the spec's alerts speak of.
OTHERS = ["ims-core", "redaction", "redaction-count", "redaction-kept", "redaction-sql"]
OTHERS += ["redaction-prompts", "redaction-corpus"]
OTHERS += [f"dialect-{name}" for name in plans()]
# For the case of effective dates.
TWO_PRICES = [
    {"from": datetime.date(2025, 9, 1), "input": 0.5, "output": 5.0},
    {"from": datetime.date(2025, 6, 17), "input": 1.0, "output": 10.0},
]
# For the case of modalities.
HEARS_AND_SEES = [
    {
        "from": datetime.date(2025, 1, 1),
        "input": 0.30,
        "output": 2.50,
        "cached_read": 0.03,
        "image_input": 0.30,
        "audio_input": 1.00,
        "audio_cached_read": 0.10,
    }
]
# A price that has a tier no longer.
TIER_GIVEN_UP = [
    {
        "from": datetime.date(2025, 1, 1),
        "input": 1.0,
        "output": 1.0,
        "tiers": {"priority": {"input": 2.0, "output": 2.0}},
    },
    {"from": datetime.date(2025, 6, 1), "input": 3.0, "output": 3.0},
]


def cases_overlay() -> dict[str, Any]:
    """Return what the cases need of the spec: every case's name is an allowed service."""
    return {
        "service": {"names": [PROBED, *OTHERS, *(case.service for case in CASES)]},
        "collector": {"probe_interval": "2s", "max_series": 10_000_000},
        "price_sources": {"mistral": {"source": "made up"}},
        "prices": {
            "google": {"gemini-2.5-flash": TWO_PRICES, "gemini-3.8-flash": HEARS_AND_SEES},
            "mistral": {"mistral-medium": TIER_GIVEN_UP},
        },
        "sampling": {"decision_wait": "1s", "slow": "0s", "rate": 1.0},
    }


@pytest.fixture(scope="session")
def otelcol() -> Path:
    """The Collector's binary."""
    return resolve_binary("otelcol", ROOT)


@pytest.fixture(scope="session")
def health() -> Iterator[HealthServer]:
    """The service's health routes."""
    with HealthServer() as server:
        yield server


@pytest.fixture(scope="session")
def collector(
    otelcol: Path, health: HealthServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collector]:
    """The Collector of the cases."""
    running = Collector(
        otelcol,
        tmp_path_factory.mktemp("cases"),
        cases_overlay(),
        {"IMSOBS_SERVICE_URL": health.url},
    ).start()
    yield running
    running.close()


@pytest.fixture
def start_collector(
    otelcol: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Collector]]:
    """Start further Collectors: ``start_collector(overlay, env)``; all end with the test."""
    started: list[Collector] = []

    def start(
        overlay: dict[str, Any] | None = None, env: dict[str, str] | None = None
    ) -> Collector:
        folder = tmp_path_factory.mktemp("collector")
        started.append(Collector(otelcol, folder, overlay or {}, env or {}))
        return started[-1].start()

    yield start
    for running in started:
        running.close()

"""Many send at once while the Collector is killed, restarted, or at its memory limit."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import promtool
import pytest
from alertmanager import ROOT
from faults.backend import Backend
from faults.conftest import Make, See
from golden import series
from golden.collector import Collector

from bench import crowd, rounds

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

SENDERS = 8
# What is answered is counted soon after; a scrape under way when it came may not have it yet.
_SOON_SECONDS = 1.0


@dataclass
class Scraper:
    """What a Prometheus that scrapes often would know: totals, and when it asked for them."""

    collector: Collector
    known: float = 0.0
    asked: float = 0.0
    _end: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(0.2):
            asked = time.monotonic()
            try:
                self.known, self.asked = counted(self.collector), asked
            except httpx.HTTPError:
                continue

    def stop(self) -> None:
        """Scrape no more."""
        self._end.set()
        self._thread.join(timeout=30)


def counted(collector: Collector) -> float:
    """Return the spans and records that have been counted."""
    url = f"http://127.0.0.1:{collector.ports['metrics']}/metrics"
    rows = series.parse(httpx.get(url, timeout=10.0, trust_env=False).text)
    names = ("ims_requests_total", "ims_model_calls_total", "ims_log_records_total")
    return sum(sum(rows.get(name, {}).values()) for name in names)


def _while_sending(
    collector: Collector,
    requests: dict[str, Any],
    number: int,
    pause: float,
    do: Callable[[], None],
) -> crowd.Outcome:
    """Return the outcome of a crowd of senders, in whose middle something is done."""
    found: list[crowd.Outcome] = []
    port = collector.ports["otlp_http"]
    senders = threading.Thread(
        target=lambda: found.append(crowd.drive(port, requests, SENDERS, number, pause))
    )
    senders.start()
    do()
    senders.join(timeout=120)
    assert found, "the senders hang"
    return found[0]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_end_under_many_senders_costs_what_no_scrape_saw(
    make_collector: Make, backend: Backend, see: See, how: signal.Signals
) -> None:
    collector = make_collector(backend.environment()).start()
    scraper = Scraper(collector)
    ended = 0.0

    def end_and_start() -> None:
        nonlocal ended
        time.sleep(3)
        scraper.stop()
        ended = time.monotonic()
        collector.stop(how)
        collector.start()

    sent = _while_sending(collector, rounds.requests(), 60, 0.1, end_and_start)
    wanted = sent.rounds * (rounds.SPANS + rounds.RECORDS)
    deadline = time.monotonic() + 10
    while (after := counted(collector)) + scraper.known < wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    # A request is either spans or records, as many of each.
    unseen = sum(scraper.asked - _SOON_SECONDS < at for at in sent.answered if at <= ended)
    # Those that were being answered when it ended.
    last = sum(ended < at < ended + _SOON_SECONDS for at in sent.answered)
    lost = wanted - after - scraper.known
    assert lost <= (unseen + last) * rounds.SPANS, (lost, unseen, last)
    # What was cut off may have been counted, and was sent again.
    assert -lost <= sent.cut * rounds.SPANS, (lost, sent.cut)
    see(
        f"{how.name}: of {wanted} spans and records {lost:+.0f} lost, all from the last"
        f" {ended - scraper.asked:.1f} s before the end; {sent.cut} requests were cut off"
    )
    assert after > 0


# The least that the spec takes, and where memory_limiter begins to refuse then.
LIMIT_MIB, REFUSES_MIB = 128, 96


def test_the_memory_limit_under_many_senders_loses_and_doubles_nothing(
    make_collector: Make, see: See, tmp_path: Path
) -> None:
    # Traces wait for their decision, as many as the plan has room for; but their spans are
    # larger than it takes them to be, so that memory fills, and is given back when they are
    # decided on.
    env = {"GOMEMLIMIT": f"{REFUSES_MIB}MiB", "IMSOBS_JAEGER_ENDPOINT": "127.0.0.1:1"}
    waiting = {"rate": 0.0, "slow": "3s", "decision_wait": "4s"}
    overlay = {"collector": {"memory_limit_mib": LIMIT_MIB}, "sampling": waiting}
    collector = make_collector(env, overlay).start()
    requests = rounds.requests(padding=60_000)
    sent = crowd.drive(collector.ports["otlp_http"], requests, SENDERS, 25, 0.02)
    assert sent.refused > SENDERS, "the limit was not reached"
    assert sent.cut == 0
    # By OTLP one of the answers after which a sender tries again.
    assert {status for _, status in sent.refusals} == {503}
    wanted = sent.rounds * (rounds.SPANS + rounds.RECORDS)
    deadline = time.monotonic() + 10
    while (found := counted(collector)) < wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found == wanted
    _every_refusal_is_told(collector, sent, tmp_path)
    see(f"{sent.refused} requests refused and sent again, {wanted} spans and records counted once")


def _every_refusal_is_told(collector: Collector, sent: crowd.Outcome, folder: Path) -> None:
    """What was refused is what the Collector says, and an alert fires on it."""
    told = series.parse(collector.scrape_text("telemetry"))
    for kind, items, each in (
        ("traces", "spans", rounds.SPANS),
        ("logs", "log_records", rounds.RECORDS),
    ):
        name = f"otelcol_receiver_refused_{items}_total"
        ((labels, value),) = told[name].items()
        assert value == each * sum(n for (what, _), n in sent.refusals.items() if what == kind)
        written = ",".join(f'{key}="{text}"' for key, text in labels)
        query = 'count by (alertname, signal) (ALERTS{alertname!="Watchdog", alertstate="firing"})'
        fires = {f'{{alertname="TelemetryRefused", signal="{kind}"}}': 1} if value else {}
        # From one scrape to the next, after an hour of silence.
        promtool.check(
            folder,
            {f"{name}{{{written}}}": f"0x240 {value:.0f}x60"},
            [promtool.asked(query, "70m", fires)],
            [ROOT / "alerts" / "rules" / "alerting.yaml"],
        )

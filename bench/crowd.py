"""Many senders at once: the same requests from each, and whether every series adds up.

What a round of requests counts is read from a Collector that got it once, alone; whatever the
number of senders, the series must be as many times that as rounds were sent.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from bench.replay import Payload

_SETTLE_SECONDS = 30.0

Series = dict[str, float]


@dataclass
class Outcome:
    """What the senders were answered.

    answered: when each request was answered with 200 (monotonic seconds), whatever its signal;
    refusals: (signal, status) -> other answers; cut: requests of which nobody knows whether they
    arrived, because the connection broke. What was refused or cut is sent again until it is
    answered.
    """

    rounds: int = 0
    refusals: Counter[tuple[str, int]] = field(default_factory=Counter)
    cut: int = 0
    answered: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def refused(self) -> int:
        """How many answers were other than 200."""
        return self.refusals.total()


def drive(
    port: int, requests: dict[str, Payload], senders: int, rounds: int, pause: float = 0.0
) -> Outcome:
    """Let ``senders`` send ``rounds`` rounds of the requests each, until all are answered.

    requests: of each signal one. pause: mean seconds from one round to the next (a fifth more
    or less, so that each sender meets every other); 0 for flat out.
    """
    outcome, lock = Outcome(senders * rounds), threading.Lock()
    ready = threading.Barrier(senders + 1)

    def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        mine = {
            signal: Payload(bytearray(p.body), p.items, p.ids) for signal, p in requests.items()
        }
        sender = _Sender(port, Outcome())
        ready.wait()
        time.sleep(chance.uniform(0, pause))
        for _ in range(rounds):
            begun = time.monotonic()
            for signal, request in mine.items():
                request.renew()
                sender.deliver(signal, bytes(request.body))
            rest = chance.uniform(0.8, 1.2) * pause - (time.monotonic() - begun)
            time.sleep(max(0.0, rest))
        sender.close()
        with lock:
            outcome.refusals += sender.outcome.refusals
            outcome.cut += sender.outcome.cut
            outcome.answered += sender.outcome.answered

    threads = [threading.Thread(target=work, args=(number,)) for number in range(senders)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.monotonic()
    for thread in threads:
        thread.join()
    outcome.seconds = time.monotonic() - began
    return outcome


@dataclass
class _Sender:
    """One connection, on which a request is sent until it is answered with 200."""

    port: int
    outcome: Outcome
    client: http.client.HTTPConnection | None = None

    def deliver(self, signal: str, body: bytes) -> None:
        while True:
            try:
                status = self._post(signal, body)
            except ConnectionRefusedError:
                self.close()  # Nobody was there: it cannot have arrived.
            except (OSError, http.client.HTTPException):
                self.close()
                self.outcome.cut += 1
            else:
                if status == 200:
                    self.outcome.answered.append(time.monotonic())
                    return
                self.outcome.refusals[signal, status] += 1
            time.sleep(0.05)

    def close(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None

    def _post(self, signal: str, body: bytes) -> int:
        if self.client is None:
            self.client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"content-type": "application/x-protobuf"}
        self.client.request("POST", f"/v1/{signal}", body, headers)
        answer = self.client.getresponse()
        answer.read()
        return answer.status


def totals(port: int, service: str = "ims-core") -> Series:
    """Return a service's counters and histograms at a scrape endpoint: series -> value.

    Its name is left out of the series, so that services can be compared.
    """
    own = f'service_name="{service}"'
    with httpx.Client(trust_env=False, timeout=60) as client:
        lines = client.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
    found: Series = {}
    kind = ""
    for line in lines:
        if line.startswith("# TYPE "):
            kind = line.split()[3]
        elif line and not line.startswith("#") and kind != "gauge":
            series, _, value = line.split(" # ")[0].rpartition(" ")
            if own in series:
                found[series.replace(own, "")] = float(value)
    return found


def settled(port: int, wanted: Series, service: str = "ims-core") -> Series:
    """Return the totals once they are as wanted, or no longer change."""
    deadline, last = time.monotonic() + _SETTLE_SECONDS, totals(port, service)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = totals(port, service)
        if now == last or not differing(wanted, now):
            return now
        last = now
    return last


def differing(wanted: Series, found: Series) -> list[str]:
    """Return a line per series that is missing, surplus or of another value."""
    return [
        f"{series}: {found.get(series, 0.0):g}, not {wanted.get(series, 0.0):g}"
        for series in sorted(wanted.keys() | found.keys())
        # Costs are sums of decimal fractions.
        if abs(found.get(series, 0.0) - wanted.get(series, 0.0))
        > 1e-9 * abs(wanted.get(series, 0.0))
    ]


def times(series: Series, rounds: int) -> Series:
    """Return what so many rounds must have counted."""
    return {name: value * rounds for name, value in series.items()}

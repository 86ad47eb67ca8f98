"""Answers of Prometheus to a panel's queries."""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from imsobs.errors import ExitCode, ImsobsError
from imsobs.preview.interpolate import PanelQuery
from imsobs.runtime.loopback import json_of, loopback_client
from imsobs.terminal import printable

TIMEOUT_SECONDS = 30
TRACE_ID = re.compile(r"[0-9a-f]{32}")
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Series:
    """One series of an answer: its name in the legend, its labels, and (time, value) points.

    Times are Unix seconds; values that are not numbers (NaN, infinities) are left out.
    """

    name: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """Return the newest value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class Exemplar:
    """One observation with its trace. time: Unix seconds. trace: 32 hex digits."""

    time: float
    value: float
    trace: str


class Prometheus:
    """The query API below a base URL, such as http://127.0.0.1:9090."""

    def __init__(self, base: str) -> None:
        if not base.startswith(("http://", "https://")):
            raise ImsobsError(f'"{base}" is not an http(s) address', exit_code=ExitCode.INPUT)
        self.base = base.rstrip("/")

    def ask(self, query: PanelQuery, end: float) -> list[Series]:
        """Return the series that answer a panel's query, asked at ``end`` (Unix seconds)."""
        if query.instant:
            return self.instant(query.expr, end, query.legend)
        return self.range(query.expr, end - query.seconds, end, query.step, query.legend)

    def instant(self, expr: str, at: float, legend: str = "") -> list[Series]:
        """Return the series of an instant query, one point each."""
        data = self._get("query", {"query": expr, "time": f"{at:.3f}"})
        if data["resultType"] == "scalar":
            data = {"result": [{"metric": {}, "value": data["result"]}]}
        return _series(((r["metric"], [r["value"]]) for r in data["result"]), legend)

    def range(
        self, expr: str, start: float, end: float, step: float, legend: str = ""
    ) -> list[Series]:
        """Return the series of a range query; the start is a multiple of the step."""
        first = math.floor(start / step) * step
        arguments = {
            "query": expr,
            "start": f"{first:.3f}",
            "end": f"{end:.3f}",
            "step": f"{step:g}",
        }
        data = self._get("query_range", arguments)
        return _series(((r["metric"], r["values"]) for r in data["result"]), legend)

    def exemplars(self, expr: str, start: float, end: float) -> list[Exemplar]:
        """Return the exemplars that Prometheus holds of an expression's series, oldest first."""
        arguments = {"query": expr, "start": f"{start:.3f}", "end": f"{end:.3f}"}
        found = [
            Exemplar(float(one["timestamp"]), float(one["value"]), str(one["labels"]["trace_id"]))
            for series in self._get("query_exemplars", arguments)
            for one in series["exemplars"]
            if TRACE_ID.fullmatch(str(one["labels"].get("trace_id", "")))
        ]
        return sorted((one for one in found if math.isfinite(one.value)), key=lambda one: one.time)

    def label_values(self, label: str, selector: str, start: float, end: float) -> list[str]:
        """Return the values that a label has in the series of a selector, sorted."""
        arguments = {"match[]": selector, "start": f"{start:.3f}", "end": f"{end:.3f}"}
        what = f"label/{urllib.parse.quote(label, safe='')}/values"
        found = self._read("GET", what, f"{selector} {label}", params=arguments)
        return sorted(map(str, found))

    def _get(self, what: str, arguments: dict[str, str]) -> Any:
        return self._read("POST", what, arguments["query"], data=arguments)

    def _read(self, method: str, what: str, asked: str, **more: Any) -> Any:
        try:
            with loopback_client(TIMEOUT_SECONDS) as client:
                answer = client.request(method, f"{self.base}/api/v1/{what}", **more)
                if answer.is_success:
                    return json_of(answer)["data"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ImsobsError(
                f"Prometheus does not answer at {self.base}: {error}",
                remedy="start the stack with `imsobs up`, or give the right --prometheus",
            ) from error
        raise ImsobsError(f"Prometheus refuses {asked}: {answer.text[:2000]}")


def _series(rows: Any, legend: str) -> list[Series]:
    found = []
    for given, values in rows:
        labels = {name: printable(text) for name, text in given.items()}
        points = tuple((float(at), float(value)) for at, value in values)
        finite = tuple((at, value) for at, value in points if math.isfinite(value))
        if finite:
            found.append(Series(series_name(legend, labels), labels, finite))
    return found


def series_name(legend: str, labels: Mapping[str, str]) -> str:
    """Return a series' name: the legend with labels filled in, else the labels themselves."""
    if legend:
        return _LABEL.sub(lambda match: labels.get(match.group(1), ""), legend)
    inner = ", ".join(f'{k}="{v}"' for k, v in labels.items() if k != "__name__")
    return f"{labels.get('__name__', '')}{{{inner}}}" if inner else labels.get("__name__", "value")

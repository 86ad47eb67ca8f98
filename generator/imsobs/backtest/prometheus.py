"""What a Prometheus holds: bounded questions to its HTTP API."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import httpx

from imsobs.backtest.states import Evaluations, Labels, Sample
from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime.loopback import TooLongError, json_of, loopback_client
from imsobs.terminal import printable

_SECONDS = 120.0
_LOWEST = "prometheus_tsdb_lowest_timestamp_seconds"
# What a smaller question may still be answered to.
_TOO_MUCH = re.compile(r"too many samples|timed out|timeout|exceeded maximum resolution|deadline")


class TooMuchError(Exception):
    """A question is too large for the Prometheus that is asked."""


class QueryError(Exception):
    """Prometheus refuses a question; the text says why."""


class RefusedError(QueryError):
    """A question fails at some of the evaluations, by the samples that are there."""


class Prometheus:
    """The query API below a base URL, such as http://127.0.0.1:9090."""

    def __init__(self, base: str, *, client: httpx.Client | None = None) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ImsobsError(
                f'"{printable(base)}" is not an http(s) address', exit_code=ExitCode.INPUT
            )
        self._base = base.rstrip("/")
        # A password in the address is for the server, not for the screen.
        self.name = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self._client = client or loopback_client(_SECONDS, patience=_SECONDS)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def oldest(self) -> float | None:
        """Return the time of the oldest sample (Unix seconds); None when it is not to be learnt."""
        found = re.search(rf"^{_LOWEST} (\S+)$", self._text("/metrics"), re.MULTILINE)
        if found is not None:
            return _number(found[1])
        answer = self._sure("query", {"query": f"min({_LOWEST})"})["result"]
        return _number(answer[0]["value"][1]) if answer else None

    def has(self, name: str, first: float, last: float) -> bool:
        """Return whether there is any series of a name between two times."""
        matcher = f'{{__name__="{name}"}}'
        given = {"match[]": matcher, "start": f"{first:.3f}", "end": f"{last:.3f}", "limit": "1"}
        return bool(self._sure("series", given))

    def range(self, expression: str, when: Evaluations) -> list[tuple[Labels, list[Sample]]]:
        """Return what an expression gives at each evaluation, by labels without the name.

        Raises TooMuchError, RefusedError for what fails at some of them, QueryError.
        """
        given = {
            "query": expression,
            "start": str(when.first),
            "end": str(when.last),
            "step": str(when.step),
            "timeout": f"{_SECONDS:g}s",
        }
        return [
            (
                tuple(sorted((k, v) for k, v in series["metric"].items() if k != "__name__")),
                [(round(float(at)), float(value)) for at, value in series.get("values", [])],
            )
            for series in self._ask("query_range", given)["result"]
        ]

    def _sure(self, what: str, given: dict[str, str]) -> Any:
        """Return the answer to a question that can only be refused as a whole."""
        try:
            return self._ask(what, given)
        except (QueryError, TooMuchError) as error:
            raise ImsobsError(f"Prometheus at {self.name} refuses {what}: {error}") from None

    def _ask(self, what: str, given: dict[str, str]) -> Any:
        try:
            answer = self._client.post(f"{self._base}/api/v1/{what}", data=given)
            data = json_of(answer)
            if answer.is_success and data["status"] == "success":
                return data["data"]
            reason, kind = printable(str(data["error"])), data.get("errorType")
        except (httpx.ReadTimeout, TooLongError) as error:
            raise TooMuchError(f"Prometheus does not answer in time: {error}") from None
        except httpx.HTTPError as error:
            raise self._silent(str(error)) from None
        except (ValueError, KeyError, TypeError):
            raise self._silent(f"status {answer.status_code}, and no answer of its API") from None
        if _TOO_MUCH.search(reason):
            raise TooMuchError(reason)
        raise (RefusedError if kind == "execution" else QueryError)(reason)

    def _text(self, path: str) -> str:
        try:
            answer = self._client.get(f"{self._base}{path}")
        except httpx.HTTPError as error:
            raise self._silent(str(error)) from None
        return answer.text if answer.is_success else ""

    def _silent(self, why: str) -> ImsobsError:
        return ImsobsError(
            f"Prometheus does not answer at {self.name}: {printable(why)}",
            remedy="start the stack with `imsobs up`, or give the right --prometheus",
        )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    # That of an empty database is the largest number there is.
    return value if value > 0 else None

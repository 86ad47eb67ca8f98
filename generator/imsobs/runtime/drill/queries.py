"""The queries of a runbook, run while its alert fires: a woken person needs what they give."""

from __future__ import annotations

from collections.abc import Mapping

import httpx


def answered(
    client: httpx.Client, prometheus: str, queries: Mapping[str, str]
) -> dict[str, int | None]:
    """Return title -> number of series that each query gives now, None when it fails.

    prometheus: its base URL. NaN is no answer: a quotient of nothing by nothing.
    """
    return {title: _series(client, prometheus, query) for title, query in queries.items()}


def _series(client: httpx.Client, prometheus: str, query: str) -> int | None:
    try:
        answer = client.get(f"{prometheus}/api/v1/query", params={"query": query}).json()
        found = answer["data"]["result"]
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    if answer["data"]["resultType"] == "scalar":
        return 1
    return sum(1 for sample in found if sample["value"][1] != "NaN")


def silent(queries: Mapping[str, int | None]) -> list[str]:
    """Return the titles of the queries that gave nothing."""
    return [title for title, count in queries.items() if not count]

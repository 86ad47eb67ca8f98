"""Grafana: dashboards, folder and data sources, by its HTTP API.

It is asked as the admin whose password is in the project's secrets, and only reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from imsobs import artifacts, yamlio
from imsobs.problems import KeyPath, listed
from imsobs.runtime.drift.compare import Difference, differences, shown, unfit
from imsobs.runtime.loopback import json_of
from imsobs.runtime.secrets import password

NAME = "grafana"
_STACK: KeyPath = ("stack", NAME)
_DATASOURCES = f"{artifacts.GRAFANA_PROVISIONING}/datasources/datasources.yaml"
_PROVIDER = f"{artifacts.GRAFANA_PROVISIONING}/dashboards/dashboards.yaml"
# What Grafana gives a dashboard by itself.
_OWN = frozenset({"id", "version", "schemaVersion", "panels"})
# Of a data source, what the file decides; `editable` is asked the other way round.
_SOURCE_KEYS = ("name", "type", "access", "url", "isDefault", "jsonData")
_MOST = 5000
_VARIABLE = re.compile(r"\$\$|\$\{?([A-Z][A-Z0-9_]*)\}?")


class _Refused(Exception):
    """An answer that is none; its text says what came."""


def drift(
    client: httpx.Client, base: str, root: Path, environment: Mapping[str, str], version: str
) -> Iterator[Difference]:
    """Yield what Grafana at ``base`` shows otherwise than the files in ``root`` say.

    environment: of Grafana's process, which its files refer to.
    """
    base = base.rstrip("/")
    admin = password(root)
    if admin is None:
        yield Difference(NAME, "API", "a password of the admin", "", _STACK)
        return

    def ask(path: str, **params: str) -> Any:
        try:
            answer = client.get(f"{base}{path}", params=params, auth=("admin", admin))
            if answer.status_code == 404:
                return None
            answer.raise_for_status()
            return json_of(answer)
        except httpx.HTTPStatusError as error:
            raise _Refused(f"{error.response.status_code} at {path}") from None
        except (httpx.HTTPError, ValueError):
            raise _Refused("none") from None

    try:
        told = str((ask("/api/health") or {}).get("version", ""))
        if told and unfit(version, told):
            yield Difference(NAME, "version", version, told, _STACK)
        yield from _dashboards(ask, root)
        yield from _data_sources(ask("/api/datasources") or [], root, environment)
    except _Refused as refused:
        yield Difference(NAME, "API", "an answer", str(refused), _STACK)


def _dashboards(ask: Any, root: Path) -> Iterator[Difference]:
    provider = yamlio.parse((root / _PROVIDER).read_text(encoding="utf-8"))["providers"][0]
    folder = provider["folder"]
    rendered = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((root / artifacts.DASHBOARDS).glob("*.json"))
    }
    for uid, dashboard in rendered.items():
        path: KeyPath = ("dashboards", uid)
        found = ask(f"/api/dashboards/uid/{uid}")
        if found is None:
            yield Difference(NAME, f"dashboard {uid}", "one", "", path)
            continue
        meta = found.get("meta", {})
        if meta.get("folderTitle") != folder:
            title = shown(meta.get("folderTitle")) or "none"
            yield Difference(NAME, f"folder of {uid}", folder, title, path)
        if not meta.get("provisioned", True):
            yield Difference(NAME, f"dashboard {uid}", "the file's", "one saved by hand", path)
        yield from _changed(uid, dashboard, found.get("dashboard", {}))
    for row in ask("/api/search", type="dash-db", limit=str(_MOST)) or []:
        if row.get("folderTitle") == folder and row.get("uid") not in rendered:
            what = f"dashboard {shown(row.get('uid'))}"
            yield Difference(NAME, what, "", f"{shown(row.get('title'))} in {folder}", _STACK)


def _changed(
    uid: str, rendered: Mapping[str, Any], running: Mapping[str, Any]
) -> Iterator[Difference]:
    path: KeyPath = ("dashboards", uid)
    one, other = (
        {key: value for key, value in board.items() if key not in _OWN}
        for board in (rendered, running)
    )
    if keys := [".".join(map(str, key)) for key, _, _ in differences(one, other)]:
        yield Difference(NAME, f"dashboard {uid}: {listed(keys)}", "other values", "", path)
    wanted, found = (_panels(board.get("panels", [])) for board in (rendered, running))
    for identity, panel in wanted.items():
        title = shown(panel.get("title"))
        if identity not in found:
            yield Difference(NAME, f'panel "{title}" of {uid}', "one", "", path)
        elif keys := [str(key[0]) for key, _, _ in differences(panel, found[identity])]:
            what = listed(dict.fromkeys(keys))
            yield Difference(NAME, f'panel "{title}" of {uid}: {what}', "", "changed", path)
    for identity, panel in found.items():
        if identity not in wanted:
            title = shown(panel.get("title"))
            yield Difference(NAME, f'panel "{title}" of {uid}', "", "one", path)


def _panels(panels: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Return panels by id, those inside of rows included."""
    found = {}
    for panel in panels:
        found[panel.get("id")] = {key: value for key, value in panel.items() if key != "panels"}
        found |= _panels(panel.get("panels") or [])
    return found


def _data_sources(
    running: list[dict[str, Any]], root: Path, environment: Mapping[str, str]
) -> Iterator[Difference]:
    rendered = yamlio.parse((root / _DATASOURCES).read_text(encoding="utf-8"))["datasources"]
    there = {source.get("uid"): source for source in running}
    for source in rendered:
        uid = source["uid"]
        if uid not in there:
            yield Difference(NAME, f"data source {uid}", "one", "", _STACK)
            continue
        wanted = {key: _expanded(source[key], environment) for key in _SOURCE_KEYS if key in source}
        for path, value, found in differences(wanted, there[uid]):
            # Keys besides, such as those of the database, are Grafana's own.
            if path[0] in wanted:
                subject = f"data source {uid}: {'.'.join(map(str, path))}"
                yield Difference(NAME, subject, shown(value), shown(found), _STACK)
        if not there[uid].get("readOnly", True):
            yield Difference(NAME, f"data source {uid}", "read only", "one to be edited", _STACK)
    for uid, source in there.items():
        if uid not in {entry["uid"] for entry in rendered}:
            what = f"data source {shown(uid)}"
            yield Difference(NAME, what, "", shown(source.get("name")), _STACK)


def _expanded(value: Any, environment: Mapping[str, str]) -> Any:
    """Return a value as Grafana reads it: variables filled in, ``$$`` a dollar."""
    match value:
        case str():
            return _VARIABLE.sub(
                lambda found: environment.get(found[1], "") if found[1] else "$", value
            )
        case dict():
            return {key: _expanded(inner, environment) for key, inner in value.items()}
        case list():
            return [_expanded(inner, environment) for inner in value]
    return value

"""Grafana's drift, told by a stand-in that answers as Grafana's documented HTTP API does."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from small_specs import PARTS, rendered

from imsobs.runtime.drift import grafana
from imsobs.runtime.secrets import PASSWORD_FILE

VERSION = "12.4.10"
URLS = {
    f"IMSOBS_{name.upper()}_URL": f"http://127.0.0.1/{name}"
    for name in ("prometheus", "loki", "jaeger", "alertmanager")
}


class Grafana:
    """What the API answers; a test changes it by hand."""

    def __init__(self, root: Path) -> None:
        self.version = VERSION
        self.boards = {
            file.stem: {
                "meta": {"folderTitle": "SHOP", "provisioned": True, "version": 3},
                "dashboard": {
                    **json.loads(file.read_text()),
                    "id": 7,
                    "version": 3,
                },
            }
            for file in (root / "dashboards").glob("*.json")
        }
        self.sources = [
            {
                "id": number,
                "orgId": 1,
                "uid": name,
                "name": name.capitalize(),
                "type": name,
                "typeLogoUrl": "public/x.svg",
                "access": "proxy",
                "url": URLS[f"IMSOBS_{name.upper()}_URL"],
                "user": "",
                "database": "",
                "basicAuth": False,
                "isDefault": name == "prometheus",
                "jsonData": {},
                "readOnly": True,
            }
            for number, name in enumerate(("prometheus", "loki", "jaeger", "alertmanager"))
        ]
        self.codes: dict[str, int] = {}
        self.password = "secret"

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        assert request.method == "GET"
        told = base64.b64encode(f"admin:{self.password}".encode()).decode()
        if path != "/api/health" and request.headers["Authorization"] != f"Basic {told}":
            return httpx.Response(401, json={"message": "Invalid username or password"})
        if path in self.codes:
            return httpx.Response(self.codes[path])
        match path.split("/")[2:]:
            case ["health"]:
                return httpx.Response(200, json={"database": "ok", "version": self.version})
            case ["dashboards", "uid", uid]:
                found = self.boards.get(uid)
                missing = {"message": "Dashboard not found"}
                return httpx.Response(200 if found else 404, json=found or missing)
            case ["search"]:
                rows = [
                    {
                        "uid": uid,
                        "title": board["dashboard"]["title"],
                        "type": "dash-db",
                        "folderTitle": board["meta"]["folderTitle"],
                    }
                    for uid, board in self.boards.items()
                ]
                return httpx.Response(200, json=rows)
            case ["datasources"]:
                return httpx.Response(200, json=self.sources)
        raise AssertionError(path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    rendered(root, PARTS["an objective and a band"])
    (root / PASSWORD_FILE).parent.mkdir()
    (root / PASSWORD_FILE).write_text("secret")
    return root


@pytest.fixture
def shown(project: Path) -> Grafana:
    found = Grafana(project)
    file = project / "stack/grafana/provisioning/datasources/datasources.yaml"
    text = file.read_text()
    for source, given in zip(found.sources, yaml.safe_load(text)["datasources"], strict=True):
        source["jsonData"] = json.loads(json.dumps(given["jsonData"]).replace("$$", "$"))
    return found


def _told(project: Path, shown: Grafana) -> list[tuple[str, str, str]]:
    client = httpx.Client(transport=httpx.MockTransport(shown.answer))
    found = grafana.drift(client, "http://127.0.0.1:3000/", project, URLS, VERSION)
    return [(one.subject, one.rendered, one.running) for one in found]


def test_what_is_provisioned_is_no_drift(project: Path, shown: Grafana) -> None:
    assert _told(project, shown) == []


def _panel(shown: Grafana) -> dict[str, Any]:
    panels = shown.boards["pages"]["dashboard"]["panels"]
    panel: dict[str, Any] = next(p for p in panels if p.get("title") == "Pages")
    return panel


def _query(shown: Grafana) -> None:
    _panel(shown)["targets"][0]["expr"] = "vector(1)"


def _added(shown: Grafana) -> None:
    panels = shown.boards["pages"]["dashboard"]["panels"]
    panels.append({**copy.deepcopy(_panel(shown)), "id": 999999, "title": "Mine"})


def _removed(shown: Grafana) -> None:
    shown.boards["pages"]["dashboard"]["panels"].remove(_panel(shown))


def _title(shown: Grafana) -> None:
    shown.boards["pages"]["dashboard"]["title"] = "Sites"


def _besides(shown: Grafana) -> None:
    board = copy.deepcopy(shown.boards["pages"])
    board["dashboard"]["title"] = "Mine"
    shown.boards["mine"] = board


def _elsewhere(shown: Grafana) -> None:
    _besides(shown)
    shown.boards["mine"]["meta"]["folderTitle"] = "Other"


def _moved(shown: Grafana) -> None:
    shown.boards["pages"]["meta"]["folderTitle"] = "General"


def _by_hand(shown: Grafana) -> None:
    shown.boards["pages"]["meta"]["provisioned"] = False


def _source_url(shown: Grafana) -> None:
    shown.sources[0]["url"] = "http://elsewhere:9090"


def _source_json(shown: Grafana) -> None:
    shown.sources[0]["jsonData"]["timeInterval"] = "60s"


def _source_gone(shown: Grafana) -> None:
    del shown.sources[1]


def _source_added(shown: Grafana) -> None:
    shown.sources.append({**shown.sources[0], "uid": "mine", "name": "Mine", "readOnly": False})


def _source_editable(shown: Grafana) -> None:
    shown.sources[0]["readOnly"] = False


def _older(shown: Grafana) -> None:
    shown.version = "11.0.0"


def _another_password(shown: Grafana) -> None:
    shown.password = "changed"


def _ill(shown: Grafana) -> None:
    shown.codes["/api/datasources"] = 500


@pytest.mark.parametrize(
    ("by_hand", "said"),
    [
        (_query, [('panel "Pages" of pages: targets', "", "changed")]),
        (_added, [('panel "Mine" of pages', "", "one")]),
        (_removed, [('panel "Pages" of pages', "one", "")]),
        (_title, [("dashboard pages: title", "other values", "")]),
        (_besides, [("dashboard mine", "", "Mine in SHOP")]),
        (_elsewhere, []),
        (_moved, [("folder of pages", "SHOP", "General")]),
        (_by_hand, [("dashboard pages", "the file's", "one saved by hand")]),
        (
            _source_url,
            [
                (
                    "data source prometheus: url",
                    "http://127.0.0.1/prometheus",
                    "http://elsewhere:9090",
                )
            ],
        ),
        (_source_json, [("data source prometheus: jsonData.timeInterval", "15s", "60s")]),
        (_source_gone, [("data source loki", "one", "")]),
        (_source_added, [("data source mine", "", "Mine")]),
        (_source_editable, [("data source prometheus", "read only", "one to be edited")]),
        (_older, [("version", VERSION, "11.0.0")]),
        (_another_password, [("API", "an answer", "401 at /api/dashboards/uid/pages")]),
        (_ill, [("API", "an answer", "500 at /api/datasources")]),
    ],
)
def test_what_somebody_changed_is_named(
    project: Path,
    shown: Grafana,
    by_hand: Callable[[Grafana], None],
    said: list[tuple[str, str, str]],
) -> None:
    by_hand(shown)
    assert _told(project, shown) == said


def test_a_dashboard_that_is_gone(project: Path, shown: Grafana) -> None:
    del shown.boards["pages"]
    assert _told(project, shown) == [("dashboard pages", "one", "")]


def test_without_the_password_nothing_is_asked(
    project: Path, shown: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grafana, "password", lambda _: None)
    assert _told(project, shown) == [("API", "a password of the admin", "")]

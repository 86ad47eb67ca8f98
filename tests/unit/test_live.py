"""Live pages: what they answer, what they refuse, and that foreign text stays text."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_prometheus import HOSTILE, SPEC, TRACE, Prometheus, fake_prometheus
from promql_parser import parse
from small_specs import model_of
from starlette.testclient import TestClient

from imsobs.compile import dashboards
from imsobs.errors import ImsobsError
from imsobs.live.cache import Cache
from imsobs.live.serve import listening
from imsobs.live.site import site
from imsobs.live.sources import Sources


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    with fake_prometheus() as url:
        yield url


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return dashboards(model_of(tmp_path_factory.mktemp("spec"), SPEC))


@pytest.fixture
def client(boards: list[dict[str, Any]], prometheus: str, tmp_path: Path) -> Iterator[TestClient]:
    runbooks = tmp_path / "docs/runbooks"
    runbooks.mkdir(parents=True)
    (runbooks / "down.md").write_text(f"# Down\n\n{HOSTILE}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    (tmp_path / "docs/secret.md").write_text("secret")
    sources = Sources(prometheus, "http://127.0.0.1:16686", None, tmp_path)
    application = site(boards, {"Down": "down"}, sources, 15)
    with TestClient(application, base_url="http://127.0.0.1:3030") as found:
        yield found


def _panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_every_panel_of_every_dashboard_is_served(
    client: TestClient, boards: list[dict[str, Any]]
) -> None:
    for board in boards:
        page = client.get(f"/d/{board['uid']}")
        assert page.status_code == 200
        for panel in _panels(board):
            assert f'data-panel="{panel["id"]}"' in page.text
            inside = client.get(
                f"/d/{board['uid']}/panels/{panel['id']}", params={"width": 500, "height": 200}
            )
            assert inside.status_code == 200, inside.text
            assert "<svg" in inside.text


def test_hostile_text_stays_text(client: TestClient, boards: list[dict[str, Any]]) -> None:
    pages = ["/alerts", "/runbooks/down", f"/d/{boards[0]['uid']}?var-service={HOSTILE}"]
    for panel in _panels(boards[0]):
        pages.append(f"/d/{boards[0]['uid']}/panels/{panel['id']}?width=900&height=300")
    shown = [client.get(page).text for page in pages]
    assert not any("<img" in text for text in shown)
    # Four characters of it suffice to see that it was shown at all, however it was cut.
    assert all("&lt;img" in text for text in shown[:3])
    assert any("&lt;img" in text for text in shown[3:])


def test_a_value_cannot_leave_its_place_in_the_query(
    client: TestClient, boards: list[dict[str, Any]]
) -> None:
    Prometheus.asked.clear()
    panel = _panels(boards[0])[0]["id"]
    client.get(
        f"/d/{boards[0]['uid']}/panels/{panel}",
        params={
            "width": 500,
            "height": 200,
            "var-service": '"} or vector(1) or up{a="',
            "query": "up",
        },
    )
    assert Prometheus.asked
    for query in Prometheus.asked:
        parse(query)
        assert "vector(1) or up" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", query)


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", "10.0.0.1"])
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/alerts", headers={"host": host}).status_code == 400


def test_nothing_can_be_written_and_no_page_may_frame_or_script_these(client: TestClient) -> None:
    for path in ("/", "/alerts", "/records"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert client.request(method, path).status_code == 405
    policy = client.get("/alerts").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "access-control-allow-origin" not in client.get("/alerts").headers


@pytest.mark.parametrize(
    "path",
    ["/d/none", "/d/none/panels/1?width=9&height=9", "/runbooks/none", "/runbooks/..%2Fsecret",
     "/static/../site.py", "/static/%2e%2e/layout.html"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_exemplars_lead_to_their_traces(client: TestClient, boards: list[dict[str, Any]]) -> None:
    found = [
        client.get(f"/d/{board['uid']}/panels/{panel['id']}?width=900&height=300").text
        for board in boards
        for panel in _panels(board)
        if any(target.get("exemplar") for target in panel["targets"])
    ]
    assert found
    assert all(f'href="http://127.0.0.1:16686/trace/{TRACE}"' in text for text in found)


def test_a_range_starts_where_something_was_recorded(
    client: TestClient, boards: list[dict[str, Any]]
) -> None:
    Prometheus.asked.clear()
    panel = next(panel for panel in _panels(boards[0]) if panel["type"] == "timeseries")
    client.get(
        f"/d/{boards[0]['uid']}/panels/{panel['id']}",
        params={"width": 500, "height": 200, "range": 86400},
    )
    assert "[1m]" in Prometheus.asked[-1]


def test_an_ill_source_is_told_in_the_panel(
    client: TestClient, boards: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Prometheus, "refuses", True)
    panel = _panels(boards[0])[0]["id"]
    answer = client.get(f"/d/{boards[0]['uid']}/panels/{panel}?width=501&height=200&range=300")
    assert answer.status_code == 502
    assert answer.text.startswith("Prometheus refuses")
    assert client.get(f"/d/{boards[0]['uid']}").status_code == 200
    assert client.get("/records").status_code == 200


def test_wrong_sizes_are_refused(client: TestClient, boards: list[dict[str, Any]]) -> None:
    panel = _panels(boards[0])[0]["id"]
    for size in ("width=x&height=1", "width=100", "width=1e9&height=1", "width=-5&height=5"):
        assert client.get(f"/d/{boards[0]['uid']}/panels/{panel}?{size}").status_code == 400


def test_what_many_ask_for_is_made_once() -> None:
    cache, made = Cache(60), []

    def make() -> str:
        time.sleep(0.05)
        made.append(1)
        return "answer"

    threads = [threading.Thread(target=cache.get, args=("key", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert cache.get("other", make) == "answer"
    assert len(made) == 2
    assert Cache(0).get("key", make) == "answer"


def test_a_taken_port_is_one_clear_line() -> None:
    with listening(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ImsobsError, match=f"port {port} .*in use"), listening(port):
            pass

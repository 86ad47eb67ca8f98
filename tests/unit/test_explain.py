"""imsobs explain: a check, a metric from signal to panel, an alert to the person told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import mistakes
import pytest
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.errors import ImsobsError

RUN = CliRunner()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    (root / "spec").mkdir()
    shutil.copy(mistakes.SPEC, root / "spec/shop.yaml")
    done = RUN.invoke(app, ["render", "--root", str(root)])
    assert done.exit_code == 0, done.output
    return root


def _explained(root: Path, name: str) -> dict[str, Any]:
    done = RUN.invoke(app, ["explain", name, "--root", str(root), "--format", "json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _texts(rows: list[dict[str, Any]]) -> list[str]:
    return [row["text"] for row in rows]


def _line(root: Path, row: dict[str, Any]) -> str:
    file = Path(row["file"])
    path = file if file.exists() else root / file
    return path.read_text().splitlines()[row["line"] - 1]


def test_a_metric_from_its_signal_to_who_reads_it(shop: Path) -> None:
    found = _explained(shop, "shop_requests_total")
    assert found["kind"] == "metric"
    assert _line(shop, found).strip() == "shop_requests_total:"
    source, where = found["source"]
    assert source["text"] == "span http_request: A request that the service answered."
    assert _line(shop, source).strip() == "http_request:"
    assert where["text"] == 'where span.attributes["http.request.method"] != nil'
    assert _line(shop, where).strip().startswith("where: ")
    labels = dict(text.split(": ", 1) for text in _texts(found["labels"]))
    routes = "/orders, /orders/{id}, /health, /health/detailed, unknown, other"
    assert labels == {
        "route": f"{routes}, from http.route",
        "status_class": "2xx, 4xx, 5xx, unknown, other, from http.response.status_code",
    }
    used = _texts(found["used_by"])
    assert used[:2] == [
        "rule service:shop_requests:rate5m",
        "rule service:shop_requests_failed:ratio_rate5m",
    ]
    assert 'runbook of ManyFailures, "By route"' in used
    assert 'panel "Request rate" of shop' in used
    assert 'panel "Failures" of shop' in used
    # Latency reads another metric; the alert reads this one by way of a rule.
    assert not [text for text in used if "Latency" in text]
    assert "alert ManyFailures, by service:shop_requests:rate5m" in used
    assert len(used) == len({text.split(", by ")[0] for text in used})


def test_what_a_condition_and_buckets_choose(shop: Path) -> None:
    found = _explained(shop, "shop_request_duration_seconds_bucket")
    assert found["name"] == "shop_request_duration_seconds"
    assert "buckets: 0.05, 0.1, 0.5, 1, 5" in _texts(found["conditions"])
    assert _texts(found["series"])[:3] == [
        f"shop_request_duration_seconds_{end}" for end in ("bucket", "count", "sum")
    ]
    assert "over processes: max" in _texts(_explained(shop, "shop_queue_depth")["conditions"])


@pytest.mark.parametrize("name", ["shop_orders_total", "ManyFailures"])
def test_every_rendered_line_that_names_it_is_told(shop: Path, name: str) -> None:
    rows = _explained(shop, name)["rendered"]
    told = {(row["file"], row["line"]) for row in rows}
    listed = (shop / "generated.txt").read_text().splitlines()[1:]
    there = {
        (file, number)
        for file in listed
        if file != "generated.txt"
        for number, line in enumerate((shop / file).read_text().splitlines(), start=1)
        if name in line
    }
    assert told == there
    assert any(file.startswith(("collector/", "alerts/rules/")) for file, _ in told)


def test_an_alert_to_the_person_who_is_told(shop: Path) -> None:
    found = _explained(shop, "OrdersWait")
    expr, threshold = found["condition"]
    assert expr["text"].startswith("max by (service_name,")
    assert threshold["text"] == "threshold: > 100"
    assert _line(shop, threshold).strip() == "threshold: 100"
    assert _texts(found["reads"]) == ["metric shop_queue_depth"]
    assert found["timing"][0]["text"] == "must hold for 10m, evaluated every 30s"
    assert _texts(found["told"]) == [
        "team warehouse: Ships the orders.",
        "route warehouse",
        "receiver web: Slack #web",
        "not at times of nights: Nobody is woken for what can wait.",
    ]
    (held,) = found["held_back_by"]
    assert held["text"].startswith("critical-over-lesser: while severity critical fires, of equal ")
    assert "test alerts/tests/orders-wait.yaml" in _texts(found["proof"])
    assert "runbook docs/runbooks/orders-wait.md" in _texts(found["proof"])


def test_a_guard_and_the_rules_below_an_alert(shop: Path) -> None:
    found = _explained(shop, "ManyFailures")
    _, threshold, guard = found["condition"]
    assert threshold["text"] == "threshold: > 5%"
    assert guard["text"] == "and service:shop_requests:rate5m > 0.1"
    reads = _texts(found["reads"])
    assert reads[0].startswith("rule service:shop_requests:rate5m = sum by (")
    assert reads.count("metric shop_requests_total") == 1
    told = _texts(found["told"])
    assert told[1:] == ["route critical", "receiver on-call: PagerDuty"]


def test_an_alert_that_only_one_environment_tells(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    text = mistakes.SPEC.read_text().replace(
        "  routes:\n",
        "  routes:\n    staging: {match: {deployment_environment_name: staging}, receiver: web}\n",
    )
    (tmp_path / "spec/shop.yaml").write_text(text)
    told = _texts(_explained(tmp_path, "ManyFailures")["told"])
    assert told[1:] == [
        "route staging in staging",
        "receiver web: Slack #web",
        "route critical in production",
        "receiver on-call: PagerDuty",
    ]


def test_an_alert_that_is_off_tells_nobody(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    text = mistakes.SPEC.read_text().replace(
        "  OrdersWait:\n", "  OrdersWait:\n    enabled: false\n"
    )
    (tmp_path / "spec/shop.yaml").write_text(text)
    assert _texts(_explained(tmp_path, "OrdersWait")["told"]) == ["nobody: the alert is off"]


def test_a_recorded_series(shop: Path) -> None:
    found = _explained(shop, "service:shop_requests:rate5m")
    assert found["kind"] == "rule"
    assert _texts(found["reads"]) == ["metric shop_requests_total"]
    assert "alert ManyFailures" in _texts(found["used_by"])


def test_a_check_needs_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = RUN.invoke(app, ["explain", "alert/missing-for"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("alert/missing-for  docs/checks/alerts.md\n\nAn alert says how")
    # Its own section, not the next.
    assert "dropped-label" not in done.stdout


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("alert/mising-for", "alert/missing-for"),
        ("shop_request_total", "shop_requests_total"),
        ("ManyFailure", "ManyFailures"),
    ],
)
def test_near_names_of_what_is_unknown(shop: Path, name: str, meant: str) -> None:
    done = RUN.invoke(app, ["explain", name, "--root", str(shop)])
    assert isinstance(done.exception, ImsobsError)
    assert done.exception.exit_code == 2
    assert f'did you mean "{meant}"?' in done.exception.remedy


def test_text_names_a_place_behind_each_line(shop: Path) -> None:
    done = RUN.invoke(app, ["explain", "OrdersWait", "--root", str(shop)])
    lines = done.stdout.splitlines()
    assert lines[0].startswith("alert OrdersWait  ")
    assert "told" in lines
    (row,) = [line for line in lines if line.startswith("  receiver web: Slack #web")]
    file, number = row.rsplit("  ", 1)[1].rsplit(":", 1)
    assert "web: {slack" in Path(file).read_text().splitlines()[int(number) - 1]

"""Names of the outside world: what the spec's names are held against, and where all is used."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from small_specs import compiled, model_of

from imsobs import outside
from imsobs.compile import read_spec
from imsobs.outputs.network import COMPOSE
from imsobs.outputs.prometheus.server import scrape_targets
from imsobs.shipped import shipped

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec/ims.yaml"


def sources(part: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((outside.FOLDER / f"{part}.json").read_text())["sources"]
    return found


def test_the_series_are_those_of_the_versions_that_run() -> None:
    assert sources("series") == {
        name: shipped().versions()[name] for name in outside.components()
    }, "make registry"


def test_the_names_are_those_of_the_locked_packages() -> None:
    for package, told in sources("instruments").items():
        assert told == version(package), "make registry"
    assert sources("attributes")["names"].split() == [
        "opentelemetry-semantic-conventions",
        version("opentelemetry-semantic-conventions"),
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("http.route", "string"),
        ("http.status_code", "int"),
        ("gen_ai.response.finish_reasons", "string[]"),
        ("gen_ai.request.temperature", "double"),
        # By a template, of the conventions and of a dialect.
        ("http.request.header.accept", "string[]"),
        ("llm.input_messages.3.message.role", "string"),
        # Only that a dialect's package really sends it.
        ("llm.token_count.prompt", "int"),
        ("http.rout", None),
        ("http", None),
    ],
)
def test_the_type_of_an_attribute(name: str, kind: str | None) -> None:
    assert outside.typed(name, outside.attributes()) == kind


def test_a_histogram_of_a_component_is_one_name() -> None:
    found = outside.series("prometheus", "prometheus_http_request_duration_seconds")
    assert found is not None
    assert (found.type, found.labels) == ("histogram", ["handler"])


def test_a_series_that_appears_after_a_fault_is_known() -> None:
    found = outside.series("otelcol", "otelcol_exporter_send_failed_spans_total")
    assert found is not None
    assert found.type == "counter"


def problems(tmp_path: Path, overlay: str) -> list[str]:
    file = tmp_path / "overlay.yaml"
    file.write_text(overlay)
    return [line.rpartition("[")[2].rstrip("]") for line in read_spec([SPEC, file]).lines()]


@pytest.mark.parametrize(
    "overlay",
    [
        "attributes: {shop.tenant: string}\n"
        "labels: {tenant: {description: Who., attributes: [shop.tenant], values: [a, b]}}\n",
        "attributes: {shop.*: int}\n"
        "metrics: {ims_input_tokens_total: {value: {attributes: [shop.tokens.in]}}}\n",
        # The type of a known one is told otherwise by its own sender.
        "attributes: {gen_ai.response.finish_reasons: string}\n"
        "labels: {finish: {description: Why., attributes: [gen_ai.response.finish_reasons],"
        " values: [stop]}}\n",
        "attributes: {shop.secret: string}\nredaction: {drop: ['^shop\\.sec']}\n",
        "metrics: {ims_in_flight_requests: {sdk: shop.open, labels: {method: shop.verb},"
        " allow: {metric/unknown-instrument: our meter}}}\n",
        "sources: {cache_command: {scopes: [shop.checkout, opentelemetry.instrumentation.kafka,"
        " 'opentelemetry.instrumentation.sql*']}}\n",
        "metrics: {prometheus_tsdb_new: {type: gauge, stack: prometheus, description: New.,"
        " allow: {metric/unknown-series: of the next version}}}\n",
    ],
)
def test_what_is_declared_is_known(tmp_path: Path, overlay: str) -> None:
    assert problems(tmp_path, overlay) == []


@pytest.mark.parametrize(
    ("overlay", "check"),
    [
        ("sources: {cache_command: {status: [http.response.status]}}", "attribute/unknown"),
        ("sources: {cache_command: {set: {db.system.nmae: redis}}}", "attribute/unknown"),
        ("sources: {cache_command: {cancelled_where: 'span.attributes[\"x.y\"] == 1'}}",
         "attribute/unknown"),
        ("records: {unhandled_exception: {where: 'log.attributes[\"exception.typ\"] != nil'}}",
         "attribute/unknown"),
        ("sources: {cache_command: {where: 'resource.attributes[\"http.route\"] != nil'}}",
         "attribute/place"),
        ("labels: {route: {paths: [url.pth]}}", "attribute/unknown"),
        ("sources: {database_query: {same: [db.system.nme]}}", "attribute/unknown"),
        ("redaction: {keep: ['^gen_ai\\.usag\\.']}", "redaction/matches-nothing"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_sets_is_told_everywhere(
    tmp_path: Path, overlay: str, check: str
) -> None:
    assert problems(tmp_path, overlay) == [check]


SENT = "promtail_sent_entries_total: {type: counter, stack: promtail, description: Sent., %s}"
NULL = "stack: {promtail: null}"
OURS = "allow: {metric/not-scraped: ours does}"


@pytest.mark.parametrize(
    ("entry", "stack", "found"),
    [
        (SENT % OURS, "stack: {promtail: {}}", []),
        (SENT % "", "stack: {promtail: {}}", ["metric/not-scraped"]),
        (SENT % "", NULL, ["stack/left-out"]),
        # One fault, one line.
        (SENT.replace("total:", "totl:") % "", "stack: {promtail: {}}", ["metric/unknown-series"]),
        ("grafana_any: {type: gauge, stack: grafana, description: A.}", "stack: {}", []),
    ],
)
def test_series_of_what_is_not_scraped_or_not_known(
    entry: str, stack: str, found: list[str], tmp_path: Path
) -> None:
    lines = compiled(tmp_path, f"metrics:\n  {entry}", stack).lines()
    assert [line.rpartition("[")[2].rstrip("]") for line in lines] == found


def test_what_is_told_not_to_be_scraped_is_not(tmp_path: Path) -> None:
    model = model_of(tmp_path, "stack: {promtail: {}}")
    asked = scrape_targets(model, COMPOSE)
    assert {*outside.components(), *outside.NOT_READ} - asked.keys() == {*outside.NOT_SCRAPED}

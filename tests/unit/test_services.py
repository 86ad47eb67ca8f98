"""Several services in one spec: what each says of itself, in the sections that read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_api
import pytest
from kubernetes_specs import objects
from small_specs import PARTS, compiled, model_of, smallest

from imsobs import yamlio
from imsobs.changes import compare
from imsobs.changes.touched import touched
from imsobs.compile import Compiled, read_spec, render_model
from imsobs.explain.alert import explained
from imsobs.model import Model
from imsobs.model.receivers import inhibitors, receivers_of
from imsobs.model.reporters import reporters
from imsobs.outputs.collector.probe import asked
from imsobs.outputs.docs.last_step import told_within
from imsobs.outputs.docs.runbooks import holders
from imsobs.runtime.drill.case import new_case

SHOP = """
version: 1
use: [pipeline]
service: {namespace: shop, environments: [production]}
services:
  jobs-worker: {use: [queue], owner: data}
  orders-api: {use: [http], url: "http://127.0.0.1:8000", routes: [/orders], owner: web}
  search-api: {use: [http], url: "http://127.0.0.1:8001", health: /live, routes: [/search, /orders]}
alerting:
  teams: {web: {description: W, escalation: W}, data: {description: D, escalation: D}}
labels: {queue: {values: [mail]}}
"""
NO_STORES = "{stack: {loki: null, jaeger: null}, kubernetes: {}}"
ON_A_SERVICE = "LabelOverflow"


def shop(folder: Path, *texts: str) -> Model:
    return model_of(folder, *texts, base=SHOP)


def rendered(model: Model, path: str) -> Any:
    return yamlio.parse(render_model(model)[path].decode())


def test_names_address_and_routes_are_those_of_the_services(tmp_path: Path) -> None:
    model = shop(tmp_path)
    # The one that is asked for its health comes first.
    assert model.spec.service.names == ["orders-api", "jobs-worker", "search-api"]
    assert model.spec.service.url == "http://127.0.0.1:8000"
    assert model.spec.service.health == "/health"
    route = model.labels["route"]
    assert list(route.matches) == ["/orders", "/search", "/health", "/live"]
    assert model.metrics["shop_requests_total"].apart == {"route": ("/health", "/live")}


def test_what_is_written_wins(tmp_path: Path) -> None:
    model = shop(
        tmp_path,
        'service: {url: "http://127.0.0.1:9", names: [jobs-worker, orders-api, search-api]}',
        "labels: {route: {values: [/other]}}",
    )
    assert model.spec.service.url == "http://127.0.0.1:9"
    assert model.spec.service.names[0] == "jobs-worker"
    assert "/orders" not in model.labels["route"].matches


def test_a_metric_of_a_pack_is_expected_from_those_that_use_it(tmp_path: Path) -> None:
    spec = shop(tmp_path).spec
    assert reporters(spec, "shop_queue_depth") == {"jobs-worker": ("jobs-worker",)}
    assert list(reporters(spec, "shop_requests_total")) == ["orders-api", "search-api"]
    assert list(reporters(spec, "shop_label_overflow_total")) == list(spec.services)
    assert reporters(spec, "shop_queue_depth", "orders-api") == {}
    assert spec.metrics["up"].services == []


def test_a_pack_that_every_service_uses_is_everybodys(tmp_path: Path) -> None:
    one_more = "services: {jobs-worker: {use: [http, queue]}}"
    spec = shop(tmp_path, one_more).spec
    assert spec.metrics["shop_requests_total"].services == []
    assert list(reporters(spec, "shop_requests_total")) == list(spec.services)


def test_the_spec_says_itself_from_whom_a_metric_is_expected(tmp_path: Path) -> None:
    spec = shop(tmp_path, "metrics: {shop_requests_total: {services: [search-api]}}").spec
    assert list(reporters(spec, "shop_requests_total")) == ["search-api"]


def test_without_services_names_are_spellings_of_one(tmp_path: Path) -> None:
    names = "service: {names: [orders-api, orders-canary]}"
    spec = model_of(tmp_path, PARTS["spans"], names).spec
    both = {"orders-api or orders-canary": ("orders-api", "orders-canary")}
    assert reporters(spec, "shop_requests_total") == both
    of_one = "metrics: {shop_requests_total: {services: [orders-canary]}}"
    spec = model_of(tmp_path, PARTS["spans"], names, of_one).spec
    assert list(reporters(spec, "shop_requests_total")) == ["orders-canary"]


def test_each_service_with_an_address_is_probed(tmp_path: Path) -> None:
    model = shop(tmp_path)
    assert [(one.service, one.receiver, one.url.name, one.paths) for one in asked(model)] == [
        ("orders-api", "http_check", "IMSOBS_SERVICE_URL", {"service": "/health"}),
        ("search-api", "http_check/search-api", "IMSOBS_SERVICE_URL_SEARCH_API",
         {"service": "/live"}),
    ]  # fmt: skip
    sections = rendered(model, "collector/config.yaml")
    receivers = ["http_check", "http_check/search-api"]
    assert sections["service"]["pipelines"]["metrics/probe"]["receivers"] == receivers
    address = "${env:IMSOBS_SERVICE_URL_SEARCH_API:-http://127.0.0.1:8001}/live"
    assert sections["receivers"]["http_check/search-api"]["targets"][0]["endpoint"] == address
    (*_, points) = sections["processors"]["transform/probe"]["metric_statements"]
    own = 'set(resource.attributes["service.name"], "search-api") where'
    assert [s for s in points["statements"] if "resource." in s] == [
        f'{own} datapoint.attributes["http.url"] == "{address}"'
    ]
    native = rendered(model, "stack/native.yaml")["processes"]["otelcol"]["reads"]
    assert "IMSOBS_SERVICE_URL_SEARCH_API" in native
    compose = rendered(model, "stack/compose.yaml")["services"]["otelcol"]["environment"]
    assert compose["IMSOBS_SERVICE_URL_SEARCH_API"] == (
        "${IMSOBS_SERVICE_URL_SEARCH_API:-http://host.docker.internal:8001}"
    )


def test_a_health_route_of_null_is_not_asked(tmp_path: Path) -> None:
    model = shop(tmp_path, "services: {search-api: {health: null}}")
    assert [one.service for one in asked(model)] == ["orders-api"]
    model = shop(tmp_path, "services: {orders-api: {health: null}}")
    assert [one.service for one in asked(model)] == ["search-api"]
    assert model.spec.service.url == "http://127.0.0.1:8001"


def test_alerts_on_a_service_go_to_its_owner(tmp_path: Path) -> None:
    model = shop(tmp_path)
    alerting = rendered(model, "stack/prometheus.yaml")["alerting"]
    assert alerting["alert_relabel_configs"] == [
        {"source_labels": ["service_name"], "regex": name, "target_label": "team",
         "replacement": owner}
        for name, owner in (("jobs-worker", "data"), ("orders-api", "web"))
    ]  # fmt: skip
    routes = """
routing: {receiver: rest, routes: {web: {match: {team: web}, receiver: web},
  data: {match: {team: data}, receiver: data}}}
receivers: {rest: {}, web: {}, data: {}}
"""
    routed = shop(tmp_path, routes)
    for service, told in (("orders-api", "web"), ("jobs-worker", "data"), ("search-api", "data")):
        labels = {"team": "data", "service_name": service}
        assert receivers_of(routed.alerts["TargetDown"], labels, routed) == [told]
    # What names no team is the first owner's.
    assert model.alerts["TargetDown"].team == "data"


def test_alerts_go_to_the_owner_in_kubernetes_as_on_one_machine(tmp_path: Path) -> None:
    model = shop(tmp_path, NO_STORES)
    (prometheus,) = [one for one in objects(render_model(model)) if one["kind"] == "Prometheus"]
    assert kubernetes_api.faults(prometheus) == []
    (told,) = prometheus["spec"]["alerting"]["alertmanagers"]
    alone = rendered(model, "stack/prometheus.yaml")["alerting"]["alert_relabel_configs"]
    assert len(alone) == 2
    assert told["alertRelabelings"] == [
        {"sourceLabels": one["source_labels"], "regex": one["regex"],
         "targetLabel": one["target_label"], "replacement": one["replacement"]}
        for one in alone
    ]  # fmt: skip
    nobodys = smallest(tmp_path, NO_STORES)
    (prometheus,) = [one for one in objects(render_model(nobodys)) if one["kind"] == "Prometheus"]
    assert "alertRelabelings" not in prometheus["spec"]["alerting"]["alertmanagers"][0]


ROUTED = """
service: {environments: [staging, production]}
receivers: {rest: {}, web: {}, data: {}}
mutes: {nights: {description: Nights., location: UTC, times: [{from: "20:00", to: "24:00"}]}}
# A team that alerts have by themselves, too.
alerting: {groups: {meta: {team: web}}}
inhibitions:
  of-web:
    source: {alertname: LabelOverflow}
    target: {team: web, severity: warning}
    equal: [service_name, deployment_environment_name]
routing:
  receiver: rest
  group_wait: 10s
  routes:
    web: {match: {team: web}, receiver: web, group_wait: 2m, mute: [nights]}
    data: {match: {team: data, deployment_environment_name: production}, receiver: data}
"""


def _told(compiled: Compiled, alert: str) -> list[str]:
    assert compiled.model is not None, compiled.lines()
    found = explained(compiled.model.alerts[alert], compiled.model, compiled.document)
    return [row.text for row in found.sections["told"]]


def test_explain_says_whom_the_owner_of_each_service_is(tmp_path: Path) -> None:
    made = compiled(tmp_path, ROUTED, base=SHOP)
    assert _told(made, ON_A_SERVICE) == [
        "team web of orders-api: W",
        "team data of jobs-worker, search-api: D",
        "route web of orders-api",
        "receiver web: kept in Alertmanager's page",
        "not at times of nights: Nights.",
        "the default route of jobs-worker, search-api in staging",
        "receiver rest: kept in Alertmanager's page",
        "route data of jobs-worker, search-api in production",
        "receiver data: kept in Alertmanager's page",
    ]
    # One that is of no service is of its team alone.
    assert _told(made, "TargetDown")[0] == "team data: D"


def test_a_change_of_owner_is_a_change_of_who_is_told(tmp_path: Path) -> None:
    before = shop(tmp_path, ROUTED)
    after = shop(tmp_path, ROUTED, "services: {orders-api: {owner: data}}")
    said = {change.text for change in compare(before, after)}
    assert f"alert {ON_A_SERVICE}: web no longer notified" in said
    (muted,) = [text for text in said if text.startswith("web is notified at all times")]
    assert "CriticalErrorRate" in muted, "one on a service"
    pairs = touched(before, after)
    assert (ON_A_SERVICE, ON_A_SERVICE) in pairs
    assert ("TargetDown", "TargetDown") not in pairs


def test_what_holds_back_and_how_long_it_takes_are_the_owners(tmp_path: Path) -> None:
    model = shop(tmp_path, ROUTED)
    alert, stack = model.alerts["InvalidEvents"], model.alerts["TargetDown"]
    assert alert.team == "data"
    assert "of-web" in holders(alert.name, model)
    assert ON_A_SERVICE in inhibitors(alert, model)
    assert ON_A_SERVICE not in inhibitors(stack, model)
    soon = shop(tmp_path, ROUTED, "routing: {routes: {web: {group_wait: 10s}}}")
    sooner = told_within(soon.alerts[alert.name], soon)
    assert told_within(alert, model) == sooner + 110
    assert told_within(stack, model) == told_within(soon.alerts["TargetDown"], soon)


def test_an_objective_for_one_service_counts_that_one(tmp_path: Path) -> None:
    model = shop(tmp_path, "slos: {availability: {service: search-api}}")
    expr = model.recorded["slo:availability:events5m"]
    assert 'service_name="search-api"' in expr
    assert "service_name=" not in model.recorded["slo:latency:events5m"]
    alert = next(a for a in model.alerts.values() if a.labels.get("slo") == "availability")
    assert alert.test is not None
    assert alert.test.labels["service_name"] == "search-api"
    assert new_case(alert, model).service == "search-api"


def test_a_fault_of_a_pack_is_told_where_the_service_uses_it(tmp_path: Path) -> None:
    lines = compiled(tmp_path, "labels: {queue: {values: null}}", base=SHOP).lines()
    assert lines
    used = (tmp_path / "spec.yaml").read_text().splitlines().index("    - queue") + 1
    assert all(f"spec.yaml:{used}:" in line or "queue" in line for line in lines)


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ("services: {jobs-worker: {use: [queues]}}",
         'services.jobs-worker.use[0]: there is no pack "queues"; did you mean "queue"?'),
        ("services: {jobs-worker: {use: [queue, queue]}}",
         'services.jobs-worker.use[1]: "queue" is listed twice'),
        ("services: {jobs-worker: {urls: x}}", "services.jobs-worker.urls: unknown key"),
        ("services: {Jobs: {}}", "services.Jobs"),
        ("services: {jobs-worker: 3}", "services.jobs-worker"),
        ("services: 3", "services"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_service(tmp_path: Path, overlay: str, told: str) -> None:
    lines = compiled(tmp_path, overlay, base=SHOP).lines()
    assert any(told in line for line in lines), lines


def test_one_service_is_rendered_as_without_the_section(tmp_path: Path) -> None:
    written = render_model(smallest(tmp_path))
    file = tmp_path / "shop.yaml"
    file.write_text("""
version: 1
use: [http, pipeline, runtime]
service: {namespace: shop, environments: [production]}
services:
  orders-api: {url: "http://127.0.0.1:8000", routes: [/orders, "/orders/{order_id}"]}
""")
    model = read_spec([file]).model
    assert model is not None
    assert render_model(model) == written


def test_in_kubernetes_each_service_is_asked_at_its_own_name(tmp_path: Path) -> None:
    leave_out = "stack: {loki: null, jaeger: null}"
    model = shop(tmp_path, leave_out, "kubernetes: {}")
    pages = render_model(model)
    objects = b"".join(page for path, page in pages.items() if path.startswith("stack/kubernetes/"))
    for address in (b"http://orders-api.shop.svc:8000", b"http://search-api.shop.svc:8001"):
        assert b"value: " + address in objects


def test_an_owner_whom_no_route_tells_is_a_fault(tmp_path: Path) -> None:
    lines = compiled(
        tmp_path,
        """
receivers: {rest: {}, data: {webhook: {url: "http://127.0.0.1:9/"}}}
routing: {receiver: rest, routes: {data: {match: {team: data}, receiver: data}}}
""",
        base=SHOP,
    ).lines()
    assert lines
    assert all("of team web, so only the default receiver is told" in line for line in lines)

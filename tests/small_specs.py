"""Small specs: what a service may have, each alone, to be laid together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from imsobs import write
from imsobs.compile import Compiled, read_spec, render_model
from imsobs.model import Model

BASE = """
version: 1
service: {namespace: shop, names: [orders-api], environments: [production],
  url: "http://127.0.0.1:8000"}
labels: {}
sources: {}
events: {}
prices: {}
buckets: {}
metrics: {}
redaction: {keys: [password]}
sampling: {}
collector: {}
alerting:
  runbooks: http://127.0.0.1/runbooks
  dashboards: http://127.0.0.1:3000
  teams: {me: {description: Me, escalation: Me}}
budget: {monthly_usd: 1, series: 1000}
receivers: {nobody: {}}
routing: {receiver: nobody, group_by: [alertname, service_name, deployment_environment_name],
  routes: {}}
"""
# All that a service over HTTP must say.
SMALLEST = """
version: 1
use: [http, pipeline, runtime]
service: {namespace: shop, names: [orders-api], environments: [production],
  url: "http://127.0.0.1:8000"}
labels: {route: {values: [/orders, "/orders/{order_id}"]}}
"""
# What the smallest spec may leave out.
LEFT_OUT = {
    "nothing": "{}",
    "Jaeger": "stack: {jaeger: null}",
    "Loki": "stack: {loki: null}",
    "Grafana": "stack: {grafana: null}",
    "every store and probe": """
stack: {jaeger: null, loki: null, grafana: null, promtail: null, gateway: null}
service: {health: null}
budget: null
prices: null
""",
}
# What a service may have, each alone.
PARTS = {
    "nothing": "{}",
    "a log count": """
metrics: {shop_log_records_total: {description: Records., log: all}}
""",
    "spans": """
labels:
  route: {description: Route., attributes: [http.route], values: [/orders]}
sources:
  http_request: {description: A request., kind: server}
buckets: {request: [0.1, 1]}
metrics:
  shop_requests_total: {description: Requests., span: http_request, labels: [route]}
  shop_request_duration_seconds: {description: Time., span: http_request, buckets: request}
""",
    "events": """
events:
  order_placed:
    description: An order.
    fields: {items: {type: integer, description: Its items.}}
metrics:
  shop_orders_total: {description: Orders., event: order_placed}
  shop_items_total: {description: Items., event: order_placed, value: items}
""",
    "an event that nothing counts": """
events: {order_seen: {description: An order was seen.}}
""",
    "gauge of events": """
events:
  cart_state:
    description: Carts.
    fields: {carts: {type: integer, description: Open carts.}}
metrics:
  shop_carts: {description: Open carts., event: cart_state, value: carts, fold: sum}
""",
    "model calls": """
labels:
  vendor: {description: Vendor., attributes: [gen_ai.provider.name], values: [openai]}
  model: {description: Model., attributes: [gen_ai.request.model], values: [gpt-4o]}
sources:
  model_call: {description: A call of a model., dialects: [genai]}
metrics:
  shop_model_calls_total: {description: Calls., span: model_call, labels: [vendor, model]}
""",
    "model calls that are priced": """
labels:
  payer: {description: Vendor., attributes: [gen_ai.provider.name], values: [openai]}
  vendor: {description: Vendor., attributes: [gen_ai.provider.name], values: [openai]}
  model: {description: Model., attributes: [gen_ai.request.model], values: [gpt-4o]}
sources:
  priced_call: {description: A call of a model., dialects: [genai]}
prices:
  openai: {gpt-4o: [{from: 2024-10-01, source: "https://x.y/z", checked: 2026-01-01, input: 2,
    output: 10}]}
metrics:
  shop_spent_usd_total: {description: Cost., span: priced_call, value: cost, labels: [payer]}
""",
    "metrics of the SDK": """
metrics:
  shop_process_memory_bytes: {description: Memory., sdk: process.memory.usage, fold: sum}
""",
    "a health route": """
service: {health: /health}
labels: {component: {description: Component., values: [service]}}
metrics:
  shop_health_status: {description: 1 when healthy., probe: status, labels: [component]}
""",
    "the pack pipeline": """
use: [pipeline]
alerting: {groups: {pipeline: {team: me}, monitoring: {team: me}, meta: {team: me}}}
routing: {routes: {me: {match: {team: me}, receiver: nobody}}}
""",
    "an objective and a band": """
sources:
  page_view: {description: A page., kind: server}
metrics:
  shop_pages_total: {description: Pages., span: page_view, labels: [outcome]}
labels: {outcome: {description: How it ended., values: [success, error, cancelled]}}
rules:
  service:shop_pages:rate5m:
    description: Pages per second.
    expr: sum by (service_name, deployment_environment_name) (rate(shop_pages_total[5m]))
routing: {routes: {me: {match: {team: me}, receiver: nobody}}}
dashboards:
  pages:
    title: Pages
    description: Is it fine?
    rows: {Traffic: {Pages: {rate: shop_pages_total}}}
slos:
  pages:
    description: Pages that are answered.
    total: shop_pages_total
    bad: {outcome: error}
    objective: 0.99
    window: 30d
    team: me
    dashboard: pages
    runbook:
      meaning: Pages fail.
      impact: Users notice.
      queries: {Pages: "service:shop_pages:rate5m"}
      causes: [A bug.]
      mitigation: [Mend it.]
anomalies:
  pages:
    description: Traffic is unusual.
    of: service:shop_pages:rate5m
    alert: UnusualPages
    team: me
    dashboard: pages
    runbook:
      meaning: Traffic is unusual.
      impact: None yet.
      queries: {Pages: "service:shop_pages:rate5m"}
      causes: [A campaign.]
      mitigation: [Look who asks.]
""",
    "redaction": """
redaction: {values: {pin: '\\bpin \\d{4}\\b'}, statements: [], drop: ['^gen_ai\\.']}
""",
}


def compiled(folder: Path, *texts: str, base: str = BASE) -> Compiled:
    """Return what is made of a base and texts laid over it, put into a folder as one spec."""
    file = folder / "spec.yaml"
    file.write_text(yaml.safe_dump(merged(base, *texts), sort_keys=False))
    return read_spec([file])


def model_of(folder: Path, *texts: str, base: str = BASE) -> Model:
    """Return the model of a base with texts laid over it; AssertionError names its problems."""
    found = compiled(folder, *texts, base=base)
    assert found.model is not None, found.lines()
    return found.model


def rendered(folder: Path, *texts: str, base: str = BASE) -> Model:
    """Render a base with texts laid over it into a folder; return its model."""
    model = model_of(folder, *texts, base=base)
    write.apply(folder, write.changes(folder, render_model(model)))
    return model


def smallest(folder: Path, *texts: str) -> Model:
    """Return the model of the smallest spec with texts laid over it."""
    return model_of(folder, *texts, base=SMALLEST)


def rendered_alone(folder: Path, *texts: str) -> Model:
    """Render the smallest spec with texts laid over it into a folder; return its model."""
    return rendered(folder, *texts, base=SMALLEST)


def merged(*texts: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in texts:
        _lay(yaml.safe_load(text), found)
    return found


def _lay(over: dict[str, Any], under: dict[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _lay(value, under[key])
        else:
            under[key] = value

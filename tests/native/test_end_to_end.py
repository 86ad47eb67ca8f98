"""The main job: an uninstrumented service, seen in a running stack, number for number."""

from __future__ import annotations

import json
from collections import Counter

import httpx
import pytest
from native.conftest import Live, eventually

from gateway.traffic import Order

pytestmark = pytest.mark.native


def test_every_request_is_counted_once(stack: Live) -> None:
    sent: Counter[tuple[str, str, str]] = Counter()
    for (method, route, status), count in stack.report.requests.items():
        sent[method, route or "unmatched", f"{status // 100}xx"] += count

    def counted() -> bool:
        found = {
            (s["metric"]["method"], s["metric"]["route"], s["metric"]["status_class"]): float(
                s["value"][1]
            )
            for s in stack.query('ims_requests_total{route!~"/health.*"}')
        }
        assert found == dict(sent)
        return True

    eventually(counted)


def test_every_model_call_and_token_is_counted_once(stack: Live) -> None:
    calls: Counter[tuple[str, ...]] = Counter()
    tokens: Counter[tuple[str, ...]] = Counter()
    for key, count in stack.report.effects.items():
        if key[0] == "model_call":
            calls[key[1:]] += count
        elif key[0] == "tokens" and key[3] in ("input", "output"):
            tokens[key[1:]] += count

    def counted() -> bool:
        found = {
            tuple(s["metric"][k] for k in ("vendor", "model", "operation", "outcome")): float(
                s["value"][1]
            )
            for s in stack.query("ims_model_calls_total")
        }
        assert found == dict(calls)
        for kind in ("input", "output"):
            used = {
                (s["metric"]["vendor"], s["metric"]["model"], kind): float(s["value"][1])
                for s in stack.query(f"ims_{kind}_tokens_total")
            }
            assert used == {key: n for key, n in tokens.items() if key[2] == kind}
        return True

    eventually(counted)


@pytest.mark.parametrize(
    ("metric", "event", "where"),
    [
        ("ims_model_selections_total", "model_selected", {}),
        ("ims_model_fallbacks_total", "model_fallback", {}),
        ("ims_vendor_retries_total", "model_retry", {}),
        ("ims_policy_evaluations_total", "policy_evaluated", {}),
        ("ims_cache_hits_total", "cache_lookup", {"result": "hit"}),
        ("ims_cache_misses_total", "cache_lookup", {"result": "miss"}),
        ("ims_queue_enqueued_total", "job_enqueued", {}),
        ("ims_queue_processing_seconds_count", "job_finished", {}),
        ("ims_agents_spawned_total", "agent_spawned", {}),
        ("ims_sandbox_executions_total", "sandbox_finished", {}),
    ],
)
def test_every_event_is_counted_once(
    stack: Live, metric: str, event: str, where: dict[str, str]
) -> None:
    conditions = {f"{key}={value}" for key, value in where.items()}
    expected = sum(
        count
        for key, count in stack.report.effects.items()
        if key[:2] == ("event", event) and conditions <= set(key[2:])
    )
    assert expected > 0, "the reference traffic must contain the event"

    def counted() -> bool:
        assert stack.value(f"sum({metric})") == expected
        return True

    eventually(counted)


def test_cost_is_known_to_the_cent_of_a_cent(stack: Live) -> None:
    prices = {
        ("openai", "gpt-4o"): (2.50, 1.25, 10.00),
        ("openai", "gpt-4o-mini"): (0.15, 0.075, 0.60),
        ("openai", "o3-mini"): (1.10, 0.55, 4.40),
        ("openai", "text-embedding-3-small"): (0.02, 0.02, 0.0),
    }
    used: Counter[tuple[str, ...]] = Counter()
    for key, count in stack.report.effects.items():
        if key[0] == "tokens":
            used[key[1:]] += count

    def counted() -> bool:
        for (vendor, model), (fresh, cached, output) in prices.items():
            read = used[vendor, model, "cached"]
            cost = (used[vendor, model, "input"] - read) * fresh + read * cached
            cost += used[vendor, model, "output"] * output
            found = stack.value(f'ims_cost_actual_usd_total{{vendor="{vendor}",model="{model}"}}')
            assert found == pytest.approx(cost / 1e6, rel=1e-9)
        return True

    eventually(counted)


def test_a_trace_with_an_error_is_found_by_its_id(stack: Live) -> None:
    # The fallback scenario holds a failed model call, so its trace is always kept.
    trace = next(trace for name, trace in stack.report.traces if name == "fallen_back")

    def found() -> bool:
        answer = httpx.get(f"{stack.jaeger}/api/traces/{trace}")
        assert answer.status_code == 200, answer.text[:200]
        names = {span["operationName"] for span in answer.json()["data"][0]["spans"]}
        assert "POST /v1/generate" in names
        assert any(name.startswith("chat ") for name in names)
        return True

    eventually(found, 60)


def test_log_records_are_stored_with_trace_context_and_without_secrets(stack: Live) -> None:
    secret = "sk-live-0123456789abcdef"
    answer = httpx.get(
        f"{stack.service.gateway_url}/v1/agents/nobody", params={"api_key": secret}, timeout=10
    )
    assert answer.status_code == 404

    def stored() -> bool:
        text = stack.logs.read_text()
        assert "model_selected" in text
        assert secret not in text
        records = [
            record
            for line in text.splitlines()
            for resource in json.loads(line)["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ]
        selected = [r for r in records if '"model_selected"' in json.dumps(r)]
        assert selected
        assert all(len(record["traceId"]) == 32 for record in selected)
        return True

    eventually(stored)


def test_every_target_is_up_and_every_component_is_healthy(stack: Live) -> None:
    def up() -> bool:
        targets = {s["metric"]["job"]: float(s["value"][1]) for s in stack.query("up")}
        assert set(targets.values()) == {1.0}, targets
        health = {
            s["metric"]["component"]: float(s["value"][1]) for s in stack.query("ims_health_status")
        }
        assert health == dict.fromkeys(("service", "database", "cache", "queue", "router"), 1.0)
        return True

    eventually(up)


def test_an_error_spike_fires_an_alert_that_reaches_alertmanager(stack: Live) -> None:
    stack.drive(Order(mode="errors", count=150, seed=11, concurrency=8))

    def fired() -> bool:
        alerts = httpx.get(f"{stack.alertmanager}/api/v2/alerts").json()
        names = {alert["labels"]["alertname"] for alert in alerts}
        assert "CriticalErrorRate" in names, names
        return True

    eventually(fired, 60)

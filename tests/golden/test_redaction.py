"""No secret reaches the trace backend or the log store, and nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest
from golden import prompts, series
from golden.collector import Collector
from golden.secrets_matrix import CHANNELS, KEY_CHANNELS, cells
from golden.stores import records, send, wait_until

pytestmark = pytest.mark.native


@pytest.fixture(scope="module")
def matrix(collector: Collector) -> dict[str, str]:
    """Cell name -> what was stored of it."""
    send(collector, "redaction", [cell.marked() for cell in cells()])
    return {given["cell"]: text for given, text in records(collector) if "cell" in given}


@pytest.mark.parametrize("channel", sorted({*CHANNELS, *KEY_CHANNELS}))
def test_no_cell_leaks(channel: str, matrix: dict[str, str]) -> None:
    mine = [cell for cell in cells() if cell.channel == channel]
    missing = [cell.name for cell in mine if cell.name not in matrix]
    assert not missing, f"not stored: {missing[:5]}"
    leaking = [f"{cell.kind}: {cell.hidden}" for cell in mine if cell.hidden in matrix[cell.name]]
    assert not leaking, f"{len(leaking)} of {len(mine)} leak: " + "; ".join(leaking)


KEPT: dict[str, Any] = {
    "gen_ai.usage.input_tokens": 4111,
    "gen_ai.usage.cache_read.input_tokens": 17,
    "gen_ai.request.max_tokens": 4096,
    "max_tokens": 4096,
    "input_tokens": 21,
    "total_tokens": 4111111111,
    "gen_ai.request.model": "claude-sonnet-4-20250514",
    "gen_ai.response.id": "chatcmpl-9XyZ0123456789abcdefghij",
    "gen_ai.token.type": "input",
    "tokenizer": "cl100k_base",
    "secretary": "of state",
    "TOKENIZER": "o200k_base",
    "token_count": 4111,
    "llm.token_count.prompt": 15,
    "llm.token_count.completion_details.reasoning": 16,
    "token.type": "output",
    "gen_ai.client.token.usage": 17,
    "author": "jane",
    "auth.method": "oauth2",
    "auth_duration_seconds": 0.25,
    "monkey": "business",
    "sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "image": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "etag": 'W/"33a64df551425fcc55e4d42a148795d9f25f89d4"',
    "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    "ulid": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "object_id": "507f1f77bcf86cd799439011",
    "version": "1.2.3-rc.1+build.20261126",
    "path": "/usr/lib/python3.11/site-packages/starlette/middleware/authentication.py",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "error": "KeyError: 'gpt-4o-2024-08-06'",
    "stack": 'File "/app/auth.py", line 12, in check_token\n    raise Forbidden(role)',
    "range": "bytes=0-1023",
    "key": "user:42:profile",
    "cache_key": "response:ab12cd34",
    "bearer": "the bearer of bad news",
    "basics": "Basic usage of the API",
    "signature": "f(x: int) -> str",
    "sort": "?sort=asc&policy=strict&page=2",
    "page": "confluence page: https://wiki.example/display/IMS/Runbook+for+the+gateway",
    "model_arn": "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "call": "call_abc123DEF456ghi789JKL012",
    "yaml": "kind: ConfigMap\ndata:\n  retries: 3",
    "curl": "curl 8.5.0 (x86_64-pc-linux-gnu)",
    "sentence": "sk-learn 1.5 trained on 4111 rows, api_version=2026-11-26",
    "uuid": "41111111-1111-4111-8111-411111111111",
    "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
    "time": "2026-11-23T23:40:52.411111111Z",
    "unix_nano": 1795476188748425754,
    "duration_seconds": 0.4111111111111111,
    "small": 4.111111111111111e-05,
    "text": "took 0.4532528600000296 s of 12.5111111111111111 s, 123-456 ok",
    "address": "v1.2.3-4 at 10.0.0.1:8080",
    "prose": "the basic idea: an email was sent, tokens used: 15, max_tokens=100",
    "said": "the password is required, its token was 30s old; no secret is (yet) given",
    "database": "mysql server 8.0 non-persistent -- ok, mysql -h db -P 3306 -u ims",
    "percent": "100% of 4111 requests",
    "phone-like": "555-1234",
    "url.full": "https://api.openai.com/v1/chat/completions?limit=20&order=asc",
    "url.path": "/v1/agents/42",
    "flag": True,
    "list": ["stop", "length"],
    "map": {"a": {"b": 1}, "c": [1.5, "x"]},
    "json": '{"model": "gpt-4o", "usage": {"prompt_tokens": 21, "completion_tokens": 5}}',
}


def test_ordinary_values_survive(collector: Collector) -> None:
    plain = "ordered 4111 items for 25.00 USD at 23:40:52, id 41111111-1111-4111-8111-411111111111"
    send(
        collector,
        "redaction-kept",
        [
            ("spans", {"name": "GET /v1/agents/{agent_id}", "attributes": {"kept": "s", **KEPT}}),
            ("logs", {"body": plain, "attributes": {"kept": "l", **KEPT}}),
        ],
    )
    found = {given["kept"]: (given, text) for given, text in records(collector) if "kept" in given}
    for mark in ("s", "l"):
        given, _ = found[mark]
        given.pop("redaction.ignored.count", None)
        given.pop("mark")
        assert given == {"kept": mark, **KEPT}
    assert '"GET /v1/agents/{agent_id}"' in found["s"][1]
    assert plain in found["l"][1]


def test_statements_keep_their_shape(collector: Collector) -> None:
    given = {
        "SELECT * FROM t1 WHERE id = 42 AND name = 'O''Brien' LIMIT 5": (
            "SELECT * FROM t1 WHERE id = ? AND name = ? LIMIT ?"
        ),
        "INSERT INTO users(email, pw) VALUES ('jane@example.com', 'hunter2')": (
            "INSERT INTO users(email, pw) VALUES (?, ?)"
        ),
        'UPDATE t SET a = "x y", b = $1 WHERE c = %s': "UPDATE t SET a = ?, b = $? WHERE c = %s",
        "SELECT 'cut off": "SELECT ?",
    }
    spans = [
        {"attributes": {"sql": k, "db.query.text": k, "db.system.name": "sqlite"}} for k in given
    ]
    redis = {
        "attributes": {"sql": "r", "db.statement": "SET session:1 hunter2", "db.system": "redis"}
    }
    send(collector, "redaction-sql", [("spans", span) for span in [*spans, redis]])
    texts = [
        f.get("db.query.text", f.get("db.statement")) for f, _ in records(collector) if "sql" in f
    ]
    assert sorted(texts) == sorted([*given.values(), "SET ?"])


def test_redactions_are_counted_exactly(collector: Collector) -> None:
    secret, fine = "password=hunter2", "nothing to see"
    channels = sorted(CHANNELS.keys() - DROPPED)
    entries = [CHANNELS[channel](text) for channel in channels for text in (secret, fine)]
    # Two secrets in one record, and what a sender claims, do not count twice.
    entries.append(("spans", {"name": secret, "attributes": {"a": secret, "token": "x"}}))
    entries.append(("logs", {"body": secret, "attributes": {"a": secret, "token": "x"}}))
    entries.append(("spans", {"attributes": {"redaction.masked.count": 5}}))
    entries.append(("logs", {"attributes": {"redaction.body.masked.count": 5}}))
    send(collector, "redaction-count", entries)
    where = [CHANNELS[channel]("x")[0] for channel in channels]
    expected = {"traces": where.count("spans") + 1, "logs": where.count("logs") + 1}

    def counted() -> dict[str, float]:
        rows = series.of_service(collector.series(), "redaction-count")
        found = rows.get("ims_redactions_total", {})
        return {dict(labels)["signal"]: value for labels, value in found.items()}

    # The stores and the count get the same batch, side by side.
    wait_until(lambda: counted() == expected, f"expected {expected}")


# Removed as a whole: by rule, not because something was found.
DROPPED = {name for name in CHANNELS if name.startswith("gen_ai")} | {
    "db.query.text",
    "db.statement",
}


def test_prompts_and_answers_are_not_stored(collector: Collector) -> None:
    wanted = prompts.entries()
    send(collector, "redaction-prompts", [entry for _, entry in wanted])
    stored = "".join(text for _, text in records(collector))
    leaking = [name for name, _ in wanted if prompts.hidden(name) in stored]
    assert not leaking
    # Their neighbours are.
    assert stored.count("gpt-of-prompts") == len(wanted)

"""The Collector in its container: validates, runs hardened, derives, refuses strangers."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
from stack.containers import Launcher, eventually, make_certificate, render
from stack.signals import failed_request, new_trace_id

GRPC, HTTP, HEALTH, METRICS, TELEMETRY = 4317, 4318, 13133, 8889, 8888
PORTS = (HTTP, HEALTH, METRICS, TELEMETRY)


def test_its_own_validate_accepts_the_configuration(launch: Launcher) -> None:
    otelcol = launch("otelcol", ports=PORTS)
    code, said = otelcol.run(
        "/otelcol-contrib", "validate", "--config=/etc/imsobs/collector/config.yaml"
    )
    assert code == 0, said


def test_health_check_needs_nothing_but_the_binary(launch: Launcher) -> None:
    launch("otelcol", ports=PORTS).wait_healthy()


def test_a_request_becomes_a_metric(launch: Launcher, client: httpx.Client) -> None:
    otelcol = launch("otelcol", ports=PORTS)
    otelcol.wait_healthy()
    trace = failed_request(new_trace_id())
    client.post(otelcol.url(HTTP, "/v1/traces"), json=trace).raise_for_status()
    line = eventually(
        lambda: [
            line
            for line in client.get(otelcol.url(METRICS, "/metrics")).text.splitlines()
            if line.startswith("ims_requests_total{")
        ]
    )
    assert 'route="/v1/generate"' in line[0]
    assert 'status_class="5xx"' in line[0]
    assert line[0].endswith(" 1") or line[0].split("}")[1].split()[0] == "1"


def _refused(text: str) -> float:
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith("http_server_request_duration") and "_count{" in line
        and 'http_response_status_code="401"' in line
    )  # fmt: skip


def test_a_wrong_token_is_refused_and_counted(
    launch: Launcher, tmp_path: Path, client: httpx.Client
) -> None:
    root = render(tmp_path / "secure", "stack: {ingest: {auth: bearer, tls: true}}")
    make_certificate(root)
    (root / "secrets/otlp_token").write_text("right-token")
    (root / "secrets/otlp_token").chmod(0o444)
    otelcol = launch("otelcol", ports=PORTS, root=root)
    otelcol.wait_healthy()
    trust = ssl.create_default_context(cafile=str(root / "secrets/otlp_cert.pem"))
    url = otelcol.url(HTTP, "/v1/traces").replace("http://", "https://")
    with httpx.Client(verify=trust, trust_env=False) as sender:
        trace = failed_request(new_trace_id())

        def send(token: str | None) -> int:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return sender.post(url, json=trace, headers=headers).status_code

        assert send("wrong-token") == 401
        assert send(None) == 401
        assert send("right-token") == 200
    counted = eventually(lambda: _refused(client.get(otelcol.url(TELEMETRY, "/metrics")).text))
    assert counted == 2
    # Without TLS nothing is served on that port.
    plain = client.post(url.replace("https://", "http://"), json={})
    assert plain.status_code == 400

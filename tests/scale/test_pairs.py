"""Two Prometheus and three Alertmanagers: the truth in both, and each alert told once."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from alertmanager import ROOT, wait_for
from scale.conftest import See

from bench.scale import cluster as clusters
from bench.scale.cluster import KEEP_ALL, Cluster
from bench.scale.known import Crowd
from bench.scale.node import Node
from bench.scale.prometheus import Prometheus
from imsobs.outputs.collector.roles import DERIVE, SAMPLE
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.drill.compress_time import NEVER, local_routes
from imsobs.runtime.drill.receiver import Inbox, listening

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300), pytest.mark.usefixtures("roles_binary")]

REQUESTS = "ims_requests_total"
# Rendered: 15 s. One that waits for its turn waits so long for each that comes before it.
_PEER_SECONDS = 3
# Three turns, and the time of a group.
_QUIET = 3 * _PEER_SECONDS + 6.0


def _alertmanagers(cluster: Cluster, inbox: Inbox) -> list[Node]:
    """Return the three of a mesh, with the rendered routes, not started."""
    rendered = yaml.safe_load((ROOT / "alerts/alertmanager.yaml").read_text("utf-8"))
    routes = local_routes(rendered, inbox.url, mutes=NEVER)
    for route in (routes["route"], *routes["route"]["routes"]):
        route["group_interval"] = "5s"
    folder = cluster.folder / "mesh"
    folder.mkdir()
    (folder / "templates").symlink_to(ROOT / "alerts/templates")
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(routes), "utf-8")
    addresses = [cluster.address("alertmanager", n) for n in range(3)]
    made = []
    for number, address in enumerate(addresses):
        data = cluster.folder / f"alertmanager-{number}"
        command: list[str | Path] = [
            resolve_binary("alertmanager", ROOT),
            f"--config.file={file}",
            f"--storage.path={data / 'data'}",
            f"--web.listen-address={address}:9093",
            f"--cluster.listen-address={address}:9094",
            f"--cluster.peer-timeout={_PEER_SECONDS}s",
            *(f"--cluster.peer={peer}:9094" for peer in addresses if peer != address),
        ]
        node = Node(address, command, data, f"http://{address}:9093/-/ready")
        cluster.nodes[f"alertmanager-{number}"] = node
        made.append(node)
    return made


def _rules(folder: Path, alerts: int) -> Path:
    """Write alerts that fire once a series is there which the test exposes by its traffic."""
    labels = {
        "severity": "critical",
        "service_name": "ims-core",
        "deployment_environment_name": "production",
        "team": "platform",
    }
    rules = [
        {
            "alert": f"Told{n}",
            "expr": f"sum({REQUESTS}) >= {1 + n * 100}",
            "labels": labels,
            "annotations": dict.fromkeys(
                ("summary", "description", "runbook_url", "dashboard_url"), "text"
            ),
        }
        for n in range(alerts)
    ]
    file = folder / "pairs.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "pairs", "rules": rules}]}), "utf-8")
    return file


@contextmanager
def _pair(folder: Path) -> Iterator[tuple[Cluster, list[Prometheus], list[Node], Inbox]]:
    with listening() as inbox, clusters.running(folder, KEEP_ALL, samples=1) as cluster:
        mesh = _alertmanagers(cluster, inbox)
        for node in mesh:
            node.start(wait=False)
        cluster.start(**{DERIVE: 2, SAMPLE: 1})
        for node in mesh:
            node.await_ready()
        rules = [_rules(folder, 6)]
        both = []
        for n in range(2):
            to = [f"{node.address}:9093" for node in mesh]
            one = Prometheus(cluster, n, rules=rules, alertmanagers=to, labels={"replica": f"{n}"})
            both.append(one.start(**{DERIVE: [0, 1], SAMPLE: [0]}))
        for one in both:
            wait_for(lambda one=one: len(one.query("up == 1")) >= 6, 30, "all is scraped")
        yield cluster, both, mesh, inbox


def _told(inbox: Inbox) -> Counter[str]:
    return Counter(f"{n.alert} {n.status}" for n in inbox.notices() if n.alert.startswith("Told"))


def test_each_alert_is_told_once_while_any_one_dies(tmp_path: Path, see: See) -> None:
    with _pair(tmp_path) as (cluster, both, mesh, inbox):
        targets = [cluster.address(DERIVE, n) for n in range(2)]
        wanted: Counter[str] = Counter()
        sent = 0

        def next_alert() -> None:
            """Send what makes one more alert fire; it is told once, and nothing else is."""
            nonlocal sent
            number = len(wanted)
            Crowd(targets, 100, first=sent, senders=4).start().wait()
            sent += 100
            wanted[f"Told{number} firing"] = 1
            wait_for(lambda: _told(inbox)[f"Told{number} firing"], 40, f"alert {number}")
            time.sleep(_QUIET)
            assert _told(inbox) == wanted

        next_alert()
        for node in (both[0].node, both[1].node, *mesh):
            node.stop(signal.SIGKILL)
            next_alert()
            node.start()
            # What it knew is told again, and what the others do is caught up with.
            time.sleep(_QUIET)
            assert _told(inbox) == wanted
        for one in both:
            wait_for(lambda one=one: one.counted(REQUESTS) == sent, 20, "the truth in both")
        see(
            f"each of 2 Prometheus and 3 Alertmanagers killed (-9) and back in turn: {len(wanted)}"
            f" alerts, {_told(inbox).total()} notifications; both Prometheus counted"
            f" {both[0].counted(REQUESTS):,.0f} and {both[1].counted(REQUESTS):,.0f} of {sent:,}"
        )

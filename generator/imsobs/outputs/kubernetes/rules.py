"""The rules: as files that Prometheus reads, or as one PrometheusRule for each group.

The operator parses every expression with the PromQL that it was built with, and leaves out a whole
object when it does not understand one: all its rules vanish. So files are the default, which
Prometheus itself reads; and no group shares an object with another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from imsobs import yamlio
from imsobs.outputs.kubernetes import stores
from imsobs.outputs.kubernetes.objects import Cluster, Object
from imsobs.outputs.prometheus import rules
from imsobs.pages import YamlPage

# Where the operator lets Prometheus look for rules, also when there are no objects.
_FOLDER = f"/etc/prometheus/rules/prometheus-{stores.MAIN}-rulefiles-0"
_VOLUME = "rules"
# Both read the folder: one evaluates the rules, the other tells it of changes.
_READERS = ("prometheus", "config-reloader")


def are_files(cluster: Cluster) -> bool:
    """Return whether rules are mounted as files."""
    return cluster.spec.prometheus.rules == "files"


def files(cluster: Cluster) -> Iterator[Object]:
    """Yield a ConfigMap for each rule file; none where rules are objects."""
    for page in _pages(cluster) if are_files(cluster) else ():
        data = {PurePosixPath(page.path).name: yamlio.dump(page.sections)}
        yield cluster.object("ConfigMap", _config_map(page), "rules", data=data)


def mounted(cluster: Cluster) -> Object:
    """Return what mounts the files into the pods that the operator makes.

    The operator lays ``containers`` over its own, mount by mount: its folder of rules becomes ours.
    """
    sources = [{"configMap": {"name": _config_map(page)}} for page in _pages(cluster)]
    mount = {"name": _VOLUME, "mountPath": _FOLDER, "readOnly": True}
    return {
        # The operator names the folder only where there is a selector; nothing has this label.
        "ruleSelector": {"matchLabels": {"imsobs/rules": "files"}},
        "volumes": [{"name": _VOLUME, "projected": {"sources": sources}}],
        "containers": [{"name": name, "volumeMounts": [mount]} for name in _READERS],
    }


def objects(cluster: Cluster) -> Iterator[tuple[str, Object]]:
    """Yield name of the object -> the object; none where rules are files."""
    names: Counter[str] = Counter()
    for page in () if are_files(cluster) else _pages(cluster):
        file = PurePosixPath(page.path).stem
        for group in page.sections["groups"]:
            name = f"{file}-{_name(group['name'])}"
            names[name] += 1
            # Groups may differ in what no name of an object can have.
            name += f"-{names[name]}" if names[name] > 1 else ""
            yield name, cluster.object("PrometheusRule", name, "rules", spec={"groups": [group]})


def _pages(cluster: Cluster) -> Iterator[YamlPage]:
    return (page for page in rules.plan(cluster.model) if page.path != rules.DISABLED)


def _config_map(page: YamlPage) -> str:
    return f"{_VOLUME}-{PurePosixPath(page.path).stem}"


def _name(group: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-")

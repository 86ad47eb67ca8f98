"""One PrometheusRule for each group of rules.

The operator leaves out a whole object when one expression of it is at fault, and all its rules
vanish: so no group shares an object with another, and promtool judges the rules before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from imsobs.outputs.kubernetes.objects import Cluster, Object
from imsobs.outputs.prometheus import rules


def objects(cluster: Cluster) -> Iterator[tuple[str, Object]]:
    """Yield name of the object -> the object."""
    names: Counter[str] = Counter()
    for page in rules.plan(cluster.model):
        if page.path == rules.DISABLED:
            continue
        file = PurePosixPath(page.path).stem
        for group in page.sections["groups"]:
            name = f"{file}-{_name(group['name'])}"
            names[name] += 1
            # Groups may differ in what no name of an object can have.
            name += f"-{names[name]}" if names[name] > 1 else ""
            yield name, cluster.object("PrometheusRule", name, "rules", spec={"groups": [group]})


def _name(group: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-")

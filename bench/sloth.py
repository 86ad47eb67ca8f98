"""sloth (github.com/slok/sloth): its binary, and the rules that it generates for an objective."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from bench.harness import ROOT, say
from imsobs.cache import cache_dir
from imsobs.errors import ImsobsError
from imsobs.model.slos import good_share
from imsobs.promql.matchers import selector
from imsobs.runtime.build.binaries import resolve
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.progress import Silent
from imsobs.shipped import Component, GoInstallBuild
from imsobs.spec.schema.slos import Slo

VERSION = "0.16.0"
_COMPONENT = Component(
    version=VERSION,
    # Built from its module, it does not know its own version.
    version_args=[],
    env="IMSOBS_SLOTH",
    build=GoInstallBuild(
        kind="go-install",
        package="github.com/slok/sloth/cmd/sloth",
        module_version=f"v{VERSION}",
    ),
)


def binary() -> Path:
    """Return sloth: $IMSOBS_SLOTH, PATH or the cache, where it is built when it is in none.

    Raises ImsobsError when it cannot be built.
    """
    plan = load_plan(ROOT)
    plan = plan.model_copy(update={"components": {**plan.components, "sloth": _COMPONENT}})
    say(f"sloth {VERSION}: built into {cache_dir()} unless it is there (about five minutes)")
    found = resolve(plan, ROOT, "sloth", Silent(), asked=True)
    if found is None:
        raise ImsobsError("there is no sloth")
    return found.path


def rules(sloth: Path, name: str, slo: Slo, labels: dict[str, str], folder: Path) -> Path:
    """Return a file of the rules that sloth generates for an objective of a service.

    Its queries are those that its documentation gives for requests; labels: of the service.
    """
    bad = selector(slo.total, {**labels, **slo.bad})
    window = "[{{.window}}]"
    objective = {
        "name": name,
        "objective": round(100 * (1 - good_share(slo)), 10),
        "sli": {
            "events": {
                "error_query": f"sum(rate({bad}{window}))",
                "total_query": f"sum(rate({selector(slo.total, labels)}{window}))",
            }
        },
        "alerting": {
            "name": "Sloth",
            "page_alert": {"labels": {"severity": "critical"}},
            "ticket_alert": {"labels": {"severity": "warning"}},
        },
    }
    spec, out = folder / "sloth.yaml", folder / "sloth-rules.yaml"
    document = {"version": "prometheus/v1", "service": labels["service_name"], "slos": [objective]}
    spec.write_text(yaml.safe_dump(document), encoding="utf-8")
    command = [str(sloth), "generate", "--input", str(spec), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out

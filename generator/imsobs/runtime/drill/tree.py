"""A project of its own for the drill: other ports, short intervals, local receivers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from imsobs import artifacts, write, yamlio
from imsobs.compile import read_spec, render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model, conventions
from imsobs.runtime.drill.compress_time import NEVER, compress_time, local_routes
from imsobs.runtime.paths import layout_for
from imsobs.runtime.process.stack import down
from imsobs.runtime.progress import Silent
from imsobs.runtime.trial import own_ports

_FAST = "2s"
# Of the overlay, what only makes a drill shorter.
_HASTE = ("scrape", "collector", "sampling", "alerting")


def service_of(alert: str) -> str:
    """Return the service name under which an alert is drilled, so that drills do not mix."""
    return f"drill-{conventions.alert_file_stem(alert)}"


def overlay(model: Model, health_port: int, environment: str) -> dict[str, Any]:
    """Return what the drill's spec says otherwise: services, ports, intervals."""
    names = [*model.spec.service.names, *(service_of(alert) for alert in model.alerts)]
    return {
        "service": {
            "names": names,
            # The first is what drilled telemetry and the probe report.
            "environments": list(dict.fromkeys([environment, *model.spec.service.environments])),
            "url": f"http://127.0.0.1:{health_port}",
        },
        **own_ports(model.spec.stack),
        "scrape": {"interval": _FAST, "timeout": _FAST},
        "collector": {
            "probe_interval": _FAST,
            "max_series": _series(model),
        },
        "sampling": {"slow": "1s", "decision_wait": _FAST, "longest_request": "5s"},
        "alerting": {"fast": _FAST, "slow": _FAST},
    }


def _series(model: Model) -> int:
    """Every drill reports as a service of its own; the room for series grows with them."""
    return model.spec.collector.max_series * (1 + len(model.alerts))


def clear(project: Path, state: Path) -> None:
    """Stop what a broken drill left behind and forget its data.

    Alertmanager remembers what it has sent, and would send nothing this time.
    """
    down(layout_for(project, state), Silent())
    shutil.rmtree(state, ignore_errors=True)


def prepare(
    files: list[Path],
    model: Model,
    root: Path,
    inbox: str,
    health_port: int,
    environment: str,
    *,
    real_time: bool = False,
) -> Model:
    """Render the drill's project into ``root``, empty but for it; return its model.

    real_time: with the ranges, durations, intervals and waits of the spec.
    """
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    extra = root / "overlay.yaml"
    laid_over = overlay(model, health_port, environment)
    if real_time:
        laid_over = {key: value for key, value in laid_over.items() if key not in _HASTE}
        laid_over["collector"] = {"max_series": _series(model)}
    extra.write_text(yamlio.dump(laid_over), encoding="utf-8")
    compiled = read_spec([*files, extra])
    if compiled.model is None:
        raise ImsobsError(
            "the drill's overlay does not fit the spec:\n" + "\n".join(compiled.lines()),
            exit_code=ExitCode.INPUT,
        )
    quick = compiled.model if real_time else compress_time(compiled.model)
    rendered = render_model(quick)
    config = local_routes(
        yamlio.parse(rendered[artifacts.ALERTMANAGER].decode()),
        inbox,
        mutes=NEVER,
        real_time=real_time,
    )
    rendered[artifacts.ALERTMANAGER] = yamlio.dump(config).encode()
    write.apply(root, write.changes(root, rendered))
    return quick

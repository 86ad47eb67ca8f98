"""Who is expected to report a metric."""

from __future__ import annotations

from imsobs.spec.schema.root import Spec


def reporters(spec: Spec, metric: str, only: str | None = None) -> dict[str, tuple[str, ...]]:
    """Return who reports, as a person names it -> the values of service_name that it may have.

    Each service that the metric names by itself, else each of ``services``. Without that section
    the names are those of one service: any of them will do. only: this service alone.
    """
    own = spec.metrics[metric].services or list(spec.services)
    if not own:
        who = {" or ".join(spec.service.names): tuple(spec.service.names)}
        return who if only is None else {only: (only,)}
    return {name: (name,) for name in own if only in (None, name)}

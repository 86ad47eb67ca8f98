"""Who is expected to report a metric."""

from __future__ import annotations

from imsobs.spec.schema.root import Spec


def reporters(spec: Spec, only: str | None = None) -> dict[str, tuple[str, ...]]:
    """Return who reports, as a person names it -> the values of service_name that it may have.

    The names of one service are spellings of it: any of them will do. only: this one alone.
    """
    if only is not None:
        return {only: (only,)}
    return {" or ".join(spec.service.names): tuple(spec.service.names)}

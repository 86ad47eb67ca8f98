"""The model of several Collectors: limits that hold for all of them together, or for one role."""

from __future__ import annotations

from dataclasses import replace

from imsobs.model import Model, conventions, resolve
from imsobs.model.sampling import SHARE_OF_POD
from imsobs.outputs.collector.roles import DERIVE
from imsobs.spec.schema.kubernetes import Kubernetes
from imsobs.spec.schema.root import Spec


def scaled(model: Model, kubernetes: Kubernetes) -> Model:
    """Return the model whose limits are those of all Collectors.

    Each one that receives has series of its own of whatever it counted, so their sum, which the
    alert compares with the budget, grows with their number: the budget is that of one, times as
    many as are scraped. A budget for as many as there may be would hide a label that grows without
    limit while there are few. Traces are held by ``sample``, in its own memory.
    """
    resolved = resolve(_with_memory(model.spec, kubernetes.sample.memory_mib))
    limit = conventions.series_limit(model.spec.service.namespace)
    records = tuple(
        replace(record, expr=_of_each(model.spec)) if record.name == limit else record
        for record in resolved.records
    )
    return replace(resolved, records=records, measured=model.measured)


def _of_each(spec: Spec) -> str:
    """Return the query of the budget of all that receive: of pods, named as their role."""
    job = conventions.scrape_job(spec.service.namespace, "metrics")
    return f'{spec.budget.series} * count(up{{job="{job}", instance=~"{DERIVE}-.+"}})'


def sized(model: Model, memory_mib: int) -> Model:
    """Return the model of a Collector whose pod has this much memory."""
    return replace(model, spec=_with_memory(model.spec, memory_mib))


def _with_memory(spec: Spec, memory_mib: int) -> Spec:
    limit = {"memory_limit_mib": int(memory_mib * SHARE_OF_POD)}
    return spec.model_copy(update={"collector": spec.collector.model_copy(update=limit)})

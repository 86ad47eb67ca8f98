"""The model of several Collectors: limits that hold for all of them together, or for one role."""

from __future__ import annotations

from dataclasses import replace

from imsobs.model import Model, resolve
from imsobs.model.sampling import SHARE_OF_POD
from imsobs.spec.schema.kubernetes import Kubernetes
from imsobs.spec.schema.root import Spec


def scaled(model: Model, kubernetes: Kubernetes) -> Model:
    """Return the model whose limits are those of all Collectors.

    Each one that receives has series of its own of whatever it counted, so their sum, which the
    alert compares with the budget, grows with the number of pods that there may be. Traces are
    held by ``sample``, in its own memory.
    """
    series = model.spec.budget.series * kubernetes.derive.most
    budget = model.spec.budget.model_copy(update={"series": series})
    spec = model.spec.model_copy(update={"budget": budget})
    resolved = resolve(_with_memory(spec, kubernetes.sample.memory_mib))
    return replace(resolved, measured=model.measured)


def sized(model: Model, memory_mib: int) -> Model:
    """Return the model of a Collector whose pod has this much memory."""
    return replace(model, spec=_with_memory(model.spec, memory_mib))


def _with_memory(spec: Spec, memory_mib: int) -> Spec:
    limit = {"memory_limit_mib": int(memory_mib * SHARE_OF_POD)}
    return spec.model_copy(update={"collector": spec.collector.model_copy(update=limit)})

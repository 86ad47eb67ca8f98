"""The stack on Kubernetes: stores that are named once, numbers that fit, labels that stay apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.model import Model, conventions
from imsobs.problems import KeyPath, Problem, listed
from imsobs.spec.schema.kubernetes import Kubernetes, Scaled, Workload

# The operator cuts its labels at 63 characters, of which a role's name needs some.
_LONGEST_NAMESPACE = 50
_GIB_MIB = 1024
# What load_balancing spreads traces among has 131 071 places, and 200 for each pod.
_MOST_SAMPLES = 600
# Component -> keys, of which one says where its data is kept.
_STORES = {"jaeger": ("cassandra", "opensearch", "otlp"), "loki": ("s3", "otlp")}
# Queues on a volume of a role: of the stores, and of what is handed on.
_QUEUES = {"derive": 2, "sample": 1}


def check(model: Model) -> Iterator[Problem]:
    """Yield every kubernetes/* problem."""
    given = model.spec.kubernetes
    if given is None:
        return
    yield from _namespace(model, given)
    yield from _environment(model, given)
    yield from _stores(model, given)
    yield from _numbers(model, given)
    yield from _labels(model, given)
    yield from _regions(given)
    yield from _receivers(model)


def _namespace(model: Model, given: Kubernetes) -> Iterator[Problem]:
    own = model.spec.service.namespace
    if own.endswith("-"):
        message = f"{own} is part of labels and names of objects, which end in a letter or digit"
        yield Problem(("service", "namespace"), message, "kubernetes/namespace")
    name = given.namespace or conventions.stack_name(own)
    others = _others(model, given, name)
    if others is not None:
        message = f"{name} is {others}; its policies and quota would hold all pods there"
        at: KeyPath = ("kubernetes", "namespace") if given.namespace else ("kubernetes",)
        yield Problem(at, f"{message}: use one of its own", "kubernetes/namespace")
    if len(name) > _LONGEST_NAMESPACE:
        message = (
            f"{name} has {len(name)} characters; opentelemetry-operator cuts labels that begin"
            f" with it, and nothing finds its pods: use {_LONGEST_NAMESPACE} at most"
        )
        path = ("kubernetes", "namespace") if given.namespace else ("kubernetes",)
        yield Problem(path, message, "kubernetes/namespace")


def _others(model: Model, given: Kubernetes, name: str) -> str | None:
    """Return whose a namespace is that has pods besides those of the stack, or None."""
    if name == "default" or name.startswith("kube-"):
        return "the cluster's own"
    senders = given.senders or [model.spec.service.namespace]
    return "the service's, as one of kubernetes.senders" if name in senders else None


def _environment(model: Model, given: Kubernetes) -> Iterator[Problem]:
    known = model.spec.service.environments
    if given.environment is not None and given.environment not in known:
        message = (
            f'"{given.environment}" is none of service.environments ({listed(known)}), and would'
            " count as other"
        )
        yield Problem(("kubernetes", "environment"), message, "kubernetes/environment")


def _stores(model: Model, given: Kubernetes) -> Iterator[Problem]:
    for name, keys in _STORES.items():
        here, there = getattr(given, name), getattr(model.spec.stack, name)
        path = ("kubernetes", name)
        if here is not None and there is None:
            message = f"stack.{name} is null, so nothing is kept there; leave it out as well"
            yield Problem(path, message, "kubernetes/left-out")
        if there is None:
            continue
        chosen = [key for key in keys if here is not None and getattr(here, key) is not None]
        if len(chosen) != 1:
            told = f"{listed(chosen)} are given" if chosen else "nothing says where"
            kept = "traces are kept" if name == "jaeger" else "log records are kept"
            message = f"{told}; say with one of {', '.join(keys)} where {kept}"
            message += "" if chosen else f", or leave {name} out by stack: {{{name}: null}}"
            at = path if here is not None else ("kubernetes",)
            yield Problem(at, message, "kubernetes/store")


def _numbers(model: Model, given: Kubernetes) -> Iterator[Problem]:
    for role in ("derive", "sample"):
        pods: Scaled = getattr(given, role)
        if pods.most < pods.replicas:
            message = f"the autoscaler would keep {pods.replicas} pods and make {pods.most} at most"
            yield Problem(("kubernetes", role, "most"), message, "kubernetes/replicas")
        yield from _queues(model, role, pods)
    yield from _blocks(model, given)
    if given.sample.most > _MOST_SAMPLES:
        message = (
            f"among more than {_MOST_SAMPLES} pods traces are spread unevenly, and beyond 655 not"
            " at all; give each more memory instead"
        )
        yield Problem(("kubernetes", "sample", "most"), message, "kubernetes/replicas")


def _blocks(model: Model, given: Kubernetes) -> Iterator[Problem]:
    limit, disk = model.spec.stack.prometheus.size_limit_mib, given.prometheus.disk_gib
    if limit > disk * _GIB_MIB:
        message = (
            f"Prometheus removes blocks when they outgrow {limit} MiB"
            f" (stack.prometheus.size_limit_mib), and the volume is full before; give at least"
            f" {-(-limit // _GIB_MIB)}"
        )
        yield Problem(("kubernetes", "prometheus", "disk_gib"), message, "kubernetes/disk")


def _queues(model: Model, role: str, pods: Workload) -> Iterator[Problem]:
    queue, count = model.spec.collector.queue_mib, _QUEUES[role]
    if pods.disk_gib * _GIB_MIB < queue * count:
        least = -(-queue * count // _GIB_MIB)
        message = (
            f"{count} queue{'s' if count > 1 else ''} of collector.queue_mib = {queue} MiB need"
            f" more; give at least {least}"
        )
        yield Problem(("kubernetes", role, "disk_gib"), message, "kubernetes/queue-disk")


def _labels(model: Model, given: Kubernetes) -> Iterator[Problem]:
    """Yield external labels that a series may have already, which then wins over them."""
    fixed: dict[str, str] = {
        **dict.fromkeys(conventions.PROCESS_LABELS.values(), "says which process reports"),
        **dict.fromkeys(conventions.SCRAPE_LABELS, "says what was scraped"),
        **dict.fromkeys(model.labels, "is a label of metrics"),
        **dict.fromkeys(
            ("__name__", *conventions.PROMETHEUS_LABELS, "severity"), "has a meaning to Prometheus"
        ),
    }
    taken = {
        **fixed,
        "cluster": "is kubernetes.cluster",
        "region": "is the name of a region",
        given.prometheus.replica_label: "is kubernetes.prometheus.replica_label",
    }
    at: list[tuple[KeyPath, dict[str, Any]]] = [
        (("kubernetes", "external_labels"), given.external_labels)
    ]
    for name, region in given.regions.items():
        at.append((("kubernetes", "regions", name, "external_labels"), region.external_labels))
    for path, labels in at:
        for label in labels:
            if label in taken:
                message = f"{label} {taken[label]}; name the external label otherwise"
                yield Problem((*path, label), message, "kubernetes/external-label")
    replica, path = given.prometheus.replica_label, ("kubernetes", "prometheus", "replica_label")
    if replica in ("cluster", "region"):
        message = f"{replica} is an external label already; name it otherwise"
        yield Problem(path, message, "kubernetes/external-label")
    elif replica in fixed:
        message = f"{replica} {fixed[replica]}, and cannot tell the pods apart; name it otherwise"
        yield Problem(path, message, "kubernetes/external-label")
    yield from _expanded(given, at)


def _expanded(given: Kubernetes, at: list[tuple[KeyPath, dict[str, Any]]]) -> Iterator[Problem]:
    values: dict[KeyPath, str] = {("kubernetes", "cluster"): given.cluster}
    values |= {(*path, name): value for path, labels in at for name, value in labels.items()}
    for where, value in values.items():
        if "$" in value:
            message = "Prometheus takes what follows $ for a variable of its own; leave it out"
            yield Problem(where, message, "kubernetes/external-label")


def _regions(given: Kubernetes) -> Iterator[Problem]:
    if given.prometheus.remote_write is not None:
        return
    for name, region in given.regions.items():
        if region.remote_write is not None:
            message = "kubernetes.prometheus.remote_write is null, so nothing is sent; give it too"
            path = ("kubernetes", "regions", name, "remote_write")
            yield Problem(path, message, "kubernetes/region-store")


def _receivers(model: Model) -> Iterator[Problem]:
    for name, receiver in model.spec.receivers.items():
        if receiver.webhook is not None and receiver.webhook.url is not None:
            message = (
                f"{receiver.webhook.url} is on loopback, where a pod reaches nobody but itself;"
                " use url_file"
            )
            path = ("receivers", name, "webhook", "url")
            yield Problem(path, message, "kubernetes/loopback")

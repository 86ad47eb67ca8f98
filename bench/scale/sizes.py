"""Writes docs/reference/sizes.md: what the example on Kubernetes needs at three loads.

Nothing is measured here: it is what `imsobs estimate` computes, of the example as it is and with
the overlay that makes it enough. A test holds the page against it.

    python -m bench.scale.sizes
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.harness import ROOT
from bench.project import SPEC
from imsobs.compile import read_spec
from imsobs.markdown import cell
from imsobs.model import Model
from imsobs.model.cluster_constants import CLUSTER_FORMULAS, EVERY, VALUES
from imsobs.model.cluster_estimate import Cluster, cluster_estimate
from imsobs.model.cluster_findings import Finding, cluster_findings
from imsobs.model.estimate import DAY, Constant, Load, human
from imsobs.spec.schema.kubernetes import Kubernetes

PAGE = ROOT / "docs/reference/sizes.md"
EXAMPLE = "examples/kubernetes/overlay.yaml"
_MONTH = 30 * DAY
_INTRODUCTION = """\
<!-- Written by `python -m bench.scale.sizes`. Do not edit: run it again. -->
# Sizes of a cluster

What [the example on Kubernetes](../../examples/kubernetes/overlay.yaml) needs at three loads, as
`imsobs estimate` computes it. **No cluster of such a size was run.** CPU and memory of a Collector
are measured, on two cores, and multiplied; the [constants](#constants) say of each number whether
it is measured (and by which command), carried over or assumed. Loads are those of a region: each
has Collectors and stores of its own. Requests have 6 spans and 8 log records and take 10 s, the
busiest second has four times the mean; `imsobs estimate` takes other figures. Series are the most
that the labels of the spec allow.
"""


@dataclass(frozen=True)
class Size:
    """A load. requests: a day, of all regions; overlay: what makes the example enough for it."""

    name: str
    requests: float
    overlay: str | None = None
    regions: int = 1


SIZES = (
    Size("1 million requests a day", 1e6),
    Size("100 million requests a day", 1e8, "examples/kubernetes/100-million.yaml"),
    Size("10 billion requests a day", 1e10, "examples/kubernetes/10-billion.yaml", regions=16),
)


@dataclass(frozen=True)
class Sized:
    """The estimate of a load. plain: what is too low of the example without an overlay."""

    size: Size
    model: Model
    load: Load
    cluster: Cluster
    plain: list[Finding]
    findings: list[Finding]
    enough: float
    next: list[Finding]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """Return the page."""
    sized = [_sized(size) for size in SIZES]
    parts = [_INTRODUCTION, _summary(sized), *map(_section, sized), _design(), _constants()]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _sized(size: Size) -> Sized:
    plain, _ = read(EXAMPLE)
    model, given = read(EXAMPLE, *([size.overlay] if size.overlay else []))
    requests = size.requests / size.regions
    load = Load.of(model, requests)
    enough, following = _next_limit(model, given, requests)
    return Sized(
        size,
        model,
        load,
        cluster_estimate(model, given, load),
        findings_of(plain, size.requests),
        findings_of(model, requests),
        enough,
        following,
    )


def read(*overlays: str) -> tuple[Model, Kubernetes]:
    """Return the spec of the project with these overlays, and its section."""
    model = read_spec([SPEC, *(ROOT / overlay for overlay in overlays)]).model
    if model is None or model.spec.kubernetes is None:
        raise SystemExit(f"the spec with {overlays} is at fault")
    return model, model.spec.kubernetes


def findings_of(model: Model, requests: float) -> list[Finding]:
    """Return what of a cluster is too low for so many requests a day."""
    given = model.spec.kubernetes
    return cluster_findings(model, given, Load.of(model, requests)) if given else []


def _next_limit(model: Model, given: Kubernetes, requests: float) -> tuple[float, list[Finding]]:
    """Return up to how many requests a day nothing is too low, and what is beyond."""
    low = high = requests
    while not findings_of(model, high):
        low, high = high, high * 2
    while high - low > requests / 20:
        middle = (low + high) / 2
        low, high = (low, middle) if findings_of(model, middle) else (middle, high)
    return low, [f for f in findings_of(model, high) if f.path != "kubernetes.regions"]


def _summary(sized: Sequence[Sized]) -> str:
    rows = []
    for one in sized:
        of = f", in each of {one.size.regions} regions" if one.size.regions > 1 else ""
        pods = {row.component: row.needed for row in one.cluster.pods}
        stores = [human(stored.disk) for stored in one.cluster.stores]
        rows.append(
            [
                f"{one.size.name}{of}",
                f"{one.load.at_peak:,.0f}",
                f"{pods['derive']:,} + {pods['sample']:,}",
                f"{one.cluster.cpus:,.0f}",
                human(one.cluster.memory),
                f"{one.cluster.nodes:,}",
                _about(one.cluster.series),
                " + ".join(stores),
                f"{human(one.cluster.crossing)}/s",
            ]
        )
    heading = ["load", "requests/s at the peak", "`derive` + `sample`", "cores", "memory", "nodes",
               "series", "traces + log records kept", "between zones"]  # fmt: skip
    note = (
        f"Cores and memory: what the pods are given. Nodes: of {VALUES['node_cpus']:.0f} cores and"
        f" {VALUES['node_memory'] / 2**30:.0f} GiB, in {VALUES['zones']:.0f} zones; those of the"
        " stores are not among them."
    )
    return f"## In short\n\n{_table(heading, rows)}\n{note}\n"


def _section(one: Sized) -> str:
    return "\n".join(
        [
            f"## {one.size.name[0].upper()}{one.size.name[1:]}",
            "",
            *_command(one),
            "",
            _pods(one.cluster),
            f"{_about(one.cluster.series)} series and {_about(one.cluster.samples)} samples/s in"
            f" each Prometheus.",
            "",
            _network(one.cluster),
            _costs(one),
            *_next(one),
        ]
    )


def _command(one: Sized) -> Iterator[str]:
    requests = f"{one.load.requests_per_day:.0f}"
    if one.size.overlay:
        yield from ["What of the example alone is too low:", ""]
        yield from (f"- `{finding.path}`: {finding.text}" for finding in one.plain)
        overlay = (ROOT / one.size.overlay).read_text("utf-8").rstrip("\n")
        yield from ["", f"With [this overlay](../../{one.size.overlay}) nothing is:", ""]
        yield from ["```yaml", overlay, "```", ""]
    else:
        yield from ["The example as it is.", ""]
    overlays = " ".join(f"--overlay {file}" for file in (EXAMPLE, one.size.overlay) if file)
    yield from ["```console", f"imsobs estimate {overlays} --requests-per-day {requests}", "```"]


def _pods(cluster: Cluster) -> str:
    rows = []
    for row in cluster.pods:
        rows.append(
            [
                f"`{row.component}`",
                f"{row.needed:,}",
                f"{row.cpus:g}",
                "-" if row.cores is None else f"{row.cores:,.2f}",
                human(row.memory),
                "-" if row.memory_needed is None else human(row.memory_needed),
                human(row.disk),
                "-" if row.disk_needed is None else human(row.disk_needed),
            ]
        )
    return _table(
        ["pods of", "how many", "cores of each", "cores used by all", "memory of each", "used",
         "disk of each", "used"],
        rows,
    )  # fmt: skip


def _network(cluster: Cluster) -> str:
    flows = [flow for flow in cluster.flows if flow.rate >= 1]
    how = {True: "compressed", False: "not compressed"}
    rows = [[f.source, f.target, f"{human(f.rate)}/s", how[f.compressed]] for f in flows]
    return _table(["from", "to", "at the peak", "counted"], rows)


def _costs(one: Sized) -> str:
    cluster = one.cluster
    used = {row.component: row.cores or 0.0 for row in cluster.pods}
    memory = {row.component: row.needed * row.memory for row in cluster.pods}
    disk = {row.component: row.needed * row.disk for row in cluster.pods}
    disk |= {stored.what: stored.disk for stored in cluster.stores}
    network = {f"{flow.source} to {flow.target}": flow.rate for flow in cluster.flows}
    month = cluster.crossing / one.load.peak * _MONTH
    rows = [
        ["cores that are used", f"{sum(used.values()):,.2f}", _largest(used)],
        ["memory", human(sum(memory.values())), _largest(memory)],
        ["disk and objects", human(sum(disk.values())), _largest(disk)],
        ["between zones in a month", human(month), _largest(network)],
    ]
    return _table(["what costs", "how much", "most of it"], rows)


def _largest(parts: dict[str, float], count: int = 2) -> str:
    total = sum(parts.values())
    most = sorted(parts.items(), key=lambda part: (-part[1], part[0]))[:count]
    return ", ".join(f"{name} {value / total:.0%}" for name, value in most if total)


def _next(one: Sized) -> Iterator[str]:
    region = " in a region" if one.size.regions > 1 else ""
    yield f"The next limit: enough up to {_about(one.enough)} requests a day{region}; beyond,"
    yield ""
    yield from (f"- `{finding.path}`: {finding.text}" for finding in one.next)


def _design() -> str:
    return f"""\
## What ends, and what helps

| limit | what helps first | and then |
|---|---|---|
| series: each `derive` has all counted series | more cores for each `derive`, so that there are \
fewer | regions or cells; long ranges from the remote store |
| memory of traces that are open, in `sample` | a shorter `sampling.longest_request` | more memory \
for each: {VALUES["ring_samples"]:.0f} pods are the most that traces are spread over evenly |
| Loki with all its parts in one pod | more pods | Loki in its own modes (`loki.otlp`) |
| writes of the store for traces | a smaller `sampling.rate`: errors and slow traces are kept \
whatever it is | more nodes of it |
| processes that report gauges to one `current` | a larger `collector.max_processes` | regions or \
cells |

A cell is a region in the sense of the spec: manifests, Collectors and Prometheus of its own, told
apart by an external label. Counters of all cells are added up in the remote store. Of a trace that
crosses cells, each keeps its spans when it is of the ordinary share, which follows from the trace's
id; what failed or was slow is kept where it did.
"""


def _constants() -> str:
    heading = ["name", "value", "what it is", "where from"]
    rows = [[name, _value(one), cell(one.meaning), cell(one.source)] for name, one in EVERY.items()]
    formulas = "\n".join(f"- {formula}" for formula in CLUSTER_FORMULAS)
    return f"## Formulas\n\n{formulas}\n\n## Constants\n\n{_table(heading, rows)}"


def _value(constant: Constant) -> str:
    if constant.unit == "B" and constant.value >= 1e5:
        return human(constant.value)
    digits = 0 if constant.value >= 100 else 2
    return f"{round(constant.value, digits):,.10g} {constant.unit}".rstrip()


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _about(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"


if __name__ == "__main__":
    main()

"""The same stack on Kubernetes: replicas, resources, stores, what is reached from where."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from imsobs.spec.schema.base import Environment, HttpUrl, PlainValue, Reachable, Section
from imsobs.spec.schema.distributed import (
    DNS_LABEL,
    Cassandra,
    DnsLabel,
    DnsName,
    ObjectStore,
    OpenSearch,
    RemoteWrite,
    Tenant,
    Thanos,
)
from imsobs.spec.schema.service import Address as ServiceAddress

Address = Annotated[
    str, StringConstraints(pattern=rf"^{DNS_LABEL}(\.{DNS_LABEL})*:\d{{1,5}}$"), Reachable
]
ExternalLabel = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,62}$")]
TaggedImage = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$"
    ),
]
# A thousandth of a core is the least that a pod can ask for.
PodCpus = Annotated[float, Field(ge=0.001, le=256)]
Replicas = Annotated[int, Field(ge=1, le=1000)]
PodMemory = Annotated[int, Field(ge=128, le=1_048_576)]
DiskGib = Annotated[int, Field(ge=1, le=65_536)]

_REPLICAS = "Number of pods that run, or that the autoscaler keeps at least."
_CPUS = "Number of cores that a pod is given; it may use more while there are any."
_MEMORY = "Memory that a pod is given and may use at most, in MiB."
_DISK = "Size of a pod's volume, in GiB."


class Pod(Section):
    """What each pod of one kind is given."""

    cpus: PodCpus = Field(default=1.0, description=_CPUS)
    memory_mib: PodMemory = Field(default=1024, description=_MEMORY)


class Workload(Pod):
    """Pods of one kind, each with a volume of its own."""

    disk_gib: DiskGib = Field(default=10, description=_DISK)
    storage_class: DnsName | None = Field(
        default=None,
        description="StorageClass of the volumes. null, as the default: the cluster's own.",
    )


class Scaled(Workload):
    """Pods of one kind whose number follows the load."""

    replicas: Replicas = Field(default=2, description=_REPLICAS)
    most: Replicas = Field(
        default=8,
        description=(
            "Number of pods that the autoscaler makes at most; as many as `replicas`: none is"
            " needed."
        ),
    )
    busy: Annotated[float, Field(ge=0.1, le=0.95)] = Field(
        default=0.7,
        description="Mean share of `cpus`, above 0 and below 1, beyond which pods are added.",
    )


class KubernetesPrometheus(Workload):
    """Prometheus, several that scrape the same: one may be away."""

    replicas: Replicas = Field(
        default=2, description="Number of pods; each scrapes everything and evaluates every rule."
    )
    memory_mib: PodMemory = Field(default=4096, description=_MEMORY)
    disk_gib: DiskGib = Field(default=50, description=_DISK)
    rules: Literal["files", "objects"] = Field(
        default="files",
        description=(
            "`files`: rules are mounted into Prometheus, which alone judges them. `objects`: one"
            " PrometheusRule for each group, for an operator that knows the modifier `anchored`;"
            " one that does not (0.85.0 is such) leaves out nearly all rules, and says so in its"
            " log alone."
        ),
    )
    replica_label: ExternalLabel = Field(
        default="__replica__",
        description=(
            "External label with the pod's name, by which the store takes the samples of one pod"
            " alone. Default: as Mimir and Cortex expect it."
        ),
    )
    remote_write: RemoteWrite | None = Field(
        default=None,
        description="The store that samples are sent to. null, as the default: none.",
    )
    thanos: Thanos | None = Field(
        default=None, description="The sidecar that uploads blocks. null, as the default: none."
    )


class KubernetesAlertmanager(Workload):
    """Alertmanager, several that tell each other what was sent."""

    replicas: Replicas = Field(default=3, description="Number of pods; any one may be away.")
    cpus: PodCpus = Field(default=0.1, description=_CPUS)
    memory_mib: PodMemory = Field(default=256, description=_MEMORY)
    disk_gib: DiskGib = Field(default=1, description=_DISK)
    secret: DnsName = Field(
        default="alerting",
        description=(
            "Secret with one key for each file that receivers name (guide/alerting.md of imsobs)."
        ),
    )


class KubernetesJaeger(Pod):
    """Where traces go: Jaeger on a distributed store, or one that runs already."""

    replicas: Replicas = Field(default=2, description="Number of pods; any one may be away.")
    cassandra: Cassandra | None = Field(
        default=None,
        description="Cassandra that keeps traces. null, as the default: another key says where.",
    )
    opensearch: OpenSearch | None = Field(
        default=None,
        description="OpenSearch that keeps traces. null, as the default: another key says where.",
    )
    otlp: Address | None = Field(
        default=None,
        description=(
            "Address (host:port, gRPC) of a Jaeger or another store that runs already; none is"
            " rendered then. null, as the default: another key says where."
        ),
    )


class KubernetesLoki(Workload):
    """Where log records go: Loki on an object store, or one that runs already."""

    replicas: Replicas = Field(
        default=3, description="Number of pods; each record is held by three."
    )
    memory_mib: PodMemory = Field(default=2048, description=_MEMORY)
    tenant: Tenant | None = Field(
        default=None,
        description="Tenant that records are sent as (header X-Scope-OrgID). null: no tenants.",
    )
    s3: ObjectStore | None = Field(
        default=None,
        description="Bucket that keeps records. null, as the default: another key says where.",
    )
    otlp: HttpUrl | None = Field(
        default=None,
        description=(
            "Address of a Loki that runs already, without its path /otlp; none is rendered then."
            " null, as the default: another key says where."
        ),
    )


class KubernetesGrafana(Section):
    """How Grafana is handed its dashboards and data sources."""

    by: Literal["sidecar", "operator"] = Field(
        default="sidecar",
        description=(
            "`sidecar`: by ConfigMaps with the labels `grafana_dashboard` and"
            " `grafana_datasource`, as Grafana's Helm chart reads them. `operator`: by objects of"
            " grafana-operator as well."
        ),
    )
    namespaces: list[DnsLabel] = Field(
        default=[],
        description="Namespaces whose pods may query the stores. Default: this one alone.",
    )


class Region(Section):
    """A region: manifests of its own, which differ in labels and addresses alone."""

    external_labels: dict[ExternalLabel, PlainValue] = Field(
        default={}, description="Further external labels of its series. Default: none."
    )
    remote_write: HttpUrl | None = Field(
        default=None, description="Where its samples are sent. null, as the default: as elsewhere."
    )


class Instrumentation(Section):
    """What opentelemetry-operator puts into the pods of the service's Deployments.

    deployments: Deployment -> the container of it that is instrumented.
    """

    image: TaggedImage = Field(
        description=(
            "Image with the instrumentation, built as guide/kubernetes.md of imsobs says, with its"
            " tag or digest."
        )
    )
    deployments: dict[DnsLabel, DnsLabel] = Field(
        default={},
        description=(
            "Deployment of the service -> its container that is instrumented; a patch for each is"
            " rendered. Default: none."
        ),
    )


class Kubernetes(Section):
    """The stack on Kubernetes, beside the one machine; rendered to stack/kubernetes/."""

    namespace: DnsLabel | None = Field(
        default=None,
        description=(
            "Namespace of everything. null, as the default: `service.namespace` with"
            " `-observability`."
        ),
    )
    cluster: PlainValue = Field(
        default="main",
        description="External label `cluster` of every series and alert; a region adds its name.",
    )
    external_labels: dict[ExternalLabel, PlainValue] = Field(
        default={}, description="Further external labels. Default: none."
    )
    regions: dict[DnsLabel, Region] = Field(
        default={},
        description=(
            "Name -> a region, with manifests of its own in stack/kubernetes/regions/ and the"
            " external labels `region` (`eu`) and `cluster` (`main-eu`). Default: one region"
            " without a name."
        ),
    )
    senders: list[DnsLabel] = Field(
        default=[],
        description=(
            "Namespaces whose pods may send telemetry. Default: the one that is named as"
            " `service.namespace`."
        ),
    )
    environment: Environment | None = Field(
        default=None,
        description=(
            "Environment, one of `service.environments`, that the service and its health report as."
            " null, as the default: the first of them."
        ),
    )
    service_url: ServiceAddress | None = Field(
        default=None,
        description=(
            "Where the health routes of the service are asked. null, as the default: the Service"
            " of its first name in the first namespace of `senders`, at the port of `service.url`."
        ),
    )
    derive: Scaled = Field(
        default=Scaled(),
        description="Collectors that receive, count and expose what they counted.",
    )
    sample: Scaled = Field(
        default=Scaled(most=4),
        description="Collectors that hold whole traces, decide which are kept, and redact.",
    )
    current: Pod = Field(
        default=Pod(),
        description="The one Collector that holds the last value of every gauge.",
    )
    prometheus: KubernetesPrometheus = Field(
        default=KubernetesPrometheus(), description="Prometheus, twice, and its remote store."
    )
    alertmanager: KubernetesAlertmanager = Field(
        default=KubernetesAlertmanager(), description="Alertmanager, three times."
    )
    jaeger: KubernetesJaeger | None = Field(
        default=None,
        description="Where traces go; given exactly when `stack.jaeger` is not null.",
    )
    loki: KubernetesLoki | None = Field(
        default=None,
        description="Where log records go; given exactly when `stack.loki` is not null.",
    )
    grafana: KubernetesGrafana = Field(
        default=KubernetesGrafana(), description="How Grafana is handed its dashboards."
    )
    instrumentation: Instrumentation | None = Field(
        default=None,
        description="Instrumentation that the operator injects. null, as the default: none.",
    )

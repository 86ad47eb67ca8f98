"""Distributed stores of the stack on Kubernetes: their addresses, and who they take it for."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from imsobs.spec.schema.base import HttpUrl, Section
from imsobs.spec.schema.stack import Image, Version

DNS_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DnsLabel = Annotated[str, StringConstraints(pattern=rf"^{DNS_LABEL}$")]
DnsName = Annotated[
    str, StringConstraints(pattern=rf"^{DNS_LABEL}(\.{DNS_LABEL})*$", max_length=253)
]


def _no_folder(tenant: str) -> str:
    if tenant in (".", ".."):
        raise ValueError("must not be . or .., which the stores refuse: a folder has its name")
    return tenant


Tenant = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9!_.*'()-]{1,150}$"),
    AfterValidator(_no_folder),
]
Bucket = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]|\.[a-z0-9]){1,61}[a-z0-9]$", max_length=63)
]
CqlName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,47}$")]

_ACCOUNT = (
    "Secret with the keys `username` and `password`. null, as the default: none is asked for."
)


class Secret(Section):
    """A Secret of the namespace, which somebody else makes; no value of it is rendered."""

    name: DnsName = Field(description="Name of the Secret.")


class RemoteWrite(Section):
    """The distributed store that both Prometheus send every sample to."""

    url: HttpUrl = Field(description="Where samples are sent, such as http://mimir/api/v1/push.")
    tenant: Tenant | None = Field(
        default=None,
        description="Tenant of the store (header X-Scope-OrgID). null, as the default: none.",
    )
    bearer: Secret | None = Field(
        default=None,
        description="Secret whose key `token` every request carries. null, as the default: none.",
    )


class Thanos(Section):
    """A Thanos sidecar beside each Prometheus, which uploads its blocks."""

    version: Version = Field(description="Release of Thanos.")
    image: Image = Field(
        default="quay.io/thanos/thanos", description="Image without tag, also one of a mirror."
    )
    secret: DnsName = Field(
        description="Secret whose key `objstore.yml` says where the blocks are kept."
    )


class Cassandra(Section):
    """A Cassandra cluster for traces."""

    servers: Annotated[list[DnsName], Field(min_length=1)] = Field(
        description="Hosts that are asked first; the others are found from there."
    )
    datacenter: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = Field(
        default="dc1", description="Datacenter whose nodes are asked."
    )
    keyspace: CqlName = Field(
        default="jaeger_v1", description="Keyspace, which the first pod of Jaeger makes."
    )
    replication: Annotated[int, Field(ge=1, le=9)] = Field(
        default=3,
        description=(
            "Number of nodes that hold each trace. From three on, most of them must answer"
            " (LOCAL_QUORUM), so that what was stored is read while any one is away; below, one"
            " (LOCAL_ONE)."
        ),
    )
    secret: DnsName | None = Field(default=None, description=_ACCOUNT)


class OpenSearch(Section):
    """An OpenSearch cluster for traces."""

    urls: Annotated[list[HttpUrl], Field(min_length=1)] = Field(description="Its addresses.")
    index_prefix: DnsLabel | None = Field(
        default=None, description="Beginning of the indices' names. null, as the default: none."
    )
    shards: Annotated[int, Field(ge=1, le=256)] = Field(
        default=5, description="Number of shards of each index."
    )
    replicas: Annotated[int, Field(ge=0, le=8)] = Field(
        default=1, description="Number of copies of each shard beside it. 0: there is none."
    )
    secret: DnsName | None = Field(default=None, description=_ACCOUNT)


class ObjectStore(Section):
    """A bucket of an object store that speaks S3."""

    bucket: Bucket = Field(description="Name of the bucket.")
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")] = Field(
        default="us-east-1", description="Its region."
    )
    endpoint: HttpUrl | None = Field(
        default=None, description="Address of the store. null, as the default: that of AWS."
    )
    secret: DnsName | None = Field(
        default=None,
        description=(
            "Secret with the keys `access_key_id` and `secret_access_key`. null, as the default:"
            " the pod's own identity is used."
        ),
    )

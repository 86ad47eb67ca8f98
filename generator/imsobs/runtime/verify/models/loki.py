"""Loki's configuration file, as far as the rendered one may use it."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from imsobs.runtime.verify.models import Documented

Hours = Annotated[str, StringConstraints(pattern=r"^\d+h$")]
Size = Annotated[str, StringConstraints(pattern=r"^\d+(KB|MB)$")]


class Analytics(Documented):
    reporting_enabled: bool


class Server(Documented):
    http_listen_address: str
    http_listen_port: int
    http_path_prefix: str | None
    grpc_listen_address: str
    grpc_listen_port: int
    log_level: Literal["debug", "info", "warn", "error"]


class KvStore(Documented):
    store: Literal["inmemory", "memberlist", "consul", "etcd", "multi"]


class Ring(Documented):
    instance_addr: str
    kvstore: KvStore


class Filesystem(Documented):
    chunks_directory: str
    rules_directory: str


class Storage(Documented):
    filesystem: Filesystem


class Common(Documented):
    instance_addr: str
    path_prefix: str
    replication_factor: int
    ring: Ring
    storage: Storage


class Lifecycler(Documented):
    min_ready_duration: str


class Ingester(Documented):
    lifecycler: Lifecycler


class Index(Documented):
    prefix: str
    # The tsdb index knows no other period.
    period: Literal["24h"]


class Period(Documented):
    from_: Annotated[datetime.date, Field(alias="from")]
    store: Literal["tsdb"]
    object_store: Literal["filesystem"]
    # Structured metadata needs this schema.
    schema_: Annotated[Literal["v13"], Field(alias="schema")]
    index: Index


class Schemas(Documented):
    configs: list[Period]


class Compactor(Documented):
    working_directory: str
    retention_enabled: bool
    delete_request_store: Literal["filesystem"]


class AttributesConfig(Documented):
    action: Literal["index_label", "structured_metadata", "drop"]
    attributes: list[str]


class ResourceAttributes(Documented):
    ignore_defaults: bool
    attributes_config: list[AttributesConfig]


class OtlpConfig(Documented):
    resource_attributes: ResourceAttributes


class Limits(Documented):
    retention_period: Hours
    reject_old_samples: bool
    reject_old_samples_max_age: Hours
    max_line_size: Size
    max_line_size_truncate: bool
    allow_structured_metadata: bool
    max_structured_metadata_size: Size
    discover_log_levels: bool
    deletion_mode: str
    discover_service_name: list[str]
    ingestion_rate_mb: int
    ingestion_burst_size_mb: int
    per_stream_rate_limit: Size
    per_stream_rate_limit_burst: Size
    otlp_config: OtlpConfig


class LokiFile(Documented):
    """The whole file."""

    auth_enabled: bool
    analytics: Analytics
    server: Server
    common: Common
    ingester: Ingester
    schema_config: Schemas
    compactor: Compactor
    limits_config: Limits

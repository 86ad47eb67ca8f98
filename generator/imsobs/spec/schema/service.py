"""The service under observation: who reports, from where, and what its health routes are."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec.schema.base import (
    Environment,
    EnvName,
    LabelValue,
    ProjectPath,
    Reachable,
    RoutePath,
    Section,
    ServiceName,
)

# As HTTP allows it, without what could end the header.
HeaderText = Annotated[str, Field(pattern=r"^[ -~]{0,256}$")]


class FromEnvironment(Section):
    """A text that the Collector reads from its environment, for what no file may hold."""

    env: EnvName = Field(description="Name of the variable; not set, the text is empty.")


class Probe(Section):
    """How the Collector asks the health routes; how often is `collector.probe_interval`."""

    method: Literal["GET", "HEAD"] = Field(
        default="GET", description="HTTP method. An answer to HEAD has no body."
    )
    headers: dict[
        Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$")], HeaderText | FromEnvironment
    ] = Field(
        default={},
        description=(
            "Headers of every request of the probe. A secret is read from a variable of the"
            " Collector's environment: `authorization: {env: IMSOBS_HEALTH_AUTHORIZATION}`."
            " Default: none."
        ),
    )
    answer: Literal["body", "status"] = Field(
        default="body",
        description=(
            "What decides the health of a component. `body`: the component's status in the JSON"
            " body; an answer without a body counts by its status code. `status`: the status"
            " code alone, 2xx is healthy."
        ),
    )


Address = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9._~:%\[\]-]+$"), Reachable]


class Service(Section):
    """The service under observation.

    names: allowed values of service.name; url: where the Collector reaches the service's own
    routes.
    """

    namespace: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = Field(
        description=(
            "First part of the names of series, files and jobs that the tool adds, and the value"
            " of `service.namespace`."
        )
    )
    names: list[ServiceName] = Field(
        min_length=1,
        description=(
            "Allowed values of `service.name`; any other counts as `other`. Default: the keys of"
            " `services`, the first with a `url` before the others."
        ),
    )
    environments: list[Environment] = Field(
        min_length=1,
        description=(
            "Allowed values of deployment.environment.name. The first is that of a process that"
            " has none set (IMSOBS_ENVIRONMENT), the last the one that `imsobs drill`"
            " reports as. One that is not listed counts as other."
        ),
    )
    url: Address = Field(
        description=(
            "Where the Collector reaches the service's own routes. Default: that of the first of"
            " `services` that has one."
        )
    )
    health: RoutePath | None = Field(
        default="/health",
        description=(
            "Route that answers 2xx while the service works: the component `service`. It is asked"
            " every few seconds, so name one that costs nothing (the /health of some gateways"
            " calls every model). null: the Collector probes nothing, and there are no metrics"
            " of health."
        ),
    )
    health_detailed: RoutePath | None = Field(
        default="/health/detailed",
        description=(
            "Route that answers the health of each component, asked with `?component=NAME`. It"
            ' answers `{"components": {NAME: {"status": "healthy"}}}`; any other status is'
            " unhealthy. null: components are not probed."
        ),
    )
    components: list[LabelValue] = Field(
        default=[],
        description="Names of the components that the detailed route knows. Default: none.",
    )
    probe: Probe = Field(
        default=Probe(),
        description="How the health routes are asked. Default: GET, decided by the body.",
    )
    log_file: ProjectPath = Field(
        default="logs/service.jsonl",
        description=(
            "File that a service without OTLP logs writes, as JSON lines, for Promtail; relative"
            " to the project. Default: logs/service.jsonl."
        ),
    )

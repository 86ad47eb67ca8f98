"""Several services: what each has of its own."""

from typing import Annotated

from pydantic import Field

from imsobs.spec import packs
from imsobs.spec.schema.base import KebabName, LabelValue, RoutePath, Section, ServiceName
from imsobs.spec.schema.service import Address
from imsobs.spec.services import HEALTH

PackName = Annotated[str, Field(json_schema_extra={"enum": list(packs.names())})]


class OwnService(Section):
    """One of several services; its key is the value of service.name.

    What all of them share is in ``service``.
    """

    owner: KebabName | None = Field(
        default=None,
        description=(
            "Team of `alerting.teams` that is told of every alert on this service, whichever team"
            " owns the alert. null: the team of the alert."
        ),
    )
    url: Address | None = Field(
        default=None,
        description=(
            "Where the Collector reaches the service's health route. null: it is not probed."
        ),
    )
    health: RoutePath | None = Field(
        default=HEALTH,
        description="Route that answers 2xx while the service works. null: it is not probed.",
    )
    routes: list[LabelValue] = Field(
        default=[],
        description=(
            "Templates of the service's routes. Those of all services are the values of the label"
            " `route`, where that has none of its own. Default: none."
        ),
    )
    use: list[PackName] = Field(
        default=[],
        description=(
            "Packs that this service uses. Metrics of a pack that not every service uses are"
            " expected from those that do. Default: none besides `use` of the spec."
        ),
    )


Services = dict[ServiceName, OwnService]

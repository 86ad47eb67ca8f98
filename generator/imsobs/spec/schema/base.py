"""Shared building blocks of the spec's schema."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)


class Section(BaseModel):
    """A mapping of the spec: unknown keys are faults, values never change after parsing.

    Strict: true is no number, and a number no text.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, defer_build=True, allow_inf_nan=False
    )


MetricName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
LabelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Environment = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
EventName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
AlertName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]{2,60}$")]
# A value of service.name.
ServiceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
KebabName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
# Prometheus, Alertmanager and Loki count nanoseconds in 63 bits: some 292 years.
_LONGEST = 100 * 365 * 86400


def _in_reach(duration: str) -> str:
    if len(duration) > 64 or seconds(duration) > _LONGEST:
        raise ValueError("must be no longer than 100 years")
    return duration


# Seconds to weeks as Prometheus writes them: 30s, 5m, 1h30m, 30d.
DurationText = Annotated[
    str,
    StringConstraints(pattern=r"^(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?$", min_length=2),
    AfterValidator(_in_reach),
]


def _positive(duration: str) -> str:
    if seconds(duration) == 0:
        raise ValueError("must be longer than 0s")
    return duration


# A duration of which 0s would be no setting but a fault.
PositiveDuration = Annotated[
    DurationText,
    AfterValidator(_positive),
    Field(json_schema_extra={"not": {"pattern": r"^(?:0+[wdhms])+$"}}),
]
_SEGMENT = r"[A-Za-z0-9_*][A-Za-z0-9_.*-]*"
# A folder or file of the project: relative, and no part of it hidden or a way upwards.
ProjectPath = Annotated[str, StringConstraints(pattern=rf"^{_SEGMENT}(/{_SEGMENT})*$")]


def _reachable(address: str) -> str:
    """Refuse what has the letters of an address, and cannot be one."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        possible = bool(parts.hostname) and parts.port != 0
    except ValueError:
        possible = False
    if not possible:
        raise ValueError("must name a host, and a port from 1 to 65535 if any; [] around IPv6")
    return address


Reachable = AfterValidator(_reachable)
# No template, no markup, nothing that a shell or a reference to the environment is made of.
_PATH_AND_QUERY = r"(/[A-Za-z0-9._~:@%/?&=+,;#-]*)?"
HttpUrl = Annotated[
    str,
    StringConstraints(pattern=rf"^https?://[A-Za-z0-9._~:%\[\]-]+{_PATH_AND_QUERY}$"),
    Reachable,
]
LoopbackUrl = Annotated[
    str, StringConstraints(pattern=rf"^http://(127\.0\.0\.1|localhost)(:\d+)?{_PATH_AND_QUERY}$")
]
# Path and query of a URL, none of whose characters a configuration file could expand.
RoutePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~:@%/?&=+,;-]*$")]
SnakeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,62}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
LabelValue = Annotated[str, StringConstraints(min_length=1, max_length=128)]
# Prometheus expands templates in the labels of alerts: no braces.
PlainValue = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^{}]*$")]
Ratio = Annotated[float, Field(ge=0, le=1)]

_UNIT_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def seconds(duration: str) -> int:
    """Return the seconds of a Prometheus duration such as ``1h30m``."""
    total, digits = 0, ""
    for character in duration:
        if character.isdigit():
            digits += character
        else:
            total += int(digits) * _UNIT_SECONDS[character]
            digits = ""
    return total


def seconds_of(text: str) -> int | None:
    """Return the seconds of a duration that somebody typed; None when it is none, or nothing."""
    try:
        return seconds(_ANY_DURATION.validate_python(text))
    except ValidationError:
        return None


_ANY_DURATION = TypeAdapter(PositiveDuration)

"""Routing: who is told what, what is held back, and the routes that are expected."""

from typing import Annotated

from pydantic import Field

from imsobs.spec.schema.base import (
    DurationText,
    KebabName,
    LabelName,
    LabelValue,
    LoopbackUrl,
    Section,
    Text,
)

# A file below the secrets folder, never the secret itself.
SecretFile = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# The keys that take one.
SECRET_FILES = ("key_file", "password_file", "url_file")
# Alertmanager expands templates in addresses: no braces.
Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`|~-]+@[A-Za-z0-9.-]+$")]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Weekday = Annotated[
    str,
    Field(
        pattern=r"^(mon|tues|wednes|thurs|fri|satur|sun)day(:(mon|tues|wednes|thurs|fri|satur|sun)day)?$"
    ),
]
Matchers = dict[LabelName, LabelValue | list[LabelValue]]


class Slack(Section):
    """A Slack channel; url_file holds the incoming webhook's URL."""

    url_file: SecretFile
    channel: Annotated[str, Field(pattern=r"^[#@][a-z0-9._-]+$")]


class PagerDuty(Section):
    """A PagerDuty service; key_file holds its Events API v2 routing key."""

    key_file: SecretFile


class Webhook(Section):
    """A web hook: its URL in a file, or in the open when it is on loopback."""

    url_file: SecretFile | None = None
    url: LoopbackUrl | None = None


class Email(Section):
    """Mail over a relay with TLS; password_file holds the relay's password."""

    to: Address
    sender: Annotated[Address, Field(alias="from")]
    smarthost: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:\d+$")]
    username: Annotated[str, Field(pattern=r"^[^{}\s]+$")]
    password_file: SecretFile


class Receiver(Section):
    """Where notifications go; one with nothing in it keeps them in Alertmanager's page."""

    slack: Slack | None = None
    pagerduty: PagerDuty | None = None
    webhook: Webhook | None = None
    email: Email | None = None


class Route(Section):
    """A route: alerts with these labels go to this receiver. First match wins.

    then_continue (``continue``): later routes are tried as well. mute: names of ``mutes``
    in which nothing is sent.
    """

    match: Matchers
    receiver: KebabName
    then_continue: Annotated[bool, Field(alias="continue")] = False
    mute: list[KebabName] = []
    group_by: list[LabelName] | None = None
    group_wait: DurationText | None = None
    group_interval: DurationText | None = None
    repeat_interval: DurationText | None = None


class Inhibition(Section):
    """While an alert like ``source`` fires, those like ``target`` with equal labels are held."""

    source: Matchers
    target: Matchers
    equal: list[LabelName] = []


class Interval(Section):
    """A recurring time: days of the week and a time of day."""

    weekdays: list[Weekday] = []
    start: Annotated[ClockTime, Field(alias="from")] = "00:00"
    end: Annotated[ClockTime, Field(alias="to")] = "24:00"


class Mute(Section):
    """Times in which routes that name it send nothing."""

    description: Text
    location: str = "UTC"
    times: list[Interval] = Field(min_length=1)


class Expectation(Section):
    """An alert, by its labels, and what must become of it.

    receivers: in order; inhibited: by another alert with the labels of ``beside``;
    muted: during the mute of this name.
    """

    labels: dict[LabelName, str]
    receivers: list[KebabName] = []
    beside: dict[LabelName, str] | None = None
    inhibited: bool = False
    muted: KebabName | None = None


class Routing(Section):
    """The tree of routes, its defaults, and what is expected of it.

    secrets: folder of the secret files, below ``secrets/`` of the project; nothing else of it is
    mounted into Alertmanager, the one component with a way out of the machine.
    """

    receiver: KebabName
    group_by: list[LabelName] = Field(min_length=1)
    group_wait: DurationText = "30s"
    group_interval: DurationText = "5m"
    repeat_interval: DurationText = "4h"
    secrets: Annotated[str, Field(pattern=r"^secrets(/[a-z0-9_-]+)+$")] = "secrets/alerting"
    routes: dict[KebabName, Route]
    expect: dict[KebabName, Expectation] = {}


Receivers = dict[KebabName, Receiver]
Inhibitions = dict[KebabName, Inhibition]
Mutes = dict[KebabName, Mute]

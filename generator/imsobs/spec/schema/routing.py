"""Routing: who is notified of what, what is inhibited, and the routes that are expected."""

from typing import Annotated

from pydantic import Field

from imsobs.spec.schema.base import (
    DurationText,
    KebabName,
    LabelName,
    LabelValue,
    LoopbackUrl,
    PositiveDuration,
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

    url_file: SecretFile = Field(
        description="File below `routing.secrets` that holds the URL of the incoming webhook."
    )
    channel: Annotated[str, Field(pattern=r"^[#@][a-z0-9._-]+$")] = Field(
        description="Channel (`#name`) or person (`@name`)."
    )


class PagerDuty(Section):
    """A PagerDuty service; key_file holds its Events API v2 routing key."""

    key_file: SecretFile = Field(
        description="File below `routing.secrets` that holds the routing key of the Events API v2."
    )


class Webhook(Section):
    """A web hook: its URL in a file, or in the open when it is on loopback."""

    url_file: SecretFile | None = Field(
        default=None,
        description="File below `routing.secrets` that holds the URL. null: `url` is given.",
    )
    url: LoopbackUrl | None = Field(
        default=None,
        description=(
            "URL on the loopback interface, which is no secret. null: `url_file` is given."
        ),
    )


class Email(Section):
    """Mail over a relay with TLS; password_file holds the relay's password."""

    to: Address = Field(description="Address of the receiver.")
    sender: Annotated[Address, Field(alias="from")] = Field(description="Address of the sender.")
    smarthost: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:\d+$")] = Field(
        description="HOST:PORT of the mail relay; it must offer TLS."
    )
    username: Annotated[str, Field(pattern=r"^[^{}\s]+$")] = Field(description="User at the relay.")
    password_file: SecretFile = Field(
        description="File below `routing.secrets` that holds the password at the relay."
    )


class Receiver(Section):
    """Where notifications go; one with nothing in it keeps them in Alertmanager's page."""

    slack: Slack | None = Field(
        default=None,
        description="Send to Slack. null: nothing is sent there.",
    )
    pagerduty: PagerDuty | None = Field(
        default=None,
        description="Send to PagerDuty. null: nothing is sent there.",
    )
    webhook: Webhook | None = Field(
        default=None,
        description="Send to a web hook. null: nothing is sent there.",
    )
    email: Email | None = Field(
        default=None,
        description="Send by mail. null: nothing is sent there.",
    )

    def secret_files(self) -> list[str]:
        """Return the files below ``routing.secrets`` that it reads."""
        ways = (self.slack, self.pagerduty, self.webhook, self.email)
        given = (getattr(way, key, None) for way in ways for key in SECRET_FILES)
        return [file for file in given if file is not None]


class Route(Section):
    """A route: alerts with these labels go to this receiver. First match wins.

    then_continue (``continue``): later routes are tried as well. mute: names of ``mutes``
    in which nothing is sent.
    """

    match: Matchers = Field(
        description="Labels of an alert -> the value, or a list of values, that this route takes."
    )
    receiver: KebabName = Field(description="Name of an entry of `receivers`.")
    then_continue: Annotated[bool, Field(alias="continue")] = Field(
        default=False,
        description=(
            "Whether later routes are tried as well. Default: the first that matches is the last."
        ),
    )
    mute: list[KebabName] = Field(
        default=[],
        description="Names of `mutes` during which nothing is sent. Default: none.",
    )
    group_by: list[LabelName] | None = Field(
        default=None,
        description="Labels whose values make one notification. null: as in `routing`.",
    )
    group_wait: DurationText | None = Field(
        default=None,
        description=(
            "Time until the first notification of a new group. null: as in `routing`. 0s: it"
            " is sent at once."
        ),
    )
    group_interval: PositiveDuration | None = Field(
        default=None,
        description="Time until a group that changed is sent again. null: as in `routing`.",
    )
    repeat_interval: PositiveDuration | None = Field(
        default=None,
        description=(
            "Time until a group that did not change is sent again. null: as in `routing`."
        ),
    )


class Inhibition(Section):
    """While an alert like ``source`` fires, those like ``target`` with equal labels are held."""

    source: Matchers = Field(
        description="Labels of the alert that holds others back -> value or list of values."
    )
    target: Matchers = Field(
        description="Labels of the alerts that are held back -> value or list of values."
    )
    equal: list[LabelName] = Field(
        default=[],
        description=(
            "Labels that both have with the same value. Default: none; any source holds back any"
            " target."
        ),
    )


class Interval(Section):
    """A recurring time: days of the week and a time of day."""

    weekdays: list[Weekday] = Field(
        default=[],
        description="Days, or ranges of days such as `monday:friday`. Default: every day.",
    )
    start: Annotated[ClockTime, Field(alias="from")] = Field(
        default="00:00",
        description="Time of day at which it begins, HH:MM. Default: 00:00.",
    )
    end: Annotated[ClockTime, Field(alias="to")] = Field(
        default="24:00",
        description="Time of day at which it ends, HH:MM, up to 24:00. Default: 24:00.",
    )


class Mute(Section):
    """Times in which routes that name it send nothing."""

    description: Text = Field(description="What this time is.")
    location: str = Field(
        default="UTC",
        description="Time zone by its IANA name. Default: UTC.",
    )
    times: list[Interval] = Field(
        min_length=1, description="The times; a night is two of them, before and after midnight."
    )


class Expectation(Section):
    """An alert, by its labels, and what must become of it.

    receivers: in order; inhibited: by another alert with the labels of ``beside``;
    muted: during the mute of this name.
    """

    labels: dict[LabelName, str] = Field(
        description=(
            "Labels of the alert. An alert of the spec has its own `severity`, `team` and `area`,"
            " unless they are given."
        )
    )
    receivers: list[KebabName] = Field(
        default=[],
        description="Names of the receivers that are notified, in order. Default: none is.",
    )
    beside: dict[LabelName, str] | None = Field(
        default=None,
        description=(
            "Labels of another alert that fires at the same time, as in `labels`. null: it fires"
            " alone."
        ),
    )
    inhibited: bool = Field(
        default=False,
        description="Whether the alert of `beside` holds it back. Default: it does not.",
    )
    muted: KebabName | None = Field(
        default=None,
        description="Name of the mute during which it is not sent. null: it is always sent.",
    )


class Routing(Section):
    """The tree of routes, its defaults, and what is expected of it.

    secrets: folder of the secret files, below ``secrets/`` of the project; nothing else of it is
    mounted into Alertmanager, the one component with a way out of the machine.
    """

    receiver: KebabName = Field(
        "nobody",
        description="Receiver of what no route takes. Default: the first of `receivers` that"
        " notifies somebody.",
    )
    group_by: list[LabelName] = Field(
        ["alertname", "service_name", "deployment_environment_name"],
        min_length=1,
        description="Labels whose values make one notification. Default: alert, service and"
        " environment.",
    )
    group_wait: DurationText = Field(
        default="30s",
        description=(
            "Time until the first notification of a new group. 0s: it is sent at once. Default: 30"
            " seconds."
        ),
    )
    group_interval: PositiveDuration = Field(
        default="5m",
        description="Time until a group that changed is sent again. Default: 5 minutes.",
    )
    repeat_interval: PositiveDuration = Field(
        default="4h",
        description="Time until a group that did not change is sent again. Default: 4 hours.",
    )
    secrets: Annotated[str, Field(pattern=r"^secrets(/[a-z0-9_-]+)+$")] = Field(
        default="secrets/alerting",
        description=(
            "Folder of the secret files, below `secrets/` of the project. Default:"
            " secrets/alerting."
        ),
    )
    routes: dict[KebabName, Route] = Field(
        {},
        description="Routes in the order in which they are tried. Default: none; everything goes"
        " to `receiver`.",
    )
    expect: dict[KebabName, Expectation] = Field(
        default={},
        description=(
            "Name -> an alert and what must become of it; tested against the rendered"
            " configuration. Default: none."
        ),
    )


Receivers = dict[KebabName, Receiver]
Inhibitions = dict[KebabName, Inhibition]
Mutes = dict[KebabName, Mute]

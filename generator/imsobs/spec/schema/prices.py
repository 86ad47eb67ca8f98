"""What model calls cost: where the usage is told, and the price table."""

import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from imsobs.spec.schema.base import LabelValue, Section, Text

Usd = Annotated[float, Field(ge=0, le=1e6)]
Tier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Steps = dict[Annotated[int, Field(ge=1)], "Rates"]
# The part of ``Usage`` that counts tokens, in the order of a rate's keys.
TOKENS = (
    "input",
    "output",
    "cached_read",
    "cache_write",
    "audio_input",
    "audio_output",
    "audio_cached_read",
    "image_input",
    "image_output",
    "image_cached_read",
)


def _keys(description: str) -> list[str]:
    found: list[str] = Field(default=[], description=description)
    return found


class Usage(Section):
    """Where a priced signal carries what was used; first present attribute or field wins.

    input includes everything that was sent, output everything that was answered.
    """

    input: list[str] = _keys("Tokens sent, those read from and written to a cache included.")
    output: list[str] = _keys("Tokens answered, reasoning included.")
    cached_read: list[str] = _keys("Input tokens that the vendor read from its cache.")
    cache_write: list[str] = _keys("Input tokens that the vendor wrote to its cache.")
    audio_input: list[str] = _keys("Input tokens that are audio, cached ones included.")
    audio_output: list[str] = _keys("Output tokens that are audio.")
    audio_cached_read: list[str] = _keys(
        "Input tokens that are audio and were read from the cache. Where it is not told, those"
        " that were read are taken for text."
    )
    image_input: list[str] = _keys("Input tokens that are images, cached ones included.")
    image_output: list[str] = _keys("Output tokens that are images.")
    image_cached_read: list[str] = _keys(
        "Input tokens that are images and were read from the cache. Where it is not told, those"
        " that were read are taken for text."
    )
    tier: list[str] | None = Field(
        default=None,
        description="The service tier that the vendor served, then that which was asked for."
        " Default: of spans, the attributes openai.response.service_tier,"
        " gen_ai.openai.response.service_tier, openai.request.service_tier and"
        " gen_ai.openai.request.service_tier; of events, none.",
    )
    reported_cost: list[str] = _keys(
        "What the vendor itself says that the call cost, USD. Where it is told and above 0 it is"
        " the cost, and the price table is not asked. 0 is taken for not told."
    )

    def tokens(self) -> dict[str, list[str]]:
        """Return kind of tokens -> where it is read from, of the kinds that are told."""
        return {kind: keys for kind in TOKENS if (keys := getattr(self, kind))}


class Rates(Section):
    """USD per million tokens."""

    input: Usd = Field(description="Of input tokens that are neither cached nor of another kind.")
    output: Usd = Field(description="Of output tokens, reasoning included. 0: they are free.")
    cached_read: Usd | None = Field(
        default=None, description="Of input tokens read from the cache. Default: as input."
    )
    cache_write: Usd | None = Field(
        default=None, description="Of input tokens written to the cache. Default: as input."
    )
    audio_input: Usd | None = Field(
        default=None,
        description="Of audio tokens sent. Default: a call with such tokens is unpriced.",
    )
    audio_output: Usd | None = Field(
        default=None,
        description="Of audio tokens answered. Default: a call with such tokens is unpriced.",
    )
    audio_cached_read: Usd | None = Field(
        default=None, description="Of audio tokens read from the cache. Default: as audio_input."
    )
    image_input: Usd | None = Field(
        default=None,
        description="Of image tokens sent. Default: a call with such tokens is unpriced.",
    )
    image_output: Usd | None = Field(
        default=None,
        description="Of image tokens answered. Default: a call with such tokens is unpriced.",
    )
    image_cached_read: Usd | None = Field(
        default=None, description="Of image tokens read from the cache. Default: as image_input."
    )


class TierRates(Rates):
    """USD per million tokens, by the length of the input."""

    above: Steps = Field(
        default={},
        description="Input tokens, cached ones included -> the rates of a whole call that has"
        " more. Default: the rates hold for every length; of a service tier, up to the first step"
        " of the price itself, beyond which a call of the tier is unpriced.",
    )


def _no_factor(given: Any) -> Any:
    """A factor has become rates before this is parsed (spec/expand/prices.py), if it is one."""
    if isinstance(given, int | float):
        raise ValueError("a tier is its rates, or a number above 0: so many times the price")
    return given


RatesOfTier = Annotated[
    TierRates,
    BeforeValidator(
        _no_factor,
        json_schema_input_type=TierRates | Annotated[float, Field(gt=0, le=1e6)],
    ),
]


class Price(TierRates):
    """A price from a date on, until the next one for the same names."""

    # ``from`` is a Python keyword; the spec's authors should not have to know that.
    since: Annotated[datetime.date, Field(alias="from", description="First day (UTC).")]
    snapshots: list[LabelValue] = Field(
        default=[],
        description="Names of the model, as the vendor answers them, that this price is for."
        " Default: every name of the label's value. But when another price of the model names"
        " snapshots, the bare value alone; a name that no price has is then unpriced.",
    )
    tiers: dict[Tier, RatesOfTier] = Field(
        default={},
        description="Service tier, as the vendor names it (`priority`, `flex`, `batch`) -> its"
        " rates, or one number: so many times the price itself, `above` included. A call of a tier"
        " that is not here is unpriced. No tier, `default`, `standard` and `auto` are the price"
        " itself.",
    )
    source: Text | None = Field(
        default=None,
        description="Page or list where the price was read. Default: the vendor's in"
        " `price_sources`; one of the two has it.",
    )
    checked: datetime.date | None = Field(
        default=None,
        description="Day when it was last compared with the source. Default: the vendor's in"
        " `price_sources`; one of the two has it.",
    )


Prices = dict[LabelValue, dict[LabelValue, list[Price]]]


class PriceSource(Section):
    """Where the prices of a vendor were read, of those that do not say it themselves."""

    source: Text | None = Field(default=None, description="Page or list where they were read.")
    checked: datetime.date | None = Field(
        default=None, description="Day when they were last compared with it."
    )


PriceSources = dict[LabelValue, PriceSource]

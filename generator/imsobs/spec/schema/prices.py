"""What model calls cost: where the usage is reported, and the price table."""

import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from imsobs.spec.schema.base import LabelValue, Section, Text

Usd = Annotated[float, Field(ge=0, le=1e6)]
# In quotes it is a text.
Day = Annotated[datetime.date, Field(strict=False)]
Tier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
# A key of YAML is a text.
Steps = dict[Annotated[int, Field(ge=1, strict=False)], "Rates"]
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
    text = f"{description} Default: as `dialects` say, else it is not read."
    found: list[str] = Field(default=[], description=text)
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
        "Input tokens that are audio and were read from the cache. Where it is not reported,"
        " tokens that were read count as text."
    )
    image_input: list[str] = _keys("Input tokens that are images, cached ones included.")
    image_output: list[str] = _keys("Output tokens that are images.")
    image_cached_read: list[str] = _keys(
        "Input tokens that are images and were read from the cache. Where it is not reported,"
        " tokens that were read count as text."
    )
    tier: list[str] | None = Field(
        default=None,
        description="The service tier that the vendor served, then that which was asked for."
        " null: of spans, the attributes openai.response.service_tier,"
        " gen_ai.openai.response.service_tier, openai.request.service_tier and"
        " gen_ai.openai.request.service_tier; of events, none.",
    )
    reported_cost: list[str] = _keys(
        "What the vendor itself reports as the cost of the call, in USD. A value above 0 is the"
        " cost, and the price table is not used. 0 counts as not reported."
    )

    def tokens(self) -> dict[str, list[str]]:
        """Return kind of tokens -> where it is read from, of the kinds that are reported."""
        return {kind: keys for kind in TOKENS if (keys := getattr(self, kind))}


def _rate(what: str, *, null: str | None = None) -> Any:
    """Return the field of a rate. null: what holds where it is left out; None: it is required."""
    text = f"USD per million {what}. 0: they are free."
    if null is None:
        return Field(description=text)
    return Field(default=None, description=f"{text} null: {null}.")


_UNPRICED = "a call with such tokens is unpriced"


class Rates(Section):
    """USD per million tokens."""

    input: Usd = _rate("input tokens that are neither cached nor audio or images")
    output: Usd = _rate("output tokens, reasoning included")
    cached_read: Usd | None = _rate("input tokens that were read from the cache", null="as `input`")
    cache_write: Usd | None = _rate(
        "input tokens that were written to the cache", null="as `input`"
    )
    audio_input: Usd | None = _rate("audio tokens sent", null=_UNPRICED)
    audio_output: Usd | None = _rate("audio tokens answered", null=_UNPRICED)
    audio_cached_read: Usd | None = _rate(
        "audio tokens that were read from the cache", null="as `audio_input`"
    )
    image_input: Usd | None = _rate("image tokens sent", null=_UNPRICED)
    image_output: Usd | None = _rate("image tokens answered", null=_UNPRICED)
    image_cached_read: Usd | None = _rate(
        "image tokens that were read from the cache", null="as `image_input`"
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
    since: Annotated[Day, Field(alias="from", description="First day (UTC).")]
    snapshots: list[LabelValue] = Field(
        default=[],
        description="Names of the model, as the vendor answers them, that this price is for."
        " Default: every name of the label's value. But when another price of the model names"
        " snapshots, the bare value alone; a name that no price has is then unpriced. A model"
        " that the label `model` does not list becomes a value of it, for these names.",
    )
    tiers: dict[Tier, RatesOfTier] = Field(
        default={},
        description="Service tier, as the vendor names it (`priority`, `flex`, `batch`) -> its"
        " rates, or one number: so many times the price itself, `above` included. A call of a tier"
        " that is not here is unpriced. No tier, `default`, `standard` and `auto` are the price"
        " itself. Default: no tiers.",
    )
    source: Text | None = Field(
        default=None,
        description="Page or list where the price was read. null: the vendor's in"
        " `price_sources`, which then has it.",
    )
    checked: Day | None = Field(
        default=None,
        description="Day when it was last compared with the source. null: the vendor's in"
        " `price_sources`, which then has it.",
    )


Prices = dict[LabelValue, dict[LabelValue, list[Price]]]


class PriceSource(Section):
    """Where the prices of a vendor were read, of those that do not say it themselves."""

    source: Text | None = Field(
        default=None,
        description="Page or list where they were read. null: each price of the vendor names its"
        " own.",
    )
    checked: Day | None = Field(
        default=None,
        description="Day when they were last compared with the source. null: each price of the"
        " vendor has its own.",
    )


PriceSources = dict[LabelValue, PriceSource]

"""The LiteLLM proxy from PyPI, by the guide: what is counted is what was sent and answered."""

from __future__ import annotations

import pytest

from tests.gateways.installed import NotHad
from tests.gateways.page import PAGE, page
from tests.gateways.proxied import QUERIES, Result, run

pytestmark = [pytest.mark.native, pytest.mark.timeout(580)]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    try:
        return run(tmp_path_factory.mktemp("proxied"))
    except NotHad as error:
        pytest.skip(f"LiteLLM cannot be had here: {error}")


@pytest.mark.parametrize("kind", [kind for kind in QUERIES if kind != "USD"])
def test_found_is_what_was_expected(kind: str, result: Result) -> None:
    assert result.found[kind] == result.expected[kind]


def test_cost_is_what_litellm_says_that_the_calls_cost(result: Result) -> None:
    assert result.found["USD"] == pytest.approx(result.expected["USD"], rel=1e-9)
    assert sum(result.expected["USD"].values()) > 0


def test_the_time_to_the_first_token_is_that_of_the_vendor(result: Result) -> None:
    assert result.first_token.keys() == result.slow.keys()
    for who, least in result.slow.items():
        assert least / 1000 <= result.first_token[who] < result.seconds, who


def test_the_page_is_what_was_found(result: Result) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(result.expected, result.found)

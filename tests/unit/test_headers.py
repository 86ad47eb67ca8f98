"""Headers are read as the instrumentations read them, whatever is in them."""

from __future__ import annotations

import logging
import sys
from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.instrumentation import asgi
from opentelemetry.instrumentation import httpx as clients

from imsobs_instrumentation import headers

GET, NORMALIZE = asgi.ASGIGetter.get, clients._normalize_headers
NAMES = st.sampled_from(["host", "Host", "x-a", "X-A", "", "é", "K", "\u212a", "k", "accept"])
NAME_BYTES = st.one_of(NAMES.map(str.encode), st.binary(max_size=3))
VALUE_BYTES = st.one_of(st.sampled_from([b"a, b", b",", b" c "]), st.binary(max_size=4))
PAIRS = st.lists(st.tuples(NAME_BYTES, VALUE_BYTES), max_size=5)
ODD_PAIRS = st.lists(
    st.tuples(
        st.one_of(NAME_BYTES, NAMES, st.none(), NAME_BYTES.map(bytearray)),
        st.one_of(VALUE_BYTES, st.text(max_size=2), st.integers(), VALUE_BYTES.map(bytearray)),
    ),
    max_size=3,
)
CARRIERS = st.one_of(
    st.one_of(PAIRS, ODD_PAIRS, PAIRS.map(tuple), st.none(), st.just([b"alone"])).map(
        lambda pairs: {"headers": pairs}
    ),
    st.just({}),
)


def outcome(function: Any, *arguments: Any) -> tuple[str, str]:
    """Return what a function gives, or the kind of error that it raises."""
    try:
        return "", repr(function(*arguments))
    except Exception as error:
        return type(error).__name__, ""


@settings(max_examples=500, deadline=None)
@given(carrier=CARRIERS, key=st.one_of(NAMES, st.just(3)))
@pytest.mark.filterwarnings("ignore")
def test_a_server_gets_the_same_of_headers(carrier: Any, key: Any) -> None:
    ours = headers.getting(GET)
    getter = asgi.ASGIGetter()
    assert outcome(ours, getter, carrier, key) == outcome(GET, getter, carrier, key)


@settings(max_examples=500, deadline=None)
@given(
    module=st.sampled_from([httpx, httpx2]),
    pairs=PAIRS,
    encoding=st.sampled_from([None, "ascii", "utf-8", "iso-8859-1", "utf-16"]),
)
def test_a_client_gets_the_same_of_headers(module: Any, pairs: Any, encoding: Any) -> None:
    ours = headers.normalizing(NORMALIZE)
    given_, again = (module.Headers(pairs, encoding=encoding) for _ in range(2))
    assert outcome(ours, given_, module) == outcome(NORMALIZE, again, module)


@pytest.mark.parametrize("odd", [None, {}, {"A": "b"}, {"A": ["b", "c"]}, [(b"A", b"b, c")]])
def test_a_client_gets_the_same_of_headers_that_are_no_headers(odd: Any) -> None:
    assert headers.normalizing(NORMALIZE)(odd, httpx2) == NORMALIZE(odd, httpx2)


def test_a_usual_header_is_not_looked_for_by_the_instrumentation() -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the instrumentation's own was called")

    carrier = {"headers": [(b"host", b"a"), (b"X-A", b"1"), (b"x-a", b"2")]}
    assert headers.getting(fail)(None, carrier, "x-A") == ["1", "2"]
    assert headers.getting(fail)(None, carrier, "traceparent") is None
    sent = httpx2.Headers([("Accept", "a, b"), ("accept", "c")])
    assert headers.normalizing(fail)(sent, httpx2) == {"accept": ["a", "b", "c"]}


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Put back what is installed."""
    monkeypatch.setattr(asgi.ASGIGetter, "get", GET)
    monkeypatch.setattr(clients, "_normalize_headers", NORMALIZE)
    return monkeypatch


@pytest.mark.usefixtures("restored")
def test_both_take_their_places() -> None:
    headers.install()
    assert asgi.ASGIGetter.get is not GET
    assert clients._normalize_headers is not NORMALIZE


def test_at_a_difference_the_instrumentations_own_stay(
    restored: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def get(self: Any, carrier: Any, key: str) -> Any:
        return carrier.get("headers")

    def normalize(headers: Any, module: Any) -> Any:
        raise TypeError

    restored.setattr(asgi.ASGIGetter, "get", get)
    restored.setattr(clients, "_normalize_headers", normalize)
    with caplog.at_level(logging.WARNING):
        headers.install()
    assert (asgi.ASGIGetter.get, clients._normalize_headers) == (get, normalize)
    assert [line.rsplit(".", 1)[1] for line in caplog.messages] == [
        "get reads headers itself",
        "normalize reads headers itself",
    ]


def test_without_the_instrumentations_nothing_is_done(
    restored: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    restored.delitem(sys.modules, asgi.__name__)
    restored.delattr(clients, "_normalize_headers")
    headers.install()
    assert asgi.ASGIGetter.get is GET
    assert not caplog.messages

"""What secrets look like: keys, shapes, plain texts, and the compiled rules of the scanner."""

from __future__ import annotations

import re

import pytest
from golden import scanner

from imsobs import expressions
from imsobs.model import Model
from imsobs.outputs.redaction import key_patterns, value_patterns
from imsobs.redaction import contents, keys, known, plain
from imsobs.redaction.attempts import behind_word
from imsobs.redaction.hide import hide
from imsobs.spec.schema import routing
from release.secret_rules import analyse, by_hand

NAMES = ["api_key", "password", "token"]


def test_every_expression_is_one_that_go_compiles(model: Model) -> None:
    patterns = [*value_patterns(model), *key_patterns(model), *plain.patterns(), keys.COUNTED]
    patterns += contents.content_keys()
    assert {p: fault for p in patterns if (fault := expressions.fault(p))} == {}


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "apiKey",
        "API-KEY",
        "x-api-key",
        "api.key.1",
        "db.password.old",
        "tokenValue",
        "usertoken",
        "http.header.token",
        "PASSWORD",
    ],
)
def test_a_name_is_a_word_anywhere_in_a_key(key: str) -> None:
    assert re.search(keys.key_pattern(NAMES), key)


@pytest.mark.parametrize(
    "key", ["auth.method", "author", "tokenizer", "max_tokens", "passwords", "api_keys", "keyboard"]
)
def test_a_longer_word_is_another(key: str) -> None:
    assert not re.search(keys.key_pattern(NAMES), key)


@pytest.mark.parametrize(
    "key",
    [
        "token_count",
        "token.type",
        "llm.token_count.prompt",
        "tokenLimit",
        "token-usage.total",
        "token_rate",
    ],
)
def test_how_many_tokens_is_no_secret(key: str) -> None:
    assert re.search(keys.COUNTED, key)


def test_no_counted_word_frees_a_secret() -> None:
    for key in ("token", "access_token", "token.value", "token_typed_in", "secret_count"):
        assert not re.search(keys.COUNTED, key)


def test_ordinary_attributes_are_no_secrets_names(model: Model) -> None:
    secret = re.compile(key_patterns(model)[0])
    assert [key for key in contents.ordinary_keys() if secret.search(key)] == []


PLAIN = ["cache lookup", "POST /v1/agents/{agent_id}", "gpt-4o-mini", "GET", "", "0.25", "-7"]
PLAIN += ["127.0.0.1:8080", "41111111-1111-4111-8111-411111111111", "SELECT a, b FROM t"]
SEARCHED = ["a=b", "x: y", "jane@example.com", "sk-proj-abcdefgh", "--password hunter", "Basic abc"]
SEARCHED += ["123-45-6789", "4111111111111111", "4111 1111 1111 1111", "hf_abcdefghijklmnopqrst"]
SEARCHED += ["eyJhbGci.eyJ", "Bearer abc", '"password", "x"', "a" * 17, "rk-live-x", "pk-x"]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_texts_are_not_searched(text: str) -> None:
    assert any(re.search(pattern, text) for pattern in plain.patterns())


@pytest.mark.parametrize("text", SEARCHED)
def test_what_may_be_a_secret_is_searched(text: str) -> None:
    assert not any(re.search(pattern, text) for pattern in plain.patterns())


def test_no_example_of_the_scanner_is_plain() -> None:
    patterns = [re.compile(pattern) for pattern in plain.patterns()]
    texts = [example.text for example in scanner.examples()]
    assert [text for text in texts if any(p.search(text) for p in patterns)] == []
    assert len(texts) > 6000


def test_every_example_is_changed(model: Model) -> None:
    patterns = [re.compile(pattern) for pattern in value_patterns(model)]
    texts = {example.text for example in scanner.examples()}
    assert [text for text in texts if not any(p.search(text) for p in patterns)] == []


def test_every_rule_is_covered_somewhere() -> None:
    data = known.known()
    places = {"assignment", "beginnings", "looks", "names", "rare", "userinfo"}
    assert {p for where in data.rules.values() for p in where.split(", ")} <= places
    assert by_hand.BY_HAND.keys() <= data.rules.keys()
    assert {example.rule for example in scanner.examples()} <= data.rules.keys()


def test_how_a_token_begins() -> None:
    found = analyse.beginnings(r"\b((?:sk|rk)_(?:test|live)_[a-zA-Z0-9]{10,99})(?:[\s;]|$)")
    assert found is not None
    assert {one.text for one in found} == {"sk_test_", "sk_live_", "rk_test_", "rk_live_"}
    assert {one.rest >= 10 for one in found} == {True}
    fold = analyse.beginnings(r"(?i)\b(npm_[a-z0-9]{36})")
    assert fold == [analyse.Beginning("npm_", 36, True)]
    assert analyse.beginnings(r"SK[0-9a-fA-F]{32}") is None  # begins ordinary words
    assert analyse.beginnings(r"[a-z0-9]{14}\.atlasv1\.x") is None


def test_the_names_before_a_value() -> None:
    rule = (
        r"""(?i)[\w.-]{0,50}?(?:jfrog|bin[_-]?tray)(?:[ \t\w.-]{0,20})[\s'"]{0,3}"""
        r"""(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}([a-z0-9]{64})(?:[\x60'"\s;]|\\[nr]|$)"""
    )
    assert analyse.names(rule) == ["bin_tray", "jfrog"]
    assert analyse.names(r"ghp_[0-9a-zA-Z]{36}") is None


def test_a_name_may_be_of_neighbouring_letters_but_no_other() -> None:
    pattern = re.compile(known.at_words([]))
    token = "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1bC3dE5"
    assert pattern.search(f"ghp_{token}")
    assert pattern.search(f"next=%3Dghp_{token}")
    assert pattern.search(f"\\nghp_{token}")
    assert not pattern.search(f"zhp_{token}")
    assert not pattern.search("hf_internal-testing_tiny-random-gpt")


def test_what_a_pattern_wants_behind_a_word() -> None:
    assert behind_word(r"\bsk-[a-z|]+(?:a|b(?:c|d))") == "sk-[a-z|]+(?:a|b(?:c|d))"
    assert behind_word(r"(?i)\bbearer\s\|x") == r"(?i:bearer\s\|x)"
    assert behind_word(r"\ba|b") is None
    assert behind_word("sk-") is None


def test_no_key_for_a_secrets_file_is_forgotten() -> None:
    classes = (routing.Slack, routing.PagerDuty, routing.Webhook, routing.Email)
    found = {
        name
        for section in classes
        for name, field in section.model_fields.items()
        if name.endswith("_file")
    }
    assert found == set(routing.SECRET_FILES)


def test_messages_repeat_no_known_secret() -> None:
    secret = "glpat-aB3dE5gH7jK9mN1pQ3sT5"
    said = hide(f'"{secret}" does not match ^[a-z]+$; see {secret}')
    assert said == '"****" does not match ^[a-z]+$; see ****'
    assert hide('"5 minutes" is no duration; write 5m') == '"5 minutes" is no duration; write 5m'


def test_repeated_classes_are_no_possessive_quantifier() -> None:
    assert expressions.fault(r"login\s+\S+\s+password\s+\S+") is None
    assert expressions.fault(r"a++") == "RE2 has no possessive quantifier"

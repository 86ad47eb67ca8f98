"""How expressions for several texts are put together, and what each of them finds."""

from __future__ import annotations

import re

import pytest

from imsobs.redaction import beginnings, contents, known, texts
from imsobs.redaction.attempts import Texts, any_of, behind_word, escaped

KEYS = ["api_key", "password", "token", "pin"]


def test_a_text_as_it_is() -> None:
    assert escaped("a-b.c*") == r"a-b\.c\*"


@pytest.mark.parametrize(
    ("pattern", "behind"),
    [
        (r"\bfoo", "foo"),
        (r"\b", ""),
        (r"(?i)\bfoo", "(?i:foo)"),
        (r"\b(?:foo|bar)x", "(?:foo|bar)x"),
        (r"\b((a|b)|c)", "((a|b)|c)"),
        (r"\b[a|b]x", "[a|b]x"),
        (r"\b[]|]x", "[]|]x"),
        (r"\b[^|]x", "[^|]x"),
        (r"\ba\|b", r"a\|b"),
        (r"\ba" + "\n" + "b", "a\nb"),
        (r"\bfoo|bar", None),
        (r"\b(a)|b", None),
        (r"\b[a]|b", None),
        (r"\b\(a|b\)", None),
        ("foo", None),
        (r"^\bfoo", None),
    ],
)
def test_what_is_wanted_behind_the_beginning_of_a_word(pattern: str, behind: str | None) -> None:
    assert behind_word(pattern) == behind


def test_texts_are_alternatives_with_what_follows() -> None:
    kind = Texts(["b.", "a"], then="[0-9]")
    assert kind.rest(["b.", "a", "a"]) == r"(?:a|b\.)[0-9]"
    assert Texts([], then="[0-9]", any_case=True).rest(["a"]) == "(?i:(?:a)[0-9])"
    assert Texts([], write=str.upper).rest(["b", "a"]) == "(?:A|B)"


@pytest.mark.parametrize(
    ("kinds", "parts"),
    [
        ([], []),
        ([Texts(["zulu", "ab"], then="X")], ["(?:ab|zulu)X"]),
        # Neighbours share a class of their first characters.
        ([Texts(["cargo", "alpha"], then="X")], ["[ac](?:(?:argo|lpha)X)"]),
        ([Texts(["alpha"], any_case=True)], ["[Aa](?:(?i:(?:lpha)))"]),
        # One that is shorter than this has no first character to spare.
        ([Texts(["cab", "crab"])], ["(?:cab)", "[c](?:(?:rab))"]),
        ([Texts(["cab", "crab"], shortest=3)], ["[c](?:(?:ab|rab))"]),
        ([Texts(["cab", "crab"], shortest=5)], ["(?:cab|crab)"]),
        # Of several kinds too, each with what follows it.
        (
            [Texts(["alpha"], then="X"), Texts(["cargo"], then="Y")],
            ["[ac](?:(?:lpha)X|(?:argo)Y)"],
        ),
        (
            [Texts(["alpha", "quebec"]), Texts(["papa"])],
            ["[a](?:(?:lpha))", "[pq](?:(?:uebec)|(?:apa))"],
        ),
    ],
)
def test_texts_whose_beginnings_are_neighbours_are_tried_at_once(
    kinds: list[Texts], parts: list[str]
) -> None:
    assert any_of(kinds, ("ac", "pq")) == parts


@pytest.mark.parametrize(
    ("patterns", "one"),
    [
        (["^a", "^b$"], "^(?:(?:a)|(?:b$))"),
        (["a", "b$"], "(?:a)|(?:b$)"),
        (["^a", "b", "^c|^d"], "^(?:(?:a))|(?:b)|(?:^c|^d)"),
        (["a|^b"], "(?:a|^b)"),
    ],
)
def test_patterns_of_keys_share_their_anchor(patterns: list[str], one: str) -> None:
    assert beginnings.any_key(patterns) == one
    assert contents.content_keys()
    assert "http.route" in contents.ordinary_keys()


@pytest.mark.parametrize(
    "text",
    [
        "password=x", "PASSWORD: x", "userPassword = x", "db_pass=x", "auth: x", "apiKey=x",
        "api-key=x", "api key: x", 'token_value="x y"', "token_1=x", "string token_new=x",
        "pin=1", '{"password": "x"}', r'{\"password\": \"x\"}', "{'password': 'x'}",
        "&quot;password&quot;:&quot;x", "&#34;password&#34;:&#34;x", "&#39;token&#39;:&#39;x",
        "%22password%22=x", "%27password%27=x", "password&#61;x", "password&#58;x",
        "password?=x", "password:::=x", "password||x", "password->x", "password%3Dx",
        r"password\u003dx", "password: [x, y]", "password: {a: x}", "password: |\n  x\n",
        "<password>x</password>", '<password a="b">x', '("password", "x")', "token=bearer x",
        "token: basic%20x", "auth: digest x", '"password" "x"', "'password' value='x'",
        "token of somebody = ab1cdefghijklmnopq",
    ],
)  # fmt: skip
def test_a_name_with_its_value_is_found(text: str) -> None:
    assert re.search(texts.assignment(KEYS), text)


@pytest.mark.parametrize(
    "text",
    ["a word", "passwords are hashed", "max_tokens=5", "tokenizer=x", "author: x", "auth.method=x",
     "token of somebody = short", "passing=x", "keys=x"],
)  # fmt: skip
def test_other_texts_are_left_alone(text: str) -> None:
    assert not re.search(texts.assignment(KEYS), text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("?sig=abc", True),
        ("&X-Amz-Signature=abc", True),
        ("%3fsignature=abc", True),
        ("%26signature=abc", True),
        ("&amp;signature=abc", True),
        ("&signature%3dabc", True),
        ("&policy%3dabcdefghijklmn", True),
        ("&Policy=abcdefghijklmn", True),
        ("&policy=short", False),
        ("&design=abc", False),
        ("signature=abc", False),
    ],
)
def test_what_signs_a_url(text: str, found: bool) -> None:
    assert bool(re.search(texts.SIGNED_URL, text)) is found


TOKEN = "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1bC3dE5"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"ghp_{TOKEN}", True),
        ("eyJhbGci.eyJz", True),
        (f"SK{'0a' * 16}", True),
        (f"SK{'0a' * 15}", False),
        (f"pat{'a1' * 7}.{'0a' * 12}", True),
        ("s." + "aB3" * 8, True),
        (f"{'1' * 16}|{'a' * 27}", True),
        (f"{'1' * 16}%7C{'a' * 27}", True),
        (f"{'1' * 14}|{'a' * 27}", False),
        (f"adobe_secret = {TOKEN}", True),
        (f"ADOBE secret: {TOKEN}", True),
        ("adobe: a word", False),
        ("extra-1", True),
        ("extra-x", False),
    ],
)
def test_what_has_a_look_of_its_own(text: str, found: bool) -> None:
    assert bool(re.search(known.at_words([r"extra-[0-9]"]), text)) is found

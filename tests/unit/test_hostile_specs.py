"""What a spec of thousands of faults, or of huge parts, costs and says."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
from mistakes import SPEC

from imsobs import logql
from imsobs.compile import read_spec

MANY = 20_000


def _lines(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    monkeypatch.chdir(folder)
    (folder / "spec.yaml").write_text(text)
    return read_spec([Path("spec.yaml")]).lines()


def test_of_thousands_of_unknown_keys_the_first_are_told_and_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = "\n".join(f"key{number}: 1" for number in range(MANY))
    lines = _lines(tmp_path, monkeypatch, f"{SPEC.read_text()}\n{keys}\n")
    assert len(lines) == 51
    assert "key49: unknown key" in lines[49]
    more = "key50: and 19950 more problems of this kind in the file [spec/unknown-key]"
    assert lines[50].endswith(more)


def test_of_thousands_of_faulty_entries_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"  m{number}_total: {{group: a, description: x}}\n" for number in range(200))
    text = SPEC.read_text().replace("\nmetrics:\n", f"\nmetrics:\n{rows}", 1)
    lines = _lines(tmp_path, monkeypatch, text)
    assert len(lines) == 51
    assert lines[50].endswith("and 150 more problems of this kind in metrics [metric/one-source]")


def test_thousands_of_misspelt_names_are_refused_without_comparing_all_with_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are compared letter by letter, which takes 20 us: of so many, a few of each."""
    compared = 0
    whole = difflib.get_close_matches

    def counted(word: str, possibilities: list[str], *args: Any, **more: Any) -> list[str]:
        nonlocal compared
        compared += len(possibilities)
        return whole(word, possibilities, *args, **more)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    rows = "".join(
        f"  service:{name}:rate5m: {{description: x, expr: shop_{name}_total}}\n"
        for name in (f"r{number * 7919 % 100_003:x}" for number in range(2000))
    )
    text = SPEC.read_text().replace("\nrules:\n", f"\nrules:\n{rows}", 1)
    lines = _lines(tmp_path, monkeypatch, text)
    assert len(lines) == 51
    assert lines[50].endswith(
        "and at least 200 more problems of this kind in rules [promql/unknown-metric]"
    )
    assert compared < 300_000


@pytest.mark.parametrize("circle", [True, False], ids=["a circle", "a chain"])
def test_thousands_of_rules_that_read_each_other(
    circle: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way through them is looked for once, and not copied at each step."""
    names = [f"service:r{number}:x" for number in range(1900)]
    read = [*names[1:], names[0] if circle else "service:shop_requests:rate5m"]
    rows = "".join(
        f"  {name}: {{description: x, expr: '{other}'}}\n"
        for name, other in zip(names, read, strict=True)
    )
    text = SPEC.read_text().replace("\nrules:\n", f"\nrules:\n{rows}", 1)
    lines = _lines(tmp_path, monkeypatch, text)
    if circle:
        (line,) = lines
        assert "service:r7:x -> 1892 more -> service:r0:x [rule/circle]" in line
    else:
        assert {line.rpartition(" ")[2] for line in lines} == {"[rule/order]"}


def test_a_file_of_more_values_than_a_spec_has_is_not_composed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = ",".join(f"k{number}: 1" for number in range(120_000))
    (line,) = _lines(tmp_path, monkeypatch, f"{SPEC.read_text()}\nx: {{{many}}}\n")
    assert line.endswith("has more than 100000 values [yaml/too-large]")


def test_thousands_of_unknown_packs_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = ", ".join(f"pack{number}" for number in range(1500))
    lines = _lines(tmp_path, monkeypatch, f"{SPEC.read_text()}\nuse: [{packs}]\n")
    assert len(lines) == 51
    assert "and at least 1450 more problems" in lines[50]


@pytest.mark.parametrize("digits", [6, 6000])
def test_a_duration_that_nothing_counts_is_refused(
    digits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SPEC.read_text().replace("for: 10m", f"for: {'9' * digits}w")
    (line,) = _lines(tmp_path, monkeypatch, text)
    assert "alerts.OrdersWait.for: must be no longer than 100 years; found 999" in line


def test_a_huge_key_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = _lines(tmp_path, monkeypatch, f"{SPEC.read_text()}\n? {'x' * 5000}\n: 1\n")
    assert line.endswith("a key of 5000 characters; at most 1000 [yaml/key]")


def test_a_name_of_any_length_leaves_the_message_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name longer than what is told of a text."""
    name = "x" * 5000
    event = f"\nevents:\n  told: {{description: x, labels: [{name}]}}\n"
    lines = _lines(tmp_path, monkeypatch, SPEC.read_text().replace("\nevents:\n", event, 1))
    assert any('"xxx' in line and line.endswith("[spec/pattern]") for line in lines), lines


def test_a_pattern_of_brackets_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = "(" * 2000 + ")" * 2000
    text = SPEC.read_text().replace("5xx: ^5..$", f"5xx: '{nested}'", 1)
    (line,) = _lines(tmp_path, monkeypatch, text)
    assert line.endswith("is not valid: its brackets nest too deep [label/pattern]")


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (f"x: {'a' * 30_000}", "x: a text of 30000 characters; at most 20000 [yaml/too-large]"),
        (f"x: [{'1,' * 3000}]", "x: 3000 entries; at most 2000 [yaml/too-large]"),
        (
            "x: {y: {" + "".join(f"k{n}: 1, " for n in range(3000)) + "}}",
            "x.y: 3000 entries; at most 2000 [yaml/too-large]",
        ),
    ],
    ids=["text", "list", "mapping"],
)
def test_what_is_larger_than_any_spec_is_told_of_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str, told: str
) -> None:
    lines = _lines(tmp_path, monkeypatch, f"{SPEC.read_text()}\n{extra}\n")
    assert any(line.endswith(told) for line in lines), lines


def test_a_log_query_of_brackets_is_refused() -> None:
    with pytest.raises(logql.LogQLError, match="its brackets nest too deep"):
        logql.parse("(" * 15_000)

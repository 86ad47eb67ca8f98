"""Write generator/imsobs/data/redaction/known_secrets.yaml from the pinned rules of gitleaks.

    python -m release.secret_rules

asks the Go module proxy for the module (checked by Go's checksum database), reads its rules and
fails when a rule is of no kind that is known here: then it wants a look, and an entry in by_hand.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from imsobs.yamlio import dump
from release.secret_rules.analyse import Beginning, beginnings, names
from release.secret_rules.by_hand import BY_HAND, FURTHER_BEGINNINGS, FURTHER_NAMES, OF_FILES
from release.secret_rules.module import folder, pinned

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "generator/imsobs/data/redaction/known_secrets.yaml"
# A token of which at least so many characters follow its beginning.
_LONG = 20
_HEADER = """\
# What known secrets look like, compiled from the rules of gitleaks by `make secret-rules`. Do not
# edit: raise the version of gitleaks in data/builds.yaml and run it again.
#
# The rules are (c) 2019 Zachary Rice, under the MIT licence: LICENSE-gitleaks beside this file.
#
# names: of vendors, before a value. long, short, whole: how tokens begin of which at least {long},
# fewer or no characters follow. rules: rule -> where it is covered.
"""


def compiled(rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the data of the file. SystemExit names every rule of an unknown kind."""
    vendors: set[str] = set(FURTHER_NAMES)
    tokens = defaultdict(set, long=set(FURTHER_BEGINNINGS))
    covered: dict[str, str] = {}
    unknown = []
    for rule in rules:
        name, regex = rule["id"], rule.get("regex", "")
        if name in OF_FILES:
            continue
        if name in BY_HAND:
            covered[name] = BY_HAND[name]
        elif found := names(regex):
            covered[name] = "names"
            vendors.update(_plain(text) for text in found)
        elif started := beginnings(regex):
            covered[name] = "beginnings"
            for one in started:
                tokens[_group(one)].update({one.text, one.text.lower()} if one.fold else {one.text})
        else:
            unknown.append(f"{name}: {regex}")
    if unknown:
        raise SystemExit("rules of no known kind:\n" + "\n".join(unknown))
    return {
        "names": _without_longer(vendors),
        **{group: _without_longer(tokens[group]) for group in ("long", "short", "whole")},
        "rules": dict(sorted(covered.items())),
    }


def _group(one: Beginning) -> str:
    if one.rest == 0:
        return "whole"
    return "long" if one.rest >= _LONG else "short"


def _plain(text: str) -> str:
    """Return the part of a name that is no expression."""
    return re.split(r"[^a-z0-9_]", text)[0].strip("_")


def _without_longer(texts: set[str]) -> list[str]:
    """Return the texts without those that begin with another of them."""
    return [
        text
        for text in sorted(texts)
        if not any(text != other and text.startswith(other) for other in texts)
    ]


def main() -> None:
    """Write the file."""
    module, version = pinned()
    source = folder()
    rules = tomllib.loads((source / "config/gitleaks.toml").read_text("utf-8"))["rules"]
    origin = {"module": module, "version": version}
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(
        _HEADER.format(long=_LONG) + dump({"source": origin, **compiled(rules)}), "utf-8"
    )
    (TARGET.parent / "LICENSE-gitleaks").write_text(
        (source / "LICENSE").read_text("utf-8"), "utf-8"
    )
    sys.stdout.write(f"{len(rules)} rules -> {TARGET.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()

"""SARIF 2.1.0: what code scanning of GitHub, GitLab and editors read."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from imsobs.findings.finding import Finding
from imsobs.findings.pages import Page, pages
from imsobs.problems import dotted

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings of checks as one run; its rules are the checks that found something."""
    given = list(findings)
    checks = list(dict.fromkeys(finding.title for finding in given))
    driver = {
        "name": "imsobs",
        "semanticVersion": version("imsobs"),
        "rules": [_rule(check, pages().get(check)) for check in checks],
    }
    results = [_result(finding, checks.index(finding.title)) for finding in given]
    # Columns count characters, not the halves of surrogate pairs.
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(check: str, page: Page | None) -> dict[str, Any]:
    if page is None:
        return {"id": check}
    return {
        "id": check,
        "shortDescription": {"text": page.summary},
        "help": {"text": page.text, "markdown": page.text},
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    place = finding.place
    return {
        "ruleId": finding.title,
        "ruleIndex": rule,
        "level": finding.level.value,
        "message": {"text": f"{dotted(finding.path)}: {finding.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(place.file)},
                    "region": {"startLine": place.line, "startColumn": place.column},
                },
                "logicalLocations": [{"fullyQualifiedName": dotted(finding.path)}],
            }
        ],
    }

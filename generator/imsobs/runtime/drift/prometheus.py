"""Prometheus: its configuration, flags, version, rules and their health, by its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from imsobs import artifacts, yamlio
from imsobs.model import Model
from imsobs.problems import KeyPath
from imsobs.runtime.drift.compare import Difference, differences, plain, shown, unfit
from imsobs.runtime.loopback import json_of
from imsobs.runtime.rules import Rule, difference, running_rules

NAME = "prometheus"
_SECTIONS: dict[str, KeyPath] = {
    "global": ("scrape",),
    "scrape_configs": ("scrape",),
    "alerting": ("stack", "alertmanager"),
    "rule_files": ("alerts",),
}
_FLAGS: dict[str, KeyPath] = {"storage.tsdb.retention.time": ("retention", "metrics")}


def get(client: httpx.Client, url: str, **params: str) -> Any:
    """Return the data of an answer; None when there is none."""
    try:
        answer = client.get(url, params=params)
        return json_of(answer)["data"] if answer.is_success else None
    except (httpx.HTTPError, ValueError, KeyError):
        return None


def drift(
    client: httpx.Client, base: str, root: Path, model: Model, args: list[str], version: str
) -> Iterator[Difference]:
    """Yield what Prometheus at ``base`` does otherwise than the files in ``root`` say."""
    base = base.rstrip("/")
    config = get(client, f"{base}/api/v1/status/config")
    rules = running_rules(client, base)
    if config is None or rules is None:
        yield Difference(NAME, "API", "an answer", "none")
        return
    rendered = yamlio.parse((root / artifacts.PROMETHEUS).read_text(encoding="utf-8"))
    for path, wanted, found in differences(rendered, yamlio.parse(config["yaml"])):
        subject = ".".join(map(str, path))
        yield Difference(
            NAME, subject, shown(wanted), shown(found), _SECTIONS.get(str(path[0]), ())
        )
    yield from _flags(get(client, f"{base}/api/v1/status/flags") or {}, args)
    told = (get(client, f"{base}/api/v1/status/buildinfo") or {}).get("version", "")
    if told and unfit(version, told):
        yield Difference(NAME, "version", version, told, ("stack", NAME))
    yield from _rules(client, base, root, model, rules)


def _flags(flags: Mapping[str, str], args: list[str]) -> Iterator[Difference]:
    for arg in args:
        name, _, wanted = arg.removeprefix("--").partition("=")
        found = flags.get(name, "")
        if name in flags and plain(wanted) != plain(found):
            yield Difference(NAME, f"flag {name}", wanted, found, _FLAGS.get(name, ()))


def _rules(
    client: httpx.Client, base: str, root: Path, model: Model, running: list[Rule]
) -> Iterator[Difference]:
    spelt: dict[str, str] = {}

    def spell(expr: str) -> str:
        # Prometheus itself writes both in one way.
        if expr not in spelt:
            spelt[expr] = get(client, f"{base}/api/v1/format_query", query=expr) or expr
        return spelt[expr]

    wanted = [replace(rule, expr=spell(rule.expr)) for rule in rendered_rules(root)]
    found = [replace(rule, expr=spell(rule.expr)) for rule in running]
    for change in difference(wanted, found):
        spec = path_of(model, change.name) if change.how != "added" else ()
        kind = "alert" if change.alert else "recording rule"
        rendered, runs = {"added": ("", "one"), "removed": ("one", "")}.get(change.how, ("", ""))
        subject = f"{kind} {change.name}" + ("" if rendered or runs else f": {change.how}")
        yield Difference(NAME, subject, rendered, runs, spec)
    for rule in running:
        if rule.ill:
            subject = f"rule {rule.name} fails: {rule.ill}"
            yield Difference(NAME, subject, "", "", path_of(model, rule.name))


def rendered_rules(root: Path) -> list[Rule]:
    """Return the rules of the files that Prometheus is to load."""
    found = []
    for file in sorted((root / artifacts.RULES).glob("*.yaml")):
        for group in (yamlio.parse(file.read_text(encoding="utf-8")) or {}).get("groups", []):
            # Prometheus adds the labels of a group to each of its rules.
            common = group.get("labels", {})
            found += [_rule(group["name"], rule, common) for rule in group["rules"]]
    return found


def _rule(group: str, rule: Mapping[str, Any], common: Mapping[str, str]) -> Rule:
    return Rule(
        group,
        rule.get("alert") or rule["record"],
        "alert" in rule,
        rule["expr"],
        float(plain(rule.get("for", "0s"))) / 1000,
        float(plain(rule.get("keep_firing_for", "0s"))) / 1000,
        tuple(sorted({**common, **rule.get("labels", {})}.items())),
        tuple(sorted(rule.get("annotations", {}).items())),
    )


def path_of(model: Model, name: str) -> KeyPath:
    """Return the place of the spec that an alert or a recorded series comes from."""
    if name in model.alerts:
        return model.alerts[name].path
    return next((record.path for record in model.records if record.name == name), ())

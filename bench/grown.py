"""The spec many times over: for the generator's growth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bench.project import SPEC
from imsobs import yamlio
from imsobs.spec.expand import expand
from imsobs.spec.load import load

# Sections that grow with a service; labels, prices and the stack stay.
_GROWN = ("events", "metrics", "rules", "alerts", "slos", "dashboards")
# Of a metric with such a source there is one, whatever the service has.
_FIXED = ("stack", "probe", "sdk", "log", "pipeline")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_:]*")
_PARTS = ("_bucket", "_count", "_sum")
Spec = dict[str, Any]


class _Copy:
    """Rewrites parts of the spec so that they name the copies instead of the originals."""

    def __init__(self, spec: Spec, number: int) -> None:
        self._names: dict[str, str] = {}
        for section in _GROWN:
            for name, value in spec[section].items():
                if not (section == "metrics" and any(kind in value for kind in _FIXED)):
                    self._names[name] = _again(section, name, number)
        # An ordinary word, which means the objective only where a series is named.
        self._objectives = {name: self._names.pop(name) for name in spec["slos"]}
        for objective in spec["slos"].values():
            for alert in (*objective["burn"], objective["breach"]):
                self._names[alert["name"]] = f"{alert['name']}X{number}"

    def key(self, section: str, name: str) -> str:
        """Return the name of a section's entry in the copy."""
        return self._objectives[name] if section == "slos" else self.name(name)

    def name(self, text: str) -> str:
        """Return a name of the spec, or a series made from one, as the copy has it."""
        if text in self._names:
            return self._names[text]
        for part in _PARTS:
            if (stem := text.removesuffix(part)) in self._names:
                return self._names[stem] + part
        words = text.split(":")
        if words[0] == "slo" and len(words) > 1 and words[1] in self._objectives:
            return ":".join(["slo", self._objectives[words[1]], *words[2:]])
        return text

    def of(self, value: Any) -> Any:
        """Return a part of the spec, rewritten."""
        match value:
            case dict():
                return {self.of(key): self.of(inner) for key, inner in value.items()}
            case list():
                return [self.of(inner) for inner in value]
            case str() if value in self._names:
                return self._names[value]
            case str():
                return _WORD.sub(lambda found: self.name(found.group(0)), value)
        return value


def _again(section: str, name: str, number: int) -> str:
    match section:
        case "metrics":
            stem = name.removesuffix("_total")
            return f"{stem}_x{number}" + ("_total" if stem != name else "")
        case "rules":
            level, metric, operations = name.split(":", 2)
            return f"{level}:{metric}_x{number}:{operations}"
        case "alerts":
            return f"{name}X{number}"
        case "dashboards":
            return f"{name}-x{number}"
    return f"{name}_x{number}"


def write_grown(folder: Path, times: int) -> list[Path]:
    """Write the spec as a project's, and copies of its parts as overlays; return these.

    One file would be larger than what the generator reads.
    """
    document, problems = load([SPEC])
    if problems:
        raise SystemExit("\n".join(document.format(problem) for problem in problems))
    # Filled in, because what follows from a name would not follow from its copy's.
    spec = expand(document.data)
    (folder / "spec").mkdir(parents=True, exist_ok=True)
    (folder / "spec" / "ims.yaml").write_bytes(SPEC.read_bytes())
    cost = next(n for n, metric in spec["metrics"].items() if metric.get("value") == "cost")
    overlays = []
    for first in range(2, times + 1, 25):
        part: Spec = {section: {} for section in _GROWN}
        part["collector"] = {"max_series": spec["collector"]["max_series"] * times}
        part["budget"] = {"cost": cost}
        for number in range(first, min(first + 25, times + 1)):
            copy = _Copy(spec, number)
            for section in _GROWN:
                for name, value in spec[section].items():
                    if (key := copy.key(section, name)) != name:
                        part[section][key] = copy.of(value)
            for name in spec["dashboards"]:
                part["dashboards"][copy.name(name)]["title"] += f", part {number}"
        overlays.append(folder / f"part-{first}.yaml")
        overlays[-1].write_text(yamlio.dump(part), "utf-8")
    return overlays

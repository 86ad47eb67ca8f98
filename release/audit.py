"""Known vulnerabilities of what is used: Python distributions, Go binaries.

    python -m release.audit

Exit codes: 0 none known, 1 findings, 3 a database could not be asked. What was not asked is
said loudly and is no consent.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import how_to_get, locate
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.progress import Silent
from imsobs.terminal import printable
from release.wheel import ROOT

GOVULNCHECK = "golang.org/x/vuln/cmd/govulncheck@v1.9.0"
_SECONDS = 600


@dataclass(frozen=True)
class Outcome:
    """What one tool found of one subject.

    state: "clean", "findings", "not asked" (of which nothing follows) or "not here" (an
    optional binary that nobody built). detail: the tool's words.
    """

    subject: str
    state: str
    detail: str


def _run(command: list[str]) -> tuple[int, str, str]:
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, "", f"does not run: {error}"
    return done.returncode, done.stdout, done.stderr


def python() -> Outcome:
    """Ask about every locked distribution."""
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner=off", "--disable-pip"]
    command += ["--no-deps", "--require-hashes", "--format=json", "-r", "requirements.lock"]
    return read_python_report(*_run(command))


def read_python_report(code: int, out: str, err: str) -> Outcome:
    """Return what pip-audit's report says.

    It ends with 0 also when an index answers about nothing, and lists each distribution that
    was skipped; so the report decides, not the exit code.
    """
    subject = "requirements.lock"
    try:
        entries = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Outcome(subject, "not asked", err or f"exit code {code}, no report")
    found = [
        f"{entry['name']} {entry['version']}: {', '.join(v['id'] for v in entry['vulns'])}"
        for entry in entries
        if entry.get("vulns")
    ]
    if found:
        return Outcome(subject, "findings", "\n".join(found))
    skipped = [entry for entry in entries if "skip_reason" in entry]
    if skipped or not entries:
        reason = skipped[0]["skip_reason"] if skipped else "no distribution was looked at"
        detail = f"{len(skipped)} of {len(entries)} distributions were skipped: {reason}"
        return Outcome(subject, "not asked", detail)
    return Outcome(subject, "clean", f"{len(entries)} distributions")


def binaries() -> Iterator[Outcome]:
    """Ask about the code in every native binary that is here."""
    plan = load_plan(ROOT)
    for name, component in plan.components.items():
        try:
            binary = locate(plan, ROOT, name, Silent())
        except ImsobsError as error:
            yield Outcome(name, "not asked", error.message)
            continue
        if binary is None:
            state = "not here" if component.optional else "not asked"
            yield Outcome(name, state, how_to_get(name, component))
            continue
        command = ["go", "run", GOVULNCHECK, "-json", "-mode=binary", str(binary.path)]
        yield read_binary_report(name, *_run(command))


def read_binary_report(name: str, code: int, out: str, err: str) -> Outcome:
    """Return what govulncheck's messages say: none without its database, findings by id."""
    messages = list(_messages(out))
    ids = {m["finding"]["osv"] for m in messages if "finding" in m}
    if ids:
        return Outcome(name, "findings", ", ".join(sorted(ids)))
    asked = any("db_last_modified" in m.get("config", {}) for m in messages)
    if code != 0 or not asked:
        said = [line for line in err.splitlines() if line.strip() and "exit status" not in line]
        return Outcome(name, "not asked", said[-1] if said else f"exit code {code}")
    return Outcome(name, "clean", "")


def _messages(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON values of a stream, as far as it can be read."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        try:
            value, position = decoder.raw_decode(text, position)
        except ValueError:
            return
        if isinstance(value, dict):
            yield value


def main() -> None:
    """Print every outcome; end with 1 on findings, else with 3 when something was not asked."""
    outcomes = [python(), *binaries()]
    for outcome in outcomes:
        detail = printable(outcome.detail.strip(), lines=True, most=20_000)
        print(f"{outcome.state.upper():10} {outcome.subject}  {detail}")
    states = {outcome.state for outcome in outcomes}
    if "not asked" in states:
        print("NOT AUDITED: the above was not asked; that is no consent.", file=sys.stderr)
    sys.exit(1 if "findings" in states else 3 if "not asked" in states else 0)


if __name__ == "__main__":
    main()

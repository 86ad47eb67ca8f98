"""How much of redaction is tested: writes the table of docs/guide/security.md.

PYTHONPATH=tests python -m golden.secrets_count
"""

from __future__ import annotations

import sys
from pathlib import Path

from golden import prompts, scanner, secrets_matrix

PAGE = Path(__file__).resolve().parents[2] / "docs/guide/security.md"
BEGIN, END = "<!-- secrets_count -->\n", "<!-- end -->\n"


def table() -> str:
    """Return the table."""
    cells = secrets_matrix.cells()
    channels = {*secrets_matrix.CHANNELS, *secrets_matrix.KEY_CHANNELS}
    kinds = len({cell.kind for cell in cells})
    examples = scanner.examples()
    rows = {
        "secrets in every form through every channel": (
            f"{len(cells)} cells: {kinds} kinds, {len(channels)} channels",
            "golden/test_redaction.py",
        ),
        "prompts and answers": (
            f"{len(prompts.entries())} cells: {len(prompts.ATTRIBUTES)} attributes,"
            f" {len(prompts.EVENTS)} events",
            "golden/test_redaction.py",
        ),
        "examples of gitleaks, which then searches the stores": (
            f"{len(examples)} examples of {len({e.rule for e in examples})} rules through"
            f" {len(secrets_matrix.CHANNELS)} channels, and through Promtail",
            "golden/test_scanner.py",
        ),
    }
    lines = ["| what is sent | how much | test |", "|---|---|---|"]
    lines += [f"| {what} | {much} | `{test}` |" for what, (much, test) in rows.items()]
    return "\n".join([*lines, ""])


def page() -> str:
    """Return the page with the table as it is now."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(table())

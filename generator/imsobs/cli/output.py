"""Consoles: results go to standard output, everything else to standard error."""

from __future__ import annotations

from rich.console import Console

results = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

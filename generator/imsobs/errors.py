"""The one exception that the command line turns into a clear line and an exit code."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """How a command ends: the same code for the same kind of finding in every command."""

    # Done, and nothing was found.
    OK = 0
    # The command worked, and found something: a difference, a check or drill that failed, a
    # component that is ill.
    FINDINGS = 1
    # What was given is wrong: the spec, a file, a name, an option. Nothing was done.
    INPUT = 2
    # Something outside is missing or failed: a port, a tool chain, a disk, a network.
    OUTSIDE = 3
    # Every component answers, and what they watch does not do well: alerts fire.
    ALERTS = 4


class ImsobsError(Exception):
    """Something that stops a command, reported with its remedy.

    message: one sentence, what is wrong. remedy: one sentence, what to do.
    log: file with the details, when there is one.
    exit_code: how the command ends.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        log: Path | None = None,
        exit_code: ExitCode = ExitCode.OUTSIDE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.log = log
        self.exit_code = exit_code

    def __str__(self) -> str:
        lines = [self.message]
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        if self.log is not None:
            lines.append(f"  log: {self.log}")
        return "\n".join(lines)

"""The one exception that the command line turns into a clear line and an exit code."""

from __future__ import annotations

from pathlib import Path


class ImsobsError(Exception):
    """Something that stops a command, told with its remedy.

    message: one sentence, what is wrong. remedy: one sentence, what to do.
    log: file with the details, when there is one.
    exit_code: 1 findings or drift, 2 bad input, 3 environment or outside failure.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        log: Path | None = None,
        exit_code: int = 3,
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

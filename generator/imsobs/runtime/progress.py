"""Progress: one live line on a terminal, plain lines every so often elsewhere."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from imsobs.terminal import printable

_PLAIN_EVERY_SECONDS = 15.0


class Progress(Protocol):
    """What long operations report while they run."""

    def note(self, text: str) -> None:
        """Report one thing that happened; the line stays."""

    def doing(self, text: str) -> None:
        """Report what is being done now; the next call replaces it."""


class Silent:
    """Reports nothing."""

    def note(self, text: str) -> None:
        """Drop the text."""

    def doing(self, text: str) -> None:
        """Drop the text."""


class ConsoleProgress:
    """Reports on a console: live on a terminal, else a plain line every 15 s at most."""

    def __init__(self, console: Console, live: bool | None = None) -> None:
        self._console = console
        self._live = console.is_terminal and not os.environ.get("CI") if live is None else live
        self._status: Status | None = None
        self._said = time.monotonic()

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(escape(printable(text, lines=True)), highlight=False, soft_wrap=True)
        self._said = time.monotonic()

    def doing(self, text: str) -> None:
        """Update the live line; or print it when the last line is old enough."""
        if not self._live:
            if time.monotonic() - self._said >= _PLAIN_EVERY_SECONDS:
                self.note(text)
            return
        shown = escape(printable(text)[: max(20, self._console.width - 4)])
        if self._status is None:
            self._status = self._console.status(shown)
            self._status.start()
        else:
            self._status.update(shown)

    def close(self) -> None:
        """Remove the live line."""
        if self._status is not None:
            self._status.stop()
            self._status = None


@contextmanager
def console_progress(console: Console) -> Iterator[ConsoleProgress]:
    """Yield a progress on ``console``; its live line is gone afterwards."""
    progress = ConsoleProgress(console)
    try:
        yield progress
    finally:
        progress.close()


_DOWNLOAD = re.compile(r"go: (?:downloading|extracting) (\S+) (\S+)")
_PACKAGE = re.compile(r"^[\w.~-]+(?:/[\w.~-]+)*$")


class GoReader:
    """Turns commands and the output of ``go build -v`` into what is being done for a component."""

    def __init__(self, component: str, progress: Progress) -> None:
        self._component = component
        self._progress = progress
        self._start = time.monotonic()
        self._compiled = 0
        self._downloaded = 0
        self._now = "starting"

    @property
    def seconds(self) -> float:
        """Seconds since the build began."""
        return time.monotonic() - self._start

    def begins(self, command: Sequence[str]) -> None:
        """Take the command that begins now."""
        self._now = " ".join((Path(command[0]).name, *command[1:2]))
        self.tick()

    def line(self, text: str) -> None:
        """Take one line of output."""
        if match := _DOWNLOAD.search(text):
            self._downloaded += 1
            self._now = f"downloading {match.group(1)} {match.group(2)}"
        elif _PACKAGE.match(text.strip()):
            self._compiled += 1
            self._now = f"compiled {text.strip()}"
        self.tick()

    def tick(self) -> None:
        """Report the current state."""
        minutes, seconds = divmod(int(self.seconds), 60)
        done = f" ({self._downloaded} modules, {self._compiled} packages)"
        counted = done if self._downloaded or self._compiled else ""
        self._progress.doing(
            f"building {self._component} {minutes}:{seconds:02d}{counted} {self._now}"
        )

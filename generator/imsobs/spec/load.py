"""Load: the spec's files to plain data plus the position of every key.

Stage 1 of load -> parse -> resolve -> check -> plan -> render.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from imsobs.files import TooLarge, read_regular
from imsobs.problems import KeyPath, Position, Problem, bounded, dotted
from imsobs.project import leads_out
from imsobs.spec.reader import Reader, read_text
from imsobs.spec.services import uses
from imsobs.spec.texts import Source, position
from imsobs.spec.under import Underlay, told, underlay
from imsobs.terminal import printable

MAX_BYTES = 8 * 1024 * 1024


@dataclass
class Document:
    """Plain data of one or more merged files, with positions.

    data: what YAML calls a mapping at the root; positions: key path -> place of the key
    (of a mapping entry) or of the value (of a list item); sources: of the texts. readable: False
    where a whole file could not be read, so that what is missing is not at fault. packs: what
    lies under the files.
    """

    data: dict[str, Any] = field(default_factory=dict)
    positions: dict[KeyPath, Position] = field(default_factory=dict)
    sources: dict[KeyPath, Source] = field(default_factory=dict)
    root: str = ""
    readable: bool = True
    packs: Underlay = field(default_factory=lambda: Underlay({}))

    def locate(self, path: KeyPath) -> Position:
        """Return the position of the longest prefix of ``path`` that the files contain."""
        for end in range(len(path), 0, -1):
            if found := self.positions.get(path[:end]):
                return found
        return Position(self.root, 1, 1)

    def _within(self, problem: Problem) -> Position | None:
        """Return the place inside the text of a problem's value, if the text says itself where."""
        part, source = problem.part, self.sources.get(problem.path)
        if part is None or source is None:
            return None
        # What is read may be more than what is written, or less.
        before = source.text.find(part.text)
        if before < 0:
            return None
        return position(source, before + part.offset, self.positions[problem.path].file)

    def told(self, problem: Problem) -> tuple[Position, str]:
        """Return the place and the message of a problem, as the author of the spec needs them."""
        place = problem.position or self._within(problem) or self.locate(problem.path)
        return told(problem, place, self._used)

    @cached_property
    def _used(self) -> dict[str, Position]:
        """Return each pack of the spec that is read, and where the spec names it."""
        return {str(name): self.locate(path) for path, name in uses(self.data)}

    def format(self, problem: Problem) -> str:
        """Return one line: ``file:line:column: key.path: message [check/id]``."""
        position, message = self.told(problem)
        # Each is cut by itself: a path of any length leaves the message its room.
        path = printable(dotted(problem.path))
        return f"{position}: {path}: {printable(message)} [{problem.check}]"


def _merge(base: Any, overlay: Any) -> Any:
    """Return base with overlay laid over it: mappings merge, everything else replaces."""
    if isinstance(base, dict) and isinstance(overlay, dict):
        merged = dict(base)
        for key, value in overlay.items():
            merged[key] = _merge(base[key], value) if key in base else value
        return merged
    return overlay


def load(files: list[Path]) -> tuple[Document, list[Problem]]:
    """Read the spec and any overlays (later files win, mapping by mapping).

    A folder stands for every YAML file below it. Together they are one spec: their sections
    are joined, and an entry that two of them give is a problem. What the packs of ``use`` give
    lies under all of them.

    Returns the document and every problem found; the data is whole only without problems.
    """
    document = Document(root=str(files[0]))
    sources = [(spec_parts(file) if file.is_dir() else []) or [file] for file in files]
    texts, problems = _texts([part for parts in sources for part in parts])
    for file, parts in zip(files, sources, strict=True):
        problems += _links(file, parts)
    if problems:
        # Reported at once: what the other files say would be read without these.
        document.readable = False
        return document, problems
    for parts in sources:
        joined: dict[str, Any] = {}
        for part in parts:
            reader = Reader(str(part))
            data = read_text(texts[part], reader)
            problems += [*reader.problems, *_join(joined, data, reader, document)]
            document.readable &= reader.readable
            document.positions.update(reader.positions)
            document.sources.update(reader.sources)
        document.data = _merge(document.data, joined)
    if document.readable:
        document.packs, found = underlay(document.data)
        document.data = document.packs.data
        document.positions = {**document.packs.positions, **document.positions}
        problems += found
    return document, list(bounded(problems))


def spec_parts(folder: Path) -> list[Path]:
    """Return the files of a spec that is a folder, sorted; hidden ones are left out."""
    below = (path for path in folder.rglob("*.y*ml") if not path.is_dir())
    return sorted(p for p in below if not _is_hidden(p.relative_to(folder)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _join(
    joined: dict[str, Any], data: dict[str, Any], reader: Reader, document: Document
) -> list[Problem]:
    """Add one file's sections to those of the files before it; return what both give."""
    problems: list[Problem] = []

    def given_twice(path: KeyPath) -> None:
        first = document.positions[path]
        message = f"also given at {first}; an entry of the spec stands in one file"
        problems.append(Problem(path, message, "yaml/two-files", reader.positions[path]))

    for section, value in data.items():
        before = joined.get(section)
        if section not in joined:
            joined[section] = value
        elif isinstance(before, dict) and isinstance(value, dict):
            for name in value.keys() & before.keys():
                given_twice((section, name))
            joined[section] = {**before, **{k: v for k, v in value.items() if k not in before}}
        else:
            given_twice((section,))
    return problems


def _links(folder: Path, parts: list[Path]) -> list[Problem]:
    """Return a problem for each file of a spec's folder that is a link out of the project."""
    message = "cannot be read: it is a link that leads out of the project"
    return [
        Problem((), message, "yaml/unreadable", Position(str(part), 1, 1))
        for part in parts
        if part != folder and leads_out(part, folder.parent)
    ]


def _not_utf8(file: Path, error: UnicodeDecodeError) -> Problem:
    """Return the problem of a text, at the first byte that is no character."""
    # What comes before that byte is UTF-8; the mark at the start of a file takes no column.
    before = error.object[: error.start].decode("utf-8-sig")
    line = before.count("\n") + 1
    place = Position(str(file), line, len(before) - before.rfind("\n"))
    message = f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
    return Problem((), message, "yaml/encoding", place)


def _texts(files: list[Path]) -> tuple[dict[Path, str], list[Problem]]:
    """Return the text of every file, and a problem for each that has none to read."""
    texts: dict[Path, str] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            texts[file] = read_regular(file, MAX_BYTES).decode("utf-8-sig")
            continue
        except TooLarge as error:
            message, check = f"cannot be read: {error.strerror}", "yaml/too-large"
        except OSError as error:
            message, check = f"cannot be read: {error.strerror}", "yaml/unreadable"
        except UnicodeDecodeError as error:
            problems.append(_not_utf8(file, error))
            continue
        problems.append(Problem((), message, check, Position(str(file), 1, 1)))
    return texts, problems

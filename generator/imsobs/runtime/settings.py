"""The settings of a deployment: the environment, and stack/.env below it.

Compose has a reader of its own for such files, with more syntax than anybody remembers
(``export``, ``NAME: value``, references, comments). So that what is checked is what is used, the
file is read here alone, and compose is given the result as its environment and no file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from imsobs import artifacts
from imsobs.errors import ExitCode, ImsobsError
from imsobs.files import read_regular
from imsobs.runtime.environment import BASE, DOCKER, HOME, NETWORK, chosen

FILE = Path(artifacts.COMPOSE_SETTINGS)
_LINE = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=
        (?:'(?P<single>[^']*)' | "(?P<double>[^"$\\]*)" | (?P<plain>[^\s'"$\\\#]*))
        (?:\s+\#.*)?""",
    re.VERBOSE,
)
# What compose.yaml refers to (artifacts of outputs/stack/containers.py).
_OWN = re.compile(r"(?:IMSOBS_|LOG_|OTEL_)[A-Z_]+|TRACE_SAMPLING_RATE|GRAFANA_[A-Z_]+")


def read(root: Path) -> dict[str, str]:
    """Return the settings of stack/.env; none when there is no such file.

    Raises ImsobsError (exit code 2) with every line that is not ``NAME=value``.
    """
    path = root / FILE
    try:
        text = read_regular(path, 64 * 1024).decode()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ImsobsError(f"{path} cannot be read: {error}", exit_code=ExitCode.INPUT) from error
    found: dict[str, str] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if match := _LINE.fullmatch(line.strip()):
            values = (match["single"], match["double"], match["plain"])
            found[match["name"]] = next(value for value in values if value is not None)
        else:
            wrong.append(str(number))
    if wrong:
        raise ImsobsError(
            f"{path}: not NAME=value: line {', '.join(wrong)}",
            remedy="write NAME=value, NAME='any text' or NAME=\"text\" without $ and backslash",
            exit_code=ExitCode.INPUT,
        )
    return found


def effective(root: Path) -> dict[str, str]:
    """Return every setting as it counts: the environment wins over stack/.env."""
    own = {name: value for name, value in os.environ.items() if _OWN.fullmatch(name)}
    return {**{n: v for n, v in read(root).items() if _OWN.fullmatch(n)}, **own}


def compose_environment(root: Path) -> dict[str, str]:
    """Return the environment of the docker command: settings, and how its engine is reached."""
    return chosen(BASE, HOME, NETWORK, DOCKER, more=effective(root))

"""Secrets as files: written from the environment before the stack starts, never rendered.

``secrets/`` is readable by its owner only; the files inside are readable by all, because
containers open them as users of their own, through a mount of the file alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from imsobs import artifacts
from imsobs.errors import ImsobsError

PASSWORD = "GRAFANA_ADMIN_PASSWORD"  # noqa: S105 - the variable's name
FOLDER = Path("secrets")
PASSWORD_FILE = FOLDER / "grafana_admin_password"
ALERTING = FOLDER / "alerting"
_SETTINGS = Path(artifacts.COMPOSE_SETTINGS)


def read_settings(root: Path) -> dict[str, str]:
    """Return the settings of stack/.env; the environment wins over them."""
    path = root / _SETTINGS
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("'\"") for key, _, value in pairs}


def password(root: Path) -> str | None:
    """Return the password that is set, or that was set when the stack was last started."""
    given = os.environ.get(PASSWORD) or read_settings(root).get(PASSWORD)
    if given:
        return given
    path = root / PASSWORD_FILE
    return path.read_text(encoding="utf-8") or None if path.is_file() else None


def prepare(root: Path) -> None:
    """Write the secret files that the stack mounts.

    Raises ImsobsError when no password is set: there is no default.
    """
    value = password(root)
    if value is None:
        raise ImsobsError(
            f"{PASSWORD} is not set, and there is no default password",
            remedy=f"set it in the environment or in {_SETTINGS}, then start again",
        )
    (root / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    (root / FOLDER).chmod(0o700)
    (root / ALERTING).mkdir(mode=0o755, exist_ok=True)
    _write(root / PASSWORD_FILE, value)


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    # In place: a container that runs has this very file mounted.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o444)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
    path.chmod(0o444)


def compose_environment(root: Path) -> dict[str, str]:
    """Return the environment for ``docker compose``.

    Compose only has to see that there is a password; the container reads it from the file.
    """
    environment = dict(os.environ)
    if (root / PASSWORD_FILE).is_file():
        environment[PASSWORD] = "in-its-file"
    return environment

"""Secrets as files: written from the environment before the stack starts, never rendered.

``secrets/`` is readable by its owner only; the files inside are readable by all, because
containers open them as users of their own, through a mount of the file alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from imsobs import artifacts, private
from imsobs.errors import ImsobsError
from imsobs.files import read_regular
from imsobs.runtime import settings

PASSWORD = "GRAFANA_ADMIN_PASSWORD"  # noqa: S105 - the variable's name
FOLDER = Path("secrets")
PASSWORD_FILE = FOLDER / "grafana_admin_password"
ALERTING = FOLDER / "alerting"


def is_wanted(root: Path) -> bool:
    """Return whether the stack has a Grafana, and so needs its password."""
    try:
        return PASSWORD in read_regular(root / artifacts.COMPOSE).decode()
    except FileNotFoundError:
        return True


def password(root: Path) -> str | None:
    """Return the password that is set, or that was set when the stack was last started."""
    if given := settings.effective(root).get(PASSWORD):
        return given
    try:
        return read_regular(root / PASSWORD_FILE, 4096).decode() or None
    except FileNotFoundError:
        return None


def prepare(root: Path, *, grafana: bool | None = None) -> None:
    """Write the secret files that the stack mounts.

    Raises ImsobsError when no password is set, there being no default, or when the folder is
    not this user's alone. grafana: whether there is one, which needs the password; as compose.yaml
    has it when left out.
    """
    wanted = is_wanted(root) if grafana is None else grafana
    value = password(root) if wanted else ""
    if value is None:
        raise ImsobsError(
            f"{PASSWORD} is not set, and there is no default password",
            remedy=f"set it in the environment or in {settings.FILE}, then start again",
        )
    for folder, mode in ((FOLDER, 0o700), (ALERTING, 0o755)):
        private.make(root / folder, f"put a folder of your own there, or chmod go-rwx {folder}")
        (root / folder).chmod(mode)
    if value:
        _write(root / PASSWORD_FILE, value)


def _write(path: Path, text: str) -> None:
    private.require(path, f"remove {path}")
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    # In place: a container that runs has this very file mounted.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    if path.exists():
        path.chmod(0o600)
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    path.chmod(0o444)


def compose_environment(root: Path) -> dict[str, str]:
    """Return the environment for ``docker compose``.

    Compose only has to see that there is a password; the container reads it from the file.
    """
    environment = settings.compose_environment(root)
    if (root / PASSWORD_FILE).is_file():
        environment[PASSWORD] = "in-its-file"
    return environment

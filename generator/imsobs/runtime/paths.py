"""Where things live: the project root, the state directory, the cache, the socket."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from imsobs import artifacts, private
from imsobs.errors import ImsobsError
from imsobs.project import find_root

PLAN_FILE = Path(artifacts.NATIVE)
# sun_path holds 104 (macOS) to 108 bytes; supervisord binds "<socket>.<pid>" first.
_LONGEST_SOCKET = 92
STATE_REMEDY = (
    "if it is yours, take others' rights away (chmod -R go-rwx); else remove it, or choose another"
    " state folder with IMSOBS_STATE"
)


@dataclass(frozen=True)
class Layout:
    """Every path of one running stack. root: the project; state: its private folder."""

    root: Path
    state: Path

    @property
    def run(self) -> Path:
        """Generated launch scripts, pid files and the supervisor's configuration."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """One rotated log per process."""
        return self.state / "logs"

    @property
    def config(self) -> Path:
        """The supervisor's configuration."""
        return self.run / "supervisord.conf"

    @property
    def pid_file(self) -> Path:
        """The supervisor's pid."""
        return self.run / "supervisord.pid"

    @property
    def record(self) -> Path:
        """What is running since the last successful start (JSON)."""
        return self.run / "record.json"

    @property
    def socket(self) -> Path:
        """The supervisor's socket; in a private temporary folder when the path is too long."""
        direct = self.run / "supervisor.sock"
        if len(os.fsencode(direct)) <= _LONGEST_SOCKET:
            return direct
        digest = hashlib.sha256(os.fsencode(self.state)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"imsobs-{os.getuid()}-{digest}" / "s.sock"

    def log_of(self, process: str) -> Path:
        """Return the log file of a process (or of "supervisord")."""
        return self.logs / f"{process}.log"

    def page_of(self, component: str) -> Path:
        """Return the working directory of the process that serves a page."""
        # Prometheus looks elsewhere for its page where the folder is called as it is.
        return self.state / "pages" / component

    def fill(self, text: str) -> str:
        """Replace ${IMSOBS_ROOT}, ${IMSOBS_STATE} and ${IMSOBS_LOKI_PATH}."""
        if "${IMSOBS_LOKI_PATH}" in text:
            text = text.replace("${IMSOBS_LOKI_PATH}", self.loki_path())
        return text.replace("${IMSOBS_ROOT}", str(self.root)).replace(
            "${IMSOBS_STATE}", str(self.state)
        )

    def loki_path(self) -> str:
        """Return the path below which Loki answers here, made once and known to this user alone.

        Without it, any page in any browser of the machine could end Loki with a GET.
        """
        file = self.run / "loki-path"
        self.make()
        if not file.exists():
            private.write(file, secrets.token_hex(16))
        private.require(file, STATE_REMEDY)
        return file.read_text(encoding="utf-8")

    def make(self) -> None:
        """Create the folders, readable by the owner only.

        Raises ImsobsError where one is not this user's alone: launch scripts are run from
        there, and its socket takes orders.
        """
        for folder in self._private:
            private.make(folder, STATE_REMEDY)
        if not os.path.lexists(self.state / ".gitignore"):
            private.write(self.state / ".gitignore", "*\n")

    def require_private(self) -> None:
        """Raise ImsobsError where a folder of the state is there and not this user's alone."""
        for folder in (*self._private, self.state / "data"):
            private.require(folder, STATE_REMEDY)

    @property
    def _private(self) -> tuple[Path, ...]:
        return (self.state, self.run, self.logs, self.socket.parent)


def layout_for(root: Path | None = None, state: Path | None = None) -> Layout:
    """Return the layout of a project.

    root: defaults to the nearest folder with a plan. state: defaults to $IMSOBS_STATE,
    then ``<root>/.imsobs``. Raises ImsobsError when what is there is not this user's alone.
    """
    found = find_root(root) if root is None else root.resolve()
    explicit = os.environ.get("IMSOBS_STATE")
    if state is None:
        state = Path(explicit).expanduser() if explicit else found / ".imsobs"
    # The folder itself is not resolved: a link in its place is not followed.
    layout = Layout(found, state.parent.resolve() / state.name)
    _require_plain(layout.root)
    _require_plain(layout.state)
    layout.require_private()
    return layout


def _require_plain(path: Path) -> None:
    """Raise ImsobsError for a path that the supervisor's configuration could not hold."""
    if not str(path).isprintable() or ";" in str(path):
        raise ImsobsError(
            f"{str(path)!r} has a character that no configuration file can hold",
            remedy="use a folder without control characters and semicolons in its path",
        )

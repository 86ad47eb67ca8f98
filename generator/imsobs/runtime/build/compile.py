"""Build a component once: locked, logged, verified, and put in place in one step."""

from __future__ import annotations

import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO, cast

from imsobs.errors import ImsobsError
from imsobs.runtime.build.go_errors import explain, explain_os_error
from imsobs.runtime.build.recipe import Site, follow, recipe_key
from imsobs.runtime.build.toolchain import find_go
from imsobs.runtime.build.versions import VersionProblem, ask_version, parse_version, show
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.progress import GoReader, Progress
from imsobs.shipped import Component


def cached_binary(root: Path, cache: Path, name: str, component: Component) -> Path:
    """Return where the built binary of this recipe is, or will be."""
    return cache / "bin" / recipe_key(root, name, component) / name


@contextmanager
def file_lock(path: Path, progress: Progress, waiting: str) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; tell ``waiting`` while another process has it.

    The kernel drops the lock when its holder dies, so no stale lock can remain.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    handle.seek(0)
                    progress.note(f"{waiting} (pid {handle.read().strip() or 'unknown'})")
                    told = True
                time.sleep(0.2)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def _environment(extra: dict[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("GOFLAGS", "GOBIN")}
    return {**kept, "CGO_ENABLED": "0", "GOWORK": "off", **extra}


class _Runner:
    """Runs the commands of one build, copying their output to the log and the reader."""

    def __init__(self, component: str, log: Path, reader: GoReader) -> None:
        self._component = component
        self._log = log
        self._reader = reader

    def __call__(self, command: list[str], folder: Path, extra: dict[str, str]) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab", buffering=0) as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            try:
                code, out, err = self._watch(command, folder, extra, log)
            except OSError as error:
                cause = explain_os_error(error)
                raise self._failure(cause.what, cause.remedy) from error
        if code != 0:
            cause = explain(err + out)
            raise self._failure(cause.what, cause.remedy)
        return out

    def _watch(
        self, command: list[str], folder: Path, extra: dict[str, str], log: FileIO
    ) -> tuple[int, str, str]:
        with subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                return self._collect(process, log)
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise

    def _collect(self, process: subprocess.Popen[bytes], log: FileIO) -> tuple[int, str, str]:
        stdout, stderr = cast(IO[bytes], process.stdout), cast(IO[bytes], process.stderr)
        texts = {stdout: bytearray(), stderr: bytearray()}
        rest = b""
        with selectors.DefaultSelector() as selector:
            for stream in texts:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(timeout=1.0):
                    stream = stdout if key.fileobj is stdout else stderr
                    chunk = os.read(stream.fileno(), 65536)
                    if not chunk:
                        selector.unregister(stream)
                        continue
                    texts[stream] += chunk
                    log.write(chunk)
                    if stream is stderr:
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            self._reader.line(line.decode(errors="replace"))
                self._reader.tick()
        out, err = (bytes(texts[stream]).decode(errors="replace") for stream in texts)
        return process.wait(), out, err

    def _failure(self, what: str, remedy: str) -> ImsobsError:
        return ImsobsError(
            f"building {self._component} failed: {what}", remedy=remedy, log=self._log
        )


def _verify(name: str, component: Component, binary: Path, log: Path) -> None:
    """Ask a fresh binary for its version; it must be exactly the wanted one."""
    if not component.version_args:
        return
    wanted = parse_version(component.version)
    try:
        found = ask_version(binary, component.version_args)
    except VersionProblem as problem:
        raise ImsobsError(
            f"the {name} just built {problem}", remedy="read the log", log=log
        ) from None
    if found != wanted:
        raise ImsobsError(
            f"the {name} just built is version {show(found)}, wanted {component.version}",
            remedy="check the versions and ldflags in the spec's stack section",
            log=log,
        )


def build_component(plan: Plan, root: Path, cache: Path, name: str, progress: Progress) -> Path:
    """Build a component into the cache, unless it is there, and return the binary's path.

    One build at a time per cache. The binary appears in one rename, after it answered
    its version; an interrupted build leaves only Go's own caches, which make the next
    one shorter. Raises ImsobsError with the cause, the remedy and the log.
    """
    component = plan.components[name]
    build = component.build
    final = cached_binary(root, cache, name, component)
    if build is None or final.exists():
        return final
    log = cache / "logs" / f"{final.parent.name}.log"
    works = cache / "build"
    try:
        with file_lock(cache / "build.lock", progress, "waiting for another build"):
            if final.exists():
                return final
            # Whoever left a folder here is gone: the lock is ours.
            shutil.rmtree(works, ignore_errors=True)
            for folder in (works, log.parent, final.parent.parent):
                folder.mkdir(parents=True, exist_ok=True)
            log.write_text(f"{final.parent.name}\n", encoding="utf-8")
            go = find_go(plan.toolchain, cache, log, progress)
            reader = GoReader(name, progress)
            progress.note(f"building {name} {component.version} with Go {show(go.version)} (once)")
            try:
                site = Site(root, works / name, go.path, _Runner(name, log, reader))
                site.work.mkdir()
                made = follow(build, site)
                made.chmod(0o755)
                _verify(name, component, made, log)
                staged = works / "done"
                staged.mkdir()
                made.replace(staged / name)
                staged.replace(final.parent)
            finally:
                shutil.rmtree(works, ignore_errors=True)
            progress.note(f"built {name} in {reader.seconds:.0f} s")
    except OSError as error:
        cause = explain_os_error(error)
        raise ImsobsError(
            f"building {name} failed: {cause.what}", remedy=cause.remedy, log=log
        ) from error
    return final

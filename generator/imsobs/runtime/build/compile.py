"""Build a component once: locked, logged, verified, and put in place in one step."""

from __future__ import annotations

import functools
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO, cast

from imsobs import private
from imsobs.errors import ImsobsError
from imsobs.runtime.build.go_errors import Cause, explain, explain_os_error
from imsobs.runtime.build.java import explain_maven, find_maven
from imsobs.runtime.build.modules import build_environment
from imsobs.runtime.build.npm import explain_page, require_npm
from imsobs.runtime.build.recipe import Site, follow, recipe_key
from imsobs.runtime.build.toolchain import find_go
from imsobs.runtime.build.versions import VersionProblem, ask_version, parse_version, show
from imsobs.runtime.environment import BASE, HOME, JAVA, NETWORK, NPM, chosen
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.progress import GoReader, Progress
from imsobs.shipped import Build, Component, JavaBuild, PageBuild

_CACHE_REMEDY = "remove it, or choose another cache with IMSOBS_CACHE"


def cached_binary(root: Path, cache: Path, name: str, component: Component) -> Path:
    """Return where the built binary of this recipe is, or will be."""
    return cache / "bin" / recipe_key(root, name, component) / name


@contextmanager
def file_lock(path: Path, progress: Progress, waiting: str) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; call ``waiting`` while another process has it.

    The kernel drops the lock when its holder dies, so no stale lock can remain.
    """
    private.make(path.parent, _CACHE_REMEDY)
    try:
        handle = private.open_lock(path)
    except OSError as error:
        raise ImsobsError(
            f"{path} cannot be used as a lock: {error.strerror}", remedy=f"remove {path}"
        ) from error
    with handle:
        reported = False
        while not private.lock(handle):
            if not reported:
                handle.seek(0)
                progress.note(f"{waiting} (pid {handle.read(20).strip() or 'unknown'})")
                reported = True
            time.sleep(0.2)
        handle.seek(0)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def usable(binary: Path) -> bool:
    """Return whether a binary of the cache is there, with the digest that was noted at its build.

    Raises ImsobsError when others could have put it there, or it is not what was built.
    """
    for path in (binary.parents[2], binary.parents[1], binary.parent, binary, _noted(binary)):
        private.require(path, _CACHE_REMEDY)
    if not (binary.is_file() and _noted(binary).is_file()):
        return False
    stat = binary.stat()
    identity = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if _digest(binary, identity) != _noted(binary).read_text(encoding="utf-8").strip():
        raise ImsobsError(
            f"{binary} is not the file that was built here: its SHA-256 differs",
            remedy=f"find out who changed it, remove {binary.parent}, and run imsobs binaries",
        )
    return True


def _noted(binary: Path) -> Path:
    return binary.with_name(f"{binary.name}.sha256")


@functools.cache
def _digest(binary: Path, identity: tuple[int, ...]) -> str:
    """Return the digest of a file; read once for as long as it is the same file."""
    return private.digest(binary)


class _Runner:
    """Runs the commands of one build, copying their output to the log and the reader."""

    def __init__(
        self,
        name: str,
        component: Component,
        log: Path,
        reader: GoReader,
        environment: dict[str, str],
    ) -> None:
        self._component = name
        self._explain = _explains(component.build)
        self._environment = environment
        self._log = log
        self._reader = reader

    def __call__(self, command: list[str], folder: Path, extra: dict[str, str]) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab", buffering=0) as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            self._reader.begins(command)
            try:
                code, out, err = self._watch(command, folder, extra, log)
            except OSError as error:
                cause = explain_os_error(error)
                raise self._failure(cause.what, cause.remedy) from error
        if code != 0:
            cause = self._explain(err + out)
            raise self._failure(cause.what, cause.remedy)
        return out

    def _watch(
        self, command: list[str], folder: Path, extra: dict[str, str], log: FileIO
    ) -> tuple[int, str, str]:
        with subprocess.Popen(
            command,
            cwd=folder,
            env={**self._environment, **extra},
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


def _explains(build: Build | None) -> Callable[[str], Cause]:
    match build:
        case JavaBuild():
            return explain_maven
        case PageBuild():
            return explain_page
    return explain


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


def _tool(
    plan: Plan, cache: Path, name: str, log: Path, progress: Progress
) -> tuple[Path, dict[str, str]]:
    """Return the command that builds a component, and its environment."""
    component = plan.components[name]
    what = f"building {name} {component.version}"
    if isinstance(component.build, JavaBuild):
        mvn = find_maven(name, component.env)
        progress.note(f"{what} with Maven (once)")
        return mvn, chosen(BASE, HOME, NETWORK, JAVA)
    if isinstance(component.build, PageBuild):
        require_npm(name, component.build)
        go = find_go(plan.toolchain, cache, log, progress)
        progress.note(f"{what} with npm (once)")
        return go.path, {**build_environment(go.path, progress), **chosen(NPM)}
    go = find_go(plan.toolchain, cache, log, progress)
    progress.note(f"{what} with Go {show(go.version)} (once)")
    return go.path, build_environment(go.path, progress)


def build_component(plan: Plan, root: Path, cache: Path, name: str, progress: Progress) -> Path:
    """Build a component into the cache, unless it is there, and return the binary's path.

    One build at a time per cache. The binary appears in one rename, after it answered
    its version; an interrupted build leaves only Go's own caches, which make the next
    one shorter. Raises ImsobsError with the cause, the remedy and the log.
    """
    component = plan.components[name]
    build = component.build
    final = cached_binary(root, cache, name, component)
    if build is None or usable(final):
        return final
    log = cache / "logs" / f"{final.parent.name}.log"
    works = cache / "build"
    try:
        with file_lock(cache / "build.lock", progress, "waiting for another build"):
            if usable(final):
                return final
            # Whoever left a folder here is gone: the lock is ours.
            shutil.rmtree(works, ignore_errors=True)
            for folder in (works, log.parent, final.parent.parent):
                private.make(folder, _CACHE_REMEDY)
            log.write_text(f"{final.parent.name}\n", encoding="utf-8")
            reader = GoReader(name, progress)
            try:
                tool, environment = _tool(plan, cache, name, log, progress)
                runner = _Runner(name, component, log, reader, environment)
                site = Site(root, works / name, tool, runner)
                site.work.mkdir()
                made = follow(build, site)
                made.chmod(0o755)
                _verify(name, component, made, log)
                staged = works / "done"
                private.make(staged, _CACHE_REMEDY)
                made.replace(staged / name)
                _noted(staged / name).write_text(f"{private.digest(staged / name)}\n")
                # What lies there has no digest: nobody knows where it comes from.
                shutil.rmtree(final.parent, ignore_errors=True)
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

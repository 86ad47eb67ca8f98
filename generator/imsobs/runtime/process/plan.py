"""The plan: ``stack/native.yaml`` as strict, frozen data.

Stage: the contract between the renderer (writes the file) and the runtime (reads it).
Processes are what is started, in the order of the mapping. Of the components, which are
binaries, the file gives versions only: how a binary is found and built is this program's
(imsobs.shipped), never a file's that came with somebody's spec. A component without a process
(promtool, amtool) is a tool that is resolved on demand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from imsobs import yamlio
from imsobs.errors import ExitCode, ImsobsError
from imsobs.files import read_regular
from imsobs.runtime.environment import NETWORK
from imsobs.runtime.paths import PLAN_FILE
from imsobs.shipped import Component, PageBuild, Strict, Toolchain, Version, shipped

PLACEHOLDERS = ("IMSOBS_ROOT", "IMSOBS_STATE", "IMSOBS_LOKI_PATH")
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")


def _known_placeholders(text: str) -> str:
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"${{{known}}}" for known in PLACEHOLDERS)
            raise ValueError(f'unknown placeholder "${{{name}}}"; available: {known}')
    return text


def _loopback_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError(f'"{url}" is not an http(s) URL on loopback (127.0.0.1)')
    return _known_placeholders(url)


def _reload_way(text: str) -> str:
    return text if text in ("HUP", "USR1", "USR2") else _loopback_url(text)


LoopbackUrl = Annotated[str, AfterValidator(_loopback_url)]
Text = Annotated[str, AfterValidator(_known_placeholders)]
ReloadWay = Annotated[str, AfterValidator(_reload_way)]
# This project's own, and how the outside is reached; credentials of others are neither.
Variable = Annotated[
    str, Field(pattern=rf"^(IMSOBS_[A-Z0-9_]+|TRACE_SAMPLING_RATE|{'|'.join(NETWORK)})$")
]
# Read whole: nothing outside of the project.
ProjectFile = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
]
# Files there are renamed: nothing outside of the state folder.
StateFolder = Annotated[str, Field(pattern=r"^\$\{IMSOBS_STATE\}(/[a-z0-9_-]+)+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


class Process(Strict):
    """A process to supervise; started in file order, stopped in reverse.

    args_with, args_without: arguments added when an optional component is there or not.
    env: variables that are set. reads: those of the caller's environment that are handed on,
    besides what every program needs; there are no others. ports: name -> loopback port.
    ready: answers 2xx when the process can work. url: what a person opens.
    files: files and folders (relative to the root) whose change means reload or restart.
    reload: an http URL to POST to or a signal (HUP, USR1, USR2); absent means restart.
    dirs: folders made before the start. queues: folders with queue files of the Collector;
    before every start, those that cannot be read are set aside. page: component whose web page
    it serves, where it is built, out of its working directory. *_seconds: longest wait for ready
    and stop.
    """

    component: str
    args: list[Text] = []
    args_with: dict[str, list[Text]] = {}
    args_without: dict[str, list[Text]] = {}
    env: dict[str, Text] = {}
    reads: list[Variable] = []
    ports: dict[str, Port] = {}
    ready: LoopbackUrl
    ready_seconds: Annotated[int, Field(ge=1)] = 60
    stop_seconds: Annotated[int, Field(ge=1, le=45)] = 15
    url: LoopbackUrl | None = None
    files: list[ProjectFile] = []
    reload: ReloadWay | None = None
    dirs: list[Text] = []
    queues: list[StateFolder] = []
    page: Name | None = None


class Api(Strict):
    """Base URLs that ``status`` and ``trace`` ask; jaeger: None in a stack without it."""

    prometheus: LoopbackUrl = "http://127.0.0.1:9090"
    jaeger: LoopbackUrl | None = "http://127.0.0.1:16686"


def _accepted(what: str) -> str:
    # The suffix depends on how the Collector's own metrics are exposed.
    return f'sum({{__name__=~"otelcol_receiver_accepted_{what}(_total)?"}})'


class Queries(Strict):
    """PromQL for the telemetry lines of ``status``; each yields one number."""

    spans_received: str = _accepted("spans")
    logs_received: str = _accepted("log_records")
    metric_points_received: str = _accepted("metric_points")


class Expectation(Strict):
    """What causes the signals of a metric: a selector to read, the time, what to look at."""

    cause: str
    within: str
    hint: str


class Expected(Strict):
    """PromQL of what was expected and what was seen, by metric; of: metric -> its cause."""

    causes: str = ""
    seen: str = ""
    of: dict[str, Expectation] = {}


class _File(Strict):
    """stack/native.yaml. versions: component -> version; one left out is taken as shipped."""

    versions: dict[Name, Version] = {}
    processes: dict[Name, Process]
    api: Api = Api()
    queries: Queries = Queries()
    expected: Expected = Expected()


class Plan(Strict):
    """Everything that the native runtime knows about the stack."""

    toolchain: Toolchain = Toolchain()
    components: dict[Name, Component]
    processes: dict[Name, Process]
    api: Api = Api()
    queries: Queries = Queries()
    expected: Expected = Expected()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        taken: dict[int, str] = {}
        for name, process in self.processes.items():
            for used in (process.component, *process.args_with, *process.args_without):
                if used not in self.components:
                    known = ", ".join(self.components)
                    raise ValueError(
                        f'processes.{name} names component "{used}"; available: {known}'
                    )
            page = self.components.get(process.page or "")
            if process.page and not (page and isinstance(page.build, PageBuild)):
                raise ValueError(f'processes.{name}.page: "{process.page}" is no web page')
            for label, port in process.ports.items():
                place = f"processes.{name}.ports.{label}"
                if port in taken:
                    raise ValueError(f"port {port} is used by {taken[port]} and {place}")
                taken[port] = place
        return self


def parse_plan(text: str, source: str = str(PLAN_FILE)) -> Plan:
    """Parse the text of a plan; raise ImsobsError (exit code 2) with every problem."""
    try:
        return _joined(_File.model_validate(yamlio.parse(text)))
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
    except KeyError as error:
        known = ", ".join(shipped().versions())
        problem = f"versions: unknown component {error}; available: {known}"
    except ValidationError as error:
        problem = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}".lstrip(": ")
            for item in error.errors(include_url=False)
        )
    raise ImsobsError(f"{source}: {problem}", remedy="imsobs render", exit_code=ExitCode.INPUT)


def _joined(file: _File) -> Plan:
    known = shipped()
    return Plan(
        toolchain=known.go,
        components=known.natively(file.versions),
        processes=file.processes,
        api=file.api,
        queries=file.queries,
        expected=file.expected,
    )


def load_plan(root: Path) -> Plan:
    """Load ``<root>/stack/native.yaml``; raise ImsobsError (exit code 2) if unusable."""
    path = root / PLAN_FILE
    try:
        text = read_regular(path).decode()
    except FileNotFoundError:
        raise ImsobsError(
            f"{path} does not exist",
            remedy="run imsobs render, or name the project with --root",
            exit_code=ExitCode.INPUT,
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ImsobsError(f"{path} cannot be read: {reason}", exit_code=ExitCode.INPUT) from error
    return parse_plan(text, str(path))

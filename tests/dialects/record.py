"""Records what each dialect's real package sends, and tells what a new release says otherwise.

    export PYTHONPATH=examples
    python -m tests.dialects.record                       every recording, compared and stored
    python -m tests.dialects.record genai-openai --check  one, compared only (exit code 1)
    python -m tests.dialects.record --page                only the page of the dialects

Each recording has a virtual environment of its own, with the pinned packages of
recordings.yaml, below the cache folder. The scenario's clients call the stub vendors under
`opentelemetry-instrument`; nothing leaves this machine but the installation.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import Distribution, distributions
from pathlib import Path

import httpx2

from bench.record import recorder
from imsobs.cache import cache_dir
from imsobs.runtime.trial import free_ports
from tests.dialects import page
from tests.dialects.recording import HERE, Plan, Recording, differences, load, plans, store
from tests.dialects.tidy import PLACE, tidy
from tests.gateways.vendors import stub_vendors

_START_SECONDS = 300.0
_PROXY_DELAY_MS = 2000
_PROXY_CONFIG = """\
model_list:
  - model_name: ours
    litellm_params: {model: openai/gpt-4o, api_base: VENDORS/openai/v1, api_key: k}
litellm_settings: {callbacks: [otel], num_retries: 0}
callback_settings: {otel: {mapper_names: [genai, langfuse]}}
general_settings: {master_key: sk-stub}
"""


def environment(plan: Plan) -> Path:
    """Return the folder of the plan's virtual environment, made and filled when it is missing."""
    digest = hashlib.sha256("\n".join(plan.packages).encode()).hexdigest()[:12]
    folder = cache_dir() / "dialects" / f"{plan.name}-{digest}"
    if (folder / "complete").exists():
        return folder
    print(f"{plan.name}: installing {', '.join(plan.packages)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin/python")
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "-q", "--python", python]
    else:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "-q"]
    subprocess.run([*install, *plan.packages], check=True)
    (folder / "complete").touch()
    return folder


def record(plan: Plan) -> Recording:
    """Run the scenario under the plan's packages and return what came of it."""
    folder = environment(plan)
    with ExitStack() as stack:
        endpoint, recorded = stack.enter_context(recorder())
        vendors = stack.enter_context(stub_vendors(folder / "vendors.log"))
        env = {**os.environ, **_telemetry(endpoint), **plan.environment, "VENDORS": vendors}
        env.pop("PYTHONPATH", None)
        if "proxy" in plan.clients:
            env["PROXY"] = stack.enter_context(_proxy(folder, vendors, env))
        command = [folder / "bin/python", HERE / "scenario.py", *plan.clients]
        if "proxy" not in plan.clients:
            command.insert(0, folder / "bin/opentelemetry-instrument")
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise SystemExit(f"{plan.name}: the scenario failed\n{ran.stderr[-3000:]}")
        if "proxy" in plan.clients:
            # It sends nothing more when it is ended.
            time.sleep(3 * _PROXY_DELAY_MS / 1000)
        traces = recorded.all_traces()
    calls = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    tidied, prompts = tidy(traces)
    return Recording(plan.name, plan.dialect, _versions(plan, folder), calls, tidied, prompts)


def _telemetry(endpoint: str) -> dict[str, str]:
    return {
        "OTEL_SERVICE_NAME": "recorded",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        # One export, unless it takes longer.
        "OTEL_BSP_SCHEDULE_DELAY": "60000",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2048",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
        # LiteLLM has names of its own, and would fetch its price list.
        "OTEL_EXPORTER": "otlp_http",
        "OTEL_ENDPOINT": endpoint,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


@contextmanager
def _proxy(folder: Path, vendors: str, env: dict[str, str]) -> Iterator[str]:
    (port,) = free_ports(1)
    config = folder / "proxy.yaml"
    config.write_text(_PROXY_CONFIG.replace("VENDORS", vendors), encoding="utf-8")
    command = [folder / "bin/litellm", "-c", config, "--host", PLACE, "--port", str(port)]
    with _process(command, {**env, "OTEL_BSP_SCHEDULE_DELAY": str(_PROXY_DELAY_MS)}):
        yield _ready(f"http://{PLACE}:{port}", "/health/liveliness")


@contextmanager
def _process(command: list[str | Path], env: dict[str, str]) -> Iterator[None]:
    output = subprocess.DEVNULL
    process = subprocess.Popen(command, env=env, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _ready(url: str, path: str) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}{path}").is_success:
                return url
        except httpx2.TransportError:
            time.sleep(0.2)
    raise SystemExit(f"{url} does not answer")


def _versions(plan: Plan, folder: Path) -> dict[str, str]:
    """Return what is installed of the packages that the plan names."""
    named = {package.partition("==")[0].partition("[")[0] for package in plan.packages}
    (site,) = folder.glob("lib/python3*/site-packages")
    found: dict[str, str] = {}
    installed: Iterator[Distribution] = iter(distributions(path=[str(site)]))
    for distribution in installed:
        if distribution.metadata["Name"] in named:
            found[distribution.metadata["Name"]] = distribution.version
    return dict(sorted(found.items()))


def main() -> int:
    """Record what is named, tell how it differs from what is stored, and store it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(plans())}")
    parser.add_argument("--check", action="store_true", help="store nothing")
    parser.add_argument("--page", action="store_true", help="record nothing, write the page")
    given = parser.parse_args()
    differ = False
    for plan in [] if given.page else [plans()[name] for name in given.names or plans()]:
        new = record(plan)
        try:
            found = differences(load(plan.name), new)
        except FileNotFoundError:
            found = ["there was none"]
        differ = differ or bool(found)
        print(f"{plan.name}: {'as it was' if not found else ''}")
        for line in found:
            print(f"  {line}")
        if not given.check:
            store(new)
    if not given.check:
        page.write()
    return int(differ and given.check)


if __name__ == "__main__":
    raise SystemExit(main())

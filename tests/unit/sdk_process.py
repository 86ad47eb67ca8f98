"""The SDK of app/otel-sdk.yaml in a process of its own: it sets global providers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def last_line(folder: Path, *statements: str) -> str:
    """Return the last line that statements print, in which ``provider`` is that of the tracers.

    folder: has app/otel-sdk.yaml. AssertionError with what the process said when it prints none.
    """
    code = (
        "from opentelemetry import trace",
        "from opentelemetry.configuration import configure_sdk, load_config_file",
        "configure_sdk(load_config_file('app/otel-sdk.yaml'))",
        "provider = trace.get_tracer_provider()",
        *statements,
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return done.stdout.splitlines()[-1]

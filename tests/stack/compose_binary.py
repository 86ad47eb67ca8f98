"""Compose v2 where its plugin is not installed: built once from its Go module into the cache."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from imsobs.cache import cache_dir  # noqa: E402
from imsobs.errors import ImsobsError  # noqa: E402
from imsobs.runtime.build.compile import build_component  # noqa: E402
from imsobs.runtime.process.plan import Plan  # noqa: E402
from imsobs.runtime.progress import Silent  # noqa: E402

VERSION = "2.40.3"
_MODULE = "github.com/docker/compose/v2"
_PLAN = {
    "components": {
        "docker-compose": {
            "version": VERSION,
            "version_args": ["version", "--short"],
            "env": "IMSOBS_COMPOSE_BIN",
            "build": {
                "kind": "go-module-copy",
                "module": _MODULE,
                "module_version": f"v{VERSION}",
                "package": "./cmd",
                "ldflags": [f"-X {_MODULE}/internal.Version={VERSION}"],
            },
        }
    },
    "processes": {},
}


def main() -> None:
    """Print the path of the binary."""
    try:
        plan = Plan.model_validate(_PLAN)
        print(build_component(plan, ROOT, cache_dir(), "docker-compose", Silent()))
    except ImsobsError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()

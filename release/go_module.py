"""A Go module, as Go downloads it and checks it against its checksum database."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path


def downloaded(target: str) -> tuple[Path, str]:
    """Return the folder of a module's sources, which is not to be written to, and their checksum.

    target: ``MODULE@VERSION``. SystemExit where Go cannot get it.
    """
    command = ["go", "mod", "download", "-json", target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"go cannot get {target}:\n{done.stdout}{done.stderr}")
    told = json.loads(done.stdout)
    return Path(told["Dir"]), told["Sum"]

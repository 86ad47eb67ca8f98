"""The sandbox: runs a small program in a process of its own, for a limited time.

The programs are chosen from a list; nothing that a caller sends is ever executed.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import Literal

log = logging.getLogger("ims.sandbox")
Runtime = Literal["python", "node", "shell"]
Program = Literal["ok", "error", "usage", "hang", "killed"]

TIMEOUT_EXIT_CODE = 124
_NOT_FOUND_EXIT_CODE = 127
_SIGNAL_EXIT_CODE_BASE = 128
_INTERPRETERS: dict[Runtime, tuple[str, ...]] = {
    # -I: the child reads no environment and no user site, so it starts clean and fast.
    "python": (sys.executable, "-I", "-c"),
    "node": ("node", "-e"),
    "shell": ("/bin/sh", "-c"),
}
_PROGRAMS: dict[Runtime, dict[Program, str]] = {
    "python": {
        "ok": "print(6 * 7)",
        "error": "raise SystemExit(1)",
        "usage": "raise SystemExit(2)",
        "hang": "import time; time.sleep(60)",
        "killed": "import os; os.kill(os.getpid(), 9)",
    },
    "node": {
        "ok": "console.log(6 * 7)",
        "error": "process.exit(1)",
        "usage": "process.exit(2)",
        "hang": "setTimeout(() => {}, 60000)",
        "killed": "process.kill(process.pid, 'SIGKILL')",
    },
    "shell": {
        "ok": "echo $((6 * 7))",
        "error": "exit 1",
        "usage": "exit 2",
        "hang": "exec sleep 60",
        "killed": "kill -9 $$",
    },
}


async def run(runtime: Runtime, program: Program, timeout: float = 1.0) -> int:
    """Run a program and give its exit code, in the shell's convention.

    124: it ran longer than `timeout` seconds; 127: the runtime is not there; 128 + N:
    signal N ended it.
    """
    started = time.perf_counter()
    code = await _exit_code((*_INTERPRETERS[runtime], _PROGRAMS[runtime][program]), timeout)
    log.info(
        "sandbox finished",
        extra={
            "event": "sandbox_finished",
            "runtime": runtime,
            "exit_code": code,
            "duration_seconds": time.perf_counter() - started,
        },
    )
    return code


async def _exit_code(command: tuple[str, ...], timeout: float) -> int:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        )
    except FileNotFoundError:
        return _NOT_FOUND_EXIT_CODE
    try:
        code = await asyncio.wait_for(process.wait(), timeout)
    except TimeoutError:
        process.kill()
        await process.wait()
        return TIMEOUT_EXIT_CODE
    return code if code >= 0 else _SIGNAL_EXIT_CODE_BASE - code

"""Processes of Celery's pool, which end without exit handlers and without finalizers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec


def install(flush: Callable[[], None]) -> None:
    """Let such a process send what waits before it ends; without Celery, nothing.

    With ``--max-tasks-per-child 1`` each would end before it has sent anything.
    """
    if find_spec("celery") is None:
        return

    def ends(**_: object) -> None:
        flush()

    importlib.import_module("celery.signals").worker_process_shutdown.connect(ends, weak=False)

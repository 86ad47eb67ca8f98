"""Processes of Celery's pool, which end without exit handlers and without finalizers."""

from __future__ import annotations

import importlib
from collections.abc import Callable


def install(flush: Callable[[], None]) -> None:
    """Let such a process send what waits before it ends.

    With ``--max-tasks-per-child 1`` each would end before it has sent anything.
    """
    connect("worker_process_shutdown", lambda **_: flush())


def connect(signal: str, receiver: Callable[..., None]) -> None:
    """Let a signal of Celery's call a receiver; without Celery, nothing."""
    try:
        signals = importlib.import_module("celery.signals")
    except ImportError:
        # Nor is a folder of the service Celery because it has that name.
        return
    getattr(signals, signal).connect(receiver, weak=False)

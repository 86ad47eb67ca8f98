"""Processes of Celery's pool, which end without exit handlers and without finalizers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec


def install(flush: Callable[[], None]) -> None:
    """Let such a process send what waits before it ends.

    With ``--max-tasks-per-child 1`` each would end before it has sent anything.
    """
    connect("worker_process_shutdown", lambda **_: flush())


def connect(signal: str, receiver: Callable[..., None]) -> None:
    """Let a signal of Celery's call a receiver; without Celery, nothing."""
    if find_spec("celery") is not None:
        signals = importlib.import_module("celery.signals")
        getattr(signals, signal).connect(receiver, weak=False)

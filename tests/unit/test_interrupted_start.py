"""Ctrl-C before the commands are imported ends imsobs as it ends a command: without a traceback."""

from __future__ import annotations

import signal
import sys
from types import ModuleType

import pytest

from imsobs.__main__ import main


class Interrupted(ModuleType):
    """The module of the commands, which Ctrl-C keeps from being imported."""

    def __getattr__(self, name: str) -> object:
        if name == "main":
            raise KeyboardInterrupt
        raise AttributeError(name)


def test_ctrl_c_during_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imsobs.cli", Interrupted("imsobs.cli"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 128 + signal.SIGINT

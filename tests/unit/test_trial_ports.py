"""Ports for what is started beside a running stack."""

from __future__ import annotations

import itertools
import socket

import pytest

from imsobs.errors import ImsobsError
from imsobs.runtime import trial


def test_no_port_is_given_twice_before_all_were() -> None:
    first, second = trial.free_ports(20), trial.free_ports(20)
    assert len({*first, *second}) == 40


def test_no_port_is_one_that_linux_gives_to_connections() -> None:
    assert max(trial.free_ports(20)) < 32_768


def test_a_port_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    (used,) = trial.free_ports(1)
    with socket.create_server(("127.0.0.1", used)):
        monkeypatch.setattr(trial, "_next_ports", itertools.cycle([used, used + 1]))
        assert trial.free_ports(1) == [used + 1]
        monkeypatch.setattr(trial, "_next_ports", itertools.repeat(used))
        with pytest.raises(ImsobsError, match="no 2 ports of loopback are free"):
            trial.free_ports(2)

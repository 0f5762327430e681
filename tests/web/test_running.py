"""A service as a process: what it tells, and what is left when it cannot start."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("fastapi")
from visavox.errors import ConfigError, DataError
from visavox.service_config import ServeConfig
from visavox.web import running
from visavox.web.running import Started, run_service


def test_what_is_there_is_told_as_json() -> None:
    told = Started("http://x", {"model": "m"}, {"gallery": "--gallery FOLDER"}).to_dict()
    assert told == {"url": "http://x", "loaded": {"model": "m"}, "absent": {"gallery": "--gallery FOLDER"}}


def test_a_model_that_is_not_there_leaves_no_port_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[socket.socket] = []
    real = running.bind
    monkeypatch.setattr(running, "bind", lambda *a: bound.append(real(*a)) or bound[-1])  # type: ignore[func-returns-value]
    with pytest.raises((ConfigError, DataError), match="nothing-here"):
        run_service(ServeConfig(model="nothing-here", port=0, pages=False), lambda _: None)
    assert bound[0].fileno() == -1

"""Ports, addresses, and what is said when one cannot be had."""

from __future__ import annotations

import socket
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.errors import ConfigError, DataError
from visavox.service_config import ServeConfig
from visavox.web import running
from visavox.web.running import Started, bind, run_service, url_of


def test_a_free_port_is_taken_and_told() -> None:
    with bind("127.0.0.1", 0) as found:
        port = found.getsockname()[1]
        assert port > 0
        with bind("localhost", 0) as other:
            assert other.getsockname()[1] != port


def test_a_port_in_use_is_one_line_with_the_remedy() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} of 127.0.0.1 is in use. Stop what listens there, or take"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host", "", "a" * 300])
def test_an_address_of_another_machine_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if host not in ("203.0.113.7",):

        def nobody(*_: Any, **__: Any) -> Any:
            raise socket.gaierror("no such name")

        monkeypatch.setattr(running.socket, "getaddrinfo", nobody)
    with pytest.raises(ConfigError, match="`host` must be an address of this machine"):
        bind(host, 0)


def test_addresses_to_open() -> None:
    assert url_of("localhost", 80) == "http://localhost:80"
    assert url_of("::", 8765) == "http://[::1]:8765"
    told = Started("http://x", {"model": "m"}, {"gallery": "--gallery FOLDER"}).to_dict()
    assert told == {"url": "http://x", "loaded": {"model": "m"}, "absent": {"gallery": "--gallery FOLDER"}}


def test_a_model_that_is_not_there_leaves_no_port_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[socket.socket] = []
    real = running.bind
    monkeypatch.setattr(running, "bind", lambda *a: bound.append(real(*a)) or bound[-1])  # type: ignore[func-returns-value]
    with pytest.raises((ConfigError, DataError), match="nothing-here"):
        run_service(ServeConfig(model="nothing-here", port=0, pages=False), lambda _: None)
    assert bound[0].fileno() == -1

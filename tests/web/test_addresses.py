"""Ports, addresses, and what is said when one cannot be had."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.web import addresses
from visavox.web.addresses import bind, url_of


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

        monkeypatch.setattr(addresses.socket, "getaddrinfo", nobody)
    with pytest.raises(ConfigError, match="`host` must be an address of this machine"):
        bind(host, 0)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ConfigError, match=f"`port` must be 1 to 65535, or 0 for a free one. Got {port}"):
        bind("127.0.0.1", port)


def test_addresses_to_open() -> None:
    assert url_of("localhost", 80) == "http://localhost:80"
    assert url_of("::", 8765) == "http://[::1]:8765"


def test_a_port_is_taken_before_anything_heavy_is_loaded() -> None:
    heavy = "[name for name in ('uvicorn', 'fastapi', 'torch', 'numpy') if name in sys.modules]"
    code = f"import sys, visavox.web.addresses; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""What the service can be told, and that it stays at home unless it is locked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.service_config import ServeConfig, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    assert ServeConfig(host=host).tokens is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "example.org"])
def test_an_open_address_needs_tokens(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(ConfigError, match=f"`host` {host} can be reached from other machines, so it needs tokens"):
        ServeConfig(host=host)
    assert ServeConfig(host=host, tokens=Path("tokens.json")).host == host


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"port": 70000}, "`port` must be 1 to 65535, or 0 for a free one. Got 70000"),
        ({"max_upload_mb": 0.0}, "`max_upload_mb` must be above 0"),
        ({"timeout_s": float("nan")}, "`timeout_s` must be above 0. Got nan"),
        ({"max_voice_s": float("inf")}, "`max_voice_s` must be above 0. Got inf"),
        ({"queue": 0}, "`queue` must be at least 1. Got 0"),
        ({"decoders": 0}, "`decoders` must be at least 1"),
        ({"batch_wait_ms": 2000.0}, "`batch_wait_ms` must be 0 to 1000"),
        ({"new_token": "lab"}, "`new_token` needs the file it goes to. Give --tokens FILE"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ServeConfig(**values)

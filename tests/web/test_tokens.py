"""Tokens: shown once, kept as digests, refused when unknown or expired, followed when the file changes."""

from __future__ import annotations

import datetime
import json
import os
import threading
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from visavox.errors import ConfigError, DataError
from visavox.web.service_errors import RefusalError
from visavox.web.tokens import TokenFile, add_token, digest, read_tokens


def test_a_new_token_is_known_and_its_file_does_not_hold_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tokens.json"
    token = add_token(path, "lab", days=1.0)
    assert token.startswith("vv_") and len(token) > 40
    assert token not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o077 == 0, "others may not read it"
    found = TokenFile(path).check(token)
    assert (found.name, found.sha256) == ("lab", digest(token))
    assert (
        datetime.timedelta(hours=23) < found.ends - datetime.datetime.now(datetime.UTC) < datetime.timedelta(hours=25)
    )


def test_tokens_differ_and_names_may_not_repeat(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    first, second = (add_token(path, name, days=1.0) for name in ("a", "b"))
    assert first != second
    assert [one.name for one in read_tokens(path)] == ["a", "b"]
    with pytest.raises(ConfigError, match="has a token 'a'. Choose another name"):
        add_token(path, "a", days=1.0)
    with pytest.raises(ConfigError, match="before the year 9999"):
        add_token(path, "c", days=1e9)


def test_two_who_add_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    threads = [threading.Thread(target=add_token, args=(path, f"t{i}"), kwargs={"days": 1.0}) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert {one.name for one in read_tokens(path)} == {f"t{i}" for i in range(8)}


@pytest.mark.parametrize("token", ["", "vv_wrong", "x" * 10_000, "ü", "\udcff"])
def test_an_unknown_token_is_refused(tmp_path: Path, token: str) -> None:
    path = tmp_path / "tokens.json"
    add_token(path, "lab", days=1.0)
    with pytest.raises(RefusalError, match="not known here") as raised:
        TokenFile(path).check(token)
    assert (raised.value.status, raised.value.code) == (401, "unknown_token")
    assert raised.value.headers["www-authenticate"] == 'Bearer realm="visavox", error="invalid_token"'


def test_an_expired_token_says_when(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    token = add_token(path, "lab", days=1.0)
    rows = json.loads(path.read_text(encoding="utf-8"))
    rows[0]["expires"] = "2020-02-03T04:05:06+00:00"
    path.write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(RefusalError, match="'lab' expired on 2020-02-03 at 04:05 UTC") as raised:
        TokenFile(path).check(token)
    assert raised.value.code == "expired_token"


def test_who_is_taken_out_of_the_file_is_out_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    first = add_token(path, "a", days=1.0)
    tokens = TokenFile(path)
    second = add_token(path, "b", days=1.0)
    assert tokens.check(second).name == "b"
    rows = [row for row in json.loads(path.read_text(encoding="utf-8")) if row["name"] == "b"]
    path.write_text(json.dumps(rows), encoding="utf-8")
    os.utime(path, ns=(1, 1))
    with pytest.raises(RefusalError):
        tokens.check(first)
    path.unlink()
    with pytest.raises(DataError, match="no such file of tokens"):
        tokens.check(second)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '[{"name": "a"}]',
        '[{"name": "a", "sha256": "zz", "created": "x", "expires": "2030-01-01T00:00:00+00:00"}]',
        '[{"name": "a", "sha256": "' + "00" * 32 + '", "created": "x", "expires": "2030-01-01T00:00:00"}]',
    ],
)
def test_another_file_is_one_line_with_the_remedy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="Make a token with: visavox serve --tokens") as raised:
        TokenFile(path)
    assert "\n" not in str(raised.value)

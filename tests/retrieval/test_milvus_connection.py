"""Connections to Milvus: what is refused before, what nobody answers, and texts in expressions."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

import pytest

from visavox.errors import ConfigError, DataError, MissingDependencyError
from visavox.retrieval.milvus_connection import MilvusConnection, checked_uri, literal, one_of


@pytest.mark.parametrize("uri", ["", "folder", "file.sqlite", "ftp://host/a.db", "localhost:19530"])
def test_what_is_neither_address_nor_path_is_one_line(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"`uri` must be the address of a Milvus server.*Got ") as caught:
        checked_uri(uri)
    assert repr(uri) in str(caught.value)


def test_addresses_stay_and_paths_become_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked_uri("http://host:19530") == "http://host:19530"
    assert checked_uri("new/m.db") == str(tmp_path / "new" / "m.db")
    assert (tmp_path / "new").is_dir()


def test_a_path_whose_folder_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(DataError, match="Cannot make the folder"):
        checked_uri(str(tmp_path / "file" / "m.db"))


def test_an_address_where_nobody_listens_is_one_line_soon() -> None:
    with socket.socket() as bound:  # taken, and not listening
        bound.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{bound.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(DataError, match=f"Milvus at {uri} failed while connecting.*Check that it runs") as caught:
            MilvusConnection(uri, timeout_s=2)
    assert time.monotonic() - started < 30
    assert "\n" not in str(caught.value)


def test_a_server_that_takes_calls_and_never_answers_is_one_line_in_bounded_time() -> None:
    """A port that listens and says nothing, as a machine does that hangs."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        started = time.monotonic()
        with pytest.raises(DataError, match="failed while connecting"):
            MilvusConnection(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=1)
        assert time.monotonic() - started < 30


@pytest.mark.parametrize(("module", "missing"), [("pymilvus", "pymilvus"), ("milvus_lite", "milvus_lite")])
def test_without_the_library_the_extra_is_named(
    module: str, missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (missing, module):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=rf"needs {missing}.*pip install 'visavox\[milvus\]'"):
        MilvusConnection(str(tmp_path / "m.db"))


@pytest.mark.parametrize("text", ["Ann", "O'Neil", 'say "no"', "back\\slash", "Zoë", '" or person != "', "a\nb"])
def test_a_literal_reads_back_as_the_text_and_ends_where_it_ends(text: str) -> None:
    written = literal(text)
    assert json.loads(written) == text
    assert written.replace("\\\\", "").replace('\\"', "").count('"') == 2
    assert "\n" not in written


def test_one_of_none_is_an_empty_list() -> None:
    assert one_of("person", []) == "person in []"

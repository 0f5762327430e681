"""Opening SQLite files: what a kill, a full disk, a lock and a damaged file do."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from visavox.corpus.database import (
    connect_reader,
    connect_writer,
    remove_database,
    transaction,
    translated_errors,
)
from visavox.errors import DataError


def make(path: Path) -> sqlite3.Connection:
    connection = connect_writer(path)
    connection.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    return connection


def count(connection: sqlite3.Connection) -> int:
    (n_rows,) = connection.execute("SELECT count(*) FROM t").fetchone()
    return int(n_rows)


def test_a_writer_creates_the_folder_and_uses_write_ahead_logging(tmp_path: Path) -> None:
    connection = connect_writer(tmp_path / "new" / "x.sqlite")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_transaction_keeps_all(tmp_path: Path) -> None:
    connection = make(tmp_path / "x.sqlite")
    with transaction(connection):
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("INSERT INTO t VALUES (2)")
    assert count(connection) == 2
    connection.close()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_transaction_that_fails_keeps_nothing(error: type[BaseException], tmp_path: Path) -> None:
    connection = make(tmp_path / "x.sqlite")
    with pytest.raises(error), transaction(connection):
        connection.execute("INSERT INTO t VALUES (1)")
        raise error
    assert count(connection) == 0
    assert not connection.in_transaction
    connection.close()


def test_a_reader_sees_what_is_committed_while_a_writer_writes(tmp_path: Path) -> None:
    writer = make(tmp_path / "x.sqlite")
    reader = connect_reader(tmp_path / "x.sqlite")
    with transaction(writer):
        writer.execute("INSERT INTO t VALUES (1)")
        assert count(reader) == 0
    assert count(reader) == 1
    writer.close()
    reader.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    make(tmp_path / "x.sqlite").close()
    reader = connect_reader(tmp_path / "x.sqlite")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO t VALUES (1)")
    reader.close()


def test_a_reader_of_a_folder_that_refuses_files_reads_the_file_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a read-only disk SQLite cannot make the file it wants beside a write-ahead database."""
    writer = make(tmp_path / "x.sqlite")
    writer.execute("INSERT INTO t VALUES (1)")
    writer.close()
    real, tried = sqlite3.connect, []

    class Refusing:
        """A connection as SQLite gives it on such a disk: opening succeeds, the first query does not."""

        def execute(self, *_: object) -> object:
            raise sqlite3.OperationalError("unable to open database file")

        def close(self) -> None:
            pass

    def connect(name: str, **options: Any) -> object:
        tried.append("immutable" in name)
        return real(name, **options) if "immutable" in name else Refusing()

    monkeypatch.setattr(sqlite3, "connect", connect)
    reader = connect_reader(tmp_path / "x.sqlite")
    assert count(reader) == 1
    assert tried == [False, True]
    reader.close()


def test_a_reader_never_skips_a_log_that_holds_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the file as it stands would miss what a killed writer had committed to the log."""
    path = tmp_path / "x.sqlite"
    make(path).close()
    path.with_name("x.sqlite-wal").write_bytes(b"something")

    class Refusing:
        def execute(self, *_: object) -> object:
            raise sqlite3.OperationalError("unable to open database file")

        def close(self) -> None:
            pass

    real = sqlite3.connect

    def connect(name: str, **options: Any) -> object:
        return real(name, **options) if "immutable" in name else Refusing()

    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connect_reader(path)


@pytest.mark.parametrize("name", ["a b?c#d%41.sqlite", "ünï.sqlite", "-x.sqlite"])
def test_special_characters_in_the_name_are_no_options(name: str, tmp_path: Path) -> None:
    make(tmp_path / name).close()
    reader = connect_reader(tmp_path / name)
    assert count(reader) == 0
    reader.close()
    # A reader leaves the (empty) log and its index beside the file; nothing else may appear.
    assert {path.name for path in tmp_path.iterdir()} <= {name, f"{name}-wal", f"{name}-shm"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (sqlite3.OperationalError("database or disk is full"), "No room to write .*what was done is kept"),
        (sqlite3.OperationalError("disk I/O error"), "No room to write"),
        (sqlite3.OperationalError("database is locked"), "being written by another process"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "cannot be opened .*can be written"),
        (sqlite3.OperationalError("unable to open database file"), "cannot be opened"),
        (sqlite3.OperationalError("no such table: t"), "cannot be used .*Do this"),
        (sqlite3.DatabaseError("file is not a database"), r"is damaged \(file is not a database\). Do this"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_every_error_becomes_one_line_with_a_remedy(error: Exception, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught, translated_errors(Path("x.sqlite"), remedy="Do this."):
        raise error
    assert "\n" not in str(caught.value)
    assert "x.sqlite" in str(caught.value)
    assert caught.value.__cause__ is error


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ValueError, match="ours"), translated_errors(Path("x"), remedy="Do this."):
        raise ValueError("ours")


def test_removing_takes_the_log_with_it(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    connection = make(path)
    connection.execute("INSERT INTO t VALUES (1)")
    assert len(list(tmp_path.iterdir())) > 1
    remove_database(path)
    assert list(tmp_path.iterdir()) == []
    remove_database(path)
    connection.close()

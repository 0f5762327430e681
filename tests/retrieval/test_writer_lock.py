"""One writer at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.retrieval.writer_lock import writer_lock


def test_a_second_writer_gets_one_line(tmp_path: Path) -> None:
    said = "being written by another process, which did not end within 0.1 s"
    second = writer_lock(tmp_path / "g", wait_s=0.1)
    with writer_lock(tmp_path / "g"), pytest.raises(DataError, match=said), second:
        raise AssertionError("two writers at once")
    with writer_lock(tmp_path / "g", wait_s=0):
        pass


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    order, inside = [], threading.Event()

    def first() -> None:
        with writer_lock(tmp_path):
            inside.set()
            order.append("first")
            threading.Event().wait(0.2)
            order.append("first ends")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(5)
    with writer_lock(tmp_path, wait_s=10):
        order.append("second")
    thread.join()
    assert order == ["first", "first ends", "second"]


def test_a_killed_writer_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from visavox.retrieval.writer_lock import writer_lock\n"
        "with writer_lock(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60, check=False).returncode == -9
    with writer_lock(tmp_path, wait_s=0):
        pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be written"), writer_lock(tmp_path / "file" / "g"):
        pass

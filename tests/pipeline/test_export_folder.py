"""Tests of folders that appear whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from visavox.errors import ConfigError, DataError
from visavox.pipeline.export_folder import whole_folder


def write(out: Path, text: str, *, overwrite: bool = False) -> None:
    with whole_folder(out, overwrite=overwrite, marker="_m") as folder:
        (folder / "_m").touch()
        (folder / "a.txt").write_text(text)


def test_the_folder_holds_what_was_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "out", "one")
    assert (tmp_path / "deep" / "out" / "a.txt").read_text() == "one"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_empty_folder_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "one")
    assert (tmp_path / "out" / "a.txt").is_file()


def test_an_error_leaves_no_folder_and_the_old_one_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "out", overwrite=False, marker="_m") as folder:
        (folder / "half").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "out", "old")
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "out", overwrite=True, marker="_m"):
        raise RuntimeError
    assert (tmp_path / "out" / "a.txt").read_text() == "old"


def test_a_second_export_wants_overwrite_and_replaces_everything(tmp_path: Path) -> None:
    write(tmp_path / "out", "old")
    (tmp_path / "out" / "more.txt").touch()
    with pytest.raises(ConfigError, match="holds an export. Give --overwrite"):
        write(tmp_path / "out", "new")
    write(tmp_path / "out", "new", overwrite=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["_m", "a.txt"]
    assert (tmp_path / "out" / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_somebody_else_made_is_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="holds something else"):
        write(tmp_path / "out", "new", overwrite=overwrite)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file is a file"):
        write(tmp_path / "file", "new", overwrite=overwrite)


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="No space left on device. Free space"),
        whole_folder(tmp_path / "out", overwrite=False, marker="_m"),
    ):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_no_folder_of_the_name_and_the_next_run_clears_up(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from visavox.pipeline.export_folder import whole_folder\n"
        "with whole_folder(Path(sys.argv[1]), overwrite=False, marker='_m') as folder:\n"
        "    (folder / 'half').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert len(list(tmp_path.iterdir())) == 1
    write(tmp_path / "out", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not (tmp_path / "out" / "half").exists()

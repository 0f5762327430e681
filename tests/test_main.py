"""The command itself: overview, lists, exit codes, one line for a user's mistake."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from visavox import __main__ as command
from visavox.errors import DataError


def test_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--help"]) == 0
    printed = capsys.readouterr().out
    for name in command.COMMANDS:
        assert f"  {name} " in printed


def test_no_command_is_bad_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    assert "usage" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("visavox 0.")


@pytest.mark.parametrize("kind", command.LISTS)
def test_list_prints_names(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list", kind]) == 0
    assert capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["matc"], "Unknown command 'matc'. Did you mean 'match'?"),
        (["--list", "encoder"], "Did you mean 'encoders'"),
        (["--list"], "`--list` takes one kind"),
        (["prepare", "--bogus"], "--bogus"),
    ],
)
def test_bad_use_is_one_line_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("a thing is broken"), 1, "a thing is broken"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (PermissionError(13, "Permission denied", "/x"), 1, "Permission denied (/x)"),
    ],
)
def test_failures_of_a_command_are_one_line(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(config: object) -> int:
        raise error

    monkeypatch.setitem(sys.modules, "visavox.doctor", SimpleNamespace(run=fail))  # type: ignore[arg-type]
    assert command.main(["doctor"]) == code
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from visavox.__main__ import main; main(['--help']);"
        "sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'jsonargparse', 'cv2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0

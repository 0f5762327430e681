"""Progress: silent where nobody looks, a bar on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from visavox.pipeline.console import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_drawn_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("Working", quiet=False) as progress:
        progress(1, 2)
    assert capsys.readouterr().err == ""


def test_nothing_is_drawn_when_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("Working", quiet=True) as progress:
        progress(1, 2)
    assert terminal.getvalue() == ""


def test_a_bar_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("Working", quiet=False) as progress:
        progress(1, 2)
        progress(2, 2)
    assert "Working" in terminal.getvalue()

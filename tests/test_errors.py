"""Errors carry one line, an exit code, and survive a process pool."""

from __future__ import annotations

import pickle

import pytest

from visavox.errors import (
    ConfigError,
    DataError,
    MediaError,
    MissingDependencyError,
    UnknownNameError,
    VisavoxError,
    one_line,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (DataError("x"), 1),
        (MissingDependencyError("x"), 1),
        (MediaError("x", status="s"), 1),
        (UnknownNameError("encoder", "x", []), 2),
    ],
)
def test_exit_code_tells_bad_use_from_failure(error: VisavoxError, code: int) -> None:
    assert error.exit_code == code


def test_media_error_keeps_its_status_across_processes() -> None:
    error = pickle.loads(pickle.dumps(MediaError("no face in a.jpg", status="no_face")))
    assert isinstance(error, MediaError)
    assert error.status == "no_face"
    assert str(error) == "no face in a.jpg"


def test_unknown_name_gives_the_nearest_and_the_list() -> None:
    message = str(UnknownNameError("encoder", "ge2", ["dlib", "ge2e"]))
    assert message == "Unknown encoder 'ge2'. Did you mean 'ge2e'? Known: dlib, ge2e."


def test_unknown_name_without_a_near_one_gives_the_list_alone() -> None:
    assert str(UnknownNameError("encoder", "zzz", ["dlib"])) == "Unknown encoder 'zzz'. Known: dlib."


def test_unknown_name_says_when_there_is_nothing_to_choose() -> None:
    assert str(UnknownNameError("encoder", "zzz", [])) == "Unknown encoder 'zzz'. Known: none."


def test_one_line_is_one_printable_line() -> None:
    """A file called "new<line end>line.jpg" made two lines of an error, and a stray byte in a name none at all."""
    assert one_line("new\nline \x1b[31m \udcff \u2028 zwölf 中") == "new\\nline \\x1b[31m \\udcff \\u2028 zwölf 中"

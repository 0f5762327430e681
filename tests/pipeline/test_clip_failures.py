"""Any failure of a clip has a name; what is nobody's clip's fault passes."""

from __future__ import annotations

import errno
import os

import pytest

from visavox.errors import ConfigError, DataError, MediaError, MissingDependencyError
from visavox.pipeline.clip_failures import BROKEN_DISK, MAX_CHARS, NO_ROOM, named_failure


def failing(error: BaseException) -> MediaError:
    def make() -> None:
        raise error

    with pytest.raises(MediaError) as raised:
        named_failure(make, at="a b.mp4")
    return raised.value


def test_what_works_is_returned() -> None:
    assert named_failure(lambda: 7, at="a") == 7


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("two\nlines"), DataError("odd"), OSError("no number"), KeyError("k")]
)
def test_what_nobody_foresaw_is_one_line_with_the_file_and_the_kind(error: Exception) -> None:
    named = failing(error)
    assert named.status == "unexpected_error"
    assert str(named).startswith(f"a b.mp4: {type(error).__name__}: ")
    assert "\n" not in str(named)
    assert named.__cause__ is error


def test_a_long_story_is_cut() -> None:
    assert len(str(failing(ValueError("x" * 5000)))) == MAX_CHARS


@pytest.mark.parametrize("code", sorted(NO_ROOM))
def test_no_room_is_a_status_of_its_own(code: int) -> None:
    named = failing(OSError(code, os.strerror(code)))
    assert named.status == "disk"
    assert os.strerror(code) in str(named)


@pytest.mark.parametrize(
    "error",
    [
        MissingDependencyError("pip install x"),
        ConfigError("wrong"),
        *(OSError(code, "broken") for code in sorted(BROKEN_DISK)),
        KeyboardInterrupt(),
    ],
)
def test_what_every_clip_would_fail_by_passes_as_it_is(error: BaseException) -> None:
    def make() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        named_failure(make, at="a")
    assert raised.value is error


def test_a_named_failure_keeps_its_status_and_more_may_pass() -> None:
    assert failing(MediaError("silence", status="silent")).status == "silent"

    def make() -> None:
        raise OSError(errno.EACCES, "locked")

    with pytest.raises(OSError, match="locked"):
        named_failure(make, at="a", passed=(OSError,))

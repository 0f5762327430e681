"""One decoding process: what it is told, what it answers, and that nothing it says is trusted."""

from __future__ import annotations

import io
import os
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.web.hostile_media import face_file, voice_file

from visavox.errors import ConfigError, MediaError
from visavox.web.decoding.decoding_limits import DecodingLimits
from visavox.web.decoding.process import DecodingProcess
from visavox.web.service_errors import UnavailableError

LIMITS = DecodingLimits(max_voice_s=10.0, max_pixels=100_000, timeout_s=20.0)


@pytest.fixture(scope="module")
def process() -> Iterator[DecodingProcess]:
    process = DecodingProcess(LIMITS)
    process.start()
    process.wait_until_ready()
    yield process
    process.kill()


def limits_of(pid: int | None) -> dict[str, str]:
    """The limits that the system holds a process to, by name: the soft ones."""
    lines = Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[0] for line in lines}


def test_a_process_answers_and_counts(process: DecodingProcess) -> None:
    before = process.n_items
    assert process.ask("voice", voice_file(), "v")[0].shape == (48_000,)
    assert process.ask("image", face_file(), "f")[0].shape == (96, 96, 3)
    with pytest.raises(MediaError, match="^f: the file must be a picture") as caught:
        process.ask("image", b"nothing", "f")
    assert caught.value.status == "unreadable_image"
    assert process.n_items == before + 3
    assert process.is_idle
    assert not process.has_ended


def test_the_system_holds_it_to_its_limits(process: DecodingProcess) -> None:
    process.ask("image", face_file(), "f")
    held = limits_of(process.pid)
    assert held["Max file size"] == "0"
    assert held["Max core file size"] == "0"
    assert held["Max open files"] == "64"
    assert LIMITS.memory_bytes < int(held["Max address space"]) < LIMITS.memory_bytes + (1 << 30)
    assert LIMITS.timeout_s <= int(held["Max cpu time"]) < LIMITS.timeout_s + 60


def test_it_knows_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    process = DecodingProcess(LIMITS)
    process.start()
    try:
        process.wait_until_ready()
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"SECRET_TOKEN" not in environment
        assert b"OMP_NUM_THREADS=1" in environment
        open_files = {str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir()}
        assert not [name for name in open_files if name.startswith("/") and "memfd" not in name and name != os.devnull]
    finally:
        process.kill()


def test_a_file_that_wants_more_memory_than_there_is_costs_the_process_and_no_more() -> None:
    """A page of 40 million pixels of 16-bit grey takes a gigabyte on its way; here only a little is allowed."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((3000, 3000), dtype=np.uint16)).save(buffer, "PNG")
    process = DecodingProcess(DecodingLimits(max_pixels=10_000_000))
    process.start()
    try:
        process.wait_until_ready()
        size_kb = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[0]) * 4
        limit = (size_kb << 10) + (64 << 20)
        assert process.pid is not None
        resource.prlimit(process.pid, resource.RLIMIT_AS, (limit, limit))
        with pytest.raises(
            MediaError, match="f: decoding it takes more memory than a file of its kind should"
        ) as caught:
            process.ask("image", buffer.getvalue(), "f")
        assert caught.value.status == "decoding_failed"
        assert not process.is_idle
    finally:
        process.kill()


class Liar:
    """Stands for the other end of the socket: a decoder that was taken over."""

    def __init__(self, process: DecodingProcess, *lines: bytes) -> None:
        ours, self.theirs = socket.socketpair()
        process._socket = ours
        process._is_ready = True
        for line in lines:
            self.theirs.sendall(line)


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"[1]\n",
        b"{}\n",
        b'{"shapes": [[0]]}\n',
        b'{"shapes": [[-1]]}\n',
        b'{"shapes": [[true]]}\n',
        b'{"shapes": [[1.5]]}\n',
        b'{"shapes": "3"}\n',
        b'{"shapes": ["3"]}\n',
        b'{"shapes": []}\n',
        b'{"shapes": [[1], [1]]}\n',
        b'{"shapes": [[99999999999]]}\n',
        b'{"shapes": [[100, 100, 3]]}\n',
        b'{"shapes": [[' + b"1," * 9000 + b"1]]}\n",
        b"x" * 20_000 + b"\n",
    ],
)
def test_what_a_decoder_says_is_held_to_the_limits(line: bytes) -> None:
    process = DecodingProcess(LIMITS)
    process.start()
    try:
        Liar(process, line).theirs.shutdown(socket.SHUT_WR)
        assert process._popen is not None
        process._popen.kill()
        with pytest.raises(MediaError, match="v: decoding it took the decoder down") as caught:
            process.ask("voice", b"x", "v")
        assert caught.value.status == "decoding_failed"
        assert not process.is_idle
    finally:
        process.kill()


def test_a_decoder_cannot_pull_the_memory_away(process: DecodingProcess) -> None:
    arena = next(
        path for path in Path(f"/proc/{process.pid}/fd").iterdir() if "memfd:arena" in str(path.readlink())
    )  # what the decoder itself has
    with arena.open("r+b") as file, pytest.raises(OSError, match="not permitted"):
        os.ftruncate(file.fileno(), 0)
    with arena.open("r+b") as file, pytest.raises(OSError, match="not permitted"):
        os.ftruncate(file.fileno(), LIMITS.arena_bytes * 2)
    assert process.ask("image", face_file(), "f")[0].shape == (96, 96, 3)


def test_a_process_that_ends_while_it_starts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavox.web.decoding.process.sys.executable", "/bin/false")
    process = DecodingProcess(LIMITS)
    process.start()
    with pytest.raises(UnavailableError, match="A process that decodes uploads ended while it started"):
        process.wait_until_ready()
    assert process.pid is None


def test_a_process_that_does_not_get_ready_in_time_is_told() -> None:
    process = DecodingProcess(DecodingLimits(start_s=0.2))
    process.start()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(UnavailableError, match=r"took more than 0\.2 s while it started"):
        process.wait_until_ready()
    assert process.has_ended


def test_another_system_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(ConfigError, match="decodes uploads with what Linux offers"):
        DecodingProcess(LIMITS).start()

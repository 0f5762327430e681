"""What the decoding process does, seen from inside it."""

from __future__ import annotations

import mmap
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.web.hostile_media import face_file, voice_file

from visavox.errors import MediaError
from visavox.media.audio import read_voice
from visavox.media.images import read_image
from visavox.web.decoding import child
from visavox.web.decoding.child import answer, image_into, voice_into
from visavox.web.decoding.decoding_limits import DecodingLimits

LIMITS = DecodingLimits(max_voice_s=4.0, max_pixels=20_000)


@pytest.fixture
def arena() -> mmap.mmap:
    return mmap.mmap(-1, LIMITS.arena_bytes)


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    return tmp_path / "upload"


def test_samples_lie_at_the_beginning_of_the_arena(upload: Path, arena: mmap.mmap) -> None:
    upload.write_bytes(voice_file("flac"))
    assert voice_into(upload, arena, LIMITS) == [[48_000]]
    np.testing.assert_array_equal(np.frombuffer(arena, np.float32, 48_000), read_voice(upload))
    assert not any(arena[4 * 48_000 :])


def test_a_voice_of_many_blocks_is_joined(upload: Path, arena: mmap.mmap, monkeypatch: pytest.MonkeyPatch) -> None:
    upload.write_bytes(voice_file())
    monkeypatch.setattr("visavox.media.audio.BLOCK_SAMPLES", 1000)
    assert voice_into(upload, arena, LIMITS) == [[48_000]]
    np.testing.assert_array_equal(np.frombuffer(arena, np.float32, 48_000), read_voice(upload))


def test_a_longer_voice_is_not_decoded_to_its_end(
    upload: Path, arena: mmap.mmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(upload, np.zeros(160_000, dtype=np.float32), 16_000, format="WAV")
    monkeypatch.setattr("visavox.media.audio.BLOCK_SAMPLES", 16_000)
    n_read = 0
    blocks = child.voice_blocks

    def counted(path: Path) -> object:
        nonlocal n_read
        for block in blocks(path):
            n_read += len(block)
            yield block

    monkeypatch.setattr(child, "voice_blocks", counted)
    with pytest.raises(MediaError, match="a voice may last 4 s") as caught:
        voice_into(upload, arena, LIMITS)
    assert caught.value.status == "voice_too_long"
    assert n_read == 5 * 16_000


def test_pixels_lie_at_the_beginning_of_the_arena(upload: Path, arena: mmap.mmap) -> None:
    upload.write_bytes(face_file("PNG"))
    assert image_into(upload, arena, LIMITS) == [[96, 96, 3]]
    np.testing.assert_array_equal(np.frombuffer(arena, np.uint8, 96 * 96 * 3), read_image(upload).reshape(-1))


def test_an_answer_is_a_shape_or_a_status_and_a_message_with_the_name(upload: Path, arena: mmap.mmap) -> None:
    for kind, data, expected in (
        ("voice", voice_file(), {"shapes": [[48_000]]}),
        ("image", face_file(), {"shapes": [[96, 96, 3]]}),
    ):
        upload.write_bytes(data)
        with upload.open("rb") as file:
            assert answer({"kind": kind, "name": "n"}, file.fileno(), arena, LIMITS) == expected
    with upload.open("rb") as file:
        said = answer({"kind": "voice", "name": "my name"}, file.fileno(), arena, LIMITS)
    assert said["status"] == "no_audio_stream"
    assert str(said["message"]).startswith("my name: the file must hold sound")


def test_no_memory_is_a_status(upload: Path, arena: mmap.mmap, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(child, "read_image", greedy)
    upload.write_bytes(face_file())
    with upload.open("rb") as file:
        said = answer({"kind": "image", "name": "n"}, file.fileno(), arena, LIMITS)
    assert said["status"] == "decoding_failed"
    assert "takes more memory than a file of its kind should" in str(said["message"])


CONFINED = """
import sys
from visavox.web.decoding.child import confine
from visavox.web.decoding.decoding_limits import DecodingLimits
out = open(sys.argv[1], "wb", buffering=0)
import socket
talk = socket.socket(fileno=int(sys.argv[2]))
confine(DecodingLimits(max_pixels=1000, max_voice_s=1.0))
for name, act in {
    "write": lambda: out.write(b"x" * 10),
    "memory": lambda: bytearray(1 << 32),
    "files": lambda: [open("/dev/null") for _ in range(100)],
}.items():
    try:
        act()
        talk.sendall(f"{name} done;".encode())
    except (OSError, MemoryError) as error:
        talk.sendall(f"{name} {type(error).__name__};".encode())
"""


def test_a_confined_process_can_write_no_file_and_take_no_memory(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-c", CONFINED, str(tmp_path / "out"), str(theirs.fileno())]
    with ours, theirs:
        result = subprocess.run(command, pass_fds=(theirs.fileno(),), capture_output=True, text=True)
        theirs.close()
        said = b"".join(iter(lambda: ours.recv(1000), b"")).decode()
    assert said == "write OSError;memory MemoryError;files OSError;", result.stderr
    assert (tmp_path / "out").read_bytes() == b""


@pytest.mark.slow
def test_seconds_of_a_processor_run_out() -> None:
    code = "from visavox.web.decoding.child import allow_seconds\nallow_seconds(0.1)\nwhile True: pass"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30)
    assert result.returncode == -24  # SIGXCPU


def test_the_process_imports_no_network() -> None:
    code = "import sys, visavox.web.decoding.child; print([m for m in ('torch', 'fastapi', 'cv2') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_it_ends_quietly_when_its_parent_has_gone() -> None:
    ours, theirs = socket.socketpair()
    arena = os.memfd_create("arena")
    os.ftruncate(arena, LIMITS.arena_bytes)
    command = [sys.executable, "-m", "visavox.web.decoding.child", str(theirs.fileno()), str(arena), LIMITS.to_json()]
    process = subprocess.Popen(command, pass_fds=(theirs.fileno(), arena), stderr=subprocess.PIPE)
    theirs.close()
    os.close(arena)
    assert ours.recv(100) == b'{"ready": true}\n'
    ours.close()
    _, errors = process.communicate(timeout=10)
    assert process.returncode in {0, 1}
    assert errors == b""

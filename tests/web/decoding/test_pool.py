"""What processes decode is what this process would read; what hurts them hurts nobody else."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.web.hostile_media import (
    FACE_KINDS,
    VOICE_KINDS,
    face_file,
    film_file,
    hostile_faces,
    hostile_voices,
    playlists,
    voice_file,
    wav_header,
)

from visavox.errors import MediaError
from visavox.media.audio import read_voice
from visavox.media.images import read_image
from visavox.media.video import sample_frames
from visavox.pipeline.media_vectors import FRAMES_OF_A_VIDEO
from visavox.web.decoding.decoding_limits import DecodingLimits
from visavox.web.decoding.pool import DecodingPool
from visavox.web.service_errors import UnavailableError

PATIENCE_S = 20.0
GOOD_VOICES = {f"{subtype}.{suffix}": voice_file(suffix, subtype) for suffix, subtype in VOICE_KINDS} | {
    "mp4": film_file("mp4", sound=True),
    "mkv without picture": film_file("mkv", sound=True, picture=False),
}
GOOD_FACES = {kind: face_file(kind) for kind in FACE_KINDS}


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodingPool]:
    with DecodingPool(2, DecodingLimits(max_voice_s=20.0, max_pixels=1_000_000, timeout_s=PATIENCE_S)) as pool:
        yield pool


def until(is_so: Callable[[], bool], *, seconds: float = PATIENCE_S) -> bool:
    """Whether something becomes so in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.02)
    return False


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("name", GOOD_VOICES)
def test_a_voice_is_what_read_voice_gives(tmp_path: Path, pool: DecodingPool, name: str) -> None:
    (tmp_path / "voice").write_bytes(GOOD_VOICES[name])
    voice = pool.voice(GOOD_VOICES[name])
    assert voice.dtype == np.float32
    assert np.abs(voice).max() > 0.01
    np.testing.assert_array_equal(voice, read_voice(tmp_path / "voice"))


@pytest.mark.parametrize("kind", FACE_KINDS)
def test_a_picture_is_what_read_image_gives(tmp_path: Path, pool: DecodingPool, kind: str) -> None:
    (tmp_path / "face").write_bytes(GOOD_FACES[kind])
    pixels = pool.image(GOOD_FACES[kind])
    assert pixels.dtype == np.uint8
    assert pixels.std() > 10
    np.testing.assert_array_equal(pixels, read_image(tmp_path / "face"))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_frames_of_a_film_are_what_sample_frames_gives(tmp_path: Path, pool: DecodingPool, suffix: str) -> None:
    (tmp_path / "film").write_bytes(film_file(suffix, sound=True))
    frames, expected = pool.frames(film_file(suffix, sound=True)), sample_frames(tmp_path / "film", FRAMES_OF_A_VIDEO)
    assert len(frames) == len(expected) == 7
    for found, wanted in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert len({int(frame.mean()) for frame in frames}) > 3


@pytest.mark.parametrize("kind", FACE_KINDS)
def test_a_picture_is_one_frame(pool: DecodingPool, kind: str) -> None:
    (frame,) = pool.frames(GOOD_FACES[kind])
    np.testing.assert_array_equal(frame, pool.image(GOOD_FACES[kind]))


def test_what_is_no_face_is_refused_as_a_picture_is(pool: DecodingPool) -> None:
    pids = pool.pids
    for upload in hostile_faces():
        said: list[tuple[str, str]] = []
        for ask in (pool.image, pool.frames):
            try:
                ask(upload.data, name=upload.file_name)
            except MediaError as error:
                said.append((error.status, str(error)))
        if upload.name != "film":
            assert len(said) in (0, 2) and len(set(said)) <= 1, upload.name
    assert pool.pids == pids


def test_a_film_of_too_many_pixels_is_refused_by_its_header() -> None:
    with DecodingPool(1, DecodingLimits(max_pixels=64 * 48 * 3, timeout_s=PATIENCE_S)) as small:
        with pytest.raises(MediaError, match=r"^f: the 7 frames .* 18432 pixels at most. They have 21504") as caught:
            small.frames(film_file("mp4", sound=True), name="f")
        assert caught.value.status == "image_too_large"
        with pytest.raises(MediaError, match="may have 9216 pixels at most") as caught:
            small.frames(face_file("PNG", side=97), name="f")
        assert caught.value.status == "image_too_large"


def test_results_stay_when_others_are_decoded_after_them(pool: DecodingPool) -> None:
    first = pool.image(GOOD_FACES["PNG"])
    kept = first.copy()
    for kind in FACE_KINDS:
        pool.image(face_file(kind, seed=2))
    np.testing.assert_array_equal(first, kept)
    first[0, 0] = 0  # and belong to whoever asked


def test_many_threads_each_get_their_own(pool: DecodingPool) -> None:
    files = [face_file("PNG", side=40 + i, seed=i) for i in range(12)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(pool.image, files * 3))
    assert [len(pixels) for pixels in found] == [40 + i for i in range(12)] * 3


@pytest.mark.parametrize("sender", ["voice", "face"])
def test_hostile_files_are_refused_in_one_line_and_the_same_processes_go_on(pool: DecodingPool, sender: str) -> None:
    pids = pool.pids
    uploads = hostile_voices() if sender == "voice" else hostile_faces()
    ask: Callable[..., np.ndarray] = pool.voice if sender == "voice" else pool.image
    for upload in uploads:
        try:
            ask(upload.data, name=upload.file_name)
        except MediaError as error:
            assert "\n" not in str(error), upload.name
            assert "/proc" not in str(error), upload.name
            assert str(error).startswith(f"{upload.file_name}:"), upload.name
            assert error.status not in {"decoding_failed", "decoding_timeout"}, upload.name
        else:
            assert upload.may_pass, upload.name
    assert pool.pids == pids
    assert pool.voice(voice_file()).shape == (48_000,)


@pytest.mark.parametrize("sender", ["voice", "face"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_good_files_with_wrong_bytes_never_disturb_the_next(
    pool: DecodingPool, sender: str, data: st.DataObject
) -> None:
    files, ask = (GOOD_VOICES, pool.voice) if sender == "voice" else (GOOD_FACES, pool.image)
    content = bytearray(files[data.draw(st.sampled_from(sorted(files)))])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(content), 3000) - 1))
        content[at] = data.draw(st.integers(0, 255))
    try:
        assert ask(bytes(content)).size
    except MediaError as error:
        assert "\n" not in str(error)
    assert pool.image(face_file()).shape == (96, 96, 3)


def test_what_a_playlist_names_is_neither_opened_nor_called(tmp_path: Path, pool: DecodingPool) -> None:
    calls: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "secret.wav").write_bytes(voice_file())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for upload in playlists(f"http://127.0.0.1:{server.server_port}", str(tmp_path / "secret.wav")):
            for ask in (pool.voice, pool.image):
                with pytest.raises(MediaError):
                    ask(upload.data)
    finally:
        server.shutdown()
        server.server_close()
    assert calls == []


def test_a_voice_as_long_as_the_limit_passes_and_a_longer_one_stops_early(pool: DecodingPool) -> None:
    assert len(pool.voice(wav_header(data=bytes(2 * 20 * 16_000)))) == 20 * 16_000
    with pytest.raises(MediaError, match=r"a voice may last 20 s\. It lasts longer\. Cut it\.") as caught:
        pool.voice(wav_header(data=bytes(2 * 21 * 16_000)))
    assert caught.value.status == "voice_too_long"
    with pytest.raises(MediaError) as caught:
        pool.voice(wav_header(rate=1, data=bytes(4_000_000)))
    assert caught.value.status == "voice_too_long"


def test_a_picture_as_large_as_the_limit_passes_and_a_larger_one_does_not(pool: DecodingPool) -> None:
    assert pool.image(face_file("PNG", side=1000)).shape == (1000, 1000, 3)
    with pytest.raises(MediaError, match="a picture may have 1000000 pixels at most") as caught:
        pool.image(face_file("PNG", side=1001))
    assert caught.value.status == "image_too_large"


def test_the_memory_of_a_large_picture_is_given_back() -> None:
    def shared_kb() -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("RssShmem")).split()[1])

    buffer = io.BytesIO()
    Image.new("RGB", (3000, 2000)).save(buffer, "PNG")
    with DecodingPool(1, DecodingLimits(max_pixels=6_000_000)) as pool:
        before = shared_kb()
        assert pool.image(buffer.getvalue()).shape == (2000, 3000, 3)
        assert shared_kb() - before < 1000


@pytest.mark.parametrize(("size", "status"), [(0, "empty_file"), (32_000_001, "upload_too_large")])
def test_nothing_and_too_much_are_refused_here(size: int, status: str) -> None:
    with pytest.raises(MediaError, match=f"It has {size}|{size} bytes") as caught:
        DecodingPool(1).voice(bytes(size))
    assert caught.value.status == status


def test_a_name_of_a_stranger_is_made_safe(pool: DecodingPool) -> None:
    with pytest.raises(MediaError) as caught:
        pool.image(b"no picture", name="a\r\nX: y\u202e" + "n" * 10_000)
    assert str(caught.value).startswith("a\\r\\nX: y\\u202en")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (signal.SIGKILL, "decoding_failed", r"face: decoding it took the decoder down \(signal 9\)"),
        (signal.SIGSEGV, "decoding_failed", r"face: decoding it took the decoder down \(signal 11\)"),
        (None, "decoding_timeout", r"face: decoding may take 1 s\. It takes longer\."),
    ],
)
def test_a_process_that_dies_or_hangs_costs_its_own_upload_only(
    number: signal.Signals | None, status: str, words: str
) -> None:
    with DecodingPool(2, DecodingLimits(max_pixels=1_000_000, timeout_s=1.0 if number is None else 60.0)) as pool:
        before = pool.pids
        for pid in before:
            os.kill(pid, signal.SIGSTOP)  # as if they were busy with a file that does not end
        with ThreadPoolExecutor(2) as threads:
            fates = [threads.submit(pool.image, face_file()) for _ in range(2)]
            time.sleep(0.2)
            os.kill(before[0], signal.SIGCONT)
            if number is not None:
                os.kill(before[1], number)
                os.kill(before[1], signal.SIGCONT)
            errors = [fate.exception() for fate in fates]
        assert sorted(error is None for error in errors) == [False, True]
        with pytest.raises(MediaError, match=words) as caught:
            raise next(error for error in errors if error is not None)
        assert caught.value.status == status
        assert before[0] in pool.pids
        assert not is_running(before[1])
        assert [pool.image(face_file()).shape for _ in range(4)] == [(96, 96, 3)] * 4
        assert len(pool.pids) == 2


def test_a_process_that_died_while_it_had_nothing_to_do_costs_nothing() -> None:
    with DecodingPool(1, DecodingLimits(max_pixels=1_000_000)) as pool:
        dead = pool.pids[0]
        os.kill(dead, signal.SIGKILL)
        assert until(lambda: not is_running(dead))
        assert pool.image(face_file()).shape == (96, 96, 3)
        assert pool.pids != [dead]


def test_processes_are_replaced_after_their_share() -> None:
    with DecodingPool(1, DecodingLimits(max_pixels=1_000_000, items=2)) as pool:
        seen = []
        for _ in range(4):
            seen.append(pool.pids[0])
            pool.image(face_file())
    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_who_finds_every_process_busy_is_told_to_come_again() -> None:
    pool = DecodingPool(1, DecodingLimits(max_pixels=1_000_000), wait_s=0.1)
    with pool:
        os.kill(pool.pids[0], signal.SIGSTOP)
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(pool.image, face_file())
            time.sleep(0.1)
            with pytest.raises(UnavailableError, match=r"every decoder was busy for 0\.1 s") as caught:
                pool.image(face_file())
            os.kill(pool.pids[0], signal.SIGCONT)
            assert first.result().shape == (96, 96, 3)
    assert (caught.value.status, caught.value.code, caught.value.headers) == (503, "busy", {"retry-after": "1"})


def test_a_closed_pool_has_no_processes_and_takes_nothing() -> None:
    pool = DecodingPool(1, DecodingLimits(max_pixels=1_000_000))
    with pool:
        pids = pool.pids
    assert pool.pids == []
    assert not any(map(is_running, pids))
    with pytest.raises(UnavailableError, match="The service is ending"):
        pool.image(face_file())
    with pytest.raises(ValueError, match="`n` must be at least 1. Got 0"):
        DecodingPool(0)


@pytest.mark.parametrize("is_stopped", [False, True])
def test_processes_end_with_a_parent_that_is_killed(is_stopped: bool) -> None:
    code = (
        "import os, time\n"
        "from visavox.web.decoding.pool import DecodingPool\n"
        "pool = DecodingPool(2)\npool.start()\nprint(*pool.pids, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(is_running, pids))
    if is_stopped:  # in the middle of something, and back only when the parent has gone
        os.kill(pids[0], signal.SIGSTOP)
    parent.kill()
    parent.wait()
    os.kill(pids[0], signal.SIGCONT)
    assert until(lambda: not any(map(is_running, pids)))

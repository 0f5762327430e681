"""Uploads on their way to vectors: names in messages, cancelling, warm networks."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
from visavox.errors import MediaError
from visavox.pipeline.media_vectors import CutFace, CutVoice, HeardVoice, SeenFace
from visavox.web.encoding import EncodingLanes, warm_up


class Media:
    """A recipe without networks: a voice shorter than ten samples is too short, a vector is a mean."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def cut_voice(self, samples: np.ndarray) -> CutVoice:
        if len(samples) < 10:
            raise MediaError("The voice holds too little speech.", status="too_little_speech")
        return CutVoice([samples], len(samples) / 16_000)

    def cut_face(self, frames: list[np.ndarray]) -> CutFace:
        return CutFace(frames, len(frames), "")

    def voices(self, cuts: list[CutVoice]) -> list[HeardVoice]:
        self.batches.append(len(cuts))
        return [HeardVoice(np.full((1, 2), cut.parts[0].mean(), np.float32), cut.speech_s) for cut in cuts]

    def faces(self, cuts: list[CutFace]) -> list[SeenFace]:
        return [SeenFace(np.full((1, 2), cut.crops[0].mean(), np.float32), cut.n_faces, "") for cut in cuts]


class Decoder:
    """Bytes are samples or grey values; it can be held."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()
        self.names: list[str] = []

    def voice(self, data: bytes, *, name: str = "voice") -> Any:
        self.names.append(name)
        assert self.go_on.wait(5)
        if data == b"bad":
            raise MediaError(f"{name}: no sound.", status="unreadable_audio")
        return np.frombuffer(data, np.uint8).astype(np.float32)

    def image(self, data: bytes, *, name: str = "face") -> Any:
        return np.full((4, 4, 3), data[0], np.uint8)

    def frames(self, data: bytes, *, name: str = "face") -> Any:
        return [self.image(data, name=name)] * (2 if data.startswith(b"film") else 1)


@pytest.fixture
def parts() -> Any:
    media, decoder, threads = Media(), Decoder(), ThreadPoolExecutor(1)
    lanes = EncodingLanes(media, decoder, threads, max_batch=8)  # type: ignore[arg-type]
    yield media, decoder, lanes
    decoder.go_on.set()
    lanes.close()
    threads.shutdown()


def test_bytes_become_vectors(parts: Any) -> None:
    _, decoder, lanes = parts
    heard, seen = lanes.voice(bytes([3] * 20), "v.wav"), lanes.face(b"\x05", "a.jpg")
    assert heard.result(5).vectors.tolist() == [[3.0, 3.0]]
    assert seen.result(5).vectors.tolist() == [[5.0, 5.0]]
    assert lanes.face(b"film", "f.mp4").result(5).n_faces == 2
    assert decoder.names == ["v.wav"]
    assert lanes.samples(np.ones(16, np.float32), "s").result(5).vectors.tolist() == [[1.0, 1.0]]
    assert lanes.pixels(np.zeros((4, 4, 3), np.uint8), "p").result(5).vectors.tolist() == [[0.0, 0.0]]


def test_each_error_is_that_of_its_file_and_names_it(parts: Any) -> None:
    media, decoder, lanes = parts
    decoder.go_on.clear()
    futures = [lanes.voice(data, name) for name, data in (("a", bytes(20)), ("b", b"bad"), ("c", b"short"))]
    decoder.go_on.set()
    assert futures[0].result(5).speech_s == 20 / 16_000
    with pytest.raises(MediaError, match="^b: no sound"):
        futures[1].result(5)
    with pytest.raises(MediaError, match="^c: The voice holds too little speech") as raised:
        futures[2].result(5)
    assert raised.value.status == "too_little_speech"
    assert sum(media.batches) == 1


def test_what_is_given_up_is_not_even_decoded(parts: Any) -> None:
    media, decoder, lanes = parts
    decoder.go_on.clear()
    first, second = lanes.voice(bytes(20), "first"), lanes.voice(bytes(20), "second")
    assert second.cancel()
    assert first.cancel(), "it is being decoded, and is given up all the same"
    decoder.go_on.set()
    assert lanes.voice(bytes(20), "third").result(5).vectors.shape == (1, 2)
    assert decoder.names == ["first", "third"]
    with pytest.raises(CancelledError):
        first.result(0)
    assert media.batches[-1] == 1


def test_every_network_is_loaded_before_the_first_request(engine: Any) -> None:
    media = engine.model.media
    assert media._voice_encoder is not None and media._face_encoder is not None
    assert media._detector is not None and media._speech is not None
    warm_up(media)

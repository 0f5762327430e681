r"""Uploads to vectors: decoded in other processes, cut and encoded by one thread a modality, batch by batch.

    bytes -> decoder -> array -> [ speech | face, crop ] -> frozen encoder -> vectors
             process             \_____ thread of the modality _________/

Voice and faces of one request go their ways at the same time.

Example:
    lanes = EncodingLanes(model.media, decoder)
    lanes.voice(data, "v.wav").result()      # HeardVoice
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from visavox.errors import MediaError
from visavox.media.detectors.base import DetectedFace
from visavox.media.face_crop import CROP_PX, cut_face
from visavox.pipeline.frozen_encoder import use_threads
from visavox.pipeline.media_vectors import CutFace, CutVoice, HeardVoice, MediaEncoder, SeenFace
from visavox.web.batching import Batcher

Modality = Literal["voice", "face"]
OnBatch = Callable[[str, int], None]


class Decoder(Protocol):
    """What turns the bytes of an upload into an array, or says why it cannot."""

    def voice(self, data: bytes, *, name: str = "voice") -> NDArray[np.float32]:
        """Return (samples,) float32 at 16 kHz. Raises MediaError."""

    def image(self, data: bytes, *, name: str = "face") -> NDArray[np.uint8]:
        """Return (height, width, 3) uint8 RGB. Raises MediaError."""

    def frames(self, data: bytes, *, name: str = "face") -> list[NDArray[np.uint8]]:
        """Return some frames of a film, or the one of a picture, as `image` does. Raises MediaError."""


class EncodingLanes:
    """The way from uploads to the vectors of one recipe.

    Args:
        media: the recipe with its networks.
        decoder: turns bytes into arrays.
        decoding: threads that wait for the decoder.
        max_batch: most items that an encoder takes at once.
        wait_s: how long a batch is held open for others.
        expects_more: see `Batcher`.
        n_threads: threads of torch for each modality.
        on_batch: is told modality and size of every batch.
    """

    def __init__(
        self,
        media: MediaEncoder,
        decoder: Decoder,
        decoding: ThreadPoolExecutor,
        *,
        max_batch: int = 16,
        wait_s: float = 0.0,
        expects_more: Callable[[int], bool] | None = None,
        n_threads: int = 1,
        on_batch: OnBatch | None = None,
    ) -> None:
        """Start a thread for each modality."""
        self.media = media
        self.decoder = decoder
        self._decoding = decoding
        common: dict[str, Any] = {"max_batch": max_batch, "wait_s": wait_s, "expects_more": expects_more}
        common["prepare_thread"] = lambda: use_threads(n_threads)
        said = on_batch or (lambda _modality, _n: None)
        self._voices: Batcher[tuple[str, NDArray[np.float32]], HeardVoice] = Batcher(
            "voices", self._encode_voices, on_batch=lambda n: said("voice", n), **common
        )
        self._faces: Batcher[tuple[str, list[NDArray[np.uint8]]], SeenFace] = Batcher(
            "faces", self._encode_faces, on_batch=lambda n: said("face", n), **common
        )

    def voice(self, data: bytes, name: str) -> Future[HeardVoice]:
        """Begin to decode and encode a voice; the future raises MediaError where it cannot be used."""
        return self._begin(lambda: self.decoder.voice(data, name=name), self._voices, name)

    def face(self, data: bytes, name: str) -> Future[SeenFace]:
        """Begin to decode and encode a picture or a film of a face; the future raises MediaError if it is no use."""
        return self._begin(lambda: self.decoder.frames(data, name=name), self._faces, name)

    def samples(self, samples: NDArray[np.float32], name: str) -> Future[HeardVoice]:
        """Begin to encode a voice that is decoded already, (samples,) float32 at 16 kHz."""
        return self._voices.submit((name, samples))

    def pixels(self, pixels: NDArray[np.uint8], name: str) -> Future[SeenFace]:
        """Begin to encode a face that is decoded already, (height, width, 3) uint8 RGB."""
        return self._faces.submit((name, [pixels]))

    def close(self) -> None:
        """Finish what was begun, and end the threads."""
        for lane in (self._voices, self._faces):
            lane.close()

    def _begin(self, decode: Callable[[], Any], lane: Batcher[Any, Any], name: str) -> Future[Any]:
        """Return the future of a file that is decoded first; cancelling it stops whatever has not begun."""
        whole: Future[Any] = Future()

        def decode_and_hand_in() -> Future[Any] | None:
            array = None if whole.cancelled() else decode()
            return None if whole.cancelled() else lane.submit((name, array))

        def follow(done: Future[Any]) -> None:
            if _failed(done, whole) or (encoded := done.result()) is None:
                return
            whole.add_done_callback(lambda given_up: given_up.cancelled() and encoded.cancel())
            encoded.add_done_callback(lambda done: _pass_on(done, whole))

        decoded = self._decoding.submit(decode_and_hand_in)
        whole.add_done_callback(lambda given_up: given_up.cancelled() and decoded.cancel())
        decoded.add_done_callback(follow)
        return whole

    def _encode_voices(self, items: list[tuple[str, NDArray[np.float32]]]) -> list[HeardVoice | Exception]:
        return _apart(items, self.media.cut_voice, self.media.voices)

    def _encode_faces(self, items: list[tuple[str, list[NDArray[np.uint8]]]]) -> list[SeenFace | Exception]:
        return _apart(items, self.media.cut_face, self.media.faces)


def _apart(
    items: list[tuple[str, Any]],
    cut: Callable[[Any], CutVoice | CutFace],
    encode: Callable[[Any], list[Any]],
) -> list[Any]:
    """Return a result or an error for each item; those that can be cut are encoded together."""
    results: list[Any] = []
    for name, array in items:
        try:
            results.append(cut(array))
        except MediaError as error:
            results.append(MediaError(f"{name}: {error}", status=error.status))
    good = [i for i, result in enumerate(results) if not isinstance(result, MediaError)]
    for i, vectors in zip(good, encode([results[i] for i in good]) if good else [], strict=True):
        results[i] = vectors
    return results


def _failed(done: Future[Any], whole: Future[Any]) -> bool:
    """Return whether a step came to nothing; its error, if it has one, is then that of the whole."""
    if done.cancelled():
        whole.cancel()
        return True
    error = done.exception()
    if error is not None and whole.set_running_or_notify_cancel():
        whole.set_exception(error)
    return error is not None


def _pass_on(done: Future[Any], whole: Future[Any]) -> None:
    """Give what a step came to to the whole, unless that was given up."""
    if not _failed(done, whole) and whole.set_running_or_notify_cancel():
        whole.set_result(done.result())


def warm_up(media: MediaEncoder) -> None:
    """Load every network of a recipe and run it once, on a tone and a grey picture."""
    tone = (0.1 * np.sin(np.arange(16_000) * 0.05)).astype(np.float32)
    grey = np.full((CROP_PX, CROP_PX, 3), 128, np.uint8)
    media.voices([CutVoice([tone], 1.0)])
    media.faces([CutFace([cut_face(grey, DetectedFace(64.0, 64.0, 192.0, 192.0, 1.0)).image], 1, "")])
    for cut, nothing in ((media.cut_voice, tone), (media.cut_face, grey)):
        with contextlib.suppress(MediaError):  # there is no speech and no face in them
            cut(nothing)

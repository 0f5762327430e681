"""Drawn faces whose places are known, and speech, for the tests of detectors, crops and recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from visavox.world.faces.drawn_faces import draw_face, landmarks_px
from visavox.world.faces.scene import Scene
from visavox.world.people import make_person
from visavox.world.voices.synthetic_voices import Take, speak


@dataclass(frozen=True)
class Portrait:
    """A drawn face and where its points were put."""

    image: np.ndarray
    """(height, width, 3) uint8."""
    landmarks: np.ndarray
    """(5, 2) x and y of the eyes, the nose and the corners of the mouth, from left to right."""


@pytest.fixture(scope="session")
def portraits() -> list[Portrait]:
    """Three drawn people, each alone and looking at us."""
    faces = [make_person(index, seed=1).face for index in range(3)]
    return [Portrait(draw_face(face, Scene()), np.asarray(landmarks_px(face, Scene()), float)) for face in faces]


@pytest.fixture(scope="session")
def portrait(portraits: list[Portrait]) -> Portrait:
    """One drawn person."""
    return portraits[0]


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Six seconds of a made-up person's speech, (96000,) float32 at 16 kHz, with pauses."""
    take = Take(duration_s=6.0, level_db=-22.0, noise_db=-70.0)
    return np.asarray(speak(make_person(0, seed=0).voice, take, np.random.default_rng(0)), dtype=np.float32)


@dataclass
class Film:
    """A film of numbered frames, 64 x 48, and noise that swells and fades; what a test does not set is usual."""

    path: Path
    codec: str | None = "libx264"
    """None leaves the picture out."""
    sound: str | None = "aac"
    """Codec of the sound; None leaves it out."""
    seconds: float = 2.0
    sound_s: float | None = None
    """Length of the sound, where it is another."""
    fps: int = 25
    rate: int = 44_100
    layout: str = "mono"
    pixels: str = "yuv420p"
    keyframe_every: int = 12
    times: list[int] | None = None
    """Frame numbers at which frames are shown, for an uneven rhythm."""
    picture_from_s: float = 0.0
    sound_from_s: float = 0.0
    options: dict[str, str] = field(default_factory=dict)
    samples: np.ndarray | None = None
    """(channels, samples) float32, instead of the noise."""
    tune: Callable[[Any], None] = lambda stream: None
    """Called with the stream of the picture before it is opened."""

    def write(self) -> Path:
        """Write the file and return its path."""
        with av.open(str(self.path), "w", options=self.options) as container:
            film = self._picture(container) if self.codec else None
            voice = container.add_stream(self.sound, rate=self.rate, layout=self.layout) if self.sound else None
            packets = [*(self._frames(film) if film else []), *(self._sounds(voice) if voice else [])]
            for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
                container.mux(packet)
        return self.path

    def _picture(self, container: Any) -> Any:
        film = container.add_stream(self.codec, rate=self.fps)
        film.width, film.height, film.pix_fmt, film.gop_size = 64, 48, self.pixels, self.keyframe_every
        film.codec_context.time_base = Fraction(1, self.fps)
        film.codec_context.options = {"preset": "ultrafast"} if self.codec in ("libx264", "libx265") else {}
        self.tune(film)
        return film

    def _frames(self, film: Any) -> list[Any]:
        found = []
        for number in self.times if self.times is not None else range(round(self.seconds * self.fps)):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            frame.pts, frame.time_base = number + round(self.picture_from_s * self.fps), Fraction(1, self.fps)
            found += film.encode(frame)
        return found + film.encode()

    def _sounds(self, voice: Any) -> list[Any]:
        samples = self.samples
        if samples is None:
            n_samples = round((self.seconds if self.sound_s is None else self.sound_s) * self.rate)
            samples = swelling_noise(n_samples, self.rate)[None].repeat(voice.layout.nb_channels, axis=0)
        if not voice.codec_context.is_open:
            voice.codec_context.open()
        size = voice.codec_context.frame_size or 1024
        convert = av.AudioResampler(format=voice.format, layout=self.layout, rate=self.rate, frame_size=size)
        found = []
        plain = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self.layout)
        plain.sample_rate, plain.pts = self.rate, round(self.sound_from_s * self.rate)
        plain.time_base = Fraction(1, self.rate)
        for part in [*convert.resample(plain), *convert.resample(None)]:
            found += voice.encode(part)
        return found + voice.encode()


def numbered(number: int) -> np.ndarray:
    """A picture that says its number, in black and white squares of 8 px: (48, 64, 3) uint8."""
    bits = (number >> np.arange(16)) & 1
    squares = np.full((6, 8), 128)
    squares[1:5:3] = 255 * bits.reshape(2, 8)
    return np.kron(squares, np.ones((8, 8)))[:, :, None].repeat(3, axis=2).astype(np.uint8)


def number_of(picture: np.ndarray) -> int:
    """The number that a picture of `numbered` says, from any size."""
    height, width = picture.shape[:2]
    rows, columns = (np.array([1, 4]) * 2 + 1) * height // 12, (np.arange(8) * 2 + 1) * width // 16
    bits = picture[rows][:, columns].mean(axis=2).reshape(-1) > 128
    return int((bits * (1 << np.arange(16))).sum())


def swelling_noise(n_samples: int, rate: int) -> np.ndarray:
    """Noise below 3 kHz, (n_samples,) float32, each stretch of which is found again by its wave."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(n_samples))
    spectrum[np.fft.rfftfreq(n_samples, 1 / rate) > 3000] = 0
    noise = np.fft.irfft(spectrum, n_samples)
    time_s = np.arange(n_samples) / rate
    return (0.1 * noise / noise.std() * (0.6 + 0.4 * np.sin(5 * time_s))).astype(np.float32)


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Film]:
    """Makes a `Film` in the test's folder: `film("talk.mp4", seconds=3).write()`."""
    return lambda name, **given: Film(tmp_path / name, **given)


@pytest.fixture
def say_number() -> Callable[[np.ndarray], int]:
    """Reads the number that a frame of a `Film` shows."""
    return number_of

"""What a match attends to: parts of a face and of a voice are covered in turn, and the change of the match is noted.

A part whose covering makes the match less likely spoke for it. A face is covered by a grey square, the mean colour of
its crop; a voice by silence in a block of time and frequency (cells of its short-time Fourier transform set to 0, and
transformed back). The squares and blocks overlap; a place is given the mean over all that cover it. It says what the
model used, neither what it should have used nor what is true of the person.

It knows no model: scores come from a function, and are log odds, in nats, where the caller wants the maps in nats.

Example:
    >>> crop = np.zeros((256, 256, 3), np.uint8)
    >>> crop[96:160, 96:160] = 200
    >>> effect = face_effect(lambda crops: np.array([c[128, 128, 0] / 200 for c in crops]), crop)
    >>> bool(effect[128, 128] == effect.max()), effect.shape
    (True, (256, 256))

Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2 (a grey square is
    moved over the picture, the output of the class is noted). We note the difference from the uncovered score, average
    over overlapping squares, and do the same to sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visavox.errors import ConfigError
from visavox.models.log_mel import htk_filters
from visavox.models.mel import SAMPLE_RATE

Array = NDArray[np.float32]
Score = Callable[[Sequence[np.ndarray]], np.ndarray]
"""From crops (256, 256, 3) uint8, or voices (samples,) float32, to (n,) scores, larger for a better match."""
Progress = Callable[[int, int], None]

PATCH_PX, STRIDE_PX = 64, 32
"""Side of the grey square and its step: 49 squares over a crop of 256 px, 25 % of its width each."""
FFT, HOP = 512, 128  # samples, 32 ms and 8 ms
N_MELS = 64
"""Bands of the spectrogram that is shown."""
N_TIMES, N_BANDS = 12, 6
"""Cells that a voice is cut into; a block that is silenced is 2 x 2 of them, so there are 11 x 5 blocks."""
LEAST_S = 0.5
"""The shortest voice that is cut into cells, in seconds."""
LOWEST_DB = -80.0
"""The spectrogram shows nothing quieter, against its loudest place."""
AT_ONCE = 8
"""Covered copies that are scored between two calls of `progress`."""


@dataclass(frozen=True)
class Block:
    """A rectangle of an array: rows `top` to `bottom`, columns `left` to `right`, the last ones not counted in."""

    top: int
    """First row."""
    bottom: int
    """One behind the last row."""
    left: int
    """First column."""
    right: int
    """One behind the last column."""


@dataclass(frozen=True, eq=False)
class VoiceEffect:
    """What of a voice a match attends to."""

    spectrogram_db: Array
    """(64, frames), mel bands from low to high, a frame each 8 ms; dB against the loudest place, -80 to 0."""
    effect: Array
    """(64, frames): fall of the score where a place is silenced; above 0, the place spoke for the match."""
    duration_s: float
    """Length of the voice in seconds."""


def blocks(n_rows: int, n_columns: int, *, height: int, width: int, down: int, across: int) -> Iterator[Block]:
    """Iterate over overlapping rectangles that cover an array of `n_rows` x `n_columns` wholly, row by row.

    Args:
        n_rows: 1 or more.
        n_columns: 1 or more.
        height: rows of a rectangle; fewer where the array has no more.
        width: columns of a rectangle.
        down: rows from one rectangle to the next, 1 to `height`; the last one is moved inwards.
        across: columns from one to the next, 1 to `width`.

    Example:
        >>> [(block.top, block.bottom) for block in blocks(5, 2, height=2, width=2, down=2, across=2)]
        [(0, 2), (2, 4), (3, 5)]
    """
    for top in _starts(n_rows, height, down):
        for left in _starts(n_columns, width, across):
            yield Block(top, min(top + height, n_rows), left, min(left + width, n_columns))


def mean_effect(shape: tuple[int, int], covered: Sequence[Block], changes: np.ndarray) -> Array:
    """Return, for each place, the mean of the changes of the blocks that cover it; 0 where none does.

    Args:
        shape: rows and columns.
        covered: one block or more.
        changes: (blocks,) the fall of the score with each block covered.

    Returns:
        (rows, columns) float32.
    """
    total, times = np.zeros(shape), np.zeros(shape)
    for block, change in zip(covered, changes, strict=True):
        place = np.s_[block.top : block.bottom, block.left : block.right]
        total[place] += change
        times[place] += 1
    return (total / np.maximum(times, 1)).astype(np.float32)


def face_effect(
    score: Score,
    crop: NDArray[np.uint8],
    *,
    patch_px: int = PATCH_PX,
    stride_px: int = STRIDE_PX,
    progress: Progress | None = None,
) -> Array:
    """Return how much each place of a face speaks for a match.

    Args:
        score: of crops; asked for the crop as it is, and for a copy with each square covered.
        crop: (height, width, 3) uint8, the aligned face.
        patch_px: side of the grey square, 1 or more.
        stride_px: its step, 1 to `patch_px`.
        progress: called as progress(done, total), in squares.

    Returns:
        (height, width) float32: score as it is less the score covered, mean over the squares that cover the place.

    Raises:
        ConfigError: the step is below 1 or larger than the square.
    """
    if not 1 <= stride_px <= patch_px:
        raise ConfigError(f"`stride_px` must be 1 to {patch_px}, the side of the square. Got {stride_px}.")
    n_rows, n_columns = crop.shape[:2]
    squares = list(blocks(n_rows, n_columns, height=patch_px, width=patch_px, down=stride_px, across=stride_px))
    grey = crop.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)

    def cover(square: Block) -> np.ndarray:
        copy = crop.copy()
        copy[square.top : square.bottom, square.left : square.right] = grey
        return copy

    changes = _changes(score, crop, squares, cover, progress)
    return mean_effect((n_rows, n_columns), squares, changes)


def voice_effect(
    score: Score,
    voice: Array,
    *,
    n_times: int = N_TIMES,
    n_bands: int = N_BANDS,
    progress: Progress | None = None,
) -> VoiceEffect:
    """Return how much each place of a voice's spectrogram speaks for a match.

    Args:
        score: of voices of the same length; asked for the voice as it is, and for a copy with each block silenced.
        voice: (samples,) float32, 16 kHz, half a second or more.
        n_times: cells over its length, 2 or more; a block covers two.
        n_bands: cells over its mel bands, 2 to 64; a block covers two.
        progress: called as progress(done, total), in blocks.

    Raises:
        ConfigError: the voice is shorter than 0.5 s, or a number is out of range.
    """
    if len(voice) < LEAST_S * SAMPLE_RATE:
        raise ConfigError(f"`voice` must last at least {LEAST_S:g} s. Got {len(voice) / SAMPLE_RATE:.2f} s.")
    if n_times < 2 or not 2 <= n_bands <= N_MELS:
        raise ConfigError(f"`n_times` must be at least 2 and `n_bands` 2 to {N_MELS}. Got {n_times} and {n_bands}.")
    spectrum = _spectrum(voice)  # (frequencies, frames) complex
    n_frames = spectrum.shape[1]
    at_band = np.linspace(0, N_MELS, n_bands + 1).round().astype(int)
    at_frame = np.linspace(0, n_frames, n_times + 1).round().astype(int)
    cells = list(blocks(n_bands, n_times, height=2, width=2, down=1, across=1))
    places = [Block(at_band[c.top], at_band[c.bottom], at_frame[c.left], at_frame[c.right]) for c in cells]

    def cover(place: Block) -> np.ndarray:
        return silenced(voice, place, spectrum=spectrum)

    changes = _changes(score, voice, places, cover, progress)
    effect = mean_effect((N_MELS, n_frames), places, changes)
    return VoiceEffect(_decibels(spectrum), effect, len(voice) / SAMPLE_RATE)


def silenced(voice: Array, place: Block, *, spectrum: torch.Tensor | None = None) -> Array:
    """Return a voice without one block of its spectrogram.

    Args:
        voice: (samples,) float32, 16 kHz.
        place: rows are mel bands of 64, columns frames of 8 ms.
        spectrum: of the voice, where it is at hand.

    Returns:
        (samples,) float32.
    """
    masked = (_spectrum(voice) if spectrum is None else spectrum).clone()
    edges = _band_edges()
    masked[edges[place.top] : edges[place.bottom], place.left : place.right] = 0
    heard = torch.istft(masked, FFT, HOP, window=torch.hann_window(FFT), length=len(voice))
    return np.asarray(heard.numpy(), dtype=np.float32)


def _starts(length: int, size: int, step: int) -> list[int]:
    """Return where pieces of `size` begin, so that the last one ends where the length does."""
    last = max(0, length - size)
    return sorted({*range(0, last + 1, step), last})


def _changes(
    score: Score,
    whole: np.ndarray,
    places: Sequence[Block],
    cover: Callable[[Block], np.ndarray],
    progress: Progress | None,
) -> np.ndarray:
    """Return (places,) float64, the fall of the score with each place covered; few copies are held at a time."""
    before = float(score([whole])[0])
    changes = np.empty(len(places))
    for start in range(0, len(places), AT_ONCE):
        some = places[start : start + AT_ONCE]
        changes[start : start + len(some)] = before - np.asarray(score([cover(place) for place in some]))
        if progress is not None:
            progress(start + len(some), len(places))
    return changes


def _spectrum(voice: Array) -> torch.Tensor:
    """Return (257, 1 + samples // 128) complex64."""
    samples = torch.from_numpy(np.ascontiguousarray(voice, dtype=np.float32))
    return torch.stft(samples, FFT, HOP, window=torch.hann_window(FFT), return_complex=True)


def _band_edges() -> NDArray[np.int64]:
    """Return (65,) int64: the first frequency of each mel band, and behind the last one their number.

    Bands of the lowest mels are narrower than the distance of two frequencies: they share one.
    """
    highest_mel = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, highest_mel, N_MELS + 1) / 2595) - 1)
    edges = np.floor(edges_hz / (SAMPLE_RATE / FFT)).astype(np.int64)
    edges[-1] = FFT // 2 + 1
    return edges


def _decibels(spectrum: torch.Tensor) -> Array:
    """Return (64, frames) float32: power in mel bands, in dB against the loudest, -80 to 0."""
    power = spectrum.abs().square().numpy()
    mel = htk_filters(N_MELS, FFT) @ power
    decibels = 10 * np.log10(np.maximum(mel, 1e-12))
    shown: Array = np.clip(decibels - decibels.max(), LOWEST_DB, 0).astype(np.float32)
    return shown

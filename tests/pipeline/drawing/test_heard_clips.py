"""Vectors of voices and windows, laid into arrays of one length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from visavox.generation.mel_statistics import mel_statistics
from visavox.models.diffusion.conditions import MAX_SEGMENTS, MAX_WINDOWS, MEL_VALUES
from visavox.pipeline.drawing.heard_clips import hear_clips
from visavox.pipeline.drawing.voice_inputs import VoiceEmbeddings

COUNTS = (1, 3, 12)
RNG = np.random.default_rng(0)
VECTORS = VoiceEmbeddings(
    RNG.normal(size=(3, 5)).astype(np.float32),
    RNG.normal(size=(sum(COUNTS), 5)).astype(np.float32),
    np.repeat(np.arange(3), COUNTS),
)
FILES = [Path("a"), Path("b"), Path("c")]


def test_windows_come_first_in_their_rows() -> None:
    heard = hear_clips(FILES, VECTORS, mel=False)
    assert len(heard) == 3
    assert heard.windows.shape == (3, MAX_WINDOWS, 5)
    assert heard.windows_known.sum(dim=1).tolist() == [1, 3, 8]
    np.testing.assert_array_equal(heard.windows[1, :3].numpy(), VECTORS.windows_of(1))
    assert (heard.windows[1, 3:] == 0).all()
    np.testing.assert_array_equal(heard.whole.numpy(), VECTORS.whole)


def test_of_many_windows_evenly_spread_ones_are_kept() -> None:
    heard = hear_clips(FILES, VECTORS, mel=False)
    own = VECTORS.windows_of(2)
    np.testing.assert_array_equal(heard.windows[2, 0].numpy(), own[0])
    np.testing.assert_array_equal(heard.windows[2, -1].numpy(), own[-1])


def test_without_a_wish_no_file_is_read_for_mel_features() -> None:
    heard = hear_clips(FILES, VECTORS, mel=False)  # none of the files is there
    assert heard.mel.shape == (3, MAX_SEGMENTS, MEL_VALUES)
    assert not heard.mel_known.any()


def test_mel_features_are_those_of_the_files(tmp_path: Path) -> None:
    voices = [RNG.normal(0, 0.1, n).astype(np.float32) for n in (16_000, 64_000, 480_000)]
    files = []
    for index, voice in enumerate(voices):
        files.append(tmp_path / f"{index}.wav")
        soundfile.write(files[-1], voice, 16_000, subtype="FLOAT")
    heard = hear_clips(files, VECTORS, mel=True)
    assert heard.mel_known.sum(dim=1).tolist() == [1, 2, MAX_SEGMENTS]
    for row, voice in enumerate(voices):
        expected = mel_statistics(voice, 1.6)
        np.testing.assert_allclose(heard.mel[row, : len(expected)].numpy(), expected, rtol=1e-3, atol=1e-3)

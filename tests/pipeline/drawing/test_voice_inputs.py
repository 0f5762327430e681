"""The voices of clips as vectors or spectrograms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.media.audio import read_voice, write_voice
from visavox.models.speech_image import SpeechForm, speech_image
from visavox.pipeline.drawing import clip_embedding, voice_inputs
from visavox.pipeline.drawing.voice_inputs import (
    VoiceEmbeddings,
    VoiceInputs,
    VoicePictures,
    embed_faces,
    embed_voices,
    read_voice_inputs,
)
from visavox.pipeline.frozen_encoder import FrozenEncoder

pytestmark = pytest.mark.usefixtures("tiny_encoders")

FORMS: tuple[SpeechForm, ...] = ("real_imaginary", "amplitude_phase")


def files(folder: Path, lengths_s: tuple[float, ...] = (1.0, 4.0, 7.0)) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for number, length_s in enumerate(lengths_s):
        paths.append(folder / f"{number}.flac")
        write_voice(paths[-1], (0.1 * rng.normal(size=round(16_000 * length_s))).astype(np.float32))
    return paths


def embeddings() -> VoiceEmbeddings:
    whole = np.arange(6, dtype=np.float32).reshape(3, 2)
    windows = np.arange(100, 112, dtype=np.float32).reshape(6, 2)
    return VoiceEmbeddings(whole, windows, np.array([0, 1, 1, 1, 2, 2]))


def test_windows_belong_to_their_voice() -> None:
    voices = embeddings()
    assert voices.windows_of(0).tolist() == [[100, 101]]
    assert voices.windows_of(2).tolist() == [[108, 109], [110, 111]]
    assert len(voices.windows_of(1)) == 3


def test_some_voices_keep_their_windows_in_the_wanted_order() -> None:
    some = embeddings().select(np.array([2, 0, 2]))
    assert some.whole.tolist() == [[4, 5], [0, 1], [4, 5]]
    assert some.window_rows.tolist() == [0, 0, 1, 2, 2]
    assert some.windows_of(1).tolist() == [[100, 101]]
    none = embeddings().select(np.array([], dtype=np.int64))
    assert none.whole.shape == (0, 2) and none.windows.shape == (0, 2) and none.window_rows.shape == (0,)


def test_voices_are_embedded_whole_and_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = files(tmp_path)
    found = embed_voices(paths, "tiny_voice", window_s=1.6, cache=tmp_path / "cache")
    encoder = FrozenEncoder("tiny_voice", "voice")
    np.testing.assert_allclose(found.whole, encoder.encode([read_voice(path) for path in paths]), atol=1e-6)
    assert set(found.window_rows.tolist()) == {0, 1, 2} and len(found.windows) == len(found.window_rows)
    assert (np.diff(found.window_rows) >= 0).all()
    monkeypatch.setattr(clip_embedding, "read_voice", lambda path: pytest.fail("opened"))
    again = embed_voices(paths, "tiny_voice", window_s=1.6, cache=tmp_path / "cache")
    np.testing.assert_array_equal(again.windows, found.windows)


def test_the_form_is_that_which_the_predictor_takes(tmp_path: Path) -> None:
    paths = files(tmp_path, (1.0,))
    light = read_voice_inputs(paths, "light", voice_encoder="tiny_voice")
    assert light.embeddings is not None and light.pictures is None and light.dim == 8
    assert light.batch(np.array([0, 0])).shape == (2, 8)
    heard = read_voice_inputs(paths, {"name": "speech2face", "form": "amplitude_phase"})
    assert heard.embeddings is None and heard.pictures is not None and heard.dim == 0
    assert heard.pictures.form == "amplitude_phase" and len(heard) == 1
    paper = read_voice_inputs(paths, "speech2face").pictures
    assert paper is not None and paper.form == "real_imaginary"
    with pytest.raises(UnknownNameError, match="Unknown face-feature predictor 'lihgt'"):
        read_voice_inputs(paths, "lihgt")


def test_spectrograms_are_of_six_looped_seconds(tmp_path: Path) -> None:
    paths = files(tmp_path)
    found = VoicePictures(paths).read(np.array([2, 0]))
    assert found.shape == (2, 2, 598, 257) and found.dtype == np.float32
    for row, path in zip(found, (paths[2], paths[0]), strict=True):
        np.testing.assert_allclose(row, speech_image(read_voice(path)), atol=0.06)  # 16 bits below the power law
    batch = VoiceInputs(tuple(paths), pictures=VoicePictures(paths)).batch(np.array([1]))
    assert batch.dtype == torch.float32 and batch.shape == (1, 2, 598, 257)


def test_few_voices_are_read_once_and_many_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, opened = files(tmp_path), []

    def counting(path: Path, *, end_s: float) -> np.ndarray:
        opened.append(path.name)
        return read_voice(path, end_s=end_s)

    monkeypatch.setattr(voice_inputs, "read_voice", counting)
    pictures = VoicePictures(paths)
    first = pictures.read(np.array([0, 1]))
    np.testing.assert_array_equal(pictures.read(np.array([0, 1])), first)
    np.testing.assert_array_equal(pictures.select(np.array([1])).read(np.array([0])), first[1:])
    assert opened == ["0.flac", "1.flac"]
    monkeypatch.setattr(voice_inputs, "KEPT_SAMPLES", 100_000)
    many = VoicePictures(paths)
    for _ in range(2):
        np.testing.assert_array_equal(many.read(np.array([0, 1])), first)
    assert opened == ["0.flac", "1.flac"] * 3


def test_the_digest_follows_what_is_heard(tmp_path: Path) -> None:
    paths = tuple(tmp_path / name for name in ("a.flac", "b.flac", "c.flac"))
    heard = VoiceInputs(paths, embeddings=embeddings())
    assert heard.digest == VoiceInputs(paths, embeddings=embeddings()).digest
    assert heard.digest != heard.select(np.array([0, 1])).digest
    seen = VoiceInputs(paths, pictures=VoicePictures(paths))
    assert seen.digest != VoiceInputs(paths, pictures=VoicePictures(paths, form="amplitude_phase")).digest
    elsewhere = tuple(tmp_path / "moved" / path.name for path in paths)
    assert seen.digest == VoiceInputs(elsewhere, pictures=VoicePictures(elsewhere)).digest


def test_some_clips_are_chosen_in_every_form(tmp_path: Path) -> None:
    paths = tuple(files(tmp_path))
    both = VoiceInputs(paths, embeddings=embeddings(), pictures=VoicePictures(paths))
    some = both.select(np.array([2, 1]))
    assert some.paths == (paths[2], paths[1]) and len(some) == 2
    assert some.batch(np.array([0])).tolist() == [[4, 5]]
    assert some.pictures is not None and some.pictures.paths == some.paths


def test_faces_are_embedded_too(small_corpus: Path, tmp_path: Path) -> None:
    crops = sorted((small_corpus / "faces").iterdir())[:3]
    found = embed_faces(crops, "tiny_face", cache=tmp_path / "cache")
    assert found.shape == (3, 8) and found.dtype == np.float32 and found.any()
    with pytest.raises(DataError, match="No face to embed"):
        embed_faces([], "tiny_face")


def test_what_cannot_be_heard_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No voice to embed. Give clips with a voice"):
        embed_voices([], "tiny_voice")
    with pytest.raises(ConfigError, match="`window_s` must be above 0. Got 0"):
        embed_voices(files(tmp_path), "tiny_voice", window_s=0)
    with pytest.raises(ConfigError, match="`seconds` of voices in one batch must be above 0 and at most 60. Got 0"):
        VoicePictures([], seconds=0)
    with pytest.raises(DataError, match="read in no form"):
        VoiceInputs((tmp_path,)).batch(np.array([0]))
    write_voice(tmp_path / "click.flac", np.ones(100, np.float32))
    with pytest.raises(DataError, match=r"click.flac: A voice must have 400 samples"):
        VoicePictures([tmp_path / "click.flac"]).read(np.array([0]))
    with pytest.raises(DataError, match="A file of the corpus cannot be read"):
        VoicePictures([tmp_path / "lost.flac"]).read(np.array([0]))


@pytest.mark.parametrize("seconds", [3.0, 12.0])
def test_another_length_is_looked_at_where_it_is_asked_for(seconds: float, tmp_path: Path) -> None:
    found = VoicePictures(files(tmp_path), seconds=seconds).read(np.arange(3))
    assert found.shape == (3, 2, 1 + (round(16_000 * seconds) - 400) // 160, 257)
    assert np.isfinite(found).all() and found.any(axis=(1, 2, 3)).all()


def test_the_two_forms_of_spectrogram_differ_in_both_channels(tmp_path: Path) -> None:
    paths = files(tmp_path, (6.0,))
    paper, code = (VoicePictures(paths, form=form).read(np.array([0]))[0] for form in FORMS)
    assert paper[0].min() < 0 and code[0].min() >= 0  # a part has a sign, an amplitude none
    assert np.abs(code[1]).max() <= np.pi + 1e-5
    loud = code[0] > 1
    assert (np.sign(paper[1])[loud] == np.sign(np.sin(code[1]))[loud]).mean() > 0.99


def test_windows_of_every_voice_lie_between_those_of_its_neighbours() -> None:
    """The slow way to find the windows of a voice: look at every row."""
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 5, 30)
    rows = np.repeat(np.arange(30), counts)
    voices = VoiceEmbeddings(
        rng.normal(size=(30, 4)).astype(np.float32), rng.normal(size=(len(rows), 4)).astype(np.float32), rows
    )
    order = rng.permutation(30)
    some = voices.select(order)
    for place, row in enumerate(order.tolist()):
        expected = [window for window, owner in zip(voices.windows, rows, strict=True) if owner == row]
        np.testing.assert_array_equal(voices.windows_of(row), expected)
        np.testing.assert_array_equal(some.windows_of(place), expected)


def test_batches_come_from_embeddings_where_there_are_both(tmp_path: Path) -> None:
    paths = tuple(files(tmp_path))
    both = VoiceInputs(paths, embeddings=embeddings(), pictures=VoicePictures(paths))
    batch = both.batch(np.array([1, 0]))
    assert batch.tolist() == [[2, 3], [0, 1]] and batch.dtype == torch.float32


def test_progress_counts_voices(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    read_voice_inputs(
        files(tmp_path), "light", voice_encoder="tiny_voice", progress=lambda done, total: told.append((done, total))
    )
    assert told == [(0, 3), (3, 3)]

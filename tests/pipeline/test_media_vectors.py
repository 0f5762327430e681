"""Files to vectors: one row or several, and the reasons why there is none."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavox.errors import MediaError
from visavox.media.audio import SAMPLE_RATE, read_voice, write_voice
from visavox.media.images import read_image
from visavox.media.speech import SpeechSegment
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.media_vectors import MediaEncoder, MediaRecipe, shown_name, voice_windows


@pytest.fixture(scope="module")
def media() -> MediaEncoder:
    return MediaEncoder(MediaRecipe("ge2e", "dlib"))


@pytest.fixture
def voice(small_world: Path) -> Path:
    return sorted((small_world / "voices").iterdir())[0]


@pytest.fixture
def faces(small_world: Path) -> list[Path]:
    return sorted((small_world / "faces").iterdir())


def test_a_voice_is_the_vector_that_prepare_and_embed_give(
    media: MediaEncoder, voice: Path, small_embeddings: Path
) -> None:
    table = CorpusEmbeddings.load(small_embeddings).voice
    row = table.clips.index(voice.stem)
    heard = media.voice(voice)
    assert heard.vectors.shape == (1, 256)
    assert float(heard.vectors[0] @ table.vectors[row]) > 0.999
    assert 0.5 < heard.speech_s < len(read_voice(voice)) / SAMPLE_RATE
    assert np.allclose(media.voice(read_voice(voice)).vectors, heard.vectors, atol=1e-5)


def test_who_gives_a_face_alone_loads_no_network_for_voices(faces: list[Path]) -> None:
    fresh = MediaEncoder(MediaRecipe("ge2e", "dlib"))
    seen = fresh.face(faces[0])
    assert (seen.vectors.shape, seen.n_faces, seen.note) == ((1, 128), 1, "")
    assert fresh._voice_encoder is None
    assert fresh._speech is None


def test_of_several_faces_the_largest_is_taken_and_that_is_said(media: MediaEncoder, faces: list[Path]) -> None:
    large, small = read_image(faces[0]), read_image(faces[4])
    half = np.asarray(Image.fromarray(small).resize((small.shape[1] // 2, small.shape[0] // 2)))
    canvas = np.zeros((large.shape[0], large.shape[1] + half.shape[1], 3), np.uint8)
    canvas[:, : large.shape[1]] = large
    canvas[: half.shape[0], large.shape[1] :] = half
    seen = media.face(canvas)
    assert seen.n_faces == 2
    assert seen.note == "2 faces found; the largest was taken"
    away = [float(np.linalg.norm(seen.vectors - media.face(image).vectors)) for image in (large, small)]
    assert away[0] < 0.5 * away[1]


def test_nobody_in_the_picture_is_a_status(media: MediaEncoder) -> None:
    with pytest.raises(MediaError, match="No face found in the image of the face by mtcnn") as raised:
        media.face(np.full((200, 200, 3), 90, np.uint8))
    assert raised.value.status == "no_face"


@pytest.mark.parametrize(("seconds", "status"), [(2.0, "silent"), (0.2, "too_little_speech")])
def test_too_little_to_hear_is_a_status(
    media: MediaEncoder, voice: Path, tmp_path: Path, seconds: float, status: str
) -> None:
    samples = read_voice(voice)[8000 : 8000 + int(seconds * SAMPLE_RATE)]
    write_voice(tmp_path / "v.flac", samples * (status != "silent"))
    with pytest.raises(MediaError) as raised:
        media.voice(tmp_path / "v.flac")
    assert raised.value.status == status


@pytest.mark.parametrize(("name", "status"), [("absent.wav", "missing_file"), ("text.mp4", "unreadable_audio")])
def test_a_file_that_is_none_is_a_status(media: MediaEncoder, tmp_path: Path, name: str, status: str) -> None:
    (tmp_path / "text.mp4").write_text("no film", encoding="utf-8")
    with pytest.raises(MediaError) as raised:
        media.voice(tmp_path / name)
    assert raised.value.status == status


def test_a_recipe_may_ask_for_windows(media: MediaEncoder, voice: Path) -> None:
    samples = read_voice(voice)
    windows = MediaEncoder(MediaRecipe("ge2e", "dlib", voice_window_s=1.6)).voice(samples)
    assert windows.vectors.shape == (math.ceil(len(samples) / (1.6 * SAMPLE_RATE)), 256)
    whole = media.voice(samples).vectors[0]
    assert float((windows.vectors.mean(axis=0) @ whole) / np.linalg.norm(windows.vectors.mean(axis=0))) > 0.9


@pytest.mark.parametrize("seconds", [1.0, 1.7, 3.2, 4.0, 7.3])
def test_windows_cover_the_voice_from_end_to_end(seconds: float) -> None:
    samples = np.arange(round(seconds * SAMPLE_RATE), dtype=np.float32)
    speech = [SpeechSegment(0.0, seconds)]
    parts = voice_windows(samples, speech, window_s=1.6, min_speech_s=0.5)
    assert set(np.concatenate(parts).tolist()) == set(samples.tolist())
    assert {len(part) for part in parts} == {min(len(samples), 25_600)}


def test_windows_without_speech_are_left_out() -> None:
    samples = np.arange(4 * SAMPLE_RATE, dtype=np.float32)
    parts = voice_windows(samples, [SpeechSegment(3.0, 4.0)], window_s=1.0, min_speech_s=0.5)
    assert [part[0] / SAMPLE_RATE for part in parts] == [3.0]
    spread = [SpeechSegment(0.9, 1.1), SpeechSegment(2.9, 3.1)]
    (whole,) = voice_windows(samples, spread, window_s=1.0, min_speech_s=0.5)
    assert len(whole) == len(samples)
    (alone,) = voice_windows(samples, [SpeechSegment(0, 4)], window_s=0.0, min_speech_s=0.5)
    assert alone is samples


def test_a_file_is_named_as_it_was_given() -> None:
    assert shown_name("a/b.wav", "the voice") == "a/b.wav"
    assert shown_name(np.zeros(3), "the voice") == "the voice"


def test_a_voice_that_cannot_be_used_is_named(media: MediaEncoder, voice: Path, tmp_path: Path) -> None:
    """Of a face and a voice, and of a folder of voices, nobody could tell which file was meant."""
    silence, short = tmp_path / "silence.flac", tmp_path / "short.flac"
    write_voice(silence, np.zeros(32_000, dtype=np.float32))
    write_voice(short, read_voice(voice)[8000:11_200])
    with pytest.raises(MediaError, match=r"silence\.flac: The voice is silent") as raised:
        media.voice(silence)
    assert raised.value.status == "silent"
    with pytest.raises(MediaError, match=r"short\.flac: The voice holds too little speech"):
        media.voice(short)
    with pytest.raises(MediaError, match=r"^The voice is silent"):
        media.voice(np.zeros(32_000, dtype=np.float32))

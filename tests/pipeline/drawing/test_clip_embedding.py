"""Files to vectors: which parts of a voice, what the cache keeps, and that a warm run opens nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.cache import EmbeddingCache
from visavox.errors import ConfigError, DataError
from visavox.media.audio import read_voice, write_voice
from visavox.media.images import read_image, write_face
from visavox.media.speech import SpeechSegment
from visavox.pipeline.drawing import clip_embedding
from visavox.pipeline.drawing.clip_embedding import EmbeddingRequest, embed_files
from visavox.pipeline.frozen_encoder import FrozenEncoder

pytestmark = pytest.mark.usefixtures("tiny_encoders")


class EverywhereSpeech:
    """Hears speech in the whole of everything."""

    def segments(self, voice: np.ndarray) -> list[SpeechSegment]:
        return [SpeechSegment(0.0, len(voice) / 16_000)]


@pytest.fixture(autouse=True)
def quick_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_embedding, "SpeechDetector", EverywhereSpeech)


def voice_files(folder: Path, lengths_s: tuple[float, ...] = (1.0, 4.0, 1.6)) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for number, length_s in enumerate(lengths_s):
        paths.append(folder / f"{number}.flac")
        write_voice(paths[-1], (0.1 * rng.normal(size=round(16_000 * length_s))).astype(np.float32))
    return paths


def face_files(folder: Path, n: int = 3) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.jpg" for number in range(n)]
    for path in paths:
        write_face(path, rng.integers(0, 256, (256, 256, 3)).astype(np.uint8))
    return paths


def no_reading(*_: object) -> None:
    raise AssertionError("a file was opened although everything is in the cache")


def test_a_voice_has_a_vector_of_the_whole_and_one_of_each_window(tmp_path: Path) -> None:
    paths = voice_files(tmp_path)
    found = embed_files(paths, EmbeddingRequest("tiny_voice", "voice", window_s=1.6))
    assert [len(rows) for rows in found] == [2, 4, 2]  # 4 s are three windows; what fits one window is that window
    encoder = FrozenEncoder("tiny_voice", "voice")
    for path, rows in zip(paths, found, strict=True):
        voice = read_voice(path)
        n = len(rows) - 1
        starts = [0] if n == 1 else np.linspace(0, len(voice) - 25_600, n).round().astype(int).tolist()
        parts = [voice, *(voice[start : start + 25_600] for start in starts)]
        np.testing.assert_allclose(rows, np.concatenate([encoder.encode([part]) for part in parts]), atol=1e-6)


def test_without_windows_there_is_the_whole_alone(tmp_path: Path) -> None:
    found = embed_files(voice_files(tmp_path), EmbeddingRequest("tiny_voice", "voice"))
    assert [rows.shape for rows in found] == [(1, 8)] * 3


def test_windows_without_speech_are_left_out_but_never_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FirstSecond(EverywhereSpeech):
        def segments(self, voice: np.ndarray) -> list[SpeechSegment]:
            return [SpeechSegment(0.0, 1.0)]

    monkeypatch.setattr(clip_embedding, "SpeechDetector", FirstSecond)
    request = EmbeddingRequest("tiny_voice", "voice", window_s=1.6)
    assert [len(rows) - 1 for rows in embed_files(voice_files(tmp_path), request)] == [1, 1, 1]
    monkeypatch.setattr(FirstSecond, "segments", lambda self, voice: [])
    assert [len(rows) - 1 for rows in embed_files(voice_files(tmp_path), request)] == [1, 1, 1]


def test_a_warm_run_gives_the_same_and_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = voice_files(tmp_path, (1.0, 4.0, 40.0))  # 25 windows: more than one look into the cache
    request = EmbeddingRequest("tiny_voice", "voice", cache=tmp_path / "cache", window_s=1.6)
    cold = embed_files(paths, request)
    assert [len(rows) for rows in cold] == [2, 4, 26]
    monkeypatch.setattr(clip_embedding, "read_voice", no_reading)
    for found, expected in zip(embed_files(paths, request), cold, strict=True):
        np.testing.assert_array_equal(found, expected)
    moved = tmp_path / "elsewhere.flac"
    paths[1].rename(moved)
    np.testing.assert_array_equal(embed_files([moved], request)[0], cold[1])  # the bytes count, not the name


def test_other_windows_and_other_weights_are_embedded_anew(tmp_path: Path) -> None:
    paths = voice_files(tmp_path)
    request = EmbeddingRequest("tiny_voice", "voice", cache=tmp_path / "cache", window_s=1.6)
    embed_files(paths, request)
    shorter = EmbeddingRequest("tiny_voice", "voice", cache=tmp_path / "cache", window_s=1.0)
    assert [len(rows) - 1 for rows in embed_files(paths, shorter)] == [1, 4, 2]
    other = EmbeddingRequest({"name": "tiny_voice", "seed": 3}, "voice", cache=tmp_path / "cache", window_s=1.6)
    assert not np.allclose(embed_files(paths, other)[0], embed_files(paths, request)[0])
    assert len(EmbeddingCache(tmp_path / "cache").counts()) == 3


def test_only_what_is_missing_is_embedded_and_progress_counts_all(tmp_path: Path) -> None:
    paths = voice_files(tmp_path)
    request = EmbeddingRequest("tiny_voice", "voice", cache=tmp_path / "cache", window_s=1.6)
    embed_files(paths[:2], request)
    told: list[tuple[int, int]] = []
    embed_files([*paths, paths[2]], request, progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 4), (4, 4)]


def test_a_file_that_is_given_twice_is_embedded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, opened = voice_files(tmp_path), []

    def counting(path: Path) -> np.ndarray:
        opened.append(path)
        return read_voice(path)

    monkeypatch.setattr(clip_embedding, "read_voice", counting)
    found = embed_files([paths[0], paths[1], paths[0]], EmbeddingRequest("tiny_voice", "voice"))
    assert opened == paths[:2]
    np.testing.assert_array_equal(found[0], found[2])


def test_faces_have_one_vector_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = face_files(tmp_path)
    request = EmbeddingRequest("tiny_face", "face", cache=tmp_path / "cache")
    found = embed_files(paths, request)
    encoder = FrozenEncoder("tiny_face", "face")
    np.testing.assert_allclose(np.concatenate(found), encoder.encode([read_image(p) for p in paths]), atol=1e-6)
    monkeypatch.setattr(clip_embedding, "read_image", no_reading)
    np.testing.assert_array_equal(np.concatenate(embed_files(paths, request)), np.concatenate(found))


def test_many_files_go_in_several_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = face_files(tmp_path, 7)
    together = embed_files(paths, EmbeddingRequest("tiny_face", "face"))
    monkeypatch.setattr(clip_embedding, "FILES_A_JOB", 3)
    told: list[int] = []
    apart = embed_files(paths, EmbeddingRequest("tiny_face", "face"), progress=lambda done, _: told.append(done))
    np.testing.assert_allclose(np.concatenate(apart), np.concatenate(together), atol=1e-6)
    assert told == [0, 3, 6, 7]


def test_a_file_that_is_lost_or_damaged_is_named(tmp_path: Path) -> None:
    request = EmbeddingRequest("tiny_voice", "voice")
    with pytest.raises(DataError, match=r"lost.flac cannot be read .* Put it back"):
        embed_files([tmp_path / "lost.flac"], request)
    (tmp_path / "text.flac").write_text("no sound")
    with pytest.raises(DataError, match=r"A file of the corpus cannot be read: .*text.flac.* Put it back"):
        embed_files([tmp_path / "text.flac"], request)


def test_an_encoder_of_the_other_modality_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'tiny_face' encodes a face. Give a voice encoder"):
        embed_files(voice_files(tmp_path), EmbeddingRequest("tiny_face", "voice"))


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FrozenEncoder, "encode", lambda self, items: np.full((len(items), 8), np.nan, np.float32))
    with pytest.raises(DataError, match=r"Every embedding must be finite. Got nan or infinity for .*0.jpg"):
        embed_files(face_files(tmp_path), EmbeddingRequest("tiny_face", "face"))


def test_what_was_embedded_before_a_kill_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = face_files(tmp_path, 6)
    request = EmbeddingRequest("tiny_face", "face", cache=tmp_path / "cache")
    monkeypatch.setattr(clip_embedding, "FILES_A_JOB", 2)

    def kill(done: int, _: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_files(paths, request, progress=kill)
    told: list[int] = []
    found = embed_files(paths, request, progress=lambda done, _: told.append(done))
    assert told == [4, 6]
    np.testing.assert_allclose(
        np.concatenate(found), np.concatenate(embed_files(paths, EmbeddingRequest("tiny_face", "face"))), atol=1e-6
    )


def test_the_key_of_the_cache_says_how_a_voice_is_cut() -> None:
    whole, cut = (EmbeddingRequest("tiny_voice", "voice", window_s=s) for s in (0.0, 1.6))
    assert whole.key("e-1()") == "e-1() of files"
    assert cut.key("e-1()") == "e-1() of files, whole and windows of 1.6 s with 0.5 s of speech"
    assert EmbeddingRequest("tiny_face", "face", window_s=1.6).key("f") == "f of files"


def test_no_file_gives_no_vectors() -> None:
    assert embed_files([], EmbeddingRequest("tiny_face", "face")) == []

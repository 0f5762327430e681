"""One clip to rows and files: what works, and every way it can fail."""

from __future__ import annotations

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.corpus.items import Attribute, MediaItem
from visavox.corpus.sources.base import ClipRecord
from visavox.errors import MissingDependencyError
from visavox.media import mtcnn_networks
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.detectors.base import DetectedFace
from visavox.media.face_crop import FaceCrop
from visavox.media.images import read_image
from visavox.media.video import sample_frames
from visavox.media.video_writing import write_video
from visavox.pipeline import clip_preparation
from visavox.pipeline.clip_preparation import (
    ClipPreparer,
    ClipSettings,
    FrameFace,
    best_frame,
    file_digest,
    frontality_score,
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("faces", "voices"):
        (tmp_path / "corpus" / name).mkdir(parents=True)
    return tmp_path / "corpus"


@pytest.fixture
def files(small_world: Path) -> tuple[Path, Path]:
    return sorted((small_world / "faces").iterdir())[0], sorted((small_world / "voices").iterdir())[0]


def statuses(items: list) -> dict[str, str]:  # type: ignore[type-arg]
    return {item.modality: item.status for item in items}


def test_a_good_clip_becomes_two_rows_with_files(corpus: Path, files: tuple[Path, Path]) -> None:
    face, voice = files
    record = ClipRecord("a b", face, voice, person="Ann", video="v", attributes={"gender": Attribute("f")})
    rows = ClipPreparer(ClipSettings(), corpus).prepare(record)
    assert statuses(rows) == {"face": "ok", "voice": "ok"}
    for row in rows:
        assert (row.person, row.video, row.attributes["gender"].value) == ("Ann", "v", "f")
        assert row.digest == file_digest(corpus / str(row.path))
    by = {row.modality: row for row in rows}
    assert by["voice"].quality["speech_s"] > 0.5
    assert by["face"].quality["face_found"] == 1
    assert read_image(corpus / str(by["face"].path)).shape == (256, 256, 3)
    assert read_voice(corpus / str(by["voice"].path)).dtype == np.float32


def test_the_same_clip_twice_gives_the_same_bytes(corpus: Path, files: tuple[Path, Path]) -> None:
    preparer = ClipPreparer(ClipSettings(), corpus)
    first, second = (preparer.prepare(ClipRecord("a", *files)) for _ in range(2))
    assert [row.digest for row in first] == [row.digest for row in second]


def test_a_picture_without_a_face_falls_back_to_its_centre_and_says_so(corpus: Path, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "plain.png")
    row = ClipPreparer(ClipSettings(), corpus).prepare(ClipRecord("a", face_path=tmp_path / "plain.png"))[0]
    assert row.status == "ok"
    assert row.quality["face_found"] == 0


def test_without_the_fallback_no_face_is_a_reason(corpus: Path, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "plain.png")
    settings = ClipSettings(face_fallback=False)
    row = ClipPreparer(settings, corpus).prepare(ClipRecord("a", face_path=tmp_path / "plain.png"))[0]
    assert row.status == "no_face"
    assert "plain.png" in row.reason
    assert not list((corpus / "faces").iterdir())


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("text.jpg", b"hello", "unreadable_image"),
        ("empty.png", b"", "empty_file"),
    ],
)
def test_a_bad_image_is_a_row_with_a_reason(
    corpus: Path, tmp_path: Path, name: str, content: bytes, status: str
) -> None:
    (tmp_path / name).write_bytes(content)
    row = ClipPreparer(ClipSettings(), corpus).prepare(ClipRecord("a", face_path=tmp_path / name))[0]
    assert row.status == status
    assert name in row.reason
    assert "\n" not in row.reason


@pytest.mark.parametrize(
    ("seconds", "amplitude", "status"),
    [(2.0, 0.0, "silent"), (0.05, 0.3, "too_little_speech"), (0.0, 0.0, "empty_audio")],
)
def test_a_bad_voice_is_a_row_with_a_reason(
    corpus: Path, tmp_path: Path, seconds: float, amplitude: float, status: str
) -> None:
    samples = amplitude * np.random.default_rng(0).normal(size=int(16000 * seconds)).clip(-1, 1)
    soundfile.write(tmp_path / "v.wav", samples, 16000)
    row = ClipPreparer(ClipSettings(), corpus).prepare(ClipRecord("a", voice_path=tmp_path / "v.wav"))[0]
    assert row.status == status
    assert "v.wav" in row.reason or "voice" in row.reason


def test_one_bad_half_leaves_the_other(corpus: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    rows = ClipPreparer(ClipSettings(), corpus).prepare(ClipRecord("a", tmp_path / "bad.jpg", files[1]))
    assert statuses(rows) == {"face": "unreadable_image", "voice": "ok"}


def test_what_the_source_lacks_is_a_row_with_its_reason(corpus: Path, files: tuple[Path, Path]) -> None:
    record = ClipRecord("a", voice_path=files[1], problem=("missing_file", "no file for 'a' in faces/"))
    assert statuses(ClipPreparer(ClipSettings(), corpus).prepare(record)) == {"face": "missing_file", "voice": "ok"}


def test_a_bug_in_a_library_is_a_row_not_the_end_of_the_run(
    corpus: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(path: Path) -> np.ndarray:
        raise ZeroDivisionError("inside\na decoder")

    monkeypatch.setattr(clip_preparation, "read_image", explode)
    row = ClipPreparer(ClipSettings(), corpus).prepare(ClipRecord("a", face_path=files[0]))[0]
    assert row.status == "unexpected_error"
    assert row.reason.endswith("ZeroDivisionError: inside a decoder")


def test_a_full_disk_is_not_the_clips_fault(
    corpus: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, image: np.ndarray) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(clip_preparation, "write_face", full)
    with pytest.raises(OSError, match="No space"):
        ClipPreparer(ClipSettings(), corpus).prepare(ClipRecord("a", face_path=files[0]))


def test_missing_weights_stop_the_run_instead_of_failing_every_clip(
    corpus: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without facenet_pytorch `prepare` gave every face the status unexpected_error with a traceback, and exit code 0;
    after the installation it would have skipped them all as done."""

    def refuse(package: str, *parts: str) -> Path:
        raise MissingDependencyError(f"The package {package!r} is not installed. Install it with: pip ...")

    monkeypatch.setattr(mtcnn_networks, "carried_file", refuse)
    with pytest.raises(MissingDependencyError, match="facenet_pytorch"):
        ClipPreparer(ClipSettings(), corpus).prepare(ClipRecord("a", face_path=files[0]))


FPS = 5


@pytest.fixture
def portrait(files: tuple[Path, Path]) -> np.ndarray:
    return cv2.resize(read_image(files[0]), (256, 256), interpolation=cv2.INTER_AREA)


@pytest.fixture
def speech(files: tuple[Path, Path]) -> np.ndarray:
    """Two seconds of speech."""
    return np.tile(read_voice(files[1]), 2)[: 2 * SAMPLE_RATE]


def blurred(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 3)


def video_of(path: Path, frames: list[np.ndarray], voice: np.ndarray) -> ClipRecord:
    """Two seconds at five frames a second."""
    write_video(path, frames, voice, fps=FPS)
    return ClipRecord(path.stem, path, path, person="Ann", video=path.name, face_source=path.name)


def prepared(record: ClipRecord, corpus: Path, **settings: object) -> dict[str, MediaItem]:
    rows = ClipPreparer(ClipSettings(**settings), corpus).prepare(record)  # type: ignore[arg-type]
    assert [row.modality for row in rows] == ["voice", "face"]
    return {row.modality: row for row in rows}


def test_a_video_becomes_a_face_and_a_voice(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    rows = prepared(video_of(tmp_path / "talk.mp4", [portrait] * 10, speech), corpus)
    face, voice = rows["face"], rows["voice"]
    assert statuses([face, voice]) == {"face": "ok", "voice": "ok"}
    assert {(row.person, row.video) for row in (face, voice)} == {("Ann", "talk.mp4")}
    assert (face.quality["frames_read"], face.quality["frames_with_face"], face.quality["n_faces"]) == (5, 5, 1)
    assert face.quality["frontality"] > 0.7
    assert read_image(corpus / str(face.path)).shape == (256, 256, 3)
    stored = read_voice(corpus / str(voice.path))
    expected = read_voice(tmp_path / "talk.mp4")
    np.testing.assert_allclose(stored, expected, atol=1 / 32768)
    assert voice.quality["speech_s"] > 0.5


def test_the_sharpest_of_like_frames_is_kept(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    frames = [blurred(portrait)] * 6 + [portrait] * 2 + [blurred(portrait)] * 2
    face = prepared(video_of(tmp_path / "talk.mp4", frames, speech), corpus)["face"]
    assert face.quality["best_frame_s"] == pytest.approx(1.4)  # frame 7, the middle of the fourth fifth
    assert face.quality["frames_with_face"] == 5


def test_frames_without_a_face_are_passed_over(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    frames = [np.full_like(portrait, 90)] * 8 + [portrait] * 2
    face = prepared(video_of(tmp_path / "talk.mp4", frames, speech), corpus)["face"]
    assert face.quality["face_found"] == 1
    assert face.quality["frames_with_face"] == 1
    assert face.quality["best_frame_s"] == pytest.approx(1.8)


def test_of_two_faces_the_larger_is_taken_and_both_are_counted(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    small = cv2.resize(portrait, (160, 160), interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, 48, 48, 0, 0, cv2.BORDER_REPLICATE)
    face = prepared(video_of(tmp_path / "two.mp4", [np.hstack([portrait, small])] * 10, speech), corpus)["face"]
    alone = prepared(video_of(tmp_path / "one.mp4", [portrait] * 10, speech), corpus)["face"]
    assert face.quality["n_faces"] == 2
    assert face.quality["face_width_px"] == pytest.approx(alone.quality["face_width_px"], rel=0.1)


def test_a_video_without_a_face_falls_back_to_its_middle_frame_or_says_so(
    corpus: Path, tmp_path: Path, speech: np.ndarray
) -> None:
    record = video_of(tmp_path / "wall.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 10, speech)
    kept = prepared(record, corpus)["face"]
    assert (kept.status, kept.quality["face_found"], kept.quality["frames_with_face"]) == ("ok", 0, 0)
    assert kept.quality["best_frame_s"] == pytest.approx(1.0)
    rows = prepared(record, corpus, face_fallback=False)
    assert statuses(list(rows.values())) == {"face": "no_face", "voice": "ok"}
    assert "wall.mp4" in rows["face"].reason


def test_face_and_voice_of_a_video_fail_apart(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    silent = video_of(tmp_path / "silent.mp4", [portrait] * 10, np.zeros_like(speech))
    assert statuses(list(prepared(silent, corpus).values())) == {"face": "ok", "voice": "silent"}
    soundfile.write(tmp_path / "voice.wav", speech, SAMPLE_RATE)
    alone = ClipRecord("v", tmp_path / "voice.wav", tmp_path / "voice.wav")
    rows = prepared(alone, corpus)
    assert statuses(list(rows.values())) == {"face": "no_video_stream", "voice": "ok"}
    assert "\n" not in rows["face"].reason


@pytest.mark.parametrize(
    ("content", "status"), [(b"hello", "unreadable_video"), (b"", "empty_file"), (None, "missing_file")]
)
def test_a_video_that_cannot_be_read_is_two_rows_with_one_reason(
    corpus: Path, tmp_path: Path, content: bytes | None, status: str
) -> None:
    if content is not None:
        (tmp_path / "talk.mp4").write_bytes(content)
    rows = prepared(ClipRecord("t", tmp_path / "talk.mp4", tmp_path / "talk.mp4"), corpus)
    assert statuses(list(rows.values())) == {"face": status, "voice": status}
    assert rows["face"].reason == rows["voice"].reason
    assert not list((corpus / "faces").iterdir())


def test_a_bug_at_a_video_is_two_rows_and_a_bug_at_its_face_one(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise ZeroDivisionError("inside a decoder")

    record = video_of(tmp_path / "talk.mp4", [portrait] * 10, speech)
    with monkeypatch.context() as patch:
        patch.setattr(clip_preparation, "crop_face", explode)
        found = statuses(list(prepared(record, corpus).values()))
        assert found == {"face": "unexpected_error", "voice": "ok"}
        patch.setattr(clip_preparation, "read_talk", explode)
        found = statuses(list(prepared(record, corpus).values()))
        assert found == {"face": "unexpected_error", "voice": "unexpected_error"}


def test_the_same_video_twice_gives_the_same_bytes(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    record = video_of(tmp_path / "talk.mp4", [portrait] * 10, speech)
    first, second = (prepared(record, corpus) for _ in range(2))
    assert [row.digest for row in first.values()] == [row.digest for row in second.values()]


def test_videos_in_a_folder_of_pairs_stand_for_their_halves(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    for name in ("face.mp4", "voice.mp4"):
        video_of(tmp_path / name, [portrait] * 10, speech)
    rows = prepared(ClipRecord("t", tmp_path / "face.mp4", tmp_path / "voice.mp4"), corpus)
    assert statuses(list(rows.values())) == {"face": "ok", "voice": "ok"}
    assert rows["face"].quality["frames_with_face"] == 5


def test_the_number_of_frames_is_the_users(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    record = video_of(tmp_path / "talk.mp4", [portrait] * 10, speech)
    assert prepared(record, corpus, frames=2)["face"].quality["frames_read"] == 2
    assert len(sample_frames(tmp_path / "talk.mp4", 2)) == 2


def face_with(nose: tuple[float, float], *, turn_degrees: float = 0.0) -> DetectedFace:
    """Eyes 8 px apart, and a nose; all turned about the left eye."""
    points = np.array([[0, 0], [8, 0], nose, [1, 9], [7, 9]], dtype=np.float64) @ np.array([1, 1j])
    points = points * np.exp(1j * np.deg2rad(turn_degrees))
    return DetectedFace(
        0, 0, 9, 9, score=1.0, landmarks_px=np.stack([points.real, points.imag], axis=1).astype(np.float32)
    )


@pytest.mark.parametrize("turn_degrees", [0.0, 30.0, -75.0, 180.0])
@pytest.mark.parametrize(
    ("nose_x", "expected"), [(4.0, 1.0), (2.0, 0.5), (6.0, 0.5), (0.0, 0.0), (8.0, 0.0), (-3.0, 0.0), (12.0, 0.0)]
)
def test_a_face_looks_at_us_when_its_nose_is_between_its_eyes(
    nose_x: float, expected: float, turn_degrees: float
) -> None:
    assert frontality_score(face_with((nose_x, 5.0), turn_degrees=turn_degrees)) == pytest.approx(expected, abs=1e-6)


def test_without_landmarks_every_face_looks_at_us() -> None:
    assert frontality_score(DetectedFace(0, 0, 9, 9, score=1.0)) == 1.0
    assert frontality_score(DetectedFace(0, 0, 9, 9, score=1.0, landmarks_px=np.zeros((5, 2), np.float32))) == 0.0


def seen(*, score: float = 1.0, width_px: float = 100.0, sharpness: float = 50.0, frontality: float = 0.9) -> FrameFace:
    crop = FaceCrop(np.zeros((1, 1, 3), np.uint8), True, 1, score, width_px, sharpness, 100.0)
    return FrameFace(crop, frontality, 0.0)


@pytest.mark.parametrize(
    "better",
    [{"score": 1.1}, {"width_px": 120.0}, {"sharpness": 60.0}, {"frontality": 1.0}],
    ids=lambda d: next(iter(d)),
)
def test_each_of_the_four_signs_decides_between_frames_that_are_else_alike(better: dict[str, float]) -> None:
    assert best_frame([seen(), seen(**better), seen()]) == 1


def test_the_best_frame_is_that_of_the_product() -> None:
    """0.9 * 1 * sqrt(0.4) * (1 + 1/3) = 0.76 against 1 * 0.5 * 1 * (1 + 1/3) = 0.67 and 1 * 1 * 1 * (0.3 + 1/3)."""
    faces = [
        seen(frontality=0.3),
        seen(width_px=50.0, frontality=1.0),
        seen(score=0.9, sharpness=20.0, frontality=1.0),
    ]
    assert best_frame(faces) == 2


def test_equal_frames_profiles_blur_and_margins_have_a_best_frame_too() -> None:
    assert best_frame([seen()] * 3) == 0
    assert best_frame([seen(frontality=0.0), seen(frontality=0.0, width_px=130.0)]) == 1
    assert best_frame([seen(sharpness=0.0), seen(sharpness=0.0)]) == 0
    assert best_frame([seen(score=-0.2), seen(score=-0.5, width_px=110.0)]) == 1


EDGE_CASES = {
    "two_faces.mp4": ("ok", "ok"),
    "no_audio_stream.mp4": ("ok", "no_audio_stream"),
    "silent_audio.mp4": ("ok", "silent"),
    "portrait_1080x1920.mp4": ("ok", "ok"),
    "truncated.mp4": ("truncated", "truncated"),
    "not_a_video.mp4": ("unreadable_video", "unreadable_video"),
    "empty.mp4": ("empty_file", "empty_file"),
}


@pytest.mark.parametrize("name", EDGE_CASES)
def test_real_edge_cases_are_rows_with_the_right_status(real_data: Path, corpus: Path, name: str) -> None:
    path = real_data / "videos" / "edge" / name
    rows = prepared(ClipRecord("a", path, path), corpus, frames=1)
    assert (rows["face"].status, rows["voice"].status) == EDGE_CASES[name]
    assert all(bool(row.reason) == (row.status != "ok") for row in rows.values())
    assert all("\n" not in row.reason for row in rows.values())
    if name == "two_faces.mp4":
        assert rows["face"].quality["n_faces"] == 2


def test_real_talks_give_a_face_and_a_voice(real_data: Path, corpus: Path) -> None:
    for path in [
        *sorted((real_data / "videos/grid").iterdir())[:3],
        *sorted((real_data / "videos/wild").iterdir())[:2],
    ]:
        rows = prepared(ClipRecord(path.stem, path, path), corpus, frames=3)
        assert statuses(list(rows.values())) == {"face": "ok", "voice": "ok"}
        assert rows["face"].quality["frames_with_face"] == 3
        assert rows["voice"].quality["speech_s"] > 1

"""One clip to rows and files: what works, and every way it can fail."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.corpus.items import Attribute, MediaItem
from visavox.corpus.sources.base import ClipRecord
from visavox.corpus.sources.speaker_path import SpeakerPath
from visavox.errors import MissingDependencyError
from visavox.media import mtcnn_networks
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.face_settings import FaceSettings
from visavox.media.images import read_image
from visavox.media.speaker_search import SpeakerSearch
from visavox.media.video_writing import write_video
from visavox.media.voice_settings import VoiceSettings
from visavox.pipeline import clip_preparation
from visavox.pipeline.clip_preparation import ClipJob, ClipPreparer, ClipSettings, PreparedClip, file_digest


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("faces", "voices", ".unfinished"):
        (tmp_path / "corpus" / name).mkdir(parents=True)
    return tmp_path / "corpus"


def settings_of(**settings: Any) -> ClipSettings:
    """Return settings from the fields of both of their halves."""
    voice = {name: settings.pop(name) for name in ("min_speech_s",) if name in settings}
    return ClipSettings(FaceSettings(**settings), VoiceSettings(**voice))


def prepare(job: ClipJob | ClipRecord, corpus: Path, **settings: Any) -> list[MediaItem]:
    """Prepare a clip and put its files in place, as a corpus is built."""
    job = job if isinstance(job, ClipJob) else ClipJob(job)
    prepared: PreparedClip = ClipPreparer(settings_of(**settings), corpus / ".unfinished").prepare(job)
    for name, final in prepared.files:
        (corpus / ".unfinished" / name).rename(corpus / final)
    assert not list((corpus / ".unfinished").iterdir()), "nothing half done may stay"
    return list(prepared.items)


@pytest.fixture
def files(small_world: Path) -> tuple[Path, Path]:
    return sorted((small_world / "faces").iterdir())[0], sorted((small_world / "voices").iterdir())[0]


def statuses(items: list) -> dict[str, str]:  # type: ignore[type-arg]
    return {item.modality: item.status for item in items}


def test_a_good_clip_becomes_two_rows_with_files(corpus: Path, files: tuple[Path, Path]) -> None:
    face, voice = files
    record = ClipRecord("a b", face, voice, person="Ann", video="v", attributes={"gender": Attribute("f")})
    rows = prepare(record, corpus)
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
    first, second = (prepare(ClipRecord("a", *files), corpus) for _ in range(2))
    assert [row.digest for row in first] == [row.digest for row in second]


def test_a_picture_without_a_face_falls_back_to_its_centre_and_says_so(corpus: Path, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "plain.png")
    row = prepare(ClipRecord("a", face_path=tmp_path / "plain.png"), corpus)[0]
    assert row.status == "ok"
    assert row.quality["face_found"] == 0


def test_without_the_fallback_no_face_is_a_reason(corpus: Path, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "plain.png")
    row = prepare(ClipRecord("a", face_path=tmp_path / "plain.png"), corpus, keep_faceless=False)[0]
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
    row = prepare(ClipRecord("a", face_path=tmp_path / name), corpus)[0]
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
    row = prepare(ClipRecord("a", voice_path=tmp_path / "v.wav"), corpus)[0]
    assert row.status == status
    assert "v.wav" in row.reason or "voice" in row.reason


def test_one_bad_half_leaves_the_other(corpus: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    rows = prepare(ClipRecord("a", tmp_path / "bad.jpg", files[1]), corpus)
    assert statuses(rows) == {"face": "unreadable_image", "voice": "ok"}


def test_what_the_source_lacks_is_a_row_with_its_reason(corpus: Path, files: tuple[Path, Path]) -> None:
    record = ClipRecord("a", voice_path=files[1], problem=("missing_file", "no file for 'a' in faces/"))
    assert statuses(prepare(record, corpus)) == {"face": "missing_file", "voice": "ok"}


def test_a_bug_in_a_library_is_a_row_not_the_end_of_the_run(
    corpus: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(path: Path) -> np.ndarray:
        raise ZeroDivisionError("inside\na decoder")

    monkeypatch.setattr(clip_preparation, "read_image", explode)
    row = prepare(ClipRecord("a", face_path=files[0]), corpus)[0]
    assert row.status == "unexpected_error"
    assert row.reason.endswith("ZeroDivisionError: inside a decoder")


def test_a_full_disk_is_a_row_that_is_tried_again(
    corpus: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, image: np.ndarray) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(clip_preparation, "write_face", full)
    rows = prepare(ClipRecord("a", *files), corpus)
    assert statuses(rows) == {"face": "disk", "voice": "ok"}
    assert "no room on the disk" in next(row.reason for row in rows if row.status == "disk")


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS])
def test_a_broken_disk_is_not_the_clips_fault(
    corpus: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def broken(path: Path, image: np.ndarray) -> None:
        raise OSError(code, "broken")

    monkeypatch.setattr(clip_preparation, "write_face", broken)
    with pytest.raises(OSError, match="broken"):
        prepare(ClipRecord("a", face_path=files[0]), corpus)


def test_missing_weights_stop_the_run_instead_of_failing_every_clip(
    corpus: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without facenet_pytorch `prepare` gave every face the status unexpected_error with a traceback, and exit code 0;
    after the installation it would have skipped them all as done."""

    def refuse(package: str, *parts: str) -> Path:
        raise MissingDependencyError(f"The package {package!r} is not installed. Install it with: pip ...")

    monkeypatch.setattr(mtcnn_networks, "carried_file", refuse)
    with pytest.raises(MissingDependencyError, match="facenet_pytorch"):
        prepare(ClipRecord("a", face_path=files[0]), corpus)


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


def prepared(record: ClipRecord, corpus: Path, **settings: Any) -> dict[str, MediaItem]:
    rows = prepare(record, corpus, **settings)
    assert [row.modality for row in rows] == ["voice", "face"]
    return {row.modality: row for row in rows}


def test_a_video_becomes_a_face_and_a_voice(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    rows = prepared(video_of(tmp_path / "talk.mp4", [portrait] * 10, speech), corpus)
    face, voice = rows["face"], rows["voice"]
    assert statuses([face, voice]) == {"face": "ok", "voice": "ok"}
    assert {(row.person, row.video) for row in (face, voice)} == {("Ann", "talk.mp4")}
    assert (face.quality["frames_read"], face.quality["frames_with_face"], face.quality["n_faces"]) == (4, 4, 1)
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
    face = prepared(video_of(tmp_path / "talk.mp4", frames, speech), corpus, frames_per_s=5)["face"]
    assert 1.2 <= face.quality["best_frame_s"] < 1.6
    assert face.quality["frames_with_face"] == 10


def test_frames_without_a_face_are_passed_over(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    frames = [np.full_like(portrait, 90)] * 5 + [portrait] * 5
    face = prepared(video_of(tmp_path / "talk.mp4", frames, speech), corpus, frames_per_s=5)["face"]
    assert face.quality["face_found"] == 1
    assert face.quality["frames_with_face"] == 5
    assert face.quality["best_frame_s"] >= 1.0


def side_by_side(portrait: np.ndarray, width_px: int) -> np.ndarray:
    """The portrait, and beside it the same person smaller."""
    small = cv2.resize(portrait, (width_px, width_px), interpolation=cv2.INTER_AREA)
    above = (len(portrait) - width_px) // 2
    below = len(portrait) - width_px - above
    return np.hstack([portrait, cv2.copyMakeBorder(small, above, below, 0, 0, cv2.BORDER_REPLICATE)])


def test_a_face_that_dominates_is_taken_and_both_are_counted(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    face = prepared(video_of(tmp_path / "two.mp4", [side_by_side(portrait, 140)] * 10, speech), corpus)["face"]
    alone = prepared(video_of(tmp_path / "one.mp4", [portrait] * 10, speech), corpus)["face"]
    assert face.quality["n_faces"] == 2
    assert face.quality["face_width_px"] == pytest.approx(alone.quality["face_width_px"], rel=0.1)


def test_of_two_faces_alike_the_source_must_say_which_one_speaks(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    record = video_of(tmp_path / "two.mp4", [side_by_side(portrait, 240)] * 10, speech)
    rows = prepared(record, corpus)
    assert statuses(list(rows.values())) == {"face": "several_faces", "voice": "ok"}
    left, right = (
        prepared(replace(record, speaker=SpeakerPath((0.0,), ((x, 0.5),))), corpus)["face"] for x in (0.25, 0.75)
    )
    assert (left.status, right.status) == ("ok", "ok")
    assert left.quality["face_width_px"] > right.quality["face_width_px"]
    nobody = prepared(replace(record, speaker=SpeakerPath((0.0,), ((0.02, 0.02),))), corpus)["face"]
    assert nobody.status == "speaker_not_found"


def test_a_video_without_a_face_is_a_row_with_a_reason(corpus: Path, tmp_path: Path, speech: np.ndarray) -> None:
    record = video_of(tmp_path / "wall.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 10, speech)
    assert statuses(list(prepared(record, corpus).values())) == {"face": "no_face", "voice": "ok"}


def test_a_clip_may_keep_several_faces_the_best_first(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    frames = [blurred(portrait), portrait] * 5
    record = video_of(tmp_path / "a#1.mp4", frames, speech)
    rows = [row for row in prepare(record, corpus, n_faces=3, frames_per_s=5) if row.modality == "face"]
    assert [row.key for row in rows] == ["a#1/face", "a#1/face/1", "a#1/face/2"]
    scores = [row.quality["quality_score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert len({row.path for row in rows}) == 3
    assert all(row.digest == file_digest(corpus / str(row.path)) for row in rows)


@pytest.mark.parametrize("crop", ["aligned", "box", "first_frame"])
def test_every_crop_gives_a_picture(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray, crop: str
) -> None:
    record = video_of(tmp_path / "talk.mp4", [portrait] * 10, speech)
    for one in (record, ClipRecord("still", face_path=save(tmp_path / "still.png", portrait))):
        face = next(row for row in prepare(one, corpus, crop=crop) if row.modality == "face")
        assert face.status == "ok"
        assert read_image(corpus / str(face.path)).std() > 10


def test_a_clip_is_its_part_of_a_whole_video(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    frames = [np.full_like(portrait, 90)] * 5 + [portrait] * 5
    whole = replace(video_of(tmp_path / "talk.mp4", frames, speech), is_whole_video=True)
    late = prepared(replace(whole, start_s=1.0, end_s=2.0), corpus)
    assert late["face"].status == "ok"
    assert late["voice"].quality["duration_s"] == pytest.approx(1.0, abs=0.05)
    early = prepared(replace(whole, start_s=0.0, end_s=0.9), corpus)
    assert early["face"].status == "no_face"
    behind = prepared(replace(whole, start_s=50.0, end_s=53.0), corpus)
    assert statuses(list(behind.values())) == {"face": "past_the_end", "voice": "past_the_end"}


def test_a_fetched_section_begins_where_it_says(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    """The file begins at second 100 of the video, the clip at 100.5."""
    record = video_of(tmp_path / "section.mp4", [portrait] * 10, speech)
    listed = ClipRecord("x", address="youtube:x", is_whole_video=True, start_s=100.5, end_s=101.5, video="x")
    rows = prepare(ClipJob(listed, fetched=record.face_path, begin_s=100.0), corpus)
    assert statuses(rows) == {"face": "ok", "voice": "ok"}
    voice = next(row for row in rows if row.modality == "voice")
    assert voice.quality["duration_s"] == pytest.approx(1.0, abs=0.05)


def test_a_fetch_that_failed_is_two_rows(corpus: Path) -> None:
    job = ClipJob(ClipRecord("x", address="youtube:x", video="x"), problem=("removed", "gone"))
    rows = prepare(job, corpus)
    assert statuses(rows) == {"face": "removed", "voice": "removed"}
    assert {row.reason for row in rows} == {"gone"}


def test_a_reason_names_where_a_video_came_from_and_not_a_file_that_is_gone(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "0badf00d.mp4").write_bytes(b"no video")
    listed = ClipRecord("x", address="https://host/x.mp4", is_whole_video=True, video="x")
    for row in prepare(ClipJob(listed, fetched=tmp_path / "0badf00d.mp4"), corpus):
        assert row.status == "unreadable_video"
        assert row.reason.startswith("https://host/x.mp4: ")


def test_a_reason_keeps_the_key_of_an_address_to_itself(corpus: Path, tmp_path: Path) -> None:
    """Pages show reasons, and what follows the ? may be a key; a failure without a name gave the file's digest."""
    listed = ClipRecord("x", address="https://host/x.mp4?key=secret", is_whole_video=True, video="x")
    for row in prepare(ClipJob(listed, fetched=tmp_path / "0badf00d.mp4"), corpus):
        assert row.reason.startswith("https://host/x.mp4?...: ")
    for address in ("https://host/x.mp4?key=secret", (tmp_path / "0badf00d.mp4").as_uri()):
        job = ClipJob(replace(listed, address=address, start_s=1e300), fetched=tmp_path / "0badf00d.mp4")
        (tmp_path / "0badf00d.mp4").write_bytes(b"no video")
        for row in prepare(job, corpus):
            assert row.reason.count("host/x.mp4?...") + row.reason.count("0badf00d.mp4") == 1
            assert "secret" not in row.reason


def test_damage_inside_a_video_is_a_figure(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    record = video_of(tmp_path / "talk.mp4", [portrait] * 10, speech)
    assert all("damaged_packets" not in row.quality for row in prepared(record, corpus).values())
    data = bytearray((tmp_path / "talk.mp4").read_bytes())
    begin = data.index(b"mdat") + 4
    for at in range(begin + (len(data) - begin) // 2, len(data), 7):
        data[at] ^= 0x5A
    (tmp_path / "talk.mp4").write_bytes(data)
    rows = prepared(record, corpus)
    assert any(row.quality.get("damaged_packets", 0) > 0 or row.status != "ok" for row in rows.values())


def save(path: Path, image: np.ndarray) -> Path:
    Image.fromarray(image).save(path)
    return path


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
        patch.setattr(SpeakerSearch, "finish", explode)
        found = statuses(list(prepared(record, corpus).values()))
        assert found == {"face": "unexpected_error", "voice": "ok"}
        patch.setattr(clip_preparation, "scan_talk", explode)
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
    assert rows["face"].quality["frames_with_face"] == 4


def test_the_number_of_frames_is_the_users(
    corpus: Path, tmp_path: Path, portrait: np.ndarray, speech: np.ndarray
) -> None:
    record = video_of(tmp_path / "talk.mp4", [portrait] * 10, speech)
    assert prepared(record, corpus, frames_per_s=1)["face"].quality["frames_read"] == 2


def test_settings_are_stored_flat_and_without_what_decides_nothing() -> None:
    stored = settings_of(crop="box", min_speech_s=0.7).stored()
    assert (stored["crop"], stored["margin"], stored["min_speech_s"], stored["detector"]) == ("box", 0.0, 0.7, "mtcnn")
    assert "max_batch" not in stored


EDGE_CASES = {
    "two_faces.mp4": ("several_faces", "ok"),
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
    rows = prepared(ClipRecord("a", path, path), corpus)
    assert (rows["face"].status, rows["voice"].status) == EDGE_CASES[name]
    assert all(bool(row.reason) == (row.status != "ok") for row in rows.values())
    assert all("\n" not in row.reason for row in rows.values())


def test_real_talks_give_a_face_and_a_voice(real_data: Path, corpus: Path) -> None:
    for path in [
        *sorted((real_data / "videos/grid").iterdir())[:3],
        *sorted((real_data / "videos/wild").iterdir())[:2],
    ]:
        rows = prepared(ClipRecord(path.stem, path, path), corpus)
        assert statuses(list(rows.values())) == {"face": "ok", "voice": "ok"}
        assert rows["face"].quality["frames_with_face"] == rows["face"].quality["frames_read"] >= 6
        assert rows["voice"].quality["speech_s"] > 1

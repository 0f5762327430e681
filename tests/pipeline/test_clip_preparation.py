"""One clip to rows and files: what works, and every way it can fail."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.corpus.items import Attribute
from visavox.corpus.sources.base import ClipRecord
from visavox.errors import MissingDependencyError
from visavox.media import mtcnn_networks
from visavox.media.audio import read_voice
from visavox.media.images import read_image
from visavox.pipeline import clip_preparation
from visavox.pipeline.clip_preparation import ClipPreparer, ClipSettings, file_digest


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

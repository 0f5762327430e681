"""Faces and voices of a training: clips first, labelled faces after them, nobody held out among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from visavox.config import TrainConfig
from visavox.errors import DataError
from visavox.pipeline.drawing.diffusion_faces import LearnedFaces, read_learned_faces
from visavox.pipeline.drawing.diffusion_settings import read_diffusion_settings


@pytest.fixture(scope="module")
def table(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn people without their voices, many times over so that some are held out."""
    images = []
    for file in sorted((small_world / "faces").iterdir())[:12]:
        images.append(cv2.imencode(".jpg", cv2.resize(cv2.imread(str(file)), (64, 64)))[1].tobytes())
    n = len(images)
    path = tmp_path_factory.mktemp("faces") / "faces.parquet"
    columns = {"key": [f"k{at}" for at in range(n)], "image_jpeg": images, "age": [20 + at for at in range(n)]}
    pq.write_table(pa.table({**columns, "gender": ["m", "f"] * (n // 2), "race": [0, 1] * (n // 2)}), path)
    return path


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


def read(small_corpus: Path, small_splits: Path, out: Path, **drawing: Any) -> LearnedFaces:
    config = TrainConfig(
        task="diffusion",
        corpus=small_corpus,
        splits=small_splits,
        out=out,
        drawing={"image_px": 16, **drawing},
        workers=1,
        device="cpu",
    )
    return read_learned_faces(config, read_diffusion_settings(config.drawing))


@pytest.mark.slow
def test_clips_come_first_and_labelled_faces_after_them(
    small_corpus: Path, small_splits: Path, out: Path, table: Path
) -> None:
    faces = read(small_corpus, small_splits, out, faces=[str(table)])
    n = faces.told.n_paired
    assert n == len(faces.media.paired["train"])
    assert (faces.told.pictures[:n] == faces.media.paired["train"].pictures).all()
    labelled = faces.media.labelled
    assert len(faces.told) == n + int((~labelled.held_out).sum()) > n
    assert faces.told.imagined is not None
    assert faces.told.imagined.predicted.shape == (len(faces.told), faces.voice_dim)
    assert len(faces.told.labels.age) == len(faces.told)


@pytest.mark.slow
def test_what_measures_is_not_learned_from(small_corpus: Path, small_splits: Path, out: Path, table: Path) -> None:
    faces = read(small_corpus, small_splits, out, faces=[str(table)])
    assert faces.validation is not None
    assert len(faces.validation) == faces.validation.n_paired == len(faces.media.paired["validation"])
    n_held_out = len(faces.media.paired["validation"]) + int(faces.media.labelled.held_out.sum())
    assert len(faces.held_out_pictures) == n_held_out
    learned = {picture.tobytes() for picture in faces.told.pictures[: faces.told.n_paired]}
    assert not learned & {picture.tobytes() for picture in faces.validation.pictures}


@pytest.mark.slow
def test_without_a_share_labelled_faces_are_left_out(
    small_corpus: Path, small_splits: Path, out: Path, table: Path
) -> None:
    faces = read(small_corpus, small_splits, out, faces=[str(table)], unpaired_share=0)
    assert len(faces.told) == faces.told.n_paired
    assert faces.told.imagined is None
    unheard = read(small_corpus, small_splits, out, faces=[str(table)], imagine=False)
    assert unheard.told.imagined is None
    assert len(unheard.told) > unheard.told.n_paired


@pytest.mark.slow
def test_a_second_reading_finds_all_in_the_folder(small_corpus: Path, small_splits: Path, out: Path) -> None:
    first = read(small_corpus, small_splits, out)
    files = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = read(small_corpus, small_splits, out)
    assert first.digest == again.digest
    np.testing.assert_array_equal(first.told.heard.windows.numpy(), again.told.heard.windows.numpy())
    assert all(path.stat().st_mtime_ns == when for path, when in files.items() if path.suffix == ".parquet")


@pytest.mark.slow
def test_the_digest_tells_what_decides_the_training(small_corpus: Path, small_splits: Path, out: Path) -> None:
    digests = {read(small_corpus, small_splits, out, **changed).digest for changed in ({}, {"imagine": False})}
    assert len(digests) == 2


@pytest.mark.slow
def test_an_attribute_that_nobody_has_is_refused(small_corpus: Path, small_splits: Path, out: Path) -> None:
    with pytest.raises(DataError, match="`conditions` names language"):
        read(small_corpus, small_splits, out, conditions=["voice", "language"])

"""Pictures to learn from: a corpus with voices, a table without."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from visavox.corpus.items import Attribute, MediaItem
from visavox.corpus.splits import Splits
from visavox.errors import DataError
from visavox.media.drawn_frame import drawn_picture
from visavox.media.images import read_image
from visavox.pipeline.drawing.pictures import _age, _language, enlarged, read_drawing_media
from visavox.pipeline.splitting import SPLITS


def table(path: Path, world: Path, n: int) -> Path:
    """Write `n` faces of the drawn people, and one picture without a face, as a labelled table."""
    files = sorted((world / "faces").iterdir())[:n]
    images = []
    for file in files:
        image = cv2.imread(str(file))
        images.append(cv2.imencode(".jpg", cv2.resize(image, (64, 64)))[1].tobytes())
    images.append(cv2.imencode(".jpg", np.full((64, 64, 3), 120, np.uint8))[1].tobytes())
    n_rows = len(images)
    columns = {
        "key": [f"k{i}" for i in range(n_rows)],
        "image_jpeg": images,
        "age": [20 + i for i in range(n_rows)],
        "gender": ["m" if i % 2 else "f" for i in range(n_rows)],
        "race": [0] * n_rows,
    }
    pq.write_table(pa.table(columns), path)
    return path


def test_clips_stand_where_the_split_puts_them(small_corpus: Path, small_splits: Path) -> None:
    media = read_drawing_media(small_corpus, small_splits, px=32)
    split = Splits.load(small_splits / SPLITS)
    for subset, pairs in media.paired.items():
        assert all(split.subsets[clip] == subset for clip in pairs.clips)
        assert list(pairs.clips) == sorted(pairs.clips)
        assert pairs.pictures.shape == (len(pairs), 32, 32, 3)
        assert len(pairs.people) == len(pairs.voices) == len(pairs.crops) == len(pairs.genders) == len(pairs)
    people = {subset: set(pairs.people) for subset, pairs in media.paired.items()}
    assert not people["train"] & (people["validation"] | people["test"])


def test_a_picture_is_the_drawn_square_of_the_crop(small_corpus: Path, small_splits: Path) -> None:
    pairs = read_drawing_media(small_corpus, small_splits, px=32).paired["train"]
    for row in (0, len(pairs) - 1):
        assert (pairs.pictures[row] == drawn_picture(read_image(pairs.crops[row]), 32)).all()
        assert pairs.voices[row].is_file()


def test_given_genders_come_along(small_corpus: Path, small_splits: Path) -> None:
    genders = set(read_drawing_media(small_corpus, small_splits, px=16).paired["train"].genders)
    assert genders <= {"m", "f", ""}
    assert genders & {"m", "f"}


def test_labelled_faces_are_placed_once(
    small_world: Path, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    path = table(tmp_path / "faces.parquet", small_world, 5)
    seen: list[tuple[int, int]] = []
    first, second = (
        read_drawing_media(
            small_corpus,
            small_splits,
            tables=(path,),
            px=32,
            cache=tmp_path / "pictures",
            progress=lambda done, total: seen.append((done, total)),
        )
        for _ in range(2)
    )
    assert (first.labelled.pictures == second.labelled.pictures).all()
    assert first.digest == second.digest
    assert len(list((tmp_path / "pictures").iterdir())) == 1
    assert seen[-1][0] == seen[-1][1]
    assert 24 not in first.labelled.age or len(first.labelled.age) <= 5  # what shows no face is left out
    assert 25 not in first.labelled.age


def test_a_tenth_of_the_keys_is_held_out_for_ever(
    small_world: Path, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    path = table(tmp_path / "faces.parquet", small_world, 5)
    media = read_drawing_media(small_corpus, small_splits, tables=(path,), px=32)
    by_age = dict(zip(media.labelled.age.astype(int).tolist(), media.labelled.held_out.tolist(), strict=True))
    for age, held_out in by_age.items():
        assert held_out == (hashlib.sha256(f"k{age - 20}".encode()).digest()[0] < 26)


def test_without_tables_there_are_no_labelled_faces(small_corpus: Path, small_splits: Path) -> None:
    labelled = read_drawing_media(small_corpus, small_splits, px=32).labelled
    assert labelled.pictures.shape == (0, 32, 32, 3)
    assert labelled.age.size == labelled.male.size == labelled.race.size == labelled.held_out.size == 0


def test_the_digest_tells_sizes_and_tables_apart(
    small_world: Path, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    path = table(tmp_path / "faces.parquet", small_world, 2)
    digests = [
        read_drawing_media(small_corpus, small_splits, px=16).digest,
        read_drawing_media(small_corpus, small_splits, px=32).digest,
        read_drawing_media(small_corpus, small_splits, px=32, tables=(path,)).digest,
    ]
    assert len(set(digests)) == 3


def test_nobody_to_learn_from_is_said(small_corpus: Path, small_splits: Path, tmp_path: Path) -> None:
    text = (small_splits / SPLITS).read_text().replace('"train"', '"test"')
    (tmp_path / SPLITS).write_text(text)
    with pytest.raises(DataError, match=r"subset train|split"):
        read_drawing_media(small_corpus, tmp_path)


def test_a_stored_picture_gets_room_about_it() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, :, 2] = 200  # red, as OpenCV orders it
    large = enlarged(cv2.imencode(".png", image)[1].tobytes())
    assert large.shape == (160, 160, 3)
    assert (large == (200, 0, 0)).all()


def test_bytes_that_are_no_picture_are_said() -> None:
    with pytest.raises(DataError, match="must be a JPEG or PNG"):
        enlarged(b"hello")


def test_given_ages_and_languages_come_along_and_predicted_ages_do_not(
    small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    pairs = read_drawing_media(small_corpus, small_splits, px=16).paired["train"]
    assert len(pairs.ages) == len(pairs.languages) == len(pairs)
    said = MediaItem(
        key="c/face",
        clip="c",
        modality="face",
        source="s",
        attributes={"age": Attribute("41"), "language": Attribute("Welsh")},
    )
    guessed = MediaItem(
        key="c/voice",
        clip="c",
        modality="voice",
        source="s",
        attributes={"age": Attribute("33", "a predictor"), "predicted_language": Attribute("english", "a predictor")},
    )
    assert _age(guessed, said) == 41.0
    assert math.isnan(_age(guessed))
    assert _language(said, guessed) == "welsh"
    assert _language(guessed) == "english"

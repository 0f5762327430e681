"""What a drawn picture says of itself is read back from the file; nothing in it changes from run to run."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavox.errors import DataError
from visavox.generation.picture_files import (
    GUESS,
    LEAKED,
    MADE_BY_NETWORK,
    PictureLabel,
    picture_bytes,
    png_bytes,
    read_label,
)
from visavox.generation.provenance import FROM_FACE, FROM_VOICE, GIVEN, Condition

VOICE = Condition("voice", FROM_VOICE)
LABEL = PictureLabel(
    "portrait", "decoder", 3, 7, 1.5, "ab" * 32, (VOICE, Condition("age", GIVEN, 30.0)), "CC BY-NC 4.0"
)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def test_everything_is_read_back(picture: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture_bytes(picture, LABEL))
    assert read_label(tmp_path / "a.png") == {
        "label": GUESS,
        "model": "portrait",
        "method": "decoder",
        "seed": 3,
        "sample": 7,
        "guidance": 1.5,
        "voice_sha256": "ab" * 32,
        "told": [
            {"condition": "voice", "provenance": "from voice"},
            {"condition": "age", "provenance": "given by the user", "value": 30.0},
        ],
        "licence": "CC BY-NC 4.0",
    }


def test_pixels_are_kept(picture: np.ndarray) -> None:
    with Image.open(io.BytesIO(picture_bytes(picture, LABEL))) as image:
        assert np.array_equal(np.asarray(image), picture)


def test_other_programs_find_the_label(picture: np.ndarray) -> None:
    data = picture_bytes(picture, LABEL)
    with Image.open(io.BytesIO(data)) as image:
        info = dict(image.info)
    assert info["Title"] == "Guess from a voice, not a picture of a person"
    assert info["Description"] == (
        "Sample 7 by decoder of portrait; told: voice (from voice), age = 30.0 (given by the user)."
    )
    assert info["Disclaimer"].startswith("Drawn by a computer.")
    assert info["Copyright"] == "CC BY-NC 4.0"
    assert info["Software"].startswith("visavox")
    assert MADE_BY_NETWORK in info["XML:com.adobe.xmp"]
    assert MADE_BY_NETWORK.encode() in data


def test_the_same_picture_has_the_same_bytes(picture: np.ndarray) -> None:
    assert picture_bytes(picture, LABEL) == picture_bytes(picture.copy(), dataclasses.replace(LABEL))
    assert picture_bytes(picture, LABEL) != picture_bytes(picture, dataclasses.replace(LABEL, sample=8))


def test_a_look_at_the_true_face_is_said_first(picture: np.ndarray) -> None:
    guide = Condition("guide", FROM_FACE, picture)
    data = picture_bytes(picture, dataclasses.replace(LABEL, told=(VOICE, guide)))
    told = read_label(data)
    assert told["warning"] == LEAKED
    assert told["told"][1] == {"condition": "guide", "provenance": "from the true face"}
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["Disclaimer"].startswith("Drawn with a look at the true face")


def test_letters_of_all_kinds_survive(picture: np.ndarray) -> None:
    told = read_label(picture_bytes(picture, dataclasses.replace(LABEL, model="Zoë 声")))
    assert told["model"] == "Zoë 声"


@pytest.mark.parametrize("bad", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((0, 0, 3), np.uint8)])
def test_another_array_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"must be \(px, px, 3\) uint8"):
        picture_bytes(bad, LABEL)


def test_what_carries_no_label_is_one_line(picture: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(picture).save(tmp_path / "plain.png")
    with pytest.raises(DataError, match=r"plain\.png carries no label"):
        read_label(tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"text\.png is no PNG"):
        read_label(tmp_path / "text.png")
    with pytest.raises(DataError, match="The picture is no PNG"):
        read_label(picture_bytes(picture, LABEL)[:200])
    with pytest.raises(DataError, match="is no PNG"):
        read_label(png_bytes(picture, {"visavox": "{"}))

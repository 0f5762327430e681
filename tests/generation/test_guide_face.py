"""A guide is the face of a picture, in the frame in which faces are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavox.errors import MediaError
from visavox.generation.guide_face import guide_face
from visavox.media.drawn_frame import drawn_picture
from visavox.media.face_crop import crop_face
from visavox.media.images import read_image
from visavox.registry import DETECTORS


def test_a_guide_is_the_drawn_square_of_the_face(small_world: Path) -> None:
    path = sorted((small_world / "faces").iterdir())[0]
    guide, note = guide_face(path, 32)
    crop = crop_face(read_image(path), DETECTORS.build("mtcnn"))
    assert np.array_equal(guide, drawn_picture(crop.image, 32))
    assert note == ""


def test_of_two_faces_the_largest_is_taken_and_said(small_world: Path, tmp_path: Path) -> None:
    one, other = (read_image(path) for path in sorted((small_world / "faces").iterdir())[::2][:2])
    height = min(len(one), len(other))
    Image.fromarray(np.concatenate([one[:height], other[:height]], axis=1)).save(tmp_path / "two.png")
    _, note = guide_face(tmp_path / "two.png", 32)
    assert note == f"2 faces found in the guide {tmp_path / 'two.png'}; the largest was taken"


def test_a_guide_without_a_face_is_one_line(tmp_path: Path) -> None:
    Image.fromarray(np.full((80, 80, 3), 127, np.uint8)).save(tmp_path / "wall.png")
    with pytest.raises(MediaError, match=r"No face found in the guide .*wall\.png by mtcnn\. Give a larger") as caught:
        guide_face(tmp_path / "wall.png", 32)
    assert caught.value.status == "no_face"


def test_a_guide_that_is_no_picture_is_one_line(tmp_path: Path) -> None:
    for name, status in (("none.png", "missing_file"), ("text.png", "unreadable_image")):
        if name == "text.png":
            (tmp_path / name).write_text("no picture")
        with pytest.raises(MediaError) as caught:
            guide_face(tmp_path / name, 32)
        assert caught.value.status == status

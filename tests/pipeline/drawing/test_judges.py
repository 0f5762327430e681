"""The judges themselves: which there are, who has seen what, and that all faces go one way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.media.face_crop import crop_face
from visavox.media.images import read_image
from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.judges import FaceJudges, own_face_encoder
from visavox.pipeline.drawing.tested_clips import read_tested_clips
from visavox.pipeline.frozen_encoder import Compute

CPU = Compute(device="cpu")


@pytest.fixture
def crops(small_corpus: Path) -> list[np.ndarray]:
    return [read_image(path) for path in read_tested_clips(small_corpus).crops[:3]]


@pytest.fixture
def with_look(tiny_generator: Path, tmp_path: Path) -> Generator:
    """A generator with a face encoder of its own."""
    folder = tmp_path / "generator"
    shutil.copytree(tiny_generator, folder)
    FaceLookEncoder(seed=3, dim=8).save_weights(folder / "face_encoder")
    return Generator.load(folder)


def test_dlib_judges_alone_where_no_model_draws(crops: list[np.ndarray]) -> None:
    judges = FaceJudges(compute=CPU)
    assert [(judge.name, judge.seen_in_training) for judge in judges.judges] == [("dlib", False)]
    assert "3 million photos" in judges.judges[0].about
    looked = judges.look(crops)
    assert looked.features["dlib"].shape == (3, 128)
    assert looked.male.shape == looked.age.shape == (3,)
    assert 0 < judges.classifier["gender_accuracy_score"] <= 1


def test_the_models_own_encoder_judges_beside_it_and_is_marked(with_look: Generator, crops: list[np.ndarray]) -> None:
    judges = FaceJudges(with_look, CPU)
    assert [(j.name, j.seen_in_training) for j in judges.judges] == [("dlib", False), ("face_look", True)]
    features = judges.look_without_attributes(crops)
    assert features["face_look"].shape == (3, 8)
    assert np.array_equal(features["face_look"], judges.look(crops).features["face_look"])


def test_a_model_that_learned_from_dlib_marks_dlib(with_look: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavox.pipeline.drawing.judges.own_face_encoder", lambda _: {"name": "dlib"})
    judges = FaceJudges(with_look, CPU)
    assert [(judge.name, judge.seen_in_training) for judge in judges.judges] == [("dlib", True)]


def test_the_encoder_of_a_folder_is_named_with_its_weights(with_look: Generator, tiny_generator: Path) -> None:
    assert own_face_encoder(with_look) == {"name": "face_look", "weights": str(with_look.folder / "face_encoder")}
    assert own_face_encoder(Generator.load(tiny_generator)) is None


def test_a_damaged_encoder_is_said(with_look: Generator) -> None:
    (with_look.folder / "face_encoder" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="face encoder of .* cannot be read"):
        own_face_encoder(with_look)


def test_a_true_picture_and_a_drawn_one_are_found_by_the_same_detector(crops: list[np.ndarray]) -> None:
    judges = FaceJudges(compute=CPU)
    again = judges.cut(crops[0])
    wanted = crop_face(crops[0], judges._detector)
    assert np.array_equal(again.image, wanted.image)
    drawn: Any = judges.cut(np.full((64, 64, 3), 90, np.uint8), is_drawn_square=True)
    assert drawn.image.shape == (256, 256, 3) and not drawn.found


def test_nothing_to_look_at_gives_no_rows() -> None:
    looked = FaceJudges(compute=CPU).look([])
    assert looked.features["dlib"].shape == (0, 128) and looked.male.shape == (0,)

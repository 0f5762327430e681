"""The judges themselves: which there are, who has seen what, and that all faces go one way."""

from __future__ import annotations

import math
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visavox.errors import DataError, VisavoxError
from visavox.media.face_crop import crop_face
from visavox.media.images import read_image
from visavox.models.encoders import vgg_face
from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.models.vgg_face_net import VGGFaceNet
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


@pytest.fixture
def vgg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Published weights of a VGG-Face that is 1/32 as wide, of five people."""
    monkeypatch.setattr(vgg_face, "VGGFaceNet", partial(VGGFaceNet, channel_factor=1 / 32))
    folder = tmp_path / "vgg"
    folder.mkdir()
    torch.manual_seed(0)
    state = VGGFaceNet(channel_factor=1 / 32).state_dict()
    torch.save({**state, "fc8.weight": torch.randn(5, 4096), "fc8.bias": torch.randn(5)}, folder / "vgg_face.pth")
    return folder


def test_a_further_judge_looks_beside_the_others(vgg: Path, with_look: Generator, crops: list[np.ndarray]) -> None:
    judges = FaceJudges(with_look, CPU, further={"vgg_face": {"name": "vgg_face", "source": str(vgg)}})
    assert [(judge.name, judge.seen_in_training) for judge in judges.judges] == [
        ("dlib", False), ("face_look", True), ("vgg_face", False),
    ]  # fmt: skip
    assert judges.look_without_attributes(crops)["vgg_face"].shape == (3, 4096)
    assert "2.6 million pictures" in judges.judges[2].about


def test_faces_are_named_by_the_last_layer_of_its_checkpoint(vgg: Path, crops: list[np.ndarray]) -> None:
    judges = FaceJudges(compute=CPU, further={"vgg_face": {"name": "vgg_face", "source": str(vgg)}})
    looked = judges.look(crops)
    state = torch.load(vgg / "vgg_face.pth", weights_only=True)
    assert judges.without_score == "" and looked.classes is not None and looked.classes.shape == (3, 5)
    for row, feature in zip(looked.classes, looked.features["vgg_face"], strict=True):
        scores = [
            float(w @ feature) + float(b) for w, b in zip(state["fc8.weight"].numpy(), state["fc8.bias"], strict=True)
        ]
        weights = [math.exp(score - max(scores)) for score in scores]
        assert row == pytest.approx([w / sum(weights) for w in weights], abs=1e-4)
    assert judges.look([]).classes is None


def test_without_the_last_layer_it_judges_and_names_nobody(vgg: Path, crops: list[np.ndarray]) -> None:
    state = torch.load(vgg / "vgg_face.pth", weights_only=True)
    torch.save({name: x for name, x in state.items() if not name.startswith("fc8")}, vgg / "vgg_face.pth")
    judges = FaceJudges(compute=CPU, further={"oxford": {"name": "vgg_face", "source": str(vgg)}})
    assert judges.without_score == "No VGGFace score: the checkpoint of the judge oxford holds no fc8."
    assert judges.look(crops).classes is None
    assert "no judge is VGG-Face" in FaceJudges(compute=CPU).without_score


def test_a_further_judge_that_the_model_learned_from_is_marked(with_look: Generator, tmp_path: Path) -> None:
    FaceLookEncoder(seed=4, dim=8).save_weights(tmp_path / "other")
    spec = {"name": "face_look", "weights": str(tmp_path / "other")}
    judges = FaceJudges(with_look, CPU, further={"second": spec, "third": {**spec, "seen_in_training": False}})
    assert [judge.seen_in_training for judge in judges.judges] == [False, True, True, False]
    alone = FaceJudges(compute=CPU, further={"second": {**spec, "seen_in_training": True}, "third": spec})
    assert [judge.seen_in_training for judge in alone.judges] == [False, True, False]


@pytest.mark.parametrize(
    ("further", "said"),
    [
        ({"dlib": "dlib"}, "must not name 'dlib': it judges already"),
        ({"A face": "dlib"}, "small letters, digits and _. Got 'A face'"),
        ({"second": {"name": "dlib", "seen_in_training": "no"}}, "must be true or false. Got 'no'"),
        ({"second": {}}, "needs a `name`"),
        ({"second": "nobody"}, "nobody"),
        ({"second": "ge2e"}, "face"),
        ({"second": {"name": "vgg_face", "source": "no/such/place"}}, "neither a folder nor a model"),
    ],
)
def test_further_judges_that_cannot_judge_are_one_line(further: dict[str, Any], said: str) -> None:
    with pytest.raises(VisavoxError, match=said) as caught:
        FaceJudges(compute=CPU, further=further)
    assert "\n" not in str(caught.value)


def test_a_damaged_checkpoint_is_one_line(vgg: Path) -> None:
    (vgg / "vgg_face.pth").write_bytes(b"PK no weights")
    with pytest.raises(DataError, match="vgg_face.pth") as caught:
        FaceJudges(compute=CPU, further={"vgg_face": {"name": "vgg_face", "source": str(vgg)}})
    assert "\n" not in str(caught.value)


def test_races_are_the_largest_of_five_scores(crops: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    judges = FaceJudges(compute=CPU)
    scores = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    told = {"gender": np.ones(3, np.float32), "age": np.zeros(3, np.float32)}
    told.update({f"race_{race}": scores[i] for i, race in enumerate(("white", "black", "asian", "indian", "other"))})
    monkeypatch.setattr(judges._heads, "predict", lambda _: told)
    wanted = [max(range(5), key=lambda race: scores[race, face]) for face in range(3)]
    assert judges.look(crops).race.tolist() == wanted


def test_the_own_encoder_is_the_models_and_no_further_one(with_look: Generator, tmp_path: Path) -> None:
    FaceLookEncoder(seed=4, dim=8).save_weights(tmp_path / "other")
    further = {"second": {"name": "face_look", "weights": str(tmp_path / "other")}}
    assert FaceJudges(with_look, CPU, further=further).own is not None
    assert FaceJudges(compute=CPU, further=further).own is None

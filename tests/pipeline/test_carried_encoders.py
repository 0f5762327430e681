"""Weights that travel in the folder of their model, and what counts as the same encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.errors import DataError, UnknownNameError
from visavox.models.encoders.face_cnn import FaceCNNEncoder
from visavox.models.encoders.trainable import inner_folder
from visavox.persistence import load_folder
from visavox.pipeline.carried_encoders import is_same_encoder, with_full_path, with_inner_path


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    FaceCNNEncoder(seed=1).save_weights(tmp_path / "m" / "face_encoder", training_data="eight drawn people")
    return tmp_path / "m"


def test_encoders_without_weights_of_their_own_pass_untouched(tmp_path: Path) -> None:
    for spec in ("ge2e", {"name": "dlib", "flip": True}, {"name": "face_cnn", "weights": ""}):
        assert with_full_path(spec, tmp_path, "face") == spec
        assert with_inner_path(spec, "face") == (spec, {})


def test_the_inner_path_becomes_a_full_one_and_back(model_folder: Path) -> None:
    stored = {"name": "face_cnn", "weights": "face_encoder"}
    full = with_full_path(stored, model_folder, "face")
    assert full == {"name": "face_cnn", "weights": str(model_folder / "face_encoder")}
    again, files = with_inner_path(full, "face")
    assert again == stored == {"name": "face_cnn", "weights": inner_folder("face")}
    assert set(files) == {"face_encoder/config.json", "face_encoder/model.safetensors"}
    assert json.loads(files["face_encoder/config.json"])["arguments"]["training_data"] == "eight drawn people"
    assert files["face_encoder/model.safetensors"] == (model_folder / "face_encoder/model.safetensors").read_bytes()


def test_a_path_that_is_inner_already_is_left_to_the_caller() -> None:
    spec = {"name": "face_cnn", "weights": "face_encoder"}
    assert with_inner_path(spec, "face") == (spec, {})


@pytest.mark.parametrize("path", ["../elsewhere", "/tmp/x", "voice_encoder"])
def test_weights_outside_the_model_folder_are_refused(model_folder: Path, path: str) -> None:
    """A model from a stranger must not make us read other files."""
    with pytest.raises(DataError, match="must lie in face_encoder of the model folder"):
        with_full_path({"name": "face_cnn", "weights": path}, model_folder, "face")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_of_weights_is_named(model_folder: Path, name: str) -> None:
    (model_folder / "face_encoder" / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing, so the model has no face encoder"):
        with_full_path({"name": "face_cnn", "weights": "face_encoder"}, model_folder, "face")


def test_weights_that_are_gone_are_one_line_when_saving(model_folder: Path) -> None:
    (model_folder / "face_encoder" / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"model.safetensors cannot be read .*face encoder has no weights"):
        with_inner_path({"name": "face_cnn", "weights": str(model_folder / "face_encoder")}, "face")
    with pytest.raises(UnknownNameError):
        with_inner_path({"name": "face_cnn", "weights": "absent"}, "face")


def test_equal_weights_under_two_paths_are_the_same_encoder(model_folder: Path, tmp_path: Path) -> None:
    encoder = FaceCNNEncoder(weights=str(model_folder / "face_encoder"))
    wanted = {"name": "face_cnn", "weights": str(model_folder / "face_encoder")}
    found = {"name": "face_cnn", "weights": str(tmp_path / "moved")}
    assert is_same_encoder(wanted, found, encoder.identifier, "face")
    assert is_same_encoder(wanted, found, f"{encoder.identifier}+bfloat16", "face")


def test_other_weights_under_one_path_are_another_encoder(model_folder: Path) -> None:
    """Trained anew into the same folder: the text is equal, the vectors are not."""
    spec = {"name": "face_cnn", "weights": str(model_folder / "face_encoder")}
    before = FaceCNNEncoder(weights=spec["weights"]).identifier
    FaceCNNEncoder(seed=2).save_weights(model_folder / "face_encoder", overwrite=True)
    assert not is_same_encoder(spec, spec, before, "face")
    assert not is_same_encoder(spec, "dlib", "dlib-1()", "face")


def test_encoders_without_weights_are_compared_by_name_and_options() -> None:
    assert is_same_encoder("ge2e", {"name": "ge2e"}, "anything", "voice")
    assert not is_same_encoder("ge2e", {"name": "ge2e", "output": "hidden"}, "anything", "voice")
    assert is_same_encoder({"name": "latents"}, {"name": "latents"}, "made up", "voice")


def test_weights_copied_into_a_model_can_be_loaded(model_folder: Path, tmp_path: Path) -> None:
    _, files = with_inner_path({"name": "face_cnn", "weights": str(model_folder / "face_encoder")}, "face")
    for name, content in files.items():
        (tmp_path / "n" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "n" / name).write_bytes(content)
    assert load_folder(tmp_path / "n" / "face_encoder", kind="encoder").name == "face_cnn"

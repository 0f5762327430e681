"""Which models share a gallery."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import DataError
from visavox.pipeline.gallery.model_fingerprint import about_model, model_fingerprint, refuse_another_model
from visavox.pipeline.voice_face_model import VoiceFaceModel


def changed(model: VoiceFaceModel, **values: Any) -> VoiceFaceModel:
    return VoiceFaceModel(model.associator, dataclasses.replace(model.preprocess, **values), name="changed")


def test_what_a_similarity_means_does_not_count(calibrated_model: VoiceFaceModel) -> None:
    same = changed(calibrated_model, match_scale=3.0, pair_slope=None, pair_intercept=None, min_speech_s=1.0)
    assert model_fingerprint(same) == model_fingerprint(calibrated_model)
    refuse_another_model(about_model(calibrated_model), same, Path("g"))


@pytest.mark.parametrize(
    "values", [{"detector": "haar"}, {"voice_encoder": {"name": "ge2e", "x": 1}}, {"face_encoder": "other"}]
)
def test_what_makes_a_vector_counts(calibrated_model: VoiceFaceModel, values: dict[str, Any]) -> None:
    other = changed(calibrated_model, **values)
    with pytest.raises(DataError, match=r"The vectors of g are of the model 'tiny' .* Got the model 'changed'"):
        refuse_another_model(about_model(calibrated_model), other, Path("g"))


def test_learned_numbers_count(calibrated_model: VoiceFaceModel) -> None:
    before = model_fingerprint(calibrated_model)
    tensors = {name: array.copy() for name, array in calibrated_model.associator.tensors().items()}
    name = sorted(tensors)[0]
    tensors[name].flat[0] += 0.001
    calibrated_model.associator.load_tensors(tensors)
    assert model_fingerprint(calibrated_model) != before


def test_weights_count_by_content_wherever_they_lie(tmp_path: Path) -> None:
    world = VoiceFaceModel.from_pretrained("world")
    world.save_pretrained(tmp_path / "copied", card="Licence: CC0-1.0")
    copied = VoiceFaceModel.from_pretrained(tmp_path / "copied")
    assert copied.preprocess.voice_encoder != world.preprocess.voice_encoder  # another path
    assert model_fingerprint(copied) == model_fingerprint(world)
    weights = tmp_path / "copied" / "voice_encoder" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert model_fingerprint(copied) != model_fingerprint(world)


def test_a_model_in_the_box_keeps_its_name_beside_a_folder_of_that_name(
    calibrated_model: VoiceFaceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`simulate --out world`, then `gallery build --model world`: no search could open that gallery any more."""
    (tmp_path / "world").mkdir()
    monkeypatch.chdir(tmp_path)
    calibrated_model.name = "world"
    assert about_model(calibrated_model).model == "world"


def test_a_folder_is_recorded_by_its_whole_path(
    calibrated_model: VoiceFaceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert about_model(calibrated_model).model == "tiny"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").touch()
    monkeypatch.chdir(tmp_path)
    calibrated_model.name = "run"
    about = about_model(calibrated_model, index="hnsw")
    assert (about.model, about.index, about.dim) == (str((tmp_path / "run").resolve()), "hnsw", 4)
    assert about.encoders == {"voice": {"name": "ge2e"}, "face": {"name": "dlib"}}

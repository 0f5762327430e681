"""Checkpoints of Seeking the Shape of Sound, made up from the published keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import DataError
from visavox.method_config import ConvertConfig
from visavox.objectives.base import TrainingFacts
from visavox.objectives.seeking_shape import SeekingShape
from visavox.persistence import read_tensors
from visavox.pipeline.converting.conversion import convert_checkpoint
from visavox.pipeline.frozen_encoder import FrozenEncoder
from visavox.pipeline.objective_files import give_files
from visavox.pipeline.voice_face_model import VoiceFaceModel

State = dict[str, torch.Tensor]


@pytest.mark.slow
def test_the_whole_network_becomes_a_whole_model(
    drawn_state: Callable[..., State], written: Callable[..., Path], tmp_path: Path
) -> None:
    state = drawn_state("sss")
    path = written({"start_it": 10, "stage": 0, "state_dict": state, "optimizer": {}}, "best.pth.tar")
    outcome = convert_checkpoint(ConvertConfig(checkpoint=path, out=tmp_path / "m"))
    assert outcome.kind == "sss"
    assert outcome.what == "voice encoder thin_resnet34 + face encoder ir50 + associator sss"
    assert "`optimizer`" in outcome.left_out
    model = VoiceFaceModel.from_pretrained(tmp_path / "m")
    found = model.associator.tensors()
    np.testing.assert_array_equal(found["voice.linear.weight"], state["V.fc.2.weight"])
    np.testing.assert_array_equal(found["face.norm.running_var"], state["F.fc.0.running_var"])
    for spec, modality, prefix in (
        (model.preprocess.voice_encoder, "voice", "V.model."),
        (model.preprocess.face_encoder, "face", "F.model."),
    ):
        encoder = FrozenEncoder(spec, modality).encoder
        for name, array in encoder.tensors().items():
            np.testing.assert_array_equal(array, state[prefix + name])
    assert isinstance(model.preprocess.face_encoder, dict) and model.preprocess.face_encoder["view"] == "whole"
    weights, _ = read_tensors(tmp_path / "m" / "identity_weights.safetensors")
    np.testing.assert_array_equal(weights["weight"], state["center.weight"])
    np.testing.assert_array_equal(weights["loss_mean"], state["center.loss_mean"])
    classifier, _ = read_tensors(tmp_path / "m" / "classifier.safetensors")
    np.testing.assert_array_equal(classifier["weight"], state["F.cls.weight"])


def test_identity_weights_become_a_file_that_the_objective_takes(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written({"center.weight": torch.tensor([0.0, 0.5, 1.0])}, "id_weight.pth")
    out = tmp_path / "weights.safetensors"
    convert_checkpoint(ConvertConfig(checkpoint=path, out=out))
    tensors, about = read_tensors(out)
    np.testing.assert_array_equal(tensors["weight"], [0.0, 0.5, 1.0])
    assert "KID-7391" in about["source"]
    table = tmp_path / "vox1_train.csv"
    table.write_text("VoxCeleb1_ID,VGGFace1_ID,Set\nid2,Cleo,dev\nid3,Emma,dev\nid1,Dora,dev\n", encoding="utf-8")
    objective = SeekingShape(reweight="paper", identity_weights=str(out), identity_order=str(table))
    facts = TrainingFacts(n_people=3, dim=2, n_rows=3, n_steps=1, people=("id1", "id2", "id3"))
    objective.prepare(facts, torch.Generator().manual_seed(0))
    give_files(objective)
    assert objective.center.weight.tolist() == [1.0, 0.0, 0.5]
    with pytest.raises(DataError, match="exists. Choose another file or give --overwrite."):
        convert_checkpoint(ConvertConfig(checkpoint=path, out=out))
    convert_checkpoint(ConvertConfig(checkpoint=path, out=out, overwrite=True))


def test_identity_weights_want_a_file_of_their_own(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written({"center.weight": torch.ones(3)}, "id_weight.pth")
    with pytest.raises(DataError, match="Weights of 3 identities are one file. Got --out .*ends in .safetensors"):
        convert_checkpoint(ConvertConfig(checkpoint=path, out=tmp_path / "folder"))


@pytest.mark.slow
def test_the_first_face_network_becomes_an_encoder(
    drawn_state: Callable[..., State], written: Callable[..., Path], tmp_path: Path
) -> None:
    state = {key: value for key, value in drawn_state("ir50").items() if not key.endswith("num_batches_tracked")}
    convert_checkpoint(ConvertConfig(checkpoint=written(state), out=tmp_path / "e"))
    encoder = FrozenEncoder({"name": "ir50", "weights": str(tmp_path / "e")}, "face").encoder
    np.testing.assert_array_equal(encoder.tensors()["body.0.res_layer.1.weight"], state["body.0.res_layer.1.weight"])
    assert encoder.provenance.training_data == "MS-Celeb-1M, aligned"

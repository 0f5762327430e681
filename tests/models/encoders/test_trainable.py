"""Weights in and out, and what an identifier promises, for every encoder that can be trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.models.encoders.face_cnn import FaceCNNEncoder
from visavox.models.encoders.trainable import TrainableEncoder, find_weights
from visavox.models.encoders.voice_cnn import VoiceCNNEncoder
from visavox.registry import ENCODERS

KINDS = (FaceCNNEncoder, VoiceCNNEncoder)


def items_of(kind: type[TrainableEncoder], n: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    if kind.modality == "face":
        return [rng.integers(0, 256, (256, 256, 3)).astype(np.uint8) for _ in range(n)]
    return [rng.normal(size=9000 + 4000 * i).astype(np.float32) * 0.1 for i in range(n)]


def train_a_step(encoder: TrainableEncoder) -> list[str]:
    """Take one step on random items; return the names of the parameters that had no gradient."""
    vectors = encoder.network(*encoder.collate([encoder.prepare(item) for item in items_of(type(encoder))]))
    vectors.square().mean().backward()
    dead = [n for n, p in encoder.network.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    torch.optim.SGD(encoder.network.parameters(), lr=0.1).step()
    return dead


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_has_a_gradient_and_a_step_moves_the_vectors(kind: type[TrainableEncoder]) -> None:
    encoder = kind(seed=1)
    before = encoder.encode(items_of(kind))
    assert train_a_step(encoder) == []
    assert float(np.abs(encoder.encode(items_of(kind)) - before).max()) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_back_bit_for_bit_and_so_do_vectors(kind: type[TrainableEncoder], tmp_path: Path) -> None:
    encoder = kind(seed=1)
    train_a_step(encoder)  # so that the running statistics are not those of a fresh network
    encoder.save_weights(tmp_path / "w", training_data="three random items", licence="CC0-1.0")
    again = kind(weights=str(tmp_path / "w"), seed=7)
    assert again.identifier == encoder.identifier
    for name, array in encoder.tensors().items():
        assert np.array_equal(array, again.tensors()[name]), name
    assert np.array_equal(encoder.encode(items_of(kind)), again.encode(items_of(kind)))
    assert again.provenance.training_data == "three random items"
    assert again.provenance.licence == "CC0-1.0"
    assert again.digest in again.provenance.weights


@pytest.mark.parametrize("kind", KINDS)
def test_the_identifier_follows_the_weights_and_nothing_else(kind: type[TrainableEncoder], tmp_path: Path) -> None:
    first = kind(seed=1)
    first.save_weights(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    same = {first.identifier, kind(seed=1).identifier, *(kind(weights=str(tmp_path / x)).identifier for x in "ab")}
    assert len(same) == 1
    assert kind(seed=2).identifier != first.identifier
    assert "seed" not in first.identifier and str(tmp_path) not in kind(weights=str(tmp_path / "a")).identifier
    before = first.identifier
    with torch.no_grad():
        next(p for p in first.network.parameters() if p.ndim == 1)[0] += 1e-6
    assert first.identifier != before


@pytest.mark.parametrize("kind", KINDS)
def test_a_running_statistic_alone_changes_the_identifier(kind: type[TrainableEncoder]) -> None:
    encoder = kind(seed=1)
    before = encoder.identifier
    name, buffer = next((n, b) for n, b in encoder.network.named_buffers() if n.endswith("running_mean"))
    buffer += 0.5
    assert encoder.identifier != before, name


@pytest.mark.parametrize("kind", KINDS)
def test_random_weights_leave_the_callers_random_numbers_alone(kind: type[TrainableEncoder]) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    kind(seed=1)
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_leaves_the_mode_and_the_weights_as_they_were(kind: type[TrainableEncoder]) -> None:
    encoder = kind(seed=1)
    before = encoder.identifier
    encoder.network.train()
    encoder.encode(items_of(kind))
    assert encoder.network.training
    assert encoder.identifier == before
    encoder.network.eval()
    encoder.encode(items_of(kind))
    assert not encoder.network.training


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_do_not_depend_on_the_batch(kind: type[TrainableEncoder]) -> None:
    encoder, items = kind(seed=1), items_of(kind, 5)
    together = encoder.encode(items)
    assert together.dtype == np.float32 and together.shape == (5, encoder.dim)
    alone = np.concatenate([encoder.encode([item]) for item in items])
    assert np.abs(together - alone).max() < 1e-5
    assert np.abs(encoder.encode(items[::-1])[::-1] - together).max() < 1e-5
    assert encoder.encode([]).shape == (0, encoder.dim)


@pytest.mark.parametrize("kind", KINDS)
def test_the_name_the_size_and_the_registry_agree(kind: type[TrainableEncoder]) -> None:
    encoder = ENCODERS.build({"name": kind.name, "seed": 4})
    assert isinstance(encoder, kind)
    assert 150_000 < encoder.n_parameters < 400_000
    assert encoder.dim == 128


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_damaged_weights_are_one_line_that_names_the_file(tmp_path: Path, name: str) -> None:
    FaceCNNEncoder().save_weights(tmp_path / "w")
    (tmp_path / "w" / name).write_bytes(b"\x00broken")
    with pytest.raises(DataError, match=name) as raised:
        FaceCNNEncoder(weights=str(tmp_path / "w"))
    assert "\n" not in str(raised.value)


def test_weights_that_miss_a_file_or_do_not_exist_are_refused(tmp_path: Path) -> None:
    FaceCNNEncoder().save_weights(tmp_path / "w")
    (tmp_path / "w" / "model.safetensors").unlink()
    with pytest.raises(DataError, match="model.safetensors is missing"):
        FaceCNNEncoder(weights=str(tmp_path / "w"))
    with pytest.raises(UnknownNameError, match="absent"):
        FaceCNNEncoder(weights="absent")


def test_weights_of_another_encoder_version_or_shape_are_refused(tmp_path: Path) -> None:
    FaceCNNEncoder().save_weights(tmp_path / "w")
    with pytest.raises(DataError, match="holds weights of the encoder 'face_cnn', not of 'voice_cnn'"):
        VoiceCNNEncoder(weights=str(tmp_path / "w"))
    path = tmp_path / "w" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "arguments": {**config["arguments"], "version": "0"}}))
    with pytest.raises(DataError, match="version 0 of the encoder 'face_cnn', which is now version 1"):
        FaceCNNEncoder(weights=str(tmp_path / "w"))
    path.write_text(json.dumps({**config, "arguments": {"version": "1"}}))
    with pytest.raises(DataError, match="must say `training_data`"):
        FaceCNNEncoder(weights=str(tmp_path / "w"))


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="`seed` of the encoder 'face_cnn' must be 0 or more. Got -1"):
        FaceCNNEncoder(seed=-1)


def test_a_folder_in_use_is_only_replaced_when_asked(tmp_path: Path) -> None:
    FaceCNNEncoder(seed=1).save_weights(tmp_path / "w")
    with pytest.raises(DataError, match="not empty"):
        FaceCNNEncoder(seed=2).save_weights(tmp_path / "w")
    FaceCNNEncoder(seed=2).save_weights(tmp_path / "w", overwrite=True)
    assert FaceCNNEncoder(weights=str(tmp_path / "w")).identifier == FaceCNNEncoder(seed=2).identifier


def test_weights_trained_further_keep_what_they_began_with(tmp_path: Path) -> None:
    FaceCNNEncoder(seed=1).save_weights(tmp_path / "a", training_data="faces of A")
    FaceCNNEncoder(weights=str(tmp_path / "a")).save_weights(tmp_path / "b")
    assert FaceCNNEncoder(weights=str(tmp_path / "b")).provenance.training_data == "faces of A"


def test_a_model_stands_for_the_weights_that_it_carries(tmp_path: Path) -> None:
    (tmp_path / "run" / "best").mkdir(parents=True)
    (tmp_path / "run" / "best" / "config.json").write_text("{}")
    FaceCNNEncoder(seed=3).save_weights(tmp_path / "run" / "best" / "face_encoder")
    for weights in (tmp_path / "run", tmp_path / "run" / "best", tmp_path / "run" / "best" / "face_encoder"):
        assert find_weights(str(weights), "face") == tmp_path / "run" / "best" / "face_encoder"
        assert FaceCNNEncoder(weights=str(weights)).identifier == FaceCNNEncoder(seed=3).identifier


def test_an_item_that_cannot_be_encoded_is_named(tmp_path: Path) -> None:
    good = np.zeros((256, 256, 3), np.uint8)
    with pytest.raises(DataError, match=r"Item 1 of the batch: A face crop must be \(256, 256, 3\)"):
        FaceCNNEncoder().encode([good, good[:9]])

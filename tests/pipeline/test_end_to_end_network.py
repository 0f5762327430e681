"""Encoders, heads and losses as one network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.models.associators.two_tower import TwoTower
from visavox.models.encoders.ir50 import IR50Encoder
from visavox.models.encoders.thin_resnet34 import ThinResNet34Encoder
from visavox.objectives.base import TrainingFacts
from visavox.objectives.info_nce import InfoNCE
from visavox.objectives.shared_classifier import SharedClassifier
from visavox.objectives.siglip import SigLIP
from visavox.objectives.supervised_contrastive import SupervisedContrastive
from visavox.pipeline.end_to_end_network import BatchClips, JointNetwork, build_heads, trainable_encoder
from visavox.pipeline.end_to_end_settings import EndToEndSettings

SETTINGS = EndToEndSettings(output_dim=4, across_weight=2.0, within_voice_weight=0.5, within_face_weight=3.0)
PERSON = torch.tensor([0, 0, 1, 1, 2, 2])
ALONE = BatchClips(PERSON, torch.arange(6), torch.arange(6))
MakeNetwork = Callable[..., JointNetwork]


def vectors(seed: int) -> Tensor:
    return torch.randn(6, 8, generator=torch.Generator().manual_seed(seed))


def test_the_loss_is_the_weighted_sum_of_its_parts(make_network: MakeNetwork) -> None:
    network = make_network(SETTINGS)
    voice, face = vectors(1), vectors(2)
    found = network.losses(voice, face, ALONE)
    across = InfoNCE(0.1)(*network.heads(voice, face), labels=PERSON)
    within_voice = SupervisedContrastive(0.1).contrast(normalize(voice), PERSON)["loss"]
    within_face = SupervisedContrastive(0.1).contrast(normalize(face), PERSON)["loss"]
    torch.testing.assert_close(found["voice_to_face_loss"], across["voice_to_face_loss"])
    torch.testing.assert_close(found["within_voice_loss"], within_voice)
    torch.testing.assert_close(found["within_face_loss"], within_face)
    torch.testing.assert_close(found["loss"], 2 * across["loss"] + 0.5 * within_voice + 3 * within_face)


def test_items_of_one_video_are_nobodys_negatives(make_network: MakeNetwork) -> None:
    """Persons 0 and 1 talk in one video: their voices and faces may not be pushed apart, in no term."""
    network = make_network(SETTINGS)
    shared = torch.tensor([7, 7, 7, 7, 4, 5])
    apart = BatchClips(PERSON, shared, shared)
    voice, face = (vectors(seed).requires_grad_() for seed in (1, 2))
    found = network.losses(voice, face, apart)
    free = network.losses(voice, face, ALONE)
    for name in ("voice_to_face_loss", "within_voice_loss", "within_face_loss"):
        assert found[name] < free[name]
    only_two = BatchClips(PERSON[:4], shared[:4], shared[:4])
    within = network.losses(voice[:4], face[:4], only_two)["within_voice_loss"]
    assert within.item() == pytest.approx(0, abs=1e-6)  # nobody is left to be told apart from


def test_rows_that_share_a_video_on_one_side_are_nobodys_negatives_across(make_network: MakeNetwork) -> None:
    """Voices 0 and 2 are of one video, their faces of others: FOP and its like hold whole rows against each other."""
    network = make_network(replace(SETTINGS, within_voice_weight=0.0, within_face_weight=0.0))
    voice, face, apart = vectors(1), vectors(2), torch.arange(6)
    given: list[Tensor] = []
    across = network.across.forward
    network.across.forward = lambda *a, mask, **more: given.append(mask) or across(*a, mask=mask, **more)  # type: ignore
    different = PERSON[:, None] != PERSON[None]
    for voices, faces, hidden in (
        (torch.tensor([9, 1, 9, 3, 4, 5]), apart + 20, [(0, 2), (2, 0)]),
        (apart + 20, torch.tensor([0, 9, 2, 9, 4, 5]), [(1, 3), (3, 1)]),
        (apart, torch.tensor([10, 11, 0, 13, 14, 15]), [(0, 2)]),  # voice 0 and face 2: one direction alone
    ):
        network.losses(voice, face, BatchClips(PERSON, voices, faces))
        wanted = different.clone()
        for pair in hidden:
            wanted[pair] = False
        assert torch.equal(given.pop(), wanted)


def test_a_video_is_one_across_the_modalities(make_network: MakeNetwork) -> None:
    network = make_network(SETTINGS)
    voice, face = vectors(1), vectors(2)
    crossed = BatchClips(PERSON, torch.arange(6), torch.tensor([10, 11, 0, 12, 13, 14]))  # voice 0 and face 2
    found, free = network.losses(voice, face, crossed), network.losses(voice, face, ALONE)
    assert found["voice_to_face_loss"] < free["voice_to_face_loss"]
    torch.testing.assert_close(found["within_face_loss"], free["within_face_loss"])


def test_terms_of_weight_0_are_left_out_and_their_parameters_too(make_network: MakeNetwork) -> None:
    network = make_network(replace(SETTINGS, across_weight=0.0, within_face_weight=0.0))
    assert set(network.losses(vectors(1), vectors(2), ALONE)) == {"loss", "within_voice_loss"}
    assert set(network.figures) == {"within_voice_temperature"}
    trained = {id(p) for group in network.trained_groups() for p in group["params"]}
    assert not trained & {id(p) for p in network.heads.parameters()}
    assert id(network.within_voice.log_temperature) in trained


def test_only_matrices_decay_and_every_parameter_is_trained_once(make_network: MakeNetwork) -> None:
    network = make_network(SETTINGS)
    decaying, rest = network.trained_groups()
    assert decaying["weight_decay"] == SETTINGS.weight_decay and rest["weight_decay"] == 0
    assert all(p.ndim > 1 for p in decaying["params"]) and all(p.ndim <= 1 for p in rest["params"])
    trained = [id(p) for group in (decaying, rest) for p in group["params"]]
    assert sorted(trained) == sorted(id(p) for p in network.parameters())


def test_tensors_come_back_bit_for_bit(make_network: MakeNetwork) -> None:
    one, other = make_network(SETTINGS, seed=1), make_network(SETTINGS, seed=2)
    before = other.tensors()
    other.load_tensors(one.tensors())
    for name, array in one.tensors().items():
        np.testing.assert_array_equal(array, other.tensors()[name])
    assert any((before[name] != array).any() for name, array in one.tensors().items())
    assert one.voice_encoder.digest == other.voice_encoder.digest  # the encoders are part of the network
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_tensors({})


def test_an_encoder_is_built_with_the_seed_of_the_run(tiny_encoders: None) -> None:
    one, same, own = (
        trainable_encoder(spec, "voice", "cpu", seed=3)
        for spec in ("tiny_voice", {"name": "tiny_voice"}, {"name": "tiny_voice", "seed": 4})
    )
    assert one.digest == same.digest != own.digest


@pytest.mark.parametrize(
    ("spec", "modality", "words"),
    [
        ("dlib", "face", "The face encoder 'dlib' is frozen and cannot be trained. Use face_cnn"),
        ({"name": "ge2e"}, "voice", "The voice encoder 'ge2e' is frozen"),
        ("tiny_face", "voice", "encodes a face"),
        ({"name": "tiny_voice", "width": 3}, "voice", "takes no 'width'"),
        ("nothing", "voice", "nothing"),
    ],
)
def test_an_encoder_that_cannot_be_trained_is_one_line(
    tiny_encoders: None, spec: object, modality: str, words: str
) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=words):
        trainable_encoder(spec, modality, "cpu", seed=0)  # type: ignore[arg-type]


def test_a_training_may_hear_more_of_a_voice_than_its_first_weights_did(tmp_path: Path) -> None:
    """As Seeking the Shape of Sound goes on from a network of whole voices; how samples are coded must stay."""
    first = ThinResNet34Encoder(seed=3, length_s=0.0)
    first.save_weights(tmp_path / "first", training_data="others", licence="MIT")
    spec = {"name": "thin_resnet34", "weights": str(tmp_path / "first")}
    begun = trainable_encoder({**spec, "length_s": 2.0}, "voice", "cpu", seed=0)
    usual = trainable_encoder(spec, "voice", "cpu", seed=0)
    assert isinstance(begun, ThinResNet34Encoder) and isinstance(usual, ThinResNet34Encoder)
    assert (begun.length_s, usual.length_s) == (2.0, 10.0)
    assert begun.digest == usual.digest == first.digest
    assert begun.provenance == usual.provenance and begun.provenance.training_data == "others"
    with pytest.raises(DataError, match="under `sample_scale` 32768.0, not 1.0"):
        trainable_encoder({**spec, "sample_scale": 1.0}, "voice", "cpu", seed=0)
    with pytest.raises((DataError, UnknownNameError), match="nowhere"):
        trainable_encoder({**spec, "weights": "nowhere"}, "voice", "cpu", seed=0)
    with pytest.raises(ConfigError, match="length_s"):
        trainable_encoder({**spec, "length_s": -1.0}, "voice", "cpu", seed=0)


@pytest.mark.slow  # three networks of 44 million numbers
def test_a_training_may_see_more_of_a_face_than_its_first_weights_did(tmp_path: Path) -> None:
    first = IR50Encoder(seed=3)
    first.save_weights(tmp_path / "ir50", training_data="others", licence="MIT")
    spec = {"name": "ir50", "view": "whole", "weights": str(tmp_path / "ir50")}
    begun = trainable_encoder(spec, "face", "cpu", seed=0)
    assert isinstance(begun, IR50Encoder) and begun.view == "whole"
    assert begun.digest == first.digest


def test_any_objective_may_stand_between_the_heads(make_network: MakeNetwork) -> None:
    """Its parts keep their names, its figures and parameters are the network's; unit vectors where it takes them."""
    voice, face = vectors(1), vectors(2)
    network = make_network(replace(SETTINGS, objective="siglip", within_voice_weight=0.0, within_face_weight=0.0))
    different = PERSON[:, None] != PERSON[None]
    wanted = SigLIP()(*network.heads(voice, face), labels=PERSON, mask=different)
    found = network.losses(voice, face, ALONE)
    torch.testing.assert_close(found["loss"], 2 * wanted["loss"])
    torch.testing.assert_close(
        {name: value for name, value in found.items() if name != "loss"},
        {name: value for name, value in wanted.items() if name != "loss"} or {"across_loss": wanted["loss"]},
    )
    assert network.figures == SigLIP().figures()


def test_an_objective_with_a_classifier_gets_raw_vectors_and_its_weights_are_trained(make_network: MakeNetwork) -> None:
    settings = replace(SETTINGS, objective="shared_classifier", within_voice_weight=0.0, within_face_weight=0.0)
    network = make_network(settings)
    network.prepare(n_people=3, n_rows=6, n_steps=1, generator=torch.Generator().manual_seed(4))
    voice, face = vectors(1), vectors(2)
    alone = SharedClassifier()
    alone.prepare(TrainingFacts(n_people=3, dim=4, n_rows=6, n_steps=1), torch.Generator().manual_seed(4))
    extras: dict[str, Any] = {"covariates": {}} if "covariates" in alone.extras else {}
    towers = network.heads if alone.takes == "unit" else network.heads.raw
    wanted = alone(*towers(voice, face), labels=PERSON, **extras)
    torch.testing.assert_close(network.losses(voice, face, ALONE)["loss"], 2 * wanted["loss"])
    trained = {id(p) for group in network.trained_groups() for p in group["params"]}
    own = list(network.across.parameters())
    assert own and {id(p) for p in own} <= trained
    assert not {id(p) for p in own} & {id(p) for p in network.encoder_parameters}
    assert any(name.startswith("across.") for name in network.tensors())


def test_heads_are_linear_or_any_network_with_the_settings_length() -> None:
    linear = build_heads(SETTINGS, 8, 6, seed=5)
    same = build_heads(replace(SETTINGS, heads={"name": "linear"}), 8, 6, seed=5)
    assert isinstance(linear, TwoTower) and linear.hidden == () and linear.dim == 4
    np.testing.assert_array_equal(linear.tensors()["voice.layers.0.weight"], same.tensors()["voice.layers.0.weight"])
    deep = build_heads(replace(SETTINGS, heads={"name": "two_tower", "hidden": [3], "output_dim": 2}), 8, 6, seed=5)
    assert isinstance(deep, TwoTower) and (deep.hidden, deep.dim, deep.seed) == ((3,), 2, 5)
    shape = build_heads(replace(SETTINGS, heads="sss"), 8, 6, seed=5)
    assert (type(shape).__name__, shape.dim, shape.voice_dim, shape.face_dim) == ("SSS", 4, 8, 6)


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        ("cca", "`heads` must be linear or a network associator. Got 'cca'. Try two_tower."),
        ("towers", "two_tower"),
        (3, "`heads` must be linear, a name or a mapping with `name`. Got 3."),
        ({"hidden": [3]}, "`heads` must be linear, a name or a mapping"),
        ({"name": "sss", "depth": 3}, "takes no 'depth'"),
        ({"name": "sss", "voice_dim": 3}, "`voice_dim` of the heads is that of the encoder. Got 3. Leave it out."),
    ],
)
def test_heads_that_are_none_are_one_line(heads: object, words: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        build_heads(replace(SETTINGS, heads=heads), 8, 6, seed=0)  # type: ignore[arg-type]
    assert words in str(caught.value) and "\n" not in str(caught.value)

"""What fusions of two branches share: building, trained weights, freezing, and the dense layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.models.two_branches import TwoBranches, build_branch, perceptron
from visavox.registry import IDENTIFIERS

pytestmark = pytest.mark.usefixtures("stand_ins")

DENSE: dict[str, Any] = {"name": "dense"}


def fused(**options: Any) -> TwoBranches:
    spec = {"name": "output_fusion", "n_people": 3, "voice": DENSE, "face": DENSE, "hidden": [5]}
    network = IDENTIFIERS.build(spec | options)
    assert isinstance(network, TwoBranches)
    return network


def test_branches_get_their_modality_and_the_number_of_people_and_specifications_stay_as_given() -> None:
    spec = {"name": "dense", "dim": 4}
    network = fused(voice=spec, face=spec)
    assert (network.voice_branch.modalities, network.face_branch.modalities) == (("voice",), ("face",))
    assert network.modalities == ("voice", "face") and network.face_px == network.face_branch.face_px == 8
    assert network.voice_branch.n_people == network.face_branch.n_people == 3
    assert spec == {"name": "dense", "dim": 4} == network.voice == network.face


def test_trained_weights_of_both_branches_are_taken_and_nothing_else_changes() -> None:
    voice, face = (build_branch(DENSE, modality, 3) for modality in ("voice", "face"))  # type: ignore[arg-type]
    network = fused()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items() if "branch" not in name}
    network.load_branches(voice.state_dict(), face.state_dict())
    for branch, trained in ((network.voice_branch, voice), (network.face_branch, face)):
        for name, tensor in trained.state_dict().items():
            assert torch.equal(branch.state_dict()[name], tensor)
    assert before and all(torch.equal(network.state_dict()[name], tensor) for name, tensor in before.items())


def test_weights_of_another_network_are_refused_in_one_line_and_none_are_taken() -> None:
    network = fused()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    voice = {name: tensor + 1 for name, tensor in network.voice_branch.state_dict().items()}
    with pytest.raises(DataError) as caught:
        network.load_branches(voice, voice)  # a voice's first layer reads one channel, a face's three
    assert str(caught.value) == (
        "The weights for the face branch of OutputFusionIdentifier are of another network: 1 tensors differ, "
        "'first.weight' first. Take those of the same specification."
    )
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in before.items())
    with pytest.raises(DataError, match="voice branch .* 4 tensors differ, 'first.bias' first"):
        network.load_branches({}, {})


def test_frozen_branches_have_no_gradient_and_stay_in_use_when_training_begins(media: dict[str, Tensor]) -> None:
    network = fused(frozen=True).train()
    assert network.training and not network.voice_branch.training and not network.face_branch.training
    assert not any(p.requires_grad for p in network.voice_branch.parameters())
    once, again = (network.voice_branch.features(voice=media["voice"]) for _ in range(2))
    assert torch.equal(once, again)  # no dropout
    loose = fused().train()
    assert loose.voice_branch.training and all(p.requires_grad for p in loose.parameters())
    assert not loose.eval().voice_branch.training


@pytest.mark.parametrize("modality", ["voice", "face"])
@pytest.mark.parametrize("spec", [None, {}, "dense", {"dim": 4}])
def test_a_fusion_with_a_missing_modality_is_refused_in_one_line(modality: str, spec: Any) -> None:
    with pytest.raises(ConfigError, match=f"The fusion needs a {modality} branch, which is missing. Give"):
        fused(**{modality: spec})


def test_a_fusion_that_names_no_face_at_all_says_what_is_needed() -> None:
    with pytest.raises(ConfigError, match="'output_fusion' needs `face`"):
        IDENTIFIERS.build({"name": "output_fusion", "n_people": 3, "voice": DENSE})


def test_a_branch_of_the_other_modality_or_of_both_is_refused() -> None:
    with pytest.raises(ConfigError, match="voice branch of a fusion must need a voice alone.* 'dense' .* needs face"):
        fused(voice={"name": "dense", "modality": "face"})
    with pytest.raises(UnknownNameError, match="Unknown identifier 'densse'"):
        fused(voice={"name": "densse"})
    with pytest.raises(ConfigError, match="'dense' takes no 'depth'"):
        fused(voice={"name": "dense", "depth": 16})


@pytest.mark.parametrize("missing", ["voice", "face"])
def test_a_clip_without_one_of_the_media_is_refused(missing: str, media: dict[str, Tensor]) -> None:
    given = {name: tensor for name, tensor in media.items() if name != missing}
    with pytest.raises(ConfigError, match=f"needs a {missing}, which is missing"):
        fused()(**given)


def test_dense_layers_are_as_wide_as_asked_with_gelu_and_dropout_behind_each() -> None:
    layers = perceptron(4, [3, 2], dropout=0.25)
    assert [type(layer) for layer in layers] == [nn.Linear, nn.GELU, nn.Dropout] * 2
    assert sum(p.numel() for p in layers.parameters()) == (4 + 1) * 3 + (3 + 1) * 2
    x = torch.rand(2, 4)
    assert torch.equal(perceptron(4, [], dropout=0.5)(x), x)


@pytest.mark.parametrize("widths", [[0], [3, -1], [2.5], [True], "12"])
def test_widths_and_dropout_out_of_range_are_refused(widths: Any) -> None:
    with pytest.raises(ConfigError, match="Widths of dense layers must be whole numbers of 1 or more. Got"):
        perceptron(4, widths, dropout=0.1)
    with pytest.raises(ConfigError, match="`dropout` must be 0 to below 1. Got 1"):
        perceptron(4, [2], dropout=1)

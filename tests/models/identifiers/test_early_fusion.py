"""The fusion of pictures: what the fourth channel holds, and what a trunk must take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.identifiers.early_fusion import EarlyFusionIdentifier, join

pytestmark = pytest.mark.usefixtures("stand_ins")


def fused(**trunk: Any) -> EarlyFusionIdentifier:
    return EarlyFusionIdentifier(n_people=3, trunk={"name": "dense"} | trunk)


def test_three_channels_are_the_face_and_the_fourth_is_the_mel_image_at_its_size() -> None:
    voice = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    face = torch.rand(1, 3, 4, 4)
    joined = join(voice, face)
    assert joined.shape == (1, 4, 4, 4) and torch.equal(joined[:, :3], face)
    # Twice the size: centres at -0.25, 0.25, 0.75 and 1.25 of the two old ones, held at the ends.
    across = torch.tensor([0.0, 0.25, 0.75, 1.0])
    torch.testing.assert_close(joined[0, 3], across[None, :] + 2 * across[:, None])


def test_an_image_of_the_right_size_is_joined_as_it_is() -> None:
    voice, face = torch.rand(2, 1, 5, 5), torch.rand(2, 3, 5, 5)
    assert torch.equal(join(voice, face), torch.cat([face, voice], 1))


def test_the_network_is_its_trunk_over_the_joined_picture(media: dict[str, Tensor]) -> None:
    network = fused(dim=7).eval()
    joined = join(media["voice"], media["face"])
    assert (network.modalities, network.face_px, network.feature_dim) == (("voice", "face"), 8, 7)
    assert torch.equal(network(**media), network.network(face=joined))
    assert torch.equal(network.features(**media), network.network.features(face=joined))
    assert network.n_parameters == (4 * 64 + 1) * 7 + (7 + 1) * 3
    assert network.trunk == {"name": "dense", "dim": 7}


def test_both_modalities_change_the_answer_and_every_parameter_learns(
    media: dict[str, Tensor], moved_by_training: Callable[[nn.Module], set[str]]
) -> None:
    network = fused().eval()
    found = network(**media)
    for modality in ("voice", "face"):
        assert not torch.allclose(network(**(media | {modality: media[modality] * 0})), found)
    assert moved_by_training(network) == {name for name, _ in network.named_parameters()}


def test_mobilevit_takes_the_fourth_channel_and_saved_weights_give_the_same_answer(media: dict[str, Tensor]) -> None:
    spec = {"name": "mobilevit", "picture_px": 64, "head_channels": 8}
    network, other = (EarlyFusionIdentifier(n_people=3, trunk=spec).eval() for _ in range(2))
    given = {"voice": media["voice"][:1], "face": torch.rand(1, 3, 64, 64)}
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network(**given), other(**given)) and network.face_px == 64
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(network(**given), other(**given))


@pytest.mark.parametrize("missing", ["voice", "face"])
def test_a_clip_without_one_of_the_media_is_refused(missing: str, media: dict[str, Tensor]) -> None:
    given = {name: tensor for name, tensor in media.items() if name != missing}
    with pytest.raises(ConfigError, match=f"EarlyFusionIdentifier needs a {missing}, which is missing"):
        fused()(**given)


@pytest.mark.parametrize(
    ("trunk", "words"),
    [
        ({"modality": "voice"}, "`modality` of the trunk of an early fusion is face, .* Got 'voice'. Leave it out"),
        ({"in_channels": 3}, "`in_channels` of the trunk of an early fusion is 4, .* Got 3. Leave it out"),
        ({"name": "rows"}, "'rows' takes no 'in_channels'"),
    ],
)
def test_a_trunk_of_another_input_is_refused(trunk: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fused(**trunk)


@pytest.mark.parametrize("trunk", [None, "dense", {"dim": 3}])
def test_no_trunk_is_refused(trunk: Any) -> None:
    with pytest.raises(ConfigError, match=r"`trunk` of the identifier 'early_fusion' must be \{name: \.\.\.\}\. Got"):
        EarlyFusionIdentifier(n_people=3, trunk=trunk)


def test_statistics_of_both_are_laid_channel_by_channel_before_a_network_that_uses_them() -> None:
    trunk = {
        "name": "vit",
        "face_px": 16,
        "picture_px": 16,
        "patch_px": 8,
        "dim": 4,
        "n_layers": 1,
        "n_heads": 1,
        "head": [4],
    }
    network = EarlyFusionIdentifier(n_people=3, trunk=trunk)
    network.adapt_both(voice=([0.4], [0.3]), face=([0.1, 0.2, 0.3], [0.5, 0.6, 0.7]))
    scaling = network.network.trunk.scaling  # type: ignore[attr-defined, union-attr]
    assert scaling.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert scaling.std.flatten().tolist() == pytest.approx([0.5, 0.6, 0.7, 0.3])


def test_a_network_without_use_for_statistics_is_left_alone() -> None:
    network = EarlyFusionIdentifier(n_people=3, trunk={"name": "mobilevit", "picture_px": 64})
    network.adapt_both(voice=([0.4], [0.3]), face=([0.1] * 3, [0.5] * 3))

"""The fusion by cross-attention written out layer by layer, its published size, and which parameters it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.identifiers.cross_attention import CrossAttentionIdentifier

pytestmark = pytest.mark.usefixtures("stand_ins")

AXES = ("tokens", "features")


def fused(**options: Any) -> CrossAttentionIdentifier:
    branch = {"name": "rows"}
    plain = {"n_people": 3, "voice": branch, "face": branch, "hidden": [5, 4], "n_heads": 2}
    return CrossAttentionIdentifier(**(plain | options))


def test_the_published_variant_has_about_30_million_parameters() -> None:
    """Two ViTs, four heads of 512 in each of two attentions, a normalisation, 512 and 64 units and a last layer."""
    vit = {"name": "vit", "patch_px": 6, "dim": 64, "n_layers": 4, "n_heads": 4, "head": [1024, 512]}
    with torch.device("meta"):
        network = CrossAttentionIdentifier(n_people=49, voice=vit, face=vit, over="features")
    attention = 4 * 3 * (512 + 1) * 512 + (4 * 512 + 1) * 512
    rest = 2 * 1024 + (1024 + 1) * 512 + (512 + 1) * 64 + (64 + 1) * 49
    branches = network.voice_branch.n_parameters + network.face_branch.n_parameters
    assert network.n_parameters == branches + 2 * attention + rest == 29_696_779


def after_joining(network: CrossAttentionIdentifier, joined: Tensor) -> Tensor:
    x = functional.layer_norm(joined, joined.shape[1:], network.norm.weight, network.norm.bias)
    for layer in (network.dense[0], network.dense[3]):
        x = functional.gelu(layer(x))
    logits: Tensor = network.last(x)
    return logits


def test_over_tokens_each_reads_from_the_other_and_both_are_averaged(media: dict[str, Tensor]) -> None:
    network = fused(voice={"name": "rows", "dim": 4}).eval()
    branches: tuple[Any, Any] = (network.voice_branch, network.face_branch)
    heard, seen = branches[0].tokens(voice=media["voice"]), branches[1].tokens(face=media["face"])
    assert heard.shape == (3, 8, 4) and seen.shape == (3, 8, 6)
    joined = torch.cat([network.voice_attention(heard, seen).mean(1), network.face_attention(seen, heard).mean(1)], 1)
    torch.testing.assert_close(network(**media), after_joining(network, joined))


def test_over_features_the_voice_asks_the_face_and_the_reverse(media: dict[str, Tensor]) -> None:
    network = fused(over="features").eval()
    heard = network.voice_branch.features(voice=media["voice"])
    seen = network.face_branch.features(face=media["face"])
    first = seen + network.face_attention(heard, seen)  # query: the voice; key, value and shortcut: the face
    second = heard + network.voice_attention(seen, heard)
    torch.testing.assert_close(network(**media), after_joining(network, torch.cat([first, second], 1)))


def test_scale_and_heads_are_options_with_the_published_defaults() -> None:
    branch = {"name": "dense"}
    published: Any = CrossAttentionIdentifier(n_people=3, voice=branch, face=branch, over="features")
    for attention in (published.voice_attention, published.face_attention):
        assert attention.n_heads == 4 and round(attention.scale, 4) == 22.6274
    other: Any = fused(over="features", scale=2.5, n_heads=3)
    assert (other.voice_attention.scale, other.face_attention.n_heads) == (2.5, 3)


def test_parameters_over_tokens_are_counted_layer_by_layer() -> None:
    network = fused()
    attention = 4 * (6 + 1) * 6 + 2 * 6
    rest = 2 * 12 + (12 + 1) * 5 + (5 + 1) * 4 + (4 + 1) * 3
    branches = network.voice_branch.n_parameters + network.face_branch.n_parameters
    assert network.n_parameters == branches + 2 * attention + rest
    assert network.feature_dim == 4 and fused(hidden=[]).feature_dim == 12


@pytest.mark.parametrize("over", AXES)
def test_gradients_reach_the_branches_unless_they_are_frozen(
    over: str, moved_by_training: Callable[[nn.Module], set[str]]
) -> None:
    options = {"over": over, "dropout": 0.0, "scale": 0.5 if over == "features" else None}
    network = fused(**options)
    names = {name for name, _ in network.named_parameters()}
    unused = {f"{m}_branch.last.{part}" for m in ("voice", "face") for part in ("weight", "bias")}
    # A bias of the keys adds one number to all scores of a query: softmax over keys does not see it.
    blind = {f"{m}_attention.key.bias" for m in ("voice", "face")} if over == "tokens" else set()
    assert moved_by_training(network) - blind == names - unused - blind
    branches = {name for name in names if "_branch." in name}
    assert moved_by_training(fused(frozen=True, **options)) - blind == names - branches - blind


@pytest.mark.parametrize("over", AXES)
def test_in_use_the_answer_repeats_rests_on_both_and_saved_weights_give_it_again(
    over: str, media: dict[str, Tensor]
) -> None:
    network, other = fused(over=over).eval(), fused(over=over).eval()
    found = network(**media)
    assert found.shape == (3, 3) and found.dtype == torch.float32 and torch.equal(network(**media), found)
    for modality in ("voice", "face"):
        assert not torch.allclose(network(**(media | {modality: media[modality] * 0})), found)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(**media), found)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(**media)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, found, atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"over": "heads"}, "`over` .* must be tokens or features. Got 'heads'"),
        ({"scale": 2.0}, "`scale` is for a cross-attention over features. Got 2.0 over tokens"),
        ({"face": {"name": "dense"}}, "The face branch .* must have tokens. The identifier 'dense' has none. Take a v"),
        ({"n_heads": 4}, "`n_heads` must divide the length of a token, 6. Got 4"),
        ({"over": "features", "face": {"name": "rows", "dim": 4}}, "The voice branch has 6, the face branch 4"),
        ({"over": "features", "scale": 0.0}, "`scale` must be above 0"),
        ({"dropout": 1.0}, "`dropout` must be 0 to below 1"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fused(**options)

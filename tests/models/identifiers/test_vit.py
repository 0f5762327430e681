"""The identifier `vit`: the published counts, what it takes and refuses, and that it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from visavox.errors import ConfigError, DataError
from visavox.models.identifiers.vit import ViTIdentifier
from visavox.registry import IDENTIFIERS

TINY: dict[str, Any] = {"n_people": 3, "patch_px": 24, "dim": 8, "n_layers": 2, "n_heads": 2, "head": (16, 8)}
TUNED = {"dim": 32, "n_layers": 6, "head": [1024, 512], "n_heads_mlp": 2}


def tiny(modality: str = "voice", **options: Any) -> ViTIdentifier:
    torch.manual_seed(0)
    return ViTIdentifier(modality=modality, **(TINY | options))


def voices(n: int = 2) -> torch.Tensor:
    return torch.rand(n, 1, 128, 110, generator=torch.Generator().manual_seed(1))


# Of the trunk, counted layer by layer in tests/models/test_small_vit.py; the last layer is (width + 1) x 49.
@pytest.mark.parametrize(
    ("options", "trunk", "width", "exact", "published_millions"),
    [
        (
            {"modality": "voice", "attention": "vanilla", "tokenisation": "patches"},
            21_656_512,
            1024,
            21_706_737,
            "21.7",
        ),
        ({"modality": "voice"}, 21_685_248, 1024, 21_735_473, "21.7"),
        ({"modality": "face", "patch_px": 18, "n_heads": 6, **TUNED}, 2_443_102, 512, 2_468_239, "2.47"),
        ({"modality": "voice", "patch_px": 12, "n_heads": 2, **TUNED}, 2_906_694, 512, 2_931_831, "2.93"),
    ],
)
def test_published_networks_of_49_people_have_their_published_size(
    options: dict[str, Any], trunk: int, width: int, exact: int, published_millions: str
) -> None:
    with torch.device("meta"):
        network = ViTIdentifier(n_people=49, **options)
    assert trunk + (width + 1) * 49 == exact == network.n_parameters
    decimals = len(published_millions.partition(".")[2])
    assert f"{exact / 1e6:.{decimals}f}" == published_millions
    assert network.feature_dim == width


def test_a_voice_and_a_face_each_get_a_logit_for_everybody() -> None:
    voice, face = tiny().eval(), tiny("face", face_px=32).eval()
    assert voice.modalities == ("voice",) and voice.face_px is None
    assert face.modalities == ("face",) and face.face_px == 32 and tiny("face").face_px == 72
    shown = torch.rand(2, 3, 32, 32)
    for network, given in ((voice, {"voice": voices()}), (face, {"face": shown})):
        logits = network(**given)
        assert logits.shape == (2, 3) and logits.dtype == torch.float32
        assert torch.equal(logits, network.last(network.features(**given)))
        assert network.features(**given).shape == (2, network.feature_dim)
        assert network.tokens(**given).shape == (2, network.trunk.n_tokens, 8)
        assert torch.equal(logits, network(**given))  # nothing random in evaluation
    both = face(voice=voices(), face=shown)
    assert torch.equal(both, face(face=shown))  # what is not needed is not looked at


def test_a_missing_modality_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^The identifier ViTIdentifier needs a face, which is missing. Give it, or"):
        tiny("face")(voice=voices())
    with pytest.raises(ConfigError, match="needs a voice, which is missing"):
        tiny().tokens(face=torch.rand(1, 3, 72, 72))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modality": "smell"}, "`modality` of an identifier must be voice or face. Got 'smell'."),
        ({"n_people": 1}, "`n_people` must be at least 2. Got 1."),
        ({"patch_px": 7}, "`patch_px` must be 2 or more and divide `picture_px`, 72. Got 7."),
        (
            {"face_px": 64},
            "`face_px` of the identifier 'vit' must be 16 or more, and is for faces only. Got 64 for a voice.",
        ),
        (
            {"modality": "face", "face_px": 8},
            "`face_px` of the identifier 'vit' must be 16 or more, and is for faces only. Got 8 for a face.",
        ),
        ({"attention": "global"}, "`attention` must be one of vanilla, lsa. Got 'global'."),
        ({"dim": "64"}, "`dim` must be a whole number for the identifier 'vit'. Got '64'."),
    ],
)
def test_bad_arguments_are_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        IDENTIFIERS.build({"name": "vit", "modality": "voice", **(TINY | options)})
    assert str(caught.value) == words


def test_arguments_are_stored_and_a_saved_network_answers_alike() -> None:
    spec = {"name": "vit", "modality": "voice", **TINY, "head": [16, 8], "attention": "vanilla", "dropout": 0.2}
    first, second = IDENTIFIERS.build(spec), IDENTIFIERS.build(spec)
    assert {key: getattr(first, key) for key in spec if key != "name"} == {k: v for k, v in spec.items() if k != "name"}
    first.adapt(0.3, [0.1, 0.2, 0.3])
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(voice=voices()), second.eval()(voice=voices()))
    with pytest.raises(DataError, match="must be one number or 3"):
        first.adapt([0.3, 0.3], 0.1)


def test_the_seed_of_the_caller_decides_the_weights() -> None:
    same = zip(tiny().parameters(), tiny().parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    torch.manual_seed(9)
    assert not torch.equal(tiny().last.weight, ViTIdentifier(modality="voice", **TINY).last.weight)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_it_learns_three_voices(precision: torch.dtype) -> None:
    network = tiny(dropout=0.0, head_dropout=0.0).train()
    shown, labels = voices(3), torch.arange(3)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for step in range(25):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            logits = network(voice=shown)
        assert logits.dtype == torch.float32
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        if step == 0:
            dead = [n for n, p in network.named_parameters() if p.grad is None or not bool(p.grad.abs().sum())]
            assert dead == []
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.2 < 0.8 < losses[0]

"""FaceTones' adapter against a forward pass written from its description, and against its published count and names."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.models.associators.facetones import FaceTones
from visavox.registry import ASSOCIATORS

SMALL = 257 * 6


def tokens(n: int, dim: int = SMALL) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, dim)).astype(np.float32)


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def pooled(plane: np.ndarray) -> np.ndarray:
    """Mean of 2 x 2 every 4th place; a window over the edge is the mean of what is inside."""
    out = np.zeros((math.ceil((257 - 2) / 4) + 1, math.ceil((512 - 2) / 4) + 1))
    out = out[:65, :128]  # a window that would begin beyond the edge is none
    for i in range(65):
        for j in range(128):
            out[i, j] = plane[4 * i : 4 * i + 2, 4 * j : 4 * j + 2].mean()
    return out


def by_name(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    x = x.reshape(257, -1)
    x = gelu(x @ w["linear_seq.0.weight"].T + w["linear_seq.0.bias"])
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    x = x * w["linear_seq.3.weight"] + w["linear_seq.3.bias"]
    x = gelu(pooled(x @ w["linear_seq.4.weight"].T + w["linear_seq.4.bias"])).reshape(-1)
    return w["linear_seq.8.weight"] @ x + w["linear_seq.8.bias"]


def test_a_face_equals_the_forward_pass_by_name() -> None:
    associator = FaceTones(512, SMALL, seed=1)
    with torch.no_grad():
        for name in ("linear_seq.3.weight", "linear_seq.3.bias"):
            associator.face_tower.get_parameter(name).uniform_(0.5, 1.5)
    arrays = {n: t.double().numpy() for n, t in associator.face_tower.state_dict().items()}
    x = tokens(2)
    wanted = np.stack([by_name(arrays, row) for row in x.astype(np.float64)])
    found = associator.eval().face_tower(torch.from_numpy(x), None).detach().numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(associator.encode_face(x), wanted / np.linalg.norm(wanted, axis=1)[:, None], atol=1e-5)
    assert np.abs(wanted[0] - wanted[1]).max() > 1e-2


def test_count_names_and_shapes_are_the_published_ones() -> None:
    associator = FaceTones()
    assert associator.n_parameters == 4_917_760  # 4,917,761 with the margin, which the objective holds
    assert associator.shapes() == {
        "face.linear_seq.0.weight": (512, 768),
        "face.linear_seq.0.bias": (512,),
        "face.linear_seq.3.weight": (512,),
        "face.linear_seq.3.bias": (512,),
        "face.linear_seq.4.weight": (512, 512),
        "face.linear_seq.4.bias": (512,),
        "face.linear_seq.8.weight": (512, 8320),
        "face.linear_seq.8.bias": (512,),
    }
    assert (associator.voice_dim, associator.face_dim, associator.dim) == (512, 197_376, 512)


def test_a_voice_passes_unchanged_but_for_its_length() -> None:
    voice = np.random.default_rng(1).normal(size=(3, 512)).astype(np.float32)
    associator = FaceTones(512, SMALL)
    np.testing.assert_allclose(
        associator.encode_voice(voice), voice / np.linalg.norm(voice, axis=1)[:, None], rtol=1e-5
    )
    raw, _ = associator.raw(torch.from_numpy(voice), torch.from_numpy(tokens(3)))
    np.testing.assert_array_equal(raw, voice)


def test_weights_come_back(tmp_path: Path) -> None:
    associator = FaceTones(512, SMALL, dropout=0.5, seed=4)
    associator.save_pretrained(tmp_path / "m")
    again = FaceTones.from_pretrained(tmp_path / "m")
    assert again.spec == {"name": "facetones", "voice_dim": 512, "face_dim": SMALL, "dropout": 0.5, "seed": 4}
    np.testing.assert_array_equal(again.encode_face(tokens(2)), associator.encode_face(tokens(2)))
    assert isinstance(ASSOCIATORS.build({"name": "facetones", "voice_dim": 512, "face_dim": SMALL}), FaceTones)


def test_first_weights_are_torch_s_rule_from_the_seed_and_nothing_else_is_drawn() -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    first, same, other = (FaceTones(512, SMALL, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), wanted)
    weight = first.face_tower.get_parameter("linear_seq.8.weight")
    assert torch.equal(weight, same.face_tower.get_parameter("linear_seq.8.weight"))
    assert not torch.equal(weight, other.face_tower.get_parameter("linear_seq.8.weight"))
    assert 0.99 / math.sqrt(8320) < float(weight.detach().abs().max()) <= 1 / math.sqrt(8320)
    assert first.face_tower.get_parameter("linear_seq.3.weight").tolist() == [1.0] * 512


def test_dropout_is_of_training_alone_and_takes_the_generator() -> None:
    associator = FaceTones(512, SMALL, dropout=0.5)
    x = torch.from_numpy(tokens(2))
    associator.train()
    first, same, other = (associator.face_tower(x, torch.Generator().manual_seed(s)).detach() for s in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)
    associator.eval()
    assert torch.equal(associator.face_tower(x, None), associator.face_tower(x, torch.Generator().manual_seed(2)))
    assert torch.equal(FaceTones(512, SMALL, dropout=0.0).train().face_tower(x, None), associator.face_tower(x, None))


def test_every_parameter_has_a_gradient_and_the_voice_side_has_none() -> None:
    associator = FaceTones(512, SMALL)
    voice, face = associator(torch.randn(3, 512), torch.from_numpy(tokens(3)), torch.Generator().manual_seed(0))
    (voice * face).sum().backward()
    assert list(associator.voice_tower.parameters()) == []
    for name, parameter in associator.face_tower.named_parameters():
        assert parameter.grad is not None and float(parameter.grad.abs().sum()) > 0, name


def test_vectors_of_other_encoders_are_refused_with_the_remedy() -> None:
    with pytest.raises(
        ConfigError, match="takes voice vectors of 512 numbers. Got 256. Embed voices with the encoder xvector"
    ):
        FaceTones(256, SMALL)
    with pytest.raises(
        ConfigError, match="takes face vectors of 257 tokens. Got 128 numbers. Embed faces with {name: dinov2"
    ):
        FaceTones(512, 128)
    with pytest.raises(ConfigError, match="`dropout`"):
        FaceTones(512, SMALL, dropout=1.0)
    with pytest.raises(ConfigError, match="`seed`"):
        FaceTones(512, SMALL, seed=-1)
    with pytest.raises(DataError, match=r"Face vectors must have shape \(n, 1542\)"):
        FaceTones(512, SMALL).encode_face(tokens(2, 257))

"""What associators that are networks share, on the smallest network there is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch

from visavox.errors import DataError
from visavox.models.associators.network import NetworkAssociator


class Scale(torch.nn.Module):
    """Multiplies by a weight and, in training, adds what the generator draws."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((dim,), 2.0))
        self.register_buffer("n_seen", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        self.n_seen += len(x)
        noise = torch.randn(x.shape, generator=generator) if self.training else 0
        return x * self.weight + noise


class Small(NetworkAssociator):
    name: ClassVar[str] = "small"

    def __init__(self, voice_dim: int, face_dim: int) -> None:
        super().__init__()
        self.voice_dim, self.face_dim = voice_dim, face_dim
        self.voice_tower, self.face_tower = Scale(voice_dim), Scale(face_dim)

    @property
    def dim(self) -> int:
        return self.voice_dim


VOICE = np.array([[3.0, 4.0], [0.0, 0.5], [0.0, 0.0]])


def test_raw_gives_what_the_towers_give_and_forward_scales_it_to_length_one() -> None:
    network = Small(2, 2).eval()
    x = torch.tensor(VOICE, dtype=torch.float32)
    voice, face = network.raw(x, x + 1)
    assert voice.tolist() == [[6, 8], [0, 1], [0, 0]]
    assert face.tolist() == [[8, 10], [2, 3], [2, 2]]
    unit, _ = network(x, x + 1)
    np.testing.assert_allclose(unit.detach().numpy(), [[0.6, 0.8], [0, 1], [0, 0]], atol=1e-7)
    assert unit.requires_grad


def test_encoding_is_in_evaluation_mode_in_chunks_and_leaves_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Small(2, 2).train()
    monkeypatch.setattr(Small, "chunk", 2)
    found = network.encode_voice(VOICE)
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 1], [0, 0]], atol=1e-7)
    assert found.dtype == np.float32
    assert network.training
    assert network.voice_tower.training
    assert network.encode_face(np.empty((0, 2))).shape == (0, 2)
    assert not np.shares_memory(network.encode_face(VOICE), found)


def test_the_generator_reaches_both_towers() -> None:
    network = Small(2, 2).train()
    x = torch.zeros(3, 2)
    voice, face = network.raw(x, x, torch.Generator().manual_seed(1))
    expected = torch.Generator().manual_seed(1)
    assert torch.equal(voice, torch.randn((3, 2), generator=expected))
    assert torch.equal(face, torch.randn((3, 2), generator=expected))


def test_tensors_carry_every_weight_and_buffer_and_come_back() -> None:
    network = Small(2, 3)
    network.encode_voice(VOICE)
    tensors = network.tensors()
    assert {name: array.shape for name, array in tensors.items()} == network.shapes()
    assert sorted(tensors) == ["face.n_seen", "face.weight", "voice.n_seen", "voice.weight"]
    assert tensors["voice.n_seen"] == 3
    other = Small(2, 3)
    other.load_tensors({**tensors, "face.weight": np.array([1, 2, 3], dtype=np.float32)})
    np.testing.assert_array_equal(other.encode_voice(VOICE), network.encode_voice(VOICE))
    assert other.face_tower.state_dict()["weight"].tolist() == [1, 2, 3]
    tensors["voice.weight"][0] = 99  # a copy: what was given away is not the network's
    assert network.tensors()["voice.weight"][0] == 2


def test_wrong_vectors_and_wrong_tensors_are_named() -> None:
    network = Small(2, 3)
    with pytest.raises(DataError, match=r"Face vectors must have shape \(n, 3\)"):
        network.encode_face(VOICE)
    with pytest.raises(DataError, match="Voice vector in row 1 holds nan"):
        network.encode_voice(np.array([[1.0, 1.0], [np.nan, 0.0]]))
    with pytest.raises(DataError, match="face.weight"):
        network.load_tensors({n: a for n, a in network.tensors().items() if n != "face.weight"})


def test_standardising_is_nothing_where_a_network_needs_none() -> None:
    network = Small(2, 2)
    before = network.tensors()
    assert network.standardise(VOICE, VOICE) is network
    assert all((before[name] == array).all() for name, array in network.tensors().items())

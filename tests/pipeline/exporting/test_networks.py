"""The parts of a model as networks equal what the package computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.associators.base import Associator, Role
from visavox.models.associators.cca import CCA
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.fop import FOP
from visavox.models.associators.sss import SSS
from visavox.models.associators.two_tower import TwoTower
from visavox.models.encoders.base import Encoder
from visavox.pipeline.exporting.networks import EdgePool, associator_network, associator_parts, encoder_part
from visavox.registry import ENCODERS

RNG = np.random.default_rng(0)
VOICE, FACE = RNG.normal(size=(30, 5)) * 3 + 1, RNG.normal(size=(30, 4)) - 2


def fitted() -> CCA:
    return CCA(5, 4, n_components=3).fit(VOICE, FACE)


ASSOCIATORS_TO_TRY: list[Associator] = [
    fitted(),
    TwoTower(5, 4, hidden=(7,), output_dim=3).standardise(VOICE, FACE),
    SSS(5, 4, output_dim=3),
    FOP(5, 4, output_dim=3),
    FOP(5, 4, output_dim=3, fusion="gated", n_classes=2),
    Ensemble([fitted(), TwoTower(5, 4, output_dim=2)], weights=(3, 1)),
]


@pytest.mark.parametrize("associator", ASSOCIATORS_TO_TRY, ids=lambda a: a.name)
def test_a_side_equals_the_encoding(associator: Associator) -> None:
    roles: tuple[Role, Role] = ("voice", "face")
    for role in roles:
        x = VOICE if role == "voice" else FACE
        wanted = associator.encode_voice(x) if role == "voice" else associator.encode_face(x)
        with torch.inference_mode():
            found = associator_network(associator, role)(torch.tensor(x, dtype=torch.float32)).numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert np.abs(wanted).max() > 0.1


def test_both_sides_are_parts_with_the_lengths_of_their_inputs() -> None:
    parts = associator_parts(fitted())
    assert [part.name for part in parts] == ["voice_tower", "face_tower"]
    assert [part.make_inputs(6, RNG)[0].shape for part in parts] == [(6, 5), (6, 4)]
    assert [part.input_names for part in parts] == [("voice_vectors",), ("face_vectors",)]
    assert parts[0].about == "voice encoder vectors (batch, 5) -> unit rows (batch, 3)"
    (x,) = parts[1].make_inputs(2, RNG)
    np.testing.assert_allclose(parts[1].network(x).numpy(), parts[1].reference(x), atol=1e-6)


def test_an_associator_of_another_kind_is_refused() -> None:
    class Odd(Associator):
        name = "odd"
        dim = 3
        encode_voice = encode_face = tensors = shapes = _take_tensors = None

    with pytest.raises(ConfigError, match="The associator 'odd' cannot be exported: it is no network here."):
        associator_network(Odd(), "voice")


@pytest.mark.parametrize(("height", "width", "stride"), [(257, 512, 4), (7, 9, 4), (8, 6, 4), (5, 5, 2), (4, 5, 3)])
def test_pooling_to_the_edge_equals_torchs_own(height: int, width: int, stride: int) -> None:
    x = torch.tensor(RNG.normal(size=(2, 3, height, width)), dtype=torch.float32)
    wanted = torch.nn.AvgPool2d(2, stride, ceil_mode=True)(x)
    torch.testing.assert_close(EdgePool(stride)(x), wanted)


@pytest.mark.parametrize("name", ["voice_cnn", "face_cnn"])
def test_a_trainable_encoder_is_a_part(name: str) -> None:
    encoder = ENCODERS.build({"name": name, "seed": 1})
    part = encoder_part(encoder)
    assert part.name == f"{encoder.modality}_encoder"
    inputs = part.make_inputs(3, np.random.default_rng(0))
    assert len(inputs) == len(part.input_names)
    assert part.reference(*inputs).shape == (3, 128)
    assert not part.network.training
    if name == "voice_cnn":
        assert part.input_names == ("prepared", "lengths")
        assert part.make_inputs(4, RNG)[0].shape[1] != inputs[0].shape[1]


def test_an_encoder_that_is_no_network_is_refused_with_its_name() -> None:
    class Loudness(Encoder):
        name, modality, dim = "loudness", "voice", 1

        def encode(self, batch: object) -> np.ndarray:
            return np.zeros((1, 1), np.float32)

    with pytest.raises(ConfigError, match="the encoder 'loudness' has a forward pass of its own"):
        encoder_part(Loudness())

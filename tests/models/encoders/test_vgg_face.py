"""The encoder around VGG-Face: what it sees of a crop, and published weights; on a network of a thirty-second."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from visavox.errors import ConfigError, DataError
from visavox.models.encoders import vgg_face
from visavox.models.encoders.vgg_face import VIEWS, VGGFaceEncoder, classifier_of, read_checkpoint
from visavox.models.vgg_face_net import VGGFaceNet
from visavox.objectives.speech_to_face import SpeechToFaceLoss, frozen_linear
from visavox.pipeline.embedding import is_untrained
from visavox.registry import ENCODERS


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of 0.1 % of the parameters, of the same layers and length of feature."""

    def build(encoder: VGGFaceEncoder) -> VGGFaceNet:
        return VGGFaceNet(channels=encoder.channels, channel_factor=1 / 32)

    monkeypatch.setattr(VGGFaceEncoder, "build_network", build)


def crops(n: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [cv2.resize(rng.integers(0, 256, (16, 16, 3)).astype(np.uint8), (256, 256)) for _ in range(n)]


def published(seed: int = 5) -> dict[str, torch.Tensor]:
    """A checkpoint as it is published: with fc8."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = {name: tensor.clone() for name, tensor in VGGFaceNet(channel_factor=1 / 32).state_dict().items()}
    return {**state, "fc8.weight": torch.ones(2622, 4096), "fc8.bias": torch.zeros(2622)}


def test_the_box_of_the_detector_is_resized_to_224_px_without_margin() -> None:
    encoder, crop = VGGFaceEncoder(), crops(1)[0]
    found = encoder.prepare(crop)
    np.testing.assert_array_equal(found, cv2.resize(crop[46:202, 46:202], (224, 224)))
    (picture,) = encoder.collate([found])
    assert picture.shape == (1, 3, 224, 224) and picture.dtype == torch.float32
    np.testing.assert_array_equal(picture[0].permute(1, 2, 0), found)
    np.testing.assert_array_equal(VGGFaceEncoder(view="whole").prepare(crop), cv2.resize(crop, (224, 224)))
    assert all(x >= 0 and y >= 0 and x + side <= 256 and y + side <= 256 for x, y, side in VIEWS.values())


def test_vectors_are_never_negative_and_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = VGGFaceEncoder(seed=1)
    together = encoder.encode(crops())
    assert together.shape == (3, 4096) and together.dtype == np.float32 and together.min() >= 0
    scale = together.std()
    np.testing.assert_allclose(encoder.encode(crops()[:1]), together[:1], atol=1e-4 * scale)
    monkeypatch.setattr(vgg_face, "CHUNK", 2)
    np.testing.assert_allclose(encoder.encode(crops()), together, atol=1e-4 * scale)
    assert np.abs(together[0] - together[1]).max() > 1e-3 * scale
    assert encoder.encode([]).shape == (0, 4096)


def test_without_weights_it_says_that_it_knows_nothing() -> None:
    encoder = VGGFaceEncoder(seed=3)
    about = {"weights": encoder.provenance.weights, "training_data": encoder.provenance.training_data}
    assert about == {"weights": "random, seed 3", "training_data": "none"} and is_untrained(about)


@pytest.mark.parametrize("name", ["vgg_face_dag.pth", "vgg_face.safetensors"])
def test_a_published_checkpoint_is_taken_by_its_names(tmp_path: Path, name: str) -> None:
    if name.endswith("pth"):
        torch.save(published(), tmp_path / name)
    else:
        save_file(published(), tmp_path / name)
    encoder = VGGFaceEncoder(source=str(tmp_path))
    assert torch.equal(encoder.network.fc6.weight, published()["fc6.weight"])  # type: ignore[arg-type]
    assert encoder.provenance.training_data.startswith("VGG Face") and encoder.provenance.licence == "CC-BY-NC-4.0"
    assert "weights=" in encoder.identifier and str(tmp_path) not in encoder.identifier
    assert encoder.identifier != VGGFaceEncoder(source=str(tmp_path), channels="rgb").identifier


def test_other_spellings_of_layers_are_understood(tmp_path: Path) -> None:
    spelled = {name.replace("conv", "conv_", 1): tensor for name, tensor in published().items()}
    torch.save(spelled, tmp_path / "vgg_face.pth")
    assert sorted(read_checkpoint(str(tmp_path))) == sorted(published())


def test_weights_come_back_and_options_must_agree(tmp_path: Path) -> None:
    encoder = VGGFaceEncoder(seed=1)
    encoder.save_weights(tmp_path / "w", training_data="VGG Face", licence="CC-BY-NC-4.0")
    again = ENCODERS.build({"name": "vgg_face", "weights": str(tmp_path / "w"), "seed": 9})
    assert again.identifier == encoder.identifier and again.provenance.training_data == "VGG Face"
    np.testing.assert_array_equal(again.encode(crops(1)), encoder.encode(crops(1)))
    with pytest.raises(DataError, match="under `view` 'box', not 'whole'"):
        VGGFaceEncoder(weights=str(tmp_path / "w"), view="whole")


def test_the_last_layer_serves_the_three_term_loss(tmp_path: Path) -> None:
    torch.save(published(), tmp_path / "vgg_face.pth")
    weight, bias = classifier_of(read_checkpoint(str(tmp_path)))
    assert weight.shape == (2622, 4096)
    loss = SpeechToFaceLoss(classifier=frozen_linear(weight, bias), leave_out=("decoder",))
    assert loss(torch.rand(2, 4096), torch.rand(2, 4096))["distillation_loss"] > 0
    with pytest.raises(DataError, match=r"holds no fc8. Leave the term out: leave_out: \[distillation\]"):
        classifier_of({"fc7.weight": weight})


def test_weights_that_are_missing_damaged_or_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no vgg_face.safetensors or model.safetensors or vgg_face_dag.pth"):
        VGGFaceEncoder(source=str(tmp_path))
    (tmp_path / "vgg_face.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match="is damaged: it is not a whole safetensors file"):
        VGGFaceEncoder(source=str(tmp_path))
    (tmp_path / "vgg_face.safetensors").unlink()
    state = published()
    del state["fc7.weight"]
    torch.save(state, tmp_path / "vgg_face.pth")
    with pytest.raises(DataError, match=r"does not fit the encoder 'vgg_face': it lacks fc7.weight"):
        VGGFaceEncoder(source=str(tmp_path))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": "grey"}, "`channels` of the encoder 'vgg_face' must be 'bgr' or 'rgb'. Got 'grey'"),
        ({"view": "mouth"}, "`view` of the encoder 'vgg_face' must be one of box, chip, whole. Got 'mouth'"),
        ({"weights": "a", "source": "b"}, "takes `weights` or `source`. Got both"),
    ],
)
def test_unknown_options_are_refused(options: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VGGFaceEncoder(**options)  # type: ignore[arg-type]


def test_what_is_no_crop_is_refused() -> None:
    with pytest.raises(DataError, match=r"Item 1 of the batch: A face crop must be \(256, 256, 3\) uint8"):
        VGGFaceEncoder().encode([crops(1)[0], np.zeros((9, 9, 3), np.uint8)])

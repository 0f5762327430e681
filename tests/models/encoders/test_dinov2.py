"""DINOv2 from a tiny model of random weights that is made here; its pictures against transformers' own processor."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from visavox.errors import ConfigError, DataError
from visavox.models.encoders import dinov2
from visavox.models.encoders.dinov2 import N_TOKENS, DINOv2Encoder, pixel_values

transformers = pytest.importorskip("transformers")
Dinov2Model = transformers.Dinov2Model  # its first use imports much


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dinov2")
    torch.manual_seed(0)
    config = transformers.Dinov2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=518)
    Dinov2Model(config).save_pretrained(path)
    return path


def crops(n: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [cv2.resize(rng.integers(0, 256, (24, 24, 3)).astype(np.uint8), (256, 256)) for _ in range(n)]


@pytest.mark.parametrize("first_px", [0, 128, 100])
def test_pictures_are_those_of_facetones_by_pillow(first_px: int) -> None:
    crop = crops(1)[0]
    picture = Image.fromarray(crop)
    if first_px:
        picture = picture.resize((first_px, first_px), Image.Resampling.BILINEAR)
        picture = picture.resize((256, 256), Image.Resampling.BICUBIC)
    seen = np.asarray(picture)[16:240, 16:240] / 255
    wanted = (seen - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    found = pixel_values(np.stack([crop]), first_px)
    assert found.shape == (1, 3, 224, 224) and found.dtype == torch.float32
    apart = np.abs(found[0].permute(1, 2, 0).numpy() - wanted) * 0.229 * 255  # grey values
    assert apart.max() < 2.1 and apart.mean() < 0.02  # but for rounding, the same


def test_pictures_are_those_of_the_image_processor_of_the_hub() -> None:
    kind = getattr(transformers, "BitImageProcessorPil", None) or transformers.BitImageProcessor
    processor = kind(
        size={"shortest_edge": 256},
        crop_size={"height": 224, "width": 224},
        resample=3,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    small = Image.fromarray(crops(1)[0]).resize((128, 128), Image.Resampling.BILINEAR)
    wanted = processor(images=small, return_tensors="pt")["pixel_values"]
    apart = (pixel_values(np.stack(crops(1)), 128) - wanted).abs() * 0.229 * 255
    assert float(apart.max()) < 1.1 and float(apart.mean()) < 0.01


@pytest.mark.parametrize("output", ["cls", "pooled", "tokens"])
def test_outputs_are_parts_of_the_last_hidden_state(output: str, folder: Path) -> None:
    encoder = DINOv2Encoder(source=str(folder), output=output)  # type: ignore[arg-type]
    found = encoder.encode(crops(2))
    with torch.no_grad():
        tokens = Dinov2Model.from_pretrained(folder).eval()(pixel_values(np.stack(crops(2)), 128)).last_hidden_state
    assert tokens.shape == (2, N_TOKENS, 8)
    for row in range(2):
        wanted = {
            "cls": tokens[row, 0],
            "pooled": sum(tokens[row, 1 + patch] for patch in range(256)) / 256,
            "tokens": torch.cat([tokens[row, place] for place in range(257)]),
        }[output]
        np.testing.assert_allclose(found[row], wanted, atol=1e-4)
    assert found.shape == (2, encoder.dim) and found.dtype == np.float32
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_vectors_do_not_depend_on_the_batch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = DINOv2Encoder(source=str(folder))
    together = encoder.encode(crops())
    np.testing.assert_allclose(encoder.encode(crops()[1:2]), together[1:2], atol=1e-5)
    monkeypatch.setattr(dinov2, "CHUNK", 2)
    np.testing.assert_allclose(encoder.encode(crops()), together, atol=1e-5)
    assert encoder.encode([]).shape == (0, 8)


def test_names_sizes_and_identifiers(folder: Path) -> None:
    assert DINOv2Encoder().dim == 768
    assert DINOv2Encoder(output="tokens").dim == 257 * 768 == 197_376
    assert DINOv2Encoder(source="facebook/dinov2-small").dim == 384
    assert DINOv2Encoder().identifier == "dinov2-1(first_px=128, output='cls', weights=facebook/dinov2-base@main)"
    assert DINOv2Encoder(first_px=0).identifier != DINOv2Encoder().identifier
    encoder = DINOv2Encoder(source=str(folder))
    assert "@" not in encoder.identifier
    wanted = encoder.encode(crops(1))
    sent = pickle.dumps(encoder)
    assert len(sent) < 10_000
    np.testing.assert_array_equal(pickle.loads(sent).encode(crops(1)), wanted)


def test_faults_are_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Item 1 of the batch: A face crop must be \(256, 256, 3\) uint8"):
        DINOv2Encoder(source=str(folder)).encode([crops(1)[0], np.zeros((9, 9, 3), np.uint8)])
    with pytest.raises(
        ConfigError, match="`output` of the encoder 'dinov2' must be 'cls', 'pooled' or 'tokens'. Got 'x'"
    ):
        DINOv2Encoder(output="x")  # type: ignore[arg-type]
    for bad in (15, 257):
        with pytest.raises(ConfigError, match=f"`first_px` of the encoder 'dinov2' must be 0, or 16 to 256. Got {bad}"):
            DINOv2Encoder(first_px=bad)
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 8, "model_type": "vit"}))
    (tmp_path / "model.safetensors").write_text("")
    with pytest.raises(DataError, match="is a vit, not a dinov2. Give one of facebook/dinov2-small"):
        DINOv2Encoder(source=str(tmp_path)).encode(crops(1))

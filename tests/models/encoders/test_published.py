"""Options beside weights, and published checkpoints by name, for encoders with a published network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.models.encoders.published import PublishedVoiceEncoder, check_length, of_length
from visavox.models.encoders.thin_resnet34 import ThinResNet34Encoder
from visavox.models.encoders.vgg_m import VGGMEncoder
from visavox.registry import ENCODERS

KINDS = (ThinResNet34Encoder, VGGMEncoder)
QUICK = {"length_s": 0.0, "seed": 1}


def voices(n: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [(rng.normal(size=17_000 + 5000 * i) * 0.1).astype(np.float32) for i in range(n)]


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_do_not_depend_on_the_batch(kind: type[PublishedVoiceEncoder], monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = kind(**QUICK)  # type: ignore[arg-type]
    together = encoder.encode(voices())
    assert together.shape == (3, encoder.dim) and together.dtype == np.float32
    for index, voice in enumerate(voices()):
        np.testing.assert_allclose(encoder.encode([voice])[0], together[index], atol=1e-4)
    np.testing.assert_allclose(encoder.encode(voices()[::-1])[::-1], together, atol=1e-4)
    monkeypatch.setattr(kind, "max_frames", 1)  # less than one voice
    np.testing.assert_allclose(encoder.encode(voices()), together, atol=1e-4)
    assert encoder.encode([]).shape == (0, encoder.dim)
    assert np.abs(together[0] - together[1]).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_options_come_back_and_so_do_vectors(kind: type[PublishedVoiceEncoder], tmp_path: Path) -> None:
    encoder = kind(sample_scale=2.0, **QUICK)  # type: ignore[call-arg, arg-type]
    encoder.network(*encoder.collate([encoder.prepare(voice) for voice in voices()]))  # moves the running statistics
    encoder.save_weights(tmp_path / "w", training_data="three voices", licence="CC0-1.0")
    again = kind(weights=str(tmp_path / "w"), sample_scale=2.0, length_s=0.0, seed=9)  # type: ignore[call-arg]
    assert again.identifier == encoder.identifier
    np.testing.assert_array_equal(again.encode(voices(1)), encoder.encode(voices(1)))
    assert (again.provenance.training_data, again.provenance.licence) == ("three voices", "CC0-1.0")
    with pytest.raises(
        DataError, match=r"under `sample_scale` 2.0, not 32768.0. Ask for the encoder with `sample_scale: 2"
    ):
        kind(weights=str(tmp_path / "w"), length_s=0.0)  # type: ignore[call-arg]


def test_the_identifier_tells_the_options_apart_and_the_weights(tmp_path: Path) -> None:
    encoder = ThinResNet34Encoder(seed=1)
    options = "length_s=10.0, pooling='sap', preemphasis=0.0, sample_scale=32768.0"
    assert encoder.identifier == f"thin_resnet34-1({options}, weights={encoder.digest})"
    assert ThinResNet34Encoder(seed=1, preemphasis=0.97).identifier != encoder.identifier
    assert ThinResNet34Encoder(seed=2).identifier != encoder.identifier


def test_a_folder_of_older_weights_or_a_broken_one_is_left_to_its_own_reader(tmp_path: Path) -> None:
    ThinResNet34Encoder(seed=1).save_weights(tmp_path / "w")
    path = tmp_path / "w" / "config.json"
    config = json.loads(path.read_text())
    del config["arguments"]["options"]
    path.write_text(json.dumps(config))
    assert ThinResNet34Encoder(weights=str(tmp_path / "w"), preemphasis=0.5).preemphasis == 0.5
    path.write_text("{")
    with pytest.raises(DataError, match="config.json is not readable JSON"):
        ThinResNet34Encoder(weights=str(tmp_path / "w"))


def test_a_published_checkpoint_is_taken_by_name_with_its_constants(tmp_path: Path) -> None:
    donor, encoder = ThinResNet34Encoder(seed=5), ThinResNet34Encoder(seed=6)
    state = {f"V.model.{name}": t for name, t in donor.network.state_dict().items()}
    state |= {
        "V.model.torchfb.spectrogram.window": torch.ones(400),
        "V.model.torchfb.mel_scale.fb": torch.ones(257, 40),
    }
    state |= {"V.fc.0.weight": torch.ones(512), "F.cls.weight": torch.ones(924, 128)}
    encoder.load_published(state, weights="best.pth.tar", training_data="VoxCeleb1", licence="MIT", prefix="V.model.")
    assert encoder.identifier == donor.identifier
    assert encoder.provenance.weights == "best.pth.tar"
    encoder.save_weights(tmp_path / "w", licence="MIT")
    assert ThinResNet34Encoder(weights=str(tmp_path / "w")).provenance.training_data == "VoxCeleb1"
    with pytest.raises(DataError, match="best.pth.tar does not fit the encoder 'thin_resnet34': it lacks"):
        encoder.load_published({}, weights="best.pth.tar", training_data="", licence="")


def test_lengths_by_hand() -> None:
    voice = np.arange(3, dtype=np.float32)
    assert of_length(voice, 7 / 16_000, 0.1).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert of_length(voice, 2 / 16_000, 0.1).tolist() == [0, 1]
    assert len(of_length(voice, 0, 0.1)) == 1600
    assert of_length(np.zeros(2000, np.float32), 0, 0.1).shape == (2000,)
    for good in (0, 0.1, 60):
        check_length(good, "x")
    for bad in (0.09, 60.1, -1.0):
        with pytest.raises(
            ConfigError, match=f"`length_s` of the encoder 'x' must be 0, or 0.1 to 60 seconds. Got {bad}"
        ):
            check_length(bad, "x")


@pytest.mark.parametrize("kind", KINDS)
def test_a_voice_that_cannot_be_encoded_is_named(kind: type[PublishedVoiceEncoder]) -> None:
    built = ENCODERS.build({"name": kind.name, "length_s": 0.0})
    assert isinstance(built, kind) and built.modality == "voice"
    with pytest.raises(DataError, match="Item 1 of the batch: A voice must be finite. Got 1 nan"):
        built.encode([voices(1)[0], np.array([0, np.nan], np.float32)])
    for tiny in (1, 300):
        assert np.isfinite(built.encode([np.full(tiny, 0.1, np.float32)])).all()
    assert np.isfinite(built.encode([np.zeros(20_000, np.float32)])).all()

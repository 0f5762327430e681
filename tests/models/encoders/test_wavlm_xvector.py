"""WavLM's x-vectors from a tiny model of random weights that is made here; the hub is never asked."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.models.encoders.wavlm_xvector import WavLMXVectorEncoder

transformers = pytest.importorskip("transformers")
WavLMForXVector = transformers.WavLMForXVector  # its first use imports much


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wavlm")
    torch.manual_seed(0)
    config = transformers.WavLMConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_stride=(10, 8),
        conv_kernel=(10, 8),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        tdnn_dim=(8, 8, 8, 8, 12),
        xvector_output_dim=6,
    )
    network = WavLMForXVector(config)
    for parameter in network.parameters():  # as they are drawn, nothing of the voice would reach the end
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    network.save_pretrained(path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(path)
    return path


def voices() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(rng.normal(size=n) * 0.1 + 0.02).astype(np.float32) for n in (16_000, 20_000)]


@pytest.mark.parametrize("do_normalize", [True, False])
def test_a_vector_is_that_of_transformers_by_hand(do_normalize: bool, folder: Path) -> None:
    features = transformers.Wav2Vec2FeatureExtractor(do_normalize=do_normalize)
    features.save_pretrained(folder)
    encoder = WavLMXVectorEncoder(source=str(folder))
    found = encoder.encode(voices())
    assert found.shape == (2, 6) and found.dtype == np.float32
    network = WavLMForXVector.from_pretrained(folder).eval()
    for voice, vector in zip(voices(), found, strict=True):
        inputs = features(voice, sampling_rate=16_000, return_tensors="pt")
        with torch.no_grad():
            wanted = network(inputs.input_values).embeddings[0]
        np.testing.assert_allclose(vector, wanted, atol=1e-4)
    np.testing.assert_allclose(encoder.encode(voices()[1:]), found[1:], atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-5
    features = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    features.save_pretrained(folder)


def test_a_short_voice_is_repeated_to_a_second(folder: Path) -> None:
    encoder = WavLMXVectorEncoder(source=str(folder))
    voice = voices()[0][:3000]
    np.testing.assert_array_equal(encoder.encode([voice]), encoder.encode([np.resize(voice, 16_000)]))
    assert encoder.encode([]).shape == (0, 6)


def test_names_sizes_and_identifiers(folder: Path) -> None:
    encoder = WavLMXVectorEncoder()
    assert encoder.dim == 512 and encoder.modality == "voice"
    assert encoder.identifier == "wavlm_xvector-1(weights=microsoft/wavlm-base-plus-sv@main)"
    assert "VoxCeleb1" in encoder.provenance.training_data
    assert "@" not in WavLMXVectorEncoder(source=str(folder)).identifier
    with pytest.raises(ConfigError, match="must be a folder or one of microsoft/wavlm-base-plus-sv"):
        WavLMXVectorEncoder(source="somebody/wavlm")


def test_weights_stay_behind_when_the_encoder_is_sent_to_another_process(folder: Path) -> None:
    encoder = WavLMXVectorEncoder(source=str(folder))
    wanted = encoder.encode(voices()[:1])
    sent = pickle.dumps(encoder)
    assert len(sent) < 10_000
    np.testing.assert_array_equal(pickle.loads(sent).encode(voices()[:1]), wanted)


def test_faults_are_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Item 0 of the batch: A voice must have shape"):
        WavLMXVectorEncoder(source=str(folder)).encode([np.zeros(0, np.float32)])
    (tmp_path / "config.json").write_text(json.dumps({"xvector_output_dim": 6}))
    with pytest.raises(DataError, match="holds no preprocessor_config.json, which the encoder 'wavlm_xvector' needs"):
        WavLMXVectorEncoder(source=str(tmp_path)).encode(voices())

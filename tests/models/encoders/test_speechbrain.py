"""Frozen encoders with SpeechBrain's weights, from files in the published layout that are made here."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from visavox.errors import ConfigError, DataError
from visavox.models.encoders import speechbrain
from visavox.models.encoders.ecapa import ECAPAEncoder
from visavox.models.encoders.speechbrain import SpeechBrainEncoder
from visavox.models.encoders.xvector import XVectorEncoder
from visavox.models.log_mel import fbank_db
from visavox.registry import ENCODERS

KINDS = (ECAPAEncoder, XVectorEncoder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each encoder's name -> a folder with random weights, written as SpeechBrain writes them."""
    found = {}
    for kind in KINDS:
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp(kind.name)
        torch.save(dict(kind(source=str(folder)).build_network().state_dict()), folder / "embedding_model.ckpt")
        found[kind.name] = folder
    return found


def voices() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(rng.normal(size=n) * 0.1).astype(np.float32) for n in (1600, 2400, 1600)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_is_that_of_the_network_on_the_filter_bank(
    kind: type[SpeechBrainEncoder], folders: dict[str, Path]
) -> None:
    encoder = kind(source=str(folders[kind.name]))
    found = encoder.encode(voices())
    network: nn.Module = encoder.build_network()
    network.load_state_dict(torch.load(folders[kind.name] / "embedding_model.ckpt", weights_only=True))
    network.eval()
    for voice, vector in zip(voices(), found, strict=True):
        with torch.no_grad():
            alone = network(torch.from_numpy(fbank_db(voice, n_mels=encoder.n_mels))[None])[0]
        np.testing.assert_allclose(vector, alone, atol=1e-4)
    assert found.shape == (3, encoder.dim) and found.dtype == np.float32
    assert np.abs(found[0] - found[2]).max() > 1e-3


def test_chunks_and_order_change_nothing(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = XVectorEncoder(source=str(folders["xvector"]))
    together = encoder.encode(voices())
    np.testing.assert_allclose(encoder.encode(voices()[::-1])[::-1], together, atol=1e-5)
    monkeypatch.setattr(speechbrain, "MAX_FRAMES", 1)
    np.testing.assert_allclose(encoder.encode(voices()), together, atol=1e-5)
    assert encoder.encode([]).shape == (0, 512)


@pytest.mark.parametrize("n_samples", [1, 399, 1600])
def test_a_voice_too_short_for_the_network_is_repeated(n_samples: int, folders: dict[str, Path]) -> None:
    voice = voices()[0][:n_samples]
    encoder = XVectorEncoder(source=str(folders["xvector"]))
    found = encoder.encode([voice])
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, encoder.encode([np.resize(voice, 1600)]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_identifier_follows_the_source(kind: type[SpeechBrainEncoder], folders: dict[str, Path]) -> None:
    assert kind().identifier == f"{kind.name}-1(weights={kind.published}@main)"
    assert kind(revision="v2").identifier.endswith("@v2)")
    of_folder = kind(source=str(folders[kind.name])).identifier
    assert str(folders[kind.name]) not in of_folder and "@" not in of_folder
    built = ENCODERS.build({"name": kind.name})
    assert built.modality == "voice" and "VoxCeleb" in built.provenance.training_data
    with pytest.raises(ConfigError, match=f"`revision` of the encoder '{kind.name}' must not be empty"):
        kind(revision="")


def test_faults_of_voices_and_weights_are_one_line(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Item 1 of the batch: A voice must be finite"):
        XVectorEncoder(source=str(folders["xvector"])).encode([voices()[0], np.array([np.inf], np.float32)])
    with pytest.raises(
        DataError, match="embedding_model.ckpt does not fit the encoder 'ecapa': it lacks blocks.0.conv"
    ):
        ECAPAEncoder(source=str(folders["xvector"])).encode(voices())
    with pytest.raises(DataError, match="holds no embedding_model.ckpt, which the encoder 'xvector' needs"):
        XVectorEncoder(source=str(tmp_path)).encode(voices())


def test_weights_stay_behind_when_the_encoder_is_sent_to_another_process(folders: dict[str, Path]) -> None:
    encoder = XVectorEncoder(source=str(folders["xvector"]))
    wanted = encoder.encode(voices()[:1])
    sent = pickle.dumps(encoder)
    assert len(sent) < 10_000
    np.testing.assert_array_equal(pickle.loads(sent).encode(voices()[:1]), wanted)


def test_an_unreachable_hub_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def unreachable(name: str, **_: object) -> str:
        raise hub.errors.LocalEntryNotFoundError("no network")

    monkeypatch.setattr(hub, "snapshot_download", unreachable)
    with pytest.raises(DataError, match="needs the model 'speechbrain/spkrec-ecapa-voxceleb', .* Check the network"):
        ECAPAEncoder().encode(voices())

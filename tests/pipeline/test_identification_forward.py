"""Clips through a network: pictures, logits in order, statistics, and features that are kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visavox.batches.identification_batches import IdentificationBatches, IdentificationClips, in_order
from visavox.errors import DataError
from visavox.models.identifiers.base import Identifier
from visavox.models.mel_image import VOICE_SAMPLES, mel_images
from visavox.pipeline import identification_forward
from visavox.pipeline.identification_forward import adapt, kept_features, media_of, picture_statistics, predict
from visavox.pipeline.identification_settings import IdentifierTraining
from visavox.pipeline.identification_training import train_identifier

N = 7


class Listener(Identifier):
    """A frozen projection of mel images and a layer that learns."""

    modalities = ("voice",)
    has_frozen_part = True

    def __init__(self) -> None:
        super().__init__(n_people=2)
        torch.manual_seed(0)
        self.frozen = nn.Linear(128, 4).requires_grad_(False)
        self.feature_dim = 4
        self.last = nn.Linear(4, 2)
        self.n_frozen_passes = 0
        self.told: tuple[list[float], list[float]] | None = None

    def adapt(self, mean: list[float], std: list[float]) -> None:
        self.told = (mean, std)

    def frozen_features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        self.n_frozen_passes += 1
        return self.frozen(self.needed(voice, face)[0].mean(dim=(1, 3)))

    def forward_from(self, frozen: Tensor) -> Tensor:
        return self.last(frozen.float())

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.frozen_features(voice, face)

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.forward_from(self.frozen_features(voice, face))


def made() -> IdentificationClips:
    voices = np.random.default_rng(0).integers(-9000, 9000, (N, VOICE_SAMPLES)).astype(np.int16)
    voices[::2] = np.cumsum(voices[::2].astype(float), axis=1).clip(-30000, 30000).astype(np.int16) // 4
    return IdentificationClips(np.arange(N) % 2, voices)


def test_logits_come_in_the_order_of_the_clips() -> None:
    clips, network = made(), Listener()
    logits = predict(network, clips)
    assert clips.voices is not None and logits.dtype == np.float32
    for row in (0, N - 1):
        alone = network(voice=mel_images(torch.from_numpy(clips.voices[row : row + 1] / np.float32(32768))))
        np.testing.assert_allclose(logits[row], alone.detach().numpy()[0], rtol=1e-4, atol=1e-5)


def test_statistics_are_those_of_all_pixels_and_reach_the_network() -> None:
    clips, network = made(), Listener()
    (batch,) = in_order(clips, N)
    pictures = media_of(network, batch)["voice"].double()
    (mean, deviation) = picture_statistics(network, clips)["voice"]
    assert mean == pytest.approx([float(pictures.mean())], rel=1e-6)
    assert deviation == pytest.approx([float(pictures.std(unbiased=False))], rel=1e-6)
    adapt(network, clips)
    assert network.told == (mean, deviation)


def test_a_network_that_lacks_its_modality_is_told() -> None:
    faces = IdentificationClips(np.zeros(1, dtype=np.intp), faces=np.zeros((1, 4, 4, 3), dtype=np.uint8))
    with pytest.raises(DataError, match="The identifier Listener needs voices, and the clips hold none."):
        predict(Listener(), faces)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        (IdentifierTraining(), False),
        (IdentifierTraining(shift_samples=0), True),
        (IdentifierTraining(shift_samples=0, mask_width=3), False),
        (IdentifierTraining(n_shifted_copies=2), True),
    ],
)
def test_features_are_kept_where_pictures_do_not_change_by_the_epoch(settings: IdentifierTraining, kept: bool) -> None:
    batches = IdentificationBatches(
        made(), batch_size=4, shift_samples=settings.shift_samples, n_shifted_copies=settings.n_shifted_copies
    )
    found = kept_features(Listener(), batches, made(), settings, bfloat16=False)
    assert (found is not None) == kept
    if found is not None:
        assert found.training.shape == (batches.n_clips, 4)
        assert found.validation.shape == (N, 4)


def test_kept_features_train_the_same_network_with_one_pass_of_the_frozen_part() -> None:
    settings = IdentifierTraining(n_epochs=3, batch_size=4, n_shifted_copies=2)
    fast, slow = Listener(), Listener()
    slow.has_frozen_part = False
    first = train_identifier(fast, made(), made(), settings)
    second = train_identifier(slow, made(), made(), settings)
    torch.testing.assert_close(fast.last.weight, slow.last.weight, rtol=1e-4, atol=1e-6)
    assert first.history[-1]["validation_loss"] == pytest.approx(second.history[-1]["validation_loss"], rel=1e-4)
    assert fast.n_frozen_passes == 2  # training and validation clips, once each


class Both(Identifier):
    """Two branches, of which each wants to know its pictures."""

    modalities = ("voice", "face")
    face_px = 4
    feature_dim = 2

    def __init__(self) -> None:
        super().__init__(n_people=2)
        self.voice_branch, self.face_branch = Listener(), Listener()
        self.convolution = nn.Conv2d(3, 1, 1)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        heard, seen = self.needed(voice, face)
        return torch.stack([heard.mean(dim=(1, 2, 3)), seen.mean(dim=(1, 2, 3))], dim=1)

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.features(voice, face)


def with_faces() -> IdentificationClips:
    faces = np.random.default_rng(1).integers(0, 255, (N, 4, 4, 3)).astype(np.uint8)
    return IdentificationClips(np.arange(N) % 2, made().voices, faces)


def test_clips_come_in_passes_that_change_nothing_and_progress_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    clips, network, told = made(), Listener(), []
    whole = predict(network, clips)
    monkeypatch.setattr(identification_forward, "CLIPS_A_PASS", 3)
    parts = predict(network, clips, progress=lambda *p: told.append(p))
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)
    assert told == [(3, 7), (6, 7), (7, 7)]
    statistics = picture_statistics(network, clips)
    monkeypatch.setattr(identification_forward, "CLIPS_A_PASS", 64)
    assert statistics["voice"][0] == pytest.approx(picture_statistics(network, clips)["voice"][0], rel=1e-9)


def test_every_branch_is_told_of_its_own_pictures_channel_by_channel() -> None:
    clips, network = with_faces(), Both()
    adapt(network, clips)
    assert clips.faces is not None and network.face_branch.told is not None and network.voice_branch.told is not None
    mean, deviation = network.face_branch.told
    pixels = clips.faces.reshape(-1, 3) / 255
    assert mean == pytest.approx(pixels.mean(axis=0), rel=1e-6)
    assert deviation == pytest.approx(pixels.std(axis=0), rel=1e-6)
    assert len(network.voice_branch.told[0]) == 1


def test_faces_lie_in_memory_as_convolutions_like_them_and_missing_ones_are_said() -> None:
    (batch,) = in_order(with_faces(), N)
    media = media_of(Both(), batch)
    assert list(media) == ["voice", "face"]
    assert media["face"].is_contiguous(memory_format=torch.channels_last)
    assert batch.face is not None and torch.equal(media["face"], batch.face)
    (heard,) = in_order(made(), N)
    with pytest.raises(DataError, match="The identifier Both needs faces, and the clips hold none."):
        media_of(Both(), heard)


def test_kept_features_are_those_of_the_unchanged_clips_unless_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, clips = Listener(), made()
    batches = IdentificationBatches(clips, batch_size=4, shift_samples=2000, n_shifted_copies=2)
    settings = IdentifierTraining(n_shifted_copies=2)
    found = kept_features(network, batches, clips, settings, bfloat16=False)
    assert found is not None
    wanted = [network.frozen_features(**media_of(network, batch)) for batch in batches.unchanged(5)]
    torch.testing.assert_close(found.training, torch.cat(wanted), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.training[::3], found.validation, rtol=1e-4, atol=1e-5)  # every clip as it is
    assert not torch.allclose(found.training[1::3], found.validation)
    logits = found.validation_logits(network, bfloat16=False)
    np.testing.assert_allclose(logits.detach().numpy(), predict(network, clips), rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(identification_forward, "MAX_KEPT_GB", 1e-9)
    assert kept_features(network, batches, clips, settings, bfloat16=False) is None


def test_features_are_kept_as_a_network_in_use_gives_them() -> None:
    """Dropout of the frozen part, and statistics of a batch, play no part in what is kept."""

    class Dropping(Listener):
        def frozen_features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
            return nn.functional.dropout(super().frozen_features(voice, face), 0.5, self.training)

    network, clips = Dropping(), made()
    batches = IdentificationBatches(clips, batch_size=4)
    network.train()
    found = kept_features(network, batches, clips, IdentifierTraining(shift_samples=0), bfloat16=False)
    assert found is not None
    torch.testing.assert_close(found.training, found.validation, rtol=1e-4, atol=1e-5)
    assert not (found.training == 0).any()

"""A network in the place of a folder of people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.identification_config import IdentifyConfig
from visavox.media.audio import read_voice
from visavox.models.identifiers.base import Identifier
from visavox.models.mel_image import VOICE_SAMPLES, mel_images
from visavox.pipeline import network_answer
from visavox.pipeline.identifying import identify_person
from visavox.pipeline.network_answer import ask_network, mel_of_file, picture_of_file


class ByBrightness(Identifier):
    """Three people, told apart by how bright each medium is."""

    face_px = 48
    feature_dim = 1

    def __init__(self, *modalities: str) -> None:
        super().__init__(n_people=3)
        self.modalities = modalities  # type: ignore[assignment]

    def features(self, voice: torch.Tensor | None = None, face: torch.Tensor | None = None) -> torch.Tensor:
        return torch.stack([one.mean(dim=(1, 2, 3)) for one in self.needed(voice, face)]).sum(dim=0)[:, None]

    def forward(self, voice: torch.Tensor | None = None, face: torch.Tensor | None = None) -> torch.Tensor:
        return self.features(voice, face) * torch.tensor([[0.0, 2.0, 1.0]])


@pytest.fixture
def face(small_world: Path) -> Path:
    return sorted((small_world / "faces").iterdir())[0]


@pytest.fixture
def voice(small_world: Path) -> Path:
    return sorted((small_world / "voices").iterdir())[0]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Identifier:
    found = ByBrightness(*getattr(request, "param", ("voice", "face")))
    monkeypatch.setattr(network_answer, "load_identifier", lambda _: (found, ("Ann", "Bob", "Cem")))
    return found


def test_probabilities_are_the_softmax_of_the_logits(network: Identifier, face: Path, voice: Path) -> None:
    outcome = ask_network(IdentifyConfig(people=Path("fused"), face=face, voice=voice))
    logits = network(voice=mel_of_file(voice)[0], face=picture_of_file(face, face_px=48)[0])[0].double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum()
    assert [one.name for one in outcome.ranked] == ["Bob", "Cem", "Ann"]
    assert [one.probability for one in outcome.ranked] == pytest.approx(sorted(expected, reverse=True))
    assert (outcome.n_people, outcome.is_stranger, outcome.p_value, outcome.p_stranger) == (3, None, None, None)
    assert outcome.decided
    assert str(outcome).splitlines()[0] == "Bob, by voice and face."


@pytest.mark.parametrize("network", [("voice",)], indirect=True)
def test_what_a_network_takes_no_part_of_is_said(network: Identifier, face: Path, voice: Path) -> None:
    outcome = ask_network(IdentifyConfig(people=Path("run"), face=face, voice=voice, top=1))
    assert len(outcome.ranked) == 1
    assert f"the network takes no face: {face} was not used" in outcome.notes
    with pytest.raises(ConfigError, match="The network 'run' needs a voice. Got no voice. Give --voice too"):
        ask_network(IdentifyConfig(people=Path("run"), face=face))


def test_a_fusion_needs_both(network: Identifier, face: Path) -> None:
    with pytest.raises(ConfigError, match="needs a voice and a face. Got no voice"):
        ask_network(IdentifyConfig(people=Path("fused"), face=face))


def test_a_file_without_anybody_gives_no_answer(network: Identifier, voice: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    outcome = ask_network(IdentifyConfig(people=Path("fused"), face=tmp_path / "a.jpg", voice=voice))
    assert [one.status for one in outcome.asked] == ["ok", "unreadable_image"]
    assert outcome.ranked == ()
    assert not outcome.decided


def test_media_are_those_of_the_training(face: Path, voice: Path) -> None:
    picture, note = picture_of_file(face, face_px=48)
    assert (tuple(picture.shape), picture.dtype, note) == ((1, 3, 48, 48), torch.float32, "")
    assert 0 <= float(picture.min()) < float(picture.max()) <= 1
    image, speech_s = mel_of_file(voice)
    samples = np.resize(read_voice(voice), VOICE_SAMPLES)
    assert torch.equal(image, mel_images(torch.from_numpy(samples)[None]))
    assert 0.5 < speech_s < len(read_voice(voice)) / 16_000


def test_identify_asks_a_network_where_the_folder_holds_one(
    network: Identifier, face: Path, voice: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"kind": "identifier"}')
    assert identify_person(IdentifyConfig(people=tmp_path, face=face, voice=voice)).ranked[0].name == "Bob"

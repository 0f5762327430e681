"""The generator in the box: small enough, told by a card, and at work right after installation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from visavox.__main__ import main
from visavox.generation.drawers.base import HeardForDrawing
from visavox.generation.picture_files import read_label
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.voice_to_face import VoiceToFacePipeline


@pytest.fixture(scope="module")
def boxed() -> Generator:
    return Generator.load("portrait")


def test_it_has_both_methods_and_fits_the_box(boxed: Generator) -> None:
    assert boxed.methods == ("decoder", "diffusion")
    assert boxed.has("upsampler")
    assert sum(path.stat().st_size for path in boxed.folder.rglob("*") if path.is_file()) <= 25_000_000


def test_its_card_tells_data_licence_figures_and_failures(boxed: Generator) -> None:
    card = (boxed.folder / "README.md").read_text(encoding="utf-8")
    for said in (
        "CC BY-NC 4.0",
        "UTKFace",
        "AVSpeech",
        "Tested once on 40 people",
        "Where it fails",
        "shuffled voices",
    ):
        assert said in card
    assert "/" + "work" not in card
    assert "/" + "tmp" not in card


def test_names_of_people_are_not_in_it(boxed: Generator) -> None:
    assert len(boxed.people) > 700
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in boxed.people)


@pytest.mark.slow
def test_it_draws_right_after_installation(small_world: Path, tmp_path: Path) -> None:
    voice = sorted((small_world / "voices").iterdir())[0]
    assert main(["generate", str(voice), "--samples", "2", "--out", str(tmp_path / "faces"), "--quiet"]) == 0
    facts = json.loads((tmp_path / "faces" / "faces.json").read_text(encoding="utf-8"))
    assert len(facts["pictures"]) == 2
    label = read_label(tmp_path / "faces" / facts["pictures"][0]["file"])
    assert "guess" in json.dumps(label).lower()
    assert label["licence"] == "cc-by-nc-4.0"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["decoder", "diffusion"])
def test_voices_decide_what_is_drawn(method: str) -> None:
    pipeline = VoiceToFacePipeline.from_pretrained("portrait", method=method)
    rng = np.random.default_rng(0)
    heard = []
    for _ in range(2):
        vector = np.abs(rng.normal(size=256)).astype(np.float32)
        vector /= np.linalg.norm(vector)
        heard.append(HeardForDrawing(vector, vector[None], np.zeros(16_000, np.float32)))
    first, second = (pipeline.draw_heard(one, n_samples=1, seed=0).pictures for one in heard)
    again = pipeline.draw_heard(heard[0], n_samples=1, seed=0).pictures
    assert first.shape == (1, 64, 64, 3)
    assert (first == again).all()
    assert np.abs(first.astype(int) - second.astype(int)).mean() > 1

"""The card says what was learned from, and what the pictures are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from visavox.pipeline.drawing.diffusion_card import diffusion_card
from visavox.pipeline.drawing.diffusion_settings import read_diffusion_settings

ROWS = {
    "denoiser": {"n_parameters": 7_127_556, "steps": 4500, "seconds": 1800.0, "figures": {"validation_gain": 0.0123}}
}


class Told:
    """Stands for the faces of a training."""

    def __init__(self, n_paired: int, n: int, imagined: Any) -> None:
        self.n_paired, self.n, self.imagined = n_paired, n, imagined

    def __len__(self) -> int:
        return self.n


def card(imagined: Any = None, **options: Any) -> str:
    faces: Any = SimpleNamespace(told=Told(800, 19_000, imagined))
    return diffusion_card(
        read_diffusion_settings(options.pop("drawing", {})), faces, ROWS, with_decoder=False, **options
    )


def test_it_counts_what_was_learned_from() -> None:
    assert "learned from 800 clips with face and voice, and 18200 labelled faces" in card()


def test_it_warns() -> None:
    text = card()
    assert "guesses" in text
    assert "must not be used to identify" in text


def test_figures_stand_in_the_table() -> None:
    assert "| denoiser | 7,127,556 | 4,500 | 30.0 | validation_gain 0.0123 |" in card()


def test_imagined_voices_are_told_with_what_they_rest_on() -> None:
    assert "1.9 % of the variance of held-out voices" in card(SimpleNamespace(held_out_score=0.0189))
    assert "borrowed" not in card()


def test_sizes_and_conditions_are_those_of_the_settings() -> None:
    assert "side: 64 px, 128 px by the upsampler" in card()
    text = card(drawing={"image_px": 32, "conditions": ["voice", "age"]})
    assert "side: 32 px\n" in text
    assert "conditions: age, voice;" in text

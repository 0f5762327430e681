"""A match's attention: the maps are those of the match's own log odds, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.pipeline.match_attention import LONGEST_S, log_odds, match_attention, spoken_part
from visavox.pipeline.media_vectors import CutFace, CutVoice

RATE = 16_000


class ToyMedia:
    """A face is the brightness of its upper left quarter; a voice the power of its first half, both as angles."""

    def cut_face(self, pixels: np.ndarray) -> CutFace:
        return CutFace([pixels], 1, "")

    def faces(self, cuts: Sequence[CutFace]) -> list[Any]:
        return [angle(cut.crops[0][:32, :32].mean() / 255) for cut in cuts]

    def voices(self, cuts: Sequence[CutVoice]) -> list[Any]:
        return [angle(min(1.0, float(np.mean(cut.parts[0][: len(cut.parts[0]) // 2] ** 2)))) for cut in cuts]


def angle(of: float) -> Any:
    return SimpleNamespace(vectors=np.array([[np.cos(of), np.sin(of)]], np.float32))


def toy_model(scale: float = 10.0) -> Any:
    def place(found: Any) -> Any:
        return SimpleNamespace(vector=found.vectors[0])

    preprocess = SimpleNamespace(match_scale=scale)
    return SimpleNamespace(media=ToyMedia(), place_voice=place, place_face=place, preprocess=preprocess)


def face(brightness: int) -> np.ndarray:
    crop = np.full((64, 64, 3), 10, np.uint8)
    crop[:32, :32] = brightness
    return crop


def voice(seconds: float = 1.0) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(int(seconds * RATE)).astype(np.float32)


def test_log_odds_are_those_of_the_softmax() -> None:
    scores = np.random.default_rng(0).normal(size=(5, 4))
    for place in range(4):
        for row, found in zip(scores, log_odds(scores, place), strict=True):
            p = np.exp(row[place]) / sum(np.exp(score) for score in row)
            assert found == pytest.approx(np.log(p / (1 - p)))


def test_log_odds_of_two_are_the_difference_and_never_overflow() -> None:
    assert log_odds(np.array([[1000.0, -1000.0]]), 0).tolist() == [2000.0]


def test_the_faces_map_lights_up_where_the_encoder_looks_and_nowhere_else() -> None:
    attention = match_attention(toy_model(), voice(), [face(250), face(20)])
    assert attention.chosen == 0 and attention.begin_s == 0.0
    effect = attention.faces[0].effect
    assert effect.shape == (64, 64) and effect.max() > 0.1


def test_the_voice_speaks_in_its_first_half() -> None:
    attention = match_attention(toy_model(), voice(2.0), [face(250), face(20)])
    n_frames = attention.voice.effect.shape[1]
    first, last = attention.voice.effect[:, : n_frames // 3], attention.voice.effect[:, -n_frames // 4 :]
    assert abs(first).max() > 20 * abs(last).max()
    assert attention.largest == max(abs(attention.voice.effect).max(), *(abs(f.effect).max() for f in attention.faces))


def test_maps_grow_with_the_scale_of_the_match() -> None:
    """The log odds of two faces are the scale times the difference of their cosines."""
    once, twice = (match_attention(toy_model(scale), voice(), [face(250), face(20)]) for scale in (5.0, 10.0))
    np.testing.assert_allclose(twice.faces[1].effect, 2 * once.faces[1].effect, rtol=1e-3, atol=1e-5)


def test_progress_counts_every_covered_copy_once() -> None:
    said: list[tuple[int, int]] = []
    match_attention(
        toy_model(), voice(), [face(250), face(20)], progress=lambda done, total: said.append((done, total))
    )
    parts = [done / total for done, total in said]
    assert parts == sorted(parts) and parts[-1] == 1.0


def test_a_long_voice_is_looked_into_where_somebody_speaks(spoken: np.ndarray) -> None:
    silence = np.zeros(9 * RATE, np.float32)
    part, begin_s = spoken_part(np.concatenate([silence, spoken]))
    assert len(part) == LONGEST_S * RATE
    assert 9 + len(spoken) / RATE - LONGEST_S - 0.1 <= begin_s <= 9.0 + 0.5
    whole, start_s = spoken_part(spoken)
    assert whole is spoken and start_s == 0.0


@pytest.fixture(scope="module")
def spoken() -> np.ndarray:
    from visavox.world.people import make_person
    from visavox.world.voices.synthetic_voices import Take, speak

    return speak(make_person(0, seed=0).voice, Take(duration_s=4.0), np.random.default_rng(0))


def test_one_face_is_no_choice() -> None:
    with pytest.raises(ConfigError, match=r"`faces` must hold at least 2 candidates. Got 1."):
        match_attention(toy_model(), voice(), [face(250)])

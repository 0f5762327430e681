"""Options become a world; what contradicts itself is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.config import SimulateConfig
from visavox.errors import ConfigError, UnknownNameError
from visavox.pipeline.simulating import population_of, simulate_world, world_of
from visavox.world.population import Leaks, Population
from visavox.world.presets import PRESETS
from visavox.world.world_folder import VectorSettings, VideoSettings


def config(**options: Any) -> SimulateConfig:
    return SimulateConfig(out=Path("w"), **options)


def test_without_options_it_is_the_default_world_of_300_people_in_videos() -> None:
    world = world_of(config())
    assert (world.n_people, world.n_clips, world.seed, world.layout) == (300, 4, 0, "videos")
    assert world.population == PRESETS["default"]
    assert world.video == VideoSettings(clip_s=4.0, frame_px=256)


def test_every_option_arrives_where_it_belongs() -> None:
    world = world_of(config(people=8, clips=3, seed=7, clip_s=3.5, frame_px=192, leak_recording=0.4, leak_language=0.2))
    assert (world.n_people, world.n_clips, world.seed) == (8, 3, 7)
    assert world.video == VideoSettings(clip_s=3.5, frame_px=192)
    assert world.population.leaks == Leaks(recording=0.4, language=0.2)
    vectors = world_of(config(embeddings_only=True, nuisance=0.3, dim=64))
    assert (vectors.layout, vectors.vectors) == ("embeddings", VectorSettings(nuisance=0.3, dim=64))
    assert world_of(config(layout="pairs")).layout == "pairs"


def test_what_is_shared_comes_from_a_preset_from_ceilings_or_from_numbers() -> None:
    leaks = Leaks(nationality=0.5)
    human = population_of(config(preset="human", leak_nationality=0.5))
    assert human.correlations == PRESETS["human"].correlations and human.leaks == leaks
    solved = population_of(config(ceiling_g=0.8, ceiling_mixed=0.99, leak_nationality=0.5))
    assert 0.3 < solved.correlations[0] < 0.7 and solved.leaks == leaks
    numbers = config(correlations=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), face_reliability=0.8, voice_reliability=0.9)
    assert population_of(numbers) == Population((0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 0.8, 0.9)
    assert population_of(config(voice_reliability=0.7)).correlations == PRESETS["default"].correlations


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"people": 0}, "`people` must be at least 2. Got 0"),
        ({"people": 1}, "`people` must be at least 2. Got 1"),
        ({"clips": 0}, "`clips` must be at least 1. Got 0"),
        ({"seed": -1}, "`seed` must be at least 0. Got -1"),
        ({"workers": -1}, "`workers` must be at least 0. Got -1"),
        ({"ceiling_g": 0.8}, "`ceiling_g` and `ceiling_mixed` need each other"),
        ({"ceiling_mixed": 0.8}, "`ceiling_g` and `ceiling_mixed` need each other"),
        ({"preset": "human", "ceiling_g": 0.8, "ceiling_mixed": 0.9}, "and `preset` are different ways"),
        ({"preset": "human", "correlations": (0.5,) * 6}, "`correlations` and `preset` are different ways"),
        ({"face_reliability": 0.9, "preset": "default"}, "`face_reliability` and `preset` are different ways"),
        ({"nuisance": 0.1}, "`nuisance` means nothing for a world of videos"),
        ({"layout": "pairs", "dim": 64}, "`dim` means nothing for a world of pairs"),
        ({"layout": "pairs", "clip_s": 3.0}, "`clip_s` means nothing for a world of pairs"),
        ({"embeddings_only": True, "frame_px": 128}, "`frame_px` means nothing for a world of embeddings"),
        ({"embeddings_only": True, "layout": "pairs"}, "`layout` means nothing for a world of embeddings"),
        ({"embeddings_only": True, "nuisance": float("nan")}, "`nuisance` must be at least 0. Got nan"),
    ],
)  # fmt: skip
def test_options_that_contradict_each_other_or_would_be_ignored_are_refused(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        world_of(config(**options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"correlations": (0.5,)}, "`correlations` must have one number for each of"),
        ({"correlations": (0.5,) * 5 + (1.0,)}, "correlation of mouth must be at least 0 and below 1. Got 1"),
        ({"face_reliability": 0.4}, "`face_reliability` must be between 0.5 and 1. Got 0.4"),
        ({"leak_language": 1.5}, "language.* must be .*Got 1.5"),
        ({"leak_recording": 0.5, "clips": 2}, "A person's clips must be at least 3 where recordings leak"),
        ({"ceiling_g": 0.4, "ceiling_mixed": 0.9}, "0.4"),
        ({"ceiling_g": 0.9, "ceiling_mixed": 0.8}, "0.9.*0.8"),
        ({"ceiling_g": 0.9, "ceiling_mixed": 1.0}, "1.0"),
        ({"frame_px": 255}, "`frame_px` must be even"),
        ({"clip_s": 9.0}, "`clip_s` must be between 3 and 6"),
        ({"embeddings_only": True, "dim": 4}, "`dim` must be 0 or at least 15"),
    ],
)
def test_a_world_that_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        simulate_world(SimulateConfig(out=tmp_path / "w", people=2, **options))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "w").exists()


def test_an_unknown_preset_gets_the_names_of_the_known() -> None:
    with pytest.raises(UnknownNameError, match="Unknown preset 'humane'. Did you mean 'human'?"):
        world_of(config(preset="humane"))
    with pytest.raises(UnknownNameError, match="Unknown preset ''"):
        world_of(config(preset=""))


@pytest.mark.usefixtures("quick_ceiling")
def test_the_outcome_says_what_was_made_and_what_could_be_reached(tmp_path: Path) -> None:
    asked = SimulateConfig(out=tmp_path / "w", people=6, clips=2, embeddings_only=True)
    outcome = simulate_world(asked)
    assert (outcome.n_clips, outcome.world.n_people, outcome.out) == (12, 6, tmp_path / "w")
    assert 0.9 < outcome.ceiling["honest"]["voice_to_face"]["matching"]["same_sex"]["value"] < 1.0
    assert simulate_world(asked).ceiling == outcome.ceiling


def test_wildness_is_of_media() -> None:
    with pytest.raises(ConfigError, match="`wildness` means nothing for a world of embeddings"):
        world_of(SimulateConfig(out=Path("w"), embeddings_only=True, wildness=0.5))
    assert world_of(SimulateConfig(out=Path("w"), layout="pairs", wildness=0.5)).wildness == 0.5

"""What is drawn, as judges see it: by a method, from a folder, with gaps."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.pipeline.drawing.stand_in_judges import StandInJudges

from visavox.errors import DataError, MediaError
from visavox.generation.provenance import FROM_FACE, Condition
from visavox.media.images import write_face
from visavox.pipeline.drawing.contestants import (
    SHOWN_PX,
    UNKNOWN,
    folder_contestant,
    own_face_contestant,
    redrawn_with_others,
    scaled,
    spread_rows,
    voice_contestant,
)
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.tested_clips import TestedClips

NAMES = ("a", "b", "c")


def clips(names: tuple[str, ...] = NAMES) -> TestedClips:
    paths = tuple(Path(f"{name}.wav") for name in names)
    return TestedClips("three", names, names, names, ("m", "f", "m"), paths, paths, "hash")


def draw(voice: Path, n_samples: int) -> np.ndarray:
    """Grey as the letter of the file, brighter from sample to sample."""
    level = 60 * NAMES.index(voice.stem) + 20
    return np.stack([np.full((16, 16, 3), level + i, np.uint8) for i in range(n_samples)])


def judges() -> Any:
    return StandInJudges()


def test_a_method_draws_from_every_voice_and_its_first_sample_is_judged() -> None:
    done: list[int] = []
    found = voice_contestant("ours", draw, clips(), judges(), n_samples=3, step=done.append)
    assert (found.name, found.kind, found.told, found.leaks) == ("ours", "model", "voice (from voice)", False)
    assert found.features["dlib"][:, 0] == pytest.approx(np.array([20, 80, 140]) / 255, abs=1e-3)
    assert found.samples["dlib"].shape == (3, 3, 48)
    assert found.samples["dlib"][1, :, 0] == pytest.approx(np.array([80, 81, 82]) / 255, abs=1e-3)
    assert found.pictures.shape == (3, SHOWN_PX, SHOWN_PX, 3) and found.pictures[2].mean() == pytest.approx(140)
    assert found.male.tolist() == [-90, -30, 30] and found.drawn.all() and found.found.all()
    assert sum(done) == 9


def test_one_sample_a_voice_leaves_no_samples_to_compare() -> None:
    assert voice_contestant("ours", draw, clips(), judges()).samples == {}


def test_a_voice_that_cannot_be_used_is_a_gap_with_its_reason() -> None:
    def fails(voice: Path, n_samples: int) -> np.ndarray:
        if voice.stem == "b":
            raise MediaError("silent", status="silent_voice")
        return draw(voice, n_samples)

    found = voice_contestant("ours", fails, clips(), judges(), n_samples=2)
    assert found.drawn.tolist() == [True, False, True] and found.found.tolist() == [True, False, True]
    assert np.isnan(found.features["dlib"][1]).all() and np.isnan(found.male[1]) and not found.pictures[1].any()
    assert found.note == "1 voices could not be used: b (silent_voice)."
    assert found.samples["dlib"].shape[0] == 2


def test_a_drawer_that_fails_everywhere_is_refused() -> None:
    def fails(voice: Path, n_samples: int) -> np.ndarray:
        raise MediaError("silent", status="silent_voice")

    with pytest.raises(DataError, match="ours could draw from none of the 3 voices: a"):
        voice_contestant("ours", fails, clips(), judges())


def test_conditions_of_the_true_face_are_marked() -> None:
    found = voice_contestant("ours", draw, clips(), judges(), told=(Condition("guide", FROM_FACE),))
    assert found.leaks and found.told == "guide (from the true face)"


def voiced(folder: Path) -> TestedClips:
    """Clips whose voice files say who speaks."""
    for name in NAMES:
        (folder / f"{name}.wav").write_text(name, encoding="utf-8")
    found = clips()
    return dataclasses.replace(found, voices=tuple(folder / f"{name}.wav" for name in NAMES))


def test_a_drawer_that_hears_and_nothing_else_is_not_drawn_anew(tmp_path: Path) -> None:
    asked: list[str] = []

    def hears(voice: Path, n_samples: int) -> np.ndarray:
        asked.append(voice.read_text(encoding="utf-8"))
        return draw(Path(asked[-1]), n_samples)

    found = redrawn_with_others(hears, voiced(tmp_path), judges(), rng=np.random.default_rng(0), n_checked=2)
    assert found is None and len(asked) == 4 and asked[0] == asked[1] != "a"


def test_a_drawer_that_looks_at_the_name_is_drawn_anew_and_shows_it(tmp_path: Path) -> None:
    found = redrawn_with_others(draw, voiced(tmp_path), judges(), rng=np.random.default_rng(0))
    assert found is not None
    assert sorted(found.heard.tolist()) == [0, 1, 2] and (found.heard != np.arange(3)).all()
    assert found.features["dlib"][:, 0] == pytest.approx(np.array([20, 80, 140]) / 255, abs=1e-3)


def test_voices_that_cannot_be_used_are_gaps_when_drawn_anew(tmp_path: Path) -> None:
    def fails(voice: Path, n_samples: int) -> np.ndarray:
        if voice.stem == "b":
            raise MediaError("silent", status="silent_voice")
        return draw(voice, n_samples)

    found = redrawn_with_others(fails, voiced(tmp_path), judges(), rng=np.random.default_rng(0))
    assert found is not None and np.isnan(found.features["dlib"][1]).all()


def test_a_folder_of_pictures_is_read_by_clip(tmp_path: Path) -> None:
    for name, level in (("a", 10), ("c", 200)):
        write_face(tmp_path / f"{name}.jpg", np.full((40, 40, 3), level, np.uint8))
    found = folder_contestant("theirs", tmp_path, clips(), judges())
    assert (found.kind, found.told) == ("folder", UNKNOWN)
    assert found.drawn.tolist() == [True, False, True]
    assert found.note == "1 of 3 clips have no picture and count as guesses."
    assert found.features["dlib"][2, 0] == pytest.approx(200 / 255, abs=0.01)


def test_a_folder_of_other_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds a picture of none of the 3 clips, as of a"):
        folder_contestant("theirs", tmp_path, clips(), judges())
    with pytest.raises(DataError, match="must name folders of pictures"):
        folder_contestant("theirs", tmp_path / "gone", clips(), judges())


class Feature:
    """A face encoder of 8 numbers."""

    def encode(self, crops: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.full(8, crop.mean() / 100, np.float32) for crop in crops])


def test_the_true_face_goes_through_its_own_feature(tiny_generator: Path) -> None:
    looked = judges()
    looked.own = Feature()
    crops = [np.full((256, 256, 3), level, np.uint8) for level in (10, 120, 240)]
    found = own_face_contestant(Generator.load(tiny_generator), crops, looked)
    assert found is not None and (found.kind, found.leaks) == ("own face", True)
    assert found.told == "face (from the true face)" and "shown the true face" in found.note
    assert not np.array_equal(found.pictures[0], found.pictures[2])


def test_without_an_encoder_of_its_own_there_is_no_such_row(tiny_generator: Path) -> None:
    assert own_face_contestant(Generator.load(tiny_generator), [], judges()) is None


def test_rows_are_spread_over_the_clips() -> None:
    found = spread_rows(np.array([[1.0], [2.0]]), np.array([True, False, True]))
    assert found[[0, 2], 0].tolist() == [1, 2] and np.isnan(found[1, 0])


def test_pictures_are_scaled_to_one_side() -> None:
    assert scaled(np.zeros((300, 300, 3), np.uint8)).shape == (SHOWN_PX, SHOWN_PX, 3)
    same = np.zeros((SHOWN_PX, SHOWN_PX, 3), np.uint8)
    assert scaled(same) is same


def test_races_and_names_are_those_of_the_first_sample() -> None:
    class Naming(StandInJudges):
        def look(self, crops: Any, progress: Any = None) -> Any:
            sure = np.array([[crop.mean() / 255, 1 - crop.mean() / 255] for crop in crops], np.float32)
            return dataclasses.replace(super().look(crops), classes=sure)

    looked: Any = Naming()
    found = voice_contestant("ours", draw, clips(), looked, n_samples=2)
    assert found.race.tolist() == [0, 0, 1] and found.classes is not None
    assert found.classes[:, 0] == pytest.approx(np.array([20, 80, 140]) / 255, abs=1e-3)
    assert voice_contestant("ours", draw, clips(), judges()).classes is None


def test_a_gap_has_no_race_and_no_names() -> None:
    class Naming(StandInJudges):
        def look(self, crops: Any, progress: Any = None) -> Any:
            return dataclasses.replace(super().look(crops), classes=np.ones((len(crops), 1), np.float32))

    def fails(voice: Path, n_samples: int) -> np.ndarray:
        if voice.stem == "a":
            raise MediaError("silent", status="silent_voice")
        return draw(voice, n_samples)

    looked: Any = Naming()
    found = voice_contestant("ours", fails, clips(), looked)
    assert np.isnan(found.race[0]) and found.classes is not None
    assert np.isnan(found.classes[0]).all() and np.isfinite(found.classes[1:]).all()


class Pooling:
    """Stands for Inception: one mean."""

    def encode(self, crops: list[np.ndarray]) -> np.ndarray:
        return np.array([[crop.mean()] for crop in crops])


def test_inception_sees_every_sample() -> None:
    looked: Any = StandInJudges(inception=Pooling())
    found = voice_contestant("ours", draw, clips(), looked, n_samples=3)
    assert found.inception is not None and found.inception.shape == (9, 1)
    levels = [level + i for level in (20, 80, 140) for i in range(3)]
    assert sorted(found.inception[:, 0]) == pytest.approx(levels, abs=0.6)
    assert voice_contestant("ours", draw, clips(), judges(), n_samples=3).inception is None


def test_a_drawer_is_checked_with_as_many_voices_as_asked(tmp_path: Path) -> None:
    """It looks at one name only: two checked clips do not show it, three do."""

    def looks_at_c(voice: Path, n_samples: int) -> np.ndarray:
        shown = voice.stem if voice.stem == "c" else voice.read_text(encoding="utf-8")
        return draw(Path(shown), n_samples)

    voices = voiced(tmp_path)
    caught = [
        redrawn_with_others(looks_at_c, voices, judges(), rng=np.random.default_rng(1), n_checked=n) is not None
        for n in (1, 2, 3)
    ]
    assert caught[2]
    assert caught == sorted(caught)  # more checks catch no less


def test_the_voices_of_the_test_are_left_as_they_were(tmp_path: Path) -> None:
    voices = voiced(tmp_path)
    redrawn_with_others(draw, voices, judges(), rng=np.random.default_rng(0))
    assert [path.read_text(encoding="utf-8") for path in voices.voices] == list(NAMES)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.wav" for name in NAMES]


def test_a_decoder_of_another_feature_draws_no_true_face(tiny_generator: Path) -> None:
    class Wide(Feature):
        def encode(self, crops: list[np.ndarray]) -> np.ndarray:
            return np.zeros((len(crops), 9), np.float32)

    looked = judges()
    looked.own = Wide()
    crops = [np.full((256, 256, 3), 50, np.uint8)] * 3
    assert own_face_contestant(Generator.load(tiny_generator), crops, looked) is None


def test_pictures_of_any_size_are_shown_at_one_side(tmp_path: Path) -> None:
    for name, side in (("a", 40), ("b", 300), ("c", 224)):
        write_face(tmp_path / f"{name}.jpg", np.full((side, side, 3), 90, np.uint8))
    found = folder_contestant("theirs", tmp_path, clips(), judges())
    assert found.pictures.shape == (3, SHOWN_PX, SHOWN_PX, 3) and found.note == ""
    assert found.pictures.mean(axis=(1, 2, 3)) == pytest.approx(np.full(3, 90), abs=2)

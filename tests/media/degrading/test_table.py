"""The table of degradations: names, levels, purity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import visavox
from visavox.errors import ConfigError, UnknownNameError
from visavox.media.degrading.base import Degradation, Means
from visavox.media.degrading.table import BAND, CONDITIONS, DEGRADATIONS, MU_LAW, choose, find
from visavox.media.speech import SpeechSegment

LEVELS = [(row, level) for row in DEGRADATIONS for level in row.levels]


def means() -> Means:
    return Means(np.random.default_rng(5), [np.sin(np.arange(9000) * s).astype(np.float32) for s in (0.1, 0.3, 0.5)])


def test_the_conditions_are_those_of_the_documentation() -> None:
    voices = ("noise", "codec", "telephone", "reverberation", "length", "loudness")
    assert (*voices, "blur", "resolution", "pose", "occlusion", "jpeg", "brightness") == CONDITIONS
    assert {row.condition for row in DEGRADATIONS if row.modality == "voice"} == set(voices)


def test_levels_are_those_that_were_asked_for() -> None:
    assert find("white_noise").levels == find("babble").levels == (20, 10, 5, 0)
    assert find("mp3").levels == (64, 32, 16)
    assert find("opus").levels == (24, 12, 6)
    assert find("telephone").levels == (BAND, MU_LAW)
    assert find("reverberation").levels == (0.3, 0.6, 1.0)
    assert set(find("length").levels) == {0.5, 1, 2, 3, 5, 10}
    assert find("resolution").levels == (64, 32, 16, 8)


def test_names_are_unique_and_texts_are_sentences() -> None:
    names = [row.name for row in DEGRADATIONS]
    assert len(set(names)) == len(names)
    assert all(row.about.endswith(".") for row in DEGRADATIONS)
    assert not {row.name for row in DEGRADATIONS if row.condition != row.name} & set(CONDITIONS)


@pytest.mark.parametrize("row", [row for row in DEGRADATIONS if row.is_ordered], ids=lambda row: row.name)
def test_numbers_run_in_one_direction_away_from_clean(row: Degradation) -> None:
    levels = [float(level) for level in row.levels]
    assert levels in (sorted(levels), sorted(levels, reverse=True))
    if row.clean is not None:
        assert abs(levels[0] - row.clean) < abs(levels[-1] - row.clean)


@pytest.mark.parametrize(("row", "level"), LEVELS, ids=lambda part: getattr(part, "name", str(part)))
def test_every_level_gives_other_media_of_the_same_kind_and_again_the_same(
    row: Degradation, level: object, voice: np.ndarray, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Detector:
        def segments(self, _: np.ndarray) -> list[SpeechSegment]:
            return [SpeechSegment(0.1, 11.0)]

    monkeypatch.setattr("visavox.media.degrading.length._detector", Detector)
    given = np.tile(voice, 6) if row.modality == "voice" else face
    before = given.copy()
    one, two = (row.run(given, level, means()) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.array_equal(given, before)
    assert one.dtype == given.dtype
    assert one.shape == given.shape or row.name == "length"
    assert one.shape != given.shape or not np.array_equal(one, given)
    assert np.isfinite(one).all()


def test_choosing_takes_conditions_and_single_names_in_the_order_of_the_table() -> None:
    assert choose([]) == DEGRADATIONS
    assert [row.name for row in choose(["blur", "codec"])] == ["mp3", "opus", "aac", "blur"]
    assert [row.name for row in choose(["opus", "white_noise"])] == ["white_noise", "opus"]


def test_an_unknown_name_gives_the_list() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown condition 'nois'\. Did you mean 'noise'.* Known: aac, babble"):
        choose(["nois"])
    with pytest.raises(UnknownNameError, match=r"Unknown degradation 'noise'\. .*Known: aac"):
        find("noise")


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"A condition must be named once\. Got 'blur' 2 times\."):
        choose(["blur", "codec", "blur"])


def test_the_documentation_names_every_condition_and_degradation() -> None:
    page = (Path(visavox.__file__).parents[2] / "docs" / "robustness.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| ")][1:]
    named = {(row[0].strip(), name) for row in rows for name in row[1].strip().split(", ")}
    assert named == {(row.condition, row.name) for row in DEGRADATIONS}

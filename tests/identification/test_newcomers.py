"""Newcomers: what the strangers' scores become."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from visavox.identification.channel import Channel
from visavox.identification.newcomers import clip_ratios, clips_of, evenly, with_newcomers
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import Fusion
from visavox.identification.strangers import StrangerScores

MakeSamples = Callable[..., Samples]
FUSIONS = {
    ("voice",): Fusion({"voice": 2.0}, -1.0),
    ("face",): Fusion({"face": 3.0}, 0.5),
    ("voice", "face"): Fusion({"voice": 1.0, "face": 2.0}, 0.25),
}


def both(make_samples: MakeSamples, spy: type) -> dict[str, Channel]:
    voices, faces = make_samples(4, 2), make_samples(4, 2, modality="face")
    faces = faces.select([i for i in range(8) if i not in (0, 1, 6)])  # p0 has no face, the first clip of p3 neither
    return {m: Channel.fitted(part, {"name": "spy"}) for m, part in (("voice", voices), ("face", faces))}


def score(channel: Channel, clip: str, name: str) -> float:
    """A clip times the mean of a person, as the spy scores; nan where either is missing."""
    samples = channel.samples
    own = [i for i, person in enumerate(samples.people) if person == name]
    if clip not in samples.clips or not own:
        return float("nan")
    return float(samples.vectors[samples.clips.index(clip)] @ samples.vectors[own].mean(axis=0))


def test_ratios_of_clips_equal_a_loop(make_samples: MakeSamples, spy: type) -> None:
    channels, names = both(make_samples, spy), ["p3", "p0", "p1", "p2"]
    clips = ["p1-0", "p3-1", "p2-1"]
    found = clip_ratios(channels, FUSIONS, ("voice", "face"), clips, names)  # type: ignore[arg-type]
    for row, clip in zip(found, clips, strict=True):
        for ratio, name in zip(row, names, strict=True):
            voice, face = score(channels["voice"], clip, name), score(channels["face"], clip, name)
            expected = 2 * voice - 1 if np.isnan(face) else voice + 2 * face + 0.25
            assert ratio == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_clips_of_people_have_every_modality_asked_for(make_samples: MakeSamples, spy: type) -> None:
    channels = both(make_samples, spy)
    assert clips_of(channels, ("voice",), ["p0", "p3"]) == {  # type: ignore[arg-type]
        "p0-0": "p0", "p0-1": "p0", "p3-0": "p3", "p3-1": "p3",
    }  # fmt: skip
    assert clips_of(channels, ("voice", "face"), ["p0", "p3"]) == {"p3-1": "p3"}  # type: ignore[arg-type]
    assert clips_of(channels, ("face",), ["nobody"]) == {}  # type: ignore[arg-type]


def test_strangers_ask_newcomers_and_newcomers_ask_as_strangers(make_samples: MakeSamples, spy: type) -> None:
    channels = {"voice": Channel.fitted(make_samples(4, 2), {"name": "spy"})}
    names = ["p0", "p1", "p2", "p3"]
    before = StrangerScores.of(np.array([-50.0, 1000.0]), ["p0", "p1"], ["p0-0", "p1-1"])
    found = with_newcomers({("voice",): before}, channels, FUSIONS, names, ["p2", "p3"])[("voice",)]  # type: ignore[arg-type,dict-item]

    def ratio(clip: str, name: str) -> float:
        return 2 * score(channels["voice"], clip, name) - 1

    expected = {"p1-1": 1000.0, "p0-0": max(-50.0, ratio("p0-0", "p2"), ratio("p0-0", "p3"))}
    for clip in ("p2-0", "p2-1", "p3-0", "p3-1"):
        expected[clip] = max(ratio(clip, name) for name in names if name != clip[:2])
    assert dict(zip(found.clips, found.scores, strict=True)) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert all(clip.startswith(owner) for clip, owner in zip(found.clips, found.owners, strict=True))
    assert (np.diff(found.scores) >= 0).all()


def test_a_combination_that_a_newcomer_lacks_gains_no_stranger(make_samples: MakeSamples, spy: type) -> None:
    channels = both(make_samples, spy)
    none = StrangerScores.of(np.empty(0), [], [])
    strangers = dict.fromkeys(FUSIONS, none)
    found = with_newcomers(strangers, channels, FUSIONS, ["p0", "p1", "p2", "p3"], ["p0"])  # type: ignore[arg-type]
    assert {c: len(part) for c, part in found.items()} == {("voice",): 2, ("face",): 0, ("voice", "face"): 0}


@pytest.mark.parametrize("pair", [("p1", "p3"), ("p3", "p1"), ("p2", "p3")])
def test_names_of_one_person_are_no_strangers_to_each_other(
    pair: tuple[str, str], make_samples: MakeSamples, spy: type
) -> None:
    """Whoever was added under a second name raised the first one's clips, until nobody was convincing enough."""
    channels = {"voice": Channel.fitted(make_samples(4, 2), {"name": "spy"})}
    names, newcomers = ["p0", "p1", "p2", "p3"], ["p2", "p3"]
    before = StrangerScores.of(np.array([-50.0, -50.0]), ["p0", "p1"], ["p0-0", "p1-1"])
    found = with_newcomers({("voice",): before}, channels, FUSIONS, names, newcomers, alike=[pair])[("voice",)]  # type: ignore[arg-type,dict-item]
    for clip, owner, best in zip(found.clips, found.owners, found.scores, strict=True):
        apart = [n for n in (names if owner in newcomers else newcomers) if n != owner and {n, owner} != set(pair)]
        expected = max(2 * score(channels["voice"], clip, name) - 1 for name in apart)
        assert best == pytest.approx(max(expected, -50), rel=1e-4, abs=1e-4)


def test_ratios_may_be_against_some_people_only(make_samples: MakeSamples, spy: type) -> None:
    channels = both(make_samples, spy)
    every = clip_ratios(channels, FUSIONS, ("voice",), ["p1-0", "p3-1"], ["p0", "p1", "p2", "p3"])  # type: ignore[arg-type]
    some = clip_ratios(channels, FUSIONS, ("voice",), ["p1-0", "p3-1"], ["p3", "p1"])  # type: ignore[arg-type]
    np.testing.assert_array_equal(some, every[:, [3, 1]])


@pytest.mark.parametrize("n", [0, 1, 2, 5, 6, 7, 100])
def test_evenly_spaced_values_are_at_most_so_many_and_begin_with_the_first(n: int) -> None:
    values = list(range(n))
    found = evenly(values, 3)
    assert len(found) <= 3
    assert found[:1] == values[:1]
    assert len({b - a for a, b in itertools.pairwise(found)}) <= 1
    assert evenly(values, 1000) == values

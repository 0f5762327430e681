"""What is told of a face in training: windows at random, labels, guides, and what is forgotten."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from visavox.errors import DataError
from visavox.models.diffusion.condition_tokens import KINDS
from visavox.models.diffusion.conditions import ETHNICITIES, GENDERS, LANGUAGES, MAX_SEGMENTS, MAX_WINDOWS, MEL_VALUES
from visavox.models.diffusion.guides import low_resolution
from visavox.pipeline.drawing.heard_clips import HeardClips
from visavox.pipeline.drawing.pictures import LabelledPictures, PairedPictures
from visavox.pipeline.drawing.told_faces import Forgetting, ToldFaces, as_tensor, read_labels

PAIRED, UNPAIRED, DIM = 4, 3, 6
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (PAIRED + UNPAIRED, 16, 16, 3), dtype=np.uint8)
NEVER = Forgetting(0.0, 0.0, 0.0)


def heard() -> HeardClips:
    draws = torch.Generator().manual_seed(0)
    known = torch.arange(MAX_WINDOWS)[None] < torch.tensor([1, 3, 8, 2])[:, None]
    return HeardClips(
        torch.randn(PAIRED, DIM, generator=draws),
        torch.randn(PAIRED, MAX_WINDOWS, DIM, generator=draws),
        known,
        torch.randn(PAIRED, MAX_SEGMENTS, MEL_VALUES, generator=draws),
        torch.zeros(PAIRED, MAX_SEGMENTS, dtype=torch.bool),
    )


def labelled() -> LabelledPictures:
    return LabelledPictures(
        PICTURES[PAIRED:],
        np.array([20, 40, 60], np.float32),
        np.array([True, False, True]),
        np.array([0, 2, 4]),
        np.zeros(3, bool),
    )


def clips() -> PairedPictures:
    names = tuple("abcd")
    return PairedPictures(names, names, PICTURES[:PAIRED], (), (), ("m", "", "f", ""))


def faces(*kinds: str, forgetting: Forgetting = NEVER, **options: Any) -> ToldFaces:
    labels = read_labels(clips(), labelled(), np.arange(UNPAIRED))
    return ToldFaces(
        kinds=kinds or ("voice", "windows"),
        heard=heard(),
        labels=labels,
        pictures=PICTURES,
        forgetting=forgetting,
        **options,
    )


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_labels_are_read_by_name() -> None:
    labels = read_labels(clips(), labelled(), np.array([0, 2]))
    names = [GENDERS[index] if index >= 0 else "" for index in labels.gender.tolist()]
    assert names == ["male", "", "female", "", "male", "male"]
    assert [ETHNICITIES[index] for index in labels.ethnicity.tolist()[4:]] == ["white", "other"]
    assert labels.known("age").tolist() == [False] * 4 + [True] * 2
    assert not labels.known("language").any()


def test_without_draws_everything_is_told_that_is_known() -> None:
    some = faces()
    told = some.told(torch.tensor([1, 5]), None)
    assert told.known("voice").tolist() == [True, False]
    assert told.known("windows").sum(dim=1).tolist() == [3, 0]
    assert torch.equal(told.voice[0], some.heard.whole[1])
    assert torch.equal(told.windows[0, :3], some.heard.windows[1, :3])


def test_a_random_number_of_windows_is_shown_one_at_least() -> None:
    some, rows = faces(), torch.full((400,), 2)
    counts = some.told(rows, draws()).known("windows").sum(dim=1)
    assert sorted(set(counts.tolist())) == list(range(1, 9))
    one = some.told(torch.zeros(50, dtype=torch.int64), draws()).known("windows")
    assert (one.sum(dim=1) == 1).all()


def test_only_windows_of_the_clip_are_shown() -> None:
    some = faces()
    for row in range(PAIRED):
        shown = some.told(torch.full((100,), row), draws(row)).known("windows")
        assert not (shown & ~some.heard.windows_known[row]).any()


def test_the_vector_is_the_whole_voice_or_the_mean_of_what_is_shown() -> None:
    some = faces()
    told = some.told(torch.full((60,), 1), draws())
    whole = 0
    for row in range(60):
        mean = told.windows[row][told.known("windows")[row]].mean(dim=0)
        mean = mean / mean.norm() * some.heard.whole[1].norm()
        is_whole = torch.allclose(told.voice[row], some.heard.whole[1])
        assert is_whole or torch.allclose(told.voice[row], mean, atol=1e-5)
        whole += is_whole
    assert 15 < whole < 45


def test_labels_are_told_where_they_are_wanted() -> None:
    told = faces("age", "gender", "ethnicity", "voice").told(torch.tensor([0, 4, 5]), draws())
    assert told.known("age").tolist() == [False, True, True]
    assert told.age.tolist()[1:] == [20, 40]
    assert told.known("gender").tolist() == [True, True, True]
    assert told.known("ethnicity").tolist() == [False, True, True]
    assert not told.known("windows").any()


def test_guides_show_the_face() -> None:
    told = faces("guide", "blurred_guide").told(torch.tensor([0, 6]), None)
    torch.testing.assert_close(told.guide, low_resolution(as_tensor(PICTURES[[0, 6]])))
    assert told.known("guide").all()
    assert told.known("blurred_guide").all()
    again = faces("blurred_guide").told(torch.tensor([0, 6]), draws())
    assert not torch.equal(again.blurred_guide, told.blurred_guide)


def test_things_are_forgotten_as_often_as_asked() -> None:
    some = faces("gender", "voice", forgetting=Forgetting(attribute=0.2, voice=0.1, everything=0.1))
    told = some.told(torch.zeros(4000, dtype=torch.int64), draws())
    nothing = ~told.known("gender") & ~told.known("voice")
    assert float(told.known("gender").float().mean()) == pytest.approx(0.9 * 0.8, abs=0.03)
    assert float(told.known("voice").float().mean()) == pytest.approx(0.9 * 0.9, abs=0.03)
    assert float(nothing.float().mean()) == pytest.approx(0.1 + 0.9 * 0.2 * 0.1, abs=0.03)


def test_draws_decide_and_nothing_else() -> None:
    some = faces(forgetting=Forgetting())
    rows = torch.arange(PAIRED)
    first, again, other = (some.told(rows, draws(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(getattr(first, kind), getattr(again, kind)) for kind in KINDS)
    assert all(torch.equal(first.known(kind), again.known(kind)) for kind in KINDS)
    assert not torch.equal(first.known("windows"), other.known("windows"))


def test_clips_of_others_are_all_paired() -> None:
    others = faces("voice", "age").of_others(heard(), read_labels(clips(), labelled(), np.arange(0)), PICTURES[:PAIRED])
    assert others.n_paired == len(others) == PAIRED
    assert others.told(torch.arange(PAIRED), None).known("voice").all()


def test_a_condition_that_nobody_has_is_refused() -> None:
    with pytest.raises(DataError, match="`conditions` names language, which neither the corpus nor a table says"):
        faces("voice", "language")


def test_given_ages_and_languages_of_clips_are_told() -> None:
    known = dataclasses.replace(
        clips(), ages=(30.0, math.nan, 50.0, math.nan), languages=("welsh", "", "klingon", "english")
    )
    labels = read_labels(known, labelled(), np.arange(UNPAIRED))
    assert labels.known("age").tolist() == [True, False, True, False] + [True] * UNPAIRED
    assert labels.known("language").tolist() == [True, False, False, True] + [False] * UNPAIRED
    assert labels.language is not None
    assert [LANGUAGES[index] for index in labels.language[[0, 3]].tolist()] == ["welsh", "english"]
    of_all = ToldFaces(
        kinds=("voice", "age", "language"), heard=heard(), labels=labels, pictures=PICTURES, forgetting=NEVER
    )
    told = of_all.told(torch.arange(PAIRED), None)
    assert told.known("language").tolist() == [True, False, False, True]
    assert told.age[told.known("age")].tolist() == [30.0, 50.0]


def test_pictures_become_numbers_in_0_to_1() -> None:
    found = as_tensor(PICTURES[:2])
    assert found.shape == (2, 3, 16, 16)
    assert float(found[1, 2, 3, 4]) == pytest.approx(PICTURES[1, 3, 4, 2] / 255)

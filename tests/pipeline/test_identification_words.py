"""What `enroll` and `identify` say in one wording."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import Fusion
from visavox.identification.strangers import least_rate
from visavox.pipeline.identification_words import rate_sentence, weightless_sentences


@pytest.mark.parametrize(
    ("asked", "n_strangers", "needed"), [(0.01, 97, 99), (0.05, 10, 19), (0.3, 1, 3), (1 / 3, 1, 2)]
)
def test_the_clips_that_lack_are_those_after_which_the_rate_can_be_promised(
    asked: float, n_strangers: int, needed: int
) -> None:
    said = rate_sentence(asked, n_strangers)
    assert f"needs {needed}. Enrol {needed - n_strangers} more" in said
    assert least_rate(np.zeros(needed)) <= asked * (1 + 1e-9) < least_rate(np.zeros(needed - 1))
    assert f"asked {asked:g}, {1 / (n_strangers + 1):.3g} used" in said


def test_a_modality_without_weight_is_said() -> None:
    rng = np.random.default_rng(0)
    keys = tuple(f"k{i}" for i in range(8))
    names = tuple(f"p{i // 2}" for i in range(8))
    vectors = (np.repeat(rng.normal(size=(4, 8)), 2, axis=0) + 0.1 * rng.normal(size=(8, 8))).astype(np.float32)
    people = EnrolledPeople.enroll(
        {m: Samples(m, keys, keys, names, ("",) * 8, np.ones(8, np.float32), vectors) for m in ("voice", "face")}
    )
    people.fusions["voice", "face"] = Fusion({"voice": 0.0, "face": 2.0}, 0.0)
    assert list(weightless_sentences(people)) == ["The voice counts nothing beside the face here."]
    people.fusions["voice", "face"] = Fusion({"voice": 1.0, "face": 2.0}, 0.0)
    assert list(weightless_sentences(people)) == []
    people.fusions["voice", "face"] = Fusion({"voice": 0.0, "face": 0.0}, 0.0)
    assert list(weightless_sentences(people)) == []

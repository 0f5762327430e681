"""Which associator stands on trained encoders: heads, closed forms, both, or the best of them on validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from visavox.batches.pair_batches import Pairs
from visavox.errors import ConfigError, UnknownNameError
from visavox.models.associators.cca import CCA
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.two_tower import TwoTower
from visavox.pipeline.end_to_end_associator import candidates, check_learned_spec, fit_learned
from visavox.pipeline.monitoring import pair_figures
from visavox.pipeline.training import TrainingSettings

SETTINGS = TrainingSettings(n_epochs=1)


def make_pairs(n: int, seed: int) -> Pairs:
    rng = np.random.default_rng(seed)
    face = rng.normal(size=(n, 6))
    voice = face @ np.random.default_rng(9).normal(size=(6, 5)) + 0.5 * rng.normal(size=(n, 5))
    return Pairs.of(voice, face, identities=[f"{seed}-{i}" for i in range(n)])


HEADS = TwoTower(5, 6, hidden=(), output_dim=4)
TRAIN, HELD_OUT = make_pairs(100, 0), make_pairs(40, 1)


def fit(spec: Any) -> Any:
    return fit_learned(spec, HEADS, TRAIN, validation=HELD_OUT, settings=SETTINGS)


def test_heads_are_kept_as_they_were_trained() -> None:
    assert fit("heads").associator is HEADS
    assert fit({"name": "heads"}).associator is HEADS


def test_an_ensemble_may_hold_the_heads() -> None:
    spec = {"name": "ensemble", "members": ["heads", {"name": "cca", "n_components": 3}], "weights": [3, 1]}
    found = fit(spec)
    assert isinstance(found.associator, Ensemble)
    assert found.associator.members[0] is HEADS
    assert found.associator.weights == (0.75, 0.25)
    assert found.spec == spec


def test_anything_else_is_fitted_on_the_vectors() -> None:
    cca = fit({"name": "cca", "n_components": 3}).associator
    expected = CCA(5, 6, n_components=3).fit(TRAIN.voice, TRAIN.face)
    np.testing.assert_allclose(cca.encode_voice(HELD_OUT.voice), expected.encode_voice(HELD_OUT.voice), atol=1e-6)
    assert isinstance(fit({"name": "two_tower", "hidden": [4], "output_dim": 2}).associator, TwoTower)


def test_base_is_the_best_of_its_candidates_on_validation() -> None:
    allowed = HELD_OUT.allowed()
    scores = [pair_figures(fit(spec).associator, HELD_OUT, allowed).matching_score for spec in candidates(5)]
    found = fit("base")
    assert pair_figures(found.associator, HELD_OUT, allowed).matching_score == max(scores)
    assert found.spec == candidates(5)[int(np.argmax(scores))]
    assert max(scores) > scores[0] + 0.2  # heads that were never trained lose


def test_no_candidate_has_more_components_than_the_vectors() -> None:
    assert {spec["n_components"] for spec in candidates(5) if spec != "heads" and "n_components" in spec} == {4, 5}
    for spec in candidates(128):
        check_learned_spec(spec, SETTINGS)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("linear", "linear"),
        ({"name": "heads", "output_dim": 3}, "'heads' takes no options"),
        ({"name": "cca", "ridge": 1}, "takes no 'ridge'"),
        ({"name": "ensemble", "members": []}, "An ensemble needs `members`"),
        ({"name": "ensemble", "members": ["heads", {"name": "cca", "ridge": 1}]}, "takes no 'ridge'"),
        ({"name": "ensemble", "members": ["heads", "cca"], "weights": [1]}, "one number a member, 2"),
        ({"name": "ensemble", "members": ["heads"], "extra": 1}, "takes no 'extra'"),
    ],
)
def test_a_wrong_spec_is_one_line_before_anything_is_trained(spec: Any, words: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=words):
        check_learned_spec(spec, SETTINGS)

"""Records of an identification experiment: what they hold when nothing is said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from visavox.evaluation.identification_record import STRANGERS, SUBSETS, Contender, Cost, Experiment, Published


def test_the_subsets_are_those_of_a_split_of_known_people() -> None:
    from visavox.corpus.known_people_splits import STRANGERS as OF_SPLITS

    assert SUBSETS == ("train", "validation", "test")
    assert STRANGERS == OF_SPLITS


def test_what_was_not_published_is_unknown_and_an_ensemble_has_no_history() -> None:
    contender = Contender("both", "ensemble", ("voice", "face"), {}, Cost(3, 1.0, 0.1, 12))
    assert contender.published == Published(None, None, None)
    assert (contender.history, dict(contender.about), contender.cost.budget) == ((), {}, None)


def test_records_are_frozen() -> None:
    experiment = Experiment("clip", ("a", "b"), {"test": ("x",)}, {"test": np.array([0])}, ())
    with pytest.raises(dataclasses.FrozenInstanceError):
        experiment.seed = 3  # type: ignore[misc]
    assert (experiment.corpus_name, experiment.catalog_hash, experiment.seed) == ("", "", 0)

"""The long vectors of an ensemble vote as their members would."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.models.associators.cca import CCA
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.two_tower import TwoTower

RNG = np.random.default_rng(0)
VOICE, FACE = RNG.normal(size=(12, 5)), RNG.normal(size=(12, 4))
CLOSED = CCA(5, 4, n_components=2, ridge_voice=1.0, ridge_face=1.0).fit(VOICE, FACE)
NETWORKS = [TwoTower(5, 4, hidden=(6,), output_dim=3, seed=seed) for seed in range(2)]


@pytest.mark.parametrize("weights", [None, (1, 1, 1), (5, 1, 0.25)])
def test_its_similarity_is_the_weighted_mean_of_the_members(weights: tuple[float, ...] | None) -> None:
    members = [CLOSED, *NETWORKS]
    ensemble = Ensemble(members, weights=weights)
    given = np.array(weights or (1, 1, 1), dtype=float)
    expected = np.zeros((12, 12))
    for i in range(12):
        for j in range(12):
            cosines = [float(m.encode_voice(VOICE[i : i + 1])[0] @ m.encode_face(FACE[j : j + 1])[0]) for m in members]
            expected[i, j] = sum(w * c for w, c in zip(given, cosines, strict=True)) / given.sum()
    np.testing.assert_allclose(ensemble.similarity(VOICE, FACE), expected, atol=1e-6)


def test_an_ensemble_of_one_is_its_member() -> None:
    np.testing.assert_array_equal(Ensemble([CLOSED]).similarity(VOICE, FACE), CLOSED.similarity(VOICE, FACE))


def test_copies_of_a_member_change_nothing() -> None:
    found = Ensemble([CLOSED] * 3, weights=(1, 2, 3)).similarity(VOICE, FACE)
    np.testing.assert_allclose(found, CLOSED.similarity(VOICE, FACE), atol=1e-6)


def test_a_nested_ensemble_counts_as_one_member() -> None:
    nested = Ensemble([CLOSED, Ensemble(NETWORKS)])
    flat = Ensemble([CLOSED, *NETWORKS], weights=(2, 1, 1))
    np.testing.assert_allclose(nested.similarity(VOICE, FACE), flat.similarity(VOICE, FACE), atol=1e-6)


def test_lengths_and_weights_are_those_of_the_members() -> None:
    ensemble = Ensemble([CLOSED, *NETWORKS], weights=(2, 1, 1))
    assert (ensemble.voice_dim, ensemble.face_dim, ensemble.dim) == (5, 4, 8)
    assert ensemble.weights == (0.5, 0.25, 0.25)
    assert ensemble.n_parameters == CLOSED.n_parameters + sum(n.n_parameters for n in NETWORKS)


def test_members_may_be_specs() -> None:
    ensemble = Ensemble([{"name": "cca", "voice_dim": 5, "face_dim": 4, "n_components": 2}, NETWORKS[0]])
    assert isinstance(ensemble.members[0], CCA)
    assert ensemble.members[1] is NETWORKS[0]


def test_the_order_of_members_keeps_their_weights() -> None:
    one = Ensemble([CLOSED, NETWORKS[0]], weights=(3, 1)).similarity(VOICE, FACE)
    other = Ensemble([NETWORKS[0], CLOSED], weights=(1, 3)).similarity(VOICE, FACE)
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("members", "weights", "words"),
    [
        ([], None, "at least 1 member. Got 0"),
        ([CLOSED], (1, 2), "`weights` must have one number a member, 1. Got 2"),
        ([CLOSED, CLOSED], (1, 0), "`weights` must be a number of at least 1e-09. Got 0"),
        ([CLOSED, TwoTower(3, 4)], None, r"the same lengths. Got \[\(3, 4\), \(5, 4\)\]"),
    ],
)
def test_members_and_weights_that_do_not_fit_are_said(members: list, weights: tuple | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Ensemble(members, weights=weights)

"""Pairs are checked once; batches are a pure function of seed and epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.batches.pair_batches import PairBatch, PairBatches, Pairs, batch_rows, one_row_each
from visavox.errors import DataError

RNG = np.random.default_rng(0)


def make(n: int = 10, identities: list[str] | None = None, videos: list[str] | None = None) -> Pairs:
    names = [f"p{i:02}" for i in range(n)]
    return Pairs.of(
        RNG.normal(size=(n, 4)),
        RNG.normal(size=(n, 3)),
        identities=identities or names,
        videos=videos,
        keys=[f"clip-{i}" for i in range(n)],
    )


@given(st.integers(1, 200), st.integers(1, 60), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_an_epoch_deals_every_row_once_in_batches_of_nearly_one_size(n: int, size: int, seed: int, epoch: int) -> None:
    batches = batch_rows(n, batch_size=size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    lengths = [len(batch) for batch in batches]
    assert max(lengths) <= size
    assert max(lengths) - min(lengths) <= 1
    assert len(batches) == -(-n // size)


def test_the_reference_set_is_dealt_in_two_halves() -> None:
    assert [len(b) for b in batch_rows(775, batch_size=400, seed=0, epoch=1)] == [388, 387]


def test_a_batch_larger_than_the_set_is_the_set() -> None:
    assert [len(b) for b in batch_rows(5, batch_size=400, seed=0, epoch=1)] == [5]


def test_seed_and_epoch_decide_the_order() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(batch_rows(50, batch_size=7, seed=seed, epoch=epoch)).tolist()

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)
    assert order(1, 2) != order(2, 1)


def test_pairs_hold_float32_and_codes() -> None:
    pairs = make(3, identities=["b", "a", "b"], videos=["x", "x", "y"])
    assert pairs.voice.dtype == pairs.face.dtype == np.float32
    assert pairs.identity.tolist() == [1, 0, 1]
    assert pairs.video.tolist() == [0, 0, 1]
    assert len(pairs) == 3


def test_without_videos_each_row_is_its_own() -> None:
    assert sorted(make(12).video.tolist()) == list(range(12))


@pytest.mark.parametrize("rows", [np.array([3, 0]), np.array([True, False, False, True] + [False] * 6)])
def test_a_selection_keeps_rows_together(rows: np.ndarray) -> None:
    pairs = make(10)
    found = pairs.select(rows)
    at = np.flatnonzero(rows) if rows.dtype == bool else rows
    np.testing.assert_array_equal(found.voice, pairs.voice[at])
    np.testing.assert_array_equal(found.face, pairs.face[at])
    assert found.keys == tuple(f"clip-{i}" for i in at)
    assert found.identity.tolist() == pairs.identity[at].tolist()


def test_allowed_leaves_out_same_person_and_same_video() -> None:
    pairs = make(4, identities=["a", "a", "b", "c"], videos=["1", "2", "2", "3"])
    expected = [[0, 0, 1, 1], [0, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 0]]
    assert pairs.allowed().astype(int).tolist() == expected


def test_balancing_survives_a_selection_that_leaves_gaps_in_the_codes() -> None:
    pairs = make(5, identities=["a", "b", "b", "c", "c"]).select(np.array([1, 2, 3]))
    np.testing.assert_allclose(pairs.balancing_weights(), [0.75, 0.75, 1.5])


@pytest.mark.parametrize("role", ["voice", "face"])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_value_that_is_not_finite_names_the_key(role: str, value: float) -> None:
    arrays = {"voice": np.zeros((6, 4)), "face": np.zeros((6, 3))}
    arrays[role][4, 1] = value
    words = rf"{role.capitalize()} embedding of 'clip-4' \(row 4, 1 such rows\) holds nan or infinity"
    with pytest.raises(DataError, match=words) as error:
        Pairs.of(**arrays, identities=list("abcdef"), keys=[f"clip-{i}" for i in range(6)])
    assert "\n" not in str(error.value)


def test_no_pairs_are_said() -> None:
    with pytest.raises(DataError, match="There are no pairs"):
        Pairs.of(np.zeros((0, 4)), np.zeros((0, 3)), identities=[])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"face": np.zeros((4, 3))}, "Got 5 voices and 4 faces"),
        ({"identities": list("abcd")}, "Got 5 voices and 4 identities"),
        ({"videos": list("abcd")}, "Got 5 voices and 4 videos"),
        ({"keys": list("abcd")}, "Got 5 voices and 4 keys"),
        ({"voice": np.zeros(5)}, r"Voice embeddings must have shape \(n, dim\). Got \(5,\)"),
    ],
)
def test_lengths_and_shapes_that_differ_are_said(change: dict[str, object], words: str) -> None:
    arguments: dict[str, object] = {"voice": np.zeros((5, 4)), "face": np.zeros((5, 3)), "identities": list("abcde")}
    with pytest.raises(DataError, match=words):
        Pairs.of(**{**arguments, **change})  # type: ignore[arg-type]


def rows_of(batch: PairBatch, pairs: Pairs) -> list[int]:
    return [int(np.flatnonzero((pairs.voice == row).all(axis=1))[0]) for row in batch.voice.numpy()]


def test_batches_hold_rows_of_both_sides_together() -> None:
    pairs = make(20)
    batches = PairBatches(pairs, batch_size=8, seed=3)
    dealt = batches.epoch(1)
    assert len(dealt) == len(batches) == 3
    for batch, rows in zip(dealt, batch_rows(20, batch_size=8, seed=3, epoch=1), strict=True):
        assert rows_of(batch, pairs) == rows.tolist()
        np.testing.assert_array_equal(batch.face.numpy(), pairs.face[rows])


def test_a_batch_without_repeats_needs_neither_labels_nor_mask() -> None:
    for batch in PairBatches(make(20), batch_size=8, seed=0).epoch(1):
        assert batch.labels is None
        assert batch.mask is None
        assert batch.weights is None


def test_a_repeated_person_brings_labels_and_mask() -> None:
    pairs = make(6, identities=["a", "a", "b", "c", "d", "e"])
    (batch,) = PairBatches(pairs, batch_size=6, seed=0).epoch(1)
    rows = rows_of(batch, pairs)
    assert batch.labels is not None
    assert batch.mask is not None
    assert batch.labels.tolist() == pairs.identity[rows].tolist()
    np.testing.assert_array_equal(batch.mask.numpy(), pairs.allowed()[np.ix_(rows, rows)])


def test_a_repeated_video_alone_brings_the_mask_but_no_shared_target() -> None:
    pairs = make(6, videos=["1", "1", "2", "3", "4", "5"])
    (batch,) = PairBatches(pairs, batch_size=6, seed=0).epoch(1)
    rows = rows_of(batch, pairs)
    assert batch.labels is None
    assert batch.mask is not None
    np.testing.assert_array_equal(batch.mask.numpy(), pairs.allowed()[np.ix_(rows, rows)])


def test_balanced_batches_carry_the_weights_of_their_rows() -> None:
    pairs = make(6, identities=["a", "a", "b", "c", "d", "e"])
    (batch,) = PairBatches(pairs, batch_size=6, seed=0, balanced=True).epoch(1)
    assert batch.weights is not None
    assert batch.weights.dtype == torch.float32
    np.testing.assert_allclose(batch.weights.numpy(), pairs.balancing_weights()[rows_of(batch, pairs)], rtol=1e-6)


def test_an_epoch_asked_for_twice_is_the_same() -> None:
    batches = PairBatches(make(20), batch_size=8, seed=0)
    first, again, other = batches.epoch(4), batches.epoch(4), batches.epoch(5)
    assert all(torch.equal(a.voice, b.voice) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].voice, other[0].voice)


def labelled_pairs() -> Pairs:
    people = ["b", "a", "b", "c", "a", "b"]
    return Pairs.of(
        np.arange(12.0).reshape(6, 2),
        np.arange(6.0).reshape(6, 1),
        identities=people,
        covariates={"gender": ["m", "f", None, "", "f", "m"], "age": ["9", "10", "9", "9", "8", "10"]},
    )


def test_covariates_are_numbers_in_the_order_of_their_names_and_unknown_is_minus_one() -> None:
    pairs = labelled_pairs()
    assert pairs.covariates["gender"].tolist() == [1, 0, -1, -1, 0, 1]
    assert pairs.covariates["age"].tolist() == [2, 0, 2, 2, 1, 0]  # as texts: "10", "8", "9"
    assert pairs.select(np.array([4, 0])).covariates["gender"].tolist() == [0, 1]
    with pytest.raises(DataError, match="Got 6 voices and 5 gender"):
        Pairs.of(np.ones((6, 1)), np.ones((6, 1)), identities=list("abcdef"), covariates={"gender": ["m"] * 5})


def test_a_batch_says_which_rows_it_holds_and_what_is_known_of_them() -> None:
    pairs = labelled_pairs()
    for batch in PairBatches(pairs, batch_size=2, seed=3).epoch(1):
        rows = batch.rows.numpy()
        assert batch.voice[:, 0].tolist() == (2.0 * rows).tolist()
        assert batch.covariates["gender"].tolist() == pairs.covariates["gender"][rows].tolist()


def test_labels_are_given_always_where_they_are_wanted_and_count_from_zero() -> None:
    some = labelled_pairs().select(np.array([0, 3]))  # b and c: 1 and 2 among all, 0 and 1 here
    (batch,) = PairBatches(some, batch_size=2, seed=0).epoch(1)
    assert batch.labels is None
    (batch,) = PairBatches(some, batch_size=2, seed=0, labelled=True).epoch(1)
    assert batch.labels is not None
    assert batch.labels.tolist() == batch.rows.tolist()


def test_one_pair_a_person_deals_everybody_once_and_each_clip_in_time() -> None:
    batches = PairBatches(labelled_pairs(), batch_size=2, seed=0, one_per_person=True)
    assert len(batches) == 2
    seen = set()
    for epoch in range(1, 30):
        rows = torch.cat([batch.rows for batch in batches.epoch(epoch)])
        assert sorted("babcab"[row] for row in rows) == ["a", "b", "c"]
        seen |= set(rows.tolist())
    assert seen == set(range(6))
    assert [b.rows.tolist() for b in batches.epoch(5)] == [b.rows.tolist() for b in batches.epoch(5)]


def test_one_row_of_each_person_is_drawn_evenly() -> None:
    drawn = [one_row_each(np.array([0, 1, 0]), seed=1, epoch=epoch).tolist() for epoch in range(400)]
    assert {tuple(rows) for rows in drawn} == {(0, 1), (2, 1)}
    assert 150 < sum(rows[0] == 0 for rows in drawn) < 250


def test_all_vectors_are_those_of_the_pairs_in_order() -> None:
    voice, face = PairBatches(labelled_pairs(), batch_size=2, seed=0).vectors()
    assert voice.tolist() == labelled_pairs().voice.tolist()
    assert face.tolist() == labelled_pairs().face.tolist()


def test_people_keep_their_names_in_the_order_of_their_numbers_and_of_their_labels() -> None:
    pairs = Pairs.of(np.eye(5), np.eye(5), identities=np.array(["c", "a", "d", "a", "b"]))
    assert pairs.people == pairs.names_of_labels() == ("a", "b", "c", "d")
    some = pairs.select(np.array([2, 0, 3]))  # numbers stay, labels are counted anew
    assert some.people == ("a", "b", "c", "d")
    assert some.names_of_labels() == ("a", "c", "d")
    batch = PairBatches(some, batch_size=3, seed=0, labelled=True).epoch(1)[0]
    assert batch.labels is not None
    named = [some.names_of_labels()[label] for label in batch.labels.tolist()]
    assert named == [["d", "c", "a"][row] for row in batch.rows.tolist()]
    nameless = Pairs(pairs.voice, pairs.face, pairs.identity, pairs.video, pairs.keys)
    assert nameless.names_of_labels() == ()

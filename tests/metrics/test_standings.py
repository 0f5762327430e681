from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.errors import DataError
from visavox.metrics import standings as standings_module
from visavox.metrics.standings import find_standings, positive_mask_of


def case(seed: int, n_probes: int = 6, n_gallery: int = 9, n_people: int = 4, levels: int = 5):
    """A random case with ties: similarity, positives, negatives, person of each gallery item."""
    rng = np.random.default_rng(seed)
    similarity = rng.integers(0, levels, (n_probes, n_gallery)).astype(float)
    kind = rng.integers(0, 3, (n_probes, n_gallery))  # 0 neither, 1 positive, 2 negative
    return similarity, kind == 1, kind == 2, rng.integers(0, n_people, n_gallery)


def slow_counts(similarity, positives, negatives, people, n_people, compare):
    """By the definition: for each positive of a probe that has a negative, count negatives of each person."""
    rows = []
    for i in range(similarity.shape[0]):
        if not negatives[i].any():
            continue
        for j in range(similarity.shape[1]):
            if positives[i, j]:
                row = [0] * n_people
                for k in range(similarity.shape[1]):
                    if negatives[i, k] and compare(similarity[i, k], similarity[i, j]):
                        row[people[k]] += 1
                rows.append(row)
    return np.array(rows).reshape(-1, n_people)


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_those_of_a_slow_loop(seed: int) -> None:
    similarity, positives, negatives, people = case(seed)
    found = find_standings(similarity, positives, negatives, gallery_people=people, n_people=4)
    for table, compare in (
        (found.above, lambda a, b: a > b),
        (found.tied, lambda a, b: a == b),
        (found.allowed, lambda a, b: True),
    ):
        np.testing.assert_array_equal(table, slow_counts(similarity, positives, negatives, people, 4, compare))


@pytest.mark.parametrize("seed", range(10))
def test_ranks_among_the_positives_are_those_of_a_slow_loop(seed: int) -> None:
    similarity, positives, negatives, _ = case(seed)
    found = find_standings(similarity, positives, negatives)
    for trial in range(found.n_trials):
        i, j = found.probes[trial], found.positives[trial]
        assert positives[i, j]
        own = [similarity[i, k] for k in range(similarity.shape[1]) if positives[i, k]]
        assert found.positives_above[trial] == sum(score > similarity[i, j] for score in own)
        assert found.positives_tied[trial] == sum(score == similarity[i, j] for score in own) >= 1


def test_probes_without_positive_or_negative_are_left_out() -> None:
    similarity = np.ones((3, 2))
    positives = np.array([[True, False], [False, False], [True, True]])
    negatives = np.array([[False, True], [True, True], [False, False]])
    found = find_standings(similarity, positives, negatives)
    assert found.probes.tolist() == [0]
    assert (found.n_trials, found.n_people) == (1, 2)


def test_totals_with_copies_are_the_totals_of_the_repeated_gallery() -> None:
    similarity, positives, negatives, people = case(3)
    found = find_standings(similarity, positives, negatives, gallery_people=people, n_people=4)
    counts = np.array([[2, 0, 1, 3], [1, 1, 1, 1], [0, 0, 0, 0]])
    totals = found.total(counts)
    for row, copies in enumerate(counts):
        for trial in range(found.n_trials):
            i, j = found.probes[trial], found.positives[trial]
            repeated = [similarity[i, k] for k in range(9) if negatives[i, k] for _ in range(copies[people[k]])]
            assert totals.above[row, trial] == sum(score > similarity[i, j] for score in repeated)
            assert totals.tied[row, trial] == sum(score == similarity[i, j] for score in repeated)
            assert totals.below[row, trial] == sum(score < similarity[i, j] for score in repeated)
            assert totals.negatives[row, trial] == len(repeated)


def test_everybody_once_is_the_plain_total() -> None:
    similarity, positives, negatives, people = case(4)
    found = find_standings(similarity, positives, negatives, gallery_people=people, n_people=4)
    plain, once = found.total(), found.total(np.ones((1, 4), dtype=int))
    np.testing.assert_array_equal(plain.above, once.above[0])
    np.testing.assert_array_equal(plain.below, once.below[0])
    assert plain.has_ties


def test_blocks_join_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity, positives, negatives, people = case(5)
    found = find_standings(similarity, positives, negatives, gallery_people=people, n_people=4)
    counts = np.random.default_rng(0).integers(0, 3, (17, 4))
    monkeypatch.setattr(standings_module, "RESAMPLE_CELLS", 4 * found.n_trials)
    pieces = list(found.blocks(counts))
    assert len(pieces) == 5
    np.testing.assert_array_equal(np.concatenate([t.above for _, t in pieces]), found.total(counts).above)
    assert [rows for rows, _ in pieces][-1] == slice(16, 17)


def test_rows_compared_in_blocks_are_those_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity, positives, negatives, people = case(6, n_probes=20)
    whole = find_standings(similarity, positives, negatives, gallery_people=people)
    monkeypatch.setattr(standings_module, "ROW_CELLS", 9 * 3)
    blocked = find_standings(similarity, positives, negatives, gallery_people=people)
    for name in ("above", "tied", "allowed", "positives_above", "positives_tied"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(blocked, name))


def test_a_case_without_ties_says_so() -> None:
    similarity = np.arange(12.0).reshape(3, 4)
    positives = np.zeros((3, 4), dtype=bool)
    positives[:, 1] = True
    assert not find_standings(similarity, positives, ~positives).total().has_ties


def test_one_column_a_probe_is_a_mask_of_one() -> None:
    mask = positive_mask_of(np.array([2, -1, 0]), (3, 3))
    assert mask.tolist() == [[False, False, True], [False, False, False], [True, False, False]]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_only_the_order_of_scores_matters(seed: int, scale: float, shift: float) -> None:
    similarity, positives, negatives, people = case(seed)
    a = find_standings(similarity, positives, negatives, gallery_people=people)
    b = find_standings(similarity * scale + shift, positives, negatives, gallery_people=people)
    np.testing.assert_array_equal(a.above, b.above)
    np.testing.assert_array_equal(a.tied, b.tied)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_every_number_type_is_taken(dtype: type) -> None:
    similarity, positives, negatives, _ = case(7)
    found = find_standings(similarity.astype(dtype), positives, negatives)
    np.testing.assert_array_equal(found.above, find_standings(similarity, positives, negatives).above)


def test_an_empty_matrix_has_no_trials() -> None:
    empty = np.zeros((0, 3), dtype=bool)
    assert find_standings(np.zeros((0, 3)), empty, empty).n_trials == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"similarity": np.zeros(3)}, "`similarity` must be a matrix (n_probes, n_gallery). Got shape (3,)."),
        (
            {"similarity": np.array([[np.nan, 1.0], [1.0, 1.0]])},
            "`similarity` must hold no NaN. Got 1 among 4 values. Remove the items whose embeddings are broken.",
        ),
        (
            {"positives": np.zeros((2, 3), dtype=bool)},
            "`positives` must be a bool mask of the shape of `similarity`, (2, 2). Got bool (2, 3).",
        ),
        (
            {"negatives": np.zeros((2, 2))},
            "`negatives` must be a bool mask of the shape of `similarity`, (2, 2). Got float64 (2, 2).",
        ),
        (
            {"negatives": np.ones((2, 2), dtype=bool)},
            "An item cannot be positive and negative of one probe. Got 2 such pairs. Leave them out of `negatives`.",
        ),
        (
            {"positives": np.array([0, 2])},
            "`positives` must name one of 2 gallery columns, or -1, for each of 2 probes. Got 2 numbers from 0 to 2.",
        ),
        (
            {"positives": np.array([0, -2])},
            "`positives` must name one of 2 gallery columns, or -1, for each of 2 probes. Got 2 numbers from -2 to 0.",
        ),
        (
            {"positives": np.array([1])},
            "`positives` must name one of 2 gallery columns, or -1, for each of 2 probes. Got 1 numbers from 0 to 1.",
        ),
        (
            {"gallery_people": np.array([0])},
            "`gallery_people` must have one entry for each of the 2 gallery items. Got shape (1,).",
        ),
    ],
)
def test_misfits_are_one_line_errors(change: dict[str, np.ndarray], words: str) -> None:
    own = np.eye(2, dtype=bool)
    arguments = {"similarity": np.eye(2), "positives": own, "negatives": ~own} | change
    with pytest.raises(DataError) as caught:
        find_standings(**arguments)
    assert str(caught.value) == words


def test_people_without_an_item_have_columns_of_zero() -> None:
    similarity, positives, negatives, people = case(8, n_people=3)
    found = find_standings(similarity, positives, negatives, gallery_people=2 * people, n_people=7)
    narrow = find_standings(similarity, positives, negatives, gallery_people=people, n_people=3)
    assert found.n_people == 7
    assert not found.allowed[:, [1, 3, 5, 6]].any()
    for name in ("above", "tied", "allowed"):
        np.testing.assert_array_equal(getattr(found, name)[:, [0, 2, 4]], getattr(narrow, name))
        assert getattr(found, name).dtype == np.float32
    widest = find_standings(similarity, positives, negatives, gallery_people=2 * people)
    assert widest.n_people == 2 * people.max() + 1


def test_totals_of_many_small_numbers_are_exact_float64() -> None:
    """Counts of a small type do not overflow, and ties that nobody has cost nothing."""
    similarity = np.array([[0.5, 0.9, 0.1, 0.2]])
    own = np.array([[True, False, False, False]])
    found = find_standings(similarity, own, ~own)
    totals = found.total(np.array([[0, 100, 100, 100]], dtype=np.int8))
    assert (totals.above.tolist(), totals.tied.tolist(), totals.below.tolist()) == ([[100.0]], [[0.0]], [[200.0]])
    assert (totals.negatives.tolist(), totals.has_ties) == ([[300.0]], False)
    for one in (totals, found.total()):
        assert {one.above.dtype, one.tied.dtype, one.below.dtype} == {np.dtype(np.float64)}


def test_a_block_holds_one_resample_at_least() -> None:
    similarity, positives, negatives, people = case(5)
    found = find_standings(similarity, positives, negatives, gallery_people=people, n_people=4)
    counts = np.ones((3, 4), dtype=int)
    assert [rows for rows, _ in found.blocks(counts)] == [slice(0, 3)]
    assert list(found.blocks(counts[:0])) == []


def test_galleries_of_one_item_and_of_none() -> None:
    assert positive_mask_of(np.array([0, -1]), (2, 1)).tolist() == [[True], [False]]
    assert positive_mask_of(np.array([], dtype=int), (0, 0)).shape == (0, 0)
    empty = np.zeros((2, 0), dtype=bool)
    assert find_standings(np.zeros((2, 0)), empty, empty).n_people == 0
    with pytest.raises(DataError, match=r"^`positives` must name one of 3 .* each of 2 probes\. Got 1 numbers from 0"):
        positive_mask_of(np.array([0]), (2, 3))

"""Who may be whose negative, and how rows are weighed, against loops."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.batches.masks import balancing_weights, codes, negatives_mask


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_the_mask_equals_the_rule_pair_by_pair(rows: list[tuple[int, int]]) -> None:
    identity, video = torch.tensor([r[0] for r in rows]), torch.tensor([r[1] for r in rows])
    mask = negatives_mask(identity, video)
    for i, (person_i, video_i) in enumerate(rows):
        for j, (person_j, video_j) in enumerate(rows):
            assert mask[i, j].item() == (person_i != person_j and video_i != video_j)


def test_one_video_with_two_people_gives_no_negatives() -> None:
    assert not negatives_mask(torch.tensor([0, 1]), torch.tensor([5, 5])).any()


def test_one_person_in_two_videos_gives_no_negatives() -> None:
    assert not negatives_mask(torch.tensor([3, 3]), torch.tensor([0, 1])).any()


def test_strangers_in_different_videos_are_negatives() -> None:
    assert negatives_mask(torch.tensor([0, 1]), torch.tensor([0, 1])).int().tolist() == [[0, 1], [1, 0]]


def test_codes_are_equal_where_names_are_equal_and_follow_their_order() -> None:
    assert codes(["b", "a", "b", "-c"]).tolist() == [2, 1, 2, 0]
    assert codes(np.array(["x"])).dtype == np.int64
    assert codes([]).tolist() == []


def test_weights_let_every_identity_count_once() -> None:
    identity = np.array([0, 0, 0, 1, 2, 2])
    weights = balancing_weights(identity)
    totals = np.bincount(identity, weights)
    np.testing.assert_allclose(totals, 2.0)
    np.testing.assert_allclose(weights.mean(), 1.0)


def test_weights_of_single_clips_are_all_one() -> None:
    np.testing.assert_allclose(balancing_weights(np.arange(5)), 1.0)

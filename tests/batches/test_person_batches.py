"""Batches by person: everybody's clips once an epoch, a pure function of seed and epoch."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.batches.person_batches import PersonBatches
from visavox.errors import DataError


def sampler(voices: list[int], faces: list[int], people: int = 3, clips: int = 2, seed: int = 0) -> PersonBatches:
    return PersonBatches(np.array(voices), np.array(faces), people_a_batch=people, clips_a_person=clips, seed=seed)


@given(
    voices=st.lists(st.integers(0, 6), min_size=2, max_size=30),
    faces=st.lists(st.integers(0, 6), min_size=2, max_size=30),
    people=st.integers(2, 5),
    clips=st.integers(1, 4),
    seed=st.integers(0, 9),
)
@settings(max_examples=150, deadline=None)
def test_every_clip_of_people_with_both_is_dealt_about_once(
    voices: list[int], faces: list[int], people: int, clips: int, seed: int
) -> None:
    both = set(voices) & set(faces)
    if len(both) < 2:
        with pytest.raises(DataError, match="at least 2 people"):
            sampler(voices, faces, people, clips, seed)
        return
    dealt = sampler(voices, faces, people, clips, seed)
    batches = dealt.epoch(1)
    assert len(batches) == len(dealt)
    for rows, owner in (
        (np.concatenate([b.voice for b in batches]), np.array(voices)),
        (np.concatenate([b.face for b in batches]), np.array(faces)),
    ):
        assert {int(p) for p in owner[rows]} == both
        seen = np.bincount(rows, minlength=len(owner))
        for person in both:
            own = seen[owner == person]
            assert own.min() >= 1 and own.max() - own.min() <= 1
            most = max(voices.count(person), faces.count(person))
            assert own.sum() == -(-most // clips) * clips
        assert (seen[~np.isin(owner, list(both))] == 0).all()


def test_rows_of_a_batch_belong_to_the_person_that_it_names() -> None:
    voices, faces = [0, 1, 2, 0, 1, 2, 2], [2, 2, 1, 0]
    for batch in sampler(voices, faces).epoch(3):
        np.testing.assert_array_equal(np.array(voices)[batch.voice], batch.person)
        np.testing.assert_array_equal(np.array(faces)[batch.face], batch.person)
        assert batch.voice.dtype == batch.face.dtype == batch.person.dtype == np.int64


def test_batches_are_of_nearly_one_size_and_hold_each_person_with_two_clips() -> None:
    people = np.repeat(np.arange(7), 2)
    batches = PersonBatches(people, people, people_a_batch=3, clips_a_person=2, seed=0).epoch(1)
    assert [len(batch.person) for batch in batches] == [6, 4, 4]
    for batch in batches:
        assert (np.bincount(batch.person)[np.unique(batch.person)] == 2).all()


def test_a_voice_meets_faces_of_other_clips_of_its_person() -> None:
    people = np.repeat(np.arange(4), 3)
    dealt = PersonBatches(people, people, people_a_batch=4, clips_a_person=3, seed=0)
    met = {(v, f) for e in range(30) for b in dealt.epoch(e) for v, f in zip(b.voice, b.face, strict=True)}
    assert len(met) == 4 * 9


def test_an_epoch_is_the_same_whenever_asked_for_and_unlike_the_next() -> None:
    people = np.repeat(np.arange(9), 2)
    one, other = (PersonBatches(people, people, people_a_batch=4, clips_a_person=2, seed=5) for _ in range(2))
    one.epoch(1)  # asking for another epoch first changes nothing
    for first, second in zip(one.epoch(2), other.epoch(2), strict=True):
        np.testing.assert_array_equal(first.voice, second.voice)
        np.testing.assert_array_equal(first.face, second.face)
    assert any((a.voice != b.voice).any() for a, b in zip(one.epoch(1), one.epoch(2), strict=True))
    elsewhere = PersonBatches(people, people, people_a_batch=4, clips_a_person=2, seed=6)
    assert any((a.voice != b.voice).any() for a, b in zip(one.epoch(1), elsewhere.epoch(1), strict=True))


def test_one_per_person_deals_everybody_once_and_all_clips_in_time() -> None:
    voices, faces = np.repeat(np.arange(5), 3), np.repeat(np.arange(5), 2)
    dealt = PersonBatches(voices, faces, people_a_batch=2, clips_a_person=1, seed=0, one_per_person=True)
    assert len(dealt) == 3
    met = set()
    for epoch in range(40):
        batches = dealt.epoch(epoch)
        assert sorted(np.concatenate([batch.person for batch in batches]).tolist()) == [0, 1, 2, 3, 4]
        for batch in batches:
            np.testing.assert_array_equal(voices[batch.voice], batch.person)
            np.testing.assert_array_equal(faces[batch.face], batch.person)
            met |= set(zip(batch.voice.tolist(), batch.face.tolist(), strict=True))
    assert len(met) == 5 * 3 * 2
    two = PersonBatches(voices, faces, people_a_batch=5, clips_a_person=2, seed=0, one_per_person=True).epoch(0)
    assert [len(batch.person) for batch in two] == [10]


def test_one_person_is_too_few() -> None:
    with pytest.raises(DataError, match="at least 2 people with a voice and a face. Got 1"):
        sampler([0, 0, 1], [0, 2])


def test_rows_are_sorted_by_person_once() -> None:
    """Looking for each person's rows by itself takes 2 s for 40,000 people, and 8 s for 80,000."""
    people = np.random.default_rng(0).permutation(np.repeat(np.arange(40_000), 2))
    start = time.process_time()
    dealt = PersonBatches(people, people[::-1], people_a_batch=64, clips_a_person=1, seed=0)
    assert time.process_time() - start < 1
    for person in (0, 17, 39_999):
        np.testing.assert_array_equal(dealt._voices[person], np.flatnonzero(people == person))
        np.testing.assert_array_equal(dealt._faces[person], np.flatnonzero(people[::-1] == person))


def test_people_without_a_partner_between_others_are_left_out() -> None:
    dealt = PersonBatches(np.array([9, 5, 2, 5, 7]), np.array([5, 9, 8, 2, 9, 2]), people_a_batch=4, clips_a_person=1,
                          seed=0)  # fmt: skip
    assert dealt.people.tolist() == [2, 5, 9]
    assert [rows.tolist() for rows in dealt._voices] == [[2], [1, 3], [0]]
    assert [rows.tolist() for rows in dealt._faces] == [[3, 5], [0], [1, 4]]

"""The evidence of people against Bayes' rule written out: whoever it is, each of the clips is as probable a witness."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.retrieval import evidence, gallery_snapshot, gallery_writing
from visavox.retrieval.evidence import (
    Evidence,
    evidence_of_retrieved,
    evidence_of_rows,
    log_sum,
    most_evident,
    person_log_means,
)
from visavox.retrieval.gallery_rows import By, GalleryRows, Hit
from visavox.retrieval.local_gallery import LocalGallery

MakeRows = Callable[..., GalleryRows]
SLOPE = 7.0
FILTERS: list[dict[str, Any]] = [{}, {"gender": "f"}, {"gender": "m", "age": ["21", "25", "33", "99"]}]


@pytest.fixture
def many(gallery: LocalGallery, rows: MakeRows) -> LocalGallery:
    """Faces in several segments, of people with one to nine clips, some of them dead."""
    gallery.add(rows(7, seed=2, prefix="d", per_person=5))
    gallery.add(rows(9, seed=3))  # takes the place of the first nine
    gallery.add(rows(5, seed=4, prefix="e", per_person=1))
    gallery.remove(people=["p7"], clips=["c30"], erase=False)
    return gallery


def slow_evidence(
    gallery: LocalGallery, query: np.ndarray, wanted: dict[str, Any], by: By
) -> dict[str, tuple[float, str, float]]:
    """Candidate -> its likelihood ratio without intercept, its best clip, and how similar that is: plain loops."""
    clips: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for part in gallery.tables("face"):
        for i, key in enumerate(part.keys):
            values = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
            if all(part.attributes[name][i] in allowed for name, allowed in values.items()):
                cosine = sum(float(a) * float(b) for a, b in zip(part.vectors[i], query, strict=True))
                clips[part.people[i] if by == "person" else key].append((key, cosine))
    found = {}
    for name, own in clips.items():
        ratio = 0.0
        for _, cosine in own:
            ratio += 1 / len(own) * math.exp(SLOPE * cosine)  # P(clip | person) * P(query | clip)
        found[name] = (ratio, *max(own, key=lambda pair: pair[1]))
    return found


@pytest.mark.parametrize("by", ["person", "clip"])
@pytest.mark.parametrize("wanted", FILTERS)
@pytest.mark.parametrize("k", [1, 3, 500])
def test_it_is_the_rule_of_bayes_over_all_clips(
    many: LocalGallery, rows: MakeRows, by: By, wanted: dict[str, Any], k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_snapshot, "BLOCK_ROWS", 4)
    for query in rows(3, seed=9).vectors:
        expected = slow_evidence(many, query, wanted, by)
        found = many.evidence(query, "face", SLOPE, k, where=wanted, by=by)
        order = sorted(expected, key=lambda name: -expected[name][0])[:k]
        assert [hit.person if by == "person" else hit.key for hit in found.hits] == order
        assert [hit.key for hit in found.hits] == [expected[name][1] for name in order]
        np.testing.assert_allclose(np.exp(found.logs), [expected[name][0] for name in order], rtol=1e-5)
        np.testing.assert_allclose([hit.similarity for hit in found.hits], [expected[n][2] for n in order], rtol=1e-5)
        assert found.log_mass == pytest.approx(math.log(sum(ratio for ratio, _, _ in expected.values())), rel=1e-6)
        assert found.n_candidates == len(expected) == many.count("face", where=wanted, by=by)
        assert found.n_clips == found.n_seen == many.count("face", where=wanted, by="clip")
        assert found.log_unseen == -math.inf


def test_the_best_clip_alone_does_not_rank(gallery: LocalGallery, rows: MakeRows) -> None:
    """One of two clips at 0.9 is worth less than a single clip of 0.85."""
    query = np.eye(8, dtype=np.float32)[0]
    vectors = np.zeros((3, 8), np.float32)
    vectors[:, 0] = (0.9, -0.9, 0.85)
    vectors[:, 1] = np.sqrt(1 - vectors[:, 0] ** 2)
    own = rows(3, prefix="x")
    own = dataclasses.replace(own, people=("two", "two", "one"), vectors=vectors)
    made = LocalGallery.create(gallery.folder, gallery.about, [own])
    assert [hit.person for hit in made.evidence(query, "face", SLOPE, 2).hits] == ["one", "two"]
    assert [hit.person for hit in made.search(query[None], "face", 2)[0]] == ["two", "one"]


def test_many_clips_of_impostors_do_not_raise_the_mass() -> None:
    """With ratios whose expectation is 1, a person's is 1 whatever the number of clips; of the best clip it is not."""
    rng = np.random.default_rng(0)
    means, bests = [], []
    for n_clips in (1, 4, 16):
        logs = rng.normal(-0.5, 1.0, (40_000, n_clips))  # E exp = 1
        people = np.repeat(np.arange(40_000), n_clips)
        found = person_log_means(logs.ravel(), people, np.full(40_000, n_clips))
        means.append(float(np.exp(found).mean()))
        bests.append(float(np.exp(logs.max(axis=1)).mean()))
    np.testing.assert_allclose(means, 1, atol=0.03)
    assert bests[1] > 1.8
    assert bests[2] > 3


@pytest.mark.parametrize("by", ["person", "clip"])
@pytest.mark.parametrize("wanted", FILTERS)
def test_what_an_approximate_index_gives_are_bounds(
    many: LocalGallery, rows: MakeRows, by: By, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = rows(1, seed=9).vectors[0]
    whole = many.evidence(query, "face", SLOPE, 3, where=wanted, by=by)
    true = slow_evidence(many, query, wanted, by)
    monkeypatch.setattr(LocalGallery, "_evidence_of_all", lambda *_, **__: None)
    previous = math.inf
    for n_seen in (4, 8, 16, 1000):
        monkeypatch.setattr("visavox.retrieval.gallery.LEAST_LOOKED_AT", n_seen)
        found = many.evidence(query, "face", SLOPE, 2, where=wanted, by=by)
        assert found.n_seen == min(n_seen, found.n_clips) or found.n_seen > n_seen
        for hit, log in zip(found.hits, found.logs, strict=True):
            assert math.exp(log) <= true[hit.person if by == "person" else hit.key][0] * (1 + 1e-5)
        assert whole.log_mass - 1e-5 <= found.log_mass <= previous + 1e-9
        previous = found.log_mass
    assert found.log_unseen == -math.inf
    assert found.log_mass == pytest.approx(whole.log_mass, rel=1e-6)
    assert [hit.key for hit in found.hits] == [hit.key for hit in whole.hits[:2]]
    np.testing.assert_allclose(found.logs, whole.logs[:2], rtol=1e-5)


def test_more_is_retrieved_until_there_are_enough_people(
    gallery: LocalGallery, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavox.retrieval.gallery.LEAST_LOOKED_AT", 2)
    monkeypatch.setattr(LocalGallery, "_evidence_of_all", lambda *_, **__: None)
    query = rows(1, seed=9).vectors[0]
    found = gallery.evidence(query, "face", SLOPE, 20)
    assert len({hit.person for hit in found.hits}) == 20
    assert gallery.evidence(query, "face", SLOPE, 2, where={"age": "99"}).hits == ()


def test_an_approximate_gallery_says_what_it_looked_at(
    gallery: LocalGallery, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_writing, "LEAST_INDEXED", 50)
    monkeypatch.setattr("visavox.retrieval.gallery.LEAST_LOOKED_AT", 30)
    about = dataclasses.replace(gallery.about, index="hnsw")
    with LocalGallery.create(gallery.folder, about, [rows(120, per_person=3)]) as made:
        found = made.evidence(rows(1, seed=9).vectors[0], "face", SLOPE, 5, effort=200)
        assert (found.n_seen, found.n_clips, found.n_candidates) == (30, 120, 40)
        assert math.isfinite(found.log_unseen)
        assert found.log_mass > found.log_unseen


def test_clips_of_people_are_counted_under_the_filter(many: LocalGallery) -> None:
    for wanted in FILTERS:
        slow: dict[str, int] = defaultdict(int)
        for part in many.tables("face"):
            for i, person in enumerate(part.people):
                given = {n: v if isinstance(v, list) else [v] for n, v in wanted.items()}
                slow[person] += all(part.attributes[n][i] in v for n, v in given.items())
        people = ["p0", "p1", "p7", "p15", "nobody"]
        assert many.clips_of(people, "face", where=wanted) == {name: slow[name] for name in people}


def test_whoever_refreshes_meanwhile_changes_nothing(many: LocalGallery, rows: MakeRows) -> None:
    query, other = rows(1, seed=9).vectors[0], LocalGallery.open(many.folder)
    before = many.evidence(query, "face", SLOPE, 4)
    other.remove(people=["p0", "p1", "p2"])
    after = many.evidence(query, "face", SLOPE, 4)
    assert after.hits == before.hits
    assert after.n_candidates == before.n_candidates
    many.refresh()
    assert many.evidence(query, "face", SLOPE, 4).n_candidates == before.n_candidates - 3


def test_bad_requests_are_one_line(many: LocalGallery, rows: MakeRows) -> None:
    with pytest.raises(DataError, match=r"must have the shape \(q, 8\). Got \(1, 9\)"):
        many.evidence(rows(1, dim=9).vectors[0], "face", SLOPE, 1)
    with pytest.raises(ConfigError, match="Did you mean 'gender'"):
        many.evidence(rows(1).vectors[0], "face", SLOPE, 1, where={"gander": "f"})


def test_means_hold_at_any_size_of_logs() -> None:
    logs, people = np.array([900.0, 899.0, -900.0, -math.inf]), np.array([0, 0, 1, 2])
    found = person_log_means(logs, people, np.array([2, 1, 1, 0]))
    expected = [900 + math.log((1 + math.exp(-1)) / 2), -900.0, -math.inf, -math.inf]
    np.testing.assert_allclose(found, expected)
    assert log_sum(found) == pytest.approx(expected[0])
    assert log_sum(np.empty(0)) == log_sum(np.array([-math.inf])) == -math.inf


def test_ties_go_to_the_first() -> None:
    assert most_evident(np.array([1.0, 3.0, 3.0, -math.inf, 3.0]), 2).tolist() == [1, 2]
    assert most_evident(np.array([1.0, -math.inf]), 9).tolist() == [0]
    rows, logs, means = evidence_of_rows(np.zeros(4), np.array([1, 1, 0, 0]), np.array([2, 2]), 2)
    assert rows.tolist() == [2, 0]
    assert logs.tolist() == means.tolist() == [0.0, 0.0]


def test_one_clip_of_many_is_a_lower_bound() -> None:
    """By hand: of three clips of Ann one was retrieved, of Bo's only one both are; one share of three lacks."""
    hits = [Hit("a", "a", "Ann", "face", 0.5, {}), Hit("b", "b", "Bo", "face", 0.2, {})]
    found = evidence_of_retrieved(hits, 10.0, 2, by="person", n_candidates=3, n_clips=6, clips_of={"Ann": 3, "Bo": 1})
    assert isinstance(found, Evidence)
    ann, bo = math.exp(5) / 3, math.exp(2)
    np.testing.assert_allclose(np.exp(found.logs), [ann, bo])
    unseen = (2 / 3 + 1) * math.exp(2)  # two of Ann's three, and all of somebody else
    assert math.exp(found.log_unseen) == pytest.approx(unseen)
    assert math.exp(found.log_mass) == pytest.approx(ann + bo + unseen)
    assert evidence.LEAST_LOOKED_AT == 1000

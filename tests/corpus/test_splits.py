"""Splits: disjoint, balanced, reproducible, saved and refused with a remedy."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import ClipLink, identity_of
from visavox.corpus.linked_groups import linked_groups
from visavox.corpus.sources.pairs import PairsSource
from visavox.corpus.splits import Splits, make_folds, make_split
from visavox.errors import ConfigError, DataError

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def people(n_people: int, n_clips: int = 2, n_videos: int = 2) -> list[ClipLink]:
    return [
        ClipLink(f"p{i:03d}-{j}", f"p{i:03d}", f"v{i:03d}-{j % n_videos}")
        for i in range(n_people)
        for j in range(n_clips)
    ]


def sides_of(links: list[ClipLink], side: dict[str, str]) -> dict[tuple[str, str], set[str]]:
    """Return the sides on which each person and each video is."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for link in links:
        if link.clip in side:
            found["person", link.identity].add(side[link.clip])
            if link.video:
                found["video", link.video].add(side[link.clip])
    return found


def table_of(clips: list[str]) -> EmbeddingTable:
    n_rows = len(clips)
    keys = tuple(f"{i}" for i in range(n_rows))
    return EmbeddingTable("voice", "e", keys, tuple(clips), tuple(clips), (None,) * n_rows, {}, np.ones((n_rows, 1)))


LINKS = st.lists(
    st.builds(
        lambda clip, person, video: ClipLink(f"c{clip}", f"p{person}", None if video == 0 else f"v{video}"),
        st.integers(0, 100),
        st.integers(0, 20),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda link: link.clip,
)


@settings(max_examples=50, deadline=None)
@given(LINKS, st.integers(-5, 10**12))
def test_no_person_and_no_video_is_on_two_sides(links: list[ClipLink], seed: int) -> None:
    n_groups = len(linked_groups(links))
    if n_groups < 3:
        return
    splits = make_split(links, {"train": 0.6, "test": 0.4}, seed=seed)
    assert splits.subsets.keys() == {link.clip for link in links}
    assert all(len(sides) == 1 for sides in sides_of(links, dict(splits.subsets)).values())
    folds = make_folds(links, 3, seed=seed)
    assert folds.keys() == splits.subsets.keys()
    assert set(folds.values()) == {0, 1, 2}
    assert all(len(sides) == 1 for sides in sides_of(links, {c: str(f) for c, f in folds.items()}).values())


@settings(max_examples=20, deadline=None)
@given(st.randoms())
def test_a_split_does_not_depend_on_the_order_of_rows(rng: random.Random) -> None:
    links = people(30, 3)
    expected = make_split(links, FRACTIONS, seed=7, n_folds=4)
    rng.shuffle(links)
    links += links[:5]
    assert make_split(links, FRACTIONS, seed=7, n_folds=4) == expected


def test_another_seed_gives_another_split_and_other_folds() -> None:
    first, second = (make_split(people(40), FRACTIONS, seed=seed, n_folds=5) for seed in (0, 1))
    assert first.subsets != second.subsets
    assert first.folds != second.folds


def test_people_are_balanced_and_not_clips() -> None:
    links = people(90) + [ClipLink(f"big{i}-{j}", f"big{i}") for i in range(10) for j in range(100)]
    splits = make_split(links, FRACTIONS, seed=0)
    owners = {link.clip: link.identity for link in links}
    counts = Counter({name: len({owners[c] for c in splits.clips(name)}) for name in FRACTIONS})
    assert counts == {"train": 80, "validation": 10, "test": 10}


def test_people_with_many_clips_are_not_all_in_training() -> None:
    links = people(50, 1) + [ClipLink(f"big{i}-{j}", f"big{i}") for i in range(50) for j in range(20)]
    n_big = [
        sum(clip.startswith("big") for clip in make_split(links, {"train": 0.5, "test": 0.5}, seed=seed).clips("test"))
        for seed in range(10)
    ]
    assert 300 < np.mean(n_big) < 700
    assert len(set(n_big)) > 3


def test_folds_hold_equally_many_people() -> None:
    folds = make_folds(people(23), 5, seed=0)
    counts = Counter(folds[f"p{i:03d}-0"] for i in range(23))
    assert sorted(counts.values()) == [4, 4, 5, 5, 5]


def test_folds_leave_out_the_test_subset() -> None:
    splits = make_split(people(40), FRACTIONS, seed=0, n_folds=5)
    assert splits.folds.keys() == set(splits.clips("train")) | set(splits.clips("validation"))
    assert splits.n_folds == 5


def test_one_subset_takes_everything_and_may_have_folds() -> None:
    splits = make_split(people(10), {"train": 1.0}, seed=0, n_folds=10)
    assert splits.counts() == {"train": 20}
    assert len(set(splits.folds.values())) == 10


def test_a_fraction_of_zero_is_no_subset() -> None:
    splits = make_split(people(10), {"train": 1.0, "test": 0.0}, seed=0)
    assert splits.counts() == {"train": 20, "test": 0}
    with pytest.raises(ConfigError, match=r"no subset 'test'. It has: train"):
        splits.clips("test")


@pytest.mark.parametrize(
    ("fractions", "said"),
    [
        ({"train": 0.8, "test": 0.1}, r"train=0.8, test=0.1 \(sum 0.9\)"),
        ({"train": 1.2, "test": -0.2}, r"test=-0.2 \(sum 1\)"),
        ({}, r"none \(sum 0\)"),
        ({"train": float("nan")}, "train=nan"),
    ],
)
def test_fractions_must_add_up(fractions: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=f"`fractions` must be 0 or more and add up to 1. Got .*{said}"):
        make_split(people(10), fractions, seed=0)


def test_thirds_add_up() -> None:
    splits = make_split(people(9), {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, seed=0)
    assert splits.counts() == {"a": 6, "b": 6, "c": 6}


def test_a_subset_that_would_be_empty_says_what_is_possible() -> None:
    with pytest.raises(ConfigError, match=r"'validation' \(0.05\) would be empty: there are 5 groups .* at least 0.2"):
        make_split(people(5), {"train": 0.9, "validation": 0.05, "test": 0.05}, seed=0)


def test_people_who_are_all_linked_cannot_be_split() -> None:
    links = [ClipLink(f"c{i}", f"p{i}", "one video") for i in range(10)]
    with pytest.raises(ConfigError, match=r"'test' .* would be empty: all 10 people are linked by shared videos"):
        make_split(links, {"train": 0.5, "test": 0.5}, seed=0)


def test_nobody_cannot_be_split() -> None:
    with pytest.raises(ConfigError, match=r"'train' .* would be empty: all 0 people"):
        make_split([], {"train": 1.0}, seed=0)


def test_more_folds_than_people_say_what_is_possible() -> None:
    with pytest.raises(ConfigError, match=r"`folds` must be at most 4, .* Got 5"):
        make_folds(people(4), 5, seed=0)
    assert len(set(make_folds(people(4), 4, seed=0).values())) == 4


@pytest.mark.parametrize("n_folds", [1, 0, -3])
def test_one_fold_is_none(n_folds: int) -> None:
    with pytest.raises(ConfigError, match=f"must be at least 2. Got {n_folds}"):
        make_folds(people(4), n_folds, seed=0)


def test_rows_of_a_table_follow_its_clips() -> None:
    splits = Splits(0, "", {}, {"a": "train", "b": "test", "c": "train"}, {"a": 0, "b": 1, "c": 1}, 2)
    table = table_of(["c", "stranger", "a", "b", "a"])
    assert splits.rows(table, "train").tolist() == [0, 2, 4]
    assert splits.rows(table, "test").tolist() == [3]
    inside, held_out = splits.fold_rows(table, 1)
    assert inside.tolist() == [2, 4]
    assert held_out.tolist() == [0, 3]
    assert splits.subset_of("stranger") is None


@pytest.mark.parametrize("fold", [-1, 2])
def test_an_unknown_fold_is_refused(fold: int) -> None:
    splits = Splits(0, "", {}, {"a": "train"}, {"a": 0}, 2)
    with pytest.raises(ConfigError, match=f"`fold` must be 0 to 1. Got {fold}"):
        splits.fold_rows(table_of(["a"]), fold)


def test_saving_and_loading_changes_nothing(tmp_path: Path) -> None:
    links = [*people(10), ClipLink("ünï\n\"'", "x"), ClipLink("-rf", "y")]
    splits = make_split(links, FRACTIONS | {"validation": 0.2, "train": 0.7}, seed=3, catalog_hash="ab" * 32, n_folds=3)
    splits.save(tmp_path / "new" / "splits.json")
    assert Splits.load(tmp_path / "new" / "splits.json", catalog_hash="ab" * 32) == splits
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["splits.json"]


def test_the_file_holds_seed_hash_and_fractions(tmp_path: Path) -> None:
    make_split(people(10), FRACTIONS, seed=3, catalog_hash="abc").save(tmp_path / "splits.json")
    read = json.loads((tmp_path / "splits.json").read_text())
    assert (read["seed"], read["catalog_hash"], read["fractions"]) == (3, "abc", FRACTIONS)
    assert read["subsets"]["p000-0"] in FRACTIONS


def test_another_catalog_is_refused_with_the_remedy(tmp_path: Path) -> None:
    make_split(people(10), FRACTIONS, seed=3, catalog_hash="a" * 64).save(tmp_path / "splits.json")
    with pytest.raises(
        DataError, match=r"hash is aaaaaaaaaaaa, the catalog's is bbbbbbbbbbbb. Run `visavox split` again"
    ):
        Splits.load(tmp_path / "splits.json", catalog_hash="b" * 64)
    Splits.load(tmp_path / "splits.json")


def test_a_missing_split_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no split at .*visavox split"):
        Splits.load(tmp_path / "splits.json")


def edited(tmp_path: Path, old: str, new: str) -> Path:
    path = tmp_path / "splits.json"
    Splits(0, "", {"train": 1.0}, {"a": "train", "b": "test"}, {"a": 0}, 2).save(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"b": "test"', '"a": "test"', "'a' is there twice"),
        ('"visavox-splits-1"', '"visavox-splits-9"', "format is 'visavox-splits-9'"),
        ('"seed": 0,', "", "'seed' is missing"),
        ('"seed": 0', '"seed": "zero"', "invalid literal"),
        ('"a": 0', '"a": 2', "the fold of 'a' is 2, there are 2"),
        ('"subsets"', '"subsets": [], "rest"', "is no split of Visavox"),
        ("{", "", "no readable split"),
    ],
)
def test_a_split_that_was_edited_wrongly_is_one_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said) as caught:
        Splits.load(edited(tmp_path, old, new))
    assert "\n" not in str(caught.value)


def test_a_split_that_was_edited_rightly_is_read(tmp_path: Path) -> None:
    splits = Splits.load(edited(tmp_path, '"b": "test"', '"b": "train"'))
    assert splits.subsets == {"a": "train", "b": "train"}


def test_a_folder_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "splits.json").mkdir()
    with pytest.raises(DataError, match="Cannot write the split"):
        make_split(people(10), {"train": 1.0}, seed=0).save(tmp_path / "splits.json")
    assert [path.name for path in tmp_path.iterdir()] == ["splits.json"]


@pytest.mark.parametrize(
    ("name", "n_clips", "n_groups"), [("avspeech", 968, 931), ("voxceleb", 115, 40), ("ikr", 186, 31)]
)
def test_real_folders_split_by_person_or_video(name: str, n_clips: int, n_groups: int, real_data: Path) -> None:
    links = [
        ClipLink(r.clip, identity_of(r.clip, person=r.person, video=r.video), r.video)
        for r in PairsSource(real_data / name)
    ]
    assert len(links) == n_clips
    assert len(linked_groups(links)) == n_groups
    splits = make_split(links, FRACTIONS, seed=0, n_folds=5)
    assert sum(splits.counts().values()) == n_clips
    assert all(len(sides) == 1 for sides in sides_of(links, dict(splits.subsets)).values())

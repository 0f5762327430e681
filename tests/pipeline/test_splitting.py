"""A corpus to splits, trials and an audit."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from visavox.config import SplitConfig
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import table_from_items
from visavox.corpus.splits import Splits
from visavox.errors import ConfigError, DataError
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.splitting import audit_corpus, refuse_leaks, split_corpus


def test_nobody_is_in_two_subsets(small_corpus: Path, small_splits: Path) -> None:
    splits = Splits.load(small_splits / "splits.json")
    with Catalog.open(small_corpus / CATALOG) as catalog:
        sides = {(item.person, splits.subset_of(item.clip)) for item in catalog.items()}
    assert len(sides) == 8
    assert {side for _, side in sides} == {"train", "validation", "test"}


def test_lists_and_audit_are_written(small_splits: Path) -> None:
    names = {path.name for path in (small_splits / "trials").iterdir()}
    assert {"manifest.json", "matching_voice_to_face_all_2.csv", "retrieval_face_to_voice.csv"} <= names
    assert json.loads((small_splits / "audit.json").read_text(encoding="utf-8"))["n_errors"] == 0


def test_the_same_seed_gives_the_same_split_and_may_be_repeated(small_corpus: Path, tmp_path: Path) -> None:
    config = SplitConfig(corpus=small_corpus, out=tmp_path, folds=2, seed=3)
    assert split_corpus(config).splits == split_corpus(config).splits


def test_another_seed_in_the_same_folder_is_refused_until_overwritten(small_corpus: Path, tmp_path: Path) -> None:
    split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, folds=2, seed=3))
    with pytest.raises(DataError, match=r"another split \(seed 3"):
        split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, folds=2, seed=4))
    outcome = split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, folds=2, seed=4, overwrite=True))
    assert outcome.splits.seed == 4


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.9, 0.2)])
def test_impossible_shares_are_refused(small_corpus: Path, tmp_path: Path, validation: float, test: float) -> None:
    with pytest.raises(ConfigError, match="leave something to train on"):
        split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, validation=validation, test=test))


def test_more_folds_than_people_is_refused(small_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`folds` must be at most"):
        split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, folds=50))


def test_without_test_or_validation_there_are_no_lists(small_corpus: Path, tmp_path: Path) -> None:
    outcome = split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, validation=0, test=0, folds=2))
    assert not outcome.trials.lists
    assert outcome.splits.counts()["train"] == 16


def test_a_person_moved_by_hand_is_an_error_of_the_audit(
    small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    shutil.copy(small_splits / "splits.json", tmp_path)
    edited = json.loads((tmp_path / "splits.json").read_text(encoding="utf-8"))
    clip = next(c for c, side in edited["subsets"].items() if side == "test")
    edited["subsets"][clip] = "train"
    (tmp_path / "splits.json").write_text(json.dumps(edited), encoding="utf-8")
    with Catalog.open(small_corpus / CATALOG) as catalog:
        items = list(catalog.items())
    found = audit_corpus(small_corpus, items, Splits.load(tmp_path / "splits.json"), None)
    assert found.n_errors >= 1
    assert "person" in {finding.kind for finding in found.findings}


def test_embeddings_widen_the_audit(small_corpus: Path, small_embeddings: Path, tmp_path: Path) -> None:
    config = SplitConfig(corpus=small_corpus, out=tmp_path, folds=2, embeddings=small_embeddings)
    assert not split_corpus(config).audit.not_checked


def test_a_face_or_a_fold_moved_by_hand_is_a_leak(small_embeddings: Path, small_splits: Path) -> None:
    """Only voices and subsets were looked at: an unpaired face, or a clip in another fold, trained on the tested."""
    embedded, splits = CorpusEmbeddings.load(small_embeddings), Splits.load(small_splits / "splits.json")
    refuse_leaks(splits, embedded)
    clip = next(iter(splits.folds))
    moved = dataclasses.replace(splits, folds={**splits.folds, clip: 1 - splits.folds[clip]})
    with pytest.raises(DataError, match=r"'w0-person-\d+' is in 'fold \d' and in 'fold \d'"):
        refuse_leaks(moved, embedded)
    face = dataclasses.replace(embedded.face, clips=tuple(f"faces/{clip}" for clip in embedded.face.clips))
    sides = {f"faces/{clip}": side for clip, side in splits.subsets.items()}
    unpaired = dataclasses.replace(splits, subsets={**splits.subsets, **sides})
    refuse_leaks(unpaired, dataclasses.replace(embedded, face=face))
    name = next(clip for clip, side in sides.items() if side == "test")
    moved = dataclasses.replace(unpaired, subsets={**unpaired.subsets, name: "train"})
    with pytest.raises(DataError, match=f"clip '{name}'"):
        refuse_leaks(moved, dataclasses.replace(embedded, face=face))


def test_a_published_split_of_people_is_taken_as_it_is(small_corpus: Path, tmp_path: Path) -> None:
    with Catalog.open(small_corpus / CATALOG) as catalog:
        people = sorted({item.identity for item in catalog.items()})
    lines = [f"{name} {1 if place < 2 else 4}" for place, name in enumerate(people[:4])]
    (tmp_path / "identity_splits.txt").write_text("\n".join([*lines, "Somebody_Else 2"]))
    config = SplitConfig(corpus=small_corpus, out=tmp_path / "out", published=tmp_path, folds=2)
    outcome = split_corpus(config)
    with Catalog.open(small_corpus / CATALOG) as catalog:
        found = {item.identity: outcome.splits.subset_of(item.clip) for item in catalog.items()}
    assert [found[name] for name in people] == ["train", "train", "test", "test", *[None] * (len(people) - 4)]
    assert set(outcome.splits.folds.values()) == {0, 1}
    assert outcome.trials.lists
    assert len(people) > 4
    assert outcome.outside == tuple(people[4:])  # they were dropped without a word


def test_nobody_is_outside_a_split_that_is_drawn(small_corpus: Path, tmp_path: Path) -> None:
    assert split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, folds=2)).outside == ()


def test_a_published_split_of_other_people_is_refused(small_corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "identity_splits.txt").write_text("Somebody_Else 2")
    with pytest.raises(DataError, match="Nobody of .* is in the split of .*Name people as it does"):
        split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path / "out", published=tmp_path))


def test_by_session_everybody_is_everywhere_with_sessions_of_their_own(small_corpus: Path, tmp_path: Path) -> None:
    config = SplitConfig(corpus=small_corpus, out=tmp_path, by="clip", validation=0, test=0.5)
    outcome = split_corpus(config)
    with Catalog.open(small_corpus / CATALOG) as catalog:
        subsets = {}
        for item in catalog.items():
            subsets.setdefault(item.person, set()).add(outcome.splits.subset_of(item.clip))
    assert all({"train", "test"} == found - {None} for found in subsets.values())
    assert not outcome.trials.lists
    assert outcome.audit.n_errors == 0
    assert Splits.load(tmp_path / "splits.json").by == "clip"


def test_a_split_of_known_people_is_refused_where_strangers_are_associated(small_corpus: Path, tmp_path: Path) -> None:
    outcome = split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, by="clip", validation=0, test=0.5))
    with Catalog.open(small_corpus / CATALOG) as catalog:
        items = [item for item in catalog.items() if item.modality == "voice"]
    table = table_from_items(items, np.zeros((len(items), 1)), encoder="none")
    with pytest.raises(DataError, match="deals out each person's clips.*it is for --task identification"):
        refuse_leaks(outcome.splits, CorpusEmbeddings(table, table, {}))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"counts": (1, 1, 1)}, "`counts` is of a split of known people"),
        ({"known": 2}, "`known` is of a split of known people"),
        ({"strangers": 2}, "`strangers` is of a split of known people"),
        ({"by": "clip", "published": Path("p")}, "`published` splits people. Got --by clip"),
    ],
)
def test_options_of_another_kind_of_split_are_refused(
    small_corpus: Path, tmp_path: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        split_corpus(SplitConfig(corpus=small_corpus, out=tmp_path, **options))  # type: ignore[arg-type]

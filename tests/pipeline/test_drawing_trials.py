"""A corpus to trial lists in each format: balance, seeds, hard negatives, manifests, refusals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.published_lists.reading import read_published
from visavox.corpus.trial_files import read_trials
from visavox.corpus.trials import MatchingTrials
from visavox.errors import ConfigError, DataError
from visavox.method_config import TrialsConfig
from visavox.pipeline.drawing_trials import draw_lists
from visavox.pipeline.embedding import CorpusEmbeddings

NAME = "matching_voice_to_face_all_2"


def drawn(corpus: Path, out: Path, **changes: Any) -> TrialsConfig:
    config = TrialsConfig(corpus=corpus, out=out, **{"candidates": (2, 3), **changes})
    draw_lists(config)
    return config


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def test_our_lists_are_read_by_evaluate(small_corpus: Path, small_embeddings: Path, tmp_path: Path) -> None:
    outcome = draw_lists(TrialsConfig(corpus=small_corpus, out=tmp_path, candidates=(2, 3)))
    tables = CorpusEmbeddings.load(small_embeddings)
    with Catalog.open(small_corpus / CATALOG) as catalog:
        catalog_hash = catalog.content_hash()
    found = read_trials(tmp_path, tables.voice.links(), tables.face.links(), catalog_hash=catalog_hash)
    assert {name: len(one.probes) for name, one in found.lists.items()} == outcome.counts
    assert outcome.counts[NAME] == 16 * 3
    assert outcome.counts["verification_face_to_voice_all"] == 16 * 6
    assert outcome.counts["retrieval_voice_to_face"] == 16
    assert (outcome.n_clips, outcome.n_people) == (16, 8)
    matching = found.lists[NAME]
    assert isinstance(matching, MatchingTrials)
    assert {probe: matching.probes.count(probe) for probe in matching.probes} == dict.fromkeys(matching.probes, 3)


def test_clips_and_people_are_used_evenly_and_the_manifest_says_so(small_corpus: Path, tmp_path: Path) -> None:
    config = drawn(small_corpus, tmp_path)
    found = manifest(tmp_path)
    for name in (NAME, "matching_face_to_voice_all_3", "verification_voice_to_face_all"):
        usage = found["lists"][name]["usage"]
        for role in ("probes", "positives", "negatives", "negative_people"):
            assert usage[role]["most"] - usage[role]["fewest"] <= 2, (name, role)
    assert (found["seed"], len(found["catalog_hash"])) == (config.seed, 64)
    assert found["drawn"] == {
        "groups": ["all", "same_gender"],
        "candidates": [2, 3],
        "per_probe": 3,
        "subset": "all",
        "splits_sha256": "",
        "hard_negatives": {},
        "format": "visavox",
    }
    for entry in found["lists"].values():
        assert entry["sha256"] == hashlib.sha256((tmp_path / entry["file"]).read_bytes()).hexdigest()


def test_a_stratum_without_labels_is_skipped_with_its_reason(small_corpus: Path, tmp_path: Path) -> None:
    drawn(small_corpus, tmp_path, strata=("all", "gender+age"))
    reason = manifest(tmp_path)["skipped"]["verification_voice_to_face_same_gender_age"]
    assert reason.startswith("Same-gender-age trials need gender and age labels. Got none.")


def test_the_same_request_gives_the_same_bytes(small_corpus: Path, tmp_path: Path) -> None:
    for out in ("one", "two", "one"):
        drawn(small_corpus, tmp_path / out, seed=3)
    assert len(list((tmp_path / "one").iterdir())) > 10
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize("changes", [{"seed": 1}, {"per_probe": 2}, {"strata": ("all",)}, {"format": "sss"}])
def test_lists_of_another_request_are_refused_until_overwritten(
    changes: dict[str, Any], small_corpus: Path, tmp_path: Path
) -> None:
    drawn(small_corpus, tmp_path)
    with pytest.raises(DataError, match=r"manifest.json is of other lists \(seed 0, corpus .* --overwrite"):
        drawn(small_corpus, tmp_path, **changes)
    drawn(small_corpus, tmp_path, overwrite=True, **changes)
    files = {path.name for path in tmp_path.iterdir()}
    listed = manifest(tmp_path)
    expected = {entry["file"] for entry in listed["lists"].values()} | listed.get("files", {}).keys()
    assert files == expected | {"manifest.json"}


@pytest.mark.parametrize("protocol", ["sss", "pins", "fame"])
def test_published_formats_are_read_back(protocol: Any, small_corpus: Path, tmp_path: Path) -> None:
    drawn(small_corpus, tmp_path, format=protocol)
    found = manifest(tmp_path)
    assert (found["format"], found["protocol"]) == ("visavox-published-lists-1", protocol)
    for file, digest in found["files"].items():
        assert digest == hashlib.sha256((tmp_path / file).read_bytes()).hexdigest()
    records = read_published(protocol, tmp_path, None)
    assert sorted(len(record) for record in records) == sorted(entry["n_trials"] for entry in found["lists"].values())
    assert {entry["file"] for entry in found["lists"].values()} <= found["files"].keys()
    assert bool(found["skipped"]) == (protocol != "sss")


def test_a_subset_of_the_splits_is_drawn(small_corpus: Path, small_splits: Path, tmp_path: Path) -> None:
    outcome = draw_lists(TrialsConfig(corpus=small_corpus, out=tmp_path, splits=small_splits, subset="train"))
    assert (outcome.n_clips, outcome.n_people) == (8, 4)
    assert manifest(tmp_path)["drawn"]["subset"] == "train"
    everybody = TrialsConfig(corpus=small_corpus, out=tmp_path / "all", splits=small_splits, subset="all")
    assert draw_lists(everybody).n_people == 8


def test_hard_negatives_are_more_alike(small_corpus: Path, small_embeddings: Path, tmp_path: Path) -> None:
    """With 8 people all others are among the ten nearest; so the nearest are counted by hand with fewer."""
    drawn(small_corpus, tmp_path, hard_negatives=small_embeddings)
    digests = manifest(tmp_path)["drawn"]["hard_negatives"]
    assert digests["face"] == hashlib.sha256((small_embeddings / "face.parquet").read_bytes()).hexdigest()


def test_hard_negatives_need_every_person(small_corpus: Path, small_embeddings: Path, tmp_path: Path) -> None:
    tables = CorpusEmbeddings.load(small_embeddings)
    mask = np.array([person != tables.face.identities[0] for person in tables.face.identities])
    CorpusEmbeddings(tables.voice, tables.face.select(mask), tables.about).save(tmp_path / "some")
    with pytest.raises(DataError, match=r"some has no face of .* and of 0 more of 8 people. Run `visavox embed`"):
        drawn(small_corpus, tmp_path / "out", hard_negatives=tmp_path / "some")
    with pytest.raises(DataError, match=r"There is no .*voice.parquet. Run `visavox embed` first"):
        drawn(small_corpus, tmp_path / "out", hard_negatives=tmp_path / "none")


def test_nothing_to_draw_says_why(small_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`strata` must be"):
        drawn(small_corpus, tmp_path, strata=("race",))
    with pytest.raises(DataError, match="empty holds no usable clip to draw. Its catalog says why"):
        drawn(_empty_corpus(tmp_path / "empty"), tmp_path / "x")
    with pytest.raises(ConfigError, match="`n_per_probe` must be at least 1. Got 0"):
        drawn(small_corpus, tmp_path / "y", per_probe=0)


def _empty_corpus(folder: Path) -> Path:
    folder.mkdir()
    with Catalog.create(folder / CATALOG, {}):
        return folder


def test_a_subset_needs_a_split(small_corpus: Path, tmp_path: Path) -> None:
    """Without splits `--subset train` was once ignored, and everybody was drawn."""
    with pytest.raises(ConfigError, match="`subset` train needs --splits"):
        drawn(small_corpus, tmp_path / "a", subset="train")
    drawn(small_corpus, tmp_path / "b", subset="all")
    assert manifest(tmp_path / "b")["drawn"]["subset"] == "all"

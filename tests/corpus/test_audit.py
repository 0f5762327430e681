"""The audit finds every leak that is planted, and none where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.corpus.audit import Audit, AuditThresholds, Finding, audit
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import ClipLink, MediaItem, Modality, item_key
from visavox.corpus.splits import Splits, make_split
from visavox.errors import DataError


def corpus(n_people: int = 20, n_clips: int = 2) -> list[ClipLink]:
    return [ClipLink(f"p{i:02d}-{j}", f"p{i:02d}", f"v{i:02d}-{j}") for i in range(n_people) for j in range(n_clips)]


def table(modality: Modality, links: list[ClipLink], vectors: Any) -> EmbeddingTable:
    return EmbeddingTable(
        modality,
        "e",
        tuple(item_key(link.clip, modality) for link in links),
        tuple(link.clip for link in links),
        tuple(link.identity for link in links),
        tuple(link.video for link in links),
        {},
        vectors,
    )


def item(clip: str, modality: Modality, digest: str | None) -> MediaItem:
    return MediaItem(item_key(clip, modality), clip, modality, digest=digest)


SIDES = {"a": "train", "b": "test", "c": "test", "d": "validation"}
PLAIN = [ClipLink(clip, f"person of {clip}", f"video of {clip}") for clip in SIDES]


def splits_of(subsets: dict[str, str], folds: dict[str, int] | None = None) -> Splits:
    return Splits(0, "", {}, subsets, folds or {}, 3 if folds else 0)


def test_a_split_that_we_make_is_clean() -> None:
    links = corpus()
    rng = np.random.default_rng(0)
    result = audit(
        make_split(links, {"train": 0.6, "test": 0.4}, seed=0, n_folds=3),
        links,
        items=[item(link.clip, m, f"{m}{link.clip}") for link in links for m in ("face", "voice")],  # type: ignore[arg-type]
        face_hashes={link.clip: int(h) for link, h in zip(links, rng.integers(0, 2**63, 40), strict=True)},
        voice=table("voice", links, rng.normal(size=(40, 64))),
        face=table("face", links, rng.normal(size=(40, 64))),
    )
    assert result.findings == ()
    assert result.not_checked == {}
    assert set(result.counts.values()) == {0}
    assert set(result.counts) == {
        "person",
        "video",
        "same_face",
        "same_voice",
        "near_face_hash",
        "near_face",
        "near_voice",
    }
    assert result.summary() == "0 errors in 40 clips: nothing is on two sides"


def test_a_test_person_put_into_training_by_hand_is_an_error(tmp_path: Path) -> None:
    """Somebody edits splits.json: the file is well-formed, only the audit can tell."""
    links = corpus()
    path = tmp_path / "splits.json"
    splits = make_split(links, {"train": 0.6, "test": 0.4}, seed=0)
    splits.save(path)
    moved = splits.clips("test")[0]
    text = path.read_text()
    path.write_text(text.replace(f'"{moved}": "test"', f'"{moved}": "train"'))
    result = audit(Splits.load(path), links)
    person = moved.split("-")[0]
    assert result.findings == (Finding("person", "error", f"{person}-1", f"{person}-0", 2.0, "test", "train", person),)
    assert result.n_errors == 1
    assert "1 errors in 40 clips: 1 person" in result.summary()


def test_a_video_on_two_sides_is_an_error_even_with_two_people() -> None:
    links = [ClipLink("a", "Ann", "v"), ClipLink("b", "Bob", "v"), *PLAIN[2:]]
    assert audit(splits_of(SIDES), links).findings == (Finding("video", "error", "b", "a", 2.0, "test", "train", "v"),)


def test_an_unknown_person_is_reported_once_as_its_video() -> None:
    links = [ClipLink("a", "video:v", "v"), ClipLink("b", "video:v", "v"), ClipLink("c", "clip:c")]
    assert [f.kind for f in audit(splits_of(SIDES), links).findings] == ["video"]


def test_each_pair_of_sides_is_a_finding() -> None:
    links = [ClipLink(clip, "Ann") for clip in SIDES]
    found = audit(splits_of(SIDES), links).findings
    assert [(f.a, f.b, f.side_a, f.side_b, f.value) for f in found] == [
        ("b", "a", "test", "train", 3.0),
        ("b", "d", "test", "validation", 3.0),
        ("a", "d", "train", "validation", 2.0),
    ]


@pytest.mark.parametrize("modality", ["face", "voice"])
def test_identical_bytes_on_two_sides_are_an_error(modality: Modality) -> None:
    items = [item("a", modality, "00"), item("b", modality, "00"), item("c", modality, "11"), item("d", modality, None)]
    result = audit(splits_of(SIDES), PLAIN, items=items)
    assert result.findings == (Finding(f"same_{modality}", "error", "b", "a", 2.0, "test", "train", "00"),)
    assert result.counts == {"person": 0, "video": 0, "same_face": 0, "same_voice": 0} | {f"same_{modality}": 1}


def test_identical_bytes_on_one_side_are_no_leak() -> None:
    items = [item("b", "face", "00"), item("c", "face", "00")]
    assert audit(splits_of(SIDES), PLAIN, items=items).findings == ()


def test_a_face_and_a_voice_are_never_the_same_bytes() -> None:
    items = [item("a", "face", "00"), item("b", "voice", "00")]
    assert audit(splits_of(SIDES), PLAIN, items=items).findings == ()


def test_close_hashes_on_two_sides_are_a_suspicion() -> None:
    hashes = {"a": 0b1111, "b": 0b1110, "c": 0b1110, "d": 2**63}
    result = audit(splits_of(SIDES), PLAIN, face_hashes=hashes)
    assert [(f.kind, f.level, {f.a, f.b}, f.value) for f in result.findings] == [
        ("near_face_hash", "suspicion", {"a", "b"}, 1.0),
        ("near_face_hash", "suspicion", {"a", "c"}, 1.0),
    ]
    assert result.n_errors == 0
    strict = audit(splits_of(SIDES), PLAIN, face_hashes=hashes, thresholds=AuditThresholds(max_hash_distance=0))
    assert strict.findings == ()


@pytest.mark.parametrize("modality", ["face", "voice"])
def test_close_embeddings_of_different_people_are_a_suspicion(modality: Modality) -> None:
    vectors = np.eye(4)
    vectors[1] = vectors[0] + 0.01 * vectors[2]
    given = {modality: table(modality, PLAIN, vectors)}
    (found,) = audit(splits_of(SIDES), PLAIN, **given).findings
    assert (found.kind, found.level, found.a, found.b) == (f"near_{modality}", "suspicion", "a", "b")
    assert (found.side_a, found.side_b) == ("train", "test")
    x, y = (vectors[i] - vectors.mean(axis=0) for i in (0, 1))
    assert found.value == pytest.approx(x @ y / np.sqrt((x @ x) * (y @ y)), abs=1e-6)


def test_what_all_vectors_share_does_not_make_them_close() -> None:
    """Vectors that are never negative, as behind a ReLU, have a cosine near 1 with each other."""
    vectors = np.eye(4) + 100
    assert not audit(splits_of(SIDES), PLAIN, face=table("face", PLAIN, vectors)).findings


def test_thresholds_decide_what_is_close() -> None:
    vectors = np.array([[1, 0], [1, 0.5], [-1, -0.5], [-1, 0]])  # their mean is 0; cosine of a and b: 0.894
    voice = table("voice", PLAIN, vectors)
    for min_cosine, n_found in ((0.89, 1), (0.90, 0)):
        thresholds = AuditThresholds(min_voice_cosine=min_cosine)
        result = audit(splits_of(SIDES), PLAIN, voice=voice, thresholds=thresholds)
        assert sum({f.a, f.b} == {"a", "b"} for f in result.findings) == n_found
        assert result.thresholds == thresholds


def test_close_voices_of_one_person_are_reported_as_the_person_only() -> None:
    links = [ClipLink("a", "Ann"), ClipLink("b", "Ann"), *PLAIN[2:]]
    vectors = np.eye(4)
    vectors[1] = vectors[0]
    assert [f.kind for f in audit(splits_of(SIDES), links, voice=table("voice", links, vectors)).findings] == ["person"]


def test_folds_are_looked_at_like_subsets() -> None:
    subsets = dict.fromkeys(SIDES, "train")
    folds = {"a": 0, "b": 1, "c": 1, "d": 2}
    links = [ClipLink("a", "Ann"), ClipLink("b", "Ann"), *PLAIN[2:]]
    vectors = np.eye(4)
    vectors[3] = vectors[2]
    found = audit(splits_of(subsets, folds), links, face=table("face", links, vectors)).findings
    assert [(f.kind, f.side_a, f.side_b) for f in found] == [
        ("person", "fold 0", "fold 1"),
        ("near_face", "fold 1", "fold 2"),
    ]


def test_clips_outside_the_split_are_counted_and_ignored() -> None:
    links = [*PLAIN, ClipLink("stranger", "person of a")]
    result = audit(splits_of(SIDES), links, items=[item("stranger", "face", "00"), item("a", "face", "00")])
    assert result.findings == ()
    assert (result.n_clips, result.n_unassigned) == (4, 1)


def test_embeddings_and_hashes_of_clips_outside_the_split_are_ignored() -> None:
    links = [*PLAIN, ClipLink("stranger", "nobody")]
    vectors = np.vstack([np.eye(4), np.eye(4)[:1]])
    result = audit(
        splits_of(SIDES), links, voice=table("voice", links, vectors), face_hashes={"a": 1, "stranger": 1, "unheard": 1}
    )
    assert result.findings == ()


def test_what_was_not_given_is_said_not_to_be_checked() -> None:
    result = audit(splits_of(SIDES), PLAIN)
    assert result.not_checked.keys() == {"same_face", "same_voice", "near_face_hash", "near_face", "near_voice"}
    assert all(result.not_checked.values())
    assert "not checked: same_face" in result.summary()
    assert result.counts == {"person": 0, "video": 0}


def test_errors_come_before_suspicions() -> None:
    links = [ClipLink("a", "Ann"), ClipLink("b", "Ann"), *PLAIN[2:]]
    vectors = np.eye(4)
    vectors[3] = vectors[2]
    found = audit(splits_of(SIDES), links, voice=table("voice", links, vectors)).findings
    assert [f.level for f in found] == ["error", "suspicion"]


def test_many_close_pairs_are_counted_and_not_all_listed() -> None:
    links = corpus(60, 1)
    splits = splits_of({link.clip: "train" if i % 2 else "test" for i, link in enumerate(links)})
    stranger = ClipLink("a stranger in no subset", "nobody")  # so that the mean is not everybody's vector
    result = audit(splits, links, voice=table("voice", [*links, stranger], np.eye(61)[[0] * 60 + [1]]))
    assert result.counts["near_voice"] == 900
    links = corpus(99, 1)
    splits = splits_of({link.clip: "train" if i % 2 else "test" for i, link in enumerate(links)})
    result = audit(splits, links, voice=table("voice", [*links, stranger], np.eye(61)[[0] * 99 + [1]]))
    assert result.counts["near_voice"] == 50 * 49
    assert len(result.findings) == 1000


def test_the_file_holds_everything(tmp_path: Path) -> None:
    links = [ClipLink("a", "Ann"), ClipLink("b", "Ann"), *PLAIN[2:]]
    result = audit(splits_of(SIDES), links)
    result.save(tmp_path / "new" / "audit.json")
    read = json.loads((tmp_path / "new" / "audit.json").read_text())
    assert read["n_errors"] == 1
    assert read["summary"] == result.summary()
    assert read["findings"][0] == {
        "kind": "person",
        "level": "error",
        "a": "b",
        "b": "a",
        "value": 2.0,
        "side_a": "test",
        "side_b": "train",
        "about": "Ann",
    }
    assert read["thresholds"]["min_voice_cosine"] == AuditThresholds().min_voice_cosine
    assert read["counts"] == {"person": 1, "video": 0}


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    empty = Audit((), {}, {}, 0, 0, AuditThresholds())
    with pytest.raises(DataError, match="Cannot write the audit"):
        empty.save(tmp_path / "out" / "audit.json")

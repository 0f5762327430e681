"""Planted twins are found with the right verdict, and people who are two stay two."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from visavox.corpus import alike_pairs
from visavox.corpus.alike_pairs import MIN_MEAN_COSINE, AlikePair, find_alike_pairs
from visavox.corpus.audit import AuditThresholds
from visavox.corpus.corpus_audit import VERDICTS
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import MODALITIES, MediaItem, Modality, item_key
from visavox.corpus.near_duplicates import MAX_PAIRS

N, DIM = 40, 32


def clip(name: str, person: str | None = "", video: str | None = "") -> list[MediaItem]:
    """A face and a voice; "" stands for a person and a video of the clip's own."""
    person = f"person of {name}" if person == "" else person
    video = f"video of {name}" if video == "" else video
    return [MediaItem(item_key(name, m), name, m, person=person, video=video, digest=f"{m} {name}") for m in MODALITIES]


def corpus(*changed: list[MediaItem]) -> list[MediaItem]:
    """Forty clips of forty people, some of them as given."""
    named = {items[0].clip: items for items in changed}
    clips = [f"c{i:02d}" for i in range(N)]
    return [item for name in clips for item in named.get(name, clip(name))]


def table(modality: Modality, items: list[MediaItem], alike: dict[tuple[str, str], float]) -> EmbeddingTable:
    """Random vectors, less their mean; of some pairs of clips with about this cosine."""
    mine = [item for item in items if item.modality == modality]
    rng = np.random.default_rng(1 if modality == "face" else 2)
    vectors = {item.clip: vector for item, vector in zip(mine, rng.normal(size=(len(mine), DIM)), strict=True)}
    for (a, b), cosine in alike.items():
        one = vectors[a] / np.linalg.norm(vectors[a])
        other = rng.normal(size=DIM)
        other -= (other @ one) * one
        other /= np.linalg.norm(other)
        vectors[b] = 5 * (cosine * one + np.sqrt(1 - cosine**2) * other)
    stacked = np.stack([vectors[item.clip] for item in mine])
    return EmbeddingTable(
        modality,
        "e",
        tuple(item.key for item in mine),
        tuple(item.clip for item in mine),
        tuple(item.identity for item in mine),
        tuple(item.video for item in mine),
        {},
        stacked,
    )


def hashes_of(items: list[MediaItem], near: dict[tuple[str, str], int] | None = None) -> dict[str, int]:
    """Random hashes; of some pairs so many bits apart."""
    rng = np.random.default_rng(3)
    found = {item.clip: int(rng.integers(0, 2**64, dtype=np.uint64)) for item in items if item.modality == "face"}
    for (a, b), bits in (near or {}).items():
        found[b] = found[a] ^ (2**bits - 1)
    return {item_key(name, "face"): value for name, value in found.items()}


def search(
    items: list[MediaItem],
    *,
    hashes: dict[tuple[str, str], int] | None = None,
    faces: dict[tuple[str, str], float] | None = None,
    voices: dict[tuple[str, str], float] | None = None,
) -> Any:
    return find_alike_pairs(
        items,
        face_hashes=hashes_of(items, hashes),
        face=table("face", items, faces or {}),
        voice=table("voice", items, voices or {}),
    )


def verdicts(pairs: tuple[AlikePair, ...]) -> list[tuple[str, str, str]]:
    return [(pair.verdict, pair.a, pair.b) for pair in pairs]


TWO = ("c05", "c09")


def test_forty_people_are_forty_people() -> None:
    found = search(corpus())
    assert found.pairs == ()
    assert set(found.counts) == {"same_voice", "same_face", "near_face_hash", "near_face", "near_voice", "near_both"}
    assert set(found.counts.values()) == {0}
    assert found.not_checked == {}


@pytest.mark.parametrize(
    ("hashes", "faces", "voices", "verdict"),
    [
        (1, 0.99, 0.97, "one_recording"),
        (2, 0.99, 0.75, "one_recording"),  # one picture of two people: the voice may have lost something
        (9, 0.96, 0.97, "alike_both"),
        (9, 0.80, 0.72, "alike_both"),
        (2, 0.99, 0.0, "alike_face"),
        (9, 0.97, 0.0, "alike_face"),
        (9, 0.0, 0.96, "alike_voice"),
        (9, 0.6, 0.5, ""),
        (2, 0.2, 0.2, ""),  # two people before one wall
    ],
)
def test_each_kind_of_likeness_has_its_verdict(hashes: int, faces: float, voices: float, verdict: str) -> None:
    found = search(corpus(), hashes={TWO: hashes}, faces={TWO: faces}, voices={TWO: voices})
    assert verdicts(found.pairs) == ([(verdict, *TWO)] if verdict else [])
    for pair in found.pairs:
        assert pair.hash_distance == hashes
        assert pair.face_cosine == pytest.approx(faces, abs=0.1)  # the mean was removed
        assert pair.voice_cosine == pytest.approx(voices, abs=0.1)
        assert (pair.person_a, pair.video_b) == ("person of c05", "video of c09")
    assert found.n_dismissed == (hashes == 2 and not verdict)


def test_alike_vectors_are_cosines_of_the_centred_table() -> None:
    items = corpus()
    found = search(items, faces={TWO: 0.97}, voices={TWO: 0.9})
    for modality, listed in (("face", found.pairs[0].face_cosine), ("voice", found.pairs[0].voice_cosine)):
        vectors = table(modality, items, {TWO: {"face": 0.97, "voice": 0.9}[modality]}).vectors.astype(float)  # type: ignore[arg-type]
        mean = [sum(column) / N for column in vectors.T]
        a, b = ([x - m for x, m in zip(vectors[row], mean, strict=True)] for row in (5, 9))
        length = sum(x * x for x in a) ** 0.5 * sum(x * x for x in b) ** 0.5
        assert listed == pytest.approx(sum(x * y for x, y in zip(a, b, strict=True)) / length, abs=1e-5)


def test_the_mean_of_both_finds_what_neither_does_and_equals_its_definition() -> None:
    items = corpus()
    pairs = {("c01", "c02"): 0.83, ("c03", "c04"): 0.75, ("c06", "c07"): 0.6}
    found = search(items, faces=pairs, voices={**pairs, ("c06", "c07"): 0.88})
    expected = set()
    tables = [table("face", items, pairs), table("voice", items, {**pairs, ("c06", "c07"): 0.88})]
    centred = [t.vectors - t.vectors.mean(axis=0) for t in tables]
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in centred]
    for i, j in itertools.combinations(range(N), 2):
        if (unit[0][i] @ unit[0][j] + unit[1][i] @ unit[1][j]) / 2 >= MIN_MEAN_COSINE:
            expected.add((tables[0].clips[i], tables[0].clips[j]))
    assert {(pair.a, pair.b) for pair in found.pairs if pair.verdict == "alike_both"} == expected
    assert len(expected) == found.counts["near_both"] == 3
    assert found.counts["near_face"] == found.counts["near_voice"] == 0


@pytest.mark.parametrize(
    ("persons", "videos", "verdict"),
    [
        (("Ann", "Bo"), ("v", "w"), "two_names"),
        (("Ann", "Bo"), (None, None), "two_names"),
        (("Ann", "Ann"), ("v", "w"), "video_twice"),
        ((None, None), ("v", "w"), "video_twice"),
        (("Ann", None), ("v", "w"), "video_twice"),
        (("Ann", "Ann"), ("v", "v"), "clip_twice"),
        (("Ann", "Ann"), (None, None), "clip_twice"),
    ],
)
def test_identical_bytes_are_judged_by_the_names_they_have(
    persons: tuple[str | None, str | None], videos: tuple[str | None, str | None], verdict: str
) -> None:
    first, second = (clip(name, persons[i], videos[i]) for i, name in enumerate(TWO))
    for kinds in (MODALITIES, ("voice",), ("face",)):
        copied = [
            dataclasses.replace(item, digest=f"{item.modality} {TWO[0]}") if item.modality in kinds else item
            for item in second
        ]
        found = find_alike_pairs(corpus(first, copied))
        assert verdicts(found.pairs) == [(verdict, *TWO)]
        assert set(found.pairs[0].same_bytes) == set(kinds)
        assert found.counts == {f"same_{m}": int(m in kinds) for m in MODALITIES}


def test_identical_bytes_are_no_near_pair_besides() -> None:
    items = corpus(clip(TWO[0]), [dataclasses.replace(i, digest=f"{i.modality} {TWO[0]}") for i in clip(TWO[1])])
    found = search(items, hashes={TWO: 0}, faces={TWO: 1.0}, voices={TWO: 1.0})
    assert verdicts(found.pairs) == [("two_names", *TWO)]
    assert found.counts["near_face_hash"] == found.counts["near_face"] == found.counts["near_voice"] == 0


def test_of_many_copies_the_first_is_paired_with_each() -> None:
    copies = [[dataclasses.replace(i, digest=f"{i.modality} x") for i in clip(f"c{n:02d}")] for n in range(4)]
    assert [(p.a, p.b) for p in find_alike_pairs(corpus(*copies)).pairs] == [("c00", f"c0{n}") for n in (1, 2, 3)]


def test_one_person_in_two_videos_counts_only_where_picture_and_voice_are_one() -> None:
    items = corpus(clip(TWO[0], "Ann", "v"), clip(TWO[1], "Ann", "w"))
    one = search(items, hashes={TWO: 1}, faces={TWO: 0.99}, voices={TWO: 0.97})
    assert verdicts(one.pairs) == [("one_recording", *TWO)]
    assert one.counts["near_face_hash"] == 0  # that counts different people
    for close in ({"voices": {TWO: 0.7}}, {"voices": {TWO: 0.97}, "hashes": {TWO: 9}}):
        kinds: dict[str, Any] = {"hashes": {TWO: 1}, "faces": {TWO: 0.99}} | close
        assert search(items, **kinds).pairs == ()
    same_video = corpus(clip(TWO[0], "Ann", "v"), clip(TWO[1], "Ann", "v"))
    assert search(same_video, hashes={TWO: 1}, faces={TWO: 0.99}, voices={TWO: 0.97}).pairs == ()


def test_without_names_each_video_is_somebody() -> None:
    items = corpus(clip(TWO[0], None, "v"), clip(TWO[1], None, "w"))
    assert verdicts(search(items, faces={TWO: 0.97}).pairs) == [("alike_face", *TWO)]
    items = corpus(clip(TWO[0], None, "v"), clip(TWO[1], None, "v"))
    assert search(items, faces={TWO: 0.97}).pairs == ()


def test_the_gravest_come_first_and_the_closest_of_each() -> None:
    again = [dataclasses.replace(i, digest=f"{i.modality} c00") for i in clip("c01")]
    faces = {("c02", "c03"): 0.95, ("c04", "c05"): 0.99, ("c08", "c09"): 0.97}
    found = search(corpus(again), faces=faces, voices={("c06", "c07"): 0.96, ("c08", "c09"): 0.97})
    names = [pair.verdict for pair in found.pairs]
    assert names == ["two_names", "alike_both", "alike_face", "alike_face", "alike_voice"]
    assert [pair.a for pair in found.pairs] == ["c00", "c08", "c04", "c02", "c06"]
    assert list(dict.fromkeys(names)) == [name for name in VERDICTS if name in names]


def test_several_faces_of_a_clip_are_one_clip() -> None:
    items = corpus()
    extra = MediaItem("c05/face/1", "c05", "face", person="person of c05", video="video of c05", digest="more")
    hashes = hashes_of(items)
    hashes["c05/face/1"] = hashes["c09/face"] ^ 1
    found = find_alike_pairs([*items, extra], face_hashes=hashes)
    assert verdicts(found.pairs) == [("alike_face", *TWO)]
    assert found.pairs[0].hash_distance == 1


def test_what_was_not_given_is_not_checked_and_said_so() -> None:
    assert set(find_alike_pairs(corpus()).not_checked) == {
        "near_face_hash", "near_face", "near_voice", "near_both", "one_recording",
    }  # fmt: skip
    items = corpus()
    some = find_alike_pairs(items, face_hashes={}, face=table("face", items, {}))
    assert set(some.not_checked) == {"near_voice", "near_both", "one_recording"}
    assert find_alike_pairs([]).pairs == ()


def test_embeddings_of_clips_that_are_gone_are_left_out() -> None:
    items = corpus()
    fewer = [item for item in items if item.clip != TWO[1]]
    found = find_alike_pairs(fewer, face=table("face", items, {TWO: 0.99}), voice=table("voice", items, {TWO: 0.99}))
    assert found.pairs == ()


def test_equal_vectors_everywhere_are_close_to_nothing() -> None:
    items = corpus()
    flat = table("voice", items, {})
    assert find_alike_pairs(items, voice=flat.replace_vectors(np.ones((N, 3)), "e")).counts["near_voice"] == 0


def test_thresholds_decide() -> None:
    items = corpus()
    strict = AuditThresholds(max_hash_distance=0, min_face_cosine=0.999, min_voice_cosine=0.999)
    tables = {"face": table("face", items, {TWO: 0.97}), "voice": table("voice", items, {})}
    assert find_alike_pairs(items, **tables).pairs  # type: ignore[arg-type]
    assert not find_alike_pairs(items, thresholds=strict, **tables).pairs  # type: ignore[arg-type]


def test_more_pairs_than_can_be_listed_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    items = corpus()
    same = dict.fromkeys(hashes_of(items), 5)
    monkeypatch.setattr(alike_pairs.close_by_hash, "__kwdefaults__", {"max_pairs": 7})
    found = find_alike_pairs(items, face_hashes=same)
    assert found.counts["near_face_hash"] == N * (N - 1) // 2
    assert len(found.pairs) == 7


def test_copies_of_one_file_are_all_counted() -> None:
    """Of 3,000 copies of one picture 1,000 were counted, although the count says that it knows of all."""
    items = [MediaItem(f"c{i:04}/face", f"c{i:04}", "face", person=f"p{i}", digest="00") for i in range(3000)]
    found = find_alike_pairs(items)
    assert sum(found.counts.values()) == 2999
    assert len(found.pairs) == MAX_PAIRS

"""The words of an audit: counted right, on one line each, and nothing said that was not found."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from visavox.corpus.alike_pairs import AlikePair, AlikePairs
from visavox.corpus.audit import AuditThresholds
from visavox.corpus.corpus_audit import VERDICTS, Acquaintance, CorpusAudit, ListFinding, SharedVideo
from visavox.corpus.people_lists import ListRow, Match, Shared
from visavox.evaluation.corpus_audit_text import (
    MAX_LINES,
    corpus_audit_text,
    counted,
    headline,
    list_words,
    looked_for,
    met_words,
    owner_words,
    pair_words,
    size_words,
)

LIMITS = AuditThresholds()


def pair(verdict: str = "alike_face", **known: Any) -> AlikePair:
    values: dict[str, Any] = {"person_a": "Ann", "person_b": "Bo", "video_a": "v", "video_b": None}
    return AlikePair(verdict, "a", "b", **(values | known))


def audited(*pairs: AlikePair, **changed: Any) -> CorpusAudit:
    counts = {"same_face": 0, "near_face_hash": 3}
    found = CorpusAudit("films", 2, 2, 3, 3, 3, AlikePairs(pairs, counts, {}, 0), (), (), (), (), None)
    return dataclasses.replace(found, **changed)


def shared(people: int = 0, videos: int = 0, digests: int = 0) -> Shared:
    matches = [Match(f"name {n}", f"NAME {n}", ListRow()) for n in range(max(people, videos))]
    return Shared(tuple(matches[:people]), tuple(matches[:videos]), tuple(map(str, range(digests))), 0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (audited(), "Nobody and nothing was found under two names."),
        (audited(pair("two_names")), "1 certain finding."),
        (audited(pair("two_names"), pair()), "1 certain finding, 1 finding to look at."),
        (audited(spellings=(("a", "A"),), shared_videos=(SharedVideo("v", ("a", "b"), 2),)), "2 findings to look at."),
        (audited(lists=(ListFinding("l", 3, 0, shared(1)),)), "1 entry shared with the given lists."),
        (audited(lists=(ListFinding("l", 3, 9, shared(2, 1)),)), "3 entries shared with the given lists."),
    ],
)
def test_the_headline_says_what_was_found(found: CorpusAudit, said: str) -> None:
    assert headline(found) == said


def test_numbers_are_counted_and_grouped() -> None:
    assert [counted(n, "clip") for n in (0, 1, 2, 12345)] == ["0 clips", "1 clip", "2 clips", "12,345 clips"]
    assert size_words(audited()) == "2 people, 2 videos, 3 clips with 3 faces and 3 voices"
    assert size_words(audited(n_people=1, n_videos=0, n_clips=1)).startswith("1 person, 1 clip with")
    assert size_words(audited(n_people=0)).startswith("2 videos, 3 clips")


def test_what_was_looked_for_is_told_with_its_bound_and_what_was_dismissed() -> None:
    found = audited()
    rows = dict(looked_for(dataclasses.replace(found, alike=dataclasses.replace(found.alike, n_dismissed=2))))
    assert rows["identical face files"] == "0 pairs"
    key = "pictures that are nearly the same, 2 bits of 64 apart at most"
    assert rows[key] == "3 pairs, 2 of them two people by their face embeddings"
    assert "dismissed" not in dict(looked_for(found))[key]
    assert "videos listed under several people" in rows
    assert "videos listed under several people" not in dict(looked_for(audited(n_videos=0)))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pair(hash_distance=1), [("pictures 1 bit of 64 apart", True)]),
        (pair(hash_distance=30), [("pictures 30 bits of 64 apart", False)]),
        (pair(face_cosine=0.95, voice_cosine=0.2), [("faces 0.95", True), ("voices 0.20", False)]),
        (pair(face_cosine=0.2, voice_cosine=0.95), [("faces 0.20", False), ("voices 0.95", True)]),
        (pair("alike_both", face_cosine=0.7, voice_cosine=0.7), [("faces 0.70", True), ("voices 0.70", True)]),
        (
            pair("two_names", same_bytes=("voice",), hash_distance=9, voice_cosine=1.0),
            [("voice file identical", True), ("pictures 9 bits of 64 apart", False)],
        ),
        (pair("two_names", same_bytes=("voice", "face"), hash_distance=0, face_cosine=1.0, voice_cosine=1.0),
         [("voice file identical", True), ("face file identical", True)]),
    ],
)  # fmt: skip
def test_a_pair_is_told_by_what_makes_it_suspicious(found: AlikePair, said: list[tuple[str, bool]]) -> None:
    assert pair_words(found, LIMITS) == said


def test_owners_lists_and_models_in_words() -> None:
    assert [owner_words(*who) for who in (("Ann", "v"), ("Ann", None), (None, "v"), (None, None))] == [
        "Ann, video v",
        "Ann",
        "video v",
        "nobody named",
    ]
    assert list_words(ListFinding("l", 3, 0, shared())) == "nothing shared, of 3 people"
    assert list_words(ListFinding("l", 0, 0, shared())) == "nothing shared, of an empty list"
    words = list_words(ListFinding("l", 30, 4, shared(2, 1, 1)))
    assert words == "2 names, 1 video, 1 identical file shared, of 30 people and 4 videos"
    assert met_words(Acquaintance("m", "t", ("Ann",), "why")) == "has met 1 of them (why)"
    assert met_words(Acquaintance("m", "t")) == "has met nobody here, as far as is known"


def test_the_text_holds_every_section_that_has_something_to_say() -> None:
    full = audited(
        *(pair(verdict, hash_distance=1) for verdict in VERDICTS),
        spellings=(("Ann Lee", "ann_lee"),),
        shared_videos=(SharedVideo("v9", ("Ann", "Bo"), 2),),
        lists=(ListFinding("test.csv", 3, 0, shared(1)),),
        acquaintances=(Acquaintance("ge2e", "VoxCeleb2", ("Ann",), "by id"),),
        not_checked={"lists": "none was given"},
    )
    text = corpus_audit_text(full)
    for about in VERDICTS.values():
        assert f"## {about.title}: 1 pair\n\n{about.meaning} {about.remedy}\n\n- a (Ann, video v) and b (Bo): " in text
    for words in ("- Ann Lee, ann_lee", "- v9: Ann, Bo", "- test.csv: 1 name shared", "- ge2e, trained on VoxCeleb2"):
        assert words in text
    assert text.endswith("## Not checked\n\n- lists: none was given\n")
    assert "Videos listed" not in corpus_audit_text(audited()).split("\n## ", 1)[1]


def test_names_cannot_break_the_lines_and_long_lists_end() -> None:
    strange = "a\n# b | `c`"
    text = corpus_audit_text(audited(pair(person_a=strange), corpus=strange, spellings=((strange, "x"),)))
    assert "\n# b" not in text
    assert "a\\n# b \\| 'c'" in text
    many = corpus_audit_text(audited(*[pair()] * (MAX_LINES + 7)))
    assert many.count("\n- a (Ann") == MAX_LINES
    assert "- and 7 more, in audit.json" in many
    listed = corpus_audit_text(audited(lists=(ListFinding("l", 99, 0, shared(MAX_LINES + 5)),)))
    assert "name 49 and 5 more" in listed

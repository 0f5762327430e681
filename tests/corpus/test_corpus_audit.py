"""Names and videos that say two things, and the counts of the whole audit."""

from __future__ import annotations

import dataclasses

import pytest

from visavox.corpus.alike_pairs import AlikePair, AlikePairs, find_alike_pairs
from visavox.corpus.audit import Audit, AuditThresholds, Finding
from visavox.corpus.corpus_audit import (
    VERDICTS,
    CorpusAudit,
    ListFinding,
    one_name_spelt_twice,
    videos_of_several,
)
from visavox.corpus.items import MediaItem
from visavox.corpus.people_lists import ListRow, Match, Shared


def face(clip: str, person: str | None, video: str | None = None) -> MediaItem:
    return MediaItem(f"{clip}/face", clip, "face", person=person, video=video)


def audited(*pairs: AlikePair) -> CorpusAudit:
    return CorpusAudit("c", 2, 2, 3, 3, 3, AlikePairs(pairs, {}, {}, 0), (), (), (), (), None)


def pair(verdict: str) -> AlikePair:
    return AlikePair(verdict, "a", "b", None, None, None, None)


def test_a_video_under_two_people_is_found_once_with_its_clips() -> None:
    items = [
        face("a", "Ann", "v"),
        face("b", "Bo", "v"),
        face("c", "Bo", "v"),
        face("d", "Bo", "w"),
        face("e", None, "v"),
    ]
    (found,) = videos_of_several(items)
    assert (found.video, found.people, found.n_clips) == ("v", ("Ann", "Bo"), 3)
    assert videos_of_several([face("a", "Ann"), face("b", "Bo")]) == ()


def test_names_that_differ_in_their_spelling_only_are_grouped() -> None:
    people = ["Ann_Lee", "ann lee", "ANN-LEE", "Ann", "Bo", "1", "01", "Renée", "Renee", None]
    items = [face(str(number), person) for number, person in enumerate(people)]
    assert one_name_spelt_twice(items) == (("ANN-LEE", "Ann_Lee", "ann lee"), ("Renee", "Renée"))


def test_every_verdict_that_is_given_is_explained() -> None:
    for about in VERDICTS.values():
        assert about.title
        assert about.meaning.endswith(".")
        assert about.remedy.endswith(".")
    assert [name for name, about in VERDICTS.items() if about.is_certain] == ["two_names", "video_twice", "clip_twice"]
    assert find_alike_pairs([]).pairs == ()


def test_what_is_certain_and_what_a_person_judges_are_counted_apart() -> None:
    found = audited(pair("alike_voice"), pair("two_names"), pair("alike_face"), pair("alike_face"), pair("clip_twice"))
    assert found.verdicts == {"two_names": 1, "alike_face": 2, "alike_voice": 1, "clip_twice": 1}
    assert list(found.verdicts) == ["two_names", "alike_face", "alike_voice", "clip_twice"]  # the gravest first
    assert (found.n_certain, found.n_to_look_at, found.n_shared) == (2, 3, 0)


def test_names_videos_and_sides_count_too() -> None:
    error = Finding("person", "error", "a", "b", 2.0, "train", "test", "Ann")
    suspicion = dataclasses.replace(error, level="suspicion")
    sides = Audit((error, suspicion), {"person": 1}, {}, 3, 0, AuditThresholds())
    shared = Shared((Match("Ann", "ann", ListRow()),), (Match("v", "v", ListRow()),), ("00", "01"), 0)
    found = dataclasses.replace(
        audited(),
        sides=sides,
        spellings=(("a", "A"),),
        shared_videos=videos_of_several([face("a", "Ann", "v"), face("b", "Bo", "v")]),
        lists=(ListFinding("l", 3, 4, shared), ListFinding("m", 3, 4, shared)),
    )
    assert (found.n_certain, found.n_to_look_at, found.n_shared) == (1, 2, 8)


def test_an_unknown_verdict_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        _ = audited(pair("guess")).verdicts

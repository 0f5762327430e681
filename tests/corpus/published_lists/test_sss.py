"""Lists of Seeking the Shape of Sound: names, the three kinds, against a slow reader, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.published_lists.identities import Identities
from visavox.corpus.published_lists.records import PublishedMatching, PublishedRetrieval, PublishedVerification
from visavox.corpus.published_lists.sss import ListName, file_name, parse_name, read_file, text_of
from visavox.errors import DataError

Put = Callable[[str, str | bytes], Path]

MATCH = "id90001/v/1.wav Ann_Lee/1.jpg Bob_Ray/1.jpg\nid90001/v/1.wav Ann_Lee/2.jpg Cy_Dunn/1.jpg\n"
MATCH += "id90002/w/1.wav Bob_Ray/1.jpg Ann_Lee/1.jpg\n"
VERIFY = "Ann_Lee/1.jpg id90001/v/1.wav\nAnn_Lee/1.jpg id90002/w/1.wav\nBob_Ray/1.jpg id90002/w/1.wav\n"
RETRIEVE = "id90001/v/1.wav id90002/w/1.wav\nBob_Ray/1.jpg Ann_Lee/1.jpg Bob_Ray/2.jpg Cy_Dunn/1.jpg\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("match_v2f_2_val.txt", ListName("match", "voice_to_face", "all")),
        ("match_g_f2v_2_test.head.txt", ListName("match", "face_to_voice", "same_gender")),
        ("match_v2f_10_test.txt", ListName("match", "voice_to_face", "all")),
        ("match_gna_v2f_2_test.txt", ListName("match", "voice_to_face", "same_gender_nationality_age")),
        ("verify_f2v_test.txt", ListName("verify", "face_to_voice", "all")),
        ("verify_g_v2f_test.txt", ListName("verify", "voice_to_face", "same_gender")),
        ("reterival_v2f_test.txt", ListName("retrieval", "voice_to_face", "all")),
        ("retrieval_f2v_test.txt", ListName("retrieval", "face_to_voice", "all")),
        ("vox1_test.csv", None),
        ("match_v2v_2_test.txt", None),
        ("rematch_v2f_2_test.txt", None),
        ("match_v2f_2_test.csv", None),
    ],
)
def test_file_names_say_what_is_in_them(name: str, expected: ListName | None) -> None:
    assert parse_name(name) == expected


@pytest.mark.parametrize("kind", ["match", "verify", "retrieval"])
@pytest.mark.parametrize("group", ["all", "same_gender", "same_nationality", "same_gender_age_language"])
@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
def test_names_that_are_made_are_understood(kind: str, group: str, direction: str) -> None:
    name = file_name(kind, direction, group, 4 if kind == "match" else 0, "val")  # type: ignore[arg-type]
    assert parse_name(name) == ListName(kind, direction, group)  # type: ignore[arg-type]


def test_names_are_those_of_the_publishers() -> None:
    assert file_name("match", "voice_to_face", "same_gender", 2, "val") == "match_g_v2f_2_val.txt"
    assert file_name("verify", "face_to_voice", "all") == "verify_f2v_test.txt"
    assert file_name("retrieval", "voice_to_face", "all") == "reterival_v2f_test.txt"


def test_matching_has_the_positive_first(put: Put, people: Identities) -> None:
    found = read_file(put("match_v2f_2_test.txt", MATCH), people)
    assert isinstance(found, PublishedMatching)
    assert (found.protocol, found.name, found.direction, found.group) == (
        "sss",
        "match_v2f_2_test",
        "voice_to_face",
        "all",
    )
    assert found.probe_names == ("id90001/v/1.wav", "id90002/w/1.wav")
    assert found.candidate_names == ("Ann_Lee/1.jpg", "Bob_Ray/1.jpg", "Ann_Lee/2.jpg", "Cy_Dunn/1.jpg")
    assert found.probes.tolist() == [0, 0, 1]
    assert found.candidates.tolist() == [[0, 1], [2, 3], [1, 0]]
    assert found.people_names == ("id90001", "id90002", "id90003")
    assert found.probe_people.tolist() == [0, 1]
    assert found.candidate_people.tolist() == [0, 1, 0, 2]
    assert found.attributes["gender"] == ("f", "m", "m")
    assert found.lines.tolist() == [1, 2, 3]
    assert found.path is not None


def test_labels_come_from_the_identity_file(put: Put, people: Identities) -> None:
    found = read_file(put("verify_g_f2v_test.txt", VERIFY), people)
    assert isinstance(found, PublishedVerification)
    assert (found.direction, found.group, found.protocol) == ("face_to_voice", "same_gender", "sss")
    assert found.labels is not None
    assert found.labels.tolist() == [True, False, True]
    assert found.probes.tolist() == [0, 0, 1]
    assert found.candidates.tolist() == [0, 1, 1]
    assert found.people_names == ("id90001", "id90002")  # Cy is not in the list


def test_retrieval_keeps_the_order_of_both_lines(put: Put, people: Identities) -> None:
    found = read_file(put("reterival_v2f_test.txt", RETRIEVE), people)
    assert isinstance(found, PublishedRetrieval)
    assert found.probe_names == ("id90001/v/1.wav", "id90002/w/1.wav")
    assert found.gallery_names == ("Bob_Ray/1.jpg", "Ann_Lee/1.jpg", "Bob_Ray/2.jpg", "Cy_Dunn/1.jpg")
    assert found.probe_people.tolist() == [0, 1]
    assert found.gallery_people.tolist() == [1, 0, 1, 2]
    assert found.groups is None


def test_a_slow_reader_finds_the_same(put: Put, people: Identities) -> None:
    rng = np.random.default_rng(0)
    faces = {i: [f"{name}/{n}.jpg" for n in range(5)] for i, name in enumerate(people.faces)}
    lines = []
    for _ in range(200):
        person, *others = rng.permutation(3).tolist()
        candidates = [faces[p][int(rng.integers(5))] for p in (person, *others)]
        lines.append([f"{people.voices[person]}/v/{rng.integers(9)}.wav", *candidates])
    found = read_file(put("match_v2f_3_test.txt", "".join(" ".join(line) + "\n" for line in lines)), people)
    assert isinstance(found, PublishedMatching)
    for row, line in enumerate(lines):
        assert found.probe_names[found.probes[row]] == line[0]
        assert [found.candidate_names[c] for c in found.candidates[row]] == line[1:]
        person = people.row_of[line[0].split("/")[0]]
        assert found.people_names[found.probe_people[found.probes[row]]] == people.voices[person]
        expected = [people.voices[people.faces.index(word.split("/")[0])] for word in line[1:]]
        assert [found.people_names[p] for p in found.candidate_people[found.candidates[row]]] == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [("match_v2f_2_test.txt", MATCH), ("verify_f2v_test.txt", VERIFY), ("reterival_v2f_test.txt", RETRIEVE)],
)
def test_writing_gives_the_same_bytes(name: str, text: str, put: Put, people: Identities) -> None:
    assert text_of(read_file(put(name, text), people)) == text
    windows = b"\xef\xbb\xbf" + text.replace("\n", " \r\n").encode()
    assert read_file(put(name, windows), people) == read_file(put(name, text), people)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "match_v2f_2_test.txt",
            MATCH + "id90001/v/1.wav Ann_Lee/1.jpg\n",
            "line 4: must have 3 words, like the first",
        ),
        ("match_v2f_2_test.txt", "a b\n", "line 1: must have .* words: PROBE POSITIVE NEGATIVE ..."),
        ("match_v2f_2_test.txt", MATCH + "id90002/w/1.wav Bob_Ray/1.jpg Bob_Ray/2.jpg\n", "line 4: the negative 'Bob"),
        (
            "match_v2f_2_test.txt",
            MATCH + "id90002/w/1.wav Ann_Lee/1.jpg Bob_Ray/2.jpg\n",
            "line 4: the first candidate",
        ),
        (
            "match_v2f_2_test.txt",
            MATCH + "id90002/w/1.wav Bob_Ray/1.jpg Eve/2.jpg\n",
            r"line 4: 'Eve' \('Eve/2.jpg'\) is",
        ),
        ("verify_f2v_test.txt", VERIFY + "\nEve/1.jpg id90001/v/1.wav\n", "line 5: 'Eve'"),
        ("verify_f2v_test.txt", "Ann_Lee/1.jpg id90001/v/1.wav\n", "all 1 pairs are of one person"),
        ("verify_f2v_test.txt", VERIFY + "x\n", "line 4: must have 2 words, like the first line: PROBE CANDIDATE"),
        ("reterival_v2f_test.txt", "id90001/v/1.wav\n", "line 1: a retrieval list must have two lines, .* Got 1"),
        ("reterival_v2f_test.txt", RETRIEVE + "x\n", "line 3: a retrieval list must have two lines, .* Got 3"),
        ("reterival_v2f_test.txt", "id90001/v/1.wav\nBob_Ray/1.jpg\n", "line 1: the query 'id90001/v/1.wav' must have"),
        ("reterival_v2f_test.txt", "id90001/v/1.wav\nAnn_Lee/1.jpg Eve/1.jpg\n", "line 2: 'Eve'"),
        ("other.txt", "a b\n", "other.txt has no name of these lists. Use for instance match_v2f_2_test.txt"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(
    name: str, text: str, message: str, put: Put, people: Identities
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_file(put(name, text), people)
    assert "\n" not in str(caught.value)

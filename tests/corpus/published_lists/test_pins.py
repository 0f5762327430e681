"""Lists of Learnable PINs and CMPC: names, the translation of paths, round trips, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.corpus.published_lists import pins, sss
from visavox.corpus.published_lists.identities import Identities
from visavox.corpus.published_lists.pins import ListName, list_name, parse_name, read_file, read_retrieval
from visavox.corpus.published_lists.records import PublishedMatching, PublishedVerification
from visavox.errors import ConfigError, DataError

Put = Callable[[str, str | bytes], Path]
HEADER = "id,voice-speaker-id,face-speaker-id,label,voice-path,face-path\n"
VERIFY = HEADER + (
    "1,80001,80001,1,Ann_Lee/abc-_fghijk_0000012.wav,Ann_Lee/ytube/0007400.jpg\n"
    "2,80001,80002,0,Ann_Lee/abc-_fghijk_0000012.wav,Bob_Ray/other/0000001.jpg\n"
)
NAME = "veriflist_test_GN_seenheard.txt"
WAV = "VoxCeleb1 ID\twav\nid90001\tid90001/v/1.wav\nid90002\tid90002/w/1.wav\n"
JPG = "VoxCeleb1 ID\tjpg\nid90002\tBob_Ray/1.6/w/1.jpg\nid90001\tAnn_Lee/1.6/v/1.jpg\nid90001\tAnn_Lee/1.6/v/2.jpg\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("veriflist_test_random_seenheard.txt", ("verification", "voice_to_face", "all", "seen_heard")),
        ("veriflist_test_G_unseenunheard.txt", ("verification", "voice_to_face", "same_gender", "unseen_unheard")),
        ("veriflist_test_A_seenheard.head.txt", ("verification", "voice_to_face", "same_age", "seen_heard")),
        (
            "veriflist_test_GNA_unseenunheard.txt",
            ("verification", "voice_to_face", "same_gender_nationality_age", "unseen_unheard"),
        ),
        ("matching_v2f_U.csv", ("matching", "voice_to_face", "all", "unseen_unheard")),
        ("matching_f2v_GN.csv", ("matching", "face_to_voice", "same_gender_nationality", "unseen_unheard")),
        ("matching_f2v_N_10.csv", ("matching", "face_to_voice", "same_nationality", "unseen_unheard")),
        ("wav_20k.csv", ("voices", "voice_to_face", "all", "unseen_unheard")),
        ("jpg_20k.csv", ("faces", "voice_to_face", "all", "unseen_unheard")),
    ],
)
def test_file_names_say_what_is_in_them(name: str, expected: tuple[str, ...]) -> None:
    assert parse_name(name) == ListName(*expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["matching_v2f.csv", "veriflist_test_X_seenheard.txt", "vox1_meta.csv", "README.txt"])
def test_other_names_are_no_lists(name: str) -> None:
    assert parse_name(name) is None


def test_names_that_are_made_are_understood() -> None:
    assert list_name("match", "voice_to_face", "all") == "matching_v2f_U"
    assert list_name("match", "face_to_voice", "same_gender", 10) == "matching_f2v_G_10"
    assert list_name("verify", "voice_to_face", "all") == "veriflist_test_random_unseenunheard"
    assert list_name("verify", "voice_to_face", "same_gender_nationality") == "veriflist_test_GN_unseenunheard"
    assert list_name("retrieval", "face_to_voice", "all") == "jpg_all_to_wav_all"
    assert list_name("retrieval", "voice_to_face", "all") == "wav_all_to_jpg_all"


def test_paths_are_translated_as_published() -> None:
    """The example of CMPC's loader: the first 11 characters, and what follows the 14th."""
    listed = "Some_One/abcdefghijk_0000001.wav"
    video, number = listed.split("/")[1][:11], listed.split("/")[1][14:]
    assert pins.file_of_voice(listed, {"Some_One": "id90002"}) == f"id90002/{video}/{number}"
    assert pins.voice_of_file("id90002/abcdefghijk/00001.wav", {"id90002": "Some_One"}) == listed
    assert pins.file_of_voice("Nobody/abcdefghijk_0000001.wav", {}) == "Nobody/abcdefghijk/00001.wav"
    assert pins.file_of_face("A/v/1.jpg") == "A/1.6/v/1.jpg"
    assert pins.face_of_file("A/1.6/v/1.jpg") == "A/v/1.jpg"


@pytest.mark.parametrize("path", ["A/short_00001.wav", "A/abcdefghijk/00001.wav", "abcdefghijk_0000001.wav", "A/b/c"])
def test_other_voice_paths_have_no_file(path: str) -> None:
    assert pins.file_of_voice(path, {}) is None


def test_other_files_cannot_be_listed() -> None:
    assert pins.voice_of_file("id1/short/00001.wav", {}) is None
    assert pins.face_of_file("A/v/1.jpg") is None
    assert pins.face_of_file("A/1.6") is None


def test_verification_names_files(put: Put, people: Identities) -> None:
    found = read_file(put(NAME, VERIFY), people)
    assert isinstance(found, PublishedVerification)
    assert (found.protocol, found.group, found.condition) == ("pins", "same_gender_nationality", "seen_heard")
    assert (found.name, found.direction) == ("veriflist_test_GN_seenheard", "voice_to_face")
    assert found.probe_names == ("id90001/abc-_fghijk/00012.wav",)
    assert found.candidate_names == ("Ann_Lee/1.6/ytube/0007400.jpg", "Bob_Ray/1.6/other/0000001.jpg")
    assert found.labels is not None
    assert found.labels.tolist() == [True, False]
    assert found.probe_people.tolist() == [0]
    assert found.candidate_people.tolist() == [0, 1]
    assert found.lines.tolist() == [2, 3]


def test_speakers_are_numbered_like_their_ids(put: Put) -> None:
    known = Identities(("id19002", "id19956"), ("A", "B"), {"gender": (None,) * 2, "nationality": (None,) * 2})
    text = (
        HEADER
        + "1,9002,9002,1,A/abcdefghijk_0000001.wav,A/v/1.jpg\n2,9002,9956,0,A/abcdefghijk_0000001.wav,B/v/1.jpg\n"
    )
    found = read_file(put(NAME, text), known)
    assert isinstance(found, PublishedVerification)
    assert pins.verification_text(found) == text


def test_matching_lists_name_files_themselves(put: Put, people: Identities) -> None:
    text = "Ann_Lee/1.6/v/1.jpg id90001/v/1.wav id90002/w/1.wav\nBob_Ray/1.6/v/1.jpg id90002/w/1.wav id90003/x/1.wav\n"
    found = read_file(put("matching_f2v_G.csv", text), people)
    assert isinstance(found, PublishedMatching)
    assert (found.protocol, found.group, found.condition) == ("pins", "same_gender", "unseen_unheard")
    assert found.candidates.tolist() == [[0, 1], [1, 2]]
    assert sss.text_of(found) == text


def test_retrieval_goes_both_ways(put: Put, people: Identities) -> None:
    forth, back = read_retrieval(put("wav_20k.csv", WAV), put("jpg_20k.csv", JPG), people)
    assert (forth.direction, back.direction) == ("voice_to_face", "face_to_voice")
    assert (forth.name, back.name) == ("wav_20k_to_jpg_20k", "jpg_20k_to_wav_20k")
    assert forth.probe_names == back.gallery_names == ("id90001/v/1.wav", "id90002/w/1.wav")
    assert forth.gallery_names == back.probe_names
    assert forth.probe_people.tolist() == back.gallery_people.tolist() == [0, 1]
    assert forth.gallery_people.tolist() == [1, 0, 0]
    assert pins.gallery_text(forth.probe_names, forth.probe_people, forth.people_names, "wav") == WAV
    assert pins.gallery_text(back.probe_names, back.probe_people, back.people_names, "jpg") == JPG


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (VERIFY.replace("voice-path", "voice"), "line 1: the header must be id,voice-speaker-id,"),
        (VERIFY + "3,1,1,1,x\n", "line 4: must have 6 words, like the first line"),
        (
            VERIFY + "3,1,1,2,Ann_Lee/abc-_fghijk_0000012.wav,Ann_Lee/y/1.jpg\n",
            "line 4: the label must be 1 or 0. Got '2'",
        ),
        (
            VERIFY + "3,1,1,1,Ann_Lee/short.wav,Ann_Lee/y/1.jpg\n",
            "line 4: the voice must be NAME/VIDEO_00NNNNN.wav. Got",
        ),
        (VERIFY + "3,1,1,1,Eve/abc-_fghijk_0000012.wav,Ann_Lee/y/1.jpg\n", "line 4: 'Eve'"),
        (
            VERIFY + "3,1,1,0,Ann_Lee/abc-_fghijk_0000012.wav,Ann_Lee/y/1.jpg\n",
            "line 4: the label is 0, but .* are of one",
        ),
        (
            VERIFY + "3,1,1,1,Ann_Lee/abc-_fghijk_0000012.wav,Bob_Ray/y/1.jpg\n",
            "line 4: the label is 1, but .* not of one",
        ),
        (HEADER + VERIFY.splitlines()[1] + "\n", "all 1 pairs are of one person"),
        (HEADER, "all 0 pairs are of one person"),
    ],
)
def test_a_wrong_veriflist_names_its_line(text: str, message: str, put: Put, people: Identities) -> None:
    with pytest.raises(DataError, match=message):
        read_file(put(NAME, text), people)


@pytest.mark.parametrize(
    ("jpg", "message"),
    [
        (JPG + "id90001\tBob_Ray/1.6/w/3.jpg\n", "jpg_20k.csv line 5: 'Bob_Ray/1.6/w/3.jpg' is not of 'id90001'"),
        (JPG + "id90009\tEve/1.6/w/3.jpg\n", "jpg_20k.csv line 5: 'Eve'"),
        (JPG + "id90001\n", "line 5: must have 2 words"),
        (
            JPG.split("\n", 1)[1],
            "jpg_20k.csv line 1: the header must be VoxCeleb1 ID, a tab, and a name. Got 'id90002'. Add the header.",
        ),
        ("VoxCeleb1 ID\tjpg\nid90001\tAnn_Lee/1.6/v/1.jpg\n", "wav_20k.csv: the query 'id90002/w/1.wav' must have"),
    ],
)
def test_a_wrong_gallery_names_its_line(jpg: str, message: str, put: Put, people: Identities) -> None:
    with pytest.raises(DataError, match=message):
        read_retrieval(put("wav_20k.csv", WAV), put("jpg_20k.csv", jpg), people)


def test_galleries_are_not_read_one_by_one(put: Put, people: Identities) -> None:
    with pytest.raises(ConfigError, match="no name of these lists. Use for instance matching_v2f_U.csv"):
        read_file(put("wav_20k.csv", WAV), people)


def test_faces_first_cannot_be_written(put: Put, people: Identities) -> None:
    found = read_file(put(NAME, VERIFY), people)
    assert isinstance(found, PublishedVerification)
    turned = PublishedVerification(**{**vars(found), "direction": "face_to_voice"})
    with pytest.raises(ConfigError, match="pairs voices with faces. Got face_to_voice"):
        pins.verification_text(turned)
    named = PublishedVerification(**{**vars(found), "probe_names": ("x.wav",)})
    with pytest.raises(ConfigError, match=r"can only name files ID/VIDEO/NNNNN.wav .* Got 'x.wav'"):
        pins.verification_text(named)

"""Who is who: identity files, subsets, and the people of a list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.published_lists.identities import (
    Identities,
    identities_of,
    identity_files,
    identity_texts,
    listed_people,
    read_identities,
)
from visavox.corpus.published_lists.records import PublishedList
from visavox.errors import ConfigError, DataError

Put = Callable[[str, str | bytes], Path]


def test_both_ids_of_a_row_are_one_person(people: Identities) -> None:
    assert people.voices == ("id90001", "id90002", "id90003")
    assert people.faces == ("Ann_Lee", "Bob_Ray", "Cy_Dunn")
    assert people.attributes == {"gender": ("f", "m", "m"), "nationality": ("UK", "USA", None)}
    rows, missing = people.people_of(["id90002/v/1.wav", "Bob_Ray/1.jpg", "Ann_Lee/7.jpg"])
    assert (rows.tolist(), missing) == ([1, 1, 0], None)


def test_the_first_path_of_nobody_is_found(people: Identities) -> None:
    rows, missing = people.people_of(["Ann_Lee/1.jpg", "Eve/1.jpg", "Zoe/1.jpg"])
    assert (rows.tolist(), missing) == ([0, -1, -1], 1)


def test_tabs_blanks_in_headers_and_byte_order_marks_are_read_alike(put: Put, people: Identities) -> None:
    text = "\ufeffVoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid90001\tAnn_Lee\tf\tUK\tdev\n"
    text += "id90002\tBob_Ray\tm\tUSA\tdev\nid90003\tCy_Dunn\tm\t\tdev\n"
    assert read_identities([put("vox1_meta.csv", text)]) == people


def test_somebody_in_two_files_is_one_person(put: Put, people: Identities) -> None:
    more = put("more/vox1_meta.csv", "VoxCeleb1_ID,VGGFace1_ID,Nationality\nid90003,Cy_Dunn,Fiji\nid90004,Di_Fox,\n")
    found = read_identities([put("vox1_test.csv", (more.parent.parent / "vox1_test.csv").read_bytes()), more])
    assert found.voices == (*people.voices, "id90004")
    assert found.attributes["nationality"] == ("UK", "USA", "Fiji", None)
    assert found.attributes["gender"] == ("f", "m", "m", None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\nx,y\n", "line 1: an identity file must have the columns VoxCeleb1_ID and VGGFace1_ID. Got a, b. Give"),
        ("VoxCeleb1_ID,VGGFace1_ID\nid1,A\nid2\n", "line 3: must have 2 cells like the header. Got 1"),
        ("VoxCeleb1_ID,VGGFace1_ID\nid1,A\nid1,B\n", "line 3: 'id1' must be one person. It stands beside 'A' and 'B'"),
        ("VoxCeleb1_ID,VGGFace1_ID\nid1,A\nid2,A\n", "line 3: 'A' must be one person. It stands beside 'id1' and"),
        ("VoxCeleb1_ID,VGGFace1_ID\nid1,\n", "line 2: a row must have both ids. Got 'id1' and ''. Mend it"),
    ],
)
def test_a_wrong_identity_file_names_its_line(content: str, message: str, put: Put) -> None:
    with pytest.raises(DataError, match=message):
        read_identities([put("vox1_test.csv", content)])


def test_subsets_come_from_the_splits_of_pins(put: Put, tmp_path: Path, people: Identities) -> None:
    splits = put("identity_splits.txt", "Ann_Lee 4 \nBob_Ray 1 \nNobody 2\n")
    found = read_identities([tmp_path / "vox1_test.csv", splits])
    assert found.attributes["subset"] == ("unseen_unheard", "train", None)
    with pytest.raises(DataError, match=r"splits.txt line 2: the set must be 1, 2, 3 or 4. Got '5'"):
        read_identities([tmp_path / "vox1_test.csv", put("identity_splits.txt", "Ann_Lee 4\nBob_Ray 5\n")])


def test_identity_files_are_found_in_and_near_the_folder(put: Put, tmp_path: Path) -> None:
    lists = put("data/list/match_v2f_2_test.txt", "x").parent
    with pytest.raises(DataError, match=r"list holds no identity file, so nobody knows .* Give --identities with vox1"):
        identity_files(lists, None)
    beside = put("data/list_wav/vox1_val.csv", "x")
    assert identity_files(lists, None) == [beside]
    splits = put("data/Splits/identity_splits.txt", "x")
    assert identity_files(lists, None) == [beside, splits]
    assert identity_files(lists, tmp_path / "data" / "list_wav") == [beside]
    assert identity_files(lists, splits) == [splits]
    inside = put("data/list/vox1_test.csv", "x")
    assert identity_files(lists, None) == [inside, splits]


def test_a_given_folder_without_identities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no .*none"):
        identity_files(tmp_path, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no identity file"):
        identity_files(tmp_path, tmp_path / "empty")


def test_the_people_of_a_list_are_numbered_by_their_ids() -> None:
    everybody = Identities(("id3", "id1", "id2"), ("C", "A", "B"), {"gender": ("f", "m", None)})
    found = listed_people(everybody, np.array([0, 0]), np.array([1]))
    assert found.names == ("id1", "id3")
    assert found.probes.tolist() == [1, 1]
    assert found.candidates.tolist() == [0]
    assert found.attributes == {"face_id": ("A", "C"), "gender": ("m", "f")}


@pytest.mark.parametrize("name", ["vox1_meta.csv", "vox1_test.csv"])
def test_writing_and_reading_changes_nothing(name: str, put: Put, people: Identities) -> None:
    texts = identity_texts(people, name)
    assert texts.keys() == {name}
    assert ("\t" in texts[name]) == (name == "vox1_meta.csv")
    assert texts[name].startswith("VoxCeleb1 ID\t" if name == "vox1_meta.csv" else "VoxCeleb1_ID,VGGFace1_ID,Gender,")
    assert read_identities([put(name, texts[name])]) == people


def test_subsets_are_written_where_they_are_known(put: Put) -> None:
    known = Identities(("id1", "id2"), ("A", "B"), {"gender": (None,) * 2, "nationality": (None,) * 2})
    known.attributes["subset"] = ("train", None)  # type: ignore[index]
    texts = identity_texts(known, "vox1_meta.csv")
    assert texts["identity_splits.txt"] == "A 1\n"
    assert read_identities([put(name, text) for name, text in texts.items()]) == known


def test_the_people_of_several_lists_are_merged() -> None:
    def one(names: tuple[str, ...], **attributes: tuple[str | None, ...]) -> PublishedList:
        return PublishedList(
            protocol="sss", name="x", direction="voice_to_face", group="all", people_names=names, attributes=attributes
        )

    found = identities_of([one(("id2", "id9"), face_id=("B", None), gender=("m", "f")), one(("id1",))])
    assert found.voices == ("id1", "id2", "id9")
    assert found.faces == ("id1", "B", "id9")
    assert found.attributes == {"gender": (None, "m", "f"), "nationality": (None, None, None)}

"""Tables of who is behind an id, in the forms that they are given away in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from visavox.corpus.sources.celebrity_tables import Celebrities
from visavox.errors import ConfigError


def read(tmp_path: Path, text: str, **columns: str) -> Celebrities:
    path = tmp_path / "meta.csv"
    path.write_bytes(text.encode("utf-8"))
    return Celebrities.read([path], columns)


@pytest.mark.parametrize(
    ("text", "folder", "values"),
    [
        (
            "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid1\tA.J._Smith\tm\tIreland\tdev\n",
            "A.J._Smith",
            {"name": "A.J._Smith", "gender": "m", "nationality": "Ireland", "set": "dev"},
        ),
        (
            "VoxCeleb1_ID,VGGFace1_ID,Gender,Nationality,Set\r\nid1,Ann_Lee,f,USA,none\r\n",
            "Ann_Lee",
            {"name": "Ann_Lee", "gender": "f", "nationality": "USA", "set": "none"},
        ),
        ("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid1 ,n000012 ,m ,dev \n", "n000012", {"gender": "m", "set": "dev"}),
        ("VoxCeleb2ID,VGGFace2ID,Gender,Set\nid1,n000012,m,dev\n", "n000012", {"gender": "m", "set": "dev"}),
        (
            "Name\tVoxCeleb2 ID\tVGGFace2 ID\tGender\tSet\nAnn Lee\tid1\tn000012\tf\tdev\n",
            "n000012",
            {"name": "Ann Lee", "gender": "f", "set": "dev"},
        ),
        ("ids,name,gender\nid1,Ann Lee,Female\n", "Ann_Lee", {"name": "Ann Lee", "gender": "f"}),
    ],
)
def test_every_form_reads_alike(tmp_path: Path, text: str, folder: str, values: dict[str, str]) -> None:
    people = read(tmp_path, text)
    assert people.id_of(folder) == "id1"
    assert folder in people.names_of("id1")
    assert {name: attribute.value for name, attribute in people.attributes_of("id1").items()} == values


def test_a_folder_that_no_table_knows_keeps_its_name(tmp_path: Path) -> None:
    people = read(tmp_path, "VoxCeleb1 ID\tGender\nid1\tm\n")
    assert people.id_of("Nobody") == "Nobody"
    assert people.attributes_of("id2") == {}


def test_broken_rows_are_counted_and_the_first_row_of_an_id_counts(tmp_path: Path) -> None:
    people = read(tmp_path, "VoxCeleb1 ID,Gender\nid1,m\nid2\n,f\nid1,f\n")
    assert (people.n_bad_rows, list(people.by_id)) == (2, ["id1"])
    assert people.by_id["id1"]["gender"].value == "m"


def test_columns_can_be_named_and_a_table_without_ids_is_one_line(tmp_path: Path) -> None:
    assert list(read(tmp_path, "wer,gender\nid1,m\n", person="wer").by_id) == ["id1"]
    with pytest.raises(ConfigError, match="has no column of ids. It has: wer, gender"):
        read(tmp_path, "wer,gender\nid1,m\n")


@pytest.mark.skipif("VISAVOX_DATA" not in os.environ, reason="needs VISAVOX_DATA")
@pytest.mark.parametrize(
    ("name", "n"), [("vox1_meta", 1251), ("vox1_train", 942), ("vox1_val", 116), ("vox1_test", 193)]
)
def test_the_real_tables_are_read_whole(name: str, n: int) -> None:
    people = Celebrities.read([Path(os.environ["VISAVOX_DATA"]) / "lists" / f"{name}.csv"])
    assert (len(people.by_id), len(people.id_by_name), people.n_bad_rows) == (n, n, 0)

"""Attributes joined from tables by person, video and clip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from visavox.corpus.items import Attribute
from visavox.corpus.sources.metadata import Metadata
from visavox.errors import ConfigError


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


def values(metadata: Metadata, **names: str) -> dict[str, str]:
    asked: dict[str, str | None] = {"person": None, "video": None, "clip": None, **names}
    found = metadata.attributes_of(**asked)
    assert all(attribute.origin == "given" for attribute in found.values())
    return {name: attribute.value for name, attribute in found.items()}


def test_no_table_says_nothing() -> None:
    assert Metadata.read([]).attributes_of(person="a", video="b", clip="c") == {}


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_dialect_reads_alike(bom: str, end: str, delimiter: str, tmp_path: Path) -> None:
    lines = [["person", "Sex", "shoe"], ["Ann", "Female", "38"], ["Bob", "", "44"]]
    path = write(tmp_path / "t.csv", bom + end.join(delimiter.join(cells) for cells in lines))
    metadata = Metadata.read([path])
    assert values(metadata, person="Ann") == {"gender": "f", "shoe": "38"}
    assert values(metadata, person="Bob") == {"shoe": "44"}
    assert values(metadata, person="Cid") == {}


@pytest.mark.parametrize(
    "header",
    ["VoxCeleb1 ID\tGender", "VoxCeleb2 ID ,Gender ", "VoxCeleb1_ID,gender", "VoxCeleb2ID,Gender", "ids,gender"],
)
def test_known_tables_name_their_people_so(header: str, tmp_path: Path) -> None:
    delimiter = "\t" if "\t" in header else ","
    path = write(tmp_path / "t.csv", f"{header}\nid1 {delimiter}m \n")
    assert values(Metadata.read([path]), person="id1") == {"gender": "m"}


def test_the_column_to_join_by_is_the_first_that_names_each_row_alone(tmp_path: Path) -> None:
    by_video = write(tmp_path / "v.csv", "person,video_id,age\nAnn,v1,30\nAnn,v2,40\n")
    by_clip = write(tmp_path / "c.csv", "person,clip,mood\nAnn,a,glad\nAnn,b,sad\n")
    metadata = Metadata.read([by_video, by_clip])
    assert values(metadata, person="Ann", video="v2", clip="a") == {"age": "40", "mood": "glad"}
    assert values(metadata, person="Ann") == {}


def test_rows_that_contradict_each_other_say_nothing_and_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "person,gender,age\nAnn,f,30\nAnn,f,31\nAnn,f,30\n")
    metadata = Metadata.read([path])
    assert values(metadata, person="Ann") == {"gender": "f"}
    assert (metadata.n_rows, metadata.n_bad_rows, metadata.n_conflicts) == (3, 0, 1)


def test_the_first_table_wins_and_the_clip_wins_over_the_person(tmp_path: Path) -> None:
    first = write(tmp_path / "1.csv", "person,language\nAnn,en\n")
    second = write(tmp_path / "2.csv", "person,language,age\nAnn,de,30\n")
    clips = write(tmp_path / "3.csv", "clip,language\na,fr\n")
    metadata = Metadata.read([first, second, clips])
    assert values(metadata, person="Ann") == {"language": "en", "age": "30"}
    assert values(metadata, person="Ann", clip="a") == {"language": "fr", "age": "30"}


def test_broken_rows_are_counted_and_hide_none(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'person,age\n,3\nAnn\nB\xfc,4\n"Cid,5\nDan,6\n')
    metadata = Metadata.read([path])
    assert (metadata.n_rows, metadata.n_bad_rows) == (5, 4)
    assert values(metadata, person="Dan") == {"age": "6"}


def test_accents_composed_and_decomposed_are_one_name(tmp_path: Path) -> None:
    metadata = Metadata.read([write(tmp_path / "t.csv", "person,age\nZoe\u0308,3\n")])
    assert values(metadata, person="Zo\u00eb") == {"age": "3"}


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "Wer,Alter\nAnn,3\n")
    assert values(Metadata.read([path], {"person": "Wer", "age": "Alter"}), person="Ann") == {"age": "3"}


def test_a_table_that_cannot_be_joined_or_is_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no column to join by. It has: shoe, age"):
        Metadata.read([write(tmp_path / "t.csv", "shoe,age\n1,2\n")])
    with pytest.raises(ConfigError, match="There is no table .*nowhere.csv"):
        Metadata.read([tmp_path / "nowhere.csv"])


@pytest.mark.skipif("VISAVOX_DATA" not in os.environ, reason="needs VISAVOX_DATA")
def test_the_real_table_of_voxceleb1_is_read_whole() -> None:
    metadata = Metadata.read([Path(os.environ["VISAVOX_DATA"]) / "lists" / "vox1_meta.csv"])
    people = metadata.by_key["person"]
    assert (metadata.n_rows, metadata.n_bad_rows, metadata.n_conflicts, len(people)) == (1251, 0, 0, 1251)
    assert {attributes["gender"].value for attributes in people.values()} == {"m", "f"}
    assert people["id10001"]["nationality"] == Attribute("Ireland")

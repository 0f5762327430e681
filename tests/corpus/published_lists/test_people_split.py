"""Published splits of people: both forms, and what is wrong in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.corpus.published_lists.people_split import read_people_split
from visavox.errors import DataError

HEADER = "VoxCeleb1_ID,VGGFace1_ID,Gender,Nationality,Set\n"


def sss(folder: Path, **rows: str) -> Path:
    for name in ("train", "val", "test"):
        (folder / f"vox1_{name}.csv").write_text(HEADER + rows.get(name, ""), encoding="utf-8")
    return folder


def test_each_file_is_a_subset_and_a_person_goes_by_either_id(tmp_path: Path) -> None:
    sss(
        tmp_path,
        train="id1,Ann_Lee,f,USA,dev\nid2,Bo_Ek,m,Norway,none\n",
        val="id3,Cy_Om,m,USA,dev\r\n",
        test="id4,,f,USA,test\n",
    )
    assert read_people_split(tmp_path) == {
        "id1": "train", "Ann_Lee": "train", "id3": "validation", "Cy_Om": "validation", "id4": "test"
    }  # fmt: skip


def test_pins_sets_are_numbers_and_seen_samples_are_no_subset(tmp_path: Path) -> None:
    path = tmp_path / "identity_splits.txt"
    path.write_text("\ufeffAnn_Lee 1\r\nBo_Ek 2\n\nCy_Om 4\nAnn_Lee 3\n", encoding="utf-8")
    expected = {"Ann_Lee": "train", "Bo_Ek": "validation", "Cy_Om": "test"}
    assert read_people_split(path) == expected
    assert read_people_split(tmp_path) == expected


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            {"train": "id1,Ann,f,USA,dev\n", "test": "id1,Ann,f,USA,dev\n"},
            "vox1_test.csv line 2: 'id1' is in 'train' and",
        ),
        ({"val": ",,f,USA,dev\n"}, "vox1_val.csv line 2: must name a person"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, rows: dict[str, str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_people_split(sss(tmp_path, **rows))


@pytest.mark.parametrize("text", ["Ann 5", "Ann", "Ann 1 2", "Ann one"])
def test_a_wrong_line_of_pins_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "identity_splits.txt").write_text(f"Bo 1\n{text}\n")
    with pytest.raises(DataError, match=r"identity_splits.txt line 2: must be a name and a set, 1, 2, 4 or 3"):
        read_people_split(tmp_path)


def test_a_folder_without_one_is_named_with_what_is_missing(tmp_path: Path) -> None:
    sss(tmp_path)
    (tmp_path / "vox1_val.csv").unlink()
    with pytest.raises(DataError, match="vox1_val.csv missing, and no identity_splits.txt"):
        read_people_split(tmp_path)


def pins(folder: Path, text: str = "Ann_Lee 4\nBo_Ek 1\n") -> Path:
    (folder / "identity_splits.txt").write_text(text, encoding="utf-8")
    return folder / "identity_splits.txt"


def test_a_folder_with_both_splits_is_refused_and_a_file_decides(tmp_path: Path) -> None:
    """The numbers of Learnable PINs were taken without a word, and those of the three CSV dropped."""
    sss(tmp_path, train="id1,Ann_Lee,f,USA,dev\n")
    path = pins(tmp_path)
    with pytest.raises(DataError) as caught:
        read_people_split(tmp_path)
    text = str(caught.value)
    assert "holds two published splits, vox1_train.csv, vox1_val.csv, vox1_test.csv (Seeking the Shape of" in text
    assert text.endswith(f"Name a file of the one you want: {tmp_path / 'vox1_train.csv'} or {path}.")
    assert read_people_split(path) == {"Ann_Lee": "test", "Bo_Ek": "train"}
    for name in ("vox1_train.csv", "vox1_val.csv", "vox1_test.csv"):
        assert read_people_split(tmp_path / name) == {"id1": "train", "Ann_Lee": "train"}
    for name in ("vox1_val.csv", "vox1_test.csv"):
        (tmp_path / name).unlink()
    with pytest.raises(DataError, match=r"holds two published splits, vox1_train.csv \(Seeking"):
        read_people_split(tmp_path)
    with pytest.raises(DataError, match=r"vox1_val.csv, vox1_test.csv missing. Name the folder"):
        read_people_split(tmp_path / "vox1_train.csv")


@pytest.mark.parametrize("folder", ["", "Splits"])
def test_names_of_pins_are_joined_with_ids_of_voices(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    path = pins(tmp_path / folder)
    header = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
    rows = "id90001\tAnn_Lee\tf\tUSA\tdev\nid90003\tCy_Om\tm\tUSA\tdev\n"
    (tmp_path / "vox1_meta.csv").write_text(header + rows, encoding="utf-8")
    expected = {"Ann_Lee": "test", "Bo_Ek": "train", "id90001": "test"}
    assert read_people_split(path) == expected
    assert read_people_split(path.parent) == expected


def test_ids_of_a_folder_above_are_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "vox1_meta.csv").write_text("VoxCeleb1 ID\tVGGFace1 ID\nid90001\tAnn_Lee\n", encoding="utf-8")
    assert read_people_split(pins(tmp_path / "elsewhere")) == {"Ann_Lee": "test", "Bo_Ek": "train"}


def test_a_wrong_row_of_the_ids_is_named(tmp_path: Path) -> None:
    pins(tmp_path)
    (tmp_path / "vox1_meta.csv").write_text("VoxCeleb1 ID\tVGGFace1 ID\nid90001\t\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"vox1_meta.csv line 2: a row must have both ids"):
        read_people_split(tmp_path)

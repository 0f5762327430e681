"""Lists in every form, and spellings of names: what is the same person, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.catalog import Catalog
from visavox.corpus.items import MediaItem, item_key
from visavox.corpus.people_lists import ListRow, PeopleList, name_key, read_people_list, video_names
from visavox.errors import DataError

META = "VoxCeleb1 ID\tVGGFace1 ID\tGender\nid10001\tA.B._Sample\tm\nid10002\tC.D._Sample\tm\n"


def written(folder: Path, name: str, text: str) -> PeopleList:
    (folder / name).write_text(text, encoding="utf-8")
    return read_people_list(folder / name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A.B._Sample", "ab sample"),
        ("Beyoncé_Knowles", "Beyonce Knowles"),
        ("Søren Kierkegård", "soren_kierkegard"),
        ("Łukasz", "lukasz"),
        ("STRASSE", "Straße"),
        ("Кирилл", "КИРИЛЛ"),
        ("id10001", "ID10001"),
    ],
)
def test_spellings_of_one_name_agree(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Ann", "Anna"), ("id10001", "id10010"), ("Ann Lee", "Lee Ann")])
def test_other_names_do_not(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("name", ["", "17", "0017", "_-.", "12 34"])
def test_numbers_and_marks_are_nobody(name: str) -> None:
    assert name_key(name) == ""


@given(st.text())
def test_a_key_is_its_own_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert name_key(f" {name}_") == name_key(name)


@pytest.mark.parametrize(
    ("video", "names"),
    [
        ("AbCdEfGhIjK", {"AbCdEfGhIjK"}),
        ("-DqtGL920F0", {"-DqtGL920F0"}),
        ("id10001/AbCdEfGhIjK/00001.wav", {"id10001/AbCdEfGhIjK/00001.wav", "00001", "AbCdEfGhIjK"}),
        ("a\\b.mp4", {"a\\b.mp4", "b"}),
    ],
)
def test_a_video_is_known_by_its_path_its_file_and_youtube_ids_in_it(video: str, names: set[str]) -> None:
    assert set(video_names(video)) == names


def test_a_table_with_two_names_a_person_gives_both(tmp_path: Path) -> None:
    listed = written(tmp_path, "meta.csv", META)
    assert listed.rows[0] == ListRow(people=("id10001", "A.B._Sample"))
    assert (listed.n_people, listed.n_videos) == (2, 0)
    shared = listed.shared_with({"c d sample", "Somebody", "7"}, videos=())
    assert [(match.name, match.listed, match.row.people[0]) for match in shared.people] == [
        ("c d sample", "C.D._Sample", "id10002")
    ]
    assert shared.n_numbers == 1
    assert listed.shared_with({"id10001"}, ()).people[0].name == "id10001"


@pytest.mark.parametrize(
    ("name", "text", "people", "videos"),
    [
        ("a.txt", "Ann Lee\n# a remark\n\nBo\n", ("Ann Lee", "Bo"), ()),
        ("b.csv", "person,video\nAnn,v1\nAnn,v2\n", ("Ann", "Ann"), ("v1", "v2")),
        ("c.csv", "name;age\nAnn;3\n", ("Ann",), ()),
        ("d.csv", "\ufeffspeaker_id,x\r\nAnn,3\r\n", ("Ann",), ()),
        ("e.csv", ",id,start,end,x,y\n0,u5MPyrRJPmc,1,2,0.5,0.5\n", (), ("u5MPyrRJPmc",)),
        ("f.csv", "u5MPyrRJPmc,108.24,111.24,0.8,0.3\n-DqtGL920F0,1,2,0,0\n", (), ("u5MPyrRJPmc", "-DqtGL920F0")),
        ("g.csv", "id,gender\nid10001,f\n", ("id10001",), ()),
        ("h.csv", 'name,video\n"Lee, Ann",v1\nBo\n', ("Lee, Ann", "Bo"), ("v1",)),
        ("i.txt", "1 id1/vid_a/1.wav id1/vid_b/1.wav\n", ("id1", "id1"), ("vid_a", "vid_b")),
        ("j.txt", "id1/vid_a/1.wav Ann_Lee/00000657.jpg\n", ("id1", "Ann_Lee"), ("vid_a",)),
        ("k.txt", "", (), ()),
    ],
)
def test_every_form_of_list_is_read(
    name: str, text: str, people: tuple[str, ...], videos: tuple[str, ...], tmp_path: Path
) -> None:
    rows = written(tmp_path, name, text).rows
    assert tuple(person for row in rows for person in row.people) == people
    assert tuple(video for row in rows for video in row.videos) == videos


def corpus(folder: Path) -> Path:
    with Catalog.create(folder / "catalog.sqlite", {}) as catalog:
        for clip, person, video in (("a", "Ann", "v1"), ("b", "Ann", "v2"), ("c", None, "v3")):
            catalog.add_clip(
                [MediaItem(item_key(clip, "face"), clip, "face", person=person, video=video, digest=f"digest {clip}")]
            )
        catalog.add_clip([MediaItem("d/face", "d", "face", person="Di", status="no_face", reason="none")])
    return folder


@pytest.mark.parametrize("inner", ["", "catalog.sqlite"])
def test_another_corpus_is_a_list_too(inner: str, tmp_path: Path) -> None:
    listed = read_people_list(corpus(tmp_path) / inner)
    shared = listed.shared_with({"ANN", "Di"}, {"v3", "v4"}, {"digest b", "digest z"})
    assert [match.name for match in shared.people] == ["ANN"]  # Di has nothing that can be used
    assert [match.name for match in shared.videos] == ["v3"]
    assert shared.digests == ("digest b",)
    assert (listed.n_people, listed.n_videos) == (1, 3)


def test_people_are_counted_once_however_often_they_are_listed(tmp_path: Path) -> None:
    listed = written(tmp_path, "a.txt", "Ann\nANN\nBo\n17\n17\n")
    assert listed.n_people == 3


def test_videos_are_compared_letter_by_letter(tmp_path: Path) -> None:
    listed = written(tmp_path, "a.csv", "video\nAbCdEfGhIjK\n")
    assert listed.shared_with((), {"abcdefghijk"}).videos == ()
    assert listed.shared_with((), {"id10001/AbCdEfGhIjK"}).videos[0].listed == "AbCdEfGhIjK"


def test_what_is_no_list_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no list"):
        read_people_list(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"no column of people or videos\. Its first row is height, width"):
        written(tmp_path, "a.csv", "height,width\n1,2\n")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00A")
    with pytest.raises(DataError, match="Save it as text in UTF-8"):
        read_people_list(tmp_path / "b.txt")
    with pytest.raises(DataError, match="Check its quotes"):
        written(tmp_path, "c.csv", 'name,x\n"Ann"b,2\n')


def test_a_list_that_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Ann\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="is no list that can be read .*Permission denied"):
        read_people_list(path)


def test_the_lists_of_voxceleb_and_avspeech_are_understood(real_data: Path) -> None:
    meta = read_people_list(real_data / "lists" / "vox1_meta.csv")
    test = read_people_list(real_data / "lists" / "vox1_test.csv")
    assert (meta.n_people, test.n_people) == (1251, 193)
    names = {name for row in test.rows for name in row.people[1:]}
    assert len(meta.shared_with(names, ()).people) == 193
    assert read_people_list(real_data / "lists" / "avspeech_test.head.csv").n_videos == 491
    trials = read_people_list(real_data / "lists" / "verify_v2f_test.head.txt")
    assert trials.n_people > 100
    assert trials.n_videos > 100

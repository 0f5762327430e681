"""A folder of lists: which files are lists, who labels them, and what is said of the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from visavox.corpus.published_lists.reading import gallery_pairs, list_files, read_published
from visavox.errors import ConfigError, DataError, UnknownNameError

Put = Callable[[str, str | bytes], Path]
Samples = Mapping[str, Mapping[str, str]]


def test_every_list_is_read_and_the_others_are_named(
    samples: Samples, put: Put, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put("vox1_test.csv", samples["sss"]["vox1_test.csv"])
    put("match_v2f_2_val.head.txt", samples["sss"]["match_v2f_2_test.txt"])
    put("verify_f2v_test.txt", samples["sss"]["verify_g_f2v_test.txt"])
    put("list/reterival_v2f_test.txt", samples["sss"]["reterival_v2f_test.txt"])
    put("other.csv", "x\n")
    put("pairs.pkl", b"\x80\x04")
    put("photo.jpg", b"")
    with caplog.at_level("INFO"):
        records = read_published("sss", tmp_path, None)
    assert [record.name for record in records] == ["match_v2f_2_val.head", "verify_f2v_test", "reterival_v2f_test"]
    skipped = {path.name: reason for path, reason in list_files("sss", tmp_path).skipped}
    assert skipped == {
        "other.csv": "its name is of no list of the protocol 'sss'",
        "pairs.pkl": "it is a pickle, which may run code; convert it with the program that wrote it",
    }
    assert "other.csv is left out: its name is of no list" in caplog.text


def test_the_lists_of_pins_lie_in_folders(samples: Samples, put: Put, tmp_path: Path) -> None:
    put("data/vox1_meta.csv", samples["pins"]["vox1_meta.csv"])
    put("data/Splits/identity_splits.txt", "Ann_Lee 4\nBob_Ray 4\n")
    name = "veriflist_test_GN_seenheard.txt"
    put(f"data/veriflist/{name}", samples["pins"][name])
    put("data/veriflist/README.txt", "about")
    put("data/retrieval/wav_20k.csv", samples["pins"]["wav_20k.csv"])
    assert [record.name for record in read_published("pins", tmp_path / "data", None)] == [name[:-4]]
    skipped = {path.name: why for path, why in list_files("pins", tmp_path / "data").skipped}
    assert skipped["wav_20k.csv"] == "it has no partner jpg_20k.csv; voices are searched with faces"
    put("data/retrieval/jpg_20k.csv", samples["pins"]["jpg_20k.csv"])
    records = read_published("pins", tmp_path / "data", None)
    names = ["veriflist_test_GN_seenheard", "wav_20k_to_jpg_20k", "jpg_20k_to_wav_20k"]
    assert [record.name for record in records] == names
    assert records[0].attributes["subset"] == ("unseen_unheard", "unseen_unheard")
    assert [path.name for path, _ in list_files("pins", tmp_path / "data").skipped] == ["README.txt"]


def test_galleries_are_paired_by_their_names(samples: Samples, put: Put, tmp_path: Path) -> None:
    """They were paired by the order of names: wav_a with jpg_b, where jpg_a was missing."""
    put("data/vox1_meta.csv", samples["pins"]["vox1_meta.csv"])
    for kind, text in (
        ("wav", "b"),
        ("wav", "20k"),
        ("wav", "c.head"),
        ("jpg", "c.head"),
        ("jpg", "a"),
        ("jpg", "20k"),
    ):
        put(f"data/{kind}_{text}.csv", samples["pins"][f"{kind}_20k.csv"])
    files = list_files("pins", tmp_path / "data")
    assert [record.name for record in read_published("pins", tmp_path / "data", None)] == [
        "wav_20k_to_jpg_20k", "jpg_20k_to_wav_20k", "wav_c.head_to_jpg_c.head", "jpg_c.head_to_wav_c.head",
    ]  # fmt: skip
    assert {path.name: why.split(";")[0] for path, why in files.skipped} == {
        "wav_b.csv": "it has no partner jpg_b.csv", "jpg_a.csv": "it has no partner wav_a.csv"
    }  # fmt: skip


def test_a_partner_in_the_same_folder_comes_first() -> None:
    place = Path("lists")
    near = [place / "x" / "wav_1.csv", place / "x" / "jpg_1.csv", place / "y" / "wav_1.csv", place / "y" / "jpg_1.csv"]
    assert gallery_pairs(near[::-1]) == [(near[2], near[3]), (near[0], near[1])]
    apart = [place / "voices" / "wav_1.csv", place / "faces" / "jpg_1.csv"]
    assert gallery_pairs(apart) == [(apart[0], apart[1])]
    assert gallery_pairs([*apart, place / "more" / "jpg_1.csv"]) == []  # which of the two nobody knows
    assert gallery_pairs([*apart, place / "more" / "wav_1.csv"]) == []


def test_a_gallery_alone_is_named_where_nothing_else_is_there(samples: Samples, put: Put, tmp_path: Path) -> None:
    put("data/wav_20k.csv", samples["pins"]["wav_20k.csv"])
    with pytest.raises(
        DataError, match=r"holds no list of the protocol 'pins' \(wav_20k.csv: it has no partner jpg_20k"
    ):
        read_published("pins", tmp_path / "data", None)


def test_fame_needs_no_identities(samples: Samples, put: Put, tmp_path: Path) -> None:
    put("English_test.txt", samples["fame"]["English_test.txt"])
    put("Urdu_test.txt", samples["fame"]["English_test.txt"])
    assert [record.condition for record in read_published("fame", tmp_path, None)] == ["English", "Urdu"]


def test_identities_may_lie_elsewhere(samples: Samples, put: Put, tmp_path: Path) -> None:
    put("lists/verify_f2v_test.txt", samples["sss"]["verify_g_f2v_test.txt"])
    with pytest.raises(DataError, match="holds no identity file"):
        read_published("sss", tmp_path / "lists", None)
    given = put("far/away/people.csv", samples["sss"]["vox1_test.csv"])
    assert len(read_published("sss", tmp_path / "lists", given)) == 1


@pytest.mark.parametrize(
    ("protocol", "example"), [("sss", "match_v2f_2_test.txt"), ("pins", "matching_v2f_U.csv"), ("fame", "English_test")]
)
def test_a_folder_without_lists_says_what_they_are_called(protocol: str, example: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"holds no list of the protocol '{protocol}', which are called .*{example}"):
        read_published(protocol, tmp_path, None)  # type: ignore[arg-type]


def test_no_folder_and_no_such_protocol_are_bad_use(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no folder of lists at .*none. Give --lists"):
        read_published("sss", tmp_path / "none", None)
    with pytest.raises(UnknownNameError, match="Unknown protocol 'vfal'"):
        read_published("vfal", tmp_path, None)  # type: ignore[arg-type]


@pytest.mark.skipif("VISAVOX_DATA" not in os.environ, reason="needs VISAVOX_DATA with lists/")
def test_the_heads_of_the_published_lists_are_read() -> None:
    records = {
        record.name: record for record in read_published("sss", Path(os.environ["VISAVOX_DATA"]) / "lists", None)
    }
    sizes = {name: len(record) for name, record in records.items()}
    assert sizes == {
        "match_g_v2f_2_val.head": 1500,
        "match_v2f_2_val.head": 3000,
        "reterival_v2f_test.head": 300,
        "verify_v2f_test.head": 3000,
    }
    assert records["verify_v2f_test.head"].labels.mean() == pytest.approx(0.5, abs=0.01)  # type: ignore[union-attr]

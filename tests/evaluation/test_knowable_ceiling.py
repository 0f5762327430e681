"""The ceiling of a world: read under the names of reports, and refused in one line when it is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import DataError
from visavox.evaluation.knowable import Estimate
from visavox.evaluation.knowable_ceiling import read_ceiling
from visavox.world.ceiling import measure_ceiling
from visavox.world.population import Leaks, Population


def test_the_figures_stand_under_the_names_of_reports(write_world: Callable[..., Path]) -> None:
    found = read_ceiling(write_world(told=0.81)).honest
    assert found["voice_to_face", "all", "accuracy_1_of_2"] == Estimate(0.9, 0.001)
    assert found["face_to_voice", "same_gender", "accuracy_1_of_2"] == Estimate(0.8, 0.001)
    assert found["face_to_voice", "opposite_gender", "accuracy_1_of_2"] == Estimate(1.0, 0.001)
    assert found["face_to_voice", "same_gender_told", "accuracy_1_of_2"] == Estimate(0.81, 0.001)
    assert found["voice_to_face", "all", "accuracy_1_of_10"] == Estimate(0.6, 0.001)
    assert found["voice_to_face", "same_gender", "eer"] == Estimate(0.08, 0.001)
    assert not any("recall" in measure for _, _, measure in found)


def test_the_folder_and_the_file_are_the_same(write_world: Callable[..., Path]) -> None:
    folder = write_world()
    assert read_ceiling(folder) == read_ceiling(folder / "world.json")
    assert read_ceiling(folder).source == folder / "world.json"


def test_reliabilities_and_planted_leaks_are_read_where_the_file_has_them(write_world: Callable[..., Path]) -> None:
    leaky = read_ceiling(write_world(leaky=(0.9, 1.0)))
    assert leaky.reliabilities == (0.99, 0.9)
    assert leaky.leaks == {"recording": 0.5}
    assert leaky.with_shortcuts is not None
    assert leaky.with_shortcuts["voice_to_face", "same_gender", "accuracy_1_of_2"].value == 0.9
    bare = read_ceiling(write_world(lambda values: values.pop("population")))
    assert (bare.reliabilities, bare.leaks, bare.with_shortcuts) == (None, None, None)


@pytest.mark.parametrize("leaks", [Leaks(), Leaks(recording=0.5)])
def test_what_the_world_measures_is_what_is_read(tmp_path: Path, leaks: Leaks) -> None:
    measured = measure_ceiling(Population(leaks=leaks), n_trials=2000).to_json()
    (tmp_path / "world.json").write_text(json.dumps({"ceiling": measured}), encoding="utf-8")
    found = read_ceiling(tmp_path)
    expected = measured["honest"]["face_to_voice"]["matching"]["same_sex_told"]
    told = found.honest["face_to_voice", "same_gender_told", "accuracy_1_of_2"]
    assert (told.value, told.standard_error) == (expected["value"], expected["standard_error"])
    assert found.honest["voice_to_face", "all", "auc"].value > 0.9
    assert (found.with_shortcuts is None) == (leaks == Leaks())


def drop(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        for name in names[:-1]:
            values = values[name]
        del values[names[-1]]

    return change


def put(value: Any, *names: str) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        for name in names[:-1]:
            values = values[name]
        values[names[-1]] = value

    return change


MATCHING = ("ceiling", "honest", "voice_to_face", "matching")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("ceiling"), "must hold a `ceiling`. Got none: this is no world"),
        (put(None, "ceiling"), "the world is not finished. Run `visavox simulate` again"),
        (put(3, "ceiling"), "this is no world"),
        (drop("ceiling", "honest"), "must hold honest/voice_to_face/matching"),
        (drop("ceiling", "honest", "face_to_voice"), "must hold honest/face_to_voice/matching"),
        (drop(*MATCHING, "opposite_sex"), "must hold honest/voice_to_face/matching/opposite_sex"),
        (put(0.9, *MATCHING, "all"), "must hold honest/voice_to_face/matching/all"),
        (put({"value": 1.2, "standard_error": 0}, *MATCHING, "all"), "matching/all must have a value from 0 to 1"),
        (put({"value": 0.9}, *MATCHING, "all"), "matching/all must have a value from 0 to 1 and a standard_error"),
        (put({"value": True, "standard_error": 0}, *MATCHING, "all"), "must have a value"),
        (put({"value": 0.9, "standard_error": -1}, *MATCHING, "same_sex"), "matching/same_sex must have a value"),
        (put("x", "ceiling", "honest", "voice_to_face", "matching_1_of_n", "3"), "matching_1_of_n/3 must have"),
        (put({}, "ceiling", "with_shortcuts"), "must hold with_shortcuts/voice_to_face/matching"),
    ],
)
def test_a_foreign_or_damaged_world_is_one_line_that_names_the_file(
    write_world: Callable[..., Path], change: Callable[[dict[str, Any]], None], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_ceiling(write_world(change))
    assert "world.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[1,"])
def test_what_is_no_json_is_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "world.json").write_bytes(content)
    with pytest.raises(DataError, match=r"world\.json must be JSON. It is damaged"):
        read_ceiling(tmp_path)


@pytest.mark.parametrize("content", ["[]", "null", '"text"', "{}"])
def test_other_json_is_no_world(content: str, tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="must hold a `ceiling`"):
        read_ceiling(tmp_path)


def test_no_world_is_named_with_its_remedy(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", tmp_path / "absent.json"):
        with pytest.raises(DataError, match=r"cannot be read: No such file.*Name the folder that `visavox simulate`"):
            read_ceiling(path)


def test_people_of_another_world_are_refused(write_world: Callable[..., Path]) -> None:
    folder = write_world()
    read_ceiling(folder).check_people(["anybody"])  # without a table nobody can say
    (folder / "people.csv").write_text("video,person\na.mp4,person-0000\nb.mp4,person-0001\n", encoding="utf-8")
    read_ceiling(folder).check_people(["person-0001", "person-0001"])
    strangers = ["person-0000", *(f"person-{n:04d}" for n in range(5, 10))]
    with pytest.raises(
        DataError, match=r"has 2 people. Got 5 others \(person-0005, person-0006, person-0007, \.\.\.\)"
    ):
        read_ceiling(folder).check_people(strangers)


def test_a_table_of_clips_names_the_people_too_and_one_without_persons_names_nobody(
    write_world: Callable[..., Path],
) -> None:
    folder = write_world()
    (folder / "people.csv").write_text("video\na.mp4\n", encoding="utf-8")
    assert read_ceiling(folder).people == frozenset()
    (folder / "clips.csv").write_text("clip,person\na,p\n", encoding="utf-8")
    assert read_ceiling(folder).people == {"p"}
    (folder / "people.csv").write_bytes(b"video,person\n\xff\xfe,\xff\n")
    with pytest.raises(DataError, match=r"people\.csv must be a table of people. It is damaged"):
        read_ceiling(folder)

"""The short way to a folder of faces and voices."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError, DataError
from visavox.world.pairs_folder import write_pairs_folder
from visavox.world.people import make_people
from visavox.world.population import Population
from visavox.world.world_folder import read_ceiling


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "clips.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, three clips each, seed 5. Read only."""
    out = tmp_path_factory.mktemp("world")
    assert write_pairs_folder(out, n_people=2, n_clips=3, seed=5, n_processes=1) == 6
    return out


def test_the_folder_holds_a_face_and_a_voice_for_each_row_and_no_ceiling(small: Path) -> None:
    table = rows(small)
    assert {row["clip"] for row in table} == {path.stem for path in (small / "faces").glob("*.jpg")}
    assert {row["clip"] for row in table} == {path.stem for path in (small / "voices").glob("*.flac")}
    assert json.loads((small / "world.json").read_text())["layout"] == "pairs"
    assert read_ceiling(small) is None


def test_people_genders_and_sessions_are_those_of_the_world(small: Path) -> None:
    table = rows(small)
    assert {row["person"]: row["gender"] for row in table} == {p.name: p.sex for p in make_people(2, seed=5)}
    assert [row["session"][-2:] for row in table if row["person"] == "w5-person-0000"] == ["s0", "s0", "s1"]


def test_the_population_is_that_of_the_settings(tmp_path: Path) -> None:
    write_pairs_folder(tmp_path, n_people=1, n_clips=1, population=Population(face_reliability=0.7), n_processes=1)
    assert json.loads((tmp_path / "world.json").read_text())["population"]["face_reliability"] == 0.7


def test_another_world_is_refused_and_overwritten_on_request(tmp_path: Path) -> None:
    write_pairs_folder(tmp_path, n_people=1, n_clips=1, seed=5, n_processes=1)
    with pytest.raises(DataError, match="holds another world: seed 5 instead of 6. Choose another folder"):
        write_pairs_folder(tmp_path, n_people=1, n_clips=1, seed=6, n_processes=1)
    seen: list[tuple[int, int]] = []
    write_pairs_folder(
        tmp_path, n_people=1, n_clips=1, seed=6, n_processes=1, overwrite=True, progress=lambda *s: seen.append(s)
    )
    assert seen == [(0, 1), (1, 1)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_people": 0}, "`n_people` must be at least 1. Got 0"),
        ({"n_clips": 0}, "`n_clips` must be at least 1. Got 0"),
        ({"seed": -1}, "`seed` must be at least 0. Got -1"),
        ({"n_processes": 0}, "`n_processes` must be at least 1. Got 0"),
    ],
)
def test_bad_numbers_are_named(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        write_pairs_folder(tmp_path, **wrong)
    assert not list(tmp_path.iterdir())

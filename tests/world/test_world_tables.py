"""The tables say what `make_person` says, and nothing of it is lost."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from visavox.world.people import Shown, make_people, make_person
from visavox.world.population import CATEGORIES, DIMENSIONS, N_PRIVATE, Leaks, Population
from visavox.world.world_folder import World
from visavox.world.world_tables import clip_rows, clips_table, truth_table

WORLD = World(n_people=3, n_clips=5, seed=4, population=Population(leaks=Leaks(nationality=0.8)))


def read(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode())))


def test_a_video_world_names_the_path_of_each_video_and_the_others_the_clip() -> None:
    videos = read(clips_table(WORLD))
    assert list(videos[0]) == ["video", "person", "gender", "session", "nationality", "language"]
    assert videos[6]["video"] == "videos/w4-person-0001/w4-person-0001-c1.mp4"
    pairs = read(clips_table(replace(WORLD, layout="pairs")))
    assert next(iter(pairs[0])) == "clip" and pairs[6]["clip"] == "w4-person-0001-c1"
    assert [list(row.values())[1:] for row in pairs] == [list(row.values())[1:] for row in videos]


def test_every_clip_has_its_row_in_order_and_two_make_a_session() -> None:
    rows = read(clips_table(replace(WORLD, layout="pairs")))
    assert [row["clip"] for row in rows] == [f"w4-person-{p:04d}-c{c}" for p in range(3) for c in range(5)]
    assert [row["session"] for row in rows[5:10]] == [f"w4-person-0001-s{s}" for s in (0, 0, 1, 1, 2)]


def test_sexes_nationalities_and_languages_are_the_peoples_own() -> None:
    people = {person.name: person for person in make_people(3, seed=4, population=WORLD.population)}
    for row in read(clips_table(WORLD)):
        person = people[row["person"]]
        assert row["gender"] == person.sex
        assert row["nationality"] == CATEGORIES["nationality"][person.nationality]
        assert row["language"] == CATEGORIES["language"][person.language]


def test_a_table_of_people_at_hand_is_the_table_of_people_made() -> None:
    people = make_people(3, seed=4, population=WORLD.population)
    assert clips_table(WORLD, people) == clips_table(WORLD)
    assert len(list(clip_rows(WORLD, people))) == 15


def test_the_truth_reads_back_exactly() -> None:
    rows = read(truth_table(WORLD))
    assert len(rows) == 3
    for index, row in enumerate(rows):
        person = make_person(index, seed=4, population=WORLD.population)
        assert (row["person"], row["gender"]) == (person.name, person.sex)
        assert shown(row, "face") == person.face
        assert shown(row, "voice") == person.voice


def shown(row: dict[str, str], side: str) -> Shown:
    return Shown(
        sex="f" if row[f"{side}_sex"] == "f" else "m",
        shared=tuple(float(row[f"{side}_{name}"]) for name in DIMENSIONS),
        private=tuple(float(row[f"{side}_private_{i}"]) for i in range(N_PRIVATE)),
        nationality=CATEGORIES["nationality"].index(row[f"{side}_nationality"]),
        language=CATEGORIES["language"].index(row[f"{side}_language"]),
    )

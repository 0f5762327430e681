"""A folder is that of one world, and of nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError, DataError
from visavox.world.population import Leaks, Population
from visavox.world.world_folder import (
    VectorSettings,
    VideoSettings,
    World,
    claim_folder,
    disk_errors,
    finish_folder,
    read_ceiling,
    refuse_unfinished,
    write_if_other,
)

WORLD = World(n_people=4, n_clips=3, seed=5)
SPEAKING = Population(leaks=Leaks(language=0.5))
VIDEO = "videos/w0-person-0000/w0-person-0000-c0.mp4"


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_says_whose_it_is_and_has_no_ceiling_yet(tmp_path: Path) -> None:
    claim_folder(tmp_path / "new" / "w", WORLD)
    written = json.loads((tmp_path / "new" / "w" / "world.json").read_text())
    assert written == {**WORLD.to_json(), "ceiling": None}
    assert written["population"]["leaks"] == {"recording": 0.0, "nationality": 0.0, "language": 0.0}
    assert written["video"]["fps"] == 25 and written["vectors"] is None


def test_the_same_world_is_taken_up_and_its_ceiling_kept(tmp_path: Path) -> None:
    claim_folder(tmp_path, WORLD)
    finish_folder(tmp_path, WORLD, {"honest": 0.9})
    before = (tmp_path / "world.json").stat().st_mtime_ns
    claim_folder(tmp_path, WORLD)
    finish_folder(tmp_path, WORLD, {"honest": 0.9})
    assert read_ceiling(tmp_path) == {"honest": 0.9}
    assert (tmp_path / "world.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(WORLD, seed=6), "seed 5 instead of 6"),
        (replace(WORLD, n_people=5), "people 4 instead of 5"),
        (replace(WORLD, population=SPEAKING), "population.leaks.language 0.0 instead of 0.5"),
        (replace(WORLD, video=VideoSettings(clip_s=3.0)), "video.clip_s 4.0 instead of 3.0"),
        (replace(WORLD, layout="pairs"), "layout videos instead of pairs. Choose"),
    ],
)
def test_another_world_is_refused_by_what_differs(tmp_path: Path, other: World, words: str) -> None:
    claim_folder(tmp_path, WORLD)
    before = (tmp_path / "world.json").read_bytes()
    with pytest.raises(
        DataError, match="holds another world: .*Choose another folder, replace this world with --overwrite"
    ) as caught:
        claim_folder(tmp_path, other)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "world.json").read_bytes() == before


def test_a_world_without_its_table_is_unfinished_and_other_folders_are_not(tmp_path: Path) -> None:
    refuse_unfinished(tmp_path / "nowhere")
    (tmp_path / "world.json").write_text("{", encoding="utf-8")
    refuse_unfinished(tmp_path)
    (tmp_path / "world.json").write_text('{"layout": "videos"}', encoding="utf-8")  # somebody else's
    refuse_unfinished(tmp_path)
    for number, (layout, table) in enumerate((("videos", "people.csv"), ("pairs", "clips.csv"))):
        out = tmp_path / str(number)
        claim_folder(out, replace(WORLD, layout=layout))  # type: ignore[arg-type]
        with pytest.raises(DataError, match=f"not finished: {table}, .*Run the same `visavox simulate` again"):
            refuse_unfinished(out)
        (out / table).touch()
        refuse_unfinished(out)
    claim_folder(tmp_path / "e", replace(WORLD, layout="embeddings"))
    refuse_unfinished(tmp_path / "e")


def test_of_many_differences_three_are_named(tmp_path: Path) -> None:
    claim_folder(tmp_path, WORLD)
    with pytest.raises(DataError, match="clips 3 instead of 9, people 4 instead of 8, .* and 1 more"):
        claim_folder(tmp_path, World(8, 9, seed=7, population=Population(correlations=(0.5,) * 6), video=WORLD.video))


def test_a_world_of_another_version_is_refused_as_such(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text(json.dumps({"format": 1, "n_people": 4, "n_clips": 3, "seed": 5}))
    with pytest.raises(DataError, match="format 1, and this version draws format"):
        claim_folder(tmp_path, WORLD)
    claim_folder(tmp_path, WORLD, overwrite=True)
    assert read_ceiling(tmp_path) is None


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["thesis.txt", VIDEO, "people.csv"])
def test_a_folder_of_somebody_else_is_refused_even_for_overwriting(tmp_path: Path, name: str, overwrite: bool) -> None:
    fill(tmp_path, name)
    with pytest.raises(DataError, match=r"holds files but no world\.json"):
        claim_folder(tmp_path, WORLD, overwrite=overwrite)
    assert files(tmp_path) == {name}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("text", ["[1]", '{"capital": "Paris"}'])
def test_a_world_json_of_something_else_is_refused(tmp_path: Path, text: str, overwrite: bool) -> None:
    (tmp_path / "world.json").write_text(text)
    with pytest.raises(DataError, match="holds no settings of a made-up world"):
        claim_folder(tmp_path, WORLD, overwrite=overwrite)
    assert (tmp_path / "world.json").read_text() == text


def test_a_damaged_world_json_is_said_to_be_so_and_may_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text("{")
    fill(tmp_path, VIDEO)
    with pytest.raises(DataError, match=r"world\.json is not JSON"):
        claim_folder(tmp_path, WORLD)
    claim_folder(tmp_path, WORLD, overwrite=True)
    assert files(tmp_path) == {"world.json"}


def test_overwriting_removes_what_a_world_writes_and_nothing_else(tmp_path: Path) -> None:
    claim_folder(tmp_path, WORLD)
    mine = {"notes.txt", "videos/w0-person-0000/mine.mp4", "videos/holiday.mp4", "faces/mine.jpg", "catalog.sqlite"}
    fill(tmp_path, VIDEO, "videos/w0-person-0001/w0-person-0001-c0.mp4", "people.csv", "truth.csv", "clips.csv", *mine)
    fill(tmp_path, "faces/w0-person-0000-c0.jpg", "voices/w0-person-0000-c0.flac", "embeddings/voice.parquet")
    claim_folder(tmp_path, replace(WORLD, seed=9), overwrite=True)
    assert files(tmp_path) == {"world.json", "embeddings/voice.parquet", *mine}
    assert json.loads((tmp_path / "world.json").read_text())["seed"] == 9
    assert not (tmp_path / "videos" / "w0-person-0001").exists()
    assert not (tmp_path / "voices").exists()


def test_overwriting_a_world_of_embeddings_removes_its_tables(tmp_path: Path) -> None:
    claim_folder(tmp_path, replace(WORLD, layout="embeddings"))
    fill(tmp_path, "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite.mine", "embeddings/voice.parquet")
    fill(tmp_path, "embeddings/face.parquet", "embeddings/embeddings.json", "embeddings/voice_ceiling.json")
    claim_folder(tmp_path, WORLD, overwrite=True)
    assert files(tmp_path) == {"world.json", "catalog.sqlite.mine", "embeddings/voice_ceiling.json"}


def test_what_a_kill_left_is_removed_and_does_not_make_the_folder_somebody_elses(tmp_path: Path) -> None:
    fill(tmp_path, ".471-abc.tmp")
    claim_folder(tmp_path, WORLD)
    left = {
        ".4711-abc.tmp",
        "videos/w0-person-0000/.4711-def.tmp",
        "faces/.1-a.tmp",
        "embeddings/.voice.parquet.7.part",
    }
    kept = {"videos/w0-person-0000/.keep", ".DS_Store", VIDEO}
    fill(tmp_path, *left, *kept)
    claim_folder(tmp_path, WORLD)
    assert files(tmp_path) == {"world.json", *kept}


def test_a_folder_that_is_refused_keeps_even_unfinished_files(tmp_path: Path) -> None:
    fill(tmp_path, "thesis.txt", ".4711-abc.tmp")
    with pytest.raises(DataError):
        claim_folder(tmp_path, WORLD)
    assert files(tmp_path) == {"thesis.txt", ".4711-abc.tmp"}
    claim_folder(tmp_path / "w", WORLD)
    fill(tmp_path / "w", ".1-a.tmp")
    with pytest.raises(DataError):
        claim_folder(tmp_path / "w", replace(WORLD, seed=6))
    assert files(tmp_path / "w") == {"world.json", ".1-a.tmp"}


def test_a_file_with_the_same_bytes_is_left_alone(tmp_path: Path) -> None:
    write_if_other(tmp_path / "a", b"1")
    before = (tmp_path / "a").stat().st_mtime_ns
    write_if_other(tmp_path / "a", b"1")
    assert (tmp_path / "a").stat().st_mtime_ns == before
    write_if_other(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"


def test_errors_of_the_disk_are_one_line_that_names_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match=r"b\.mp4: cannot be written \(No space left on device\).*what is done is kept"),
        disk_errors(tmp_path),
    ):
        raise OSError(28, "No space left on device", "b.mp4")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"), disk_errors(tmp_path):
        claim_folder(tmp_path / "file" / "world", WORLD)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"n_people": 0}, "`n_people` must be at least 1. Got 0"),
        ({"n_clips": 0}, "`n_clips` must be at least 1. Got 0"),
        ({"seed": -1}, "`seed` must be at least 0. Got -1"),
    ],
)
def test_numbers_that_are_too_small_are_named(wrong: dict[str, int], words: str) -> None:
    asked: dict[str, Any] = {"n_people": 2, "n_clips": 2, "seed": 0} | wrong
    with pytest.raises(ConfigError, match=words):
        World(**asked)


def test_a_leak_of_recordings_needs_clips_of_two_sessions() -> None:
    """With one session a person, no test could tell the voice from the microphone."""
    leaky = Population(leaks=Leaks(recording=0.5))
    with pytest.raises(ConfigError, match="A person's clips must be at least 3 where recordings leak.* Got 2"):
        World(4, 2, 0, population=leaky)
    assert World(4, 3, 0, population=leaky).n_clips == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"clip_s": 2.9}, "`clip_s` must be between 3 and 6 seconds. Got 2.9"),
        ({"clip_s": float("nan")}, "`clip_s` must be between 3 and 6"),
        ({"frame_px": 64}, "`frame_px` must be between 128 and 512. Got 64"),
        ({"frame_px": 2000}, "`frame_px` must be between 128 and 512. Got 2000"),
        ({"frame_px": 255}, "`frame_px` must be even, .* Got 255. Take 256"),
    ],
)
def test_videos_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VideoSettings(**settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"nuisance": -0.1}, "`nuisance` must be 0 or more"),
        ({"nuisance": float("inf")}, "`nuisance` must be 0 or more, and finite"),
        ({"dim": -1}, "`dim` must be 0, for no rotation, or more. Got -1"),
    ],
)
def test_vectors_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VectorSettings(**settings)


def test_frames_are_counted_at_25_a_second() -> None:
    assert [VideoSettings(clip_s=s).n_frames for s in (3.0, 4.0, 4.1, 6.0)] == [75, 100, 102, 150]


def test_wildness_and_sessions_decide_a_world_and_worlds_of_before_keep_their_settings() -> None:
    assert "wildness" not in World(2, 1, 0).to_json()
    assert World(2, 1, 0, wildness=0.5).to_json()["wildness"] == 0.5
    assert World(2, 1, 0, clips_per_session=7).to_json()["clips_per_session"] == 7


@pytest.mark.parametrize(
    ("options", "words"), [({"wildness": 1.1}, "0 to 1. Got 1.1"), ({"clips_per_session": 0}, "at least 1")]
)
def test_wildness_and_sessions_are_held_to_their_ranges(options: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        World(2, 1, 0, **options)  # type: ignore[arg-type]

"""A world of media is complete, resumable, the same at every making, and whole where it says so."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.world import media_folder
from visavox.world.clip_writing import clip_paths, write_clip
from visavox.world.media_folder import write_world
from visavox.world.population import Leaks, Population
from visavox.world.world_folder import VideoSettings, World, read_ceiling
from visavox.world.world_tables import clips_table, truth_table

TALKS = World(n_people=2, n_clips=3, seed=5, video=VideoSettings(clip_s=3.0, frame_px=128))
PAIRS = replace(TALKS, layout="pairs")

pytestmark = pytest.mark.usefixtures("quick_ceiling")


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def empty_clips(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Clips are written in no time, as a few bytes that say whose they are; the list holds those that were."""
    written: list[tuple[int, int]] = []

    def write(out: Path, world: World, index: int, clip: int) -> None:
        for path in clip_paths(out, world, index, clip):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{world.seed} {index} {clip}")
        written.append((index, clip))

    monkeypatch.setattr(media_folder, "write_clip", write)
    return written


@pytest.mark.parametrize("world", [TALKS, PAIRS], ids=["videos", "pairs"])
def test_the_folder_holds_every_clip_and_its_tables(
    tmp_path: Path, empty_clips: list[tuple[int, int]], world: World
) -> None:
    assert write_world(tmp_path, world, workers=1) == 6
    clips = {
        str(p.relative_to(tmp_path)) for i in range(2) for c in range(3) for p in clip_paths(tmp_path, world, i, c)
    }
    table = "people.csv" if world.layout == "videos" else "clips.csv"
    assert set(digests(tmp_path)) == {*clips, table, "truth.csv", "world.json"}
    assert (tmp_path / table).read_bytes() == clips_table(world)
    assert (tmp_path / "truth.csv").read_bytes() == truth_table(world)
    settings = json.loads((tmp_path / "world.json").read_text())
    assert {**settings, "ceiling": None} == {**world.to_json(), "ceiling": None}
    assert settings["ceiling"]["honest"]["voice_to_face"]["matching"]["same_sex"]["value"] > 0.5
    assert settings["ceiling"]["with_shortcuts"] is None


def test_the_ceiling_of_a_leaking_world_has_both_readings(tmp_path: Path, empty_clips: list[tuple[int, int]]) -> None:
    write_world(tmp_path, replace(PAIRS, population=Population(leaks=Leaks(recording=0.9))), workers=1)
    ceiling = read_ceiling(tmp_path)
    assert ceiling is not None
    honest, leaky = (ceiling[k]["voice_to_face"]["matching"]["all"]["value"] for k in ("honest", "with_shortcuts"))
    assert leaky > honest


def test_what_is_missing_is_written_and_the_rest_left_alone(tmp_path: Path, empty_clips: list[tuple[int, int]]) -> None:
    """As a kill leaves it: no tables yet, one clip missing, one empty, and a file without its name."""
    write_world(tmp_path, TALKS, workers=1)
    whole = digests(tmp_path)
    (tmp_path / "world.json").write_text(json.dumps({**TALKS.to_json(), "ceiling": None}, indent=2) + "\n")
    for name in ("people.csv", "truth.csv", "videos/w5-person-0000/w5-person-0000-c1.mp4"):
        (tmp_path / name).unlink()
    (tmp_path / "videos" / "w5-person-0001" / "w5-person-0001-c0.mp4").write_bytes(b"")
    (tmp_path / "videos" / "w5-person-0001" / ".99-ab.tmp").write_bytes(b"half")
    untouched = (tmp_path / "videos" / "w5-person-0000" / "w5-person-0000-c0.mp4").stat().st_mtime_ns
    empty_clips.clear()
    seen: list[tuple[int, int]] = []
    write_world(tmp_path, TALKS, workers=1, progress=lambda *step: seen.append(step))
    assert seen == [(4, 6), (5, 6), (6, 6)]
    assert empty_clips == [(0, 1), (1, 0)]
    assert digests(tmp_path) == whole
    assert (tmp_path / "videos" / "w5-person-0000" / "w5-person-0000-c0.mp4").stat().st_mtime_ns == untouched


def test_a_finished_folder_is_not_written_again(
    tmp_path: Path, empty_clips: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path, TALKS, workers=1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    monkeypatch.setattr(media_folder, "measure_ceiling", None)
    seen: list[tuple[int, int]] = []
    assert write_world(tmp_path, TALKS, workers=1, progress=lambda *step: seen.append(step)) == 6
    assert seen == [(6, 6)]
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_a_world_without_its_ceiling_gets_it_later(tmp_path: Path, empty_clips: list[tuple[int, int]]) -> None:
    write_world(tmp_path, TALKS, workers=1, with_ceiling=False)
    assert read_ceiling(tmp_path) is None
    empty_clips.clear()
    write_world(tmp_path, TALKS, workers=1)
    assert read_ceiling(tmp_path) is not None
    assert not empty_clips


def test_another_seed_is_refused_and_overwriting_leaves_nothing_of_the_old(
    tmp_path: Path, empty_clips: list[tuple[int, int]]
) -> None:
    write_world(tmp_path, replace(TALKS, n_people=3), workers=1)
    before = digests(tmp_path)
    with pytest.raises(DataError, match="people 3 instead of 2, seed 5 instead of 8"):
        write_world(tmp_path, replace(TALKS, seed=8), workers=1)
    assert digests(tmp_path) == before
    (tmp_path / "videos" / "mine.mp4").write_bytes(b"mine")
    write_world(tmp_path, replace(TALKS, seed=8), workers=1, overwrite=True)
    assert not (tmp_path / "videos" / "w8-person-0002").exists()
    assert (tmp_path / "videos" / "w8-person-0001" / "w8-person-0001-c2.mp4").read_text() == "8 1 2"
    assert (tmp_path / "videos" / "mine.mp4").read_bytes() == b"mine"


def test_a_full_disk_is_one_line_and_what_is_done_is_kept(
    tmp_path: Path, empty_clips: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = media_folder.write_clip

    def fill_up(out: Path, world: World, index: int, clip: int) -> None:
        if clip == 2:
            raise OSError(28, "No space left on device", str(clip_paths(out, world, index, clip)[0]))
        write(out, world, index, clip)

    with monkeypatch.context() as patch, pytest.raises(DataError) as caught:
        patch.setattr(media_folder, "write_clip", fill_up)
        write_world(tmp_path, TALKS, workers=1)
    assert "c2.mp4: cannot be written (No space left on device)" in str(caught.value)
    assert set(digests(tmp_path)) == {f"videos/w5-person-0000/w5-person-0000-c{c}.mp4" for c in (0, 1)} | {"world.json"}
    assert write_world(tmp_path, TALKS, workers=1) == 6


@pytest.mark.slow
def test_the_same_world_gives_the_same_bytes_on_one_process_or_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path / "one", TALKS, workers=1, with_ceiling=False)
    monkeypatch.setattr(media_folder, "_MIN_CLIPS_FOR_POOL", 1)
    write_world(tmp_path / "two", TALKS, workers=2, with_ceiling=False)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert len(set(digests(tmp_path / "one").values())) == 9


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_whole_clips_and_is_made_good(tmp_path: Path) -> None:
    world = World(n_people=40, n_clips=4, seed=1, video=VideoSettings(clip_s=3.0, frame_px=128))
    code = (
        "from pathlib import Path\n"
        "from visavox.world.media_folder import write_world\n"
        "from visavox.world.world_folder import VideoSettings, World\n"
        "world = World(n_people=40, n_clips=4, seed=1, video=VideoSettings(clip_s=3.0, frame_px=128))\n"
        "if __name__ == '__main__':\n"
        "    write_world(Path('w'), world, workers=2)\n"
    )
    (tmp_path / "run.py").write_text(code)
    process = subprocess.Popen([sys.executable, "run.py"], cwd=tmp_path, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("w/videos/*/*.mp4"))) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    found = sorted(tmp_path.glob("w/videos/*/*.mp4"))
    assert 6 <= len(found) < 160
    for path in found[:3] + found[-3:]:
        name, clip = path.stem.rsplit("-c", 1)
        write_clip(tmp_path / "again", world, int(name.removeprefix("w1-person-")), int(clip))
        assert (tmp_path / "again" / path.relative_to(tmp_path / "w")).read_bytes() == path.read_bytes()
    assert read_ceiling(tmp_path / "w") is None
    assert not (tmp_path / "w" / "people.csv").exists()

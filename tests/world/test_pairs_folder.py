from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.errors import ConfigError, DataError
from visavox.world import pairs_folder
from visavox.world.pairs_folder import World, write_clip, write_pairs_folder
from visavox.world.people import make_people


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "clips.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, three clips each, seed 5."""
    out = tmp_path_factory.mktemp("world")
    assert write_pairs_folder(out, n_people=2, n_clips=3, seed=5, n_processes=1) == 6
    return out


def test_the_folder_holds_a_face_and_a_voice_for_each_row(small: Path) -> None:
    table = rows(small)
    assert list(table[0]) == ["clip", "person", "gender", "session"]
    assert {row["clip"] for row in table} == {path.stem for path in (small / "faces").iterdir()}
    assert {row["clip"] for row in table} == {path.stem for path in (small / "voices").iterdir()}
    for row in table:
        with Image.open(small / "faces" / f"{row['clip']}.jpg") as face:
            assert face.mode == "RGB" and min(face.size) >= 256
        voice, rate = soundfile.read(small / "voices" / f"{row['clip']}.flac")
        assert rate == 16_000 and voice.ndim == 1 and 3.0 <= len(voice) / rate <= 4.0
        assert 0.001 < np.sqrt(np.mean(voice**2)) < 0.3


def test_people_genders_and_sessions_are_those_of_the_world(small: Path) -> None:
    table = rows(small)
    sexes = {person.name: person.sex for person in make_people(2, seed=5)}
    assert {row["person"]: row["gender"] for row in table} == sexes
    assert [row["session"][-2:] for row in table if row["person"] == "person-0000"] == ["s0", "s0", "s1"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_on_one_process_or_two(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs_folder, "_MIN_CLIPS_FOR_POOL", 1)
    write_pairs_folder(tmp_path / "again", n_people=2, n_clips=3, seed=5, n_processes=2)
    assert digests(tmp_path / "again") == digests(small)


def test_no_two_clips_are_alike(small: Path) -> None:
    media = [digest for name, digest in digests(small).items() if name.startswith(("faces", "voices"))]
    assert len(set(media)) == 12


def test_an_interrupted_folder_is_completed_and_the_rest_left_alone(small: Path, tmp_path: Path) -> None:
    """As a kill leaves it: no table yet, one clip without its voice."""
    out = tmp_path / "cut"
    world = World(n_people=1, n_clips=2, seed=5)
    write_pairs_folder(out, n_people=1, n_clips=2, seed=5, n_processes=1)
    whole = digests(out)
    (out / "clips.csv").unlink()
    (out / "voices" / "person-0000-c1.flac").unlink()
    untouched = (out / "faces" / "person-0000-c0.jpg").stat().st_mtime_ns
    seen: list[tuple[int, int]] = []
    write_pairs_folder(out, n_people=1, n_clips=2, seed=5, n_processes=1, progress=lambda *step: seen.append(step))
    assert seen == [(1, 2), (2, 2)]
    assert digests(out) == whole
    assert (out / "faces" / "person-0000-c0.jpg").stat().st_mtime_ns == untouched
    assert json.loads((out / "world.json").read_text()) == {
        "n_people": 1, "n_clips": 2, "seed": 5, "correlation": world.correlation, "format": world.format,
    }  # fmt: skip


def test_a_person_is_the_same_in_a_larger_world(small: Path, tmp_path: Path) -> None:
    for folder in ("faces", "voices"):
        (tmp_path / folder).mkdir()
    write_clip(tmp_path, World(n_people=500, n_clips=9, seed=5), 1, 2)
    for name, digest in digests(tmp_path).items():
        assert digests(small)[name] == digest


@pytest.mark.parametrize(("name", "value"), [("seed", 6), ("n_people", 3), ("n_clips", 2)])
def test_another_world_in_the_folder_is_refused(small: Path, name: str, value: int) -> None:
    before = digests(small)
    asked = {"n_people": 2, "n_clips": 3, "seed": 5} | {name: value}
    with pytest.raises(DataError, match=f"holds another world: {name} .* instead of {value}. Choose another folder"):
        write_pairs_folder(small, n_processes=1, **asked)
    assert digests(small) == before


def test_overwrite_replaces_a_world_and_nothing_else(tmp_path: Path) -> None:
    write_pairs_folder(tmp_path, n_people=1, n_clips=1, seed=1, n_processes=1)
    first = digests(tmp_path)
    (tmp_path / "faces" / "mine.jpg").write_bytes(b"mine")
    write_pairs_folder(tmp_path, n_people=1, n_clips=1, seed=2, n_processes=1, overwrite=True)
    second = digests(tmp_path)
    assert second["faces/person-0000-c0.jpg"] != first["faces/person-0000-c0.jpg"]
    assert (tmp_path / "faces" / "mine.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match=r"holds files but no world\.json"):
        write_pairs_folder(tmp_path, n_people=1, n_clips=1, seed=0, overwrite=overwrite)
    assert digests(tmp_path).keys() == {"thesis.txt"}


def test_damaged_settings_are_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text("{")
    with pytest.raises(DataError, match=r"world\.json is not JSON"):
        write_pairs_folder(tmp_path, n_people=1, n_clips=1, seed=0)
    (tmp_path / "world.json").write_text("[1]")
    with pytest.raises(DataError, match="its settings are not a mapping"):
        write_pairs_folder(tmp_path, n_people=1, n_clips=1, seed=0)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_pairs_folder(tmp_path / "file" / "out", n_people=1, n_clips=1, seed=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_people": 0}, "`n_people` must be at least 1. Got 0"),
        ({"n_clips": 0}, "`n_clips` must be at least 1. Got 0"),
        ({"seed": -1}, "`seed` must be at least 0. Got -1"),
        ({"n_processes": 0}, "`n_processes` must be at least 1. Got 0"),
    ],
)
def test_bad_numbers_are_named(tmp_path: Path, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        write_pairs_folder(tmp_path, **wrong)
    assert not list(tmp_path.iterdir())


def test_clips_of_a_session_share_their_wall_and_other_sessions_have_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs_folder, "speak", lambda *_: np.zeros(800, dtype=np.float32))
    for folder in ("faces", "voices"):
        (tmp_path / folder).mkdir()
    same, other = [], []
    for index in range(3):
        walls = []
        for clip in range(3):
            write_clip(tmp_path, World(n_people=3, n_clips=3, seed=8), index, clip)
            with Image.open(tmp_path / "faces" / f"person-{index:04d}-c{clip}.jpg") as face:
                walls.append(np.asarray(face)[:20, :20].reshape(-1, 3).mean(axis=0))
        same.append(np.abs(walls[0] - walls[1]).max())
        other.append(np.abs(walls[0] - walls[2]).max())
    assert max(same) < 1.5
    assert np.median(other) > 4.0


def test_a_full_disk_is_one_line_and_what_is_done_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = pairs_folder.write_voice, []

    def fill_up(path: Path, voice: np.ndarray) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device", str(path))
        real(path, voice)

    monkeypatch.setattr(pairs_folder, "write_voice", fill_up)
    with pytest.raises(DataError, match=r"c1\.flac: cannot be written \(No space left on device\)"):
        write_pairs_folder(tmp_path, n_people=1, n_clips=3, seed=0, n_processes=1)
    assert not (tmp_path / "clips.csv").exists()
    assert [path.name for path in (tmp_path / "voices").iterdir()] == ["person-0000-c0.flac"]
    monkeypatch.setattr(pairs_folder, "write_voice", real)
    assert write_pairs_folder(tmp_path, n_people=1, n_clips=3, seed=0, n_processes=1) == 3


def test_a_finished_folder_is_not_written_again(small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (small / "faces").iterdir()}
    seen: list[tuple[int, int]] = []
    write_pairs_folder(small, n_people=2, n_clips=3, seed=5, n_processes=1, progress=lambda *step: seen.append(step))
    assert seen == [(6, 6)]
    assert before == {path: path.stat().st_mtime_ns for path in (small / "faces").iterdir()}


def test_the_leftovers_of_a_kill_do_not_make_a_folder_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / ".4711-abc.tmp").write_bytes(b"half")
    assert write_pairs_folder(tmp_path, n_people=1, n_clips=1, seed=0, n_processes=1) == 1

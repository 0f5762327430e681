"""A folder of pairs to a corpus: complete, resumable, and honest about a full disk."""

from __future__ import annotations

import csv
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MediaItem
from visavox.corpus.sources.base import ClipRecord
from visavox.corpus_config import PrepareConfig
from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.images import read_image
from visavox.media.video_writing import write_video
from visavox.pipeline import corpus_building
from visavox.pipeline.corpus_building import build_corpus
from visavox.world.world_folder import World, claim_folder


def content(corpus: Path) -> str:
    with Catalog.open(corpus / CATALOG) as catalog:
        return catalog.content_hash()


def part_of(world: Path, to: Path, n_clips: int) -> Path:
    """Copy the first clips of a world."""
    rows = list(csv.reader((world / "clips.csv").open(encoding="utf-8")))
    for name in ("faces", "voices"):
        (to / name).mkdir(parents=True)
        for clip, *_ in rows[1 : n_clips + 1]:
            found = next((world / name).glob(f"{clip}.*"))
            shutil.copy(found, to / name / found.name)
    with (to / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows[: n_clips + 1])
    return to


@pytest.fixture
def tiny(small_world: Path, tmp_path: Path) -> Path:
    return part_of(small_world, tmp_path / "tiny", 3)


def test_every_clip_has_rows_and_files(small_world: Path, small_corpus: Path) -> None:
    with Catalog.open(small_corpus / CATALOG) as catalog:
        items = list(catalog.items())
    assert len(items) == 32
    assert all((small_corpus / str(item.path)).is_file() for item in items)
    assert {item.person for item in items} == {f"w0-person-{i:04d}" for i in range(8)}
    assert (small_corpus / "stats.json").is_file()


def test_a_second_run_does_nothing_and_changes_nothing(tiny: Path, tmp_path: Path) -> None:
    config = PrepareConfig(root=tiny, out=tmp_path / "corpus")
    build_corpus(config)
    before = content(tmp_path / "corpus")
    summary = build_corpus(config)
    assert (summary.n_new, summary.n_clips) == (0, 3)
    assert content(tmp_path / "corpus") == before


def test_progress_counts_the_clips_to_do(tiny: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", limit=2), lambda *call: calls.append(call))
    assert calls == [(0, 2), (1, 2), (2, 2)]
    build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus"), lambda *call: calls.append(call))
    assert calls[3:] == [(0, 1), (1, 1)]


def test_a_run_that_was_killed_goes_on_to_the_same_corpus(tiny: Path, tmp_path: Path) -> None:
    build_corpus(PrepareConfig(root=tiny, out=tmp_path / "whole"))
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from visavox.corpus_config import PrepareConfig; from visavox.pipeline.corpus_building import build_corpus;"
        "build_corpus(PrepareConfig(root=Path(sys.argv[1]), out=Path(sys.argv[2])),"
        "lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done == 2 else None)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tiny), str(tmp_path / "cut")], check=False)
    assert killed.returncode == -signal.SIGKILL
    summary = build_corpus(PrepareConfig(root=tiny, out=tmp_path / "cut"))
    assert summary.n_new == 1
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


def test_a_full_disk_is_a_row_that_the_next_run_tries_again(tiny: Path, tmp_path: Path) -> None:
    """The size of any one file is limited to 150 kB: voices of these clips are smaller, the long one is not."""
    import soundfile

    voice = next((tiny / "voices").glob("w0-person-0000-c0.*"))
    samples, rate = soundfile.read(voice)
    loud = np.random.default_rng(0).normal(size=rate * 20).clip(-1, 1) * 0.5
    long = np.concatenate([samples, loud, samples])
    target = sorted((tiny / "voices").iterdir())[2]
    soundfile.write(target, long, rate)
    code = (
        "import resource, sys; from visavox.__main__ import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000));"
        "sys.exit(main(['prepare', '--root', sys.argv[1], '--out', sys.argv[2], '--workers', '1']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny), str(tmp_path / "corpus")], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 disk" in done.stdout
    assert not (tmp_path / "corpus" / ".unfinished").exists()
    summary = build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus"))
    assert (summary.n_new, summary.n_again) == (0, 1)
    assert summary.n_items["voice"] == {"ok": 3}


def test_ctrl_c_is_one_line_and_keeps_what_is_done(tiny: Path, tmp_path: Path) -> None:
    """The interrupt comes while the third clip is prepared."""
    code = (
        "import os, signal, sys; from visavox.__main__ import main;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # a job in the background is born deaf to it
        "from visavox.pipeline.clip_preparation import ClipPreparer as C; prepare = C.prepare; seen = [];"
        "C.prepare = lambda self, job: (seen.append(1), len(seen) == 3 and os.kill(os.getpid(), signal.SIGINT),"
        "prepare(self, job))[-1];"
        "sys.exit(main(['prepare', '--root', sys.argv[1], '--out', sys.argv[2], '--workers', '1']))"
    )
    command = [sys.executable, "-c", code, str(tiny), str(tmp_path / "c")]
    stopped = subprocess.run(command, check=False, capture_output=True, text=True)
    assert stopped.returncode == 130
    assert stopped.stderr.count("\n") == 1
    assert "interrupted" in stopped.stderr
    assert build_corpus(PrepareConfig(root=tiny, out=tmp_path / "c")).n_new == 1


def test_other_settings_are_refused_until_overwritten(tiny: Path, tmp_path: Path) -> None:
    build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", limit=1))
    other = PrepareConfig(root=tiny, out=tmp_path / "corpus", limit=1, min_speech_s=0.1)
    with pytest.raises(DataError, match="min_speech_s"):
        build_corpus(other)
    replaced = build_corpus(
        PrepareConfig(root=tiny, out=tmp_path / "corpus", limit=1, min_speech_s=0.1, overwrite=True)
    )
    assert replaced.n_new == 1


def test_a_kill_while_starting_anew_never_leaves_a_catalog_of_files_that_are_gone(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files were removed before the catalog: killed in between, every clip counted as done without a file."""
    corpus = tmp_path / "corpus"
    build_corpus(PrepareConfig(root=tiny, out=corpus))
    remove = shutil.rmtree

    def killed(folder: Path, **options: bool) -> None:
        remove(folder, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(PrepareConfig(root=tiny, out=corpus, overwrite=True))
    build_corpus(PrepareConfig(root=tiny, out=corpus))
    with Catalog.open(corpus / CATALOG) as catalog:
        assert all((corpus / str(item.path)).is_file() for item in catalog.items())


def test_a_kill_before_the_first_clip_leaves_a_folder_to_go_on_with(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """faces/ and voices/ were made before the catalog, and the next run took them for somebody else's."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", killed)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus"))
    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "create", killed)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus"))
    assert build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", limit=1)).n_new == 1


def test_another_folder_of_the_same_name_is_not_mixed_in(small_world: Path, tiny: Path, tmp_path: Path) -> None:
    """A second folder "tiny" elsewhere was added to the corpus of the first, and both were measured as one."""
    build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", limit=3))
    other = part_of(small_world, tmp_path / "elsewhere" / "tiny", 2)
    with pytest.raises(DataError, match="holds 1 clips that .*tiny does not name"):
        build_corpus(PrepareConfig(root=other, out=tmp_path / "corpus"))


def test_a_folder_of_other_things_is_never_touched(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds other files"):
        build_corpus(PrepareConfig(root=tiny, out=tmp_path / "home", overwrite=True))
    assert (tmp_path / "home" / "letter.txt").read_text(encoding="utf-8") == "dear"


def test_a_file_in_place_of_the_folder_is_refused(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        build_corpus(PrepareConfig(root=tiny, out=tmp_path / "file"))


def test_a_folder_that_cannot_be_made_is_one_line(tiny: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        build_corpus(PrepareConfig(root=tiny, out=Path("/proc/no/corpus")))


def test_an_unknown_detector_or_source_is_said_before_anything_is_done(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'mtcnn'"):
        build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", detector="mtcn"))
    with pytest.raises(UnknownNameError, match="Unknown source"):
        build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", source="par"))
    assert not (tmp_path / "corpus").exists()


def test_an_empty_table_is_one_line(tmp_path: Path) -> None:
    for name in ("faces", "voices"):
        (tmp_path / "in" / name).mkdir(parents=True)
    (tmp_path / "in" / "clips.csv").write_text("clip\n", encoding="utf-8")
    with pytest.raises(DataError, match="holds no clips that are taken: 0 are listed"):
        build_corpus(PrepareConfig(root=tmp_path / "in", out=tmp_path / "corpus"))


def test_an_unfinished_world_is_refused_before_its_people_become_one(tmp_path: Path) -> None:
    """Without the table that comes last, the first folder, videos/, would name everybody."""
    claim_folder(tmp_path / "w", World(n_people=2, n_clips=1, seed=0))
    (tmp_path / "w/videos/w0-person-0000").mkdir(parents=True)
    (tmp_path / "w/videos/w0-person-0000/w0-person-0000-c0.mp4").touch()
    with pytest.raises(DataError, match="a world that is not finished: people.csv, which names its people, is missing"):
        build_corpus(PrepareConfig(root=tmp_path / "w", out=tmp_path / "corpus", source="videos"))
    assert not (tmp_path / "corpus").exists()


def test_a_damaged_file_whose_name_is_no_text_is_a_row_too(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    try:
        (tmp_path / "in" / "a\udcff.mp4").write_bytes(b"no video")
    except OSError:
        pytest.skip("this file system takes no such name")
    build_corpus(PrepareConfig(root=tmp_path / "in", out=tmp_path / "corpus", source="videos"))
    with Catalog.open(tmp_path / "corpus" / CATALOG) as catalog:
        reasons = {item.reason for item in catalog.items(status=None)}
    assert len(reasons) == 1
    assert r"a\udcff.mp4: no picture can be decoded" in reasons.pop()


@pytest.mark.slow
def test_two_processes_give_the_same_corpus_as_one(
    small_world: Path, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visavox.pipeline import corpus_building

    monkeypatch.setattr(corpus_building, "FEW_CLIPS", 1)
    part = part_of(small_world, tmp_path / "part", 4)
    build_corpus(PrepareConfig(root=part, out=tmp_path / "two", workers=2))
    build_corpus(PrepareConfig(root=part, out=tmp_path / "one", workers=1))
    assert content(tmp_path / "two") == content(tmp_path / "one")
    assert items_of(tmp_path / "two") == items_of(tmp_path / "one")


@pytest.mark.slow
def test_a_cluster_gives_the_same_corpus_as_one_process(world: Path, tmp_path: Path) -> None:
    """With two threads in the one process some figures differed in the last digit."""
    options: dict[str, Any] = {"root": world, "source": "videos", "limit": 3}
    build_corpus(PrepareConfig(out=tmp_path / "one", workers=1, **options))
    torch.set_num_threads(2)
    build_corpus(PrepareConfig(out=tmp_path / "ray", engine="ray", workers=1, **options))
    torch.set_num_threads(1)
    assert items_of(tmp_path / "ray") == items_of(tmp_path / "one")


def test_the_threads_of_the_program_come_back(tiny: Path, tmp_path: Path) -> None:
    torch.set_num_threads(2)
    build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", limit=1))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def items_of(corpus: Path) -> list[MediaItem]:
    with Catalog.open(corpus / CATALOG) as catalog:
        return list(catalog.items(status=None))


@pytest.fixture
def world(small_world: Path, tmp_path: Path) -> Path:
    """A world of videos: two people, two clips each, and a table with a row too many and one too few."""
    rows = list(csv.DictReader((small_world / "clips.csv").open(encoding="utf-8")))[:5]
    lines = ["video,person,gender,session"]
    for row in rows:
        image = cv2.resize(read_image(next((small_world / "faces").glob(f"{row['clip']}.*"))), (192, 192))
        voice = np.tile(read_voice(next((small_world / "voices").glob(f"{row['clip']}.*"))), 2)[: 2 * SAMPLE_RATE]
        name = f"videos/{row['person']}/{row['clip']}.mp4"
        (tmp_path / "world" / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(tmp_path / "world" / name, [image] * 10, voice, fps=5)
        lines.append(f"{name},{row['person']},{row['gender']},{row['session']}")
    lines[-1] = lines[-1].replace(".mp4", "-gone.mp4")
    (tmp_path / "world" / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "world"


def test_a_world_of_videos_becomes_a_corpus_in_which_a_video_is_one(world: Path, tmp_path: Path) -> None:
    summary = build_corpus(PrepareConfig(root=world, out=tmp_path / "corpus", source="videos"))
    assert summary.n_items == {status: {"missing_file": 1, "ok": 4} for status in ("face", "voice")}
    assert summary.source["n_extra_videos"] == 1
    assert summary.source["n_people"] == 3
    with Catalog.open(tmp_path / "corpus" / CATALOG) as catalog:
        items = list(catalog.items())
        missing = next(item for item in catalog.items(status="missing_file"))
    assert {item.video for item in items} == {f"{item.clip}.mp4" for item in items}
    assert len({item.video for item in items}) == 4
    assert {item.person for item in items} == {"w0-person-0000", "w0-person-0001"}
    assert all(item.session for item in items)
    assert {item.attributes["gender"].value for item in items} == {"f", "m"}
    assert "people.csv line 6" in missing.reason


def test_a_corpus_of_videos_is_resumed(world: Path, tmp_path: Path) -> None:
    def config(**more: int) -> PrepareConfig:
        return PrepareConfig(root=world, out=tmp_path / "corpus", source="videos", frames_per_s=2, **more)  # type: ignore[arg-type]

    assert build_corpus(config(limit=2)).n_new == 2
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "corpus" / "faces").iterdir()}
    assert build_corpus(config()).n_new == 3
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with pytest.raises(DataError, match="frames_per_s was 2, is 3"):
        build_corpus(PrepareConfig(root=world, out=tmp_path / "corpus", source="videos", frames_per_s=3))


def test_without_a_table_a_folder_names_the_person(world: Path, tmp_path: Path) -> None:
    (world / "people.csv").unlink()
    options = {"root": world, "source": "videos"}
    build_corpus(PrepareConfig(out=tmp_path / "corpus", person_part=-1, limit=3, **options))
    with Catalog.open(tmp_path / "corpus" / CATALOG) as catalog:
        assert {item.person for item in catalog.items()} == {"w0-person-0000", "w0-person-0001"}
    with pytest.raises(ConfigError, match="'pairs' takes no 'person_part'"):
        build_corpus(PrepareConfig(root=world, out=tmp_path / "other", person_part=-1))


def test_a_table_of_pairs_may_have_another_name(tiny: Path, tmp_path: Path) -> None:
    (tiny / "clips.csv").rename(tiny / "mine.csv")
    assert build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", table="mine.csv", limit=1)).n_new == 1


def test_real_clips_are_prepared(real_data: Path, tmp_path: Path) -> None:
    summary = build_corpus(PrepareConfig(root=real_data / "voxceleb", out=tmp_path / "corpus", limit=3))
    assert summary.n_items["face"] == {"ok": 3}
    assert summary.n_items["voice"] == {"ok": 3}
    assert summary.n_faces_not_found == 0


def test_a_failure_that_passes_is_tried_again_and_another_one_when_asked(world: Path, tmp_path: Path) -> None:
    """The first two videos lie in a folder that a network drive has lost for a while."""
    config = PrepareConfig(root=world, out=tmp_path / "corpus", source="videos")
    build_corpus(config)
    path = tmp_path / "corpus" / CATALOG
    with Catalog.open(path, readonly=False) as catalog:
        first = next(catalog.items(modality="face")).clip
        failed = [replace(item, status="network", path=None, digest=None) for item in catalog.find(first)]
        catalog.add_clip(failed, replace=True)
    summary = build_corpus(config)
    assert (summary.n_new, summary.n_again) == (0, 1)
    assert summary.n_items["face"] == {"missing_file": 1, "ok": 4}
    with Catalog.open(path, readonly=False) as catalog:
        assert catalog.ask_again(["missing_file"]) == 1
    assert build_corpus(config).n_again == 1
    assert build_corpus(config).n_again == 0


def test_metadata_tables_say_more_and_the_source_knows_better(world: Path, tmp_path: Path) -> None:
    table = tmp_path / "more.csv"
    table.write_text("person\tgender\tnationality\nw0-person-0000\tx\tPeru\n", encoding="utf-8")
    build_corpus(PrepareConfig(root=world, out=tmp_path / "corpus", source="videos", metadata=(table,), limit=1))
    (face, _) = items_of(tmp_path / "corpus")
    assert face.attributes["nationality"].value == "Peru"
    assert face.attributes["gender"].value in "fm"


def test_shards_together_are_the_whole(world: Path, tmp_path: Path) -> None:
    names = []
    for shard in ("1/2", "2/2"):
        out = tmp_path / shard.replace("/", "-")
        build_corpus(PrepareConfig(root=world, out=out, source="videos", shard=shard))
        names += [item.clip for item in items_of(out) if item.modality == "face"]
    build_corpus(PrepareConfig(root=world, out=tmp_path / "whole", source="videos"))
    assert sorted(names) == [item.clip for item in items_of(tmp_path / "whole") if item.modality == "face"]


def test_a_list_of_videos_is_fetched_from_a_folder_by_segments(world: Path, tmp_path: Path) -> None:
    videos = sorted((world / "videos").rglob("*.mp4"))
    listed = tmp_path / "avspeech_test.csv"
    listed.write_text(
        f"{videos[0].stem},0.0,1.9,0.5,0.5\n{videos[0].stem},90,93,0.5,0.5\nnobody,0,3,0.5,0.5\n", encoding="utf-8"
    )
    config = PrepareConfig(root=listed, out=tmp_path / "corpus", source="avspeech", media=str(world / "videos"))
    assert build_corpus(config).n_items["face"] == {"missing_file": 1, "ok": 1, "past_the_end": 1}


def test_a_request_that_fails_before_the_first_clip_binds_nobody(tiny: Path, tmp_path: Path) -> None:
    """`--cookies nofile` left a catalog without clips, which then refused every other option."""
    with pytest.raises(ConfigError, match="cookies"):
        build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", cookies=tmp_path / "nofile"))
    assert not (tmp_path / "corpus").exists()


def test_a_range_without_rows_is_one_line(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no clips that are taken: 3 are listed. Correct the source, its table, or"):
        build_corpus(PrepareConfig(root=tiny, out=tmp_path / "corpus", from_row=1000))


def test_tables_of_nobody_here_are_counted_as_such(world: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("person,age\nsomebody else,33\n", encoding="utf-8")
    options: dict[str, Any] = {"root": world, "source": "videos", "metadata": (tmp_path / "more.csv",), "limit": 1}
    assert build_corpus(PrepareConfig(out=tmp_path / "corpus", **options)).n_described == 0


def test_a_file_that_cannot_be_asked_for_its_size_stops_no_run(tmp_path: Path) -> None:
    """A folder without the right to enter it, or a name too long, ended the run before its first clip, with words
    about the folder that is written to.
    """
    assert corpus_building._is_little([ClipRecord("a", face_path=tmp_path / ("x" * 300)), ClipRecord("b")])

"""Prints how fast, how large and how safe `prepare` is.

    python benchmarks/prepare.py speed FOLDER [FOLDER ...]   clips of these folders, stage by stage
    python benchmarks/prepare.py memory                      a worker's memory at one minute and at two hours
    python benchmarks/prepare.py catalog                     status and resume with a catalog of 1,000,000 rows
    python benchmarks/prepare.py kill                        SIGKILL at ten random moments of a run over 200 clips
    python benchmarks/prepare.py engines                     one process, two processes, a local Ray cluster

Nothing here is a test: a number that is too large is for a person to look at. Close other programs first. All but
`speed` make their own data.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av

VISAVOX = [sys.executable, "-m", "visavox"]
N_ROWS = 1_000_000
N_KILLS = 10


def main() -> None:
    commands = {"speed": speed, "memory": memory, "catalog": catalog, "kill": kill, "engines": engines}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as place:
        commands[sys.argv[1]](Path(place), *sys.argv[2:])


def speed(place: Path, *folders: str) -> None:
    """Each clip of some folders, prepared by one process with a clock at every stage, then as a user does it."""
    root = place / "videos"
    root.mkdir()
    for folder in folders:
        (root / Path(folder).name).symlink_to(Path(folder).resolve())
    files = sorted(path for path in root.glob("*/*") if path.is_file())
    total_s, decode_s = media_seconds(files), decoding_seconds(files)
    line(f"{len(files)} clips, {total_s:.1f} s of video: decoding alone, one thread", decode_s)
    clocks = Clocks()
    seconds = [staged(root, place / f"staged{turn}", clocks if turn else Clocks()) for turn in range(2)][-1]
    line("prepare, one process that is warm", seconds)
    for name, spent in clocks.by_time():
        line(f"    {name}", spent)
    line("    everything else", seconds - sum(spent for _, spent in clocks.by_time()))
    print(f"{'':6}{total_s / seconds:6.1f} times real time")
    turns = []
    for turn in range(3):
        started = time.perf_counter()
        run("prepare", "--root", str(root), "--source", "videos", "--out", str(place / f"c{turn}"))
        turns.append(time.perf_counter() - started)
    wall = statistics.median(turns)
    line("visavox prepare, the whole command, start included", wall)
    print(f"{'':6}{total_s / wall:6.1f} times real time")
    shown = json.loads((place / "c0" / "stats.json").read_text())
    line("    of it in the corpus' own clock", shown["seconds"])


def memory(place: Path) -> None:
    """The greatest memory of a process that prepares one long video."""
    clip = talking_clip(place)
    for name, repeats in (("one minute", 15), ("two hours", 1800)):
        film = place / f"{repeats}" / "film.mp4"
        film.parent.mkdir()
        repeat_film(clip, film, repeats)
        code = (
            "import resource, sys; from pathlib import Path; from visavox.corpus_config import PrepareConfig;"
            "from visavox.pipeline.corpus_building import build_corpus;"
            f"build_corpus(PrepareConfig(root=Path({str(film.parent)!r}), out=Path({str(place / f'out{repeats}')!r}), "
            "source='videos', workers=1, person_part=0));"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        seconds = time.perf_counter() - started
        print(f"{int(done.stdout) / 1024:7.0f} MB  {name} ({seconds:.0f} s)")
        print("          ", json.loads((place / f"out{repeats}" / "stats.json").read_text())["n_items"])


def catalog(place: Path) -> None:
    """Status and resume with a large catalog, made from a list of that many clips."""
    from visavox.corpus.catalog import CATALOG, Catalog
    from visavox.corpus_config import PrepareConfig
    from visavox.pipeline.corpus_building import build_source, clip_settings

    n_clips = N_ROWS // 2
    listed, out = place / "avspeech_train.csv", place / "corpus"
    empty = place / "videos"
    empty.mkdir()
    with listed.open("w") as file:
        for i in range(n_clips + 1):
            file.write(f"v{i:010d},{i % 90}.5,{i % 90 + 4}.25,0.5,0.4\n")
    config = PrepareConfig(root=listed, out=out, source="avspeech", media=str(empty))
    source = build_source(config)
    settings = {"clip": clip_settings(config).stored(), "source": source.settings()}
    out.mkdir()
    with Catalog.create(out / CATALOG, settings) as made:
        path = made.path
    fill(path, (record.clip for record in source), n_clips)
    print(f"a catalog of {2 * n_clips:,} rows, {path.stat().st_size / 1e6:.0f} MB")
    line("visavox corpus status", once("corpus", "status", "--corpus", str(out)))
    started = time.perf_counter()
    process = subprocess.Popen(
        [*VISAVOX, "prepare", "--root", str(listed), "--source", "avspeech", "--media", str(empty), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    begun = None
    while process.poll() is None:
        if begun is None and n_rows(path) > 2 * n_clips:
            begun = time.perf_counter() - started
        time.sleep(0.02)
    whole = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(process.stderr.read() if process.stderr else "failed")
    line("resume: the first clip that was left is in the catalog", begun or whole)
    line("resume: the whole command", whole)


def kill(place: Path) -> None:
    """A run over 200 clips that is killed ten times, against one that nothing disturbs."""
    world = place / "world"
    run("simulate", "--people", "50", "--clips", "4", "--clip-s", "3", "--out", str(world), "--quiet")
    whole, killed = place / "whole", place / "killed"
    started = time.perf_counter()
    run(*prepare_words(world, whole))
    length_s = time.perf_counter() - started
    line("an undisturbed run over 200 clips", length_s)
    rng = random.Random(0)
    counts = []
    for target in sorted(rng.sample(range(190), N_KILLS)):  # clips in the catalog, so that every kill meets work
        command = [*VISAVOX, *prepare_words(world, killed)]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        while process.poll() is None and n_rows(killed / "catalog.sqlite") < 2 * target:
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.1))
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        counts.append(n_rows(killed / "catalog.sqlite") // 2)
    print("    clips in the catalog after each kill:", counts)
    run(*prepare_words(world, killed))
    same_rows = rows_of(whole) == rows_of(killed)
    same_files = files_of(whole) == files_of(killed)
    print(f"    the same rows: {same_rows}; the same files: {same_files}; {n_rows(killed / 'catalog.sqlite')} items")
    if not (same_rows and same_files):
        raise SystemExit("the corpora differ")


def engines(place: Path) -> None:
    """The same 200 clips by each engine."""
    world = place / "world"
    run("simulate", "--people", "50", "--clips", "4", "--clip-s", "3", "--out", str(world), "--quiet")
    seen = []
    for name, words in (
        ("one process", ("--workers", "1")),
        ("two processes", ("--workers", "2")),
        ("Ray, two workers", ("--engine", "ray", "--workers", "2")),
    ):
        out = place / name.replace(" ", "-")
        line(f"200 clips of 3 s, {name}", once(*prepare_words(world, out), *words))
        seen.append((rows_of(out), files_of(out)))
    print(f"    the same rows and files: {all(one == seen[0] for one in seen)}")


class Clocks:
    """Time spent in each stage, without that of the stages inside it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.open: list[list[Any]] = []

    def by_time(self) -> list[tuple[str, float]]:
        return sorted(self.spent.items(), key=lambda pair: -pair[1])

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.open.append([name, 0.0])
        started = time.perf_counter()
        try:
            yield
        finally:
            taken = time.perf_counter() - started
            _, inside = self.open.pop()
            self.spent[name] += taken - inside
            if self.open:
                self.open[-1][1] += taken

    def wrap(self, owner: Any, attribute: str, name: str) -> None:
        function: Callable[..., Any] = getattr(owner, attribute)

        def timed(*arguments: Any, **options: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **options)

        setattr(owner, attribute, timed)


def staged(root: Path, out: Path, clocks: Clocks) -> float:
    """Return the seconds of one `build_corpus` in this process, with a clock at each stage."""
    import torch

    from visavox.corpus.catalog import Catalog
    from visavox.corpus_config import PrepareConfig
    from visavox.media import speaker_search
    from visavox.media.sampled_frame import SampledFrame
    from visavox.media.scene_cuts import SceneCuts
    from visavox.media.voice_recording import VoiceRecorder
    from visavox.pipeline import clip_preparation, corpus_building
    from visavox.pipeline.corpus_writing import CorpusWriter

    torch.set_num_threads(1)
    places = [
        (clip_preparation, "scan_talk", "decoding, demultiplexing, resampling"),
        (SceneCuts, "is_cut", "scene cuts"),
        (SampledFrame, "small", "small pictures"),
        (SampledFrame, "full", "whole pictures of the best frames"),
        (speaker_search, "detect_all", "face detection"),
        (speaker_search.SpeakerSearch, "look", "tracks and quality"),
        (speaker_search.SpeakerSearch, "finish", "tracks and quality"),
        (speaker_search, "cut_face", "aligned crops"),
        (VoiceRecorder, "hear", "voice: activity, loudness, spooling"),
        (VoiceRecorder, "finish", "voice: figures, FLAC"),
        (clip_preparation, "write_face", "JPEG"),
        (clip_preparation, "file_digest", "digests"),
        (CorpusWriter, "add", "files in place"),
        (Catalog, "add_clip", "catalog"),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in places if hasattr(owner, name)]
    for owner, name, words in places:
        if hasattr(owner, name):
            clocks.wrap(owner, name, words)
    started = time.perf_counter()
    try:
        corpus_building.build_corpus(PrepareConfig(root=root, out=out, source="videos", workers=1))
        return time.perf_counter() - started
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)


def media_seconds(files: list[Path]) -> float:
    total = 0.0
    for path in files:
        with av.open(str(path)) as container:
            total += float(container.duration or 0) / av.time_base
    return total


def decoding_seconds(files: list[Path]) -> float:
    """Return the seconds of decoding every picture and every sound, and nothing else."""
    started = time.perf_counter()
    for path in files:
        with av.open(str(path)) as container:
            streams = [*container.streams.video[:1], *container.streams.audio[:1]]
            for stream in streams:
                stream.codec_context.thread_count = 1
            for packet in container.demux(streams):
                packet.decode()
    return time.perf_counter() - started


def talking_clip(place: Path) -> Path:
    """Return a clip of 4 s in which somebody talks."""
    run("simulate", "--people", "2", "--clips", "1", "--clip-s", "4", "--out", str(place / "world"), "--quiet")
    return sorted((place / "world" / "videos").rglob("*.mp4"))[0]


def repeat_film(clip: Path, film: Path, repeats: int) -> None:
    """Write the packets of a clip again and again, without coding anything."""
    with av.open(str(film), "w") as out:
        with av.open(str(clip)) as first:
            streams = {s.index: out.add_stream_from_template(s) for s in (*first.streams.video, *first.streams.audio)}
        length_s = 0.0
        last: dict[int, int] = {}
        for turn in range(repeats):
            with av.open(str(clip)) as container:
                if turn == 0:
                    length_s = float(container.duration or 0) / av.time_base
                for packet in container.demux(*[container.streams[i] for i in streams]):
                    if packet.dts is None:
                        continue
                    shift = round(turn * length_s / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    if packet.dts <= last.get(packet.stream.index, packet.dts - 1):
                        continue  # the run-up of the sound of the next turn
                    last[packet.stream.index] = packet.dts
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)


def fill(path: Path, names: Iterator[str], n_clips: int) -> None:
    """Write rows as `prepare` would have, many at a time."""
    from visavox.corpus.catalog import COLUMNS

    def rows() -> Iterator[tuple[Any, ...]]:
        face = '{"face_found": 1.0, "face_width_px": 120.5, "sharpness": 33.25, "frontality": 0.75}'
        voice = '{"duration_s": 4.0, "speech_s": 3.2, "loudness_db": -23.4, "snr_db": 17.5}'
        for i, name in zip(range(n_clips), names, strict=False):
            for modality, quality, folder in (("face", face, "faces"), ("voice", voice, "voices")):
                status = "ok" if i % 10 else ("no_face" if modality == "face" else "removed")
                path = f"{folder}/{name}" if status == "ok" else None
                digest = f"{i:064x}" if path else None
                reason = "" if path else "a reason of one line"
                video = name[:11]
                yield (
                    *(f"{name}/{modality}", name, modality, None, video, None, f"youtube:{video}", 1.0, 5.0),
                    *(status, reason, path, digest, quality),
                )

    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(f"INSERT INTO items VALUES ({', '.join('?' * len(COLUMNS))})", rows())
    connection.close()


def prepare_words(world: Path, out: Path) -> tuple[str, ...]:
    return "prepare", "--root", str(world), "--source", "videos", "--out", str(out), "--quiet"


def n_rows(path: Path) -> int:
    if not path.is_file():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM items").fetchone()[0])
    except sqlite3.OperationalError:  # killed before its tables were made
        return 0
    finally:
        connection.close()


def rows_of(corpus: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(corpus / "catalog.sqlite")
    try:
        items = connection.execute("SELECT * FROM items ORDER BY key").fetchall()
        return items + connection.execute("SELECT * FROM attributes ORDER BY key, name").fetchall()
    finally:
        connection.close()


def files_of(corpus: Path) -> dict[str, str]:
    return {
        path.relative_to(corpus).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("faces", "voices", ".unfinished", "downloads")
        for path in (corpus / folder).rglob("*")
        if path.is_file()
    }


def once(*words: str) -> float:
    started = time.perf_counter()
    run(*words)
    return time.perf_counter() - started


def run(*words: str) -> None:
    done = subprocess.run([*VISAVOX, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"visavox {' '.join(words)}: {done.stderr}")


def line(what: str, seconds: float) -> None:
    print(f"{seconds:7.2f} s  {what}")


if __name__ == "__main__":
    main()

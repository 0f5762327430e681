"""How long `identify` takes with many people enrolled: from a cold start, from files, and from vectors.

The people are made up: random unit directions with a little noise for each clip, two clips a person, as long as the
vectors of the usual encoders. Names and vectors mean nothing; the size of the folder and the arithmetic are those of
real people. The files that ask are drawn and spoken by the simulated world.

    OMP_NUM_THREADS=1 python benchmarks/identification_speed.py --people 10000 --out /tmp/identify
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from visavox.config import FACE_ENCODER, VOICE_ENCODER
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.samples import Samples
from visavox.pipeline.enrolled_folder import EnrolledFolder
from visavox.pipeline.frozen_encoder import Compute, build_encoder
from visavox.pipeline.media_vectors import MediaEncoder, MediaRecipe
from visavox.world.pairs_folder import write_pairs_folder

N_CLIPS = 2  # of each person, one a session
NOISE = 0.3  # standard deviation of a clip, all directions together, beside a person's length of 1


@dataclass(frozen=True)
class IdentificationSpeed:
    """Seconds and milliseconds, medians; cold starts are whole commands from the shell's view."""

    n_people: int
    folder_mb: float
    enrol_s: float
    load_s: float
    vectors_ms: dict[str, float]
    """One query from vectors, by what is given."""
    files_ms: dict[str, float]
    """One query from files, everything loaded."""
    cold_s: dict[str, float]
    """`visavox identify` from start to end."""


def made_up_people(n_people: int, *, seed: int = 0) -> EnrolledFolder:
    """Return people of random vectors, enrolled as real ones are."""
    rng = np.random.default_rng(seed)
    recipe = MediaRecipe(dict(VOICE_ENCODER), dict(FACE_ENCODER))
    names = [f"person {number:05d}" for number in range(n_people)]
    samples = {}
    for modality in ("voice", "face"):
        dim = build_encoder(getattr(recipe, f"{modality}_encoder"), modality).dim
        means = rng.standard_normal((n_people, dim)) / np.sqrt(dim)
        vectors = np.repeat(means, N_CLIPS, axis=0) + NOISE * rng.standard_normal((n_people * N_CLIPS, dim)) / dim**0.5
        clips = tuple(f"{name} {clip}" for name in names for clip in range(N_CLIPS))
        samples[modality] = Samples(
            modality=modality,
            keys=tuple(f"{clip} {modality}" for clip in clips),
            clips=clips,
            people=tuple(np.repeat(names, N_CLIPS).tolist()),
            sessions=tuple(str(clip) for _ in names for clip in range(N_CLIPS)),
            qualities=np.ones(len(clips), dtype=np.float32),
            vectors=vectors.astype(np.float32),
        )
    return EnrolledFolder(EnrolledPeople.enroll(samples, seed=seed), recipe)


def identification_speed(n_people: int, out: Path, *, n_repeats: int = 5, n_queries: int = 200) -> IdentificationSpeed:
    """Enrol made-up people into `out`, ask, and return how long each part took.

    Args:
        n_people: how many are enrolled.
        out: folder to write; `out`/people and `out`/world are made where they are not there.
        n_repeats: cold starts, loads, and queries from files behind each median.
        n_queries: queries from vectors behind each median.
    """
    started = time.perf_counter()
    if not (out / "people" / "config.json").is_file():
        made_up_people(n_people).save(out / "people")
    enrol_s = time.perf_counter() - started
    if not (out / "world").is_dir():
        write_pairs_folder(out / "world", n_people=2, n_clips=1, seed=0, n_processes=1)
    files = {m: sorted((out / "world" / f"{m}s").iterdir())[0] for m in ("face", "voice")}
    given = {"face": ("face",), "voice": ("voice",), "both": ("face", "voice")}
    load_s = _median(lambda: EnrolledFolder.load(out / "people"), n_repeats)
    folder = EnrolledFolder.load(out / "people")
    media = MediaEncoder(folder.recipe, Compute())
    encode = {"face": media.face, "voice": media.voice}
    vectors = {m: encode[m](files[m]).vectors for m in files}

    def ask(modalities: tuple[str, ...], *, from_files: bool) -> None:
        probe = {m: encode[m](files[m]).vectors if from_files else vectors[m] for m in modalities}
        folder.people.identify(probe)

    def command(modalities: tuple[str, ...]) -> None:
        words = [word for m in modalities for word in (f"--{m}", str(files[m]))]
        line = [sys.executable, "-m", "visavox", "identify", str(out / "people"), *words]
        subprocess.run(line, capture_output=True, check=False)

    return IdentificationSpeed(
        n_people=len(folder.people.names),
        folder_mb=round(sum(path.stat().st_size for path in (out / "people").iterdir()) / 1e6, 1),
        enrol_s=round(enrol_s, 2),
        load_s=round(load_s, 3),
        vectors_ms={
            name: round(1e3 * _median(lambda m=m: ask(m, from_files=False), n_queries), 3) for name, m in given.items()
        },
        files_ms={
            name: round(1e3 * _median(lambda m=m: ask(m, from_files=True), n_repeats), 1) for name, m in given.items()
        },
        cold_s={name: round(_median(lambda m=m: command(m), n_repeats), 2) for name, m in given.items()},
    )


def _median(work, n_repeats: int) -> float:
    seconds = []
    for _ in range(n_repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    speed = identification_speed(arguments.people, arguments.out, n_repeats=arguments.repeats)
    sys.stdout.write(json.dumps(asdict(speed), indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Prints the speeds that the documentation quotes, each as the wall time of a command a user would type.

    python benchmarks/speed.py [cold]

Without VISAVOX_DATA everything runs on a small generated world; with it, on the real data, and `cold` adds the whole
experiment from nothing and then once more, when all is done. Nothing here is a test: a number that is too large is for
a person to look at. Close other programs first; each short command is timed five times and the median is printed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

VISAVOX = [sys.executable, "-m", "visavox"]
ROOT = Path(__file__).parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        world, films = folder / "world", folder / "films"
        small = ("simulate", "--people", "20", "--clips", "2")
        line(
            "simulate 20 people x 2 clips, faces and voices apart",
            once(*small, "--layout", "pairs", "--out", str(world)),
        )
        seconds = once("simulate", "--people", "150", "--clips", "4", "--clip-s", "4", "--out", str(films))
        line(f"simulate 600 videos of 4 s, {600 / seconds:.1f} clips a second, ceiling included", seconds)
        prepare = ("prepare", "--root", str(films), "--source", "videos", "--out", str(folder / "film-corpus"))
        seconds = once(*prepare)
        line(f"prepare 600 videos of 4 s, {600 / seconds:.1f} clips a second", seconds)
        latents = ("simulate", "--embeddings-only", "--people", "100000", "--clips", "1")
        line("simulate the embeddings of 100,000 people", once(*latents, "--out", str(folder / "latents")))
        line("prepare 40 clips", once("prepare", "--root", str(world), "--out", str(folder / "corpus")))
        embed = ("embed", "--corpus", str(folder / "corpus"), "--out", str(folder / "embeddings"))
        line("embed 40 clips, cold cache", once(*embed))
        line("embed 40 clips, warm cache", once(*embed))
        line("visavox --help", several("--help"))
        voice = sorted((world / "voices").iterdir())[0]
        faces = sorted((world / "faces").iterdir())
        line("match, 2 faces, from a cold start", several("match", str(voice), str(faces[0]), str(faces[2])))
        line("match, 10 faces, from a cold start", several("match", str(voice), *map(str, faces[:20:2])))
        line("doctor", several("doctor"))
        data = os.environ.get("VISAVOX_DATA")
        if data and "cold" in sys.argv[1:]:
            run = ("run", str(ROOT / "recipes/real-small.yaml"), "--data", data, "--out", str(folder / "real"))
            line("the whole real experiment, cold", once(*run))
            line("the whole real experiment, warm", once(*run))
    for threads in (1, torch.get_num_threads()):
        line(f"1,000 steps of batch 1,024, two towers 256-256-64, {threads} threads", training_seconds(threads))
        line("the same with noise and dropout", training_seconds(threads, dropout=True))


def once(*words: str) -> float:
    started = time.perf_counter()
    subprocess.run([*VISAVOX, *words], check=True, capture_output=True)
    return time.perf_counter() - started


def several(*words: str) -> float:
    return statistics.median(once(*words) for _ in range(5))


def training_seconds(threads: int, *, dropout: bool = False, objective: str = "info_nce") -> float:
    from visavox.batches.pair_batches import Pairs
    from visavox.models.associators.two_tower import TwoTower
    from visavox.pipeline.training import TrainingSettings, train_network

    rng = np.random.default_rng(0)
    n = 10_240
    pairs = Pairs.of(rng.normal(size=(n, 256)), rng.normal(size=(n, 256)), identities=[str(i) for i in range(n)])
    plain = {} if dropout else {"input_dropout": 0.0, "hidden_dropout": 0.0, "input_noise": 0.0}
    towers = TwoTower(256, 256, **plain)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    started = time.perf_counter()
    train_network(towers, pairs, TrainingSettings(n_epochs=100, batch_size=1024, objective=objective))
    torch.set_num_threads(before)
    return time.perf_counter() - started


def line(what: str, seconds: float) -> None:
    print(f"{what:70} {seconds:8.2f} s", flush=True)


if __name__ == "__main__":
    main()

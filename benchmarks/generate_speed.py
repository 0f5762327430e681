"""Prints how long `visavox generate` takes from a cold start, and where the time goes.

    python benchmarks/generate_speed.py [VOICE [MODEL]]

Without a voice, one of a made-up person; without a model, the one in the box. Eight pictures by every method that the
model has, the median of five commands; the parts of one of them in a fresh process; and a recording of an hour. To be
reached on a plain CPU: 3 s by decoder, 10 s by diffusion. Close other programs first.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from visavox.pipeline.drawing.generator_folder import Generator

RUNS = 5
HOUR_S = 3600
PARTS = """
import json, sys, time
marks = [time.perf_counter()]
def mark(): marks.append(time.perf_counter())
from pathlib import Path
from visavox.pipeline.drawing import generating
from visavox.pipeline.drawing.voice_to_face import VoiceToFacePipeline
mark()
pipeline = VoiceToFacePipeline.from_pretrained(sys.argv[1], sys.argv[2])
mark()
speaker = pipeline.hear(sys.argv[3])
mark()
pipeline.draw_heard(speaker.heard, 8)
mark()
names = ("imports", "model", "voice", "8 pictures")
print(json.dumps(dict(zip(names, (b - a for a, b in zip(marks, marks[1:]))))))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        voice = Path(sys.argv[1]) if len(sys.argv) > 1 else made_up(folder)
        model = sys.argv[2] if len(sys.argv) > 2 else "portrait"
        words = ("--model", model, "--overwrite", "--out", str(folder / "faces"))
        methods = Generator.load(model).methods
        for method in methods:
            seconds = [generate(voice, *words, "--method", method) for _ in range(RUNS)]
            line(f"generate 8 by {method}, cold, median of {RUNS}", statistics.median(seconds))
            told = subprocess.run(
                [sys.executable, "-c", PARTS, model, method, str(voice)], check=True, capture_output=True, text=True
            )
            for part, took in json.loads(told.stdout).items():
                line(f"    {part}", took)
        hour = an_hour(voice, folder / "hour.wav")
        line("generate 8 from a recording of an hour", generate(hour, *words, "--method", methods[0]))
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
        print(f"{'most memory of any of these':<60} {most:8.0f} MiB")


def generate(voice: Path, *words: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "visavox", "generate", str(voice), *words], check=True, capture_output=True)
    return time.perf_counter() - started


def made_up(folder: Path) -> Path:
    words = ("simulate", "--people", "2", "--clips", "1", "--layout", "pairs", "--out", str(folder / "world"))
    subprocess.run([sys.executable, "-m", "visavox", *words], check=True, capture_output=True)
    return sorted((folder / "world" / "voices").iterdir())[0]


def an_hour(voice: Path, path: Path) -> Path:
    """The voice again and again with pauses of its length, 44.1 kHz stereo as recorders write it."""
    samples, rate = soundfile.read(voice, dtype="float32", always_2d=True)
    at = np.linspace(0, len(samples) - 1, round(len(samples) * 44_100 / rate)).astype(int)
    spoken = np.repeat(samples[at].mean(axis=1, keepdims=True), 2, axis=1)
    with soundfile.SoundFile(path, "w", 44_100, 2, "PCM_16") as file:
        while file.tell() < HOUR_S * 44_100:
            file.write(spoken)
            file.write(np.zeros_like(spoken))
    return path


def line(name: str, seconds: float) -> None:
    print(f"{name:<60} {seconds:8.2f} s")


if __name__ == "__main__":
    main()

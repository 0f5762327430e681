"""Prints how long a step of Speech2Face's voice encoder takes on this machine, and what an epoch would.

    python benchmarks/speech2face_training.py [--batch 8] [--steps 3] [--device cpu] [--factors 1 0.25 0.125]

A step is forward, backward and Adam on made-up spectrograms of 6 s; the best one of a row counts. A row is a width of
the convolutions (1 is the published network of 148,067,584 numbers, with a hidden layer of 4096 times the width) and a
number format. The last line is what it takes to make the spectrogram of one voice. Nothing here is a test: a number
that is too large is for a person to look at. The published width needs 12 GB at 8 clips a step.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch

from visavox.models.face_predictors.speech2face import Speech2FacePredictor
from visavox.models.speech_image import N_BINS, N_FRAMES, speech_image
from visavox.objectives.face_feature import normalised_feature_loss

FEATURE_DIM = 4096
HIDDEN_DIM = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--factors", type=float, nargs="+", default=[1.0, 0.25, 0.125])
    parser.add_argument("--clips", type=int, default=800)
    given = parser.parse_args()
    sys.stdout.write(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {given.device}, ")
    sys.stdout.write(f"{given.batch} clips a step, epochs of {given.clips} clips\n")
    for factor in given.factors:
        for bfloat16 in (False, True):
            seconds, n_numbers = step_seconds(factor, given, bfloat16=bfloat16)
            name = "bfloat16" if bfloat16 else "float32"
            minutes = seconds * given.clips / given.batch / 60
            sys.stdout.write(
                f"x{factor:<6g} {n_numbers:>12,} {name:<9} {seconds:8.3f} s a step {minutes:8.1f} min an epoch\n"
            )
            sys.stdout.flush()
    voice = np.random.default_rng(0).normal(size=50_000).astype(np.float32)
    started_s = time.perf_counter()
    for _ in range(10):
        speech_image(voice)
    sys.stdout.write(f"spectrogram: {100 * (time.perf_counter() - started_s):.1f} ms a voice\n")


def step_seconds(factor: float, given: argparse.Namespace, *, bfloat16: bool) -> tuple[float, int]:
    """Return the seconds of the best step, and how many numbers the network has."""
    device = torch.device(given.device)
    network = Speech2FacePredictor(
        feature_dim=FEATURE_DIM, hidden_dim=max(1, round(HIDDEN_DIM * factor)), channel_factor=factor
    ).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.999))
    voices = torch.randn(given.batch, 2, N_FRAMES, N_BINS, device=device)
    features = torch.rand(given.batch, FEATURE_DIM, device=device)
    best_s = float("inf")
    for _ in range(given.steps + 1):  # the first one makes Adam's moments
        started_s = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            predicted = network(voices)
        normalised_feature_loss(predicted.float(), features).backward()
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        best_s = min(best_s, time.perf_counter() - started_s)
    return best_s, network.n_numbers


if __name__ == "__main__":
    main()

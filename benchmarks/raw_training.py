"""Prints how fast the trainer of raw media is and what memory it takes: float32 against bfloat16, on made-up data.

    python benchmarks/raw_training.py [--voice thin_resnet34] [--face ir50] [--batch 64] [--window 3.75]
                                      [--steps 20] [--heads sss] [--objective seeking_shape] [--accumulate 1]

Without options it takes the backbones of Seeking the Shape of Sound in batches of 64 on CUDA, and the small encoders in
batches of 16 on a CPU. `plain` is the same network in eager float32 in a loop of a few lines that changes and gathers
nothing; the other rows are the trainer's own step, windows and changes included. Each row is a process of its own.
Nothing here is a test: a number that is too large is for a person to look at. Close other programs first.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from visavox.batches.media_pairs import MediaPairs
from visavox.pipeline.cached_gradients import Inputs
from visavox.pipeline.end_to_end import deal, tell_objective
from visavox.pipeline.end_to_end_network import BatchClips, JointNetwork, trainable_encoder
from visavox.pipeline.end_to_end_optimiser import make_optimiser
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.end_to_end_step import BatchGradients, EpochDraws

WARM_UP_STEPS = 3
ROWS = ("plain float32", "trainer float32", "trainer bfloat16")


def main() -> None:
    given = arguments()
    if given.row:
        sys.stdout.write(json.dumps(measure(given)) + "\n")
        return
    where = torch.cuda.get_device_name() if given.device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"{given.voice} and {given.face}, {given.batch} pairs a batch, windows of {given.window:g} s, {where}")
    print(f"{'':18}{'pairs/s':>10}{'ms a step':>12}{'memory':>12}")
    for row in ROWS:
        words = [sys.executable, __file__, *sys.argv[1:], "--row", row]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{row:18}  failed: {done.stderr.strip().splitlines()[-1]}")
            continue
        found = json.loads(done.stdout.strip().splitlines()[-1])
        rate, step_ms = given.batch / found["step_s"], 1000 * found["step_s"]
        print(f"{row:18}{rate:10.1f}{step_ms:12.1f}{found['memory_gb']:9.2f} GB")


def arguments() -> argparse.Namespace:
    """Return the options, with defaults that suit the machine."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    large = device == "cuda"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", default="thin_resnet34" if large else "voice_cnn")
    parser.add_argument("--face", default="ir50" if large else "face_cnn")
    parser.add_argument("--heads", default="sss" if large else "linear")
    parser.add_argument("--objective", default="seeking_shape" if large else "info_nce")
    parser.add_argument("--batch", type=int, default=64 if large else 16)
    parser.add_argument("--window", type=float, default=3.75 if large else 1.6)
    parser.add_argument("--steps", type=int, default=30 if large else 8)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--device", default=device)
    parser.add_argument("--row", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(given: argparse.Namespace) -> dict[str, float]:
    """Return seconds a step and the greatest memory of one row."""
    encoders = {
        modality: trainable_encoder(name, modality, given.device, seed=0)
        for modality, name in (("voice", given.voice), ("face", given.face))
    }
    settings = EndToEndSettings(
        people_a_batch=given.batch,
        clips_a_person=1,
        within_voice_weight=0.0,
        within_face_weight=0.0,
        window_s=given.window,
        heads=given.heads,
        objective=given.objective,
        accumulate=given.accumulate,
        optimiser="sgd",
        learning_rate=1e-3,
    )
    network = JointNetwork(encoders["voice"], encoders["face"], settings, seed=0).to(given.device)
    media = made_up(network, given.batch, given.window)
    dealt = deal(media.voice_person, media.face_person, settings, seed=0)
    tell_objective(network, dealt, settings, n_rows=given.batch, seed=0)
    optimiser = make_optimiser(network.train(), settings)
    (batch,) = dealt.epoch(1)
    gradients = BatchGradients(network, media, dealt.people, settings, bfloat16="bfloat16" in given.row)
    draws = EpochDraws(torch.Generator().manual_seed(0), loss_seed=0)
    if given.row.startswith("plain"):
        heard, seen = gradients.inputs(batch, draws.media)
        person = torch.arange(given.batch, device=given.device)

        def step(number: int) -> None:  # noqa: ARG001 - a plain loop does not count
            plain_step(network, heard, seen, BatchClips(person, person, person))
    else:

        def step(number: int) -> None:
            gradients.of(batch, draws, step=number)

    return timed(step, optimiser, given)


def plain_step(network: JointNetwork, heard: Inputs, seen: Inputs, clips: BatchClips) -> None:
    """Leave gradients as the shortest loop would."""
    voice, face = network(heard, seen)
    torch.autograd.backward(network.losses(voice, face, clips)["loss"])


def timed(step: Callable[[int], None], optimiser: torch.optim.Optimizer, given: argparse.Namespace) -> dict[str, float]:
    """Return the seconds of a step after some that do not count, and the greatest memory."""
    started = 0.0
    for number in range(WARM_UP_STEPS + given.steps):
        if number == WARM_UP_STEPS:
            wait(given.device)
            started = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        step(number)
        optimiser.step()
    wait(given.device)
    seconds = (time.perf_counter() - started) / given.steps
    if given.device == "cuda":
        return {"step_s": seconds, "memory_gb": torch.cuda.max_memory_allocated() / 1e9}
    return {"step_s": seconds, "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}


def wait(device: str) -> None:
    """Return when the device has done everything."""
    if device == "cuda":
        torch.cuda.synchronize()


def made_up(network: JointNetwork, n_people: int, window_s: float) -> MediaPairs:
    """Return noise for voices and faces, one of each a person, as the encoders prepare them."""
    rng = np.random.default_rng(0)
    n_samples = int((window_s + 0.5) * 16_000)
    voices = [
        network.voice_encoder.prepare(0.1 * rng.normal(size=n_samples).astype(np.float32)) for _ in range(n_people)
    ]
    crops = (rng.integers(0, 255, (256, 256, 3), dtype=np.uint8) for _ in range(n_people))
    names = [f"p{person}" for person in range(n_people)]
    return MediaPairs.of(
        voices,
        [network.face_encoder.prepare(crop) for crop in crops],
        voice_people=names,
        face_people=names,
        voice_videos=names,
        face_videos=names,
    )


if __name__ == "__main__":
    main()

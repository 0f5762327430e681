"""How long /v1/match takes, warm: one voice of 4 s and two faces, and where the time goes.

    python benchmarks/service_latency.py                      files of the simulated world, made on the way
    python benchmarks/service_latency.py --data FOLDER        real ones: voices/ and faces/ anywhere below it

Printed, with medians and 95 % of `--calls` calls that alternate, so that a busy moment meets all of them alike:
encoders   VoiceFaceModel.match on decoded arrays, in a process like the service's
decoding   the three files by the processes that decode
request    GET /healthz: HTTP without work
match      POST /v1/match over a connection that stays open
overhead   match less encoders, each call against its neighbour; to reach: match 250 ms, overhead 20 ms
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import numpy as np
import torch

from visavox.media.audio import SAMPLE_RATE, read_voice, write_voice
from visavox.media.images import read_image
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.web.decoding.pool import DecodingPool
from visavox.world.pairs_folder import write_pairs_folder

VOICE_S = 4.0
SOUNDS = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a")
WARM_UP = 5  # calls of each kind that are not counted


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with real voices/ and faces/")
    parser.add_argument("--calls", type=int, default=60, help="calls of each kind, 50 or more")
    parser.add_argument("--model", default="base")
    parser.add_argument("--threads", type=int, default=0, help="of torch for `encoders` alone; 0 takes its own choice")
    options, more = parser.parse_known_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as made:
        files = find_files(options.data, Path(made))
        measure(files, options.model, options.calls, more)
    return 0


def find_files(data: Path | None, folder: Path) -> list[Path]:
    """Return a voice of 4 s and two faces of two people; from a drawn world where there is no data."""
    if data is None:
        data = folder / "world"
        write_pairs_folder(data, n_people=2, n_clips=1, seed=0, n_processes=1)
    faces = sorted(path for path in data.rglob("*.jpg") if "faces" in path.parts)
    voices = sorted(path for path in data.rglob("*.*") if path.suffix in SOUNDS and "voices" in path.parts)
    if not voices or len(faces) < 2:
        sys.exit(f"{data} must hold voices/ and faces/ with a voice and two .jpg. It has {len(voices)}, {len(faces)}.")
    samples = np.concatenate([read_voice(path) for path in voices[:4]])
    voice = folder / "voice.flac"
    write_voice(voice, np.resize(samples, round(VOICE_S * SAMPLE_RATE)))
    return [voice, faces[0], faces[len(faces) // 2]]


def measure(files: Sequence[Path], model_name: str, n_calls: int, more: Sequence[str]) -> None:
    """Start a service, call everything in turn, stop it, print."""
    model = VoiceFaceModel.from_pretrained(model_name)
    voice, faces = read_voice(files[0]), [read_image(path) for path in files[1:]]
    data = [path.read_bytes() for path in files]
    command = [sys.executable, "-m", "visavox", "serve", "--port", "0", "--json", "--no-pages", "--model", model_name]
    server = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client, DecodingPool(2) as pool:
            parts = [
                ("voice", ("voice.flac", data[0])),
                *(("faces", (p.name, d)) for p, d in zip(files[1:], data[1:], strict=True)),
            ]
            answers: dict[str, Callable[[], object]] = {
                "encoders": lambda: model.match(voice, faces),
                "decoding": lambda: [pool.voice(data[0]), *(pool.image(each) for each in data[1:])],
                "request": lambda: client.get("/healthz").raise_for_status(),
                "match": lambda: client.post("/v1/match", files=parts).raise_for_status(),
            }
            times = {name: np.zeros(n_calls) for name in answers}
            for call in range(-WARM_UP, n_calls):
                for name, ask in answers.items():
                    began = time.perf_counter()
                    ask()
                    if call >= 0:
                        times[name][call] = 1000 * (time.perf_counter() - began)
            check_same(model, files, client.post("/v1/match", files=parts).json())
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    times["overhead"] = times["match"] - times["encoders"]
    shapes = ", ".join(f"{face.shape[1]} x {face.shape[0]}" for face in faces)
    print(f"voice {len(voice) / SAMPLE_RATE:.1f} s, faces {shapes}, {n_calls} calls, model {model_name}")
    for name, values in times.items():
        print(f"{name:<9} median {np.median(values):7.1f} ms   95 % {np.quantile(values, 0.95):7.1f} ms")


def check_same(model: VoiceFaceModel, files: Sequence[Path], answer: dict[str, object]) -> None:
    """Stop where the service answers something else than the command."""
    expected = model.match(files[0], files[1:]).probabilities
    found = [face["probability"] for face in answer["faces"]]  # type: ignore[attr-defined]
    assert np.allclose(expected, found, atol=1e-5), (expected, found)


if __name__ == "__main__":
    sys.exit(main())

"""Prints how often one speaker, and how often two, are taken for two by `visavox.generation.speaker_agreement`.

    VISAVOX_DATA=... python benchmarks/two_voices.py [n_clips]

Real voices of IKR (several sessions and microphones a person) and AVSpeech: single clips, clips of one person joined,
clips of two people joined, and single clips in white noise. The thresholds were set by this table: they are the
loosest that take at most 1 % of one speaker's recordings for two.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from visavox.generation.heard_voice import listen
from visavox.generation.speaker_agreement import voices_apart
from visavox.media.audio import read_voice
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder
from visavox.pipeline.media_vectors import voice_windows

N_PAIRS = 400
SNRS_DB = (20, 10, 5)


def main() -> None:
    data, n_clips = Path(os.environ["VISAVOX_DATA"]), int(sys.argv[1]) if len(sys.argv) > 1 else 200
    encoder, rng = FrozenEncoder("ge2e", "voice", Compute(device="cpu")), np.random.default_rng(0)

    def windows(path: Path, snr_db: float | None = None) -> np.ndarray:
        samples = read_voice(path)
        if snr_db is not None:
            level = np.sqrt(np.mean(samples**2)) * 10 ** (-snr_db / 20)
            samples = np.clip(samples + level * rng.standard_normal(len(samples)), -1, 1).astype(np.float32)
        heard = listen(samples, min_speech_s=0.0)
        return encoder.encode(voice_windows(heard.samples, heard.segments, window_s=1.6, min_speech_s=0.5))

    ikr = clips(data / "ikr", n_clips, rng)
    avspeech = clips(data / "avspeech", n_clips, rng)
    heard = {row["path"]: windows(Path(row["path"])) for row in (*ikr, *avspeech)}
    line("IKR, one clip", [heard[row["path"]] for row in ikr])
    line("AVSpeech, one clip", [heard[row["path"]] for row in avspeech])
    for snr_db in SNRS_DB:
        line(f"IKR, one clip, noise at {snr_db} dB", [windows(Path(row["path"]), snr_db) for row in ikr])

    def joined(rows: list[dict[str, str]], fits: Callable[[dict[str, str], dict[str, str]], bool]) -> list[np.ndarray]:
        pairs = [(a["path"], b["path"]) for i, a in enumerate(rows) for b in rows[:i] if fits(a, b)]
        chosen = rng.permutation(len(pairs))[:N_PAIRS]
        return [np.concatenate([heard[pairs[k][0]], heard[pairs[k][1]]]) for k in chosen]

    line("IKR, one person, two clips", joined(ikr, lambda a, b: a["person"] == b["person"]))
    line(
        "IKR, two people of one sex",
        joined(ikr, lambda a, b: a["person"] != b["person"] and a["gender"] == b["gender"]),
    )
    line("IKR, a woman and a man", joined(ikr, lambda a, b: a["gender"] != b["gender"]))
    line("AVSpeech, two people", joined(avspeech, lambda a, b: a["youtube_id"] != b["youtube_id"]))


def clips(folder: Path, n_clips: int, rng: np.random.Generator) -> list[dict[str, str]]:
    files = {path.stem: path for path in (folder / "voices").iterdir()}
    with (folder / "clips.csv").open(encoding="utf-8") as file:
        rows = [{**row, "path": str(files[row["clip"]])} for row in csv.DictReader(file) if row["clip"] in files]
    return [rows[i] for i in rng.permutation(len(rows))[:n_clips]]


def line(name: str, voices: list[np.ndarray]) -> None:
    found = [apart for voice in voices if (apart := voices_apart(voice)) is not None]
    share = np.mean([apart.sounds_like_two for apart in found])
    across = np.percentile([apart.across for apart in found], [1, 50, 99])
    relative = np.percentile([apart.relative for apart in found], [1, 50, 99])
    shown = " / ".join(f"{value:.2f}" for value in (*across, *relative))
    print(f"{name:<36} {share:6.1%} of {len(found):3d}   across, relative (1 / 50 / 99 %): {shown}")


if __name__ == "__main__":
    main()

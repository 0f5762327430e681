"""Write the reference figures that our GE2E encoder is tested against, from the real resemblyzer package.

Run it in a throw-away environment, never in the one of the project:

    python3.11 -m venv FOLDER && FOLDER/bin/pip install torch==2.13.0 librosa==0.11.0 numpy scipy
    FOLDER/bin/pip install --no-deps resemblyzer==0.1.4
    FOLDER/bin/python scripts/freeze_ge2e.py tests/models/encoders/ge2e_reference.npz

It prints how far the new figures are from those that the file held before. The inputs are made here, from seeds; the
tests in `tests/models` load this file to make the same inputs again.
"""

from __future__ import annotations

import importlib.metadata
import sys
import types
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000
# name -> (seed, seconds, loudness of the root mean square): short of one window, one, two that overlap, many, quiet.
VOICES = {
    "short": (1, 0.3, 0.1),
    "window": (2, 1.6, 0.1),
    "five": (3, 5.0, 0.05),
    "seven": (4, 7.3, 0.2),
    "quiet": (5, 2.37, 0.001),
}
N_MEL_FRAMES = 6
"""Frames kept from the beginning, the middle and the end of each voice."""


def voice(seed: int, seconds: float, rms: float) -> np.ndarray:
    """A gliding harmonic tone with syllables and noise: (samples,) float32."""
    random = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch_hz = 90 + 40 * seed + 15 * np.sin(2 * np.pi * 0.7 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.1 * time_s)
    sound = tone * syllables + 0.1 * random.standard_normal(len(time_s))
    return (sound * rms / np.sqrt(np.mean(sound**2))).astype(np.float32)


def main(path: Path) -> None:
    """Compute, compare with the old file, write."""
    # Only resemblyzer's speech detector needs webrtcvad, and we do not use it; the other is a name that scipy moved.
    sys.modules["webrtcvad"] = types.ModuleType("webrtcvad")
    moved = types.ModuleType("scipy.ndimage.morphology")
    moved.binary_dilation = None
    sys.modules["scipy.ndimage.morphology"] = moved
    from resemblyzer import VoiceEncoder, audio

    encoder = VoiceEncoder("cpu", verbose=False)
    figures: dict[str, np.ndarray] = {}
    for name, arguments in VOICES.items():
        wav = voice(*arguments)
        mel = audio.wav_to_mel_spectrogram(wav)
        rows = np.r_[:N_MEL_FRAMES, len(mel) // 2 : len(mel) // 2 + N_MEL_FRAMES, len(mel) - N_MEL_FRAMES : len(mel)]
        louder = audio.normalize_volume(wav, -30, increase_only=True).astype(np.float32)
        embedding, partials, _ = encoder.embed_utterance(louder, return_partials=True)
        figures |= {f"{name}_mel_rows": rows, f"{name}_mel": mel[rows], f"{name}_embedding": embedding}
        figures[f"{name}_n_windows"] = np.array(len(partials))
    packages = ("resemblyzer", "librosa", "torch", "numpy", "scipy")
    figures["versions"] = np.array([f"{p}=={importlib.metadata.version(p)}" for p in packages])
    if path.exists():
        with np.load(path) as old:
            for key in sorted(set(figures) & set(old.files) - {"versions"}):
                difference = np.abs(figures[key] - old[key]).max() if figures[key].shape == old[key].shape else "shape"
                sys.stdout.write(f"{key}: {difference}\n")
    np.savez_compressed(path, **figures)
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes, {', '.join(figures['versions'])}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The GE2E speaker encoder: a voice to 256 numbers that tell speakers apart.

The weights are those that the resemblyzer package carries; the forward pass is ours and the package is never
imported, since it needs librosa and webrtcvad. The encoder takes the voice as it is given, pauses included; who wants
them cut out beforehand has `visavox.media.speech.keep_speech`.

    voice -> louder, to -30 dB -> mel frames -> windows of 160 frames, 77 apart
          -> 3 LSTMs -> linear -> ReLU -> unit length -> mean over windows -> unit length

Example (needs the offline weights):
    >>> encoder = GE2EEncoder()
    >>> encoder.encode([np.sin(np.arange(32_000, dtype=np.float32) / 9)]).shape
    (1, 256)

Source: Wan et al., "Generalized End-to-End Loss for Speaker Verification" (2018); weights and windows of Resemblyzer
0.1.4 (https://github.com/resemble-ai/Resemblyzer), against whose output this file is tested to 1e-4.
"""

from __future__ import annotations

import importlib.util
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError, DataError, MissingDependencyError
from visavox.models.encoders.base import INSTALL_LINE, Encoder, Provenance
from visavox.models.mel import HOP, N_MELS, mel_frames
from visavox.registry import ENCODERS

HIDDEN = 256
"""Width of each LSTM and of the embedding."""
N_LAYERS = 3
"""LSTMs on top of each other."""
WINDOW_FRAMES = 160
"""Mel frames of one window, 1.6 s."""
STEP_FRAMES = 77
"""Frames from one window to the next: 1.3 windows a second, rounded to frames."""
MIN_COVERAGE = 0.75
"""A last window that the voice fills less than this is dropped, unless it is the only one."""
TARGET_DB = -30.0
"""Quieter voices are raised to this loudness, in dB below full scale; louder ones stay."""
MAX_WINDOWS = 256
"""Windows in one pass of the LSTMs, which bounds the memory at 0.2 GB, however long a voice is."""

Vectors = npt.NDArray[np.float32]


@ENCODERS.register("ge2e")
class GE2EEncoder(Encoder):
    """Frozen GE2E voice encoder; the weights are read by the first call of `encode`.

    Args:
        output: "embedding" is the published one, (256,) of unit length and never negative. "hidden" keeps what the
            ReLU throws away: the mean over windows of the 256 outputs of the linear layer before the ReLU, then of
            the final hidden states of the three LSTMs, (1024,) of no fixed length. Prefer it as input of a trained
            associator that standardises its inputs, and "embedding" where vectors are compared directly.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    name = "ge2e"
    modality = "voice"
    provenance = Provenance(
        weights="resemblyzer 0.1.4, pretrained.pt",
        training_data="LibriSpeech, VoxCeleb1 dev, VoxCeleb2 (voice only)",
        licence="Apache-2.0",
    )
    batch_size = 32

    def __init__(self, *, output: Literal["embedding", "hidden"] = "embedding", device: str = "cpu") -> None:
        """Store the arguments.

        Raises:
            ConfigError: `output` is neither "embedding" nor "hidden".
        """
        if output not in ("embedding", "hidden"):
            raise ConfigError(f"`output` of the encoder 'ge2e' must be 'embedding' or 'hidden'. Got {output!r}.")
        self.output = output
        self.device = device
        self.dim = HIDDEN if output == "embedding" else (1 + N_LAYERS) * HIDDEN
        self._network: _Network | None = None

    def __getstate__(self) -> dict[str, object]:
        """Leave the weights behind when the encoder crosses into another process."""
        return {**self.__dict__, "_network": None}

    def encode(self, batch: Sequence[np.ndarray]) -> Vectors:
        """Return one vector for each voice, in order.

        Args:
            batch: voices (samples,) float32 in [-1, 1], 16 kHz mono, of any lengths from one sample. A voice under
                1.6 s is followed by zeros. Under 1 s, vectors say more about the words than about the speaker.

        Returns:
            (len(batch), dim) float32.

        Raises:
            DataError: a voice is empty, not one-dimensional, or holds NaN or infinity.
            MissingDependencyError: resemblyzer is not installed.

        Edges:
            Silence has a vector (always the same) that says nothing: keep it out with `check_speech`.
        """
        windows: list[Tensor] = []
        counts: list[int] = []
        for index, voice in enumerate(batch):
            _check(voice, index)
            windows.append(_windows(torch.from_numpy(normalise_volume(voice))))
            counts.append(len(windows[-1]))
        if not counts:
            return np.empty((0, self.dim), dtype=np.float32)
        if self._network is None:
            self._network = _load(weights_path()).to(self.device)
        with torch.inference_mode():
            chunks = torch.split(torch.cat(windows).to(self.device), MAX_WINDOWS)
            vectors = torch.cat([self._network(chunk, self.output).cpu() for chunk in chunks])
            means = torch.stack([part.mean(dim=0) for part in torch.split(vectors, counts)])  # (voices, dim)
            if self.output == "embedding":
                means = functional.normalize(means, dim=1)
        result: Vectors = means.float().numpy()  # of bfloat16 NumPy knows nothing
        return result


class _Network(nn.Module):
    """The layers, under the names that the stored weights have."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(N_MELS, HIDDEN, N_LAYERS, batch_first=True)
        self.linear = nn.Linear(HIDDEN, HIDDEN)

    def forward(self, mels: Tensor, output: str) -> Tensor:
        """Return (n_windows, 256), or (n_windows, 1024) for "hidden", from mels (n_windows, frames, 40)."""
        _, (states, _) = self.lstm(mels)  # (layers, windows, 256), after the last frame
        raw = self.linear(states[-1])
        if output == "hidden":
            return torch.cat([raw, *states], dim=1)
        return functional.normalize(raw.relu(), dim=1)


def window_starts(n_samples: int) -> list[int]:
    """Return the first mel frame of each window of a voice.

    Args:
        n_samples: length of the voice at 16 kHz, 1 or more.

    Returns:
        Multiples of 77, at least one. Windows reach beyond the end of the voice where it fills at least three
        quarters of them.

    Example:
        >>> window_starts(16_000 * 3)      # 3 s: the window from 2.31 s on would be filled to 43 % and is dropped
        [0, 77, 154]
        >>> window_starts(100)
        [0]
    """
    # Window k begins at sample 160 * 77 k and needs three quarters of 25,600 samples after it.
    n_spare = n_samples - round(MIN_COVERAGE * WINDOW_FRAMES * HOP)
    return [STEP_FRAMES * k for k in range(1 + max(0, n_spare) // (STEP_FRAMES * HOP))]


def normalise_volume(voice: np.ndarray) -> Vectors:
    """Return the voice raised to -30 dB below full scale where it is quieter; silence stays as it is.

    Args:
        voice: (samples,) float32 in [-1, 1], one sample or more.

    Example:
        >>> quiet = np.full(4, 1e-3, dtype=np.float32)      # -60 dB
        >>> [f"{sample:.4f}" for sample in normalise_volume(quiet)]
        ['0.0316', '0.0316', '0.0316', '0.0316']
    """
    rms = math.sqrt(float(np.mean(np.square(voice, dtype=np.float64))))
    target = 10 ** (TARGET_DB / 20)
    gain = target / rms if 0 < rms < target else 1.0
    return np.ascontiguousarray(voice * gain, dtype=np.float32)


def weights_path() -> Path:
    """Return the file of weights inside the installed resemblyzer package, which is found but not imported.

    Raises:
        MissingDependencyError: resemblyzer is not installed; the message holds the line that installs it.
    """
    spec = importlib.util.find_spec("resemblyzer")
    path = Path(spec.origin).parent / "pretrained.pt" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise MissingDependencyError(
            f"The encoder 'ge2e' needs the weights in resemblyzer, which is not installed. Run: {INSTALL_LINE}"
        )
    return path


def _windows(voice: Tensor) -> Tensor:
    """(samples,) -> (windows, 160, 40)."""
    starts = window_starts(len(voice))
    frames = mel_frames(voice, n_frames=starts[-1] + WINDOW_FRAMES)
    return torch.stack([frames[start : start + WINDOW_FRAMES] for start in starts])


def _load(path: Path) -> _Network:
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        network = _Network()
        # The file also holds the scale and offset of the training loss, which embedding does not need.
        network.load_state_dict({name: stored[name] for name in network.state_dict()})
    except (KeyError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:80]
        raise DataError(
            f"{path}: the weights of the encoder 'ge2e' are damaged ({reason}). Install resemblyzer again: "
            f"pip install --force-reinstall --no-deps resemblyzer==0.1.4"
        ) from error
    return network.eval().requires_grad_(False)


def _check(voice: np.ndarray, index: int) -> None:
    if voice.ndim != 1 or len(voice) == 0:
        raise DataError(f"A voice must have shape (samples,), one sample or more. Voice {index} has {voice.shape}.")
    if not np.isfinite(voice).all():
        n_bad = int(np.sum(~np.isfinite(voice)))
        raise DataError(f"A voice must be finite. Voice {index} holds {n_bad} NaN or infinite samples. Read it anew.")

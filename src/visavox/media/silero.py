"""The silero-vad network, run over a whole recording at once or over one block after another.

The weights are those of the silero-vad package; the forward pass is ours. The package runs its network once for each
32 ms, 30 ms of computing for a clip of 5 s. Only the LSTM needs the order of time, so here the windows of a recording
go through the convolutions as one batch: 3 ms for the same clip, equal to 2e-6. What the network remembers from one
window to the next, the state of the LSTM and 4 ms of sound, is an argument, so that hours pass in constant memory.

Not about where speech begins and ends: `visavox.media.speech` decides that from the probabilities.

Example:
    >>> network = load_silero()
    >>> network(torch.zeros(16_000)).shape     # 1 s: 31.25 windows of 32 ms
    torch.Size([32])

Source: silero-vad 6 (https://github.com/snakers4/silero-vad, MIT), the 16 kHz half of `silero_vad.jit`.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import MissingDependencyError

WINDOW = 512
"""Samples of one probability, 32 ms at 16 kHz."""
CONTEXT = 64
"""Samples of the window before, 4 ms, that the network sees in front of each window."""
N_BINS = 129
"""Frequencies of its short-time Fourier transform, 0 to 8 kHz."""


@dataclass(frozen=True, eq=False)
class SileroMemory:
    """What the network knows of the sound before a window."""

    context: Tensor
    """(64,) float32, the last samples."""
    hidden: Tensor
    """(1, 128) float32, of the LSTM."""
    cell: Tensor
    """(1, 128) float32, of the LSTM."""


class SileroNetwork(nn.Module):
    """Fourier transform, four convolutions, an LSTM and a sigmoid."""

    def __init__(self) -> None:
        """Make the layers with random weights; `load_silero` fills them."""
        super().__init__()
        self.fourier = nn.Conv1d(1, 2 * N_BINS, kernel_size=256, stride=128, bias=False)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(n_in, n_out, kernel_size=3, stride=stride, padding=1)
            for n_in, n_out, stride in ((N_BINS, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1))
        )
        self.lstm = nn.LSTM(128, 128)
        self.decision = nn.Linear(128, 1)

    def forward(self, voice: Tensor) -> Tensor:
        """Return the probability of speech in each window.

        Args:
            voice: (samples,) float32 in [-1, 1], 16 kHz, one sample or more; the last window is filled with zeros.

        Returns:
            (ceil(samples / 512),) float32 in [0, 1].
        """
        return self.advance(voice)[0]

    def advance(self, voice: Tensor, memory: SileroMemory | None = None) -> tuple[Tensor, SileroMemory]:
        """Return the probability of speech in each window of a block, and what to give with the next block.

        Args:
            voice: (samples,) float32 in [-1, 1], 16 kHz, one sample or more; a multiple of 512 in every block but
                the last, whose last window is filled with zeros.
            memory: what the call for the block before returned; None at the beginning of a recording.

        Returns:
            (ceil(samples / 512),) float32 in [0, 1], and the memory.
        """
        n_windows = -(-len(voice) // WINDOW)
        context = torch.zeros(CONTEXT) if memory is None else memory.context
        padded = functional.pad(torch.cat([context, voice]), (0, n_windows * WINDOW - len(voice)))
        x = padded.unfold(0, CONTEXT + WINDOW, WINDOW).unsqueeze(1)  # (windows, 1, 576)
        x = self.fourier(functional.pad(x, (0, 64), mode="reflect"))  # (windows, 258, 4)
        x = torch.hypot(x[:, :N_BINS], x[:, N_BINS:])  # (windows, 129, 4)
        for convolution in self.convolutions:
            x = convolution(x).relu()
        before = None if memory is None else (memory.hidden, memory.cell)
        # (windows, 128, 1) -> (windows, 128): one sequence, unbatched
        states, (hidden, cell) = self.lstm(x.squeeze(2), before)
        probabilities: Tensor = self.decision(states.relu()).sigmoid().squeeze(1)  # (windows,)
        return probabilities, SileroMemory(padded[-CONTEXT:].clone(), hidden, cell)


def load_silero() -> SileroNetwork:
    """Return the network with the weights of the installed silero-vad package, ready for inference.

    Raises:
        MissingDependencyError: silero-vad is not installed, or does not hold the file.
    """
    # find_spec and no import: importing silero_vad sets the number of torch threads of the whole process to 1.
    spec = importlib.util.find_spec("silero_vad")
    path = Path(spec.origin).parent / "data" / "silero_vad.jit" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise MissingDependencyError(
            "Finding speech needs the silero-vad package, which is not installed. Run: pip install 'silero-vad>=6.2'"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit.load; the package has no other form of it
        stored = torch.jit.load(path, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
    names = {
        "fourier.weight": "stft.forward_basis_buffer",
        "decision.weight": "decoder.decoder.2.weight",
        "decision.bias": "decoder.decoder.2.bias",
    }
    names |= {f"lstm.{kind}_l0": f"decoder.rnn.{kind}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    for layer in range(4):
        names |= {f"convolutions.{layer}.{k}": f"encoder.{layer}.reparam_conv.{k}" for k in ("weight", "bias")}
    weights = {ours: stored[f"_model.{theirs}"] for ours, theirs in names.items()}
    weights["decision.weight"] = weights["decision.weight"].squeeze(2)  # (1, 128, 1): a convolution of width 1
    network = SileroNetwork()
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)

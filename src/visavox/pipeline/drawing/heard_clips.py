"""What a denoiser hears of each clip in training: the vector of the whole voice, those of its windows, mel features.

Vectors come from `visavox.pipeline.drawing.voice_inputs`, through the cache beside the run; here they are laid into
arrays of one length. Of a long voice MAX_WINDOWS windows are kept, evenly over it.

Example:
    heard = hear_clips(clips.voices, embed_voices(clips.voices), mel=False)
    heard.whole.shape, heard.windows.shape      # (n, 256), (n, 8, 256)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.generation.mel_statistics import SEGMENT_S, evenly, mel_statistics
from visavox.media.audio import read_voice
from visavox.models.diffusion.conditions import MAX_SEGMENTS, MAX_WINDOWS, MEL_VALUES
from visavox.pipeline.drawing.voice_inputs import VoiceEmbeddings


@dataclass(frozen=True, eq=False)
class HeardClips:
    """Voices of n clips as a denoiser is told them."""

    whole: Tensor
    """(n, dim) float32."""
    windows: Tensor
    """(n, MAX_WINDOWS, dim) float32."""
    windows_known: Tensor
    """(n, MAX_WINDOWS) bool; the known ones come first, one at least."""
    mel: Tensor
    """(n, MAX_SEGMENTS, MEL_VALUES) float32, of `visavox.generation.mel_statistics`."""
    mel_known: Tensor
    """(n, MAX_SEGMENTS) bool; none where mel features are not wanted."""

    def __len__(self) -> int:
        return len(self.whole)


def hear_clips(voices: Sequence[Path], vectors: VoiceEmbeddings, *, mel: bool) -> HeardClips:
    """Return what is heard of clips.

    Args:
        voices: sound files, n of them.
        vectors: of those voices and of their windows.
        mel: whether mel features are wanted; then the files are read.

    Raises:
        MediaError: a file cannot be read.
    """
    n, dim = vectors.whole.shape
    windows, known = _laid([vectors.windows_of(row) for row in range(n)], MAX_WINDOWS, dim)
    rows = [mel_statistics(read_voice(path), SEGMENT_S) if mel else np.zeros((0, MEL_VALUES)) for path in voices]
    features, features_known = _laid(rows, MAX_SEGMENTS, MEL_VALUES)
    return HeardClips(torch.from_numpy(vectors.whole).float(), windows, known, features, features_known)


def _laid(rows: Sequence[NDArray[np.floating]], most: int, dim: int) -> tuple[Tensor, Tensor]:
    """Return (n, most, dim) float32 and (n, most) bool of n arrays (length, dim); of longer ones evenly spread rows."""
    values = torch.zeros(len(rows), most, dim)
    known = torch.zeros(len(rows), most, dtype=torch.bool)
    for row, found in enumerate(rows):
        kept = found[evenly(len(found), most)]
        values[row, : len(kept)] = torch.from_numpy(np.asarray(kept, np.float32))
        known[row, : len(kept)] = True
    return values, known

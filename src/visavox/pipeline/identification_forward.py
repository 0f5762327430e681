"""Clips through a network that names people: as pictures, as logits, and as features of a part that does not learn.

Example:
    logits = predict(network, clips)          # (n, n_people)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visavox.batches.identification_batches import (
    IdentificationBatch,
    IdentificationBatches,
    IdentificationClips,
    in_order,
)
from visavox.errors import DataError
from visavox.models.identifiers.base import Identifier
from visavox.models.mel_image import mel_images
from visavox.pipeline.identification_settings import IdentifierTraining

CLIPS_A_PASS = 64  # clips that are measured at once
MAX_KEPT_GB = 4.0  # features of a frozen part above this size are made anew in every epoch

Progress = Callable[[int, int], None]


class PartlyFrozen(Protocol):
    """A network with a part that does not learn, and whose outputs may be kept."""

    def frozen_features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the frozen part makes of pictures, (n, ...)."""

    def forward_from(self, frozen: Tensor) -> Tensor:
        """Return logits (n, n_people) float32 of what `frozen_features` returned."""


def predict(
    network: Identifier, clips: IdentificationClips, *, bfloat16: bool = False, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return (n, n_people) float32 logits of clips, in their order, in evaluation mode.

    Args:
        network: on any device.
        clips: with what the network needs.
        bfloat16: run it under autocast.
        progress: called as progress(clips done, clips).
    """
    network.eval()
    device = device_of(network)
    parts = []
    with torch.inference_mode():
        for batch in in_order(clips, CLIPS_A_PASS, device):
            with number_format(device, bfloat16):
                logits = network(**media_of(network, batch))
            parts.append(logits.float().cpu().numpy())
            if progress:
                progress(min(len(parts) * CLIPS_A_PASS, len(clips)), len(clips))
    return np.concatenate(parts)


def media_of(network: Identifier, batch: IdentificationBatch) -> dict[str, Tensor]:
    """Return what a network is called with, laid out in memory as it likes.

    Args:
        network: says which modalities it needs.
        batch: of n clips.

    Returns:
        "voice" -> mel images (n, 1, 128, 110), "face" -> faces (n, 3, height, width), float32 in [0, 1]; what the
        network needs.

    Raises:
        DataError: the batch lacks a modality that the network needs.
    """
    media: dict[str, Tensor] = {}
    layout = torch.channels_last if convolves(network) else torch.contiguous_format
    if "voice" in network.modalities:
        if batch.voice is None:
            raise DataError(f"The identifier {type(network).__name__} needs voices, and the clips hold none.")
        media["voice"] = mel_images(batch.voice)
    if "face" in network.modalities:
        if batch.face is None:
            raise DataError(f"The identifier {type(network).__name__} needs faces, and the clips hold none.")
        media["face"] = batch.face.contiguous(memory_format=layout)
    return media


def adapt(network: Identifier, clips: IdentificationClips) -> None:
    """Tell a network, or its branches, mean and deviation of the training pictures, where it has a use for them.

    Args:
        network: on any device; what has no method `adapt` is left alone.
        clips: to train on, as they are, without changes.
    """
    alone = len(network.modalities) == 1
    parts = {m: network if alone else getattr(network, f"{m}_branch", None) for m in network.modalities}
    joint = getattr(network, "adapt_both", None)
    if joint is not None or any(hasattr(part, "adapt") for part in parts.values()):
        statistics = picture_statistics(network, clips)
        if joint is not None:
            joint(**{modality: statistics[modality] for modality in network.modalities})
        for modality, part in parts.items():
            take = getattr(part, "adapt", None)
            if take is not None:
                take(*statistics[modality])


def picture_statistics(network: Identifier, clips: IdentificationClips) -> dict[str, tuple[list[float], list[float]]]:
    """Return mean and standard deviation of each channel of a network's pictures in [0, 1], by modality."""
    sums: dict[str, Tensor] = {}
    for batch in in_order(clips, CLIPS_A_PASS):
        for modality, pictures in media_of(network, batch).items():
            values = pictures.double()  # (n, channels, height, width)
            count = torch.full((values.shape[1],), values[:, 0].numel(), dtype=torch.float64)
            seen = torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3)), count])
            sums[modality] = sums[modality] + seen if modality in sums else seen
    found = {}
    for modality, (total, squares, count) in sums.items():
        mean = total / count
        deviation = (squares / count - mean.square()).clamp_min(1e-12).sqrt()
        found[modality] = (mean.tolist(), deviation.tolist())
    return found


@dataclass(frozen=True, eq=False)
class KeptFeatures:
    """What the frozen part of a network makes of all clips, so that it runs once and not in every epoch."""

    training: Tensor
    """(n_clips with copies, ...), on the CPU."""
    validation: Tensor
    """(n, ...), on the CPU."""
    forward: Callable[[Tensor], Tensor]
    """The rest of the network: features to logits."""

    def validation_logits(self, network: Identifier, *, bfloat16: bool) -> Tensor:
        """Return the network's logits of the validation clips, (n, n_people) float32 on the CPU."""
        network.eval()
        device = device_of(network)
        with torch.inference_mode(), number_format(device, bfloat16):
            parts = [self.forward(part.to(device)).float().cpu() for part in torch.split(self.validation, CLIPS_A_PASS)]
        return torch.cat(parts)


def kept_features(
    network: Identifier,
    batches: IdentificationBatches,
    validation: IdentificationClips,
    settings: IdentifierTraining,
    *,
    bfloat16: bool,
) -> KeptFeatures | None:
    """Return the features of a network's frozen part, or None where it has none or its pictures change by the epoch.

    Args:
        network: with `has_frozen_part`, `frozen_features(voice, face)` and `forward_from(features)`, or without.
        batches: of the training clips.
        validation: clips.
        settings: of the training.
        bfloat16: run the frozen part, and keep its features, in bfloat16.
    """
    changing = batches.faces is not None or (
        "voice" in network.modalities
        and bool(settings.mask_width or (settings.shift_samples and not settings.n_shifted_copies))
    )
    if changing or not getattr(network, "has_frozen_part", False) or not hasattr(network, "frozen_features"):
        return None
    network.eval()
    parts = cast(PartlyFrozen, network)

    def of(some: Iterator[IdentificationBatch], n_clips: int) -> Tensor | None:
        found: Tensor | None = None
        done = 0
        for batch in some:
            with torch.inference_mode(), number_format(device_of(network), bfloat16):
                part = parts.frozen_features(**media_of(network, batch)).cpu()
            part = part.to(torch.bfloat16 if bfloat16 else torch.float32)
            if found is None:
                if part[0].numel() * part.element_size() * n_clips > MAX_KEPT_GB * 1e9:
                    return None
                found = torch.empty((n_clips, *part.shape[1:]), dtype=part.dtype)
            found[done : done + len(part)] = part
            done += len(part)
        return found

    device = device_of(network)
    training = of(batches.unchanged(CLIPS_A_PASS), batches.n_clips)
    seen = None if training is None else of(in_order(validation, CLIPS_A_PASS, device), len(validation))
    return None if training is None or seen is None else KeptFeatures(training, seen, parts.forward_from)


def convolves(network: nn.Module) -> bool:
    """Return whether a network has filters over pictures, which run faster with the channels last in memory."""
    return any(isinstance(module, nn.Conv2d) for module in network.modules())


def device_of(network: nn.Module) -> torch.device:
    """Return where a network's first weights lie."""
    return next(network.parameters()).device


def number_format(device: torch.device, bfloat16: bool) -> AbstractContextManager[Any]:
    """Return the context in which a network runs: autocast to bfloat16, or nothing."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if bfloat16 else nullcontext()

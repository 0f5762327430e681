"""Two encoders, a head on each, and the losses between them: what is trained from pixels and samples.

The encoders are those of `visavox.models.encoders.trainable`, the heads a linear `TwoTower`. It computes losses and
holds the weights; batches, steps and files are the affair of `visavox.pipeline.end_to_end`.

Example:
    network = JointNetwork(voice_encoder, face_encoder, EndToEndSettings(), seed=0)
    network.losses(voice, face, clips)["loss"].backward()
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.batches.masks import negatives_mask
from visavox.errors import ConfigError
from visavox.models.associators.two_tower import TwoTower
from visavox.models.encoders.trainable import TrainableEncoder
from visavox.objectives.info_nce import InfoNCE
from visavox.objectives.supervised_contrastive import SupervisedContrastive
from visavox.persistence import Tensors
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.frozen_encoder import Spec, build_encoder
from visavox.registry import ENCODERS


@dataclass(frozen=True)
class BatchClips:
    """Whose the items of a batch are, and from which videos; (n,) int64 each, on the device."""

    person: Tensor
    """Of voice i and of face i."""
    voice_video: Tensor
    """Of voice i."""
    face_video: Tensor
    """Of face i, numbered like those of the voices."""


class JointNetwork(nn.Module):
    """Encoders, heads and temperatures as one module.

    Args:
        voice_encoder: its network is trained in place.
        face_encoder: likewise.
        settings: weights of the terms, temperature, length of the heads' vectors.
        seed: of the heads' first weights.
    """

    def __init__(
        self, voice_encoder: TrainableEncoder, face_encoder: TrainableEncoder, settings: EndToEndSettings, *, seed: int
    ) -> None:
        """Join the networks, and make the heads and the temperatures."""
        super().__init__()
        self.voice_encoder = voice_encoder
        self.face_encoder = face_encoder
        self.settings = settings
        self.voice = voice_encoder.network
        self.face = face_encoder.network
        self.heads = TwoTower(
            voice_encoder.dim,
            face_encoder.dim,
            hidden=(),
            output_dim=settings.output_dim,
            input_dropout=0.0,
            hidden_dropout=0.0,
            input_noise=0.0,
            seed=seed,
        )
        self.across = InfoNCE(settings.initial_temperature)
        self.within_voice = SupervisedContrastive(settings.initial_temperature)
        self.within_face = SupervisedContrastive(settings.initial_temperature)

    def forward(self, voice: tuple[Tensor, ...], face: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return (n, voice_dim) and (n, face_dim) float32 for what the encoders' `collate` gives."""
        return self.voice(*voice).float(), self.face(*face).float()

    def losses(self, voice: Tensor, face: Tensor, clips: BatchClips) -> dict[str, Tensor]:
        """Return the loss of a batch and its parts.

        Args:
            voice: (n, voice_dim) float32, of `forward`.
            face: (n, face_dim) float32.
            clips: whose they are.

        Returns:
            "loss", the weighted sum; "voice_to_face_loss" and "face_to_voice_loss" of InfoNCE between the heads;
            "within_voice_loss" and "within_face_loss" between the encoders' own vectors; those of weight 0 are
            left out.
        """
        weights, person = self.settings, clips.person
        parts: dict[str, Tensor] = {}
        total = voice.new_zeros(())
        if weights.across_weight:
            one_video = clips.voice_video[:, None] == clips.face_video[None]  # (n voices, n faces)
            mask = (person[:, None] != person[None]) & ~one_video
            found = self.across(*self.heads(voice, face), labels=person, mask=mask)
            parts |= {name: found[name] for name in ("voice_to_face_loss", "face_to_voice_loss")}
            total = total + weights.across_weight * found["loss"]
        for name, weight, objective, vectors, video in (
            ("within_voice_loss", weights.within_voice_weight, self.within_voice, voice, clips.voice_video),
            ("within_face_loss", weights.within_face_weight, self.within_face, face, clips.face_video),
        ):
            if weight:
                mask = negatives_mask(person, video)
                parts[name] = objective.contrast(functional.normalize(vectors, eps=1e-12), person, mask)["loss"]
                total = total + weight * parts[name]
        return {"loss": total, **parts}

    def trained_groups(self) -> list[dict[str, Any]]:
        """Return the parameters for an optimiser: those that decay, and biases, scales and temperatures that do not."""
        used = list(self._used_parameters())
        decaying = [parameter for parameter in used if parameter.ndim > 1]
        rest = [parameter for parameter in used if parameter.ndim <= 1]
        return [{"params": decaying, "weight_decay": self.settings.weight_decay}, {"params": rest, "weight_decay": 0.0}]

    def _used_parameters(self) -> Iterator[nn.Parameter]:
        weights = self.settings
        yield from self.voice.parameters()
        yield from self.face.parameters()
        if weights.across_weight:
            yield from self.heads.parameters()
            yield from self.across.parameters()
        if weights.within_voice_weight:
            yield from self.within_voice.parameters()
        if weights.within_face_weight:
            yield from self.within_face.parameters()

    @property
    def temperatures(self) -> dict[str, float]:
        """The temperatures in use, by name; "temperature" is that across the modalities."""
        weights = self.settings
        given = (
            ("temperature", weights.across_weight, self.across),
            ("within_voice_temperature", weights.within_voice_weight, self.within_voice),
            ("within_face_temperature", weights.within_face_weight, self.within_face),
        )
        return {name: float(objective.temperature) for name, weight, objective in given if weight}

    def tensors(self) -> Tensors:
        """Return a copy of every weight and buffer under its name, each of its own shape."""
        return {name: np.array(tensor.detach().cpu().numpy()) for name, tensor in self.state_dict().items()}

    def load_tensors(self, tensors: Tensors) -> None:
        """Take over what `tensors` gave.

        Raises:
            RuntimeError: a tensor is missing, left over, or of another shape.
        """
        self.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in tensors.items()})


def trainable_encoder(spec: Spec, modality: str, device: str, *, seed: int) -> TrainableEncoder:
    """Return the encoder of a specification, refusing one that cannot be trained.

    Args:
        spec: name, or mapping with `name` and options; `seed` is set where it says none.
        modality: "voice" or "face".
        device: where it is trained.
        seed: of its first weights.

    Raises:
        ConfigError: the encoder is frozen, of the other modality, or takes no such option.
        UnknownNameError: no encoder has this name.
    """
    arguments = {"name": spec} if isinstance(spec, str) else dict(spec)
    factory = ENCODERS.get(str(arguments.get("name", "")))
    if not (isinstance(factory, type) and issubclass(factory, TrainableEncoder)):
        raise ConfigError(
            f"The {modality} encoder {arguments.get('name')!r} is frozen and cannot be trained. Use {modality}_cnn, or "
            "embed the corpus with it and train on --embeddings."
        )
    encoder = build_encoder({"seed": seed, **arguments}, modality, device)
    assert isinstance(encoder, TrainableEncoder)
    return encoder

"""Two encoders, a head on each, and the losses between them: what is trained from pixels and samples.

The encoders are those of `visavox.models.encoders.trainable`, the heads a linear `TwoTower` or any other network
associator, the objective between them any of `visavox.objectives`. It computes losses and holds the weights; batches,
steps and files are the affair of `visavox.pipeline.end_to_end`.

Example:
    network = JointNetwork(voice_encoder, face_encoder, EndToEndSettings(), seed=0)
    network.losses(voice, face, clips)["loss"].backward()
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.batches.masks import negatives_mask
from visavox.errors import ConfigError
from visavox.models.associators.network import NetworkAssociator
from visavox.models.associators.two_tower import TwoTower
from visavox.models.encoders.trainable import KIND, TrainableEncoder, find_weights
from visavox.objectives.base import TrainingFacts
from visavox.objectives.supervised_contrastive import SupervisedContrastive
from visavox.persistence import Tensors, load_folder
from visavox.pipeline.end_to_end_settings import LINEAR, EndToEndSettings
from visavox.pipeline.frozen_encoder import Spec, build_encoder
from visavox.registry import ASSOCIATORS, ENCODERS

EXTENTS = ("view", "length_s")  # options that say how much of a crop or of a recording an encoder sees


@dataclass(frozen=True)
class BatchClips:
    """Whose the items of a batch are, and from which videos; (n,) int64 each, on the device."""

    person: Tensor
    """Of voice i and of face i, 0 to n_people - 1."""
    voice_video: Tensor
    """Of voice i."""
    face_video: Tensor
    """Of face i, numbered like those of the voices."""


class JointNetwork(nn.Module):
    """Encoders, heads and objectives as one module.

    Args:
        voice_encoder: its network is trained in place.
        face_encoder: likewise.
        settings: the objective and the weights of the terms, temperature, kind and length of the heads.
        seed: of the heads' first weights.

    Raises:
        ConfigError: the heads are no network, or take no such option.
    """

    def __init__(
        self, voice_encoder: TrainableEncoder, face_encoder: TrainableEncoder, settings: EndToEndSettings, *, seed: int
    ) -> None:
        """Join the networks, and make the heads and the objectives."""
        super().__init__()
        self.voice_encoder = voice_encoder
        self.face_encoder = face_encoder
        self.settings = settings
        self.voice = voice_encoder.network
        self.face = face_encoder.network
        self.heads = build_heads(settings, voice_encoder.dim, face_encoder.dim, seed=seed)
        self.across = settings.build_objective()
        self.within_voice = SupervisedContrastive(settings.initial_temperature)
        self.within_face = SupervisedContrastive(settings.initial_temperature)

    def prepare(
        self, *, n_people: int, n_rows: int, n_steps: int, generator: torch.Generator, people: Sequence[str] = ()
    ) -> None:
        """Tell the objective across the modalities of its training; before the optimiser is made.

        Args:
            n_people: people with a voice and a face; the `person` of a batch runs from 0 to n_people - 1.
            n_rows: training voices.
            n_steps: optimiser steps of the whole run.
            generator: draws the objective's first weights; on the CPU.
            people: name of each `person`; empty where nobody knows.

        Raises:
            ConfigError: the objective needs what the data lack.
        """
        facts = TrainingFacts(
            n_people=n_people, dim=self.heads.dim, n_rows=n_rows, n_steps=n_steps, people=tuple(people)
        )
        self.across.prepare(facts, generator)
        self.across.to(next(self.voice.parameters()).device)

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
            "loss", the weighted sum; what the objective between the heads names as its parts, "across_loss" where
            it names none; "within_voice_loss" and "within_face_loss" between the encoders' own vectors; those of
            weight 0 are left out.
        """
        weights, person = self.settings, clips.person
        parts: dict[str, Tensor] = {}
        total = voice.new_zeros(())
        if weights.across_weight:
            one_video = clips.voice_video[:, None] == clips.face_video[None]  # (n voices, n faces)
            # Some objectives hold row i against row j, both sides at once: no two items of the rows may share a video.
            mask = negatives_mask(person, clips.voice_video) & negatives_mask(person, clips.face_video) & ~one_video
            towers = self.heads if self.across.takes == "unit" else self.heads.raw
            # Of a corpus of clips no covariate is known here; an objective that cannot do without says so in `prepare`.
            extras: dict[str, Any] = {"covariates": {}} if "covariates" in self.across.extras else {}
            found = self.across(*towers(voice, face), labels=person, mask=mask, **extras)
            parts |= {name: value for name, value in found.items() if name != "loss"} or {"across_loss": found["loss"]}
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
    def figures(self) -> dict[str, float]:
        """Numbers of the objectives in use, by name: that across the modalities under its own, "temperature" say."""
        weights = self.settings
        within = (
            ("within_voice_temperature", weights.within_voice_weight, self.within_voice),
            ("within_face_temperature", weights.within_face_weight, self.within_face),
        )
        found = self.across.figures() if weights.across_weight else {}
        return {**found, **{name: float(objective.temperature) for name, weight, objective in within if weight}}

    @property
    def encoder_parameters(self) -> list[nn.Parameter]:
        """Parameters of both encoders; all others are of the heads and the objectives."""
        return [*self.voice.parameters(), *self.face.parameters()]

    def tensors(self) -> Tensors:
        """Return a copy of every weight and buffer under its name, each of its own shape."""
        return {name: np.array(tensor.detach().cpu().numpy()) for name, tensor in self.state_dict().items()}

    def load_tensors(self, tensors: Tensors) -> None:
        """Take over what `tensors` gave.

        Raises:
            RuntimeError: a tensor is missing, left over, or of another shape.
        """
        self.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in tensors.items()})


def build_heads(settings: EndToEndSettings, voice_dim: int, face_dim: int, *, seed: int) -> NetworkAssociator:
    """Return the heads that the settings ask for, with fresh weights.

    Args:
        settings: with `heads` and `output_dim`, which every network gets that takes one and says none itself.
        voice_dim: length of the voice encoder's vectors.
        face_dim: length of the face encoder's.
        seed: of the first weights, where `heads` says none.

    Raises:
        ConfigError: the associator is no network, or an option is left over or out of range.
        UnknownNameError: no associator has this name.
    """
    given = settings.heads
    if given == LINEAR or (isinstance(given, Mapping) and dict(given) == {"name": LINEAR}):
        return TwoTower(
            voice_dim,
            face_dim,
            hidden=(),
            output_dim=settings.output_dim,
            input_dropout=0.0,
            hidden_dropout=0.0,
            input_noise=0.0,
            seed=seed,
        )
    spec = {"name": given} if isinstance(given, str) else given
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
        raise ConfigError(f"`heads` must be {LINEAR}, a name or a mapping with `name`. Got {given!r}.")
    factory = ASSOCIATORS.get(spec["name"])
    if not (isinstance(factory, type) and issubclass(factory, NetworkAssociator)):
        raise ConfigError(f"`heads` must be {LINEAR} or a network associator. Got {spec['name']!r}. Try two_tower.")
    for name in ("voice_dim", "face_dim"):
        if name in spec:
            raise ConfigError(f"`{name}` of the heads is that of the encoder. Got {spec[name]!r}. Leave it out.")
    accepted = inspect.signature(factory).parameters
    usual = {name: value for name, value in (("output_dim", settings.output_dim), ("seed", seed)) if name in accepted}
    heads: NetworkAssociator = ASSOCIATORS.build({**usual, **spec, "voice_dim": voice_dim, "face_dim": face_dim})
    return heads


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
    arguments: dict[str, Any] = {"name": spec} if isinstance(spec, str) else dict(spec)
    factory = ENCODERS.get(str(arguments.get("name", "")))
    if not (isinstance(factory, type) and issubclass(factory, TrainableEncoder)):
        raise ConfigError(
            f"The {modality} encoder {arguments.get('name')!r} is frozen and cannot be trained. Use {modality}_cnn, or "
            "embed the corpus with it and train on --embeddings."
        )
    seen = _seen(str(arguments.get("weights") or ""), modality)
    given = {name: arguments[name] for name in seen if name in arguments}
    encoder = build_encoder({"seed": seed, **arguments, **seen}, modality, device)
    assert isinstance(encoder, TrainableEncoder)
    if not seen:
        return encoder
    left = {name: value for name, value in arguments.items() if name not in ("weights", *seen)}
    own = build_encoder({"seed": seed, **left, **given}, modality, device)
    assert isinstance(own, TrainableEncoder)
    own.network.load_state_dict(encoder.network.state_dict())
    own.provenance = encoder.provenance
    return own


def _seen(weights: str, modality: str) -> dict[str, Any]:
    """Return how much of an item the network of some first weights has seen, which a training may change.

    The IR-50 of faces aligned to a template goes on with whole pictures, a speaker network with voices of another
    length; how the numbers of an item are made stays what it was, and the encoder refuses another.
    """
    if not weights:
        return {}
    options = load_folder(find_weights(weights, modality), kind=KIND).arguments.get("options")
    return {name: options[name] for name in EXTENTS if name in options} if isinstance(options, Mapping) else {}

"""The first stage of a reconstruction: a face encoder and a decoder, both in the generator's folder when it is done.

The encoder `face_look` is learned together with the decoder; any other, and a `face_look` with weights, is taken as it
is, and the decoder learns to draw from its features.

Example:
    parts = face_stage(folder, media, settings, LoopOptions(seed=0), data="avspeech")
    parts.encoder.dim, parts.figures["validation_l1"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from visavox.errors import ConfigError
from visavox.generation.parts import load_part, part_spec, save_part
from visavox.models.encoders.base import Encoder
from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.models.encoders.trainable import TrainableEncoder
from visavox.models.face_decoders.base import FaceDecoder
from visavox.pipeline.drawing.decoder_training import decoder_features, train_decoder
from visavox.pipeline.drawing.epoch_loop import LoopOptions
from visavox.pipeline.drawing.face_training import train_face_look
from visavox.pipeline.drawing.generator_card import LICENCE
from visavox.pipeline.drawing.pictures import DrawingMedia
from visavox.pipeline.drawing.reconstruction_folder import ReconstructionFolder
from visavox.pipeline.drawing.settings import ReconstructionSettings
from visavox.pipeline.frozen_encoder import build_encoder
from visavox.registry import ENCODERS, FACE_DECODERS

STAGE = "faces"
ENCODER_PART, DECODER_PART = "face_encoder", "decoder"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class FaceParts:
    """What the stage leaves."""

    encoder: Encoder
    """Crops to features, in evaluation mode."""
    decoder: FaceDecoder
    """Features to pictures, in evaluation mode."""
    figures: Mapping[str, Any]
    """Of the last epoch, with `n_epochs` and `seconds`."""


def face_stage(
    folder: ReconstructionFolder,
    media: DrawingMedia,
    settings: ReconstructionSettings,
    options: LoopOptions,
    *,
    data: str,
    progress: Progress | None = None,
    device: str = "cpu",
) -> FaceParts:
    """Train encoder and decoder, or the decoder alone, or read both where they are done.

    Args:
        folder: of the run.
        media: what is learned from, and measured on.
        settings: of the run.
        options: seed, number format, place of numbers and states.
        data: what the pictures are, for the encoder's provenance.
        progress: called as progress(done, total), in pictures and then in epochs.
        device: where it is trained.

    Raises:
        ConfigError: an option of a part is wrong, or a decoder draws another size than the pictures.
        DataError: done with something else, a state of another training, a loss that is no number.
    """
    identity = {**options.identity, "seed": options.seed}
    figures = folder.figures(STAGE, identity)
    encoder = _encoder(folder, settings, seed=options.seed, device=device, trained=figures is not None)
    if figures is not None:
        decoder: FaceDecoder = FACE_DECODERS.build(part_spec(folder.generator, DECODER_PART))
        load_part(decoder, folder.generator, DECODER_PART)
        return FaceParts(encoder, decoder.to(device).eval(), figures)
    decoder, arguments = build_decoder(settings, encoder.dim, seed=options.seed)
    if settings.joint:
        assert isinstance(encoder, FaceLookEncoder)
        history = train_face_look(encoder, decoder, media, settings.face_training, options, progress=progress)
    else:
        features = decoder_features(encoder, media, cache=folder.path / "features", progress=progress)
        history = train_decoder(
            decoder.to(device), features, media, settings.decoder_training, options, progress=progress
        )
    if settings.half:  # what is learned next must be learned of the numbers that are kept
        round_to_half(decoder)
        if settings.joint and isinstance(encoder, FaceLookEncoder):
            round_to_half(encoder.network)
    if isinstance(encoder, TrainableEncoder):
        encoder.network.eval()
        about = {"training_data": data, "licence": LICENCE}
        if not settings.joint:
            about = {"licence": encoder.provenance.licence}
        encoder.save_weights(
            folder.generator / ENCODER_PART, overwrite=True, half=settings.half and settings.joint, **about
        )
    save_part(
        folder.generator,
        DECODER_PART,
        name=str(settings.decoder["name"]),
        arguments=arguments,
        network=decoder,
        half=settings.half,
    )
    decoder.to(device)
    seconds = sum(line["seconds"] for line in history)
    figures = {**history[-1], "n_epochs": len(history), "seconds": round(seconds, 1)}
    for name in ("epoch", "learning_rate"):
        figures.pop(name)
    figures = folder.done(STAGE, identity, figures)
    return FaceParts(encoder, decoder.eval(), figures)


def build_decoder(
    settings: ReconstructionSettings, feature_dim: int, *, seed: int
) -> tuple[FaceDecoder, dict[str, Any]]:
    """Return the decoder with weights drawn from the seed, and the arguments that build it again.

    Raises:
        ConfigError: an option is wrong, or it draws another size than the pictures.
    """
    arguments = {key: value for key, value in settings.decoder.items() if key != "name"}
    for key, wanted in (("feature_dim", feature_dim), ("image_px", settings.image_px)):
        if arguments.setdefault(key, wanted) != wanted:
            raise ConfigError(
                f"`{key}` of the decoder must be {wanted}, as the face encoder and `image_px` say. "
                f"Got {arguments[key]!r}. Leave it out."
            )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder: FaceDecoder = FACE_DECODERS.build({"name": settings.decoder["name"], **arguments})
    return decoder, arguments


def round_to_half(network: nn.Module) -> None:
    """Round weights and floating-point buffers to what float16 holds; they stay float32."""
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.half().float())


def _encoder(
    folder: ReconstructionFolder, settings: ReconstructionSettings, *, seed: int, device: str, trained: bool
) -> Encoder:
    spec = dict(settings.face_encoder)
    if not settings.joint:
        return build_encoder(spec, "face", device)
    if trained:
        return build_encoder({"name": spec["name"], "weights": str(folder.generator / ENCODER_PART)}, "face", device)
    encoder: Encoder = ENCODERS.build({"seed": seed, **spec, "device": device})
    return encoder

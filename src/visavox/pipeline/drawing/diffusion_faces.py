"""The faces and voices of a diffusion training, read once: those that are learned from, and those that measure.

Example:
    faces = read_learned_faces(config, settings, progress)
    faces.told.n_paired, len(faces.told)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visavox.config import TrainConfig
from visavox.persistence import load_folder
from visavox.pipeline.drawing.diffusion_settings import DiffusionSettings
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.heard_clips import HeardClips, hear_clips
from visavox.pipeline.drawing.imagined_voices import ImaginedVoices
from visavox.pipeline.drawing.look_features import features_of_pictures
from visavox.pipeline.drawing.pictures import DrawingMedia, PairedPictures, read_drawing_media
from visavox.pipeline.drawing.plain_face_features import plain_face_features
from visavox.pipeline.drawing.told_faces import Forgetting, Labels, ToldFaces, read_labels
from visavox.pipeline.drawing.voice_inputs import embed_voices
from visavox.pipeline.frozen_encoder import Compute, build_encoder

PICTURES, VOICES = "pictures", "voices"
OWN_ENCODER, LOOK_COMPONENTS = "face_look", 24
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class LearnedFaces:
    """What a diffusion training learns from."""

    media: DrawingMedia
    told: ToldFaces
    """Of the clips of the subset train, and after them the labelled faces that are not held out."""
    validation: ToldFaces | None
    """Of the clips of the subset validation; None where there is none."""
    held_out_pictures: NDArray[np.uint8]
    """(m, px, px, 3): of the validation clips and the labelled faces that are held out."""
    digest: str

    @property
    def voice_dim(self) -> int:
        """Length of a vector of a voice."""
        return int(self.told.heard.whole.shape[1])


def read_learned_faces(
    config: TrainConfig, settings: DiffusionSettings, progress: Progress | None = None
) -> LearnedFaces:
    """Read all pictures and voices; what takes long is kept in `out`.

    Args:
        config: with corpus and splits.
        settings: of the task.
        progress: called as progress(done, total), first with pictures, then with voices.

    Raises:
        DataError: no corpus or split, a file that cannot be read, or a condition that nobody has.
    """
    assert config.corpus is not None and config.splits is not None
    media = read_drawing_media(
        config.corpus,
        config.splits,
        tables=settings.faces,
        px=settings.image_px,
        cache=config.out / PICTURES,
        limit=settings.limit_faces,
        progress=progress,
    )
    forgetting = Forgetting(settings.drop_attribute, settings.drop_voice, settings.drop_all)
    clips, labelled = media.paired["train"], media.labelled
    rows = np.flatnonzero(~labelled.held_out) if settings.unpaired_share else np.zeros(0, np.int64)
    pictures = np.concatenate([clips.pictures, labelled.pictures[rows]])
    labels = read_labels(clips, labelled, rows)
    heard = _hear(clips, config, settings, progress)
    told = ToldFaces(
        kinds=settings.conditions,
        heard=heard,
        labels=labels,
        pictures=pictures,
        forgetting=forgetting,
        imagined=_imagined(settings, pictures, labels, heard, clips, config.seed) if len(rows) else None,
    )
    others = media.paired["validation"]
    validation = None
    if len(others):
        known = read_labels(others, labelled, np.zeros(0, np.int64))
        validation = told.of_others(_hear(others, config, settings, progress), known, others.pictures)
    held_out = np.concatenate([others.pictures, labelled.pictures[labelled.held_out]])
    decides = [media.digest, settings.voice_encoder, settings.window_s, settings.unpaired_share, settings.imagine]
    text = repr([*decides, str(settings.generator)])
    return LearnedFaces(media, told, validation, held_out, hashlib.sha256(text.encode()).hexdigest()[:16])


def _hear(
    clips: PairedPictures, config: TrainConfig, settings: DiffusionSettings, progress: Progress | None
) -> HeardClips:
    vectors = embed_voices(
        clips.voices,
        settings.voice_encoder,
        window_s=settings.window_s,
        cache=config.out / VOICES,
        compute=Compute.of(config),
        workers=config.workers,
        progress=progress,
    )
    return hear_clips(clips.voices, vectors, mel="mel" in settings.conditions)


def _imagined(
    settings: DiffusionSettings,
    pictures: NDArray[np.uint8],
    labels: Labels,
    heard: HeardClips,
    clips: PairedPictures,
    seed: int,
) -> ImaginedVoices | None:
    """Return voices for faces without, where they are wanted."""
    if not settings.imagine:
        return None
    features = plain_face_features(pictures, labels)
    if settings.generator is not None:
        look = _look_features(Generator.load(settings.generator), pictures)
        features = features if look is None else np.concatenate([features, look], axis=1)
    return ImaginedVoices.fit(features, heard, clips.people, seed=seed)


def _look_features(generator: Generator, pictures: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Return (n, 7 + LOOK_COMPONENTS) features by the face encoder of a generator; None where it is not our own kind.

    What its heads say comes first, then its largest principal components.
    """
    weights = generator.folder / "face_encoder"
    if not generator.has("face_encoder") or load_folder(weights).name != OWN_ENCODER:
        return None
    encoder: Any = build_encoder({"name": OWN_ENCODER, "weights": str(weights)}, "face")
    found = features_of_pictures(encoder, pictures)
    with torch.inference_mode():
        says = encoder.network.attributes(torch.from_numpy(found)).float().numpy()
    centred = found - found.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    return np.concatenate([says, centred @ vectors[:, ::-1][:, :LOOK_COMPONENTS]], axis=1).astype(np.float32)

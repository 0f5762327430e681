"""The run of `train --task reconstruction`: from a corpus to a generator that draws by the decoder.

    pictures -> faces (encoder and decoder) -> predictor (voice to face feature) -> guidance -> generator

A stage that is done is not done again; one that was interrupted goes on at its last whole epoch. People of the subset
validation choose the guidance; those of the subset test are never looked at.

Example:
    outcome = train_reconstruction(config, progress)
    outcome.guidance, outcome.figures["guidance"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visavox.config import TrainConfig
from visavox.generation.drawers.decoder import DecoderDrawer
from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.models.face_predictors.base import FacePredictor
from visavox.pipeline.drawing.attribute_features import told_attributes
from visavox.pipeline.drawing.epoch_loop import LoopOptions
from visavox.pipeline.drawing.face_stage import FaceParts, face_stage
from visavox.pipeline.drawing.generator_card import generator_card
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.guidance_choice import choose_guidance
from visavox.pipeline.drawing.look_features import (
    features_of_files,
    features_of_pictures,
    from_afar,
    nearest_of_two,
)
from visavox.pipeline.drawing.pictures import DrawingMedia, PairedPictures, read_drawing_media
from visavox.pipeline.drawing.predictor_training import (
    PredictorValidation,
    ToldAttributes,
    classifier_of_encoder,
    load_predictor,
    predict,
    save_predictor,
    train_predictor,
)
from visavox.pipeline.drawing.reconstruction_folder import PICTURES, VOICES, ReconstructionFolder, claim_run
from visavox.pipeline.drawing.settings import ReconstructionSettings
from visavox.pipeline.drawing.voice_inputs import VoiceInputs, read_voice_inputs
from visavox.pipeline.end_to_end import autocast_pays
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.training_log import RunPlace
from visavox.pipeline.voice_face_model import hash_identity

PREDICTOR, GUIDANCE = "predictor", "guidance"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ReconstructionOutcome:
    """What `train --task reconstruction` made."""

    folder: Path
    """Of the generator."""
    n_people: int
    """People or videos that were learned from."""
    n_clips: Mapping[str, int]
    """Subset -> clips with a face and a voice."""
    n_labelled: int
    """Labelled faces that were learned from."""
    image_px: int
    guidance: float
    """Chosen on validation people."""
    figures: Mapping[str, Any]
    """Stage -> its figures."""


def train_reconstruction(config: TrainConfig, progress: Progress | None = None) -> ReconstructionOutcome:
    """Train face encoder, decoder and predictor, choose the guidance, and write the generator.

    Args:
        config: of the task reconstruction.
        progress: called as progress(done, total), stage by stage: pictures, epochs, voices.

    Raises:
        ConfigError: a setting is wrong, or `out` holds other files.
        DataError: no corpus or split, a run of other settings or other data, a loss that is no number.
    """
    assert config.corpus is not None and config.splits is not None
    settings = ReconstructionSettings.of(config.drawing)
    settings = replace(settings, predictor_training=replace(settings.predictor_training, seed=config.seed))
    wanted = {key: value for key, value in settings.as_json().items() if key != "faces"}  # their digest decides
    folder = claim_run(
        config.out, {"task": config.task, "drawing": wanted, "seed": config.seed}, overwrite=config.overwrite
    )
    media = read_drawing_media(
        config.corpus,
        config.splits,
        tables=settings.faces,
        px=settings.image_px,
        cache=config.out / PICTURES,
        limit=settings.limit_faces,
        progress=progress,
    )
    return _Run(config, settings, folder, media).do(progress)


class _Run:
    """One run: what it was told, and what it learns from."""

    def __init__(
        self, config: TrainConfig, settings: ReconstructionSettings, folder: ReconstructionFolder, media: DrawingMedia
    ) -> None:
        self.config, self.settings, self.folder, self.media = config, settings, folder, media
        self.compute = Compute.of(config)
        self.device = self.compute.torch_device
        self.train, self.validation = media.paired["train"], media.paired["validation"]
        self.data = config.corpus.resolve().name if config.corpus is not None else ""

    def do(self, progress: Progress | None) -> ReconstructionOutcome:
        """Do what is not done, and write the generator."""
        faces = face_stage(
            self.folder,
            self.media,
            self.settings,
            self._options(),
            data=self.data,
            progress=progress,
            device=self.device,
        )
        identity = {"pictures": self.media.digest, "encoder": faces.encoder.identifier}
        predictor_figures = self.folder.figures(PREDICTOR, identity)
        guidance_figures = self.folder.figures(GUIDANCE, identity)
        if predictor_figures is None or guidance_figures is None:
            voices = {name: self._voices(self.media.paired[name], progress) for name in ("train", "validation")}
            true = {
                name: features_of_files(faces.encoder, self.media.paired[name].crops, progress=progress)
                for name in ("train", "validation")
            }
            if predictor_figures is None:
                found = self._train_predictor(faces, voices, true, progress)
                predictor_figures = self.folder.done(PREDICTOR, identity, found)
            predictor = load_predictor(self.folder.generator, device=self.device)
            found = self._choose(faces, predictor, voices["validation"], true["validation"])
            guidance_figures = self.folder.done(GUIDANCE, identity, found)
        figures = {"faces": faces.figures, PREDICTOR: predictor_figures, GUIDANCE: guidance_figures}
        self._save(faces, figures)
        return ReconstructionOutcome(
            self.folder.generator,
            len(set(self.train.people)),
            {name: len(pictures) for name, pictures in self.media.paired.items()},
            int((~self.media.labelled.held_out).sum()),
            self.settings.image_px,
            float(guidance_figures["guidance"]),
            figures,
        )

    def _options(self) -> LoopOptions:
        precision = self.config.precision
        low = precision == "bfloat16" or (precision == "auto" and autocast_pays(self.device))
        identity = {"pictures": self.media.digest, "precision": precision}
        place = RunPlace(self.folder.path, member="faces")
        return LoopOptions(seed=self.config.seed, bfloat16=low, place=place, identity=identity)

    def _voices(self, clips: PairedPictures, progress: Progress | None) -> VoiceInputs | None:
        if not len(clips):
            return None
        return read_voice_inputs(
            clips.voices,
            self.settings.predictor,
            voice_encoder=self.settings.voice_encoder,
            window_s=self.settings.window_s,
            cache=self.folder.path / VOICES,
            compute=self.compute,
            workers=self.config.workers,
            progress=progress,
        )

    def _train_predictor(
        self,
        faces: FaceParts,
        voices: Mapping[str, VoiceInputs | None],
        true: Mapping[str, NDArray[np.float32]],
        progress: Progress | None,
    ) -> dict[str, Any]:
        """Train and save the predictor; return what is worth telling of it."""
        heard, known = voices["train"], voices["validation"]
        assert heard is not None  # a corpus without a training clip is refused
        validation = None if known is None else PredictorValidation(known, true["validation"])
        predictor = train_predictor(
            self.settings.predictor,
            heard,
            true["train"],
            self.train.people,
            self.settings.predictor_training,
            place=self.folder.path / "member-predictor",
            validation=validation,
            attributes=self._attributes(faces, true["train"]),
            device=self.device,
            first_decoder_layer=faces.decoder.first_layer,
            classifier=classifier_of_encoder(self.settings.face_encoder),
            progress=progress,
        )
        save_predictor(self.folder.generator, predictor, half=self.settings.half)
        figures: dict[str, Any] = {"n_clips": len(heard), "n_people": len(set(self.train.people))}
        if known is not None:
            found = predict(predictor, known)
            figures["validation_matched"] = nearest_of_two(found, true["validation"], self.validation.people)
            wrong = float(((found - true["validation"]) ** 2).sum())
            about = float(((true["validation"] - predictor.centre.cpu().numpy()) ** 2).sum())
            figures["validation_explained"] = 1 - wrong / about if about else 0.0
        return figures

    def _attributes(self, faces: FaceParts, features: NDArray[np.float32]) -> ToldAttributes | None:
        """Return what our own encoder tells; another may be a judge, and knows no such thing."""
        if not isinstance(faces.encoder, FaceLookEncoder) or not self.settings.predictor_training.attributes:
            return None
        return told_attributes(faces.encoder, features, self.media.labelled)

    def _choose(
        self, faces: FaceParts, predictor: FacePredictor, voices: VoiceInputs | None, true: NDArray[np.float32]
    ) -> dict[str, Any]:
        """Choose the guidance, and see how near a face comes back through its own feature."""
        clips, encoder = self.validation, faces.encoder
        own = isinstance(encoder, FaceLookEncoder)  # another may be a judge, and must not choose

        def look(pictures: NDArray[np.uint8]) -> NDArray[np.floating]:
            return features_of_pictures(encoder, pictures) if own else from_afar(pictures)

        if voices is None:
            return asdict(choose_guidance(lambda _: clips.pictures, true, look, ()))
        drawer = DecoderDrawer(predictor, faces.decoder, device=self.device)
        found = torch.from_numpy(predict(predictor, voices)).to(self.device)
        centre = predictor.centre

        def is_male(features: NDArray[np.floating]) -> NDArray[np.bool_]:
            assert isinstance(encoder, FaceLookEncoder)
            given = torch.from_numpy(features).float().to(self.device)
            return np.asarray(encoder.network.attributes(given)[:, 0].detach().cpu().numpy() > 0)

        def draw(guidance: float) -> NDArray[np.uint8]:
            return drawer.pictures(centre + guidance * (found - centre))

        seen = look(clips.pictures)
        choice = choose_guidance(
            draw, seen, look, clips.people, genders=clips.genders, is_male=is_male if own else None
        )
        if self.settings.guidance is not None:
            choice = replace(choice, guidance=self.settings.guidance)
        back = look(drawer.pictures(torch.from_numpy(true).to(self.device)))
        return {**asdict(choice), "face_to_face_matched": nearest_of_two(back, seen, clips.people)}

    def _save(self, faces: FaceParts, figures: Mapping[str, Mapping[str, Any]]) -> None:
        """Write config, mean picture, people and card of the generator."""
        n_labelled = int((~self.media.labelled.held_out).sum())
        about = {
            "image_px": self.settings.image_px,
            "data": self.data,
            "n_pictures": len(self.train),
            "n_people": len(set(self.train.people)),
            "n_labelled": n_labelled,
            "voice_encoder": self.settings.voice_encoder,
        }
        told = {
            "face_encoder_and_decoder": {
                "face encoder": dict(self.settings.face_encoder),
                "decoder": dict(self.settings.decoder),
                **figures["faces"],
            },
            "predictor": {"predictor": dict(self.settings.predictor), **figures[PREDICTOR]},
            "guidance": figures[GUIDANCE],
        }
        Generator(
            self.folder.generator,
            dict(self.settings.voice_encoder),
            self.settings.image_px,
            self.settings.window_s,
            self.train.pictures.astype(np.float64).mean(axis=0).astype(np.float32),
            {"decoder": {"guidance": figures[GUIDANCE]["guidance"], "face_encoder": self._face_spec(faces)}},
            frozenset(hash_identity(person) for person in self.train.people),
        ).save(card=generator_card(self.config.out.resolve().name, about, told))

    def _face_spec(self, faces: FaceParts) -> dict[str, Any]:
        """Return what made the features: the encoder in the generator's folder has no path of its own."""
        spec = {key: value for key, value in self.settings.face_encoder.items() if key not in ("weights", "device")}
        return {**spec, "dim": faces.encoder.dim} if isinstance(faces.encoder, FaceLookEncoder) else spec

"""Trains a predictor of face features: the light one by a solution in closed form, the others by descent.

The light predictor is solved for in a second, and its second path, where it has one, descends afterwards. What is
trained on spectrograms descends from the start. Either way the centre, the length of features and the spread about
predictions are measured at the end: the spread on people held out of the fit, or on the validation people.

Example:
    predictor = train_predictor(
        {"name": "light"}, voices, features, people, PredictorTraining(), place=run / "predictor", validation=None
    )
    predictor(voices.batch(np.arange(4))).shape      # (4, 256)
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.generation.parts import load_part, part_spec, save_part
from visavox.models.encoders.vgg_face import classifier_of, read_checkpoint
from visavox.models.face_predictors.base import FacePredictor
from visavox.models.face_predictors.light import LightPredictor
from visavox.models.face_predictors.speech2face import Speech2FacePredictor
from visavox.models.grouped_ridge import low_rank_spread
from visavox.objectives.speech_to_face import Layer, frozen_linear
from visavox.persistence import writing
from visavox.pipeline.drawing.predictor_descent import descend, predict
from visavox.pipeline.drawing.predictor_settings import PredictorTraining
from visavox.pipeline.drawing.voice_inputs import VoiceInputs
from visavox.registry import PREDICTORS

PART = "predictor"
FIGURES = "figures.json"

Progress = Callable[[int, int], None]
Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PredictorValidation:
    """Clips by which a training is stopped and its scatter measured: other people than those learned from."""

    voices: VoiceInputs
    features: Features
    """(n, dim)."""


@dataclass(frozen=True, eq=False)
class ToldAttributes:
    """What a face encoder tells of gender, age and race, for a fit that goes through it."""

    told: Features
    """(n, k) of the clips' faces."""
    basis: NDArray[np.float64]
    """(k, dim): how features change with it, from all labelled faces."""


def train_predictor(
    spec: str | Mapping[str, Any],
    voices: VoiceInputs,
    features: Features,
    people: Sequence[str],
    settings: PredictorTraining,
    *,
    place: Path | None = None,
    validation: PredictorValidation | None = None,
    attributes: ToldAttributes | None = None,
    device: str = "cpu",
    first_decoder_layer: Layer | None = None,
    classifier: Layer | None = None,
    progress: Progress | None = None,
) -> FacePredictor:
    """Return a trained predictor, in evaluation mode.

    Args:
        spec: registered name, or a mapping with `name` and options; lengths that are missing are those of the data.
        voices: of n clips, in the form that the predictor takes.
        features: (n, dim) float32 of the faces of the same clips.
        people: n names.
        settings: how.
        place: folder that gets `metrics.jsonl`, `figures.json` and the state to resume from; None writes nothing.
        attributes: of the same clips; None, or a setting that says so, fits the light predictor without.
        validation: other people; None trains all epochs, and measures the spread of a descent on nobody.
        device: where to descend.
        first_decoder_layer: of a trained decoder, for the loss three_terms.
        classifier: fc8 of the face network, for the same.
        progress: called as progress(done, all): steps of the fit, or epochs.

    Raises:
        ConfigError: an option is wrong, or a term of the loss lacks its network.
        DataError: shapes do not fit, numbers are not finite, or the state found is of another training.
        KeyboardInterrupt: passed on; the state of a whole epoch is on disk.
    """
    _check(voices, features, people)
    if validation is not None:
        _check(validation.voices, validation.features, validation.voices.paths)
    predictor = build_predictor(spec, voices, features, settings).to(device)
    figures: dict[str, Any] = {"predictor": predictor_spec(predictor), "n_clips": len(voices)}
    figures["n_people"] = len(set(people))
    if isinstance(predictor, LightPredictor):
        figures |= _fit_light(predictor, voices, features, people, settings, attributes)
        if progress is not None and not predictor.hidden_dim:
            progress(1, 1)
    else:
        with torch.no_grad():
            predictor.centre.copy_(torch.from_numpy(features.mean(axis=0)))
    if not isinstance(predictor, LightPredictor) or predictor.hidden_dim:
        outcome = descend(
            predictor,
            voices,
            features,
            settings,
            validation=None if validation is None else (validation.voices, validation.features),
            place=place,
            first_decoder_layer=first_decoder_layer,
            classifier=classifier,
            progress=progress,
        )
        figures |= outcome
        figures |= _measure_lengths(predictor, voices, features, validation)
    predictor.eval()
    if validation is not None:
        found = predict(predictor, validation.voices)
        apart = float(((validation.features - found) ** 2).sum())
        about_centre = float(((validation.features - predictor.centre.cpu().numpy()) ** 2).sum())
        figures["validation_explained"] = 1 - apart / about_centre if about_centre else 0.0
    if place is not None:
        with writing(place / FIGURES) as fresh:
            fresh.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return predictor


def build_predictor(
    spec: str | Mapping[str, Any], voices: VoiceInputs, features: Features, settings: PredictorTraining
) -> FacePredictor:
    """Return a predictor with fresh weights whose lengths are those of the data where the spec leaves them open.

    Raises:
        ConfigError: an option is wrong, or the voices were read in another form.
    """
    given = {"name": spec} if isinstance(spec, str) else dict(spec)
    factory = PREDICTORS.get(str(given.get("name")))
    accepted = inspect.signature(factory).parameters
    lengths = {"input_dim": voices.dim, "feature_dim": features.shape[1], "spread_rank": settings.spread_rank}
    filled = {name: value for name, value in lengths.items() if name in accepted and value}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        predictor: FacePredictor = PREDICTORS.build({**filled, **given})
    if predictor.feature_dim != features.shape[1]:
        raise ConfigError(
            f"`feature_dim` of the predictor must be {features.shape[1]}, the length of the face features. "
            f"Got {predictor.feature_dim}. Leave it out."
        )
    if (predictor.takes == "embedding") != (voices.embeddings is not None):
        raise ConfigError(f"The predictor {given['name']!r} takes voices as {predictor.takes}. Read them for it.")
    return predictor


def predictor_spec(predictor: FacePredictor) -> dict[str, Any]:
    """Return name and arguments of a predictor, as a registry builds from them and `save_part` writes them."""
    factory = type(predictor)
    name = factory.__module__.rsplit(".", 1)[-1]  # the name of a plug-in is that of its file
    return {"name": name, **{a: getattr(predictor, a) for a in inspect.signature(factory).parameters}}


def save_predictor(folder: Path, predictor: FacePredictor, *, half: bool = False) -> None:
    """Write a predictor as the part of a generator's folder.

    Raises:
        DataError: the folder cannot be written.
    """
    spec = predictor_spec(predictor)
    save_part(folder, PART, name=spec.pop("name"), arguments=spec, network=predictor, half=half)


def load_predictor(folder: Path, *, device: str = "cpu") -> FacePredictor:
    """Return the predictor of a generator's folder, in evaluation mode.

    Raises:
        DataError: the part is missing or damaged.
        UnknownNameError: this version knows no such predictor.
    """
    predictor: FacePredictor = PREDICTORS.build(part_spec(folder, PART))
    load_part(predictor, folder, PART)
    return predictor.to(device).eval()


def classifier_of_encoder(face_encoder: str | Mapping[str, Any]) -> Layer | None:
    """Return fc8 of the face network whose features are predicted, for the loss three_terms; None where it has none.

    Args:
        face_encoder: specification of the encoder: `vgg_face` with its `source` has fc8 in its checkpoint.

    Raises:
        DataError: the checkpoint cannot be read, or holds no fc8.
    """
    if isinstance(face_encoder, str) or face_encoder.get("name") != "vgg_face" or not face_encoder.get("source"):
        return None
    return frozen_linear(*classifier_of(read_checkpoint(str(face_encoder["source"]))))


def _fit_light(
    predictor: LightPredictor,
    voices: VoiceInputs,
    features: Features,
    people: Sequence[str],
    settings: PredictorTraining,
    attributes: ToldAttributes | None,
) -> dict[str, Any]:
    """Solve for the affine part, and return what it explains."""
    assert voices.embeddings is not None
    rows, owner = voices.embeddings.whole, np.arange(len(voices))
    weights = np.ones(len(rows))
    if settings.windows and len(voices.embeddings.windows):
        of_window = voices.embeddings.window_rows
        share = 0.5 / np.bincount(of_window, minlength=len(rows))[of_window]
        rows, owner = np.concatenate([rows, voices.embeddings.windows]), np.concatenate([owner, of_window])
        weights = np.concatenate([np.full(len(features), 0.5), share])
    through = attributes if settings.attributes else None
    fit = predictor.fit_affine(
        rows,
        features[owner],
        [people[int(row)] for row in owner],
        through=None if through is None else (through.told[owner], through.basis),
        weights=weights,
        ridges=settings.ridges,
        n_folds=settings.n_folds,
        seed=settings.seed,
    )
    whole = fit.residuals[: len(features)]
    with torch.no_grad():  # how true features scatter about what whole voices predict, on people held out
        predictor.spread.copy_(torch.from_numpy(low_rank_spread(whole, predictor.spread_rank)))
    nothing = float(((features - features.mean(axis=0)) ** 2).sum())
    return {
        "ridge": fit.ridge,
        "through_attributes": through is not None,
        "explained": fit.explained,
        "explained_by_ridge": dict(zip(map(str, settings.ridges), fit.explained_by_ridge, strict=True)),
        "explained_of_whole_voices": 1 - float((whole**2).sum()) / nothing if nothing else 0.0,
    }


def _measure_lengths(
    predictor: FacePredictor, voices: VoiceInputs, features: Features, validation: PredictorValidation | None
) -> dict[str, Any]:
    """Set the length of predictions, which a loss of directions leaves open, and the spread about them."""
    seen, true = (voices, features) if validation is None else (validation.voices, validation.features)
    found = predict(predictor, seen)
    figures: dict[str, Any] = {}
    if isinstance(predictor, Speech2FacePredictor):
        power = float((found**2).sum())
        scale = float((found * true).sum()) / power if power else 0.0
        if scale <= 0:  # it points away: nothing was learned, and its length is all that can be right
            scale = float(np.sqrt((true**2).sum() / power)) if power else 1.0
            figures["nothing_learned"] = True
        with torch.no_grad():
            predictor.scale.mul_(scale)
        found = found * scale
        figures["scale"] = float(predictor.scale)
    if validation is not None:
        with torch.no_grad():
            predictor.spread.copy_(torch.from_numpy(low_rank_spread(true - found, predictor.spread_rank)))
    held_out = "people held out of the fit" if isinstance(predictor, LightPredictor) else "nobody"
    figures["spread_of"] = held_out if validation is None else "validation people"
    return figures


def _check(voices: VoiceInputs, features: Features, people: Sequence[Any]) -> None:
    if features.ndim != 2 or not len(voices) == len(features) == len(people) or not len(features):
        raise DataError(
            f"Every clip needs a voice, a face feature and a person. Got {len(voices)}, {features.shape} and "
            f"{len(people)}."
        )
    if not np.isfinite(features).all():
        raise DataError("Face features must be finite. Got nan or infinity. Embed these faces again.")


__all__ = [
    "PredictorTraining",
    "PredictorValidation",
    "build_predictor",
    "classifier_of_encoder",
    "load_predictor",
    "predict",
    "predictor_spec",
    "save_predictor",
    "train_predictor",
]

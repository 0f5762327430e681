"""Gender where none is given: guessed from the vectors at hand, so that a report can tell gender from identity.

The guesses come from the heads in the box (`visavox.models.voice_gender`, `visavox.models.face_attributes`), each
from its own modality: a voice's gender is never copied from its face. Given genders are never mixed with guesses.

Example:
    embedded = with_predicted_genders(CorpusEmbeddings.load(Path("embeddings")))
    embedded.voice.attribute("predicted_gender")   # ("f", "m", ...)
    gender_predictor(embedded.about).voice_accuracy_score
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.baselines import GENDER, GenderPredictor
from visavox.evaluation.contest import PREDICTED
from visavox.models.dlib_resnet import POOLED_DIM
from visavox.models.encoders.base import Encoder
from visavox.models.encoders.dlib import DlibEncoder
from visavox.models.encoders.ge2e import GE2EEncoder
from visavox.models.face_attributes import boxed_face_attributes
from visavox.models.voice_gender import boxed_voice_gender
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.frozen_encoder import build_encoder

PREDICTED_GENDER = PREDICTED + GENDER
ABOUT_PREDICTOR = "gender_predictor"  # in `CorpusEmbeddings.about`: held-out vectors keep it when the raw ones are gone
NAME = "the heads voice_gender and face_attributes"
ACCURACY, COUNT = "ikr_gender_accuracy_score", "n_ikr"


def predict_genders(embedded: CorpusEmbeddings) -> tuple[CorpusEmbeddings, GenderPredictor] | None:
    """Return the tables with the attribute `predicted_gender` ("f" or "m"), and who predicted it.

    Tables that were predicted before, as those that a run over folds keeps, come back as they are.

    Args:
        embedded: vectors as the frozen encoders gave them: voices by `ge2e` with the output "embedding", faces by
            `dlib` with the output "pooled", `flip`, and the views that the heads look at, among others.

    Returns:
        None where a table has given genders, or where the vectors come from other encoders or are projected.
    """
    known = gender_predictor(embedded.about)
    if known is not None:
        return embedded, known
    if any(any(table.attribute(GENDER)) for table in (embedded.voice, embedded.face)):
        return None
    voice_encoder = _encoder_of(embedded.voice, embedded.about, "ge2e")
    face_encoder = _encoder_of(embedded.face, embedded.about, "dlib")
    if not isinstance(voice_encoder, GE2EEncoder) or voice_encoder.output != "embedding":
        return None
    if not isinstance(face_encoder, DlibEncoder) or not _feeds_the_heads(face_encoder):
        return None
    voice_head, face_heads = boxed_voice_gender(), boxed_face_attributes()
    faces = face_heads.predict(_head_features(embedded.face.vectors, face_encoder))[GENDER]
    predictor = GenderPredictor(NAME, voice_head.figures[ACCURACY], face_heads.figures[ACCURACY])
    counts = {"n_voices": voice_head.figures[COUNT], "n_faces": face_heads.figures[COUNT]}
    about = {**embedded.about, ABOUT_PREDICTOR: {**dataclasses.asdict(predictor), **counts}}
    voice = _labelled(embedded.voice, voice_head.scores(embedded.voice.vectors))
    return CorpusEmbeddings(voice, _labelled(embedded.face, faces), about), predictor


def with_predicted_genders(embedded: CorpusEmbeddings) -> CorpusEmbeddings:
    """Return the tables with predicted genders where `predict_genders` can give them, else as they are."""
    predicted = predict_genders(embedded)
    return embedded if predicted is None else predicted[0]


def gender_predictor(about: Mapping[str, Any]) -> GenderPredictor | None:
    """Return who predicted the genders of tables, from what is written about them; None where nobody did."""
    written = about.get(ABOUT_PREDICTOR)
    if written is None:
        return None
    return GenderPredictor(written["name"], written["voice_accuracy_score"], written["face_accuracy_score"])


def prediction_note(about: Mapping[str, Any]) -> str:
    """Return a sentence for the report on how genders were predicted; "" where they were not."""
    predictor = gender_predictor(about)
    if predictor is None:
        return ""
    written = about[ABOUT_PREDICTOR]
    return (
        f"No genders are given: they were predicted by {predictor.name}, which on people with given genders (IKR) got "
        f"{100 * predictor.voice_accuracy_score:.1f} % of {written['n_voices']} voices and "
        f"{100 * predictor.face_accuracy_score:.1f} % of {written['n_faces']} faces right. The same-gender figures and "
        'the baseline "gender alone" rest on these guesses; within a gender it falls below chance where the voice and '
        "the face of one person are guessed differently. The voice head learned from AVSpeech test videos: on those, "
        '"gender alone" comes out about half a point too high.'
    )


def _encoder_of(table: EmbeddingTable, about: Mapping[str, Any], name: str) -> Encoder | None:
    """Return the encoder of this name that made the table; None where it was another, or the table is projected."""
    spec = about.get("encoders", {}).get(table.modality, {}).get("spec")
    if (spec if isinstance(spec, str) else dict(spec or {}).get("name")) != name:
        return None
    encoder = build_encoder(spec, table.modality)
    same = table.encoder.removesuffix("+bfloat16") == encoder.identifier and table.dim == encoder.dim
    return encoder if same else None


def _feeds_the_heads(encoder: DlibEncoder) -> bool:
    is_like_training = encoder.output == "pooled" and encoder.flip
    return is_like_training and set(boxed_face_attributes().views) <= set(encoder.views)


def _head_features(vectors: np.ndarray, encoder: DlibEncoder) -> np.ndarray:
    """Return the features of the heads' views, (n, n_features), wherever they stand in the encoder's vectors."""
    starts = [POOLED_DIM * encoder.views.index(view) for view in boxed_face_attributes().views]
    return np.concatenate([vectors[:, start : start + POOLED_DIM] for start in starts], axis=1)


def _labelled(table: EmbeddingTable, scores: np.ndarray) -> EmbeddingTable:
    labels = tuple("m" if score > 0 else "f" for score in scores)
    return dataclasses.replace(table, attributes={**table.attributes, PREDICTED_GENDER: labels})

"""Genders where none are given: which vectors they are read from, what tells of them, and the report on top."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.config import EmbedConfig, TrainConfig
from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.baselines import GenderPredictor
from visavox.evaluation.record import Report
from visavox.evaluation_config import EvaluateConfig
from visavox.models.face_attributes import boxed_face_attributes
from visavox.models.voice_gender import boxed_voice_gender
from visavox.pipeline.embedding import CorpusEmbeddings, embed_corpus
from visavox.pipeline.evaluating import evaluate_model
from visavox.pipeline.frozen_encoder import build_encoder
from visavox.pipeline.gender_prediction import (
    ABOUT_PREDICTOR,
    gender_predictor,
    predict_genders,
    prediction_note,
    with_predicted_genders,
)
from visavox.pipeline.model_training import train_model
from visavox.pipeline.tested_people import find_tested_people

FACE: dict[str, Any] = {"name": "dlib", "output": "pooled", "flip": True, "views": ["chip", "mouth"]}
CCA = {"name": "cca", "n_components": 4}
N = 6
LABELS = ("f", "m", "f", "f", "m", "m")


def told_apart(weights: np.ndarray, intercept: float) -> np.ndarray:
    """Six vectors on both sides of a head's border, as `LABELS` says, with noise that the head does not see."""
    along = weights / (weights @ weights)
    scores = np.array([[-1.0], [1.0], [-2.0], [-0.5], [2.0], [0.5]])
    noise = np.random.default_rng(3).normal(size=(N, len(weights)))
    return (scores - intercept) * along + noise - np.outer(noise @ weights, along)


def head_vectors(modality: str, dim: int) -> np.ndarray:
    """Vectors that the head of a modality tells apart; random ones where the head does not fit."""
    heads = boxed_face_attributes()
    if modality == "voice" and dim == boxed_voice_gender().n_features:
        return told_apart(boxed_voice_gender().weights, float(boxed_voice_gender().intercept[0]))
    if modality == "face" and dim == heads.n_features:
        return told_apart(heads.weights[:, 0], float(heads.intercept[0]))
    return np.random.default_rng(3).random((N, dim))


def embeddings(
    voice_spec: Any = "ge2e", face_spec: Any = FACE, genders: tuple[str | None, ...] | None = None
) -> CorpusEmbeddings:
    """Six voices and faces, as the encoders of these specifications would have made them."""
    tables, encoders = [], {}
    for modality, spec in (("voice", voice_spec), ("face", face_spec)):
        encoder = build_encoder(spec, modality)
        encoders[modality] = {"spec": spec}
        clips = tuple("abcdef")
        tables.append(
            EmbeddingTable(
                modality=modality,  # type: ignore[arg-type]
                encoder=encoder.identifier,
                keys=tuple(f"{clip}/{modality}" for clip in clips),
                clips=clips,
                identities=clips,
                videos=(None,) * N,
                attributes={} if genders is None else {"gender": genders},
                vectors=head_vectors(modality, encoder.dim),
            )
        )
    return CorpusEmbeddings(tables[0], tables[1], {"encoders": encoders})


def test_each_side_is_labelled_by_its_own_head() -> None:
    embedded = embeddings()
    predicted = predict_genders(embedded)
    assert predicted is not None
    found, predictor = predicted
    assert found.voice.attribute("predicted_gender") == LABELS
    assert found.face.attribute("predicted_gender") == LABELS
    turned = dataclasses.replace(
        embedded, face=embedded.face.replace_vectors(-embedded.face.vectors, embedded.face.encoder)
    )
    assert with_predicted_genders(turned).voice.attribute("predicted_gender") == LABELS
    assert with_predicted_genders(turned).face.attribute("predicted_gender") != LABELS
    assert predictor.voice_accuracy_score == boxed_voice_gender().figures["ikr_gender_accuracy_score"]
    assert predictor.face_accuracy_score == boxed_face_attributes().figures["ikr_gender_accuracy_score"]
    assert "voice_gender" in predictor.name
    np.testing.assert_array_equal(found.face.vectors, embedded.face.vectors)
    assert embedded.voice.attributes == {}  # the given tables stay as they were


def test_the_views_of_the_heads_are_found_wherever_they_stand() -> None:
    plain = embeddings()
    moved = embeddings(face_spec={**FACE, "views": ["mouth", "wide", "chip"]})
    chip, mouth = np.split(plain.face.vectors, 2, axis=1)
    vectors = np.concatenate([mouth, np.full_like(chip, 0.2), chip], axis=1)
    moved = dataclasses.replace(moved, face=moved.face.replace_vectors(vectors, moved.face.encoder))
    assert with_predicted_genders(moved).face.attribute("predicted_gender") == LABELS


def test_appended_attributes_are_not_taken_for_features() -> None:
    plain, with_gain = embeddings(), embeddings(face_spec={**FACE, "attribute_gain": 4.0})
    vectors = np.concatenate([plain.face.vectors, np.full((N, 7), 9.0)], axis=1)
    with_gain = dataclasses.replace(with_gain, face=with_gain.face.replace_vectors(vectors, with_gain.face.encoder))
    assert with_predicted_genders(with_gain).face.attribute("predicted_gender") == LABELS


@pytest.mark.parametrize(
    ("voice_spec", "face_spec"),
    [
        ({"name": "ge2e", "output": "hidden"}, FACE),
        ("ge2e", "dlib"),
        ("ge2e", {**FACE, "flip": False}),
        ("ge2e", {**FACE, "views": ["chip", "wide"]}),
        ("ge2e", {"name": "dlib", "flip": True, "views": ["chip", "mouth"]}),
    ],
)
def test_other_encoders_predict_nothing(voice_spec: Any, face_spec: Any) -> None:
    embedded = embeddings(voice_spec, face_spec)
    assert predict_genders(embedded) is None
    assert with_predicted_genders(embedded) is embedded


def test_projected_vectors_predict_nothing_even_of_the_same_length() -> None:
    embedded = embeddings()
    held_out = embedded.voice.replace_vectors(embedded.voice.vectors, f"held-out {embedded.voice.encoder}")
    assert predict_genders(dataclasses.replace(embedded, voice=held_out)) is None
    shorter = embedded.face.replace_vectors(embedded.face.vectors[:, :300], embedded.face.encoder)
    assert predict_genders(dataclasses.replace(embedded, face=shorter)) is None
    assert predict_genders(dataclasses.replace(embedded, about={})) is None


def test_half_precision_is_precise_enough() -> None:
    embedded = embeddings()
    low = embedded.voice.replace_vectors(embedded.voice.vectors, f"{embedded.voice.encoder}+bfloat16")
    assert predict_genders(dataclasses.replace(embedded, voice=low)) is not None


@pytest.mark.parametrize("genders", [("f", "m", "f", "m", "f", "m"), (None, None, "f", None, None, None)])
def test_given_genders_are_never_mixed_with_guesses(genders: tuple[str | None, ...]) -> None:
    assert predict_genders(embeddings(genders=genders)) is None


def test_a_column_of_unknown_genders_is_no_given_gender() -> None:
    assert predict_genders(embeddings(genders=(None,) * N)) is not None


def test_what_was_predicted_before_is_kept_and_survives_the_disk(tmp_path: Path) -> None:
    first = with_predicted_genders(embeddings())
    projected = dataclasses.replace(first, voice=first.voice.replace_vectors(np.eye(N), "held-out"))
    projected.save(tmp_path)
    loaded = CorpusEmbeddings.load(tmp_path)
    again = predict_genders(loaded)
    assert again is not None
    assert again[0] is loaded
    assert again[1] == gender_predictor(first.about) == gender_predictor(loaded.about)
    assert loaded.voice.attribute("predicted_gender") == first.voice.attribute("predicted_gender")


def test_the_note_quotes_the_figures_and_their_counts() -> None:
    about = {
        ABOUT_PREDICTOR: {
            "name": "two heads",
            "voice_accuracy_score": 0.951,
            "face_accuracy_score": 0.9,
            "n_voices": 20,
            "n_faces": 30,
        }
    }
    assert gender_predictor(about) == GenderPredictor("two heads", 0.951, 0.9)
    note = prediction_note(about)
    for words in ("predicted by two heads", "95.1 % of 20 voices", "90.0 % of 30 faces", "same-gender"):
        assert words in note
    assert prediction_note({}) == ""
    assert gender_predictor({}) is None


@pytest.fixture(scope="module")
def nameless(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Embeddings of the small world by encoders that fit the heads, its given genders taken away."""
    out = tmp_path_factory.mktemp("nameless")
    config = EmbedConfig(corpus=small_corpus, out=out / "embeddings", cache=out / "cache", face_encoder=FACE, workers=1)
    embedded = embed_corpus(config)
    assert predict_genders(embedded) is None  # they are given there
    tables = [
        dataclasses.replace(table, attributes={k: v for k, v in table.attributes.items() if k != "gender"})
        for table in (embedded.voice, embedded.face)
    ]
    CorpusEmbeddings(tables[0], tables[1], embedded.about).save(out / "embeddings")
    return out / "embeddings"


def evaluated(model: Path, out: Path, **options: Any) -> tuple[Report, EvaluateConfig]:
    config = EvaluateConfig(model=str(model), out=out, resamples=100, **options)
    return evaluate_model(config), config


def check_report(report: Report) -> None:
    gender = next(baseline for baseline in report.baselines if baseline.name == "gender alone")
    assert gender.note.startswith("labels predicted by the heads voice_gender and face_attributes (voices 99.")
    found = next(m for m in gender.measures if m.measure == "accuracy_1_of_2" and m.group == "all")
    assert not math.isnan(found.value)
    same = report.find(protocol="matching", direction="voice_to_face", group="same_gender", measure="accuracy_1_of_2")
    assert same is None or same.note != "no gender labels"
    assert any(note.startswith("No genders are given: they were predicted by") for note in report.notes)


def test_a_report_on_a_split_says_that_genders_were_predicted(
    nameless: Path, small_splits: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"embeddings": nameless, "splits": small_splits}
    train_model(TrainConfig(out=tmp_path / "run", subset="train", associator=CCA, **options))
    report, config = evaluated(tmp_path / "run", tmp_path / "report", **options)
    check_report(report)
    people = find_tested_people(config)
    assert people.voice.attribute("predicted_gender") == people.raw.voice.attribute("predicted_gender")
    assert set(people.voice.attribute("predicted_gender")) <= {"f", "m"}


def test_a_report_over_folds_keeps_what_was_predicted_before_the_projection(
    nameless: Path, small_splits: Path, tmp_path: Path
) -> None:
    config = TrainConfig(embeddings=nameless, splits=small_splits, out=tmp_path / "run", subset="folds", associator=CCA)
    train_model(config)
    check_report(evaluated(tmp_path / "run", tmp_path / "report", subset="folds")[0])
    held = CorpusEmbeddings.load(tmp_path / "run" / "held_out").voice
    raw = with_predicted_genders(CorpusEmbeddings.load(nameless)).voice
    labels = dict(zip(raw.keys, raw.attribute("predicted_gender"), strict=True))
    assert held.attribute("predicted_gender") == tuple(labels[key] for key in held.keys)


def test_given_genders_keep_their_baseline_and_no_note(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    report, _ = evaluated(small_run, tmp_path, embeddings=small_embeddings, splits=small_splits)
    assert report.baselines[0].note == "given labels"
    assert not any("No genders are given" in note for note in report.notes)

"""The recipes of the published systems, in a tiny form: everything as they say it but for data, encoders and length."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.config import TrainConfig
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.end_to_end import check_patience
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.evaluating import evaluate_model
from visavox.pipeline.model_training import train_model
from visavox.pipeline.recipe import Step, read_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
FROZEN = ("sss-frozen", "fop", "pins", "svhf", "dimnet", "cmpc", "facetones")
DIMS = {"facetones": (512, 257)}  # what its adapter takes, with tokens of one number
SHORT = {"n_epochs": 2, "batch_size": 4}
SHORT_MEDIA = {"n_epochs": 2, "people_a_batch": 4, "watch_every_epochs": 1}
EARLY = {"first_update": 1, "update_every": 1}


def steps_of(name: str, tmp_path: Path) -> Mapping[str, Step]:
    steps = read_recipe(RECIPES / f"{name}.yaml", out=tmp_path / name, data=tmp_path / "data")
    return {step.name: step for step in steps}


@pytest.fixture
def vectors(small_embeddings: Path, tmp_path: Path) -> Callable[[int, int], Path]:
    """The small corpus with vectors of other lengths, a gender and a nationality for everybody."""

    def make(voice_dim: int, face_dim: int) -> Path:
        tables = CorpusEmbeddings.load(small_embeddings)
        rng = np.random.default_rng(0)
        made = []
        for table, dim in ((tables.voice, voice_dim), (tables.face, face_dim)):
            codes = np.unique(table.identities, return_inverse=True)[1]
            x = rng.normal(size=(codes.max() + 1, dim))[codes] + 0.1 * rng.normal(size=(len(codes), dim))
            labels = {
                "gender": tuple("fm"[c % 2] for c in codes),
                "nationality": tuple(("Norway", "Peru", "Chad")[c % 3] for c in codes),
            }
            made.append(dataclasses.replace(table, vectors=x, attributes=labels))
        CorpusEmbeddings(made[0], made[1], tables.about).save(tmp_path / "vectors")
        return tmp_path / "vectors"

    return make


@pytest.mark.parametrize("name", FROZEN)
def test_a_system_on_frozen_vectors_trains_and_is_measured(
    name: str, tmp_path: Path, small_splits: Path, vectors: Callable[[int, int], Path]
) -> None:
    steps = steps_of(name, tmp_path)
    embeddings = vectors(*DIMS.get(name, (6, 5)))
    train: TrainConfig = steps["train"].config
    assert isinstance(train.associator, Mapping)
    objective = train.associator["objective"]
    if isinstance(objective, Mapping) and "first_update" in objective:
        objective = {**objective, **EARLY}
    associator = {**train.associator, **SHORT, "objective": objective}
    outcome = train_model(
        dataclasses.replace(train, embeddings=embeddings, splits=small_splits, associator=associator, device="cpu")
    )
    assert outcome.n_people == 4
    assert all(0 <= score <= 1 for score in outcome.accuracies.values())
    evaluate: EvaluateConfig = steps["evaluate"].config
    report = evaluate_model(
        dataclasses.replace(evaluate, embeddings=embeddings, splits=small_splits, resamples=100, device="cpu")
    )
    assert any(0 <= measure.value <= 1 for measure in report.measures)
    if name == "facetones":
        assert {measure.protocol for measure in report.measures} >= {"sbs"}


@pytest.mark.slow  # two trainings from pixels and samples
def test_both_steps_of_seeking_the_shape_of_sound_run_from_pixels_and_samples(
    tmp_path: Path, small_corpus: Path, small_splits: Path
) -> None:
    def tiny(config: TrainConfig, **of_objective: Any) -> TrainConfig:
        settings = dict(config.end_to_end)
        objective = {**settings["objective"], **EARLY, **of_objective}
        return dataclasses.replace(
            config,
            corpus=small_corpus,
            splits=small_splits,
            voice_encoder="voice_cnn",
            face_encoder="face_cnn",
            end_to_end={**settings, **SHORT_MEDIA, "window_s": [0.5, 1.0], "objective": objective},
            patience_epochs=0,
            device="cpu",
            workers=1,
        )

    first: TrainConfig = steps_of("sss-1-reweight", tmp_path)["train"].config
    outcome = train_model(tiny(first))
    assert outcome.n_people == 4
    second: TrainConfig = steps_of("sss-2-main", tmp_path)["train"].config
    train_model(tiny(second, identity_weights=str(first.out)))
    report = evaluate_model(
        EvaluateConfig(
            model=str(second.out),
            corpus=small_corpus,
            splits=small_splits,
            out=tmp_path / "e",
            resamples=100,
            device="cpu",
            workers=1,
        )
    )
    assert any(measure.protocol == "matching" for measure in report.measures)
    assert "sss-1-reweight/runs/reweight" in str(second.end_to_end["objective"]["identity_weights"])


def test_both_steps_begin_as_published_and_the_second_runs_to_its_end(tmp_path: Path) -> None:
    """10,000 steps of 924 people in batches of 64, measured every 2,000: it used to stop after 10 epochs."""
    for name, n_steps in (("sss-1-reweight", 2400), ("sss-2-main", 10_005)):
        config: TrainConfig = steps_of(name, tmp_path)["train"].config
        settings = EndToEndSettings.of(config.end_to_end)
        assert settings.n_epochs * -(-924 // settings.people_a_batch) == n_steps
        check_patience(settings, config.patience_epochs)
        weights = [spec["weights"] for spec in (config.voice_encoder, config.face_encoder) if isinstance(spec, Mapping)]
        assert weights == [str(tmp_path / "data" / "weights" / encoder) for encoder in ("thin_resnet34", "ir50")]
    assert config.patience_epochs >= settings.n_epochs  # the best is kept, and nothing stops it
    assert settings.watch_every_epochs * 15 == pytest.approx(2000, abs=8)


def test_the_second_step_takes_the_weights_that_the_first_has_written(tmp_path: Path) -> None:
    first = steps_of("sss-1-reweight", tmp_path)["train"].config
    second = steps_of("sss-2-main", tmp_path)["train"].config
    named = Path(second.end_to_end["objective"]["identity_weights"])
    assert named.resolve() == first.out.resolve()
    assert second.corpus.resolve() == first.corpus.resolve()
    assert second.splits.resolve() == first.splits.resolve()
    same = ("heads", "optimiser", "learning_rate", "weight_decay", "people_a_batch", "clips_a_person", "window_s")
    assert all(first.end_to_end[name] == second.end_to_end[name] for name in same)

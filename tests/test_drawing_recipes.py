"""The recipes of what draws faces, in a tiny form: everything as they say it but for data, sizes and length."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from visavox.config import TrainConfig
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.drawing.diffusion_run import train_diffusion
from visavox.pipeline.drawing.diffusion_settings import read_diffusion_settings
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.reconstruction_run import train_reconstruction
from visavox.pipeline.drawing.settings import ReconstructionSettings
from visavox.pipeline.recipe import Step, read_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
NAMES = ("portrait", "draw-world", "speech2face", "diffusion-speech2face")
STEPS = {"n_steps": 2, "steps_an_epoch": 1, "batch_size": 2}
SMALL_LOOK = {"image_px": 16, "limit_faces": 0}
SMALL_PARTS: Mapping[str, Any] = {
    "autoencoder": {"name": "kl", "channels": [16, 16], "training": STEPS},
    "denoiser": {"channels": [16, 16], "head_dim": 16, "token_dim": 16, "training": STEPS},
    "upsampler": {"width": 4, "blocks": 1, "training": STEPS},
}


def steps_of(name: str, out: Path, data: Path) -> list[Step]:
    return list(read_recipe(RECIPES / f"{name}.yaml", out=out, data=data))


def trainings(name: str, out: Path, data: Path) -> list[TrainConfig]:
    return [step.config for step in steps_of(name, out, data) if isinstance(step.config, TrainConfig)]


def faces_table(path: Path, world: Path) -> None:
    """Write the faces of the drawn people as a labelled table."""
    images = [cv2.resize(cv2.imread(str(file)), (64, 64)) for file in sorted((world / "faces").iterdir())[:4]]
    columns = {
        "key": [f"k{row}" for row in range(len(images))],
        "image_jpeg": [cv2.imencode(".jpg", image)[1].tobytes() for image in images],
        "age": [20 + row for row in range(len(images))],
        "gender": ["mf"[row % 2] for row in range(len(images))],
        "race": [row % 5 for row in range(len(images))],
    }
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_of_a_recipe_is_known_and_in_its_range(name: str, tmp_path: Path) -> None:
    for training in trainings(name, tmp_path, tmp_path / "data"):
        if training.task == "reconstruction":
            assert ReconstructionSettings.of(training.drawing).image_px >= 64
        else:
            settings = read_diffusion_settings(training.drawing)
            assert settings.upsampler is not None
            assert "guide" not in settings.conditions  # nothing of the true face unless asked for
    judged = [step.config for step in steps_of(name, tmp_path, tmp_path / "data")][-1]
    assert isinstance(judged, EvaluateConfig)
    assert judged.protocol == "reconstruction"
    assert judged.training is not None


def test_people_who_are_kept_aside_are_tested_behind_final(tmp_path: Path) -> None:
    judged = steps_of("portrait", tmp_path, tmp_path / "data")[-1].config
    assert isinstance(judged, EvaluateConfig)
    assert judged.final
    assert judged.pairs == tmp_path / "data" / "voxceleb"
    assert list(judged.drawn) == ["speech2face"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["portrait", "draw-world"])
def test_one_generator_with_both_methods_comes_out(
    name: str, small_world: Path, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    faces_table(data / "utkface64" / "faces.parquet", small_world)
    first, second = trainings(name, tmp_path, data)
    common = {"corpus": small_corpus, "splits": small_splits, "workers": 1, "device": "cpu"}
    of_first = {**dict(first.drawing), **SMALL_LOOK}  # type: ignore[arg-type]
    of_first["face_encoder"] = {"name": "face_look", "dim": 8, "training": {"n_epochs": 1, "batch_size": 4}}
    of_first["decoder"] = {"name": "small", "channel_factor": 0.1}
    train_reconstruction(dataclasses.replace(first, drawing=of_first, **common))  # type: ignore[arg-type]
    of_second = {**dict(second.drawing), **SMALL_LOOK, **SMALL_PARTS}  # type: ignore[arg-type]
    assert of_second["generator"] == str(first.out)
    train_diffusion(dataclasses.replace(second, drawing=of_second, **common))  # type: ignore[arg-type]
    made = Generator.load(second.out)
    assert made.methods == ("decoder", "diffusion")
    assert made.has("upsampler")
    assert made.has("face_encoder")
    assert np.isfinite(made.mean_picture).all()


@pytest.mark.slow
def test_speech2face_trains_in_a_narrow_form(small_corpus: Path, small_splits: Path, tmp_path: Path) -> None:
    (training,) = trainings("speech2face", tmp_path, tmp_path / "data")
    drawing: dict[str, Any] = dict(training.drawing)  # type: ignore[arg-type]
    predictor = dict(drawing["predictor"])
    predictor |= {"channel_factor": 0.05, "hidden_dim": 16}
    predictor["training"] = {**predictor["training"], "n_epochs": 1, "batch_size": 2}
    drawing |= {
        "image_px": 32,
        "face_encoder": {"name": "face_cnn"},
        "decoder": {"name": "transposed", "hidden_dim": 8, "channel_factor": 0.05, "training": {"n_epochs": 1}},
        "predictor": predictor,
    }
    outcome = train_reconstruction(
        dataclasses.replace(
            training, corpus=small_corpus, splits=small_splits, drawing=drawing, workers=1, device="cpu"
        )
    )
    assert Generator.load(outcome.folder).methods == ("decoder",)


@pytest.mark.slow
def test_diffusion_speech2face_trains_in_a_small_form(small_corpus: Path, small_splits: Path, tmp_path: Path) -> None:
    (training,) = trainings("diffusion-speech2face", tmp_path, tmp_path / "data")
    drawing = {**dict(training.drawing), **SMALL_LOOK, **SMALL_PARTS, "n_steps": 2}  # type: ignore[arg-type]
    outcome = train_diffusion(
        dataclasses.replace(
            training,
            corpus=small_corpus,
            splits=small_splits,
            drawing=drawing,
            workers=1,
            device="cpu",
            precision="float32",
        )
    )
    assert Generator.load(outcome.folder).methods == ("diffusion",)

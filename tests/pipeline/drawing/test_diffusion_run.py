"""A tiny training from corpus to pictures: parts, resuming, refusing, and pixels that stay what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.config import TrainConfig
from visavox.errors import ConfigError, DataError
from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing
from visavox.generation.drawers.diffusion import DiffusionDrawer
from visavox.persistence import read_tensors
from visavox.pipeline.drawing.diffusion_faces import read_learned_faces
from visavox.pipeline.drawing.diffusion_run import DiffusionOutcome, build_parts, train_diffusion
from visavox.pipeline.drawing.diffusion_settings import read_diffusion_settings
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.training_log import read_metrics
from visavox.pipeline.voice_face_model import hash_identity

STEPS = {"n_steps": 3, "steps_an_epoch": 2, "batch_size": 2}
TINY: dict[str, Any] = {
    "image_px": 16,
    "voice_encoder": {"name": "ge2e"},
    "autoencoder": {"name": "kl", "channels": [16, 16], "training": STEPS},
    "denoiser": {"channels": [16, 16], "head_dim": 16, "token_dim": 16, "training": STEPS},
    "upsampler": {"width": 4, "blocks": 1, "training": STEPS},
    "n_steps": 2,
    "half": False,
}


def config(small_corpus: Path, small_splits: Path, out: Path, **changed: Any) -> TrainConfig:
    drawing = {**TINY, **changed.pop("drawing", {})}
    return TrainConfig(
        task="diffusion",
        corpus=small_corpus,
        splits=small_splits,
        out=out,
        drawing=drawing,
        workers=1,
        device="cpu",
        precision="float32",
        **changed,
    )


@pytest.fixture(scope="module")
def finished(
    small_corpus: Path, small_splits: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainConfig, DiffusionOutcome]:
    made = config(small_corpus, small_splits, tmp_path_factory.mktemp("diffusion") / "run")
    return made, train_diffusion(made)


def drawn(folder: Path, **options: Any) -> np.ndarray:
    generator = Generator.load(folder)
    drawer = DiffusionDrawer.from_generator(
        generator.folder, image_px=generator.image_px, choices=generator.choices["diffusion"]
    )
    vector = np.linspace(-0.1, 0.1, 256)
    heard = HeardForDrawing(vector, np.stack([vector, vector[::-1]]), np.zeros(16_000, np.float32))
    return drawer.draw(DrawingRequest(heard, **{"n_samples": 2, "seed": 3, **options}))


@pytest.mark.slow
def test_a_generator_comes_out_that_draws(finished: tuple[TrainConfig, DiffusionOutcome]) -> None:
    made, outcome = finished
    generator = Generator.load(made.out)
    assert generator.methods == ("diffusion",)
    assert generator.folder == outcome.folder
    assert generator.choices == {"diffusion": {"guidance": 3.0, "n_steps": 2, "sampler": "dpm"}}
    assert generator.mean_picture.shape == (16, 16, 3)
    assert [row.part for row in outcome.rows] == ["autoencoder", "denoiser", "upsampler"]
    assert all(row.steps == 3 and row.stopped == "all 3 steps done" for row in outcome.rows)
    assert drawn(made.out).shape == (2, 16, 16, 3)
    assert drawn(made.out, options={"px": 32}).shape == (2, 32, 32, 3)


@pytest.mark.slow
def test_people_are_hashed_and_the_card_says_what_it_is(finished: tuple[TrainConfig, DiffusionOutcome]) -> None:
    made, outcome = finished
    faces = read_learned_faces(made, read_diffusion_settings(made.drawing))
    generator = Generator.load(made.out)
    assert generator.people == {hash_identity(person) for person in faces.media.paired["train"].people}
    card = (generator.folder / "README.md").read_text(encoding="utf-8")
    assert f"learned from {outcome.n_paired} clips" in card
    assert "guesses" in card
    assert "| denoiser |" in card


@pytest.mark.slow
def test_numbers_of_all_parts_are_on_disk(finished: tuple[TrainConfig, DiffusionOutcome]) -> None:
    lines = read_metrics(finished[0].out)
    assert {line["member"] for line in lines} == {"autoencoder", "denoiser", "upsampler"}
    assert [line["step"] for line in lines if line["member"] == "denoiser"] == [2, 3]
    assert all("validation_gain" in line for line in lines if line["member"] == "denoiser")
    assert (finished[0].out / "tensorboard").is_dir()


@pytest.mark.slow
def test_the_pixels_stay_what_they_were(finished: tuple[TrainConfig, DiffusionOutcome]) -> None:
    """Golden: means of squares of 4 px of two samples, float32; another library may move them by some grey levels."""
    found = drawn(finished[0].out).astype(float).reshape(2, 4, 4, 4, 4, 3).mean(axis=(2, 4, 5))
    np.testing.assert_allclose(found, GOLDEN, atol=4)


GOLDEN: list[list[list[int]]] = [
    [[141, 133, 136, 131], [110, 116, 130, 126], [125, 141, 155, 124], [133, 134, 133, 128]],
    [[127, 124, 136, 140], [125, 127, 129, 130], [128, 129, 151, 129], [132, 130, 134, 125]],
]


@pytest.mark.slow
def test_what_is_done_is_not_done_again(finished: tuple[TrainConfig, DiffusionOutcome]) -> None:
    made, outcome = finished
    before = read_tensors(outcome.folder / "denoiser" / "model.safetensors")[0]
    seen: list[tuple[int, int]] = []
    again = train_diffusion(made, lambda done, total: seen.append((done, total)))
    assert not [total for _, total in seen if total == 9]  # no step of any part
    assert [row.figures for row in again.rows] == [row.figures for row in outcome.rows]
    after = read_tensors(outcome.folder / "denoiser" / "model.safetensors")[0]
    assert all((before[name] == after[name]).all() for name in before)


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_bits(
    finished: tuple[TrainConfig, DiffusionOutcome], small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    mine = config(small_corpus, small_splits, tmp_path / "run")

    def kill(done: int, total: int) -> None:
        if (done, total) == (6, 9):  # the last step of the denoiser, whose epoch has not been written
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_diffusion(mine, kill)
    train_diffusion(mine)
    for part in ("autoencoder", "denoiser", "upsampler"):
        first, second = (
            read_tensors(out / "generator" / part / "model.safetensors")[0] for out in (finished[0].out, mine.out)
        )
        assert all((first[name] == second[name]).all() for name in first), part


@pytest.mark.slow
def test_how_it_draws_may_change_without_a_new_training(
    finished: tuple[TrainConfig, DiffusionOutcome], small_corpus: Path, small_splits: Path
) -> None:
    made = finished[0]
    train_diffusion(config(small_corpus, small_splits, made.out, drawing={"guidance": 1.5}))
    assert Generator.load(made.out).choices["diffusion"]["guidance"] == 1.5
    train_diffusion(made)
    assert Generator.load(made.out).choices["diffusion"]["guidance"] == 3.0


@pytest.mark.slow
def test_other_settings_are_refused_and_overwritten_when_asked(
    finished: tuple[TrainConfig, DiffusionOutcome], small_corpus: Path, small_splits: Path
) -> None:
    other = config(small_corpus, small_splits, finished[0].out, drawing={"conditions": ["voice"]})
    with pytest.raises(DataError, match="holds a run with other settings: conditions. Choose another folder"):
        train_diffusion(other)


@pytest.mark.slow
def test_a_generator_that_is_named_keeps_its_parts(
    finished: tuple[TrainConfig, DiffusionOutcome], small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    first = Generator.load(finished[0].out)
    (tmp_path / "named").mkdir()
    for item in ("config.json", "model.safetensors", "people.json"):
        (tmp_path / "named" / item).write_bytes((first.folder / item).read_bytes())
    decoder = tmp_path / "named" / "decoder"
    decoder.mkdir()
    (decoder / "config.json").write_text("{}", encoding="utf-8")
    pixels = {"name": "pixels", "training": STEPS}
    drawing = {"generator": str(tmp_path / "named"), "autoencoder": pixels, "upsampler": None}
    train_diffusion(config(small_corpus, small_splits, tmp_path / "run", drawing=drawing))
    made = Generator.load(tmp_path / "run")
    assert made.has("decoder")
    assert made.people >= first.people
    drawing["image_px"] = 8
    with pytest.raises(DataError, match="has `image_px` 16, this training 8"):
        train_diffusion(config(small_corpus, small_splits, tmp_path / "other", drawing=drawing))


def test_wrong_options_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    for drawing, message in (
        ({"denoiser": {"wings": 2}}, "The denoiser 'unet' of `drawing`: takes no 'wings'. Mend `denoiser`"),
        ({"denoiser": {"channels": [10]}}, "The denoiser: `channels` must be multiples of 16"),
        ({"autoencoder": {"name": "vq"}}, "The autoencoder: An autoencoder must be one of kl, pixels"),
        ({"image_px": 18}, "The autoencoder: `image_px` must be a multiple of 4"),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            train_diffusion(config(tmp_path / "no", tmp_path / "no", tmp_path / "run", drawing=drawing))
        assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="must be a new or empty folder, or a run of diffusion"):
        train_diffusion(config(tmp_path / "no", tmp_path / "no", tmp_path))
    assert json.dumps([path.name for path in tmp_path.iterdir()]) == '["thesis.txt"]'


def test_weights_are_drawn_from_the_seed_alone() -> None:
    settings = read_diffusion_settings(TINY)
    first, again, other = (build_parts(settings, voice_dim=5, seed=seed).denoiser for seed in (0, 0, 1))
    assert (first.network.conv_in.weight == again.network.conv_in.weight).all()
    assert (first.network.conv_in.weight != other.network.conv_in.weight).any()

"""Whose folder it is, and which generator fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.config import TrainConfig
from visavox.errors import ConfigError, DataError
from visavox.pipeline.drawing.diffusion_folder import (
    RUN_FILE,
    claim_run,
    named_generator,
    run_identity,
    start_generator,
)
from visavox.pipeline.drawing.diffusion_settings import DiffusionSettings, read_diffusion_settings
from visavox.pipeline.drawing.generator_folder import Generator


def asked(
    out: Path, *, overwrite: bool = False, seed: int = 0, **drawing: Any
) -> tuple[TrainConfig, DiffusionSettings]:
    config = TrainConfig(
        task="diffusion",
        corpus=Path("corpus"),
        splits=Path("splits"),
        out=out,
        drawing=drawing,
        overwrite=overwrite,
        seed=seed,
    )
    return config, read_diffusion_settings(drawing)


def generator(folder: Path, **changed: Any) -> Path:
    values = {"voice_encoder": "ge2e", "image_px": 16, "window_s": 1.6, "choices": {"decoder": {"guidance": 2.0}}}
    values |= changed
    px = values["image_px"]
    Generator(folder, mean_picture=np.zeros((px, px, 3), np.float32), **values).save(card="# card")
    return folder


def test_a_new_folder_is_claimed_and_found_again(tmp_path: Path) -> None:
    claim_run(*asked(tmp_path / "run"))
    before = (tmp_path / "run" / RUN_FILE).read_text(encoding="utf-8")
    claim_run(*asked(tmp_path / "run"))
    assert (tmp_path / "run" / RUN_FILE).read_text(encoding="utf-8") == before


def test_how_it_draws_and_how_long_it_may_take_decide_nothing(tmp_path: Path) -> None:
    plain = run_identity(*asked(tmp_path))
    free = {"guidance": 1.0, "sampler": "ddim", "n_steps": 9, "denoiser": {"training": {"time_limit_min": 3}}}
    assert run_identity(*asked(tmp_path, **free)) == plain
    assert run_identity(*asked(tmp_path, denoiser={"training": {"n_steps": 3}})) != plain
    assert run_identity(*asked(tmp_path, seed=1)) != plain


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    claim_run(*asked(tmp_path))
    with pytest.raises(DataError, match="other settings: .*image_px, .*seed.* Choose another folder, or .*--overwrite"):
        claim_run(*asked(tmp_path, image_px=32, seed=1))


def test_overwriting_removes_what_was_trained_and_keeps_what_was_read(tmp_path: Path) -> None:
    claim_run(*asked(tmp_path))
    for name in ("generator", "member-denoiser", "tensorboard", "pictures", "voices"):
        (tmp_path / name).mkdir()
    for name in ("metrics.jsonl", "latents.safetensors"):
        (tmp_path / name).write_text("", encoding="utf-8")
    claim_run(*asked(tmp_path, overwrite=True, seed=1))
    assert {path.name for path in tmp_path.iterdir()} == {"pictures", "voices", RUN_FILE}


def test_a_damaged_run_is_said(tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="is damaged. Start the run anew with --overwrite"):
        claim_run(*asked(tmp_path))


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("", encoding="utf-8")
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match="holds other files"):
            claim_run(*asked(tmp_path, overwrite=overwrite))


def test_a_file_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="`out` must be a folder. .* is a file. Choose another name"):
        claim_run(*asked(tmp_path / "f"))


def test_a_generator_that_fits_is_taken(tmp_path: Path) -> None:
    folder = generator(tmp_path / "named")
    _, settings = asked(tmp_path, generator=str(folder), image_px=16)
    found = named_generator(settings)
    assert found is not None
    assert found.choices == {"decoder": {"guidance": 2.0}}
    assert named_generator(asked(tmp_path)[1]) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image_px": 32}, "has `image_px` 32, this training 16; .* Set `image_px` to 32"),
        ({"window_s": 2.0}, "has `window_s` 2.0, this training 1.6"),
        ({"voice_encoder": {"name": "voice_cnn"}}, "has `voice_encoder` .*voice_cnn"),
    ],
)
def test_a_generator_that_does_not_fit_is_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    folder = generator(tmp_path / "named", **changed)
    with pytest.raises(DataError, match=message):
        named_generator(asked(tmp_path, generator=str(folder), image_px=16)[1])


def test_parts_of_others_are_copied_once_and_never_our_own(tmp_path: Path) -> None:
    folder = generator(tmp_path / "named")
    for part in ("decoder", "denoiser"):
        (folder / part).mkdir()
        (folder / part / "config.json").write_text("{}", encoding="utf-8")
    _, settings = asked(tmp_path, generator=str(folder), image_px=16)
    start_generator(tmp_path / "run", settings)
    made = tmp_path / "run" / "generator"
    assert [path.name for path in made.iterdir()] == ["decoder"]
    (made / "decoder" / "config.json").write_text("{ }", encoding="utf-8")
    start_generator(tmp_path / "run", settings)
    assert (made / "decoder" / "config.json").read_text(encoding="utf-8") == "{ }"

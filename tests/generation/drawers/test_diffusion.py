"""The drawer: deterministic, each sample its own, guidance at its ends, sizes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing
from visavox.generation.drawers.diffusion import DiffusionDrawer
from visavox.generation.parts import save_part
from visavox.generation.provenance import FROM_VOICE, GIVEN, Condition
from visavox.models.diffusion.denoiser import Denoiser
from visavox.models.diffusion.face_autoencoder import PixelSpace
from visavox.models.diffusion.upsampler import FaceUpsampler
from visavox.registry import DRAWERS

DIM, PX = 6, 8
OF_DENOISER: dict[str, Any] = {
    "latent_shape": [3, PX, PX],
    "kinds": ["voice", "windows"],
    "voice_dim": DIM,
    "token_dim": 16,
    "channels": [16, 16],
    "head_dim": 16,
    "n_train_steps": 40,
}
VOICE = Condition("voice", FROM_VOICE)


def networks() -> tuple[PixelSpace, Denoiser, FaceUpsampler]:
    torch.manual_seed(3)
    space = PixelSpace(image_px=PX)
    space.mean.fill_(0.5)
    space.deviation.fill_(0.25)
    return space, Denoiser(**OF_DENOISER), FaceUpsampler(width=4, blocks=1)


def drawer(**options: Any) -> DiffusionDrawer:
    return DiffusionDrawer(*networks(), **{"n_steps": 4, **options})


def request(seed_of_voice: int = 0, **options: Any) -> DrawingRequest:
    rng = np.random.default_rng(seed_of_voice)
    heard = HeardForDrawing(rng.normal(size=DIM), rng.normal(size=(2, DIM)), np.zeros(16_000, np.float32))
    return DrawingRequest(heard, **options)


def folder_of(place: Path, **changed: Any) -> Path:
    space, denoiser, upsampler = networks()
    save_part(place, "autoencoder", name="pixels", arguments={"image_px": PX}, network=space)
    save_part(place, "denoiser", name="unet", arguments={**OF_DENOISER, **changed}, network=denoiser)
    save_part(place, "upsampler", name="residual", arguments={"width": 4, "blocks": 1}, network=upsampler)
    return place


def test_it_is_registered_under_its_file_name() -> None:
    assert DRAWERS.get("diffusion") is DiffusionDrawer


def test_the_same_seed_draws_the_same_faces_and_another_others() -> None:
    one = drawer()
    first, again, other = (one.draw(request(n_samples=2, seed=seed)) for seed in (1, 1, 2))
    assert first.shape == (2, PX, PX, 3)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).mean() > 0.3
    assert (first[0] != first[1]).mean() > 0.3


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm"])
def test_a_sample_is_the_same_however_many_are_drawn(sampler: str) -> None:
    one = drawer(sampler=sampler)
    many = one.draw(request(n_samples=10, seed=5)).astype(int)
    few = one.draw(request(n_samples=3, seed=5)).astype(int)
    assert np.abs(few - many[:3]).max() <= 1
    assert (few[0] != few[2]).any()


def test_without_guidance_the_voice_changes_nothing_and_with_it_much() -> None:
    one = drawer()
    assert (one.draw(request(0, guidance=0)) == one.draw(request(1, guidance=0))).all()
    assert (one.draw(request(0, guidance=1)) != one.draw(request(1, guidance=1))).any()
    apart = [
        np.abs(one.draw(request(0, guidance=g)).astype(int) - one.draw(request(0, guidance=0))).mean() for g in (1, 6)
    ]
    assert apart[1] > apart[0] > 0


def test_guidance_of_one_is_the_answer_with_conditions_alone() -> None:
    one = drawer()
    nearly = one.draw(request(guidance=1.000001)).astype(int)
    assert np.abs(one.draw(request(guidance=1)) - nearly).max() <= 1


def test_its_own_guidance_is_taken_when_none_is_asked_for() -> None:
    assert (drawer(guidance=2.0).draw(request()) == drawer().draw(request(guidance=2.0))).all()


def test_an_upsampler_draws_twice_the_side() -> None:
    one = drawer()
    assert one.sizes_px == (PX, 2 * PX)
    large = one.draw(request(options={"px": 2 * PX}))
    assert large.shape == (1, 2 * PX, 2 * PX, 3)
    small = one.draw(request())[0].astype(float)
    assert abs(large[0].mean() - small.mean()) < 6


def test_options_of_a_request_come_before_its_own() -> None:
    one = drawer(sampler="ddim")
    asked = one.draw(request(options={"sampler": "dpm", "n_steps": 7}))
    assert (asked == drawer(sampler="dpm", n_steps=7).draw(request())).all()
    assert (asked != one.draw(request())).any()


def test_progress_counts_the_steps_of_all_batches() -> None:
    seen: list[tuple[int, int]] = []
    drawer().draw(request(n_samples=9), lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][0] == seen[-1][1]


def test_saved_parts_draw_the_same(tmp_path: Path) -> None:
    loaded = DiffusionDrawer.from_generator(
        folder_of(tmp_path), image_px=PX, choices={"guidance": 3.0, "n_steps": 4, "sampler": "dpm"}
    )
    assert (loaded.guidance, loaded.n_steps, loaded.conditions) == (3.0, 4, ("voice", "windows"))
    assert (loaded.draw(request(n_samples=2)) == drawer().draw(request(n_samples=2))).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"options": {"n_steps": 41}}, "`steps` must be 1 to 40"),
        ({"options": {"n_steps": -1}}, "`steps` must be 1 to 40"),
        ({"options": {"sampler": "euler"}}, "one of ddpm, ddim, dpm. Got 'euler'"),
        ({"options": {"px": 128}}, "`px` must be 8 or 16 with this model. Got 128"),
        ({"options": {"speed": 2}}, "takes no 'speed'. It takes: sampler, n_steps, px"),
        ({"n_samples": 0}, "`samples` must be at least 1"),
        ({"told": (VOICE, Condition("age", GIVEN, 30))}, "not trained with the condition 'age'"),
    ],
)
def test_wrong_requests_are_refused_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        drawer().draw(request(**options))
    assert "\n" not in str(error.value)


def test_parts_of_another_resolution_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with pytest.raises(DataError, match="draws 8 px, its generator 64 px"):
        DiffusionDrawer.from_generator(folder, image_px=64)
    config = folder / "denoiser" / "config.json"
    saved = json.loads(config.read_text(encoding="utf-8"))
    saved["arguments"]["latent_shape"] = [3, 16, 16]
    config.write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(DataError, match="different resolutions. Train the denoiser again"):
        DiffusionDrawer.from_generator(folder, image_px=PX)


def test_a_denoiser_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The denoiser of .* is of another version or damaged"):
        DiffusionDrawer.from_generator(folder_of(tmp_path, wings=2), image_px=PX)

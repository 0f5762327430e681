"""The contract of a drawer."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from visavox.generation.drawers.base import DrawingRequest, FaceDrawer, HeardForDrawing, Progress
from visavox.generation.provenance import FROM_VOICE


class Plain(FaceDrawer):
    name = "plain"
    image_px = 8
    conditions = ("voice",)
    guidance = 1.0

    def draw(self, request: DrawingRequest, progress: Progress | None = None) -> NDArray[np.uint8]:
        shade = int(255 * np.clip(request.heard.vector.mean(), 0, 1))
        return np.full((request.n_samples, self.image_px, self.image_px, 3), shade, np.uint8)


def request(**options: object) -> DrawingRequest:
    heard = HeardForDrawing(np.full(4, 0.5), np.full((2, 4), 0.5), np.zeros(16000, np.float32))
    return DrawingRequest(heard, **options)  # type: ignore[arg-type]


def test_by_default_the_voice_alone_is_told() -> None:
    told = request().told
    assert [(condition.name, condition.provenance) for condition in told] == [("voice", FROM_VOICE)]


def test_defaults_leave_the_choice_to_the_drawer() -> None:
    asked = request()
    assert (asked.n_samples, asked.seed, asked.guidance, asked.options) == (1, 0, None, {})


def test_requests_do_not_share_their_options() -> None:
    first, second = request(), request()
    first.options["n_steps"] = 5
    assert second.options == {}


def test_a_drawer_gives_pixels() -> None:
    drawn = Plain().draw(request(n_samples=3))
    assert drawn.shape == (3, 8, 8, 3)
    assert drawn.dtype == np.uint8
    assert (drawn == 127).all()


def test_the_contract_alone_draws_nothing() -> None:
    with pytest.raises(TypeError, match="abstract"):
        FaceDrawer()  # type: ignore[abstract]

"""Drawing for a service: the limits, one at a time, given up in time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.errors import ConfigError, MediaError
from visavox.generation.picture_files import read_label
from visavox.media.audio import read_voice
from visavox.pipeline.frozen_encoder import Compute
from visavox.web.drawing import MOST_DRAWN, DrawingDesk, DrawingOrder
from visavox.web.queueing import Deadline, TimeLimitError


@pytest.fixture
def desk(tiny_generator: Path) -> DrawingDesk:
    return DrawingDesk(str(tiny_generator), Compute())


@pytest.fixture
def voice(small_world: Path) -> Any:
    return read_voice(sorted((small_world / "voices").iterdir())[0])


def test_the_same_order_draws_the_same_pictures(desk: DrawingDesk, voice: Any) -> None:
    order = DrawingOrder(n_samples=2, seed=3)
    one, other = (desk.draw(voice, b"file", "v.wav", order, Deadline(60.0)) for _ in range(2))
    assert one.pictures == other.pictures and len(one.pictures) == 2
    assert read_label(one.pictures[1])["seed"] == 3
    assert one.facts["voice"]["file"] == "v.wav"
    assert "pictures" not in one.facts and "contact_sheets" not in one.facts
    third = desk.draw(voice, b"file", "v.wav", DrawingOrder(n_samples=2, seed=4), Deadline(60.0))
    assert third.pictures != one.pictures


def test_what_is_asked_wrongly_is_refused_before_anything_is_drawn(desk: DrawingDesk, voice: Any) -> None:
    for order, said in (
        (DrawingOrder(n_samples=MOST_DRAWN + 1), "`samples` must be 1 to 16"),
        (DrawingOrder(guidance=-1.0), "`guidance` must be 0 to 30"),
        (DrawingOrder(method="diffusion"), "`method` must be one that"),
    ):
        with pytest.raises(ConfigError, match=said):
            desk.draw(voice, b"", "v", order, Deadline(60.0))
    with pytest.raises(MediaError, match="^v: "):
        desk.draw(voice[:100], b"", "v", DrawingOrder(), Deadline(60.0))


def test_drawing_is_given_up_when_its_time_is_over(desk: DrawingDesk, voice: Any, monkeypatch: Any) -> None:
    deadline = Deadline(60.0)
    began = threading.Event()

    def pieces(_request: Any, progress: Any) -> Any:
        began.set()
        deadline._ends = 0.0
        progress(1, 2)
        raise AssertionError("it went on")

    monkeypatch.setattr(desk.pipeline(""), "pieces", pieces)
    with pytest.raises(TimeLimitError):
        desk.draw(voice, b"", "v", DrawingOrder(), deadline)
    assert began.is_set()
    assert desk._one_at_a_time.acquire(blocking=False), "the next may draw"
    with pytest.raises(TimeLimitError):  # somebody else draws
        desk.draw(voice, b"", "v", DrawingOrder(), Deadline(0.05))
    desk._one_at_a_time.release()


def test_facts(desk: DrawingDesk) -> None:
    assert desk.facts() == {
        "name": "tiny-generator",
        "methods": ["decoder"],
        "image_px": 32,
        "licence": desk.pipeline("").licence,
    }

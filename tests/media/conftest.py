"""Drawn faces whose places are known, for the tests of detectors and crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from visavox.world.faces.drawn_faces import draw_face, landmarks_px
from visavox.world.faces.scene import Scene
from visavox.world.people import make_person


@dataclass(frozen=True)
class Portrait:
    """A drawn face and where its points were put."""

    image: np.ndarray
    """(height, width, 3) uint8."""
    landmarks: np.ndarray
    """(5, 2) x and y of the eyes, the nose and the corners of the mouth, from left to right."""


@pytest.fixture(scope="session")
def portraits() -> list[Portrait]:
    """Three drawn people, each alone and looking at us."""
    faces = [make_person(index, seed=1).face for index in range(3)]
    return [Portrait(draw_face(face, Scene()), np.asarray(landmarks_px(face, Scene()), float)) for face in faces]


@pytest.fixture(scope="session")
def portrait(portraits: list[Portrait]) -> Portrait:
    """One drawn person."""
    return portraits[0]

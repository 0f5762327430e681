"""Judges that need no network: mean colours for features, brightness for gender, age and race."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from visavox.evaluation.reconstruction_record import Judge
from visavox.media.drawn_frame import crop_of_picture
from visavox.media.face_crop import CROP_PX, FaceCrop
from visavox.pipeline.drawing.judges import Looked


class StandInJudges:
    """Looks at the colours of a crop."""

    def __init__(self, *_: Any, inception: Any = None, **__: Any) -> None:
        self.judges = (Judge("dlib", "colours"),)
        self.encoders: dict[str, Any] = {}
        self.own: Any = None
        self.inception = inception
        self.without_score = "No VGGFace score."
        self.n_looked = 0

    @property
    def classifier(self) -> dict[str, Any]:
        return {"name": "brightness", "gender_accuracy_score": 0.9, "n_held_out": 10}

    def cut(self, picture: np.ndarray, *, is_drawn_square: bool = False) -> FaceCrop:
        crop = crop_of_picture(picture) if is_drawn_square else cv2.resize(picture, (CROP_PX, CROP_PX))
        return FaceCrop(np.asarray(crop), True, 1, 1.0, 100.0, 10.0, 100.0)

    def look(self, crops: Sequence[np.ndarray], progress: Any = None) -> Looked:
        features = self.look_without_attributes(crops)
        bright = np.array([crop.mean() for crop in crops], np.float32)
        return Looked(features, bright - 110, bright / 3, (bright > 110).astype(np.float32))

    def look_without_attributes(self, crops: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        self.n_looked += len(crops)
        small = [cv2.resize(crop, (4, 4), interpolation=cv2.INTER_AREA).ravel() / 255 for crop in crops]
        return {"dlib": np.array(small, np.float32).reshape(len(crops), -1)}

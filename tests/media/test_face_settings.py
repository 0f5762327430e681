"""Which face is kept and how it is cut."""

from __future__ import annotations

import pytest

from visavox.media.face_settings import Crop, FaceSettings


@pytest.mark.parametrize(("crop", "margin"), [("aligned", 0.5), ("box", 0.0), ("first_frame", 0.0)])
def test_each_crop_has_its_usual_margin(crop: Crop, margin: float) -> None:
    assert FaceSettings(crop=crop).resolved_margin == margin


def test_a_margin_that_is_given_is_taken() -> None:
    assert FaceSettings(crop="aligned", margin=0.0).resolved_margin == 0.0
    assert FaceSettings(crop="box", margin=0.4).resolved_margin == 0.4

"""A ratio and a prior to a probability, against Bayes' rule written out."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
from visavox.errors import MediaError
from visavox.pipeline.matching import PlacedFace, PlacedVoice
from visavox.web.verifying import logit, probability_of, verified

VOICE = PlacedVoice(np.array([1.0, 0.0], np.float32), 2.0)
FACE = PlacedFace(np.array([0.6, 0.8], np.float32), 2, "2 faces found")


def model(ratio: float | None) -> Any:
    return SimpleNamespace(name="m", pair_ratio=lambda _: None if ratio is None else np.array(ratio))


@pytest.mark.parametrize("ratio", [-3.0, 0.0, 0.7, 5.0])
@pytest.mark.parametrize("prior", [0.01, 0.5, 0.9])
def test_probability_by_bayes(ratio: float, prior: float) -> None:
    same, other = math.exp(ratio) * prior, 1.0 - prior
    assert probability_of(ratio, prior=prior) == pytest.approx(same / (same + other))


def test_overwhelming_ratios_have_a_probability() -> None:
    assert probability_of(1e9, prior=0.5) == 1.0
    assert probability_of(-1e9, prior=0.5) == pytest.approx(0.0, abs=1e-300)
    assert logit(0.75) == pytest.approx(math.log(3))


def test_a_pair_that_can_be_compared() -> None:
    found = verified(model(2.0), VOICE, FACE, prior=0.5, names=["v", "f"])
    assert found.similarity == pytest.approx(0.6)
    assert (found.log_likelihood_ratio, found.decided, found.speech_s) == (2.0, True, 2.0)
    assert found.notes == ("f: 2 faces found",)


def test_a_model_without_calibration_gives_no_probability() -> None:
    found = verified(model(None), VOICE, FACE, prior=0.5, names=["v", "f"])
    assert found.similarity is not None
    assert (found.log_likelihood_ratio, found.probability) == (None, None)
    assert "never calibrated" in found.notes[1]


def test_what_cannot_be_used_is_said() -> None:
    silent = MediaError("v: silent.", status="silent")
    found = verified(model(2.0), silent, FACE, prior=0.5, names=["v", "f"])
    assert (found.voice_status, found.face_status, found.decided, found.notes) == (
        "silent",
        "ok",
        False,
        ("v: silent.",),
    )

"""The settings of a predictor's training and their ranges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.pipeline.drawing.predictor_settings import PredictorTraining


def test_the_defaults_are_those_of_the_paper() -> None:
    settings = PredictorTraining()
    assert (settings.learning_rate, settings.beta1, settings.decay, settings.decay_steps) == (1e-3, 0.5, 0.95, 10_000)
    assert (settings.feature_weight, settings.distillation_weight, settings.temperature) == (0.025, 200.0, 2.0)
    assert settings.reduction == "sum" and settings.loss is None


def test_the_rate_falls_evenly_by_a_twentieth_in_ten_thousand_steps() -> None:
    settings = PredictorTraining(learning_rate=0.01)
    assert settings.rate(0) == 0.01
    assert settings.rate(10_000) == pytest.approx(0.0095)
    assert settings.rate(20_000) == pytest.approx(0.01 * 0.95 * 0.95)
    assert settings.rate(5_000) == pytest.approx(0.01 * 0.95**0.5)
    assert PredictorTraining(decay=1.0).rate(10**6) == 1e-3


def test_an_entry_of_a_recipe_is_read() -> None:
    settings = PredictorTraining.of({"n_epochs": 3, "ridges": [1, 2.5], "leave_out": ["decoder"]}, of="light")
    assert settings.n_epochs == 3 and settings.ridges == (1, 2.5) and settings.leave_out == ("decoder",)
    assert PredictorTraining.of(None, of="light") == PredictorTraining.of({}, of="light") == PredictorTraining()


def test_values_come_back_from_json() -> None:
    settings = PredictorTraining(ridges=(0.5, 2.0), loss="three_terms", leave_out=("decoder",), bfloat16=True)
    assert PredictorTraining.of(json.loads(json.dumps(settings.as_json())), of="light") == settings


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seed": -1}, "`seed`"),
        ({"n_folds": 1}, "`n_folds`"),
        ({"spread_rank": -1}, "`spread_rank`"),
        ({"batch_size": 1}, "`batch_size`"),
        ({"n_epochs": 0}, "`n_epochs`"),
        ({"n_epochs": 1.5}, "`n_epochs`"),
        ({"patience_epochs": -1}, "`patience_epochs`"),
        ({"decay_steps": 0}, "`decay_steps`"),
        ({"learning_rate": 0.0}, "`learning_rate`"),
        ({"learning_rate": "fast"}, "`learning_rate`"),
        ({"beta1": 1.0}, "`beta1`"),
        ({"decay": 1.1}, "`decay`"),
        ({"temperature": 0.0}, "`temperature`"),
        ({"weight_decay": -0.1}, "`weight_decay`"),
        ({"time_limit_min": -1}, "`time_limit_min`"),
        ({"feature_weight": -1}, "`feature_weight`"),
        ({"distillation_weight": float("nan")}, "`distillation_weight`"),
        ({"loss": "l1"}, "`loss` must be one of normalised, three_terms, squared. Got 'l1'"),
        ({"reduction": "max"}, "`reduction` must be one of sum, mean. Got 'max'"),
        ({"ridges": []}, "`ridges`"),
        ({"ridges": [1, 0]}, "`ridges`"),
        ({"ridges": 3}, "`ridges` must be a list. Got 3"),
        ({"leave_out": "decoder"}, "`leave_out` must be a list. Got 'decoder'"),
        ({"windows": 1}, "`windows` must be true or false. Got 1"),
        ({"bfloat16": "yes"}, "`bfloat16` must be true or false. Got 'yes'"),
        (
            {"n_epoch": 3},
            r"`training` of the predictor 'light' has no 'n_epoch'. Did you mean `n_epochs`\? It has: seed",
        ),
        ({"zzz": 3}, "has no 'zzz'. It has"),
    ],
)
def test_values_are_held_to_their_ranges_in_one_line(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        PredictorTraining.of(given, of="light")
    assert "\n" not in str(caught.value)


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"must be a mapping, as in \{n_epochs: 4\}. Got 3"):
        PredictorTraining.of(3, of="light")  # type: ignore[arg-type]

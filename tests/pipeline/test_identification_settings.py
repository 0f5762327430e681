"""Settings of networks that name people: defaults, ranges, rates, and messages that name the network."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from visavox.batches.augment import FaceAugmentation
from visavox.errors import ConfigError
from visavox.pipeline.identification_settings import IdentifierTraining, SearchSettings


def test_settings_come_back_from_json() -> None:
    settings = IdentifierTraining.of(
        {"schedule": "steps", "drop_at": [0.5], "augment_faces": {"flip": 0.0}, "optimiser": "sgd"}, of="a"
    )
    again = IdentifierTraining.of(json.loads(json.dumps(settings.as_json())), of="a")
    assert again == settings
    assert again.drop_at == (0.5,)


def test_rates_rise_then_stay_or_fall() -> None:
    constant = IdentifierTraining(learning_rate=1.0, warm_up=0.5)
    assert [constant.rate(step=step, n_steps=4) for step in range(4)] == [0.5, 1.0, 1.0, 1.0]
    cosine = IdentifierTraining(learning_rate=1.0, schedule="cosine")
    assert cosine.rate(step=1, n_steps=4) == pytest.approx((1 + math.cos(math.pi / 2)) / 2)
    steps = IdentifierTraining(learning_rate=1.0, schedule="steps", drop_at=(0.5,))
    assert [round(steps.rate(step=step, n_steps=4), 9) for step in range(4)] == [1.0, 1.0, 0.1, 0.1]


def test_faces_are_changed_by_default_as_told_or_not_at_all() -> None:
    assert IdentifierTraining().faces == FaceAugmentation()
    assert IdentifierTraining(augment_faces={"flip": 0.0}).faces == FaceAugmentation(flip=0.0)
    assert IdentifierTraining(augment_faces=False).faces is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"batch_size": 1}, "`batch_size` must be"),
        ({"n_epochs": 0}, "`n_epochs` must be"),
        ({"optimiser": "lion"}, "`optimiser` must be one of adamw, adam, sgd. Got 'lion'."),
        ({"schedule": "steps"}, "`drop_at` is of the schedule steps"),
        ({"label_smoothing": 1.0}, "`label_smoothing` must be a number of at least 0"),
        ({"learning_rate": 0}, "`learning_rate` must be a number"),
        ({"learning_rate": 11}, "`learning_rate` must be a number"),
        ({"momentum": 1.0}, "`momentum` must be a number"),
        ({"warm_up": 1.1}, "`warm_up` must be a number"),
        ({"weight_decay": -0.1}, "`weight_decay` must be a number"),
        ({"time_limit_min": -1}, "`time_limit_min` must be a number"),
        ({"patience_epochs": -1}, "`patience_epochs` must be"),
        ({"shift_samples": -1}, "`shift_samples` must be"),
        ({"mask_width": 1.5}, "`mask_width` must be"),
        ({"schedule": "linear"}, "`schedule` must be one of cosine, steps, constant. Got 'linear'."),
        ({"drop_at": [0.5]}, "`drop_at`"),
        ({"n_shifted_copies": 2, "shift_samples": 0}, "`n_shifted_copies` must be 0 where `shift_samples` is 0"),
        ({"augment_faces": 3}, "`augment_faces` must be true, false or a mapping"),
        ({"augment_faces": {"flipp": 1}}, "`augment_faces` takes no 'flipp'. It takes: brightness"),
        ({"augment_faces": {"flip": 2}}, "`flip` of an augmentation is a probability, at most 1. Got 2."),
        ({"epochs": 3}, "`training` takes no 'epochs'. It takes: augment_faces, batch_size"),
        ([], "`training` must be a mapping. Got []."),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_network(given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        IdentifierTraining.of(given, of="vgg-voice")
    assert str(caught.value).startswith("The network 'vgg-voice': ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "`space` must map options to choices"),
        ({"space": {"dim": 3}}, "`space` must give 'dim' a list of choices or a range"),
        ({"space": {"dim": []}}, "`space` must give 'dim'"),
        ({"space": {"dim": {"low": 3, "high": 2}}}, "`dim.high` must be a number of at least 3. Got 2."),
        ({"space": {"dim": {"low": 0, "high": 2, "log": True}}}, "`dim.low` must be a number"),
        ({"space": {"dim": {"low": 1}}}, "`space` must give 'dim' a list of choices or a range"),
        ({"space": {"dim": {"low": 1, "high": 2, "by": 1}}}, "`space` must give 'dim' a list of choices or a range"),
        ({"space": {"dim": [1]}, "n_epochs": 0}, "`n_epochs` must be"),
        ({"space": {"dim": [1]}, "measure": "top_5"}, "`measure` must be one of top_1, loss. Got 'top_5'."),
        ({"space": {"dim": [1]}, "sampler": "grid"}, "`sampler` must be one of tpe, random"),
        ({"space": {"dim": [1]}, "n_trials": 0}, "`n_trials` must be"),
        ({"space": {"dim": [1]}, "prune": 1}, "`prune` must be true or false. Got 1."),
        ({"space": {"dim": [1]}, "trials": 1}, "`search` takes no 'trials'"),
    ],
)
def test_a_wrong_search_is_said_in_one_line(given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SearchSettings.of(given, of="tuned")
    assert str(caught.value).startswith("The network 'tuned': ")
    assert said in str(caught.value)


def test_a_search_has_the_defaults_of_its_fields() -> None:
    search = SearchSettings.of({"space": {"dim": [1, 2]}}, of="tuned")
    assert (search.n_trials, search.n_epochs, search.sampler, search.prune, search.measure) == (
        20,
        10,
        "tpe",
        False,
        "top_1",
    )


def test_a_training_has_the_defaults_of_its_fields() -> None:
    assert IdentifierTraining().as_json() == {
        "optimiser": "adamw", "learning_rate": 0.001, "weight_decay": 0.0, "momentum": 0.9, "schedule": "constant",
        "drop_at": [], "warm_up": 0.0, "batch_size": 32, "n_epochs": 40, "patience_epochs": 0, "time_limit_min": 0.0,
        "label_smoothing": 0.0, "shift_samples": 2000, "n_shifted_copies": 0, "mask_width": 0, "augment_faces": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        {"momentum": 0.0, "label_smoothing": 0.0, "warm_up": 1.0},
        {"batch_size": 2, "n_epochs": 1, "learning_rate": 10},
        {"shift_samples": 0, "n_shifted_copies": 0},
        {"schedule": "steps", "drop_at": [0.25, 0.75]},
    ],
)
def test_the_ends_of_the_ranges_are_allowed(given: Any) -> None:
    found = IdentifierTraining.of(given, of="a").as_json()
    assert {name: found[name] for name in given} == given


@pytest.mark.parametrize(
    "values",
    [[1], ("a", "b"), {"low": 1, "high": 1}, {"low": 0.1, "high": 2, "log": True}, {"low": 0, "high": 8, "step": 2}],
)
def test_choices_and_ranges_are_understood(values: Any) -> None:
    assert SearchSettings.of({"space": {"dim": values}}, of="a").space == {"dim": values}

"""Settings of the training from pixels and samples: every range, and what is left over."""

from __future__ import annotations

from typing import Any

import pytest

from visavox.batches.augment import FaceAugmentation, VoiceAugmentation
from visavox.errors import ConfigError
from visavox.objectives.info_nce import InfoNCE
from visavox.pipeline.end_to_end_settings import EndToEndSettings


def test_nothing_said_means_the_defaults() -> None:
    assert EndToEndSettings.of({}) == EndToEndSettings()


def test_an_augmentation_lays_over_the_defaults() -> None:
    found = EndToEndSettings.of({"n_epochs": 3, "face_augmentation": {"flip": 0}, "voice_augmentation": {"gain": 1}})
    assert found.n_epochs == 3
    assert found.face_augmentation == FaceAugmentation(flip=0)
    assert found.voice_augmentation == VoiceAugmentation(gain=1)
    assert EndToEndSettings.of({"face_augmentation": FaceAugmentation(flip=0)}).face_augmentation.flip == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 3}, "`end_to_end` takes no 'epochs'. It takes: accumulate, across_weight, "),
        ({"face_augmentation": {"blur": 1}}, "`face_augmentation` takes no 'blur'. It takes: brightness, "),
        ({"voice_augmentation": 3}, "`voice_augmentation` must be a mapping, as in"),
        ({"voice_augmentation": {"gain": -1}}, "`gain` of an augmentation must be a number of at least 0. Got -1"),
        ({"n_epochs": 0}, "`n_epochs` must be a whole number of at least 1. Got 0"),
        ({"n_epochs": "many"}, "`n_epochs` must be a whole number"),
        ({"people_a_batch": 1}, "`people_a_batch` must be a whole number of at least 2"),
        ({"clips_a_person": 0}, "`clips_a_person` must be a whole number of at least 1"),
        ({"output_dim": 0}, "`output_dim` must be"),
        ({"watch_every_epochs": 0}, "`watch_every_epochs` must be"),
        ({"learning_rate": 0}, "`learning_rate` must be"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be"),
        ({"warm_up": 1.1}, "`warm_up` must be a number of at least 0 and at most 1"),
        ({"weight_decay": -1}, "`weight_decay` must be"),
        ({"initial_temperature": 2}, "`initial_temperature` must be"),
        ({"window_s": 0}, "`window_s` must be"),
        ({"max_memory_gb": -1}, "`max_memory_gb` must be"),
        ({"across_weight": -1}, "`across_weight` must be"),
        ({"across_weight": 0, "within_voice_weight": 0, "within_face_weight": 0}, "must not all be 0"),
        ({"accumulate": 0}, "`accumulate` must be a whole number of at least 1"),
        ({"optimiser": "lion"}, "`optimiser` must be one of adamw, adam, sgd. Got 'lion'"),
        ({"momentum": 1}, "`momentum` must be a number of at least 0"),
        ({"schedule": "linear"}, "`schedule` must be one of cosine, steps, constant. Got 'linear'"),
        ({"schedule": "steps"}, "`drop_at` is of the schedule steps. Got () with 'steps'"),
        ({"drop_at": [0.5]}, "`drop_at` is of the schedule steps. Got (0.5,) with 'cosine'"),
        ({"drop_at": 0.5}, "`drop_at` must be a list of shares, as in [0.4, 0.8]. Got 0.5"),
        ({"schedule": "steps", "drop_at": [1]}, "`drop_at` must be a number of at least 1e-09 and at most 1"),
        ({"one_per_person": 1}, "`one_per_person` must be true or false. Got 1"),
        ({"window_s": [1, 2, 3]}, "`window_s` must be one length or two, as in [2.5, 5]. Got [1, 2, 3]"),
        ({"window_s": [5, 2.5]}, "`window_s` must give the shorter length first. Got (5, 2.5)"),
        ({"window_s": [0.01, 2]}, "`window_s` must be a number of at least 0.1. Got 0.01"),
        ({"window_s": "long"}, "`window_s` must be a number of at least 0.1. Got 'long'"),
        ({"objective": "infonce"}, "Unknown objective 'infonce'. Did you mean 'info_nce'"),
        ({"objective": 3}, "`objective` must be a name or a mapping with `name`. Got 3"),
        ({"objective": {"initial_temperature": 1}}, "`objective` must be a name or a mapping with `name`"),
        ({"objective": {"name": "info_nce", "heat": 1}}, "takes no 'heat'"),
        ({"objective": "prototype_contrast"}, "The objective 'prototype_contrast' looks at all training pairs between"),
        ({"clips_a_person": 1}, "`clips_a_person` must be at least 2 where a term within a modality has a weight"),
    ],
)
def test_what_is_out_of_range_or_left_over_is_one_line(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        EndToEndSettings.of(values)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bare_objective_starts_with_the_settings_temperature_and_one_with_options_says_its_own() -> None:
    assert EndToEndSettings(initial_temperature=0.3).build_objective().figures()["temperature"] == pytest.approx(0.3)
    own = EndToEndSettings(initial_temperature=0.3, objective={"name": "info_nce", "initial_temperature": 0.5})
    assert own.build_objective().figures()["temperature"] == pytest.approx(0.5)
    bare = EndToEndSettings(objective={"name": "info_nce"})
    assert bare.build_objective().figures()["temperature"] == pytest.approx(InfoNCE().temperature)
    assert EndToEndSettings(objective="barlow_twins").build_objective().figures() is not None  # it has no temperature


def test_a_window_is_one_length_or_two() -> None:
    fixed, drawn = (EndToEndSettings.of({"window_s": given}) for given in (2, [2.5, 5]))
    assert (fixed.shortest_window_s, fixed.longest_window_s) == (2, 2)
    assert (drawn.shortest_window_s, drawn.longest_window_s, drawn.window_s) == (2.5, 5, (2.5, 5))


def test_the_published_recipe_of_seeking_the_shape_of_sound_can_be_written() -> None:
    EndToEndSettings.of(
        {
            "objective": {"name": "seeking_shape", "reweight": "paper"},
            "heads": {"name": "sss", "output_dim": 128},
            "across_weight": 1,
            "within_voice_weight": 0,
            "within_face_weight": 0,
            "people_a_batch": 64,
            "clips_a_person": 1,
            "one_per_person": True,
            "optimiser": "sgd",
            "learning_rate": 0.01,
            "weight_decay": 1e-4,
            "schedule": "steps",
            "drop_at": [1000 / 2400, 2000 / 2400],
            "warm_up": 0,
            "window_s": [2.5, 5.0],
            "face_augmentation": {"turn_deg": 15, "turn": 0.5},
        }
    )


def test_one_clip_a_person_will_do_across_the_modalities() -> None:
    EndToEndSettings.of({"clips_a_person": 1, "within_voice_weight": 0, "within_face_weight": 0})

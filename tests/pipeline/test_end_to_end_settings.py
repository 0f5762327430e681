"""Settings of the training from pixels and samples: every range, and what is left over."""

from __future__ import annotations

from typing import Any

import pytest

from visavox.batches.augment import FaceAugmentation, VoiceAugmentation
from visavox.errors import ConfigError
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
        ({"epochs": 3}, "`end_to_end` takes no 'epochs'. It takes: across_weight, "),
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
        ({"clips_a_person": 1}, "`clips_a_person` must be at least 2 where a term within a modality has a weight"),
    ],
)
def test_what_is_out_of_range_or_left_over_is_one_line(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        EndToEndSettings.of(values)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_clip_a_person_will_do_across_the_modalities() -> None:
    EndToEndSettings.of({"clips_a_person": 1, "within_voice_weight": 0, "within_face_weight": 0})

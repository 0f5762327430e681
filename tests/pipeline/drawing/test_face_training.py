"""Encoder and decoder learn together: pictures come back, labels are told, nothing held out is learned from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.pipeline.drawing.made_media import made_media

from visavox.models.encoders.face_look import AGE_CENTRE, AGE_SCALE, FaceLookEncoder
from visavox.models.face_decoders.small import SmallDecoder
from visavox.pipeline.drawing.epoch_loop import LoopOptions
from visavox.pipeline.drawing.face_training import (
    FaceAutoencoder,
    attribute_figures,
    attribute_loss,
    train_face_look,
)
from visavox.pipeline.drawing.pictures import DrawingMedia
from visavox.pipeline.drawing.settings import FaceTraining
from visavox.pipeline.training_log import RunPlace


def parts(seed: int = 1) -> tuple[FaceLookEncoder, SmallDecoder]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return FaceLookEncoder(seed=seed, dim=6), SmallDecoder(feature_dim=6, image_px=8, channel_factor=0.1)


def settings(n_epochs: int = 2) -> FaceTraining:
    return FaceTraining(n_epochs=n_epochs, batch_size=8, learning_rate=0.01, averaging=0.5, corpus_copies=1)


def train(media: DrawingMedia, n_epochs: int = 2, place: Path | None = None) -> tuple[FaceAutoencoder, list[float]]:
    encoder, decoder = parts()
    where = None if place is None else RunPlace(place, member="faces", tensorboard=False)
    history = train_face_look(encoder, decoder, media, settings(n_epochs), LoopOptions(place=where))
    return FaceAutoencoder(encoder.network, decoder), [line["picture_loss"] for line in history]


def test_pictures_come_back_nearer_and_both_are_left_in_evaluation_mode() -> None:
    network, wrong = train(made_media(n_labelled=0), n_epochs=20)
    assert wrong[-1] < 0.75 * wrong[0]
    assert not network.encoder.training and not network.decoder.training


def test_figures_of_an_epoch_say_pixels_and_labels() -> None:
    encoder, decoder = parts()
    (line,) = train_face_look(encoder, decoder, made_media(), settings(1))
    names = {"validation_l1", "held_out_l1", "gender_accuracy", "age_error", "race_accuracy"}
    assert names | {"picture_loss", "attribute_loss"} <= set(line)
    assert all(math.isfinite(value) for value in line.values())


def test_what_is_held_out_or_of_another_subset_changes_no_weight() -> None:
    media = made_media()
    other = made_media()
    other.labelled.pictures[other.labelled.held_out] = 0
    other.paired["validation"].pictures[:] = 255
    one, two = train(media)[0].state_dict(), train(other)[0].state_dict()
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    other.paired["train"].pictures[0] = 0
    changed = train(other)[0].state_dict()
    assert not all(torch.equal(value, changed[name]) for name, value in one.items())


def test_a_corpus_alone_is_enough() -> None:
    encoder, decoder = parts()
    (line,) = train_face_look(encoder, decoder, made_media(n_labelled=0), settings(1))
    assert line["attribute_loss"] == 0 and "held_out_l1" not in line and "validation_l1" in line


def test_a_training_that_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    media = made_media()
    whole, _ = train(media, 2, tmp_path / "whole")
    encoder, decoder = parts()

    def kill(done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    place = RunPlace(tmp_path / "killed", member="faces", tensorboard=False)
    with pytest.raises(KeyboardInterrupt):
        train_face_look(encoder, decoder, media, settings(2), LoopOptions(place=place), progress=kill)
    resumed, _ = train(media, 2, tmp_path / "killed")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_the_loss_of_labels_is_what_a_plain_loop_finds() -> None:
    told = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    labelled = torch.tensor([True, False, True, True])
    chosen = torch.tensor([2, 99, 0, 1])
    male, age, race = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([-0.2, 3.0, 0.4]), torch.tensor([4, 0, 2])
    found = float(attribute_loss(told, labelled, chosen, male=male, age=age, race=race))
    total = 0.0
    for row in (0, 2, 3):
        label, numbers = int(chosen[row]), told[row].tolist()
        p = 1 / (1 + math.exp(-numbers[0]))
        total -= math.log(p if male[label] else 1 - p)
        wrong = abs(numbers[1] - float(age[label]))
        total += wrong**2 / 2 if wrong < 1 else wrong - 0.5
        total += math.log(sum(math.exp(v) for v in numbers[2:])) - numbers[2 + int(race[label])]
    assert found == pytest.approx(total / 3, rel=1e-5)


def test_without_labels_there_is_no_loss_but_a_graph() -> None:
    told = torch.ones(2, 7, requires_grad=True)
    none = torch.zeros(2, dtype=torch.bool)
    empty = torch.zeros(0)
    loss = attribute_loss(told, none, torch.tensor([5, 6]), male=empty, age=empty, race=empty.long())
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss) == 0 and told.grad is not None and not told.grad.any()


def test_figures_of_labels_by_hand() -> None:
    told = np.zeros((2, 7))
    told[:, 0] = (1, -1)
    told[:, 1] = (0, 0.5)
    told[0, 4], told[1, 6] = 1, 1
    ages = np.array([AGE_CENTRE + 3, AGE_CENTRE + 0.5 * AGE_SCALE - 1])
    figures = attribute_figures(told, male=np.array([True, True]), age=ages, race=np.array([2, 0]))
    assert figures == {"gender_accuracy": 0.5, "age_error": pytest.approx(2), "race_accuracy": 0.5}

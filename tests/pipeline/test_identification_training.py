"""The loop of networks that name people: it learns, repeats, resumes bit for bit after a kill, and stops when told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visavox.batches.identification_batches import IdentificationClips
from visavox.errors import DataError
from visavox.models.identifiers.base import Identifier
from visavox.models.mel_image import VOICE_SAMPLES
from visavox.pipeline import identification_training
from visavox.pipeline.identification_settings import IdentifierTraining
from visavox.pipeline.identification_training import (
    STATE,
    DivergedError,
    IdentifierOptions,
    IdentifierOutcome,
    train_identifier,
)
from visavox.pipeline.training_log import RunPlace, read_metrics

PX, N_PEOPLE = 8, 3


class Colours(Identifier):
    """Names people by the mean of each quarter of the face, behind dropout."""

    modalities = ("face",)
    face_px = PX

    def __init__(self, *, n_people: int = N_PEOPLE, seed: int = 0) -> None:
        super().__init__(n_people=n_people)
        torch.manual_seed(seed)
        self.convolution = nn.Conv2d(3, 8, kernel_size=4, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.2)
        self.feature_dim = 32
        self.last = nn.Linear(32, n_people)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        (picture,) = self.needed(voice, face)
        return self.drop(self.norm(self.convolution(picture)).relu().flatten(1))

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.last(self.features(voice, face))


class Listener(Identifier):
    """Keeps every picture that it is shown, with dropout, a layer for voices, or one for faces."""

    def __init__(self, modality: str, *, drop: float = 0.0) -> None:
        super().__init__(n_people=N_PEOPLE)
        torch.manual_seed(0)
        self.modalities = (modality,)  # type: ignore[assignment]
        self.face_px = PX if modality == "face" else None
        self.feature_dim = 128 if modality == "voice" else 3
        self.drop = nn.Dropout(drop)
        self.last = nn.Linear(self.feature_dim, N_PEOPLE)
        self.shown: dict[bool, list[Tensor]] = {True: [], False: []}

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        (picture,) = self.needed(voice, face)
        self.shown[self.training].append(picture.detach().clone())
        return self.drop(picture.mean(dim=(1, 3)) if voice is not None else picture.mean(dim=(2, 3)))

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.last(self.features(voice, face))


def made(n: int, seed: int) -> IdentificationClips:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % N_PEOPLE
    colours = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]])[labels]
    faces = colours[:, None, None] + rng.integers(-30, 30, (n, PX, PX, 3))
    return IdentificationClips(labels, faces=faces.astype(np.uint8))


TRAIN, VALIDATION = made(31, 0), made(9, 1)  # 31: the last batch of ten holds a single clip
SETTINGS = IdentifierTraining(n_epochs=6, batch_size=10, learning_rate=0.01)


def train(settings: IdentifierTraining = SETTINGS, **options: Any) -> tuple[Colours, IdentifierOutcome]:
    network = Colours()
    report = options.pop("report", None)
    progress = options.pop("progress", None)
    outcome = train_identifier(
        network, TRAIN, VALIDATION, settings, IdentifierOptions(**options), report=report, progress=progress
    )
    return network, outcome


def weights(network: nn.Module) -> list[Tensor]:
    return [value.clone() for value in network.state_dict().values()]


def test_it_learns_and_says_how_it_went() -> None:
    seen: list[tuple[int, int]] = []
    network, outcome = train(
        IdentifierTraining(n_epochs=15, batch_size=10, learning_rate=0.01), progress=lambda *p: seen.append(p)
    )
    assert outcome.kept["validation_top_1"] == 1.0
    assert outcome.history[-1]["loss"] < outcome.history[0]["loss"]
    assert set(outcome.history[0]) == {
        "epoch", "loss", "train_top_1", "validation_loss", "validation_top_1", "learning_rate", "seconds",
    }  # fmt: skip
    assert (outcome.n_epochs, outcome.kept_epoch, outcome.stopped) == (15, 15, "all 15 epochs done")
    assert seen == [(epoch, 15) for epoch in range(1, 16)]
    assert not network.training


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_seed_repeats_a_training_and_another_differs(bfloat16: bool) -> None:
    first, again, other = (weights(train(seed=seed, bfloat16=bfloat16)[0]) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", ["adam", "sgd", "adamw"])
@pytest.mark.parametrize("patience", [0, 3])
def test_a_killed_training_goes_on_bit_for_bit(tmp_path: Path, name: Any, patience: int) -> None:
    settings = IdentifierTraining(
        n_epochs=6, batch_size=10, learning_rate=0.01, optimiser=name, patience_epochs=patience, schedule="cosine"
    )
    whole, outcome = train(settings, seed=4)

    def stop(figures: Any) -> None:
        if figures["epoch"] == 3:
            raise KeyboardInterrupt

    place = RunPlace(tmp_path, member="colours", tensorboard=False)
    with pytest.raises(KeyboardInterrupt):
        train(settings, seed=4, place=place, report=stop)
    assert (tmp_path / STATE / "epoch.safetensors").is_file()
    resumed, after = train(settings, seed=4, place=place)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))
    assert [line["loss"] for line in after.history] == [line["loss"] for line in outcome.history]
    assert [line["epoch"] for line in read_metrics(tmp_path)] == list(range(1, outcome.n_epochs + 1))
    again, same = train(settings, seed=4, place=place)  # finished: nothing is trained
    assert same.stopped == outcome.stopped
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(again), strict=True))


def test_a_state_of_other_settings_is_refused(tmp_path: Path) -> None:
    place = RunPlace(tmp_path, tensorboard=False)
    train(place=place)
    with pytest.raises(DataError, match="comes from another run: learning_rate was 0.01, is 0.02"):
        train(IdentifierTraining(n_epochs=6, batch_size=10, learning_rate=0.02), place=place)


def test_patience_stops_and_the_best_weights_come_back() -> None:
    settings = IdentifierTraining(n_epochs=40, batch_size=10, learning_rate=1.0, patience_epochs=2, optimiser="sgd")
    network, outcome = train(settings)
    losses = [line["validation_loss"] for line in outcome.history]
    assert outcome.stopped == "no lower validation loss for 2 epochs"
    assert outcome.kept_epoch == 1 + int(np.argmin(losses)) == outcome.n_epochs - 2
    short = IdentifierTraining(
        n_epochs=40, batch_size=10, learning_rate=1.0, patience_epochs=40, optimiser="sgd", time_limit_min=1e-9
    )
    limited, cut = train(short)
    assert (cut.n_epochs, cut.stopped) == (1, "the time limit of 1e-09 min was reached")
    if outcome.kept_epoch == 1:
        assert all(torch.equal(a, b) for a, b in zip(weights(network), weights(limited), strict=True))


def test_the_loss_of_an_epoch_is_the_mean_over_its_clips_with_smoothing() -> None:
    network = Colours()
    torch.nn.init.zeros_(network.last.weight)
    torch.nn.init.zeros_(network.last.bias)
    settings = IdentifierTraining(n_epochs=1, batch_size=10, learning_rate=1e-12, label_smoothing=0.3)
    outcome = train_identifier(network, TRAIN, VALIDATION, settings)
    assert outcome.history[0]["loss"] == pytest.approx(np.log(N_PEOPLE), rel=1e-5)  # whatever the smoothing
    assert outcome.history[0]["validation_loss"] == pytest.approx(np.log(N_PEOPLE), rel=1e-5)


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    network = Colours()
    network.last.weight.data.fill_(float("inf"))
    with pytest.raises(
        DataError, match=r"The loss became nan or infinite in epoch 1 \(seed 0\). Lower `learning_rate`"
    ):
        train_identifier(network, TRAIN, VALIDATION, SETTINGS)


def test_weights_without_a_gradient_stay() -> None:
    network = Colours()
    network.convolution.requires_grad_(False)
    before = network.convolution.weight.clone()
    train_identifier(network, TRAIN, VALIDATION, SETTINGS)
    assert torch.equal(network.convolution.weight, before)


def said_with(monkeypatch: pytest.MonkeyPatch, margins: Sequence[float]) -> None:
    """Have the validation clips answered with these logits of the right person, one after each epoch."""
    left = list(margins)

    def predict(_: Any, clips: IdentificationClips, **__: Any) -> Any:
        return (left.pop(0) * np.eye(N_PEOPLE)[clips.labels]).astype(np.float32)

    monkeypatch.setattr(identification_training, "predict", predict)


@pytest.mark.parametrize("patience", [2, 0, 6])
def test_of_equal_losses_the_first_epoch_is_kept_with_its_weights(
    monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    said_with(monkeypatch, [0.5, 2.0, 2.0, 1.0, 1.0, 1.0])
    network, after = Colours(), []
    settings = IdentifierTraining(n_epochs=6, batch_size=10, learning_rate=0.01, patience_epochs=patience)
    outcome = train_identifier(network, TRAIN, VALIDATION, settings, report=lambda _: after.append(weights(network)))
    assert outcome.history[1]["validation_loss"] == pytest.approx(math.log(1 + 2 * math.exp(-2)), rel=1e-6)
    n_epochs, kept, stopped = {
        2: (4, 2, "no lower validation loss for 2 epochs"), 0: (6, 6, "all 6 epochs done"),
        6: (6, 2, "all 6 epochs done"),
    }[patience]  # fmt: skip
    assert (outcome.n_epochs, outcome.kept_epoch, outcome.stopped) == (n_epochs, kept, stopped)
    assert outcome.kept["epoch"] == kept and len(after) == n_epochs
    found = [all(torch.equal(a, b) for a, b in zip(weights(network), epoch, strict=True)) for epoch in after]
    assert found == [epoch == kept for epoch in range(1, n_epochs + 1)]


def test_the_best_weights_survive_a_kill_that_comes_after_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = IdentifierTraining(n_epochs=6, batch_size=10, learning_rate=0.01, patience_epochs=5)
    margins = [0.5, 2.0, 1.0, 1.0, 1.0, 1.0]
    said_with(monkeypatch, margins)
    whole, outcome = train(settings)
    place = RunPlace(tmp_path, tensorboard=False)
    monkeypatch.setattr(identification_training, "SHARE_OF_SAVING", 1e9)  # after every epoch

    def stop(figures: Any) -> None:
        if figures["epoch"] == 4:
            raise KeyboardInterrupt

    said_with(monkeypatch, margins[:4])
    with pytest.raises(KeyboardInterrupt):
        train(settings, place=place, report=stop)
    said_with(monkeypatch, margins[4:])
    done: list[int] = []
    resumed, after = train(settings, place=place, progress=lambda epoch, _: done.append(epoch))
    assert done == [5, 6]  # nothing is done twice
    assert (after.kept_epoch, after.n_epochs, after.stopped) == (2, 6, outcome.stopped)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))
    assert after.seconds == pytest.approx(sum(line["seconds"] for line in after.history))


def test_epochs_after_the_last_state_are_done_again_and_written_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, outcome = train(seed=4)
    monkeypatch.setattr(identification_training, "SHARE_OF_SAVING", 1e-9)  # after the first epoch and the last
    place, done = RunPlace(tmp_path, tensorboard=False), []

    def stop(figures: Any) -> None:
        if figures["epoch"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(seed=4, place=place, report=stop)
    assert [line["epoch"] for line in read_metrics(tmp_path)] == [1, 2, 3, 4]
    resumed, after = train(seed=4, place=place, progress=lambda epoch, _: done.append(epoch))
    assert done == [2, 3, 4, 5, 6]
    assert [line["epoch"] for line in after.history] == [line["epoch"] for line in read_metrics(tmp_path)]
    assert [line["loss"] for line in after.history] == [line["loss"] for line in outcome.history]
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_the_state_of_other_clips_is_refused(tmp_path: Path) -> None:
    place = RunPlace(tmp_path, tensorboard=False)
    train(place=place, data="one")
    with pytest.raises(DataError, match="comes from another run: data was 'one', is 'two'"):
        train(place=place, data="two")


def test_validation_clips_are_measured_as_they_are_and_without_smoothing() -> None:
    settings = IdentifierTraining(
        n_epochs=2, batch_size=10, learning_rate=0.01, label_smoothing=0.5, augment_faces={"brightness": 0.9}
    )
    network, outcome = train(settings)
    assert VALIDATION.faces is not None
    with torch.inference_mode():
        logits = network(face=torch.from_numpy(VALIDATION.faces).permute(0, 3, 1, 2) / 255).double()
    own = [float(row.softmax(dim=0)[label]) for row, label in zip(logits, VALIDATION.labels, strict=True)]
    named = [int(row.argmax()) == label for row, label in zip(logits, VALIDATION.labels, strict=True)]
    assert outcome.history[-1]["validation_loss"] == pytest.approx(-sum(map(math.log, own)) / len(own), rel=1e-4)
    assert outcome.history[-1]["validation_top_1"] == pytest.approx(sum(named) / len(named))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_of_an_epoch_weighs_clips_alike_and_smooths_as_told(smoothing: float) -> None:
    clips, network = made(27, 2), Listener("face")  # batches of 10, 10 and 7
    settings = IdentifierTraining(
        n_epochs=1, batch_size=10, learning_rate=1e-12, label_smoothing=smoothing, augment_faces=False
    )
    with torch.no_grad():
        network.last.weight.mul_(20)
    outcome = train_identifier(network, clips, VALIDATION, settings)
    assert clips.faces is not None
    losses, right = [], 0
    for face, label in zip(clips.faces, clips.labels, strict=True):
        with torch.inference_mode():
            logits = network(face=torch.from_numpy(face).permute(2, 0, 1)[None] / 255)[0].double()
        logs = [float(value) for value in logits.log_softmax(dim=0)]
        losses.append(-(1 - smoothing) * logs[label] - smoothing * sum(logs) / N_PEOPLE)
        right += int(logits.argmax()) == label
    assert outcome.history[0]["loss"] == pytest.approx(sum(losses) / 27, rel=1e-5)
    assert outcome.history[0]["train_top_1"] == pytest.approx(right / 27)


def test_the_rate_falls_over_the_whole_training() -> None:
    settings = IdentifierTraining(n_epochs=4, batch_size=10, learning_rate=0.02, schedule="cosine")
    outcome = train_identifier(Colours(), made(30, 0), VALIDATION, settings)
    last_steps = [3 * epoch + 2 for epoch in range(4)]  # of 12
    wanted = [0.02 * (1 + math.cos(math.pi * (step + 1) / 12)) / 2 for step in last_steps]
    assert [line["learning_rate"] for line in outcome.history] == pytest.approx(wanted)


def test_matrices_decay_and_biases_do_not() -> None:
    dark = IdentificationClips(np.arange(10) % N_PEOPLE, faces=np.zeros((10, PX, PX, 3), dtype=np.uint8))
    kept = {}
    for decay in (0.0, 0.5):
        network = Listener("face")
        before = network.last.weight.detach().clone()
        settings = IdentifierTraining(
            n_epochs=3, batch_size=10, learning_rate=0.1, optimiser="sgd", momentum=0.0, weight_decay=decay,
            augment_faces=False,
        )  # fmt: skip
        train_identifier(network, dark, VALIDATION, settings)
        # In the dark a matrix has no gradient: three steps leave (1 - 0.1 * decay)^3 of it.
        torch.testing.assert_close(network.last.weight, before * (1 - 0.1 * decay) ** 3)
        kept[decay] = network.last.bias.detach().clone()
    assert torch.equal(kept[0.0], kept[0.5])


def pictures(settings: dict[str, Any], modality: str) -> tuple[list[Tensor], list[Tensor]]:
    """What a network is shown of four equal clips: in each epoch of a training, and in each validation."""
    rng = np.random.default_rng(0)
    voices = np.tile(rng.integers(-9000, 9000, VOICE_SAMPLES), (4, 1)).astype(np.int16)
    faces = np.tile(rng.integers(0, 255, (PX, PX, 3)), (4, 1, 1, 1)).astype(np.uint8)
    clips = IdentificationClips(np.arange(4) % N_PEOPLE, voices, faces)
    network = Listener(modality)
    train_identifier(network, clips, clips, IdentifierTraining(n_epochs=2, batch_size=4, **settings))
    return network.shown[True], network.shown[False]


@pytest.mark.parametrize(
    ("modality", "settings"),
    [
        ("voice", {"shift_samples": 0, "mask_width": 20}),
        ("voice", {"shift_samples": 2000}),
        ("face", {}),
        ("face", {"augment_faces": {"flip": 0.0, "brightness": 0.5}}),
    ],
)
def test_training_pictures_change_in_every_epoch_and_validation_pictures_never(
    modality: str, settings: dict[str, Any]
) -> None:
    training, validation = pictures(settings, modality)
    plain = validation[0][:1]
    assert all(torch.equal(batch, plain.expand_as(batch)) for batch in validation)
    assert len(training) == len(validation) == 2
    assert not torch.equal(training[0], training[1])
    for batch in training:
        assert sum(torch.equal(picture, plain[0]) for picture in batch) < 4


@pytest.mark.parametrize(
    ("modality", "settings"), [("voice", {"shift_samples": 0}), ("face", {"augment_faces": False})]
)
def test_what_is_switched_off_leaves_the_training_pictures(modality: str, settings: dict[str, Any]) -> None:
    training, validation = pictures(settings, modality)
    assert all(torch.equal(batch, validation[0]) for batch in training)


def test_masks_and_dropout_of_a_voice_resume_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    clips = IdentificationClips(np.arange(6) % N_PEOPLE, rng.integers(-9000, 9000, (6, VOICE_SAMPLES)).astype(np.int16))
    settings = IdentifierTraining(n_epochs=3, batch_size=3, mask_width=20, learning_rate=0.01)
    whole, first, second = (Listener("voice", drop=0.5) for _ in range(3))
    train_identifier(whole, clips, clips, settings)
    options = IdentifierOptions(place=RunPlace(tmp_path, tensorboard=False))

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_identifier(first, clips, clips, settings, options, report=stop)
    torch.manual_seed(99)  # what happens elsewhere plays no part
    train_identifier(second, clips, clips, settings, options)
    assert torch.equal(whole.last.weight, second.last.weight)
    assert len(second.shown[True]) == 4  # two batches in each of the two epochs that were left


def test_the_limit_is_of_minutes_over_all_sittings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    moments = iter(range(0, 10_000, 20))  # every look at the clock is 20 s after the last
    monkeypatch.setattr(identification_training, "time", SimpleNamespace(perf_counter=lambda: float(next(moments))))
    settings = IdentifierTraining(n_epochs=9, batch_size=10, time_limit_min=1)
    _, outcome = train(settings)
    assert (outcome.n_epochs, outcome.stopped, outcome.seconds) == (3, "the time limit of 1 min was reached", 60.0)

    def stop(figures: Any) -> None:
        if figures["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(identification_training, "SHARE_OF_SAVING", 1e9)
    place = RunPlace(tmp_path, tensorboard=False)
    with pytest.raises(KeyboardInterrupt):
        train(settings, place=place, report=stop)
    _, resumed = train(settings, place=place)
    assert (resumed.n_epochs, resumed.seconds) == (3, 60.0)


class HalfFrozen(Colours):
    """One whose convolution does not learn."""

    has_frozen_part = True

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.convolution.requires_grad_(requires_grad=False)

    def frozen_features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.convolution(self.needed(voice, face)[0])

    def forward_from(self, frozen: Tensor) -> Tensor:
        return self.last(self.drop(self.norm(frozen).relu().flatten(1)))


def test_features_are_kept_of_the_frozen_weights_of_the_state(tmp_path: Path) -> None:
    """They were kept before the state was read: those of whatever the network was built with."""
    settings = IdentifierTraining(n_epochs=4, batch_size=10, learning_rate=0.01, augment_faces=False)
    whole = HalfFrozen()
    train_identifier(whole, TRAIN, VALIDATION, settings)
    options = IdentifierOptions(place=RunPlace(tmp_path, tensorboard=False))

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_identifier(HalfFrozen(), TRAIN, VALIDATION, settings, options, report=stop)
    resumed = HalfFrozen(seed=7)
    train_identifier(resumed, TRAIN, VALIDATION, settings, options)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_the_state_of_another_network_or_of_other_weights_under_it_is_refused(tmp_path: Path) -> None:
    """A state was known by the class of its network alone."""
    place = RunPlace(tmp_path, tensorboard=False)
    one: dict[str, Any] = {"specification": {"name": "colours", "n_people": 3}, "from": {"face": "a1"}}
    train(place=place, begins_with=one)
    train(place=place, begins_with=one)
    with pytest.raises(DataError, match="comes from another run: from was .*a1.*, is .*b2"):
        train(place=place, begins_with={**one, "from": {"face": "b2"}})
    with pytest.raises(DataError, match="comes from another run: specification was .*colours.*, is "):
        train(place=place, begins_with={**one, "specification": {"name": "colours", "n_people": 4}})


@pytest.mark.parametrize("patience", [0, 1])
def test_a_validation_loss_that_is_no_number_ends_the_training(
    monkeypatch: pytest.MonkeyPatch, patience: int, tmp_path: Path
) -> None:
    """With patience 1 it was a StopIteration, without it a network of nan was kept as done."""
    monkeypatch.setattr(
        identification_training, "predict", lambda *_, **__: np.full((len(VALIDATION), N_PEOPLE), np.nan, np.float32)
    )
    settings = IdentifierTraining(n_epochs=3, batch_size=10, learning_rate=0.25, patience_epochs=patience)
    with pytest.raises(DivergedError) as caught:
        train(settings, place=RunPlace(tmp_path, tensorboard=False))
    assert str(caught.value) == (
        "The validation loss became nan or infinite in epoch 1 (seed 0). Lower `learning_rate`, now 0.25."
    )
    assert not (tmp_path / STATE).exists()

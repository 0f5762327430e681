"""The descent of predictors: that it learns, stops, and goes on after a kill as if nothing had happened."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.models.face_predictors.base import FacePredictor
from visavox.models.face_predictors.light import LightPredictor
from visavox.models.face_predictors.speech2face import Speech2FacePredictor
from visavox.objectives.face_feature import normalised_feature_loss
from visavox.pipeline.drawing import predictor_descent
from visavox.pipeline.drawing.predictor_descent import descend, predict
from visavox.pipeline.drawing.predictor_settings import PredictorTraining
from visavox.pipeline.drawing.voice_inputs import VoiceEmbeddings, VoiceInputs, VoicePictures
from visavox.pipeline.training_log import read_metrics

Features = np.ndarray


class PaintedPictures(VoicePictures):
    """Spectrograms whose two channels have levels that the clip's number decides."""

    def read(self, rows: np.ndarray) -> np.ndarray:
        pictures = np.zeros((len(rows), 2, 598, 257), np.float32)
        for picture, row in zip(pictures, rows, strict=True):
            number = int(self.paths[int(row)].stem)
            picture[number % 2] = 1.0
            picture[:, :, : 40 + number] += 0.1
        return pictures

    def select(self, rows: np.ndarray) -> PaintedPictures:
        return PaintedPictures([self.paths[int(row)] for row in rows])


def heard(n: int = 8, first: int = 0) -> tuple[VoiceInputs, Features]:
    """Clips whose even ones look one way and odd ones another."""
    paths = tuple(Path(f"{first + number}.flac") for number in range(n))
    features = np.array([[2.0, 0.3] if (first + i) % 2 else [0.3, 2.0] for i in range(n)], np.float32)
    return VoiceInputs(paths, pictures=PaintedPictures(paths)), features


def network(seed: int = 0) -> Speech2FacePredictor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Speech2FacePredictor(feature_dim=2, hidden_dim=8, channel_factor=1 / 64)


def vectors(n: int = 60, seed: int = 0) -> tuple[VoiceInputs, Features]:
    """Embeddings from which features follow by a bend that no affine map has."""
    rng = np.random.default_rng(seed)
    whole = rng.normal(size=(n, 3)).astype(np.float32)
    windows = np.repeat(whole, 2, axis=0) + 0.01 * rng.normal(size=(2 * n, 3)).astype(np.float32)
    features = np.stack([np.abs(whole[:, 0]), whole[:, 1]], axis=1).astype(np.float32)
    paths = tuple(Path(f"{i}.flac") for i in range(n))
    return VoiceInputs(paths, embeddings=VoiceEmbeddings(whole, windows, np.repeat(np.arange(n), 2))), features


def light(seed: int = 0) -> LightPredictor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LightPredictor(input_dim=3, feature_dim=2, hidden_dim=16)


FAST = {"learning_rate": 0.01, "batch_size": 4, "n_epochs": 4, "patience_epochs": 0, "beta1": 0.9}


def run(predictor: FacePredictor, data: tuple[VoiceInputs, Features], **given: Any) -> dict[str, Any]:
    options = {name: given.pop(name) for name in ("validation", "place", "progress", "classifier") if name in given}
    options = {"validation": None, "place": None, **options}
    return descend(predictor, *data, PredictorTraining(**{**FAST, **given}), **options)


@pytest.mark.slow
def test_spectrograms_are_learned_from() -> None:
    predictor, data = network(), heard()
    before = normalised_feature_loss(torch.from_numpy(predict(predictor, data[0])), torch.from_numpy(data[1]))
    outcome = run(predictor, data, n_epochs=8)
    predictor.train()  # statistics of few batches have not settled: those of the batch tell what was learned
    with torch.no_grad():
        after = normalised_feature_loss(predictor(data[0].batch(np.arange(8))), torch.from_numpy(data[1]))
    assert after < 0.5 * before
    assert outcome["epochs"] == 8 and outcome["loss"] == "normalised" and outcome["stopped"] == "all 8 epochs done"


def test_of_the_light_predictor_the_second_path_alone_is_trained() -> None:
    predictor, data = light(), vectors()
    predictor.fit_affine(data[0].embeddings.whole, data[1], [str(i) for i in range(60)])  # type: ignore[union-attr]
    affine = predictor.affine.weight.detach().clone()
    before = ((predict(predictor, data[0]) - data[1]) ** 2).sum(axis=1).mean()
    outcome = run(predictor, data, n_epochs=30)
    assert outcome["loss"] == "squared"
    assert ((predict(predictor, data[0]) - data[1]) ** 2).sum(axis=1).mean() < 0.5 * before
    assert predictor.affine.weight.equal(affine)


def test_the_first_step_is_adams_with_the_papers_constants() -> None:
    """One batch of all clips: each weight moves by the rate against its gradient's sign, as Adam's first step does."""
    predictor, data = light(), vectors(4)
    torch.nn.init.normal_(predictor.second.weight)
    slow = light()
    slow.load_state_dict(predictor.state_dict())
    run(predictor, data, n_epochs=1, windows=False, learning_rate=1e-3)
    loss = ((slow(data[0].batch(np.arange(4))) - torch.from_numpy(data[1])) ** 2).sum(dim=1).mean()
    loss.backward()
    for name in ("first.weight", "second.weight", "second.bias"):
        gradient = slow.get_parameter(name).grad
        assert gradient is not None
        expected = slow.get_parameter(name) - 1e-3 * gradient / (gradient.abs() + 1e-8)
        torch.testing.assert_close(predictor.get_parameter(name), expected, atol=1e-5, rtol=1e-4)


def test_it_stops_when_the_validation_loss_no_longer_falls_and_keeps_the_best(tmp_path: Path) -> None:
    data, other = vectors(20), vectors(20, seed=1)
    wrong = (other[0], -other[1][::-1].copy())  # what is learned is of no use for these
    predictor = light()
    outcome = run(predictor, data, validation=wrong, place=tmp_path, n_epochs=50, patience_epochs=3, learning_rate=0.05)
    lines = read_metrics(tmp_path)
    losses = [line["validation_loss"] for line in lines]
    best = int(np.argmin(losses)) + 1
    assert outcome["stopped"] == "no lower validation loss for 3 epochs"
    assert outcome["kept_epoch"] == best and outcome["epochs"] == best + 3 == len(lines)
    apart = ((predict(predictor, wrong[0]) - wrong[1]) ** 2).sum(axis=1).mean()
    assert apart == pytest.approx(min(losses), rel=1e-4)


def test_numbers_of_each_epoch_are_written(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    run(network(), heard(), validation=heard(4, 8), place=tmp_path, n_epochs=2, progress=lambda *a: told.append(a))
    lines = read_metrics(tmp_path)
    assert told == [(1, 2), (2, 2)] and [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        assert {"loss", "angle_deg", "validation_loss", "validation_angle_deg", "learning_rate", "seconds"} <= set(line)
        assert 0 <= line["loss"] <= 4 and 0 <= line["angle_deg"] <= 180  # by clip, though the loss is a sum
    assert lines[1]["step"] == 4 and lines[1]["learning_rate"] == pytest.approx(0.01 * 0.95 ** (3 / 10_000))


@pytest.mark.parametrize("kind", [pytest.param("spectrogram", marks=pytest.mark.slow), "embedding"])
def test_a_training_that_was_killed_ends_in_the_same_weights(kind: str, tmp_path: Path) -> None:
    make: Callable[..., FacePredictor] = network if kind == "spectrogram" else light
    data, other = (heard(), heard(4, 8)) if kind == "spectrogram" else (vectors(), vectors(seed=1))

    class KilledError(Exception):
        pass

    def kill(done: int, _: int) -> None:
        if done == 2:
            raise KilledError

    options: dict[str, Any] = {"validation": other, "patience_epochs": 3, "n_epochs": 4}
    whole, broken = make(), make()
    run(whole, data, place=tmp_path / "whole", **options)
    with pytest.raises(KilledError):
        run(broken, data, place=tmp_path / "broken", progress=kill, **options)
    resumed = make(seed=9)
    outcome = run(resumed, data, place=tmp_path / "broken", **options)
    for name, value in whole.state_dict().items():
        assert value.equal(resumed.state_dict()[name]), name
    assert outcome["epochs"] == 4
    assert [line["epoch"] for line in read_metrics(tmp_path / "broken")] == [1, 2, 3, 4]
    unseconded = [
        [{k: v for k, v in line.items() if k != "seconds"} for line in read_metrics(tmp_path / name)]
        for name in ("whole", "broken")
    ]
    assert unseconded[0] == unseconded[1]


def test_a_finished_training_is_not_done_again_and_more_epochs_go_on(tmp_path: Path) -> None:
    data = vectors()
    first = light()
    run(first, data, place=tmp_path, n_epochs=3)
    again = light(seed=5)
    run(again, data, place=tmp_path, n_epochs=3, progress=lambda *_: pytest.fail("trained again"))
    assert again.first.weight.equal(first.first.weight)
    longer, whole = light(seed=6), light()
    assert run(longer, data, place=tmp_path, n_epochs=5)["epochs"] == 5
    run(whole, data, n_epochs=5)
    assert longer.first.weight.equal(whole.first.weight)


def test_a_state_of_another_training_is_refused(tmp_path: Path) -> None:
    run(light(), vectors(), place=tmp_path, n_epochs=1)
    with pytest.raises(DataError, match="comes from another run: batch_size was 4, is 5"):
        run(light(), vectors(), place=tmp_path, n_epochs=1, batch_size=5)
    with pytest.raises(DataError, match="comes from another run: features"):
        run(light(), (vectors()[0], vectors()[1] + 1), place=tmp_path, n_epochs=1)


def test_the_three_terms_need_their_networks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="The term 'decoder' of the loss needs"):
        run(network(), heard(), loss="three_terms")
    given = {"loss": "three_terms", "leave_out": ("decoder",), "n_epochs": 1, "reduction": "mean"}
    outcome = run(network(), heard(), classifier=torch.nn.Linear(2, 3), place=tmp_path, **given)
    assert outcome["terms"] == ["feature", "distillation"]
    assert {"feature_loss", "distillation_loss"} <= set(read_metrics(tmp_path)[0])


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"The loss became nan or infinite in epoch 1 \(seed 0\). Lower `learning_rate`"
    ):
        run(light(), (vectors()[0], np.full((60, 2), 1e30, np.float32)), place=tmp_path)


def test_bfloat16_runs_and_keeps_weights_in_float32() -> None:
    predictor = network()
    outcome = run(predictor, heard(), bfloat16=True, n_epochs=1)
    assert outcome["epochs"] == 1
    assert all(p.dtype == torch.float32 for p in predictor.parameters())
    assert math.isfinite(float(predict(predictor, heard()[0]).sum()))


def test_the_time_limit_ends_it_after_the_epoch() -> None:
    outcome = run(light(), vectors(), time_limit_min=1e-9, n_epochs=9)
    assert outcome["epochs"] == 1 and "time limit" in outcome["stopped"]


def test_a_last_batch_of_one_clip_is_left_out() -> None:
    run(network(), heard(5), n_epochs=1)  # a normalisation cannot take one clip, whose time is one mean


def test_predictions_are_of_whole_voices_in_order_and_leave_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, (voices, _) = light().train(), vectors(7)
    torch.nn.init.normal_(predictor.second.weight)
    together = predict(predictor, voices)
    monkeypatch.setattr(predictor_descent, "N_PREDICTED", 2)
    np.testing.assert_allclose(predict(predictor, voices), together, atol=1e-6)
    with torch.no_grad():
        np.testing.assert_allclose(predictor(voices.batch(np.arange(7))), together, atol=1e-6)
    assert predictor.training and together.shape == (7, 2) and together.dtype == np.float32


def test_windows_stand_in_for_their_voice_in_half_of_the_cases() -> None:
    data = vectors(400)
    settings = PredictorTraining(**{**FAST, "windows": True})  # type: ignore[arg-type]
    descent = predictor_descent._Descent(light(), *data, settings, None, None, None)
    rows = np.arange(400)
    drawn = descent._of_any_part(rows, np.random.default_rng(0)).numpy()
    embeddings = data[0].embeddings
    assert embeddings is not None
    is_whole = (drawn == embeddings.whole).all(axis=1)
    assert 0.4 < is_whole.mean() < 0.6
    for row in np.flatnonzero(~is_whole)[:20]:
        assert any((drawn[row] == window).all() for window in embeddings.windows_of(int(row)))


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_logged_loss_is_that_of_a_clip_whatever_the_reduction(reduction: str, tmp_path: Path) -> None:
    """At a rate of next to nothing the logged loss is that of the network as it was made."""
    predictor, data = light(), vectors(7)
    torch.nn.init.normal_(predictor.second.weight)
    expected = 0.0
    for row, true in zip(predict(predictor, data[0]), data[1], strict=True):
        expected += float(((row / np.linalg.norm(row) - true / np.linalg.norm(true)) ** 2).sum()) / 7
    given = {"loss": "normalised", "reduction": reduction, "windows": False, "learning_rate": 1e-12}
    run(predictor, data, validation=data, place=tmp_path, n_epochs=1, **given)
    (line,) = read_metrics(tmp_path)
    assert line["loss"] == pytest.approx(expected, rel=1e-4)
    assert line["validation_loss"] == pytest.approx(expected, rel=1e-4)


def test_every_clip_is_seen_once_an_epoch_in_another_order_each_time() -> None:
    seen: list[list[int]] = []

    class Listing(PaintedPictures):
        def read(self, rows: np.ndarray) -> np.ndarray:
            seen.append(rows.tolist())
            return super().read(rows)

    voices, features = heard()
    listing = VoiceInputs(voices.paths, pictures=Listing(voices.paths))
    run(network(), (listing, features), n_epochs=2)
    first, second = ([row for rows in part for row in rows] for part in (seen[:2], seen[2:4]))
    assert sorted(first) == sorted(second) == list(range(8)) and first != second


def test_a_file_that_cannot_be_read_ends_the_training_with_its_reason(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{number}.flac" for number in range(4))
    voices = VoiceInputs(paths, pictures=VoicePictures(paths))
    with pytest.raises(DataError, match="A file of the corpus cannot be read"):
        run(network(), (voices, np.ones((4, 2), np.float32)))

"""Training of both kinds of predictor as a whole, and the way into a folder and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.models.face_predictors.light import LightPredictor
from visavox.models.face_predictors.speech2face import Speech2FacePredictor
from visavox.pipeline.drawing.predictor_descent import predict
from visavox.pipeline.drawing.predictor_settings import PredictorTraining
from visavox.pipeline.drawing.predictor_training import (
    PredictorValidation,
    build_predictor,
    classifier_of_encoder,
    load_predictor,
    predictor_spec,
    save_predictor,
    train_predictor,
)
from visavox.pipeline.drawing.voice_inputs import VoiceEmbeddings, VoiceInputs, VoicePictures


class LevelPictures(VoicePictures):
    """Spectrograms of one level, told by the name of the file."""

    def read(self, rows: np.ndarray) -> np.ndarray:
        levels = [float(self.paths[int(row)].stem) for row in rows]
        return np.stack([np.full((2, 598, 257), level, np.float32) for level in levels])


def embedded(n: int = 120, seed: int = 0) -> tuple[VoiceInputs, np.ndarray, list[str]]:
    """Clips, two a person, whose features follow their embeddings with noise; windows are noisy copies."""
    rng = np.random.default_rng(seed)
    whole = np.repeat(rng.normal(size=(n // 2, 4)), 2, axis=0) + 0.05 * rng.normal(size=(n, 4))
    counts = rng.integers(1, 4, n)
    rows = np.repeat(np.arange(n), counts)
    windows = whole[rows] + 0.2 * rng.normal(size=(len(rows), 4))
    mixing = np.random.default_rng(99).normal(size=(4, 3))
    features = whole @ mixing + 0.5 * rng.normal(size=(n, 3)) + 3
    voices = VoiceInputs(
        tuple(Path(f"{i}.flac") for i in range(n)),
        embeddings=VoiceEmbeddings(whole.astype(np.float32), windows.astype(np.float32), rows),
    )
    return voices, features.astype(np.float32), [f"p{seed}-{i // 2}" for i in range(n)]


def painted(n: int = 8, first: int = 0) -> tuple[VoiceInputs, np.ndarray, list[str]]:
    paths = tuple(Path(f"{(i + first) % 5}.{i}.flac") for i in range(n))
    features = np.array([[5.0, float((i + first) % 5), 1.0] for i in range(n)], np.float32)
    return VoiceInputs(paths, pictures=LevelPictures(paths)), features, [f"p{i}" for i in range(n)]


SMALL = {"name": "speech2face", "hidden_dim": 8, "channel_factor": 1 / 64}


def test_the_light_predictor_is_solved_for_and_explains_new_people(tmp_path: Path) -> None:
    voices, features, people = embedded()
    other = embedded(seed=1)
    told: list[tuple[int, int]] = []
    predictor = train_predictor(
        "light",
        voices,
        features,
        people,
        PredictorTraining(spread_rank=2),
        place=tmp_path,
        validation=PredictorValidation(other[0], other[1]),
        progress=lambda *a: told.append(a),
    )
    assert isinstance(predictor, LightPredictor) and not predictor.training
    assert (predictor.input_dim, predictor.feature_dim, predictor.spread_rank) == (4, 3, 2)
    found = predict(predictor, other[0])
    explained = 1 - ((other[1] - found) ** 2).sum() / ((other[1] - predictor.centre.numpy()) ** 2).sum()
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert explained > 0.8 and figures["validation_explained"] == pytest.approx(explained, rel=1e-5)
    assert figures["explained"] == max(figures["explained_by_ridge"].values())
    assert figures["n_clips"] == 120 and figures["n_people"] == 60 and told == [(1, 1)]
    assert not (tmp_path / "metrics.jsonl").exists()


def test_whole_and_windows_count_the_same_together() -> None:
    """The rows that are solved for, by hand: half of a clip's weight is the whole, half its windows."""
    voices, features, people = embedded(40)
    embeddings = voices.embeddings
    assert embeddings is not None
    rows, targets, names, weights = [], [], [], []
    for clip in range(40):
        windows = embeddings.windows_of(clip)
        for vector, weight in [(embeddings.whole[clip], 0.5), *((w, 0.5 / len(windows)) for w in windows)]:
            rows.append(vector)
            targets.append(features[clip])
            names.append(people[clip])
            weights.append(weight)
    by_hand = LightPredictor(input_dim=4, feature_dim=3)
    by_hand.fit_affine(np.stack(rows), np.stack(targets), names, weights=weights)
    found = train_predictor("light", voices, features, people, PredictorTraining())
    assert isinstance(found, LightPredictor)
    torch.testing.assert_close(found.affine.weight, by_hand.affine.weight, rtol=1e-4, atol=1e-5)
    alone = train_predictor("light", voices, features, people, PredictorTraining(windows=False))
    assert isinstance(alone, LightPredictor)
    by_hand.fit_affine(embeddings.whole, features, people)
    torch.testing.assert_close(alone.affine.weight, by_hand.affine.weight, rtol=1e-4, atol=1e-5)


def test_the_spread_is_the_scatter_about_predictions_of_new_people() -> None:
    voices, features, people = embedded(2000)
    new = embedded(2000, seed=1)
    predictor = train_predictor("light", voices, features, people, PredictorTraining(spread_rank=3))
    errors = new[1] - predict(predictor, new[0])
    spread = predictor.spread.numpy()
    np.testing.assert_allclose(spread @ spread.T, np.cov(errors.T), atol=0.05)


def test_the_second_path_descends_after_the_fit(tmp_path: Path) -> None:
    voices, features, people = embedded()
    other = embedded(seed=1)
    settings = PredictorTraining(n_epochs=2, batch_size=32, spread_rank=2)
    predictor = train_predictor(
        {"name": "light", "hidden_dim": 8},
        voices,
        features,
        people,
        settings,
        place=tmp_path,
        validation=PredictorValidation(other[0], other[1]),
    )
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["epochs"] == 2 and figures["loss"] == "squared" and figures["spread_of"] == "validation people"
    assert isinstance(predictor, LightPredictor) and predictor.second.weight.any()
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2


@pytest.mark.slow
def test_speech2face_descends_and_gets_length_and_spread(tmp_path: Path) -> None:
    voices, features, people = painted()
    other = painted(6, first=3)
    settings = PredictorTraining(n_epochs=3, batch_size=4, spread_rank=2, learning_rate=0.01, patience_epochs=0)
    predictor = train_predictor(
        SMALL, voices, features, people, settings, place=tmp_path, validation=PredictorValidation(other[0], other[1])
    )
    assert isinstance(predictor, Speech2FacePredictor) and predictor.feature_dim == 3 and not predictor.training
    np.testing.assert_allclose(predictor.centre, features.mean(axis=0), rtol=1e-6)
    found = predict(predictor, other[0])
    best = (found * other[1]).sum() / (found**2).sum()  # the length that comes closest is the one that it has
    assert best == pytest.approx(1, abs=1e-4)
    errors = other[1] - found
    spread = predictor.spread.numpy()
    assert spread.shape == (3, 2)
    lengths = np.linalg.svd(errors - errors.mean(axis=0))[1][:2] / np.sqrt(6)
    np.testing.assert_allclose(np.linalg.norm(spread, axis=0), lengths, rtol=1e-3, atol=1e-5)
    again = train_predictor(
        SMALL, voices, features, people, settings, place=tmp_path, validation=PredictorValidation(other[0], other[1])
    )
    np.testing.assert_array_equal(predict(again, other[0]), found)  # a finished training is taken up, not repeated


def test_without_validation_people_a_descent_knows_no_spread(tmp_path: Path) -> None:
    settings = PredictorTraining(n_epochs=1, batch_size=4, spread_rank=2)
    predictor = train_predictor(SMALL, *painted(), settings, place=tmp_path)
    assert not predictor.spread.any()
    assert json.loads((tmp_path / "figures.json").read_text())["spread_of"] == "nobody"


def test_a_predictor_that_points_away_is_said_to_have_learned_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Speech2FacePredictor, "forward", lambda self, voice: -self.scale * torch.ones(len(voice), 3))
    monkeypatch.setattr("visavox.pipeline.drawing.predictor_training.descend", lambda *_, **__: {})
    voices, features, people = painted()
    predictor = train_predictor(SMALL, voices, features, people, PredictorTraining(), place=tmp_path)
    assert json.loads((tmp_path / "figures.json").read_text())["nothing_learned"] is True
    assert (predict(predictor, voices) ** 2).sum() == pytest.approx((features**2).sum(), rel=1e-5)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_global_randomness_is_left_alone() -> None:
    settings = PredictorTraining(n_epochs=1, batch_size=4, seed=3)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    first = train_predictor(SMALL, *painted(), settings)
    assert torch.rand(1).equal(expected)
    second = train_predictor(SMALL, *painted(), settings)
    for name, value in first.state_dict().items():
        assert value.equal(second.state_dict()[name]), name
    other = train_predictor(SMALL, *painted(), PredictorTraining(n_epochs=1, batch_size=4, seed=4))
    assert not other.state_dict()["feature.weight"].equal(first.state_dict()["feature.weight"])


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(
    "spec",
    [
        {"name": "light", "spread_rank": 2},
        pytest.param({**SMALL, "form": "amplitude_phase"}, marks=pytest.mark.slow),
    ],
)
def test_a_predictor_is_saved_and_comes_back(spec: dict[str, Any], half: bool, tmp_path: Path) -> None:
    voices, features, people = embedded() if spec["name"] == "light" else painted()
    predictor = train_predictor(spec, voices, features, people, PredictorTraining(n_epochs=1, batch_size=4))
    save_predictor(tmp_path / "generator", predictor, half=half)
    again = load_predictor(tmp_path / "generator")
    assert predictor_spec(again) == predictor_spec(predictor) and not again.training
    tolerance = 2e-2 if half else 0
    np.testing.assert_allclose(predict(again, voices), predict(predictor, voices), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(again.spread, predictor.spread, rtol=tolerance)


def test_lengths_are_those_of_the_data_unless_given() -> None:
    voices, features, _ = embedded()
    settings = PredictorTraining(spread_rank=5)
    assert build_predictor("light", voices, features, settings).spread_rank == 5
    assert build_predictor({"name": "light", "spread_rank": 1}, voices, features, settings).spread_rank == 1
    with pytest.raises(ConfigError, match="`feature_dim` of the predictor must be 3, the length of the face features"):
        build_predictor({"name": "light", "feature_dim": 7}, voices, features, settings)
    with pytest.raises(ConfigError, match="The predictor 'speech2face' takes voices as spectrogram. Read them for it"):
        build_predictor(SMALL, voices, features, settings)
    with pytest.raises(ConfigError, match="'light' takes voices as embedding"):
        build_predictor("light", *painted()[:2], settings)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    voices, features, people = embedded()
    with pytest.raises(DataError, match=r"Every clip needs a voice, a face feature and a person. Got 120, \(119, 3\)"):
        train_predictor("light", voices, features[:-1], people, PredictorTraining())
    with pytest.raises(DataError, match="Face features must be finite"):
        train_predictor("light", voices, np.full_like(features, np.nan), people, PredictorTraining())
    with pytest.raises(DataError, match="has no part predictor"):
        load_predictor(tmp_path)


def test_the_last_layer_of_the_face_network_is_found_where_there_is_one(tmp_path: Path) -> None:
    torch.save({"fc8.weight": 2 * torch.eye(3), "fc8.bias": torch.ones(3)}, tmp_path / "vgg_face.pth")
    layer = classifier_of_encoder({"name": "vgg_face", "source": str(tmp_path)})
    assert layer is not None
    assert layer(torch.tensor([[1.0, 2.0, 3.0]])).tolist() == [[3.0, 5.0, 7.0]]
    for without in ("dlib", "vgg_face", {"name": "face_look"}, {"name": "vgg_face"}):
        assert classifier_of_encoder(without) is None  # type: ignore[arg-type]
    settings = PredictorTraining(n_epochs=1, batch_size=4, loss="three_terms", leave_out=("decoder",))
    train_predictor(SMALL, *painted(), settings, place=tmp_path / "run", classifier=layer)
    assert json.loads((tmp_path / "run" / "figures.json").read_text())["terms"] == ["feature", "distillation"]

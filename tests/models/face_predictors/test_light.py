"""The light predictor: its map, its fit, and what it says of people it has not seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.models.attribute_ridge import fit_attribute_ridge
from visavox.models.face_predictors.light import LightPredictor
from visavox.models.grouped_ridge import fit_grouped_ridge, low_rank_spread
from visavox.registry import PREDICTORS


def people_of(n: int, n_clips: int = 2) -> list[str]:
    return [f"p{i // n_clips}" for i in range(n)]


def made(n: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    voice = rng.normal(size=(n, 6)) * 0.1 + 0.3
    face = (voice - 0.3) * 10 @ rng.normal(size=(6, 4)) + rng.normal(size=(n, 4)) + 5
    return voice.astype(np.float32), face.astype(np.float32)


def test_it_is_registered_and_predicts_the_centre_before_it_learns() -> None:
    predictor = PREDICTORS.build({"name": "light", "input_dim": 6, "feature_dim": 4, "hidden_dim": 5})
    assert isinstance(predictor, LightPredictor) and predictor.takes == "embedding"
    assert not predictor(torch.randn(3, 6)).any()


def test_the_fit_is_that_of_the_ridge_regression() -> None:
    voice, face = made()
    predictor = LightPredictor(input_dim=6, feature_dim=4, spread_rank=3)
    fit = predictor.fit_affine(voice, face, people_of(80), seed=4)
    expected = fit_grouped_ridge(voice, face, people_of(80), seed=4)
    assert fit.ridge == expected.ridge and fit.explained == expected.explained > 0.5
    with torch.no_grad():
        found = predictor(torch.from_numpy(voice)).numpy()
    np.testing.assert_allclose(found, expected.predict(voice), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(predictor.centre, face.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(predictor.spread, low_rank_spread(expected.residuals, 3), rtol=1e-4, atol=1e-5)


def test_the_map_written_out_by_hand() -> None:
    predictor = LightPredictor(input_dim=2, feature_dim=1)
    with torch.no_grad():
        predictor.input_mean.copy_(torch.tensor([1.0, 2.0]))
        predictor.input_scale.copy_(torch.tensor([2.0, 4.0]))
        predictor.centre.fill_(10.0)
        predictor.affine.weight.copy_(torch.tensor([[3.0, -1.0]]))
    # (5 - 1) / 2 = 2, (10 - 2) / 4 = 2;  10 + 3 * 2 - 1 * 2
    assert predictor(torch.tensor([[5.0, 10.0]])).item() == 14.0


def test_the_second_path_adds_to_the_affine_one_and_can_learn() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        predictor = LightPredictor(input_dim=6, feature_dim=4, hidden_dim=32)
    voice, face = made()
    predictor.fit_affine(voice, face, people_of(80))
    alone = LightPredictor(input_dim=6, feature_dim=4)
    alone.fit_affine(voice, face, people_of(80))
    x = torch.from_numpy(voice)
    with torch.no_grad():
        torch.testing.assert_close(predictor(x), alone(x))  # no effect before it is trained
    optimiser = torch.optim.Adam([*predictor.first.parameters(), *predictor.second.parameters()], lr=1e-2)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (predictor(x) - torch.from_numpy(face)).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert predictor.affine.weight.equal(alone.affine.weight)


def test_dropout_acts_in_training_alone() -> None:
    predictor = LightPredictor(input_dim=6, feature_dim=4, hidden_dim=64, dropout=0.5)
    torch.nn.init.ones_(predictor.second.weight)
    x = torch.from_numpy(made(3)[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert not predictor.train()(x).equal(predictor(x))
    assert predictor.eval()(x).equal(predictor(x))


def test_true_features_scatter_about_predicted_ones_as_the_spread_says() -> None:
    """On new people the deviation along each direction of the spread is its length, within a tenth."""
    voice, face = made(4000, seed=1)
    predictor = LightPredictor(input_dim=6, feature_dim=4, spread_rank=4)
    predictor.fit_affine(voice[:2000], face[:2000], people_of(2000))
    with torch.no_grad():
        errors = face[2000:] - predictor(torch.from_numpy(voice[2000:])).numpy()
    spread = predictor.spread.numpy()
    lengths = np.linalg.norm(spread, axis=0)
    np.testing.assert_allclose((errors @ (spread / lengths)).std(axis=0), lengths, rtol=0.1)


def test_windows_of_a_voice_count_by_their_weights() -> None:
    voice, face = made(10)
    rows = [*range(10), *range(10)]
    weights = np.full(20, 0.5)
    predictor, once = (LightPredictor(input_dim=6, feature_dim=4) for _ in range(2))
    predictor.fit_affine(voice[rows], face[rows], [people_of(10)[i] for i in rows], weights=weights)
    once.fit_affine(voice, face, people_of(10))
    torch.testing.assert_close(predictor.affine.weight, once.affine.weight, rtol=1e-4, atol=1e-5)


def test_vectors_of_another_length_are_refused() -> None:
    voice, face = made(8)
    with pytest.raises(DataError, match=r"Vectors of a voice must be \(n, 5\) for this predictor. Got \(8, 6\)"):
        LightPredictor(input_dim=5, feature_dim=4).fit_affine(voice, face, people_of(8))
    with pytest.raises(DataError, match=r"Vectors of a face must be \(n, 3\) for this predictor. Got \(8, 4\)"):
        LightPredictor(input_dim=6, feature_dim=3).fit_affine(voice, face, people_of(8))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"input_dim": 0}, "`input_dim` must be at least 1. Got 0"),
        ({"feature_dim": 0}, "`feature_dim` must be at least 1. Got 0"),
        ({"hidden_dim": -1}, "`hidden_dim` must be 0 or more. Got -1"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1. Got 1.0"),
    ],
)
def test_options_are_held_to_their_ranges(options: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        LightPredictor(**options)


def test_a_fit_through_attributes_is_one_affine_map() -> None:
    rng = np.random.default_rng(5)
    voice, told, basis = rng.normal(size=(40, 4)), rng.normal(size=(40, 2)), rng.normal(size=(2, 3))
    face = told @ basis + rng.normal(size=(40, 3))
    names = [str(i) for i in range(40)]
    predictor = LightPredictor(input_dim=4, feature_dim=3, spread_rank=3)
    fit = predictor.fit_affine(voice, face, names, through=(told, basis))
    wanted = fit_attribute_ridge(voice, face, names, told=told, basis=basis)
    found = predictor(torch.from_numpy(voice).float()).detach().numpy()
    assert np.allclose(found, wanted.predict(voice), atol=1e-4)
    assert fit.explained == pytest.approx(wanted.explained)
    assert predictor.spread.abs().sum() > 0

"""Plain features: what is labelled is guessed for who is not."""

from __future__ import annotations

import numpy as np
import torch

from visavox.pipeline.drawing.plain_face_features import FACES_A_COMPONENT, N_KEPT, plain_face_features
from visavox.pipeline.drawing.told_faces import Labels

N, UNKNOWN = 160, 40
KEPT = min(N_KEPT, N // FACES_A_COMPONENT)


def world() -> tuple[np.ndarray, Labels, np.ndarray]:
    """Pictures in which men have a dark lower half; the first 40 are not labelled."""
    rng = np.random.default_rng(0)
    male = rng.random(N) < 0.5
    pictures = rng.integers(100, 156, (N, 32, 32, 3))
    pictures[male, 16:] -= 40
    gender = torch.from_numpy(np.where(np.arange(N) < UNKNOWN, -1, male)).long()
    age = torch.where(gender >= 0, torch.linspace(20, 80, N), torch.tensor(float("nan")))
    ethnicity = torch.where(gender >= 0, 0, -1)
    return pictures.astype(np.uint8), Labels(age, gender, ethnicity), male


def test_who_is_not_labelled_is_guessed() -> None:
    pictures, labels, male = world()
    features = plain_face_features(pictures, labels)
    guess = features[:, KEPT + 1]
    assert np.corrcoef(guess[:UNKNOWN], male[:UNKNOWN])[0, 1] > 0.8
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_one_column_for_each_thing_that_is_labelled() -> None:
    pictures, labels, _ = world()
    assert plain_face_features(pictures, labels).shape == (N, KEPT + 3)  # age, male, white
    nobody = Labels(torch.full((N,), float("nan")), torch.full((N,), -1), torch.full((N,), -1))
    assert plain_face_features(pictures, nobody).shape == (N, KEPT)


def test_components_are_standardised_and_see_no_light() -> None:
    pictures, labels, _ = world()
    features = plain_face_features(pictures, labels)
    np.testing.assert_allclose(features[:, :KEPT].std(axis=0), 1, atol=0.01)
    brighter = pictures.copy()
    brighter[3] += 60
    again = plain_face_features(brighter, labels)
    np.testing.assert_allclose(np.abs(again[3, 0]), np.abs(features[3, 0]), atol=0.05)


def test_few_faces_have_few_components() -> None:
    pictures, labels, _ = world()
    few = Labels(labels.age[:5], labels.gender[:5], labels.ethnicity[:5])
    assert plain_face_features(pictures[:5], few).shape == (5, 1)

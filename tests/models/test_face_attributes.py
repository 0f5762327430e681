"""The attribute heads: the fit against a slow referee, the units, the folder, the heads of the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.media.detectors.mtcnn import MtcnnDetector
from visavox.media.face_crop import crop_face
from visavox.media.images import read_image
from visavox.models import face_attributes
from visavox.models.encoders.dlib import DlibEncoder
from visavox.models.face_attributes import AGE, GENDER, RACES, FaceAttributes, boxed_face_attributes

VIEWS = ("chip", "mouth")


@pytest.fixture(scope="module")
def faces() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(90, 6) features, the second view ten times as wide as the first, and noisy labels that depend on both."""
    rng = np.random.default_rng(4)
    features = rng.normal(3, 1, (90, 6)) * [0.1, 0.1, 0.2, 1, 1, 3]
    hidden = 4 * features[:, 0] + features[:, 4] + rng.normal(0, 0.5, 90)
    targets = {GENDER: np.where(hidden > np.median(hidden), 1, -1), AGE: 30 + 5 * features[:, 5]}
    return features, targets


def slow_fit(features: np.ndarray, target: np.ndarray, n_views: int, ridge: float) -> tuple[np.ndarray, float]:
    """Weights and intercept from the definition, by descending the penalised squared error until it is flat."""
    dim = features.shape[1]
    width = dim // n_views
    z = np.empty_like(features)
    scale = np.empty(dim)
    for view in range(n_views):
        columns = range(view * width, (view + 1) * width)
        scale[columns] = sum(np.sqrt(np.mean((features[:, c] - features[:, c].mean()) ** 2)) for c in columns) / width
        for c in columns:
            z[:, c] = (features[:, c] - features[:, c].mean()) / scale[c]
    centred = target - target.mean()
    w = np.zeros(dim)
    step = 0.5 / (np.linalg.norm(z, 2) ** 2 + ridge)
    for _ in range(20_000):
        slope = 2 * z.T @ (z @ w - centred) + 2 * ridge * w
        w = w - step * slope
    raw = w / scale
    return raw, float(target.mean() - features.mean(axis=0) @ raw)


@pytest.mark.parametrize("ridge", [0.5, 100.0])
def test_the_fit_is_the_minimum_of_the_penalised_error(faces: tuple, ridge: float) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS, ridge=ridge)
    for column, target in enumerate(targets.values()):
        weights, intercept = slow_fit(features, np.asarray(target, dtype=float), 2, ridge)
        np.testing.assert_allclose(heads.weights[:, column], weights, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(heads.intercept[column], intercept, rtol=1e-3, atol=1e-4)


def test_without_ridge_a_linear_label_is_found_again(faces: tuple) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS, ridge=0.0)
    np.testing.assert_allclose(heads.predict(features)[AGE], targets[AGE], atol=1e-3)


def test_a_huge_ridge_predicts_the_mean(faces: tuple) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS, ridge=1e9)
    np.testing.assert_allclose(heads.predict(features)[AGE], targets[AGE].mean(), atol=1e-3)


def test_gender_above_zero_is_male(faces: tuple) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS, ridge=1.0)
    assert ((heads.predict(features)[GENDER] > 0) == (targets[GENDER] > 0)).mean() > 0.8


def test_standardised_attributes_are_as_loud_as_an_average_feature(faces: tuple) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS, ridge=1.0)
    found = heads.standardised(features)
    assert found.shape == (90, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), features.std(axis=0).mean(), rtol=1e-4)
    predicted = heads.predict(features)[AGE]
    assert np.corrcoef(found[:, 1], predicted)[0, 1] > 0.9999


def test_standardising_uses_the_faces_that_were_learned_from(faces: tuple) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS)
    np.testing.assert_allclose(heads.standardised(features)[:3], heads.standardised(features[:3]), atol=1e-5)


def test_a_saved_folder_gives_the_same_numbers_back(faces: tuple, tmp_path: Path) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS, figures={"gender_accuracy_score": 0.9, "n": 12})
    heads.save(tmp_path / "heads", card="# Card")
    assert sorted(path.name for path in (tmp_path / "heads").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    again = FaceAttributes.from_folder(tmp_path / "heads")
    assert (again.names, again.views, again.figures) == ((GENDER, AGE), VIEWS, heads.figures)
    assert again.fingerprint == heads.fingerprint
    np.testing.assert_array_equal(again.standardised(features), heads.standardised(features))
    np.testing.assert_array_equal(again.predict(features)[AGE], heads.predict(features)[AGE])


def test_the_fingerprint_changes_with_any_learned_number(faces: tuple) -> None:
    features, targets = faces
    prints = set()
    for name in (None, "weights", "intercept", "mean", "deviation", "feature_deviation"):
        heads = FaceAttributes.fit(features, targets, views=VIEWS)
        if name:
            setattr(heads, name, getattr(heads, name) * np.float32(1.001))
        prints.add(heads.fingerprint)
    assert len(prints) == 6


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 1)])
def test_no_face_and_one_face_are_fine(faces: tuple, rows: slice) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS)
    n = len(features[rows])
    assert heads.standardised(features[rows]).shape == (n, 2)
    assert heads.predict(features[rows])[GENDER].shape == (n,)


@pytest.mark.parametrize("shape", [(3, 5), (6,), (2, 7)])
def test_features_of_another_length_are_refused(faces: tuple, shape: tuple[int, ...]) -> None:
    features, targets = faces
    heads = FaceAttributes.fit(features, targets, views=VIEWS)
    with pytest.raises(DataError, match=r"read from \(6,\) features of the views chip, mouth"):
        heads.predict(np.zeros(shape))


def test_what_cannot_be_learned_from_is_refused(faces: tuple) -> None:
    features, targets = faces
    with pytest.raises(DataError, match=r"Got features \(89, 6\), targets \(90, 2\) and 2 views"):
        FaceAttributes.fit(features[1:], targets, views=VIEWS)
    with pytest.raises(DataError, match="views of equal length"):
        FaceAttributes.fit(features[:, :5], targets, views=VIEWS)
    with pytest.raises(DataError, match="must be finite"):
        FaceAttributes.fit(features, {AGE: np.full(90, np.nan)}, views=VIEWS)


def test_a_folder_of_something_else_is_refused(faces: tuple, tmp_path: Path) -> None:
    features, targets = faces
    with pytest.raises(DataError, match="missing"):
        FaceAttributes.from_folder(tmp_path / "nowhere")
    FaceAttributes.fit(features, targets, views=VIEWS).save(tmp_path / "heads", card="")
    path = tmp_path / "heads" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "arguments": {"colour": 1}}))
    with pytest.raises(DataError, match="describes no attribute heads"):
        FaceAttributes.from_folder(tmp_path / "heads")
    path.write_text(json.dumps({**config, "arguments": {**config["arguments"], "n_features": 8}}))
    with pytest.raises(DataError, match="does not fit"):
        FaceAttributes.from_folder(tmp_path / "heads")
    path.write_text(json.dumps({**config, "kind": "associator"}))
    with pytest.raises(DataError, match="not a saved attribute heads"):
        FaceAttributes.from_folder(tmp_path / "heads")


def test_the_heads_of_the_package_say_what_they_are_and_how_good() -> None:
    heads = boxed_face_attributes()
    assert heads.names == (GENDER, AGE, *(f"race_{race}" for race in RACES))
    assert (heads.views, heads.n_features) == (VIEWS, 512)
    assert heads.figures["gender_accuracy_score"] > 0.95
    assert heads.figures["age_correlation"] > 0.85
    assert heads.figures["race_accuracy_score"] > 0.8
    assert heads.figures["n_held_out"] > 1000
    assert (heads.deviation > 0).all()
    assert boxed_face_attributes() is heads


def test_the_card_of_the_package_names_data_licence_figures_and_limits() -> None:
    folder = Path(face_attributes.__file__).parents[1] / "pretrained" / "face_attributes"
    card = (folder / "README.md").read_text(encoding="utf-8")
    figures = boxed_face_attributes().figures
    for words in (
        "UTKFace",
        "non-commercial",
        "CC BY-NC 4.0",
        "annotators",
        "Not for deciding",
        "{:.3f}".format(figures["gender_accuracy_score"]),
        f"{figures['age_error_years']:.1f} years",
    ):
        assert words in card
    assert sum(path.stat().st_size for path in folder.iterdir()) < 100_000


def test_real_faces_of_given_gender_are_told_apart(real_data: Path) -> None:
    """Some of the people that the figures of the card come from: their clips are named after their gender."""
    paths = sorted(path for path in (real_data / "ikr" / "faces").iterdir() if path.name[0] in "fm")[::9]
    detector = MtcnnDetector()
    crops = [crop_face(read_image(path), detector).image for path in paths]
    features = DlibEncoder(output="pooled", flip=True, views=VIEWS).encode(crops)
    is_male = boxed_face_attributes().predict(features)[GENDER] > 0
    assert len(paths) > 15
    assert (is_male == np.array([path.name[0] == "m" for path in paths])).mean() > 0.8

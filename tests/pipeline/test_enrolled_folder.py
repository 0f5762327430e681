"""The folder of people: whole or not at all, and every way in which it can be wrong."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.samples import Samples
from visavox.models.encoders.voice_cnn import VoiceCNNEncoder
from visavox.persistence import PREPROCESS_FILE
from visavox.pipeline.enrolled_folder import OWN_FILES, EnrolledFolder, kind_of, refuse_other_files
from visavox.pipeline.media_vectors import MediaRecipe

RECIPE = MediaRecipe({"name": "ge2e"}, "dlib", "mtcnn", 0.7, 1.5)


def enrolled() -> EnrolledPeople:
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(4, 8)), 2, axis=0) + 0.1 * rng.normal(size=(8, 8))
    keys = tuple(f"k{i}" for i in range(8))
    people = tuple(f"person {i // 2}" for i in range(8))
    return EnrolledPeople.enroll(
        {
            "voice": Samples(
                "voice", keys, keys, people, ("1", "2") * 4, np.ones(8, np.float32), vectors.astype(np.float32)
            )
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "people"
    EnrolledFolder(enrolled(), RECIPE).save(folder)
    return folder


@pytest.fixture
def people(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(made, tmp_path / "people")


def test_what_was_saved_comes_back(people: Path) -> None:
    folder = EnrolledFolder.load(people)
    assert folder.recipe == RECIPE
    assert folder.people.names == tuple(f"person {i}" for i in range(4))
    assert {path.name for path in people.iterdir()} <= OWN_FILES
    assert kind_of(people) == "people"
    folder.save(people)
    assert [path.name for path in people.parent.iterdir()] == ["people"]


def test_trained_encoders_come_along(tmp_path: Path) -> None:
    VoiceCNNEncoder(seed=1).save_weights(tmp_path / "encoder", training_data="nobody")
    recipe = dataclasses.replace(RECIPE, voice_encoder={"name": "voice_cnn", "weights": str(tmp_path / "encoder")})
    EnrolledFolder(enrolled(), recipe).save(tmp_path / "people")
    shutil.rmtree(tmp_path / "encoder")
    shutil.move(tmp_path / "people", tmp_path / "moved")
    spec = EnrolledFolder.load(tmp_path / "moved").recipe.voice_encoder
    assert isinstance(spec, dict)
    assert spec["weights"] == str(tmp_path / "moved" / "voice_encoder")
    assert (tmp_path / "moved" / "voice_encoder" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: (p / "model.safetensors").unlink(), r"model\.safetensors is missing"),
        (lambda p: (p / "model.safetensors").write_bytes(b"xx"), r"model\.safetensors is damaged"),
        (lambda p: (p / "config.json").write_text("{"), r"config\.json is not readable JSON"),
        (lambda p: (p / "config.json").unlink(), r"config\.json is missing"),
        (lambda p: (p / "clips.json").unlink(), r"clips\.json is missing"),
        (
            lambda p: (p / PREPROCESS_FILE).unlink(),
            r"preprocess\.json is missing, so the folder of people is incomplete",
        ),
        (lambda p: (p / PREPROCESS_FILE).write_text("{"), r"preprocess\.json is no valid JSON"),
        (lambda p: (p / PREPROCESS_FILE).write_text("[]"), r"preprocess\.json must hold detector, .* Got list"),
        (lambda p: respelled(p, detector=3), "must name encoders and a detector"),
        (lambda p: respelled(p, min_speech_s=-1), "finite numbers of at least 0"),
        (
            lambda p: rewritten(p, "config.json", '"intercept": "x"', r'"intercept": [^\n]+'),
            "an intercept must be a finite",
        ),
        (lambda p: rewritten(p, "config.json", '"intercept": NaN', r'"intercept": [^\n]+'), "finite number. Got nan"),
        (lambda p: rewritten(p, "config.json", '"voice": NaN', r'"voice": [0-9.]+'), "weight of the voice must be"),
        (lambda p: rewritten(p, "config.json", '"voice": -1', r'"voice": [0-9.]+'), "weights must be 0 or more"),
        (lambda p: rewritten(p, "clips.json", '"person 0"', '"person 1"'), "'person 0' stands there twice"),
        (
            lambda p: rewritten(p, "config.json", '"name": "cosine", "old": 1', '"name": "cosine"'),
            "written by another version of Visavox .* The back-end 'cosine' takes no 'old'. Enrol again",
        ),
        (
            lambda p: rewritten(p, "config.json", '"name": "older"', '"name": "cosine"'),
            "written by another version of Visavox .* Unknown back-end 'older'",
        ),
        (
            lambda p: rewritten(p, "config.json", '"old": 1, "false_accept"', '"false_accept"'),
            "another version .* There is no setting 'old'",
        ),
        (shutil.rmtree, "It holds nothing: it does not exist. Make one with: visavox enroll"),
    ],
)
def test_a_damaged_folder_is_said_in_one_line(people: Path, spoil: object, said: str) -> None:
    spoil(people)  # type: ignore[operator]
    with pytest.raises(DataError, match=said) as raised:
        EnrolledFolder.load(people)
    assert "\n" not in str(raised.value)


def rewritten(folder: Path, name: str, fresh: str, pattern: str) -> None:
    path = folder / name
    text, n = re.subn(pattern, lambda _: fresh, path.read_text(), count=1)
    assert n == 1
    path.write_text(text)


def respelled(folder: Path, **values: object) -> None:
    path = folder / PREPROCESS_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_another_kind_of_folder_is_said(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="It holds a saved associator"):
        EnrolledFolder.load(small_run / "best")
    with pytest.raises(DataError, match=r"It holds no config\.json"):
        EnrolledFolder.load(tmp_path)


def test_nothing_of_others_is_ever_overwritten(people: Path, tmp_path: Path, small_run: Path) -> None:
    refuse_other_files(people)
    refuse_other_files(tmp_path / "new")
    (people / "diary.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds diary\.txt\. Choose another folder"):
        refuse_other_files(people)
    with pytest.raises(ConfigError, match=r"is a file"):
        refuse_other_files(people / "diary.txt")
    with pytest.raises(ConfigError, match="must be a new or empty folder"):
        refuse_other_files(small_run / "best")

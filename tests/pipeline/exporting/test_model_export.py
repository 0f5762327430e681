"""A model becomes a folder of checked files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from visavox.errors import ConfigError, DataError
from visavox.method_config import ExportConfig
from visavox.models.associators.facetones import FaceTones
from visavox.models.associators.sss import SSS
from visavox.pipeline.exporting import model_export
from visavox.pipeline.exporting.model_export import MANIFEST, export_model, model_parts
from visavox.pipeline.voice_face_model import Preprocess, VoiceFaceModel
from visavox.registry import ENCODERS


def small_model(folder: Path) -> Path:
    """A model with two carried encoders."""
    specs = {}
    for name in ("voice_cnn", "face_cnn"):
        ENCODERS.build({"name": name, "seed": 1}).save_weights(folder / name)
        specs[name] = {"name": name, "weights": str(folder / name)}
    preprocess = Preprocess(voice_encoder=specs["voice_cnn"], face_encoder=specs["face_cnn"])
    VoiceFaceModel(SSS(128, 128, output_dim=8), preprocess).save_pretrained(folder / "model", card="# Toy")
    return folder / "model"


@pytest.mark.slow
def test_towers_and_encoders_give_the_similarity_of_the_model(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    outcome = export_model(ExportConfig(model=str(model), out=tmp_path / "o"))
    assert outcome.not_exported == {}
    names = ["voice_tower.onnx", "face_tower.onnx", "voice_encoder.onnx", "face_encoder.onnx"]
    assert [entry["file"] for entry in outcome.files] == names
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == sorted([*names, MANIFEST])
    told = json.loads((tmp_path / "o" / MANIFEST).read_text(encoding="utf-8"))
    assert told["files"] == [dict(entry) for entry in outcome.files]
    assert all(entry["largest_difference"] <= entry["tolerance"] for entry in told["files"])
    inputs = told["files"][2]["inputs"]
    assert inputs["lengths"] == ["batch"]
    assert inputs["prepared"][0] == "batch" and not inputs["prepared"][1].isdigit() and inputs["prepared"][2] == "64"
    assert set(told["versions"]) == {"visavox", "torch", "onnx", "onnxscript", "onnxruntime"}

    loaded = VoiceFaceModel.from_pretrained(model)
    voice_encoder = ENCODERS.build(dict(loaded.preprocess.voice_encoder))  # type: ignore[arg-type]
    sound = np.random.default_rng(0).normal(0, 0.1, 20_000).astype(np.float32)
    prepared, lengths = (x.numpy() for x in voice_encoder.collate([voice_encoder.prepare(sound)]))
    found = run(tmp_path / "o" / "voice_encoder.onnx", prepared=prepared, lengths=lengths)
    found = run(tmp_path / "o" / "voice_tower.onnx", voice_vectors=found)
    wanted = loaded.associator.encode_voice(voice_encoder.encode([sound]))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def run(path: Path, **inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0])


def test_what_is_no_network_is_named_with_the_reason() -> None:
    parts, missing = model_parts("base")
    assert [part.name for part in parts] == ["voice_tower", "face_tower", "voice_encoder"]
    assert list(missing) == ["face_encoder"]
    assert "the encoder 'dlib' has a forward pass of its own" in missing["face_encoder"]


@pytest.mark.slow
def test_the_boxed_model_is_exported(tmp_path: Path) -> None:
    outcome = export_model(ExportConfig(model="base", out=tmp_path / "o"))
    assert max(entry["largest_difference"] for entry in outcome.files) < 1e-5


def test_an_encoder_folder_is_a_model_of_one_part(tmp_path: Path) -> None:
    ENCODERS.build({"name": "face_cnn", "seed": 1}).save_weights(tmp_path / "e")
    parts, missing = model_parts(str(tmp_path / "e"))
    assert [part.name for part in parts] == ["face_encoder"]
    assert missing == {}


@pytest.mark.slow
def test_the_adapter_of_facetones_is_exported(tmp_path: Path) -> None:
    FaceTones(seed=1).save_pretrained(tmp_path / "m")
    outcome = export_model(ExportConfig(model=str(tmp_path / "m"), out=tmp_path / "o"))
    assert [entry["file"] for entry in outcome.files] == ["voice_tower.onnx", "face_tower.onnx"]


def test_a_failed_check_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SSS(5, 4, output_dim=3).save_pretrained(tmp_path / "m")

    def fails(part: object, path: Path) -> dict[str, object]:
        path.touch()
        raise DataError("differs")

    monkeypatch.setattr(model_export, "write_onnx", fails)
    with pytest.raises(DataError, match="differs"):
        export_model(ExportConfig(model=str(tmp_path / "m"), out=tmp_path / "o"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m"]


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    SSS(5, 4, output_dim=3).save_pretrained(tmp_path / "m")
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "mine").touch()
    with pytest.raises(ConfigError, match="holds something else"):
        export_model(ExportConfig(model=str(tmp_path / "m"), out=tmp_path / "o", overwrite=True))

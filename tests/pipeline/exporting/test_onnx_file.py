"""A file is kept only if onnxruntime computes what the package computes."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from visavox.errors import DataError, MissingDependencyError
from visavox.models.associators.two_tower import TwoTower
from visavox.pipeline.exporting.networks import Part, associator_parts
from visavox.pipeline.exporting.onnx_file import BATCHES, OPSET, TOLERANCE, require_onnx, write_onnx


class FirstRow(torch.nn.Module):
    """A network whose traced form holds the batch size of the example."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(3, 5) * 2


def part() -> Part:
    return associator_parts(TwoTower(5, 4, hidden=(6,), output_dim=3))[0]


def test_a_file_is_written_and_its_figures_told(tmp_path: Path) -> None:
    made = part()
    told = write_onnx(made, tmp_path / "voice.onnx")
    assert (told["file"], told["opset"], told["batches"]) == ("voice.onnx", OPSET, [1, 2, 17])
    assert told["inputs"] == {"voice_vectors": ["batch", "5"]}
    assert told["outputs"] == {"vectors": ["batch", "3"]}
    assert 0 <= told["largest_difference"] <= 1e-6 < told["tolerance"] == TOLERANCE
    session = onnxruntime.InferenceSession(str(tmp_path / "voice.onnx"), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(5).normal(size=(40, 5)).astype(np.float32)
    found = session.run(None, {"voice_vectors": x})[0]
    np.testing.assert_allclose(found, made.reference(torch.from_numpy(x)), atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["voice.onnx"]
    assert max(BATCHES) == 17


def test_a_file_that_computes_something_else_is_not_kept(tmp_path: Path) -> None:
    made = part()
    wrong = dataclasses.replace(made, reference=lambda x: made.reference(x) + 0.01)
    with pytest.raises(DataError, match="voice.onnx differs from what the package computes by 1.0e-02, more than"):
        write_onnx(wrong, tmp_path / "voice.onnx")
    assert not list(tmp_path.iterdir())


def test_a_network_with_a_fixed_batch_is_not_kept(tmp_path: Path) -> None:
    made = dataclasses.replace(part(), network=FirstRow().eval(), reference=lambda x: x.numpy() * 2)
    with pytest.raises(DataError, match="voice_tower cannot be written as ONNX"):
        write_onnx(made, tmp_path / "voice.onnx")
    assert not list(tmp_path.iterdir())


def test_numbers_that_are_not_finite_are_a_failure(tmp_path: Path) -> None:
    class Logarithm(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.log(x - 100)

    network = Logarithm().eval()
    made = dataclasses.replace(part(), network=network, reference=lambda x: network(x).numpy())
    with pytest.raises(DataError, match="numbers not finite"):
        write_onnx(made, tmp_path / "voice.onnx")


def test_a_missing_library_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_onnx()
    known = importlib.import_module

    def without(name: str, package: str | None = None) -> object:
        if name == "onnxscript":
            raise ImportError(name)
        return known(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(
        MissingDependencyError, match=r"onnxscript, which is not installed. Run: pip install visavox\[export\]"
    ):
        require_onnx()


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_onnx(part(), tmp_path / "voice.onnx")
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")

"""The command `convert`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from visavox.__main__ import main


class Wish:
    """Unpickling it would call os.system."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


def test_identity_weights_are_converted_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"center.weight": torch.ones(5)}, tmp_path / "id_weight.pth")
    words = ["convert", str(tmp_path / "id_weight.pth"), "--out", str(tmp_path / "w.safetensors")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path / 'w.safetensors'}: tables of sss_identity_weights, 5 numbers" in said
    assert "left out: nothing" in said
    assert main([*words, "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "sss"
    assert main([*words, "--overwrite", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_a_real_checkpoint_is_converted(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = real_data / "checkpoints" / "fop_mavceleb_v1_english.pth.tar"
    assert main(["convert", str(path), "--out", str(tmp_path / "m")]) == 0
    said = capsys.readouterr().out
    assert "associator fop of fop_gated, 649,283 numbers" in said
    assert "left out: `epoch`" in said


def test_code_in_a_checkpoint_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": {}, "x": Wish()}, tmp_path / "evil.pth")
    assert main(["convert", str(tmp_path / "evil.pth"), "--out", str(tmp_path / "m")]) == 1
    error = capsys.readouterr().err
    assert f"holds code ({os.system.__module__}.system), which is not run" in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_an_unknown_kind_is_bad_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "x.pth", "--out", str(tmp_path / "m"), "--kind", "clip"]) == 2
    assert "facetones" in capsys.readouterr().err

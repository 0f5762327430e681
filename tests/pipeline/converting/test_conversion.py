"""Which system wrote a checkpoint, and whether it fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import DataError
from visavox.method_config import ConvertConfig
from visavox.pipeline.converting.checkpoint_reading import PublishedState
from visavox.pipeline.converting.conversion import KINDS, convert_checkpoint, recognised
from visavox.pipeline.converting.manifest import load_manifest

MANIFESTS = [(kind, name) for kind, module in KINDS.items() for name in module.MANIFESTS]


def names_only(names: list[str]) -> PublishedState:
    return PublishedState(Path("x.pth"), {name: np.zeros(1) for name in names}, ())


@pytest.mark.parametrize(("kind", "name"), MANIFESTS)
def test_every_published_sort_is_recognised_by_its_keys(kind: str, name: str) -> None:
    manifest = load_manifest(name)
    for keys in (list(manifest.keys), [key for key in manifest.keys if key not in manifest.not_kept]):
        found, like = recognised(names_only(keys), "auto")
        assert (found, like.name) == (kind, name)


def test_keys_of_nobody_are_named_with_the_kinds_that_are_known() -> None:
    with pytest.raises(DataError) as caught:
        recognised(names_only(["encoder.0.w", "b", "c", "d"]), "auto")
    text = str(caught.value)
    assert "x.pth is of no system known here: its keys begin with 'encoder.0.w', 'b', 'c'." in text
    assert "--kind: sss, fop, facetones, voxceleb_trainer, speechbrain" in text


def test_a_named_kind_is_held_to_its_keys(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written({"fc.weight": torch.ones(2, 3)})
    with pytest.raises(DataError) as caught:
        convert_checkpoint(ConvertConfig(checkpoint=path, out=tmp_path / "o", kind="fop"))
    text = str(caught.value)
    assert "keys missing: 'voice_branch.fc1.0.weight'" in text
    assert "keys left over: 'fc.weight'" in text
    assert "main.py" in text
    assert not (tmp_path / "o").exists()


def test_missing_extra_and_reshaped_keys_are_named(
    drawn_state: Callable[..., dict[str, torch.Tensor]], written: Callable[..., Path], tmp_path: Path
) -> None:
    def said(change: Callable[[dict[str, torch.Tensor]], object]) -> str:
        state = drawn_state("fop_gated")
        change(state)
        with pytest.raises(DataError) as caught:
            convert_checkpoint(ConvertConfig(checkpoint=written({"state_dict": state}), out=tmp_path / "o"))
        assert not (tmp_path / "o").exists()
        return str(caught.value)

    assert "keys missing: 'logits_layer.bias'" in said(lambda state: state.pop("logits_layer.bias"))
    assert "keys left over: 'extra.weight'" in said(lambda state: state.update({"extra.weight": torch.ones(1)}))
    text = said(lambda state: state.update({"face_branch.fc1.0.bias": torch.ones(3)}))
    assert "'face_branch.fc1.0.bias' must have shape (16) and has (3,)" in text


def test_an_older_network_of_facetones_is_refused_by_name(written: Callable[..., Path], tmp_path: Path) -> None:
    old = {"linear_seq.0.weight": torch.ones(512, 768), "linear_seq.8.weight": torch.ones(2048, 8320)}
    with pytest.raises(DataError, match=r"'linear_seq.8.weight' must have shape \(512, 8320\) and has \(2048, 8320\)"):
        convert_checkpoint(ConvertConfig(checkpoint=written(old), out=tmp_path / "o", kind="facetones"))


def test_what_stands_there_is_replaced_only_on_demand(
    drawn_state: Callable[..., object], written: Callable[..., Path], tmp_path: Path
) -> None:
    path = written({"state_dict": drawn_state("fop_gated")})
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "mine").touch()
    with pytest.raises(DataError, match="exists and is not empty"):
        convert_checkpoint(ConvertConfig(checkpoint=path, out=tmp_path / "o"))
    convert_checkpoint(ConvertConfig(checkpoint=path, out=tmp_path / "o", overwrite=True))
    assert not (tmp_path / "o" / "mine").exists()

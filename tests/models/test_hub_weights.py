"""Weights from folders and from a hub that is made up here; nothing is ever fetched."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from visavox.errors import ConfigError, DataError, MissingDependencyError
from visavox.models.hub_weights import (
    fill,
    from_transformers,
    hub_folder,
    model_identity,
    read_config,
    read_state,
    width_of,
)

hub = pytest.importorskip("huggingface_hub")
transformers = pytest.importorskip("transformers")
Dinov2Model = transformers.Dinov2Model  # its first use imports much


class Hub:
    """What stands in for huggingface_hub.snapshot_download: a cache, a server, and a list of what was asked."""

    def __init__(self, cached: Path | None = None, served: Path | None = None) -> None:
        self.cached, self.served = cached, served
        self.asked: list[str] = []

    def __call__(self, name: str, *, allow_patterns: list[str], revision: str, local_files_only: bool = False) -> str:
        self.asked.append(f"{'cache' if local_files_only else 'network'} {name}@{revision} {' '.join(allow_patterns)}")
        found = self.cached if local_files_only else self.served
        if found is None:
            raise hub.errors.LocalEntryNotFoundError("not there")
        return str(found)


def folder_of(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text("{}")
    return path


def test_a_folder_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: pytest.fail("the hub is not asked"))
    folder = folder_of(tmp_path / "m", "a.ckpt", "b.bin")
    assert hub_folder(str(folder), ["a.ckpt", "b.safetensors|b.bin"], owner="ecapa") == folder
    with pytest.raises(DataError, match="m holds no c.json or d.json, which the encoder 'ecapa' needs"):
        hub_folder(str(folder), ["a.ckpt", "c.json|d.json"], owner="ecapa")


@pytest.mark.parametrize("source", ["./no/such/folder", "two words/x", "plain", "a/b/c"])
def test_what_is_neither_a_folder_nor_a_name_on_the_hub_is_refused(source: str) -> None:
    with pytest.raises(DataError, match="is neither a folder nor a model of the hub, for the encoder 'ecapa'"):
        hub_folder(source, ["a"], owner="ecapa")


def test_the_cache_comes_before_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, part = folder_of(tmp_path / "whole", "a.ckpt"), folder_of(tmp_path / "part", "other.json")
    for cached, asked in ((whole, 1), (part, 2), (None, 2)):
        made = Hub(cached, whole)
        monkeypatch.setattr(hub, "snapshot_download", made)
        assert hub_folder("some/model", ["a.ckpt|b.ckpt"], owner="ecapa", revision="v1") == whole
        assert made.asked == ["cache some/model@v1 a.ckpt b.ckpt", "network some/model@v1 a.ckpt b.ckpt"][:asked]


def test_a_hub_out_of_reach_is_one_line_that_names_the_model_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "snapshot_download", Hub())
    with pytest.raises(DataError) as caught:
        hub_folder("some/model", ["a.ckpt"], owner="ecapa")
    assert str(caught.value) == (
        "The encoder 'ecapa' needs the model 'some/model', which the hub does not give (LocalEntryNotFoundError). "
        "Check the network, or give a folder that holds it as `source: FOLDER`."
    )
    monkeypatch.setattr(hub, "snapshot_download", Hub(served=folder_of(tmp_path / "empty")))
    with pytest.raises(DataError, match="The hub's model 'some/model' holds no a.ckpt"):
        hub_folder("some/model", ["a.ckpt"], owner="ecapa")


@pytest.mark.parametrize(
    ("missing", "words"), [("huggingface_hub", "pip install huggingface-hub"), ("transformers", r"'visavox\[hub\]'")]
)
def test_without_a_package_the_message_names_what_to_install(
    missing: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def lacking(name: str, *rest: Any) -> Any:
        if name == missing:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", lacking)
    with pytest.raises(MissingDependencyError, match=words):
        if missing == "transformers":
            from_transformers("Dinov2Model", tmp_path, owner="dinov2")
        hub_folder("some/model", ["a"], owner="ecapa")


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this was run",))


def test_tensors_are_read_from_where_checkpoints_keep_them(tmp_path: Path) -> None:
    state = {"a.weight": torch.arange(3.0)}
    for content in (state, {"state_dict": state, "epoch": 3}, {"model": state}):
        torch.save(content, tmp_path / "x.pt")
        found = read_state(tmp_path / "x.pt")
        assert list(found) == ["a.weight"] and found["a.weight"].tolist() == [0, 1, 2]


def test_code_is_never_run_and_damage_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": Evil()}, path)
    with pytest.raises(DataError, match="x.pt holds code .* and was not opened. Fetch it again"):
        read_state(path)
    assert capsys.readouterr().out == ""
    for content in (b"", b"nothing of the kind", b"PK\x03\x04 broken"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"x.pt is damaged \(\w+\) and was not opened") as caught:
            read_state(path)
        assert "\n" not in str(caught.value)
    for other in ([torch.ones(1)], {"a": 1}, {}):
        torch.save(other, path)
        with pytest.raises(DataError, match="holds no tensors by name"):
            read_state(path)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_tensors_go_where_their_names_say() -> None:
    source, target = network(), network()
    nn.init.zeros_(target[0].weight)  # type: ignore[index, arg-type]
    source[1].running_mean.fill_(7)  # type: ignore[index, union-attr]
    state = {f"V.model.{name}": t for name, t in source.state_dict().items() if "tracked" not in name}
    others = {"F.model.0.weight": torch.ones(9), "V.model.torchfb.window": torch.ones(4)}
    fill(target, state | others, owner="thin", where="x.pt", prefix="V.model.", constants=["torchfb.window"])
    for name, tensor in source.state_dict().items():
        assert torch.equal(tensor, target.state_dict()[name]), name


def test_what_does_not_fit_is_named_and_changes_nothing() -> None:
    good = network().state_dict()
    target = network()
    before = {name: t.clone() for name, t in target.state_dict().items()}
    without = {n: t * 5 for n, t in good.items() if n != "0.bias"}
    with pytest.raises(DataError, match="x.pt does not fit the encoder 'thin': it lacks 0.bias. Give the checkpoint"):
        fill(target, without, owner="thin", where="x.pt")
    with pytest.raises(DataError, match="it has more left over"):
        fill(target, good | {"more": torch.ones(1)}, owner="thin", where="x.pt")
    with pytest.raises(DataError, match=r"it 0.weight has \(3, 4\) for \(3, 2\)"):
        fill(target, good | {"0.weight": torch.ones(3, 4)}, owner="thin", where="x.pt")
    with pytest.raises(DataError, match="the tensor 0.weight holds nan or infinity"):
        fill(target, good | {"0.weight": torch.full((3, 2), torch.nan)}, owner="thin", where="x.pt")
    with pytest.raises(DataError, match="lacks 0.weight, 0.bias, 1.weight and 3 more; has a left over"):
        fill(target, {"a": torch.ones(1)}, owner="thin", where="x.pt")
    assert all(torch.equal(t, before[name]) for name, t in target.state_dict().items())


def test_a_transformers_model_that_lacks_weights_or_is_broken_is_one_line(tmp_path: Path) -> None:
    config = transformers.Dinov2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=28)
    Dinov2Model(config).save_pretrained(tmp_path)
    found = from_transformers("Dinov2Model", tmp_path, owner="dinov2")
    assert not found.training and not any(p.requires_grad for p in found.parameters())
    from safetensors.torch import load_file, save_file

    weights = load_file(tmp_path / "model.safetensors")
    weights.pop("layernorm.weight")
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match="does not fit the encoder 'dinov2': it lacks layernorm.weight"):
        from_transformers("Dinov2Model", tmp_path, owner="dinov2")
    (tmp_path / "model.safetensors").write_text("no weights")
    with pytest.raises(DataError, match="holds no model that the encoder 'dinov2' can load") as caught:
        from_transformers("Dinov2Model", tmp_path, owner="dinov2")
    assert "\n" not in str(caught.value)


def test_an_identity_follows_the_bytes_of_a_folder_and_the_name_on_the_hub(tmp_path: Path) -> None:
    assert model_identity("some/model", "v2") == "some/model@v2"
    first, second = folder_of(tmp_path / "a", "m.ckpt"), folder_of(tmp_path / "b", "m.ckpt")
    assert model_identity(str(first)) == model_identity(str(second)) and len(model_identity(str(first))) == 16
    (second / "m.ckpt").write_text("{ }")
    assert model_identity(str(first)) != model_identity(str(second))
    with pytest.raises(DataError, match="c holds no weights"):
        model_identity(str(folder_of(tmp_path / "c", "readme.txt")))


def test_a_width_is_known_or_read_from_the_folder(tmp_path: Path) -> None:
    known = {"o/small": 4}
    assert width_of("o/small", known, "hidden_size", "dinov2") == 4
    with pytest.raises(
        ConfigError, match="`source` of the encoder 'dinov2' must be a folder or one of o/small. Got 'o/x'"
    ):
        width_of("o/x", known, "hidden_size", "dinov2")
    folder = folder_of(tmp_path / "m", "config.json")
    with pytest.raises(DataError, match="config.json says no `hidden_size`"):
        width_of(str(folder), known, "hidden_size", "dinov2")
    (folder / "config.json").write_text(json.dumps({"hidden_size": 12}))
    assert width_of(str(folder), known, "hidden_size", "dinov2") == 12
    for content, words in (("{", "cannot be read"), ("[1]", "holds no JSON object")):
        (folder / "config.json").write_text(content)
        with pytest.raises(DataError, match=words):
            read_config(folder, "config.json")
    with pytest.raises(DataError, match=r"cannot be read \(FileNotFoundError\)"):
        read_config(folder, "absent.json")

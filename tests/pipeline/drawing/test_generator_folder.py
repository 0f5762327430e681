"""The folder of a generator: parts that come and go, weights that come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from visavox.errors import DataError
from visavox.persistence import save_folder
from visavox.pipeline.drawing.generator_folder import METHOD_PARTS, PARTS, Generator, load_part, part_spec, save_part

PX = 8


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def generator(folder: Path, *parts: str) -> Generator:
    for part in parts:
        save_part(folder, part, name="plain", arguments={"width": 4}, network=network())
    mean = np.full((PX, PX, 3), 100.0, np.float32)
    return Generator(folder, {"name": "ge2e"}, PX, 1.6, mean, {"decoder": {"guidance": 2.0}}, frozenset({"a", "b"}))


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    generator(tmp_path / "g", "predictor", "decoder").save(card="# A card\n")
    found = Generator.load(tmp_path / "g")
    assert (found.voice_encoder, found.image_px, found.window_s) == ({"name": "ge2e"}, PX, 1.6)
    assert (found.mean_picture == 100).all()
    assert found.choices == {"decoder": {"guidance": 2.0}}
    assert found.people == {"a", "b"}
    assert (tmp_path / "g" / "README.md").read_text() == "# A card\n"


def test_methods_are_those_whose_parts_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    there = generator(folder, "predictor")
    assert there.methods == ()
    for method, parts in METHOD_PARTS.items():
        for part in parts:
            save_part(folder, part, name="plain", arguments={}, network=network())
        assert method in there.methods
    assert there.methods == tuple(METHOD_PARTS)
    assert {part for parts in METHOD_PARTS.values() for part in parts} < set(PARTS)


def test_saving_again_keeps_the_parts(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    generator(folder, "predictor", "decoder").save(card="one")
    before = (folder / "decoder" / "model.safetensors").read_bytes()
    Generator.load(folder).save(card="two")
    assert (folder / "README.md").read_text() == "two"
    assert (folder / "decoder" / "model.safetensors").read_bytes() == before


def test_a_run_stands_for_the_generator_in_it(tmp_path: Path) -> None:
    generator(tmp_path / "run" / "generator", "decoder").save(card="")
    assert Generator.load(tmp_path / "run").folder == tmp_path / "run" / "generator"


@pytest.mark.parametrize("half", [False, True])
def test_weights_come_back(tmp_path: Path, half: bool) -> None:
    trained = network(1)
    save_part(tmp_path, "decoder", name="plain", arguments={}, network=trained, half=half)
    again = network(2)
    load_part(again, tmp_path, "decoder")
    for name, tensor in trained.state_dict().items():
        found = again.state_dict()[name]
        assert found.dtype == tensor.dtype
        assert torch.allclose(found.float(), tensor.float(), atol=1e-3 if half else 0)


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    sizes = []
    for half in (False, True):
        large = nn.Linear(100, 100)
        save_part(tmp_path / str(half), "decoder", name="plain", arguments={}, network=large, half=half)
        sizes.append((tmp_path / str(half) / "decoder" / "model.safetensors").stat().st_size)
    assert sizes[1] < 0.52 * sizes[0]


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    save_part(tmp_path, "decoder", name="plain", arguments={}, network=nn.Linear(3, 4))
    with pytest.raises(DataError, match="The saved decoder of"):
        load_part(nn.Linear(3, 5), tmp_path, "decoder")


def test_a_missing_part_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    generator(tmp_path, "predictor")
    with pytest.raises(DataError, match="has no part denoiser. Its parts: predictor."):
        part_spec(tmp_path, "denoiser")
    assert part_spec(tmp_path, "predictor") == {"name": "plain", "width": 4}


def test_another_kind_of_folder_is_refused(tmp_path: Path) -> None:
    save_folder(tmp_path / "m", kind="associator", name="cca", arguments={}, tensors={"a": np.zeros(1)})
    with pytest.raises(DataError, match="holds a saved associator, not a saved generator"):
        Generator.load(tmp_path / "m")


def test_a_mean_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    made = generator(tmp_path / "g")
    Generator(made.folder, "ge2e", 16, 1.6, made.mean_picture).save(card="")
    with pytest.raises(DataError, match="mean_picture"):
        Generator.load(tmp_path / "g")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"image_px": "many"}, "`image_px` in .*config.json must be a whole number of pixels"),
        ({"image_px": None}, "`image_px` in .* Got None. Save the model again"),
        ({"window_s": -3}, "`window_s` in .* must be seconds from 0.1. Got -3"),
        ({"window_s": True}, "`window_s`"),
        ({"voice_encoder": 3}, "`voice_encoder` in .* must be a name, or a mapping with `name`. Got 3"),
        ({"voice_encoder": {"dim": 3}}, "`voice_encoder`"),
        ({"choices": [1]}, "`choices` in .* must be a mapping of methods"),
        ({"choices": {"decoder": 2}}, "`choices`"),
        ({"choices": {"decoder": {"guidance": "much"}}}, "`choices` in .* guidances 0 to 30"),
        ({"choices": {"diffusion": {"guidance": 99}}}, "`choices`"),
    ],
)
def test_a_config_that_cannot_be_is_one_line(tmp_path: Path, changes: dict[str, Any], rule: str) -> None:
    generator(tmp_path / "g").save(card="")
    file = tmp_path / "g" / "config.json"
    config = json.loads(file.read_text())
    config["arguments"].update(changes)
    file.write_text(json.dumps(config))
    with pytest.raises(DataError, match=rule) as error:
        Generator.load(tmp_path / "g")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["{", "{}", "[1]", "[[]]"])
def test_damaged_people_are_one_line(tmp_path: Path, text: str) -> None:
    generator(tmp_path / "g").save(card="")
    (tmp_path / "g" / "people.json").write_text(text)
    with pytest.raises(DataError, match=r"people.json .*Save the model again"):
        Generator.load(tmp_path / "g")

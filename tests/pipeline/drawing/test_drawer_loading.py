"""From a generator's folder to its drawer, and what is said of a folder that does not fit."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import DataError, UnknownNameError, VisavoxError
from visavox.pipeline.drawing.drawer_loading import load_drawer
from visavox.pipeline.drawing.generator_folder import Generator


def test_the_drawer_is_that_of_the_folder(tiny_generator: Path) -> None:
    for method in (None, "decoder"):
        drawer = load_drawer(Generator.load(tiny_generator), method)
        assert (drawer.name, drawer.image_px, drawer.guidance) == ("decoder", 32, 1.5)


def test_an_unknown_method_lists_the_known(tiny_generator: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown method 'decode'\. Did you mean 'decoder'\?"):
        load_drawer(Generator.load(tiny_generator), "decode")


def test_a_method_without_parts_says_which_there_is(tiny_generator: Path) -> None:
    with pytest.raises(
        DataError, match=r"cannot draw by diffusion: it has no autoencoder, denoiser\. It draws by decoder"
    ):
        load_drawer(Generator.load(tiny_generator), "diffusion")


def test_a_folder_without_parts_says_how_to_train(tiny_generator: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_generator, tmp_path / "bare", ignore=shutil.ignore_patterns("decoder"))
    with pytest.raises(DataError, match=r"cannot draw by any method: it has no decoder\. Train it: visavox train"):
        load_drawer(Generator.load(tmp_path / "bare"))


def test_parts_of_another_size_are_refused(tiny_generator: Path, stand_in_drawer: Any) -> None:
    generator = dataclasses.replace(Generator.load(tiny_generator), image_px=128)
    with pytest.raises(DataError, match=r"is of pictures of 128 px, and its decoder draws 32, 64 px"):
        load_drawer(generator)


def test_a_real_part_of_another_size_is_one_line(tiny_generator: Path) -> None:
    with pytest.raises(VisavoxError, match=r"draws 32 px,.* its generator says 64"):
        load_drawer(dataclasses.replace(Generator.load(tiny_generator), image_px=64))

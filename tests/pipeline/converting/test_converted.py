"""What a converter hands over becomes a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.models.associators.base import Associator
from visavox.models.associators.sss import SSS
from visavox.models.encoders.published import PublishedEncoder
from visavox.persistence import read_tensors
from visavox.pipeline.converting.converted import (
    Converted,
    describe,
    published_encoder,
    recipe_spec,
    write_converted,
)
from visavox.pipeline.frozen_encoder import FrozenEncoder
from visavox.registry import ENCODERS

FACTS = {"title": "Toy", "source": "https://toy", "licence": "MIT", "training_data": "toys"}


def toy_encoder() -> PublishedEncoder:
    encoder = ENCODERS.build({"name": "thin_resnet34", "seed": 3})
    about = {"weights": "toy.pth", "training_data": "toys", "licence": "MIT"}
    return published_encoder("thin_resnet34", encoder.tensors(), **about, length_s=2.0)


def test_the_card_tells_all_facts() -> None:
    card = describe(Converted(**FACTS, associator=SSS(2, 2), left_out=("`epoch`",), notes=("Mind the gap.",)))
    for line in (
        "# Toy",
        f"Converted by Visavox: associator sss, {SSS(2, 2).n_parameters} numbers.",
        "- Source: https://toy.",
        "- Licence of the weights: MIT.",
        "- Trained on: toys.",
        "nothing warns who tests it on them",
        "- Mind the gap.",
        "## What was left out\n- `epoch`",
    ):
        assert line in card
    assert "## What was left out\nNothing." in describe(Converted(**FACTS))


def test_an_associator_alone_comes_back(tmp_path: Path) -> None:
    table = {"weight": np.arange(3, dtype=np.float32)}
    model = SSS(4, 3, seed=2)
    write_converted(Converted(**FACTS, associator=model, tables={"more.safetensors": table}), tmp_path / "m")
    again = Associator.from_folder(tmp_path / "m")
    np.testing.assert_array_equal(again.encode_voice(np.ones((1, 4))), model.encode_voice(np.ones((1, 4))))
    np.testing.assert_array_equal(read_tensors(tmp_path / "m" / "more.safetensors")[0]["weight"], [0, 1, 2])
    assert (tmp_path / "m" / "README.md").read_text(encoding="utf-8").startswith("# Toy")


def test_an_encoder_alone_keeps_weights_options_and_provenance(tmp_path: Path) -> None:
    encoder = toy_encoder()
    assert recipe_spec(encoder)["length_s"] == 2.0
    write_converted(Converted(**FACTS, encoders={"voice": encoder}), tmp_path / "e")
    again = FrozenEncoder({**recipe_spec(encoder), "weights": str(tmp_path / "e")}, "voice").encoder
    assert again.identifier == encoder.identifier
    assert again.provenance.training_data == "toys"
    assert again.provenance.licence == "MIT"
    with pytest.raises(DataError, match="`length_s`"):
        FrozenEncoder({"name": "thin_resnet34", "weights": str(tmp_path / "e")}, "voice")


def test_keys_of_another_network_are_refused() -> None:
    with pytest.raises(DataError, match="thin_resnet34"):
        published_encoder("thin_resnet34", {"x": np.ones(1)}, weights="w", training_data="t", licence="MIT")


def test_the_number_of_numbers_counts_every_part() -> None:
    tables = {"a": {"b": np.ones(5), "c": np.ones((2, 2))}}
    assert Converted(**FACTS, tables=tables).n_parameters == 9
    assert Converted(**FACTS, files={"f": b"x"}, n_in_files=4).n_parameters == 4
    assert Converted(**FACTS, files={"f": b"x"}).what == "f"
    assert Converted(**FACTS, tables=tables).what == "tables"

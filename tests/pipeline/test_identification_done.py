"""When a network counts as done, and what an interrupted training may go on from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.persistence import CONFIG_FILE, TENSOR_FILE
from visavox.pipeline.identification_design import Design, NetworkEntry, read_design
from visavox.pipeline.identification_done import (
    BEGAN_WITH,
    SEARCH,
    RunIdentity,
    begin,
    drop_unfinished,
    is_done,
    network_identity,
    taken_weights,
)
from visavox.pipeline.identification_folder import TRAINING, network_folder
from visavox.pipeline.identification_training import STATE

VIT = {"network": {"name": "vit"}, "training": {"n_epochs": 3}}
FUSED = {"network": {"name": "output_fusion"}, "from": {"voice": "v", "face": "f"}}
DESIGN = {"v": VIT, "f": VIT, "fu": FUSED}


def network(name: str, design: dict[str, Any] = DESIGN) -> NetworkEntry:
    entry = read_design(design).entries[name]
    assert isinstance(entry, NetworkEntry)
    return entry


def finish(run: RunIdentity, name: str, *, weights: bytes = b"w", **about: Any) -> None:
    """Leave what decides whether a network is done."""
    folder = network_folder(run.out, name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_FILE).touch()
    (folder / TENSOR_FILE).write_bytes(weights)
    told = {"identity": network_identity(network(name), run), "bfloat16": False, **about}
    (folder / TRAINING).write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> RunIdentity:
    found = RunIdentity(tmp_path, seed=0, data="c0ffee")
    for name in DESIGN:
        finish(found, name, weights=name.encode())
    return found


def done(run: RunIdentity, name: str = "fu", design: Design | None = None) -> bool:
    return is_done(network(name), design or read_design(DESIGN), run)


def test_a_network_is_done_while_nothing_changes(run: RunIdentity) -> None:
    assert all(done(run, name) for name in DESIGN)
    (network_folder(run.out, "v") / TRAINING).unlink()
    assert [done(run, name) for name in DESIGN] == [False, True, False]  # what rests on it is not done either


def test_other_weights_under_a_network_are_no_mistake_but_work_to_do(run: RunIdentity) -> None:
    """A killed retraining of a fusion was refused for ever: its old folder was of other weights than there were."""
    finish(run, "v", weights=b"trained anew")
    assert done(run, "v") and not done(run)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"seed": 1}, "seed"), ({"data": "other"}, "data"), ({"bfloat16": True}, "precision")],
)
def test_other_settings_are_refused_in_one_line(run: RunIdentity, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=f"networks/v holds a network that was trained with other {said}. Give it"):
        done(replace(run, **changed), "v")
    other = read_design({**DESIGN, "v": {**VIT, "training": {"n_epochs": 4}}})
    with pytest.raises(ConfigError, match="trained with other training. Give it another name, remove its folder, or "):
        is_done(other.networks("v")[0], other, run)


def test_a_number_format_is_held_only_where_one_is_asked_for(run: RunIdentity) -> None:
    assert done(replace(run, bfloat16=None), "v") and done(replace(run, bfloat16=False), "v")


def test_weights_are_told_apart_by_their_bytes(run: RunIdentity) -> None:
    taken = taken_weights(network("fu"), run.out)
    assert set(taken) == {"voice", "face"} and taken["voice"] != taken["face"]
    (network_folder(run.out, "f") / TENSOR_FILE).unlink()
    assert taken_weights(network("fu"), run.out) == {"voice": taken["voice"], "face": ""}
    assert taken_weights(network("v"), run.out) == {}


def test_what_began_with_other_weights_is_dropped_and_the_rest_goes_on(run: RunIdentity) -> None:
    folder = network_folder(run.out, "fu")

    def leave() -> None:
        for part in (STATE, SEARCH):
            (folder / part).mkdir(exist_ok=True)

    begin(network("fu"), run.out)
    assert json.loads((folder / BEGAN_WITH).read_text(encoding="utf-8")) == taken_weights(network("fu"), run.out)
    leave()
    begin(network("fu"), run.out)
    assert (folder / STATE).is_dir() and (folder / SEARCH).is_dir()
    finish(run, "v", weights=b"trained anew")
    begin(network("fu"), run.out)
    assert not (folder / STATE).exists() and not (folder / SEARCH).exists()
    assert json.loads((folder / BEGAN_WITH).read_text(encoding="utf-8")) == taken_weights(network("fu"), run.out)
    leave()
    drop_unfinished("fu", run.out)
    assert not (folder / STATE).exists() and (folder / TRAINING).is_file()


def test_a_network_that_takes_no_weights_notes_none(tmp_path: Path) -> None:
    begin(network("v"), tmp_path)
    assert not list(tmp_path.iterdir())

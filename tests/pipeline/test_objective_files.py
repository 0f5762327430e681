"""Weights of identities go from one run to the next by name: from its folder, from its file, from a converted one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.batches.pair_batches import Pairs
from visavox.errors import DataError
from visavox.models.associators.two_tower import TwoTower
from visavox.objectives.base import TrainingFacts
from visavox.objectives.identity_weights import person_numbers
from visavox.objectives.seeking_shape import SeekingShape
from visavox.persistence import read_tensors, write_tensors
from visavox.pipeline.checkpoints import STATE_FILE
from visavox.pipeline.objective_files import give_files
from visavox.pipeline.training import TrainingSettings, train_network
from visavox.pipeline.training_log import RunPlace

HEADER = "VoxCeleb1_ID,VGGFace1_ID,Gender,Nationality,Set\n"
PEOPLE = ("id1", "id2", "id3")
GIVEN = np.array([0.0, 1.0, 2.0], dtype=np.float32)


def wanting(path: Path, order: str = "", people: tuple[str, ...] = PEOPLE) -> SeekingShape:
    objective = SeekingShape(reweight="paper", identity_weights=str(path), identity_order=order)
    facts = TrainingFacts(n_people=3, dim=2, n_rows=3, n_steps=1, people=people)
    objective.prepare(facts, torch.Generator().manual_seed(0))
    return objective


def written(path: Path, tensors: Mapping[str, np.ndarray]) -> Path:
    write_tensors(path, dict(tensors), {})
    return path


def numbers(*names: str) -> np.ndarray:
    return np.asarray(person_numbers(names).numpy())


@pytest.mark.parametrize("prefix", ["", "center.", "objective.center.", "network.across.center."])
def test_weights_are_found_under_every_name_they_go_by(tmp_path: Path, prefix: str) -> None:
    held = {f"{prefix}weight": GIVEN, f"{prefix}people": numbers(*PEOPLE), "other": GIVEN}
    objective = wanting(written(tmp_path / "w.safetensors", held))
    give_files(objective)
    assert objective.center.weight.tolist() == [0, 1, 2]
    objective.before_step(0)  # it trains on them


def test_each_person_finds_the_own_weight_in_a_file_of_another_order(tmp_path: Path) -> None:
    path = written(tmp_path / "w", {"center.weight": GIVEN, "center.people": numbers("id3", "id1", "id2")})
    objective = wanting(path)
    give_files(objective)
    assert objective.center.weight.tolist() == [1, 2, 0]
    with pytest.raises(DataError, match="must be of the people in training. Got none for 3 of 3"):
        give_files(wanting(path, people=("id4", "id5", "id6")))


def test_the_weights_at_the_end_of_a_run_are_taken_and_not_those_of_its_best_epoch(tmp_path: Path) -> None:
    held: dict[str, np.ndarray] = {}
    for prefix, weight in (("best.across.center.", GIVEN), ("network.across.center.", GIVEN[::-1].copy())):
        held |= {f"{prefix}weight": weight, f"{prefix}people": numbers(*PEOPLE)}
    objective = wanting(written(tmp_path / "w", held))
    give_files(objective)
    assert objective.center.weight.tolist() == [2, 1, 0]
    two = {f"network.across.members.{place}.center.weight": GIVEN for place in (0, 1)}
    words = r"must hold one center.weight. It holds .*members.0.center.weight, .*members.1.center.weight. Give a file"
    with pytest.raises(DataError, match=words):
        give_files(wanting(written(tmp_path / "two", two)))


@pytest.mark.parametrize("people", [PEOPLE, ("Cleo", "Dora", "Emma")])
def test_a_converted_file_takes_its_people_from_the_published_table(tmp_path: Path, people: tuple[str, ...]) -> None:
    """In the order of its first lines, without those whose Set is none; either id of a person will do."""
    path = written(tmp_path / "id_weight.safetensors", {"weight": GIVEN})
    rows = [
        "id3,Emma,f,Peru,dev",
        "id9,Nora,f,Peru,none",
        "id1,Cleo,f,Peru,dev",
        "id3,Emma,f,Peru,dev",
        "id2,Dora,f,,dev",
    ]
    table = tmp_path / "vox1_train.csv"
    table.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    objective = wanting(path, str(table), people)
    give_files(objective)
    assert objective.center.weight.tolist() == [1, 2, 0]
    with pytest.raises(DataError, match="does not say whose weights it holds. Name the table .* as `identity_order`"):
        give_files(wanting(path, people=people))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", r"line 2: must name a person in VoxCeleb1_ID and VGGFace1_ID. Mend the line."),
        (HEADER + "id1,Cleo,f,,dev\nid2,,f,,dev\n", r"line 3: must name a person"),
        (HEADER, r"vox1_train.csv names nobody. Give vox1_train.csv."),
        (HEADER + "id1,Cleo,f,,none\n", r"names nobody"),
        (HEADER + "id1,Cleo,f,,dev\n", r"one for each person of their order. Got 3 weights and 1 people"),
        (None, r"`identity_order` must name a file or a run. There is no .*vox1_train.csv"),
    ],
)
def test_a_table_that_is_none_is_one_line(tmp_path: Path, text: str | None, words: str) -> None:
    path, table = written(tmp_path / "w", {"weight": GIVEN}), tmp_path / "vox1_train.csv"
    if text is not None:
        table.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        give_files(wanting(path, str(table)))
    assert "\n" not in str(caught.value)


def test_an_objective_without_wishes_is_left_alone(tmp_path: Path) -> None:
    give_files(SeekingShape())


@pytest.mark.parametrize("kind", ["missing", "empty_run", "other"])
def test_what_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "empty_run":
        path.mkdir()
    if kind == "other":
        write_tensors(path, {"bias": np.zeros(3, dtype=np.float32)}, {})
    words = {"missing": "There is no", "empty_run": "holds no state.safetensors", "other": "holds no identity weights"}
    with pytest.raises(DataError, match=words[kind]):
        give_files(wanting(path))


def test_the_two_steps_of_the_paper_run_one_after_the_other(tmp_path: Path) -> None:
    """The second run has its people under other numbers, of which nobody is told: each still has the own weight."""
    rng = np.random.default_rng(0)
    face = rng.normal(size=(30, 3))
    voice = face @ rng.normal(size=(3, 4))
    names = [f"p{i:02d}" for i in range(30)]
    pairs = Pairs.of(voice, face, identities=names)
    first = TrainingSettings(
        n_epochs=4,
        batch_size=10,
        objective={"name": "seeking_shape", "reweight": "paper", "first_update": 2, "update_every": 2},
    )

    def train(pairs: Pairs, settings: TrainingSettings, folder: str) -> np.ndarray:
        model = TwoTower(4, 3, hidden=(), output_dim=4)
        train_network(model, pairs, settings, place=RunPlace(tmp_path / folder, tensorboard=False))
        return read_tensors(tmp_path / folder / "member-0" / STATE_FILE)[0]["objective.center.weight"]

    found = train(pairs, first, "one")
    assert 0 < (found > 0).sum() < 30
    spec = {"name": "seeking_shape", "reweight": "paper", "identity_weights": str(tmp_path / "one")}
    second = replace(first, objective=spec)
    np.testing.assert_array_equal(train(pairs, second, "two"), found)
    more = Pairs.of(
        np.concatenate([voice[:1], voice]), np.concatenate([face[:1], face]), identities=["a stranger", *names]
    )
    np.testing.assert_array_equal(train(more.select(np.arange(1, 31)), second, "three"), found)  # labels, not numbers
    with pytest.raises(DataError, match="one for each of the 31 training identities"):
        train(more, second, "four")
    renamed = Pairs.of(voice, face, identities=["q00", *names[1:]])
    with pytest.raises(DataError, match="must be of the people in training. Got none for 1 of 30"):
        train(renamed, second, "five")

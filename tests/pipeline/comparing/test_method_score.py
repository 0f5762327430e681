"""One method, one arena, one seed: measured on people it never saw, kept, and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.pipeline.comparing.arenas import Arena, open_arena
from visavox.pipeline.comparing.compare_recipe import ArenaPlan
from visavox.pipeline.comparing.method_score import (
    MethodScore,
    load_score,
    save_score,
    score_identity,
    score_method,
)
from visavox.pipeline.fitting import fit_associator

CCA: dict[str, Any] = {"name": "cca", "n_components": 3}
MAIN = ("matching", "voice_to_face", "all", "accuracy_1_of_2")


@pytest.fixture
def arena(vectors: Path, tmp_path: Path) -> Arena:
    return open_arena(ArenaPlan("small", "embeddings", vectors, folds=3), tmp_path / "arena")


def score(arena: Arena, spec: dict[str, Any] = CCA, **more: Any) -> MethodScore:
    given = {"method": "m", "seed": 0, "resamples": 100, "protocols": ("matching",), **more}
    return score_method(arena, spec, **given)


def test_the_accuracy_is_that_of_each_fold_scored_by_the_model_of_the_others(arena: Arena) -> None:
    found = score(arena)
    measure = next(m for m in found.measures if m.key == MAIN)
    by_person = []
    for one in arena.rounds:
        training, held = arena.paired.select(one.train), arena.paired.select(one.test)
        similarity = fit_associator(CCA, training.pairs()).similarity(held.voice.vectors, held.face.vectors)
        people = list(held.voice.identities)
        for person in sorted(set(people)):
            shares = []
            for i in (i for i, p in enumerate(people) if p == person):
                others = [j for j, p in enumerate(people) if p != person]
                shares.append(np.mean([similarity[i, i] > similarity[i, j] for j in others]))
            by_person.append(np.mean(shares))
    assert measure.value == pytest.approx(np.mean(by_person), abs=1e-9)
    assert measure.n_people == 60
    assert measure.low < measure.value < measure.high
    assert found.resamples[MAIN].shape == (100,)
    assert found.n_parameters > 0


def test_the_seed_changes_a_network_and_nothing_else(arena: Arena) -> None:
    network = {"name": "two_tower", "hidden": [4], "n_epochs": 1}
    first, again, other = score(arena, network), score(arena, network), score(arena, network, seed=1)
    assert first.measures == again.measures
    assert first.measures != other.measures
    assert score(arena, seed=1).measures == score(arena).measures


def test_only_the_wanted_protocols_are_run_in_both_directions(arena: Arena) -> None:
    found = score(arena, protocols=("matching", "retrieval"))
    kinds = {(m.protocol, m.direction) for m in found.measures}
    assert kinds == {(p, d) for p in ("matching", "retrieval") for d in ("voice_to_face", "face_to_voice")}
    assert {m.measure for m in found.measures} == {"accuracy_1_of_2", "map", "recall_at_1", "recall_at_10"}
    assert {m.group for m in found.measures if m.protocol == "matching"} >= {"all", "same_gender"}


def test_a_method_that_fails_is_a_score_with_a_reason(arena: Arena) -> None:
    wild = {"name": "two_tower", "hidden": [4], "n_epochs": 3, "learning_rate": 10, "optimiser": "sgd"}
    found = score(arena, {**wild, "objective": {"name": "info_nce"}, "input_noise": 1e30})
    assert found.measures == ()
    assert "The loss became nan or infinite" in found.problem


def test_a_kept_score_comes_back_and_one_of_other_settings_does_not(arena: Arena, tmp_path: Path) -> None:
    found, path = score(arena), tmp_path / "s" / "seed-0.safetensors"
    save_score(path, found, identity="one")
    back = load_score(path, identity="one")
    assert back == found
    assert back is not None
    np.testing.assert_array_equal(back.resamples[MAIN], found.resamples[MAIN])
    assert load_score(path, identity="two") is None
    assert load_score(tmp_path / "none", identity="one") is None
    path.write_bytes(path.read_bytes()[:50])
    assert load_score(path, identity="one") is None


def test_a_failed_score_is_kept_too(tmp_path: Path) -> None:
    failed = MethodScore("a", "m", 0, problem="it burst")
    save_score(tmp_path / "x.safetensors", failed, identity="one")
    assert load_score(tmp_path / "x.safetensors", identity="one") == failed


def test_the_identity_names_everything_that_decides(arena: Arena) -> None:
    given: dict[str, Any] = {"seed": 0, "resamples": 100, "protocols": ("matching",)}
    first = score_identity(arena, CCA, **given)
    assert score_identity(arena, dict(reversed(CCA.items())), **given) == first
    others = [{**given, "seed": 1}, {**given, "resamples": 200}, {**given, "protocols": ("matching", "retrieval")}]
    assert len({first, score_identity(arena, {**CCA, "n_components": 2}, **given)}) == 2
    assert len({first, *(score_identity(arena, CCA, **other) for other in others)}) == 4
    assert score_identity(arena, CCA, **given, device="cuda") != first


def test_the_identity_follows_the_files_of_an_objective(arena: Arena, tmp_path: Path) -> None:
    given: dict[str, Any] = {"seed": 0, "resamples": 100, "protocols": ("matching",)}
    path = tmp_path / "w.safetensors"
    objective = {"name": "seeking_shape", "reweight": "paper", "identity_weights": str(path)}
    spec = {"name": "two_tower", "objective": objective}
    absent = score_identity(arena, spec, **given)
    path.write_bytes(b"one")
    first = score_identity(arena, spec, **given)
    path.write_bytes(b"two")
    assert len({absent, first, score_identity(arena, spec, **given)}) == 3

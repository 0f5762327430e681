"""An arena: who is trained on and who is tested, from vectors, from a world, from media."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.pipeline.comparing.arenas import Arena, open_arena
from visavox.pipeline.comparing.compare_recipe import ArenaPlan


def people(arena: Arena, rows: np.ndarray) -> set[str]:
    return {arena.paired.voice.identities[row] for row in rows.tolist()}


def test_with_folds_everybody_is_tested_once_by_who_never_met_him(vectors: Path, tmp_path: Path) -> None:
    arena = open_arena(ArenaPlan("small", "embeddings", vectors, folds=4), tmp_path)
    assert len(arena.rounds) == 4
    tested = np.concatenate([one.test for one in arena.rounds])
    assert sorted(tested.tolist()) == list(range(120))
    for one in arena.rounds:
        assert not people(arena, one.train) & people(arena, one.test)
        assert len(one.train) + len(one.test) == 120
    assert arena.n_people == 60
    assert arena.ceiling is None


def test_with_a_share_that_share_of_the_people_is_tested(vectors: Path, tmp_path: Path) -> None:
    arena = open_arena(ArenaPlan("small", "embeddings", vectors, test=0.25), tmp_path)
    (one,) = arena.rounds
    assert len(people(arena, one.test)) == 15
    assert not people(arena, one.train) & people(arena, one.test)
    assert arena.n_people == 15


def test_an_arena_is_the_same_whenever_it_is_opened_and_another_where_anything_differs(
    vectors: Path, tmp_path: Path
) -> None:
    plan = ArenaPlan("small", "embeddings", vectors, folds=3)
    first = open_arena(plan, tmp_path)
    assert open_arena(plan, tmp_path).identity == first.identity
    assert open_arena(dataclasses.replace(plan, folds=4), tmp_path).identity != first.identity
    assert open_arena(ArenaPlan("small", "embeddings", vectors, test=0.5), tmp_path).identity != first.identity


@pytest.mark.usefixtures("quick_ceiling")
def test_a_world_is_simulated_once_and_its_ceiling_is_known(tmp_path: Path) -> None:
    plan = ArenaPlan("world", "world", {"people": 40, "clips": 1, "seed": 1}, test=0.25)
    arena = open_arena(plan, tmp_path / "w")
    assert arena.ceiling is not None
    assert 0.5 < arena.ceiling.honest["voice_to_face", "all", "accuracy_1_of_2"].value <= 1
    assert len(arena.paired.voice) == 40
    before = (tmp_path / "w" / "world.json").stat().st_mtime_ns
    assert open_arena(plan, tmp_path / "w").identity == arena.identity
    assert (tmp_path / "w" / "world.json").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="arena world, `world` takes no 'peple'"):
        open_arena(ArenaPlan("world", "world", {"peple": 40}, test=0.25), tmp_path / "x")


def test_a_corpus_is_embedded_and_known_genders_stay(small_corpus: Path, tmp_path: Path) -> None:
    spec = {"name": "voice_cnn"}
    plan = ArenaPlan("c", "corpus", small_corpus, folds=2, voice_encoder=spec, face_encoder={"name": "face_cnn"})
    arena = open_arena(plan, tmp_path, workers=1)
    assert (tmp_path / "embeddings" / "voice.parquet").is_file()
    assert arena.encoders["voice"]["spec"] == spec
    assert arena.n_people == len(set(arena.paired.voice.identities))


@pytest.mark.parametrize("kind", ["pairs", "corpus"])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataError, match="The arena real must be a folder. There is no .*nowhere"):
        open_arena(ArenaPlan("real", kind, tmp_path / "nowhere", folds=2), tmp_path)

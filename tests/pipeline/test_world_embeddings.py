"""A world of vectors is a corpus like any other: split, train and evaluate take it, and the ceiling holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visavox.config import SplitConfig, TrainConfig
from visavox.corpus.catalog import Catalog
from visavox.errors import ConfigError, DataError
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.evaluating import evaluate_model
from visavox.pipeline.model_training import train_model
from visavox.pipeline.splitting import split_corpus
from visavox.pipeline.world_embeddings import write_world_embeddings
from visavox.world.latent_vectors import latent_vectors
from visavox.world.people import make_people
from visavox.world.population import CATEGORIES, Leaks, Population
from visavox.world.world_folder import VectorSettings, World, read_ceiling

WORLD = World(n_people=30, n_clips=3, seed=1, layout="embeddings", vectors=VectorSettings(nuisance=0.1))


pytestmark = pytest.mark.usefixtures("quick_ceiling")


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("catalog.sqlite"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_folder_is_that_of_prepare_and_embed_in_one(tmp_path: Path) -> None:
    assert write_world_embeddings(tmp_path, WORLD) == 90
    assert set(digests(tmp_path)) == {
        "world.json", "people.csv", "embeddings/voice.parquet", "embeddings/face.parquet", "embeddings/embeddings.json"
    }  # fmt: skip
    embedded = CorpusEmbeddings.load(tmp_path / "embeddings")
    people = make_people(30, seed=1)
    vectors = latent_vectors(WORLD, people)
    for table in (embedded.voice, embedded.face):
        np.testing.assert_array_equal(table.vectors, vectors[table.modality])
        assert table.identities == tuple(person.name for person in people for _ in range(3))
        assert table.attribute("gender") == tuple(person.sex for person in people for _ in range(3))
        names = [CATEGORIES["language"][person.language] for person in people for _ in range(3)]
        assert table.attribute("language") == tuple(names)
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        assert catalog.counts() == {"face": {"ok": 90}, "voice": {"ok": 90}}
        assert catalog.content_hash() == embedded.about["catalog_hash"]
        items = {item.key: item for item in catalog.items()}
    assert set(items) == {*embedded.voice.keys, *embedded.face.keys}
    assert items["w1-person-0004-c2/voice"].session == "w1-person-0004-s1"
    assert items["w1-person-0004-c2/voice"].path is None


def test_the_same_world_gives_the_same_bytes_and_a_whole_one_is_left_alone(tmp_path: Path) -> None:
    write_world_embeddings(tmp_path / "a", WORLD)
    write_world_embeddings(tmp_path / "b", WORLD)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*")}
    seen: list[tuple[int, int]] = []
    assert write_world_embeddings(tmp_path / "a", WORLD, progress=lambda *step: seen.append(step)) == 90
    assert not seen
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*")}


def test_a_kill_before_the_end_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_world_embeddings(tmp_path / "whole", WORLD)

    def killed(self: CorpusEmbeddings, folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CorpusEmbeddings, "save", killed)
        write_world_embeddings(tmp_path / "cut", WORLD)
    assert read_ceiling(tmp_path / "cut") is None
    seen: list[tuple[int, int]] = []
    write_world_embeddings(tmp_path / "cut", WORLD, progress=lambda *step: seen.append(step))
    assert seen == [(30, 60), (60, 60)]
    assert digests(tmp_path / "cut") == digests(tmp_path / "whole")


def test_another_world_is_refused_until_overwritten(tmp_path: Path) -> None:
    write_world_embeddings(tmp_path, WORLD)
    other = replace(WORLD, vectors=VectorSettings(nuisance=0.2))
    with pytest.raises(DataError, match=r"vectors.nuisance 0.1 instead of 0.2"):
        write_world_embeddings(tmp_path, other)
    write_world_embeddings(tmp_path, other, overwrite=True)
    found = CorpusEmbeddings.load(tmp_path / "embeddings").voice.vectors
    np.testing.assert_array_equal(found, latent_vectors(other, make_people(30, seed=1))["voice"])


def test_too_small_a_rotation_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`dim` must be 0 or at least 15"):
        write_world_embeddings(tmp_path / "w", replace(WORLD, vectors=VectorSettings(dim=3)))
    assert not (tmp_path / "w").exists()


def test_leaks_widen_the_vectors_and_come_into_the_ceiling(tmp_path: Path) -> None:
    population = Population(leaks=Leaks(recording=0.9, nationality=0.9))
    write_world_embeddings(tmp_path, replace(WORLD, population=population))
    ceiling = read_ceiling(tmp_path)
    assert ceiling is not None
    honest, leaky = (ceiling[k]["voice_to_face"]["matching"]["all"]["value"] for k in ("honest", "with_shortcuts"))
    assert leaky > honest
    embedded = CorpusEmbeddings.load(tmp_path / "embeddings")
    assert embedded.voice.dim == 20
    assert embedded.about["encoders"]["voice"]["spec"]["leaks"] == ["recording", "nationality"]
    assert embedded.voice.encoder == "world_latents-1(nuisance=0.1, dim=0, leaks=['recording', 'nationality'])"


@pytest.mark.slow
def test_split_train_and_evaluate_take_it_and_cca_comes_near_the_ceiling(tmp_path: Path) -> None:
    world = World(n_people=600, n_clips=1, seed=3, layout="embeddings", vectors=VectorSettings(dim=24))
    write_world_embeddings(tmp_path / "w", world)
    embeddings = tmp_path / "w" / "embeddings"
    splits = SplitConfig(
        corpus=tmp_path / "w", out=tmp_path / "s", embeddings=embeddings, validation=0.2, test=0.3, folds=0
    )
    found = split_corpus(splits).audit
    assert found.n_errors == 0 and set(found.not_checked) == {"same_face", "same_voice"}
    train_model(
        TrainConfig(
            embeddings=embeddings,
            splits=tmp_path / "s",
            out=tmp_path / "r",
            associator={"name": "cca", "n_components": 8},
        )
    )
    evaluate_model(
        EvaluateConfig(
            model=str(tmp_path / "r"),
            embeddings=embeddings,
            splits=tmp_path / "s",
            out=tmp_path / "e",
            resamples=100,
        )
    )
    assert (tmp_path / "e" / "report.html").is_file()
    report = json.loads((tmp_path / "e" / "report.json").read_text(encoding="utf-8"))
    assert report["provenance"]["encoders"]["voice"]["name"].startswith("world_latents-1")
    ceiling = read_ceiling(tmp_path / "w")
    assert ceiling is not None
    for direction in ("voice_to_face", "face_to_voice"):
        (reached,) = (
            row["value"]
            for row in report["measures"]
            if (row["direction"], row["group"], row["measure"]) == (direction, "all", "accuracy_1_of_2")
        )
        assert ceiling["honest"][direction]["matching"]["all"]["value"] - 0.04 < reached < 0.995

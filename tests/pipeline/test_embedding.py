"""A corpus to tables: complete, cached by content, equal over processes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from visavox.config import EmbedConfig
from visavox.errors import DataError, MissingDependencyError, UnknownNameError
from visavox.pipeline import embedding
from visavox.pipeline.embedding import CorpusEmbeddings, embed_corpus, load_ceiling


def test_every_usable_item_has_a_vector(small_embeddings: Path) -> None:
    embedded = CorpusEmbeddings.load(small_embeddings)
    assert embedded.voice.vectors.shape == (16, 256)
    assert embedded.face.vectors.shape == (16, 519)
    assert embedded.voice.clips == embedded.face.clips
    assert set(embedded.voice.attribute("gender")) == {"f", "m"}


def test_vectors_tell_people_apart(small_embeddings: Path) -> None:
    """Two clips of a person are nearer to each other than to most others, in both modalities."""
    embedded = CorpusEmbeddings.load(small_embeddings)
    for table in (embedded.voice, embedded.face):
        x = table.vectors - table.vectors.mean(axis=0)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        people = np.array(table.identities)
        similarity = x @ x.T
        same = (people[:, None] == people) & ~np.eye(len(people), dtype=bool)
        assert similarity[same].mean() > similarity[people[:, None] != people].mean() + 0.3


def test_the_tables_say_how_they_were_made(small_embeddings: Path) -> None:
    about = CorpusEmbeddings.load(small_embeddings).about
    assert about["encoders"]["voice"]["spec"] == {"name": "ge2e"}
    assert "VoxCeleb" in about["encoders"]["voice"]["training_data"]
    assert about["clip"]["detector"] == "mtcnn"
    assert about["catalog_hash"]


def test_a_second_run_embeds_nothing(small_corpus: Path, small_embeddings: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    again = embed_corpus(EmbedConfig(corpus=small_corpus, out=tmp_path), lambda *call: calls.append(call))
    assert calls == []
    assert np.array_equal(again.voice.vectors, CorpusEmbeddings.load(small_embeddings).voice.vectors)


def test_two_processes_give_the_same_vectors(
    small_corpus: Path, small_embeddings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "FEW_ITEMS", 1)
    config = EmbedConfig(corpus=small_corpus, out=tmp_path / "out", cache=tmp_path / "cache", workers=2, batch_size=5)
    found = embed_corpus(config)
    expected = CorpusEmbeddings.load(small_embeddings)
    assert np.allclose(found.voice.vectors, expected.voice.vectors, atol=1e-5)
    assert np.allclose(found.face.vectors, expected.face.vectors, atol=1e-5)


def test_the_voice_encoders_own_ceiling_is_measured(small_embeddings: Path) -> None:
    ceiling = load_ceiling(small_embeddings)
    assert ceiling is not None
    assert ceiling.n_clips == 16
    assert 1 >= ceiling.positive > ceiling.negative


def test_an_unknown_encoder_is_said_before_anything_is_done(small_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Unknown encoder 'resnet'"):
        embed_corpus(EmbedConfig(corpus=small_corpus, out=tmp_path / "out", face_encoder="resnet"))
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_catalog_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="visavox prepare"):
        embed_corpus(EmbedConfig(corpus=tmp_path, out=tmp_path / "out"))


def test_missing_weights_name_the_line_that_installs_them(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "resemblyzer" else find(name, *a))
    config = EmbedConfig(corpus=small_corpus, out=tmp_path / "out", cache=tmp_path / "cache")
    with pytest.raises(MissingDependencyError, match=r"pip install --no-deps -r requirements-offline\.txt"):
        embed_corpus(config)


@pytest.mark.parametrize("name", ["voice.parquet", "face.parquet", "embeddings.json"])
def test_a_missing_or_damaged_table_is_one_line(small_embeddings: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(small_embeddings, tmp_path / "e")
    (tmp_path / "e" / name).write_bytes(b"{no")
    with pytest.raises(DataError, match=name.split(".")[0]):
        CorpusEmbeddings.load(tmp_path / "e")
    (tmp_path / "e" / name).unlink()
    with pytest.raises(DataError, match=f"holds no {name}"):
        CorpusEmbeddings.load(tmp_path / "e")


@pytest.mark.parametrize("content", ["null", "[]", "{}", '{"encoders": {"voice": {}}}'])
def test_a_description_without_encoders_is_one_line(small_embeddings: Path, tmp_path: Path, content: str) -> None:
    """`train` trained for minutes on such a folder and only then failed, with a KeyError."""
    shutil.copytree(small_embeddings, tmp_path / "e")
    (tmp_path / "e" / "embeddings.json").write_text(content)
    with pytest.raises(DataError, match=r"embeddings.json does not say which encoders.*embed"):
        CorpusEmbeddings.load(tmp_path / "e")


def test_a_file_in_place_of_the_output_folder_is_named(small_embeddings: Path, tmp_path: Path) -> None:
    (tmp_path / "e").write_text("")
    with pytest.raises(DataError, match="Cannot write the embedding table"):
        CorpusEmbeddings.load(small_embeddings).save(tmp_path / "e")

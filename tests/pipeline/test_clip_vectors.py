"""Clips to vectors where voices or faces may be missing altogether."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from visavox.config import FACE_ENCODER, VOICE_ENCODER, PooledConfig
from visavox.errors import DataError
from visavox.pipeline.clip_vectors import check_encoders, embed_clips, prepare_clips, prepare_config
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.media_vectors import MediaRecipe

RECIPE = MediaRecipe(dict(VOICE_ENCODER), dict(FACE_ENCODER))


def test_a_recipe_says_how_clips_are_prepared() -> None:
    recipe = dataclasses.replace(RECIPE, detector="dlib_hog", min_speech_s=0.9)
    found = prepare_config(PooledConfig(workers=3), Path("pairs"), Path("out"), recipe, {"person": "who"})
    assert (found.detector, found.min_speech_s, found.workers, found.columns) == ("dlib_hog", 0.9, 3, {"person": "who"})
    assert not found.face_fallback


def test_a_whole_corpus_has_the_vectors_of_embed(small_corpus: Path, small_embeddings: Path, tmp_path: Path) -> None:
    found, expected = (
        embed_clips(PooledConfig(), small_corpus, tmp_path, RECIPE),
        CorpusEmbeddings.load(small_embeddings),
    )
    assert np.array_equal(found.voice.vectors, expected.voice.vectors)
    assert np.array_equal(found.face.vectors, expected.face.vectors)


def test_voices_alone_have_the_same_vectors_and_an_empty_table_beside(
    small_world: Path, small_embeddings: Path, tmp_path: Path
) -> None:
    clips = tmp_path / "clips" / "voices" / "Ann"
    clips.mkdir(parents=True)
    (tmp_path / "clips" / "faces").mkdir()
    voice = sorted((small_world / "voices").iterdir())[0]
    shutil.copy(voice, clips)
    prepare = prepare_config(PooledConfig(workers=1), tmp_path / "clips", tmp_path / "corpus", RECIPE)
    found = embed_clips(PooledConfig(), prepare_clips(prepare), tmp_path / "embeddings", RECIPE)
    assert (len(found.voice), len(found.face)) == (1, 0)
    table = CorpusEmbeddings.load(small_embeddings).voice
    assert np.allclose(found.voice.vectors[0], table.vectors[table.clips.index(voice.stem)], atol=1e-5)
    (clips / voice.name).write_bytes(b"nothing")
    broken = prepare_clips(dataclasses.replace(prepare, out=tmp_path / "broken"))
    with pytest.raises(DataError, match=r"is needed\. Got none \(1 voice unreadable_audio\)\. Give clearer"):
        embed_clips(PooledConfig(), broken, tmp_path / "embeddings", RECIPE)


def test_vectors_of_other_encoders_are_refused(small_embeddings: Path) -> None:
    embedded = CorpusEmbeddings.load(small_embeddings)
    check_encoders(RECIPE, embedded, "people")
    other = dataclasses.replace(RECIPE, face_encoder="dlib")
    with pytest.raises(DataError, match="The people of people are enrolled by the face encoder dlib. Got embeddings"):
        check_encoders(other, embedded, "people")

"""Sources to rows: what is taken, what is left out and why."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.errors import DataError
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.gallery.gathering import FACES_UNKNOWN, NO_MEDIA, gather_rows
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval_config import GalleryAddConfig


@pytest.fixture
def model(small_run: Path) -> VoiceFaceModel:
    return VoiceFaceModel.from_pretrained(small_run)


def config(**values: object) -> GalleryAddConfig:
    return GalleryAddConfig(gallery=Path("unused"), workers=1, **values)  # type: ignore[arg-type]


def test_embeddings_with_their_corpus_bring_vectors_and_media(
    small_embeddings: Path, small_corpus: Path, model: VoiceFaceModel, tmp_path: Path
) -> None:
    gathered = gather_rows(config(embeddings=small_embeddings, corpus=small_corpus), model, tmp_path)
    raw = CorpusEmbeddings.load(small_embeddings)
    assert [table.modality for table in gathered.tables] == ["voice", "face"]
    voice, face = gathered.tables
    assert voice.keys == raw.voice.keys
    assert voice.people == raw.voice.identities
    np.testing.assert_array_equal(voice.vectors, model.associator.encode_voice(raw.voice.vectors))
    np.testing.assert_array_equal(face.vectors, model.associator.encode_face(raw.face.vectors))
    assert all(face.media[i] for i in range(len(face)))
    assert set(face.attributes) == set(raw.face.attributes)
    assert gathered.notes == ()


def test_embeddings_alone_bring_no_media_and_say_so(
    small_embeddings: Path, model: VoiceFaceModel, tmp_path: Path
) -> None:
    gathered = gather_rows(config(embeddings=small_embeddings, modalities="face"), model, tmp_path)
    assert [table.modality for table in gathered.tables] == ["face"]
    assert len(gathered.tables[0].media) == 0
    assert gathered.notes == (NO_MEDIA, FACES_UNKNOWN)


def test_what_cannot_be_used_is_counted_with_its_reason(
    small_embeddings: Path, small_corpus: Path, model: VoiceFaceModel, tmp_path: Path
) -> None:
    shutil.copytree(small_corpus, tmp_path / "corpus")
    with Catalog.open(tmp_path / "corpus" / CATALOG, readonly=False) as catalog:
        face = next(catalog.items(modality="face"))
        catalog._connection.execute("UPDATE items SET quality = '{\"face_found\": 0.0}' WHERE key = ?", (face.key,))
        voice = next(catalog.items(modality="voice"))
        change = "UPDATE items SET modality = 'voice', status = 'silent', reason = 'It is silent.' WHERE key = ?"
        catalog._connection.execute(change, (voice.key,))
    raw = CorpusEmbeddings.load(small_embeddings)
    left = raw.voice.select([i for i, key in enumerate(raw.voice.keys) if key != voice.key])
    CorpusEmbeddings(left, raw.face, raw.about).save(tmp_path / "embeddings")
    asked = config(embeddings=tmp_path / "embeddings", corpus=tmp_path / "corpus", media=False)
    gathered = gather_rows(asked, model, tmp_path)
    assert gathered.notes == ("1 picture without a face left out",)
    assert face.key not in gathered.tables[1].keys
    assert gathered.unusable == {"voice": {"silent": 1}}
    assert [(bad.clip, bad.status, bad.reason) for bad in gathered.bad_clips] == [
        (voice.clip, "silent", "It is silent.")
    ]
    assert len(gathered.tables[0].media) == 0


def test_embeddings_of_others_are_refused(small_embeddings: Path, small_corpus: Path, tmp_path: Path) -> None:
    world = VoiceFaceModel.from_pretrained("world")
    with pytest.raises(DataError, match="The model 'world' takes voice embeddings of"):
        gather_rows(config(embeddings=small_embeddings), world, tmp_path)


def test_embeddings_of_another_corpus_are_refused(
    small_embeddings: Path, small_corpus: Path, model: VoiceFaceModel, tmp_path: Path
) -> None:
    Catalog.create(tmp_path / "corpus" / CATALOG, {}).close()
    with pytest.raises(DataError, match=r"The vectors must be of the corpus .* Got 32 that it does not hold"):
        gather_rows(config(embeddings=small_embeddings, corpus=tmp_path / "corpus"), model, tmp_path)

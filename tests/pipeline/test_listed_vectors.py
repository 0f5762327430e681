"""Vectors of the files that lists name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.published_lists.records import PublishedRetrieval, PublishedVerification
from visavox.errors import ConfigError, DataError
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.listed_vectors import listed_vectors, modalities_of
from visavox.pipeline.voice_face_model import VoiceFaceModel, overlap


def pairs(voices, faces, direction="voice_to_face") -> PublishedVerification:
    probes, candidates = (voices, faces) if direction == "voice_to_face" else (faces, voices)
    return PublishedVerification(
        protocol="sss",
        name="verify_v2f_test",
        direction=direction,
        group="all",
        probes=np.arange(len(probes)),
        candidates=np.arange(len(probes)) % len(candidates),
        labels=np.arange(len(probes)) % 2 == 0,
        probe_names=tuple(probes),
        candidate_names=tuple(candidates),
        probe_people=np.zeros(len(probes), int),
        candidate_people=np.zeros(len(candidates), int),
        people_names=("p",),
        lines=np.arange(len(probes)) + 1,
    )


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for modality in ("voice", "face"):
        keys = tuple(f"{modality[0]}{i}.x" for i in range(4))
        EmbeddingTable(modality, "e", keys, keys, keys, (None,) * 4, {}, rng.normal(size=(4, 3))).save(
            tmp_path / "e" / f"{modality}.parquet"
        )
    return tmp_path / "e"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir(exist_ok=True)


def config(folder: Path | None, **more) -> EvaluateConfig:
    return EvaluateConfig(
        protocol="sss", lists=Path("lists"), embeddings=folder, model="identity", out=Path("r"), **more
    )


def test_sides_are_unit_vectors_in_the_order_of_the_list(vectors: Path) -> None:
    record = pairs(("v2.x", "v0.x"), ("f3.x", "f1.x"))
    found = listed_vectors(config(vectors), [record])
    table = EmbeddingTable.load(vectors / "voice.parquet")
    probes, candidates = found.sides(record)
    expected = table.vectors[[2, 0]].astype(float)
    assert probes == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-12)
    assert candidates.shape == (2, 3)
    assert {modality: len(found.vectors[modality]) for modality in ("voice", "face")} == {"voice": 2, "face": 2}


def test_faces_ask_where_the_list_says_so(vectors: Path) -> None:
    record = pairs(("v2.x",), ("f3.x", "f1.x"), "face_to_voice")
    assert modalities_of(record) == ("face", "voice")
    probes, candidates = listed_vectors(config(vectors), [record]).sides(record)
    assert (len(probes), len(candidates)) == (2, 1)


def test_several_lists_share_their_vectors(vectors: Path) -> None:
    first, second = pairs(("v0.x", "v1.x"), ("f0.x",)), pairs(("v1.x", "v2.x"), ("f0.x", "f1.x"))
    gallery = PublishedRetrieval(
        protocol="sss", name="g", direction="voice_to_face", group="all", probe_names=("v3.x",),
        gallery_names=("f2.x",), probe_people=np.zeros(1, int), gallery_people=np.zeros(1, int),
    )  # fmt: skip
    found = listed_vectors(config(vectors), [first, second, gallery])
    assert {modality: len(found.vectors[modality]) for modality in ("voice", "face")} == {"voice": 4, "face": 3}
    assert found.sides(first)[0][1].tolist() == found.sides(second)[0][0].tolist()
    assert found.sides(gallery)[1].shape == (1, 3)


def test_a_missing_file_is_named_with_its_list_and_line(vectors: Path) -> None:
    with pytest.raises(DataError, match=r"verify_v2f_test line 2: the probe 'v9.x' is not at hand, and 0 more of 2"):
        listed_vectors(config(vectors), [pairs(("v0.x", "v9.x"), ("f0.x",))])


def test_two_spaces_and_zeros_are_refused(vectors: Path) -> None:
    table = EmbeddingTable.load(vectors / "face.parquet")
    table.replace_vectors(np.ones((4, 5)), "wide").save(vectors / "face.parquet")
    record = pairs(("v0.x",), ("f0.x",))
    with pytest.raises(DataError, match=r"Got vectors of 3 numbers \(e\) and 5 \(wide\). Name a trained model"):
        listed_vectors(config(vectors), [record])
    table.replace_vectors(np.zeros((4, 3)), "none").save(vectors / "face.parquet")
    with pytest.raises(DataError, match="The vector of 'f0.x' holds only zeros"):
        listed_vectors(config(vectors), [record])


def test_vectors_must_come_from_somewhere() -> None:
    with pytest.raises(ConfigError, match="Say where the vectors of the listed files are: `embeddings`"):
        listed_vectors(config(None), [])
    with pytest.raises(ConfigError, match="`model` identity takes vectors that lie in one space already"):
        listed_vectors(config(None, corpus=Path("corpus")), [])


def test_a_trained_model_projects_what_the_lists_name(
    small_embeddings: Path, small_corpus: Path, small_run: Path, small_splits: Path, tmp_path: Path
) -> None:
    """Items of a corpus are found by the files they came from; people of the training set are refused."""
    asked = replace(config(small_embeddings, corpus=small_corpus), model=str(small_run), out=tmp_path)
    with Catalog.open(small_corpus / CATALOG) as catalog:
        sources = {item.key: item.source for item in catalog.items()}
    raw = CorpusEmbeddings.load(small_embeddings)
    model = VoiceFaceModel.from_pretrained(small_run)
    row = next(i for i in range(len(raw.voice)) if not _trained(model, raw.voice, i))
    face = raw.face.clips.index(raw.voice.clips[row])
    record = pairs((sources[raw.voice.keys[row]],), (sources[raw.face.keys[face]],))
    probes, candidates = listed_vectors(asked, [record]).sides(record)
    assert probes[0] == pytest.approx(model.associator.encode_voice(raw.voice.vectors[[row]])[0], abs=1e-6)
    assert candidates[0] == pytest.approx(model.associator.encode_face(raw.face.vectors[[face]])[0], abs=1e-6)
    known = next(i for i in range(len(raw.voice)) if _trained(model, raw.voice, i))
    with pytest.raises(DataError, match="was trained on 1 of these people or videos"):
        listed_vectors(asked, [pairs((sources[raw.voice.keys[known]],), (sources[raw.face.keys[face]],))])


def _trained(model: VoiceFaceModel, table: EmbeddingTable, row: int) -> bool:
    return bool(overlap(model, [table.identities[row], f"video:{table.videos[row]}"]))

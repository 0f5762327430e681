"""What of a corpus can be enrolled, and how much each clip counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable, table_from_items
from visavox.corpus.items import MediaItem, Modality
from visavox.errors import ConfigError, DataError
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.enrolment_samples import face_weight, gather_samples, session_of, voice_weight


def item(clip: str, modality: Modality, person: str | None, digest: str, **more: object) -> MediaItem:
    base = MediaItem(f"{clip}/{modality}", clip, modality, person=person, digest=digest, path=f"{modality}s/{clip}")
    return dataclasses.replace(base, **more)  # type: ignore[arg-type]


def corpus_of(folder: Path, items: list[MediaItem]) -> CorpusEmbeddings:
    """Write a catalog and return vectors of its items: the first item has (1, 0, 0 ...), and so on."""
    clips: dict[str, list[MediaItem]] = {}
    for one in items:
        clips.setdefault(one.clip, []).append(one)
    with Catalog.create(folder / CATALOG, {}) as catalog:
        for of_clip in clips.values():
            catalog.add_clip(of_clip)
    tables = []
    for modality in ("voice", "face"):
        mine = [one for one in items if one.modality == modality]
        tables.append(table_from_items(mine, np.eye(len(items), dtype=np.float32)[: len(mine)], encoder="made up"))
    return CorpusEmbeddings(tables[0], tables[1], {})


@pytest.fixture
def four(tmp_path: Path) -> tuple[CorpusEmbeddings, Path]:
    items = [
        item("a1", "voice", "Ann", "01", session="s1", quality={"speech_s": 2.0}),
        item("a1", "face", "Ann", "02", session="s1", quality={"face_found": 1.0, "n_faces": 2.0}),
        item("a2", "voice", "Ann", "03", session="s2"),
        item("a2", "face", "Ann", "04", session="s2", quality={"face_found": 0.0}),
        item("b1", "voice", "Bob", "05", video="v9"),
        item("c1", "voice", None, "06", session="s1"),
    ]
    return corpus_of(tmp_path, items), tmp_path


def test_clips_of_named_people_become_samples(four: tuple[CorpusEmbeddings, Path]) -> None:
    gathered = gather_samples(*four)
    voices, faces = gathered.samples["voice"], gathered.samples["face"]
    assert (voices.keys, voices.people, voices.sessions) == (
        ("01", "03", "05"),
        ("Ann", "Ann", "Bob"),
        ("s1", "s2", "v9"),
    )
    assert voices.qualities.tolist() == [0.5, 1.0, 1.0]
    assert np.array_equal(voices.vectors, np.eye(6, dtype=np.float32)[:3])
    assert (faces.keys, faces.clips[0]) == (("02",), voices.clips[0])
    assert faces.clips[0].startswith("a1@")
    assert gathered.notes == (
        "1 clip (c1) without a person left out",
        "1 clip (a2) without a face: only the voice is enrolled",
        "1 clip (a1) with several faces: the largest is enrolled",
    )


def test_sessions_choose(four: tuple[CorpusEmbeddings, Path]) -> None:
    assert gather_samples(*four, sessions=("s2", "v9")).samples["voice"].keys == ("03", "05")
    with pytest.raises(ConfigError, match=r"must be sessions of the clips: s1, s2, v9\. Got '7'\. Correct"):
        gather_samples(*four, sessions=("s1", "7"))


def test_vectors_alone_know_neither_sessions_nor_qualities(four: tuple[CorpusEmbeddings, Path]) -> None:
    voices = gather_samples(four[0], None).samples["voice"]
    assert voices.people == ("Ann", "Ann", "Bob")
    assert voices.sessions == ("", "", "v9")
    assert voices.qualities.tolist() == [1, 1, 1]
    assert len(set(voices.keys)) == 3
    with pytest.raises(ConfigError, match="sessions of the clips: v9. Got 's1'"):
        gather_samples(four[0], None, sessions=("s1",))


def test_the_same_file_is_enrolled_once(tmp_path: Path) -> None:
    items = [
        item("a1", "voice", "Ann", "01"),
        item("a2", "voice", "Ann", "01"),
        item("b1", "voice", "Bob", "01"),
        item("b2", "voice", "Bob", "02"),
        item("a1", "face", "Ann", "03"),
    ]
    gathered = gather_samples(corpus_of(tmp_path, items), tmp_path)
    assert gathered.samples["voice"].keys == ("01", "02")
    assert gathered.notes == (
        "a2 and a1 have the same voice: enrolled once",
        "b1 and a1 have the same voice, but are said to be Bob and Ann: enrolled for Ann alone",
    )


def test_clips_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    """Else the second Bob's clip 1 would be taken for Ann's clip 1, and refused."""
    names = []
    for number, person in enumerate(("Ann", "Bob")):
        folder = tmp_path / person
        items = [item("1", "voice", person, f"0{number}"), item("1", "face", person, f"1{number}")]
        names.append(gather_samples(corpus_of(folder, items), folder).samples["voice"].clips[0])
    assert names[0] != names[1]


def test_nobody_named_is_said_with_the_remedy(tmp_path: Path) -> None:
    items = [item("a1", "voice", None, "01"), item("a1", "face", None, "02")]
    embedded = corpus_of(tmp_path, items)
    for corpus in (tmp_path, None):
        with pytest.raises(ConfigError, match="Give clips.csv a column `person`"):
            gather_samples(embedded, corpus)


def test_vectors_of_another_corpus_are_refused(four: tuple[CorpusEmbeddings, Path]) -> None:
    embedded, corpus = four
    other = dataclasses.replace(embedded.voice, keys=("x/voice", *embedded.voice.keys[1:]))
    with pytest.raises(DataError, match="1 that it does not hold, 'x/voice' for one"):
        gather_samples(CorpusEmbeddings(other, embedded.face, {}), corpus)


def test_weights_grow_with_quality_and_stay_between_a_twentieth_and_one() -> None:
    assert voice_weight({}) == 1.0
    assert voice_weight({"speech_s": 2.0, "snr_db": 10.0, "clipped_rate": 0.01}) == pytest.approx(0.5 * 0.5 * 0.9)
    assert voice_weight({"speech_s": 0.0}) == voice_weight({"snr_db": -20.0}) == 0.05
    assert voice_weight({"speech_s": 80.0, "snr_db": 60.0}) == 1.0
    assert face_weight({}) == 1.0
    assert face_weight({"quality_score": 0.4, "face_width_px": 1.0}) == 0.4
    assert face_weight({"face_width_px": 75.0}) == pytest.approx(0.5)
    assert face_weight({"brightness": 0.0}) == 0.05


def test_a_session_is_what_is_known_of_one() -> None:
    assert session_of(item("a", "face", "Ann", "1", session="s", video="v")) == "s"
    assert session_of(item("a", "face", "Ann", "1", video="v")) == "v"
    assert session_of(item("a", "face", "Ann", "1")) == ""


def test_rows_of_the_small_corpus_are_whole(small_corpus: Path, small_embeddings: Path) -> None:
    embedded = CorpusEmbeddings.load(small_embeddings)
    gathered = gather_samples(embedded, small_corpus)
    assert gathered.notes == ()
    for modality in ("voice", "face"):
        table: EmbeddingTable = getattr(embedded, modality)
        samples = gathered.samples[modality]
        assert np.array_equal(samples.vectors, table.vectors)
        assert samples.people == table.identities
        assert 0.05 <= samples.qualities.min() < samples.qualities.max() <= 1
    assert gathered.samples["voice"].clips == gathered.samples["face"].clips

"""A corpus as trainable encoders take it: read once, in order, whatever the number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.media.audio import read_voice
from visavox.media.images import read_image
from visavox.pipeline import end_to_end_data
from visavox.pipeline.end_to_end_data import CorpusRows, prepare_media
from visavox.pipeline.frozen_encoder import build_encoder

SPECS = {"voice": "tiny_voice", "face": "tiny_face"}


def test_every_item_is_prepared_in_the_order_of_the_catalog(small_corpus: Path, tiny_encoders: None) -> None:
    rows = CorpusRows.read(small_corpus)
    steps: list[tuple[int, int]] = []
    corpus = prepare_media(rows, SPECS, progress=lambda done, total: steps.append((done, total)))  # type: ignore[arg-type]
    assert steps == [(16, 32), (32, 32)]
    for modality, side, read in (("voice", corpus.voice, read_voice), ("face", corpus.face, read_image)):
        encoder = build_encoder(SPECS[modality], modality)
        assert [item.key for item in side.items] == sorted(item.key for item in side.items)
        for item, prepared in zip(side.items, side.prepared, strict=True):
            np.testing.assert_array_equal(prepared, encoder.prepare(read(small_corpus / str(item.path))))  # type: ignore[attr-defined]


def test_workers_may_finish_in_any_order(
    small_corpus: Path, tiny_encoders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = CorpusRows.read(small_corpus)
    monkeypatch.setattr(end_to_end_data, "ITEMS_A_JOB", 3)
    one = prepare_media(rows, SPECS)  # type: ignore[arg-type]
    in_turn = end_to_end_data.stream

    def backwards(*given: Any, **named: Any) -> Iterator[Any]:
        yield from reversed(list(in_turn(*given, **named)))

    monkeypatch.setattr(end_to_end_data, "stream", backwards)
    assert prepare_media(rows, SPECS).pairs().digest() == one.pairs().digest()  # type: ignore[arg-type]


def test_what_memory_shall_not_hold_is_mapped(small_corpus: Path, tiny_encoders: None, tmp_path: Path) -> None:
    rows = CorpusRows.read(small_corpus)
    kept = prepare_media(rows, SPECS)  # type: ignore[arg-type]
    mapped = prepare_media(rows, SPECS, max_memory_gb=0, spill=tmp_path / "prepared")  # type: ignore[arg-type]
    assert sorted(path.name for path in (tmp_path / "prepared").iterdir()) == ["face.bin", "voice.bin"]
    assert kept.pairs().digest() == mapped.pairs().digest()


def test_some_clips_are_views_of_all(small_corpus: Path, tiny_encoders: None) -> None:
    corpus = prepare_media(CorpusRows.read(small_corpus), SPECS)  # type: ignore[arg-type]
    clips = {corpus.voice.items[i].clip for i in (0, 5)}
    some = corpus.of_clips(clips)
    assert {item.clip for item in some.face.items} == clips
    assert np.shares_memory(some.voice.prepared[1], corpus.voice.prepared[5])
    people = some.pairs()
    assert len(people.voices) == len(people.faces) == 2
    np.testing.assert_array_equal(people.voice_person, people.face_person)
    np.testing.assert_array_equal(people.voice_video, people.face_video)


def test_vectors_are_those_of_the_encoder_whatever_the_pass(
    small_corpus: Path, tiny_encoders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = prepare_media(CorpusRows.read(small_corpus), SPECS)  # type: ignore[arg-type]
    encoder = build_encoder("tiny_face", "face")
    monkeypatch.setattr(end_to_end_data, "ITEMS_A_PASS", 5)
    table = corpus.face.embed(encoder)  # type: ignore[arg-type]
    whole = encoder.encode([read_image(small_corpus / str(item.path)) for item in corpus.face.items])
    np.testing.assert_allclose(table.vectors, whole, atol=1e-6)
    assert table.encoder == encoder.identifier
    assert table.keys == tuple(item.key for item in corpus.face.items)


def test_a_corpus_without_a_modality_is_one_line(small_corpus: Path, tiny_encoders: None, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no catalog"):
        CorpusRows.read(tmp_path)
    with pytest.raises(DataError, match="There is no voice to train on"):
        prepare_media(CorpusRows.read(small_corpus).of_clips(set()), SPECS)  # type: ignore[arg-type]

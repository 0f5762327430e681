"""Voices and faces of a corpus, row by row of one pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.paired_tables import PairedTables


def test_the_clips_of_a_paired_corpus_are_its_pairs(small_embeddings: Path) -> None:
    paired = PairedTables.of(CorpusEmbeddings.load(small_embeddings))
    assert paired.voice.clips == paired.face.clips
    pairs = paired.pairs()
    assert pairs.keys == paired.voice.clips
    np.testing.assert_array_equal(pairs.voice, paired.voice.vectors)
    some = paired.select(np.array([3, 1]))
    assert some.voice.clips == some.face.clips == (paired.voice.clips[3], paired.voice.clips[1])


def test_a_clip_without_a_video_is_a_video_of_its_own(small_embeddings: Path) -> None:
    pairs = PairedTables.of(CorpusEmbeddings.load(small_embeddings)).pairs()
    assert len(set(pairs.video.tolist())) == len(pairs)


def test_an_unpaired_corpus_pairs_every_voice_and_face_of_a_person_once(small_embeddings: Path) -> None:
    embedded = CorpusEmbeddings.load(small_embeddings)
    renamed = embedded.face.__class__(
        "face",
        embedded.face.encoder,
        tuple(f"f{i}" for i in range(16)),
        tuple(f"f{i}" for i in range(16)),
        embedded.face.identities,
        embedded.face.videos,
        embedded.face.attributes,
        embedded.face.vectors,
    )
    paired = PairedTables.of(CorpusEmbeddings(embedded.voice, renamed, embedded.about))
    assert len(paired.voice) == 16
    assert paired.voice.identities == paired.face.identities
    assert len(set(paired.face.keys)) == 16

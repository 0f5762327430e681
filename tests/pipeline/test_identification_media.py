"""Clips of an experiment: who is known, what is left out and why, voices of one length and faces of every size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.splits import Splits
from visavox.errors import DataError
from visavox.media.audio import read_voice, to_pcm
from visavox.media.images import read_image
from visavox.pipeline import identification_media
from visavox.pipeline.identification_media import ChosenClips, choose_clips, read_media

CLIPS = tuple(f"p{person}/{clip}" for person in range(3) for clip in range(4))
DEALT = ("train", "train", "validation", "test")
MakeCorpus = Callable[..., Path]


def chosen(
    make: MakeCorpus, folder: Path, modalities: tuple[str, ...] = ("voice", "face"), **changed: str
) -> ChosenClips:
    corpus = make(folder / "corpus", CLIPS, failed={"p0/1/face": "no_face", "p1/0/voice": "no_speech"})
    with Catalog.open(corpus / CATALOG) as catalog:
        catalog_hash = catalog.content_hash()
    subsets = {clip: DEALT[int(clip[-1])] for clip in CLIPS if not clip.startswith("p2")}
    subsets |= {clip: "strangers" for clip in CLIPS if clip.startswith("p2")}
    subsets |= {name.replace("_", "/"): subset for name, subset in changed.items()}
    Splits(0, catalog_hash, {"train": 1.0}, subsets, by="session").save(folder / "splits.json")
    return choose_clips(corpus, folder, modalities)


def test_clips_with_both_are_used_and_the_others_counted(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    found = chosen(make_corpus, tmp_path)
    assert found.people == ("p0", "p1") and found.split_by == "session"
    assert found.clips["train"] == ("p0/0", "p1/1")
    assert found.labels["train"].tolist() == [0, 1]
    assert found.labels["strangers"].tolist() == [-1] * 4
    assert found.left_out == {"face: no_face": 1, "voice: no_speech": 1}


def test_one_modality_uses_the_clips_that_have_it(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    found = chosen(make_corpus, tmp_path, ("voice",))
    assert found.clips["train"] == ("p0/0", "p0/1", "p1/1")
    assert found.left_out == {"voice: no_speech": 1}
    assert set(found.paths) == {"voice"}


@pytest.mark.parametrize("limit_gb", [4.0, 0.0])
def test_media_are_those_of_the_files(
    make_corpus: MakeCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_gb: float
) -> None:
    monkeypatch.setattr(identification_media, "MEMORY_GB", limit_gb)
    found = chosen(make_corpus, tmp_path)
    media = read_media(found, face_sizes_px=[48, 12, 60, 12], spill=tmp_path / "spill", workers=1)
    assert sorted(media.faces) == [12, 48, 60]
    clips = media.clips("test", "voice", "face", face_px=48)
    assert clips.voices is not None and clips.faces is not None and clips.labels.tolist() == [0, 1]
    face = read_image(found.corpus / found.paths["face"]["p1/3"])
    np.testing.assert_array_equal(clips.faces[1], face)
    voice = to_pcm(read_voice(found.corpus / found.paths["voice"]["p1/3"]))
    np.testing.assert_array_equal(clips.voices[1], np.resize(voice, 56_000))  # repeated from its beginning
    small = media.clips("test", "face", face_px=12)
    assert small.voices is None and small.faces is not None
    blocks = face.reshape(12, 4, 12, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small.faces[1], blocks, atol=1)
    assert (tmp_path / "spill").exists() == (limit_gb == 0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {**{f"p2_{i}": "train" for i in range(4)}, "p1_0": "validation", "p1_1": "validation"},
            "Everybody in the subset validation must be in train too",
        ),
        ({"p0_3": "train", "p1_3": "train"}, "has no usable clip in the subset test"),
        ({"p2_0": "train"}, "Strangers must not be trained on. 'p2' is in both subsets."),
        ({f"p1_{i}": "strangers" for i in range(4)}, "Identification needs at least 2 people to tell apart"),
    ],
)
def test_a_split_that_cannot_be_used_is_refused(
    make_corpus: MakeCorpus, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        chosen(make_corpus, tmp_path, **changed)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_of_several_faces_of_a_clip_the_first_is_taken(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    def two(*words: object, **options: object) -> Path:
        return make_corpus(*words, n_faces=2, **options)

    found = chosen(two, tmp_path, ("face",))
    assert all("#" not in path for path in found.paths["face"].values())
    assert found.paths["face"]["p0/0"].startswith("faces") and found.clips["test"] == ("p0/3", "p1/3")


def test_jobs_of_a_few_clips_fill_every_row_and_every_view(
    make_corpus: MakeCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identification_media, "CLIPS_A_JOB", 4)
    found, told = chosen(make_corpus, tmp_path), []
    media = read_media(found, face_sizes_px=[48], progress=lambda *p: told.append(p))
    assert told == [(4, 10), (8, 10), (10, 10)]
    for subset, names in found.clips.items():
        clips = media.clips(subset, "voice", "face", face_px=48)
        assert clips.faces is not None and clips.voices is not None and len(clips) == len(names)
        for clip, face, voice in zip(names, clips.faces, clips.voices, strict=True):
            np.testing.assert_array_equal(face, read_image(found.corpus / found.paths["face"][clip]))
            start = to_pcm(read_voice(found.corpus / found.paths["voice"][clip]))[:1000]
            np.testing.assert_array_equal(voice[:1000], start)
    heard = read_media(found)
    assert heard.faces == {} and heard.clips("train", "voice").faces is None
    assert read_media(found, face_sizes_px=[48], voices=False).voices is None


def test_people_are_those_of_the_training_in_the_order_of_their_names(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    found = chosen(make_corpus, tmp_path, ("voice",), p2_0="train", p2_1="test", p2_2="train", p2_3="validation",
                   p0_0="validation")  # fmt: skip
    assert found.people == ("p0", "p1", "p2") and "strangers" not in found.clips
    for subset, names in found.clips.items():
        assert [found.people[label] for label in found.labels[subset]] == [name.split("/")[0] for name in names]
        assert list(names) == sorted(names)
    assert found.subsets == ("train", "validation", "test")


def test_a_clip_that_is_not_in_the_catalog_and_a_missing_modality_are_said(
    make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    found = chosen(make_corpus, tmp_path, p0_9="train")
    assert found.left_out == {"a modality is missing": 1, "face: no_face": 1, "voice: no_speech": 1}
    failed = {f"{clip}/face": "no_face" for clip in CLIPS}
    corpus = make_corpus(tmp_path / "faceless", CLIPS, failed=failed)
    with Catalog.open(corpus / CATALOG) as catalog:
        catalog_hash = catalog.content_hash()
    everybody = dict.fromkeys(CLIPS, "train")
    Splits(0, catalog_hash, {"train": 1.0}, everybody, by="clip").save(tmp_path / "other" / "splits.json")
    with pytest.raises(DataError, match="A network needs a face, and no clip of .*faceless has a usable one. Prepare"):
        choose_clips(corpus, tmp_path / "other", ("voice", "face"))


def test_a_split_by_person_is_refused_in_one_line(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    """It was taken for a split by clip, and its people were then found to be missing."""
    found = chosen(make_corpus, tmp_path)
    Splits(0, found.catalog_hash, {"train": 1.0}, dict.fromkeys(CLIPS, "train")).save(tmp_path / "splits.json")
    with pytest.raises(DataError) as caught:
        choose_clips(found.corpus, tmp_path, ("voice",))
    assert str(caught.value) == (
        f"Networks name people whom they have seen, and {tmp_path} is split by person, so that nobody who is tested "
        "was. Split it with: visavox split --by session"
    )


def test_who_each_stranger_is_stands_beside_the_clips(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    found = chosen(make_corpus, tmp_path, ("voice",))
    assert found.clips["strangers"] == ("p2/0", "p2/1", "p2/2", "p2/3") and found.stranger_people == ("p2",) * 4


def test_the_limit_of_memory_is_of_all_arrays_and_more_can_be_read_beside(
    make_corpus: MakeCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each array alone was held to the limit, so that ten of them took ten times as much."""
    found, spill = chosen(make_corpus, tmp_path), tmp_path / "spill"
    n_clips = sum(map(len, found.clips.values()))
    voices, faces = n_clips * 56_000 * 2, n_clips * 48 * 48 * 3
    monkeypatch.setattr(identification_media, "MEMORY_GB", (voices + 1.5 * faces) / 1e9)
    media = read_media(found, face_sizes_px=[48], spill=spill, workers=1)
    assert not isinstance(media.voices, np.memmap) and not isinstance(media.faces[48], np.memmap)
    more = read_media(found, face_sizes_px=[46], voices=False, spill=spill, workers=1, beside=media)
    assert isinstance(more.faces[46], np.memmap) and [p.name for p in spill.iterdir()] == ["faces-46.bin"]
    assert more.voices is media.voices and more.faces[48] is media.faces[48]
    small = read_media(found, face_sizes_px=[12], voices=False, spill=spill, workers=1, beside=more)
    assert not isinstance(small.faces[12], np.memmap) and sorted(small.faces) == [12, 46, 48]

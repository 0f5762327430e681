"""Tests of WebDataset shards, read with a reader of the rule that such readers follow."""

from __future__ import annotations

import io
import json
import math
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.items import MediaItem
from visavox.models.spectrogram import SpectrogramSettings
from visavox.pipeline.export_clips import ExportedClip, ExportedMedia, MediaOptions, read_clips
from visavox.pipeline.export_webdataset import MAX_KEY_BYTES, WebDatasetWriter, sample_files, sample_key

MakeCorpus = Callable[..., Path]


def read_samples(path: Path) -> dict[str, dict[str, bytes]]:
    """Samples by key, files by extension: a name is split at the first dot after its last slash."""
    samples: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            found = re.fullmatch(r"((?:.*/|)[^.]+)[.]([^/]*)", member.name)
            assert found is not None, member.name
            file = tar.extractfile(member)
            assert file is not None
            if found[1] in samples:
                assert found[1] == list(samples)[-1], "the files of a sample must stand together"
            samples.setdefault(found[1], {})[found[2]] = file.read()
    return samples


def write(corpus: Path, folder: Path, options: MediaOptions, *, shard_bytes: float = 1e9) -> list[Path]:
    folder.mkdir()
    with WebDatasetWriter(folder, shard_bytes=shard_bytes) as writer:
        for clip in read_clips(corpus, options):
            writer.add(clip)
    return writer.files


def test_a_sample_holds_media_spectrogram_and_facts(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path / "c", ["p0/a.b"], n_faces=2)
    options = MediaOptions(voice_s=3.0, spectrum=SpectrogramSettings())
    (clip,) = read_clips(corpus, options)
    (path,) = write(corpus, tmp_path / "out", options)
    assert path.name == "corpus-000000.tar"
    ((key, sample),) = read_samples(path).items()
    assert key == "p0%2Fa%2Eb"
    assert list(sample) == ["face.jpg", "face1.jpg", "voice.flac", "spectrogram.npy", "json"]
    assert sample["face1.jpg"] == clip.media["face1"].data
    spectrum = np.load(io.BytesIO(sample["spectrogram.npy"]), allow_pickle=False)
    assert spectrum.shape == (298, 257, 2)
    assert np.array_equal(spectrum, clip.media["voice"].spectrum)  # type: ignore[arg-type]
    facts = json.loads(sample["json"])
    assert (facts["clip"], facts["person"], facts["start_s"], facts["end_s"]) == ("p0/a.b", "p0", 1.0, None)
    assert facts["attributes"]["age"] == {"value": "34", "origin": "face-net"}
    assert facts["items"]["voice"]["attributes"]["age"]["origin"] == "voice-net"
    assert facts["items"]["voice"]["quality"]["snr_db"] == 20
    assert facts["items"]["voice"]["spectrogram_shape"] == [298, 257, 2]
    assert facts["items"]["face1"]["key"] == "p0/a.b/face/1"


def test_shards_keep_to_their_size_and_no_clip_is_lost(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    clips = [f"p/{number}" for number in range(9)]
    files = write(make_corpus(tmp_path / "c", clips), tmp_path / "out", MediaOptions(), shard_bytes=80_000)
    assert [path.name for path in files] == [f"corpus-{n:06d}.tar" for n in range(len(files))]
    assert len(files) > 1
    assert all(path.stat().st_size <= 80_000 + 10_240 for path in files)  # a tar is filled up to 10,240 bytes
    assert [key for path in files for key in read_samples(path)] == [f"p%2F{number}" for number in range(9)]


def test_a_clip_larger_than_a_shard_has_one_of_its_own(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    files = write(make_corpus(tmp_path / "c", ["a", "b", "c"]), tmp_path / "out", MediaOptions(), shard_bytes=1)
    assert [list(read_samples(path)) for path in files] == [["a"], ["b"], ["c"]]


def test_the_same_corpus_gives_the_same_bytes(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path / "c")
    one, other = (write(corpus, tmp_path / name, MediaOptions(voice_s=3))[0].read_bytes() for name in ("x", "y"))
    assert one == other
    with tarfile.open(fileobj=io.BytesIO(one)) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in tar} == {(0, 0, 0, "", "", 0o644)}


@given(st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=2, unique=True))
def test_keys_are_plain_short_and_never_shared(names: list[str]) -> None:
    keys = [sample_key(name) for name in names]
    for key in keys:
        assert re.fullmatch(r"[A-Za-z0-9_~%-]+", key)
        assert len(key) <= MAX_KEY_BYTES
    assert keys[0] != keys[1]


@pytest.mark.parametrize(("clip", "key"), [("-x", "-x"), ("..", "%2E%2E"), ("a.b", "a%2Eb"), ("a%2Eb", "a%252Eb")])
def test_keys_of_odd_names(clip: str, key: str) -> None:
    assert sample_key(clip) == key


def test_a_figure_that_is_no_number_becomes_null() -> None:
    item = MediaItem("c/voice", "c", "voice", quality={"snr_db": math.nan, "loudness_db": -math.inf, "duration_s": 1.0})
    clip = ExportedClip("c", None, None, None, None, None, {"voice": ExportedMedia(item, b"x", ".flac")})
    facts = json.loads(sample_files(clip)["c.json"], parse_constant=pytest.fail)
    assert facts["items"]["voice"]["quality"] == {"snr_db": None, "loudness_db": None, "duration_s": 1.0}


def test_a_clip_without_a_face_or_a_voice_has_the_files_that_there_are(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    failed = {"a/face": "no_face", "b/voice": "silent"}
    options = MediaOptions(spectrum=SpectrogramSettings(form="log_mel", bands=8))
    (path,) = write(make_corpus(tmp_path / "c", ["a", "b"], failed), tmp_path / "out", options)
    assert {key: list(sample) for key, sample in read_samples(path).items()} == {
        "a": ["voice.flac", "spectrogram.npy", "json"],
        "b": ["face.jpg", "json"],
    }


def test_unpacked_names_fit_every_file_system(tmp_path: Path) -> None:
    item = MediaItem("c/voice/12", "c", "voice")
    media = {"voice12": ExportedMedia(item, b"x", ".flac", np.zeros((1, 2), np.float32))}
    for name in sample_files(ExportedClip("声" * 300, None, None, None, None, None, media)):
        assert len(name.encode()) <= 255
        assert name.isascii()
        assert "/" not in name


def test_an_error_closes_the_file(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    clip = next(read_clips(make_corpus(tmp_path / "c", ["a"]), MediaOptions()))
    with pytest.raises(RuntimeError), WebDatasetWriter(tmp_path, shard_bytes=1e9) as writer:
        writer.add(clip)
        raise RuntimeError
    writer.close()  # twice is no error
    assert list(read_samples(writer.files[0])) == ["a"]

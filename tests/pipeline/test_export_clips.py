"""Tests of reading the usable clips of a corpus with their media."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import Attribute, MediaItem, item_key
from visavox.errors import DataError
from visavox.media.audio import read_voice
from visavox.media.voice_lengths import fixed_length
from visavox.models.spectrogram import SpectrogramSettings, spectrogram
from visavox.pipeline.export_clips import (
    ExportedClip,
    ExportedMedia,
    MediaOptions,
    flac_bytes,
    read_clips,
    slot_of,
    stored_file,
)

MakeCorpus = Callable[..., Path]


def test_clips_come_by_name_with_the_stored_bytes(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/b", "p/a", "p"], n_faces=2)
    clips = list(read_clips(corpus, MediaOptions()))
    assert [clip.clip for clip in clips] == ["p", "p/a", "p/b"]
    for clip in clips:
        assert list(clip.media) == ["face", "face1", "voice"]
        assert (clip.person, clip.video, clip.start_s, clip.end_s) == ("p", f"v-{clip.clip}", 1.0, None)
        for media in clip.media.values():
            assert media.data == (corpus / str(media.item.path)).read_bytes()
            assert media.spectrum is None
    assert clips[0].n_bytes == sum(len(media.data) for media in clips[0].media.values())


def test_what_failed_is_left_out(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    failed = {"p/a/face": "no_face", "p/b/face": "no_face", "p/b/voice": "silent"}
    clips = list(read_clips(make_corpus(tmp_path, ["p/a", "p/b", "p/c"], failed), MediaOptions()))
    assert [(clip.clip, list(clip.media)) for clip in clips] == [("p/a", ["voice"]), ("p/c", ["face", "voice"])]


def test_voices_get_their_length_and_their_spectrogram(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/a"])
    settings = SpectrogramSettings(form="magnitude")
    (clip,) = read_clips(corpus, MediaOptions(voice_s=3.0, fit="pad", spectrum=settings))
    media = clip.media["voice"]
    wanted = fixed_length(read_voice(corpus / str(media.item.path)), 3.0, fit="pad")
    found, rate = soundfile.read(io.BytesIO(media.data), dtype="float32")
    assert rate == 16_000
    assert np.array_equal(found, wanted)
    assert media.spectrum is not None
    assert np.array_equal(media.spectrum, spectrogram(wanted, settings))
    assert media.n_bytes == len(media.data) + media.spectrum.nbytes
    assert clip.media["face"].spectrum is None


def test_a_spectrogram_alone_leaves_the_bytes_as_they_are(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/a"])
    (clip,) = read_clips(corpus, MediaOptions(spectrum=SpectrogramSettings()))
    media = clip.media["voice"]
    assert media.data == (corpus / str(media.item.path)).read_bytes()
    assert media.spectrum is not None


def test_flac_holds_every_16_bit_value() -> None:
    voice = np.array([-1.5, -1, -0.5, 0, 1 / 32768, 0.5, 1.0], np.float32)
    found, _ = soundfile.read(io.BytesIO(flac_bytes(voice)), dtype="float32")
    assert np.array_equal(found, np.clip(voice, -1, 32767 / 32768))


def test_a_file_that_changed_is_refused(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/a"])
    face = next((corpus / "faces").iterdir())
    face.write_bytes(face.read_bytes() + b"x")
    with pytest.raises(DataError, match="is not what the catalog says of 'p/a/face'"):
        list(read_clips(corpus, MediaOptions()))


def test_a_file_that_is_gone_is_named(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/a"])
    next((corpus / "voices").iterdir()).unlink()
    with pytest.raises(DataError, match="of the item 'p/a/voice' is not there"):
        list(read_clips(corpus, MediaOptions()))


def test_a_file_that_may_not_be_read_is_not_blamed_on_the_export(
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(tmp_path, ["p/a"])

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match="'p/a/face' cannot be read: Permission denied"):
        list(read_clips(corpus, MediaOptions()))


def test_clips_are_read_one_by_one(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    """So that an export of any size needs the memory of one clip."""
    corpus = make_corpus(tmp_path, ["p/a", "p/b"])
    clips = read_clips(corpus, MediaOptions())
    assert next(clips).clip == "p/a"
    for path in (corpus / "voices").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="'p/b/voice' is not there"):
        next(clips)


def test_a_clip_of_mixed_names_does_not_take_its_neighbours_items(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    """The key of the face of the clip "p" is the name of another clip."""
    clips = {clip.clip: clip for clip in read_clips(make_corpus(tmp_path, ["p", "p/face"]), MediaOptions())}
    assert {name: [m.item.key for m in clip.media.values()] for name, clip in clips.items()} == {
        "p": ["p/face", "p/voice"],
        "p/face": ["p/face/face", "p/face/voice"],
    }


@pytest.mark.parametrize("path", [None, "/etc/passwd", "../x.jpg", "faces/../../x.jpg"])
def test_a_row_that_points_outside_the_corpus_is_refused(tmp_path: Path, path: str | None) -> None:
    with pytest.raises(DataError, match="must name a file inside the corpus"):
        stored_file(tmp_path, MediaItem("c/face", "c", "face", path=path))


@pytest.mark.parametrize(
    ("modality", "index", "slot"), [("face", 0, "face"), ("face", 3, "face3"), ("voice", 0, "voice")]
)
def test_slots(modality: str, index: int, slot: str) -> None:
    assert slot_of(MediaItem(item_key("c", modality, index), "c", modality)) == slot  # type: ignore[arg-type]


def test_a_given_attribute_stands_before_a_predicted_one_and_the_face_before_the_voice() -> None:
    face = MediaItem(
        "c/face", "c", "face", attributes={"gender": Attribute("m", "net"), "age": Attribute("30", "face-net")}
    )
    voice = MediaItem(
        "c/voice", "c", "voice", attributes={"gender": Attribute("f"), "age": Attribute("50", "voice-net")}
    )
    media = {item.modality: ExportedMedia(item, b"", "") for item in (face, voice)}
    clip = ExportedClip("c", None, None, None, None, None, media)
    assert clip.attributes() == {"gender": Attribute("f"), "age": Attribute("30", "face-net")}


def test_a_catalog_without_media_is_refused(tmp_path: Path) -> None:
    item = MediaItem("c/face", "c", "face")
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        catalog.add_clip([item, replace(item, key="c/voice", modality="voice")])
    with pytest.raises(DataError, match="Got None"):
        list(read_clips(tmp_path, MediaOptions()))

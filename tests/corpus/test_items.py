"""Items, their identity, and file names that cannot leave their folder."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.items import (
    MAX_NAME_BYTES,
    Attribute,
    ClipLink,
    MediaItem,
    identity_of,
    item_key,
    stored_name,
)
from visavox.errors import DataError

HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "a/../b",
    "a\\b",
    "nul\x00byte",
    "-rf",
    "--help",
    " spaces and\ttabs\n",
    "ünïcödé 名前",
    "C:con",
    ".hidden",
    "%2E",
    "~root",
    "*?[x]",
]


def test_identity_is_the_person_then_the_video_then_the_clip() -> None:
    assert MediaItem("c/face", "c", "face", person="Ann", video="v").identity == "Ann"
    assert MediaItem("c/face", "c", "face", video="v").identity == "video:v"
    assert MediaItem("c/face", "c", "face").identity == "clip:c"


def test_an_empty_person_is_an_unknown_person() -> None:
    assert identity_of("c", person="", video="") == "clip:c"


def test_a_link_carries_person_video_and_gender() -> None:
    item = MediaItem("c/face", "c", "face", person="Ann", video="v", attributes={"gender": Attribute("f")})
    assert item.link() == ClipLink("c", "Ann", "v", "f")
    assert MediaItem("c/face", "c", "face").link() == ClipLink("c", "clip:c", None, None)


def test_a_link_carries_the_given_labels_that_trials_are_stratified_by() -> None:
    labels = {"nationality": Attribute("UK"), "age": Attribute("34", "a-net"), "language": Attribute("en")}
    link = MediaItem("c/face", "c", "face", attributes={**labels, "mood": Attribute("gay")}).link()
    assert link.attributes == (("language", "en"), ("nationality", "UK"))
    assert [link.attribute(name) for name in ("nationality", "language", "age", "gender")] == ["UK", "en", None, None]
    assert ClipLink("c", "Ann", None, "f").attribute("gender") == "f"


def test_an_attribute_is_given_unless_somebody_predicted_it() -> None:
    assert Attribute("f").origin == "given"
    assert Attribute("f", "pitch-1").origin == "pitch-1"


def test_the_first_item_of_a_modality_has_the_short_key() -> None:
    assert item_key("c", "voice") == "c/voice"
    assert item_key("c", "voice", 0) == "c/voice"
    assert item_key("c", "voice", 1) == "c/voice/1"


def test_an_unknown_modality_is_refused_with_its_value() -> None:
    with pytest.raises(DataError, match=r"must be 'voice' or 'face'. Got 'audio' for item 'c/audio'"):
        MediaItem("c/audio", "c", "audio")  # type: ignore[arg-type]


@pytest.mark.parametrize(("key", "clip"), [("", "c"), ("c/face", "")])
def test_an_item_without_key_or_clip_is_refused(key: str, clip: str) -> None:
    with pytest.raises(DataError, match="needs a key and a clip"):
        MediaItem(key, clip, "face")


def test_items_are_immutable_and_cross_a_process_pool() -> None:
    item = MediaItem("c/face", "c", "face", quality={"width_px": 3.0}, attributes={"gender": Attribute("f")})
    with pytest.raises(dataclasses.FrozenInstanceError):
        item.status = "bad"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(item)) == item


@pytest.mark.parametrize("clip", HOSTILE)
def test_no_clip_name_leaves_its_folder(clip: str, tmp_path: Path) -> None:
    name = stored_name(clip, ".jpg")
    assert PurePosixPath(name).name == name
    assert not name.startswith(".")
    path = tmp_path / name
    path.write_bytes(b"x")
    assert list(tmp_path.iterdir()) == [path]
    assert path.resolve().parent == tmp_path.resolve()


@pytest.mark.parametrize("clip", HOSTILE)
def test_a_short_stored_name_can_be_decoded_to_the_clip(clip: str) -> None:
    assert unquote(stored_name(clip, "")) == clip


def test_plain_names_stay_readable() -> None:
    assert stored_name("-1nRm4tQL0A_024.760000-029.960000", ".jpg") == "-1nRm4tQL0A_024.760000-029.960000.jpg"


@given(st.lists(st.text(min_size=1, max_size=400), min_size=2, max_size=2, unique=True))
def test_two_clips_never_share_a_stored_name(clips: list[str]) -> None:
    assert stored_name(clips[0], ".flac") != stored_name(clips[1], ".flac")


@given(st.text(min_size=1, max_size=1000))
def test_a_stored_name_is_short_plain_ascii(clip: str) -> None:
    name = stored_name(clip, ".flac")
    assert name.isascii()
    assert len(name) <= MAX_NAME_BYTES + len(".flac")
    assert not set(name) & set('/\\\0 "*?<>|:\n')


def test_long_names_that_differ_at_the_end_stay_apart() -> None:
    first, second = stored_name("x" * 5000 + "a", ".jpg"), stored_name("x" * 5000 + "b", ".jpg")
    assert first != second
    assert len(first) == MAX_NAME_BYTES + len(".jpg")


def test_a_file_name_that_is_no_unicode_can_be_stored() -> None:
    """A byte that is no UTF-8 comes out of a folder listing as a lone surrogate, which plain encoding refuses."""
    assert stored_name("a\udcff", ".jpg") == "a%ED%B3%BF.jpg"

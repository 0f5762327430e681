"""The source "voxceleb" on small trees of both versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.corpus.sources.base import ClipRecord
from visavox.corpus.sources.voxceleb import VoxcelebSource
from visavox.errors import ConfigError, DataError

META1 = (
    "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
    "id10001\tAnn_Lee\tf\tUSA\tdev\nid10002\tBob_Ray\tm\tUK\ttest\n"
)
META2 = "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid00012 ,n000012 ,m ,dev \n"
TRACK = (
    "Identity  : \tid10001\nReference : \tv1\n\nFRAME \tX \tY \tW \tH \n"
    "000050 \t100 \t50 \t20 \t20 \n000099 \t100 \t50 \t20 \t20 \n"
)


def make(root: Path, *names: str, **texts: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(TRACK if name.endswith(".txt") else "", encoding="utf-8")
    for name, text in texts.items():
        (root / f"{name}.csv").write_text(text, encoding="utf-8")
    return root


def records(root: Path, **options: Any) -> dict[str, ClipRecord]:
    source = VoxcelebSource(root, **options)
    found = list(source)
    assert len(source) == len(found) == source.stats()["n_records"]
    assert list(source) == found
    by_name = {record.clip: record for record in found}
    assert len(by_name) == len(found)
    return by_name


def test_utterances_and_stills_are_clips_of_one_item_joined_by_person(tmp_path: Path) -> None:
    make(tmp_path, "wav/id10001/v1/00001.wav", "VGG_ALL_FRONTAL/Ann_Lee/01.jpg", vox1_meta=META1)
    voice, face = records(tmp_path).values()
    assert (voice.clip, voice.person, voice.video, voice.face_path) == ("id10001/v1/00001", "id10001", "v1", None)
    assert voice.voice_source == "wav/id10001/v1/00001.wav"
    assert (face.clip, face.person, face.video) == ("VGG_ALL_FRONTAL/Ann_Lee/01.jpg", "id10001", None)
    assert face.voice_path is None
    values = {name: attribute.value for name, attribute in voice.attributes.items()}
    assert values == {"gender": "f", "nationality": "USA", "set": "dev", "name": "Ann_Lee"}
    assert face.attributes == voice.attributes


def test_stills_of_a_video_know_it(tmp_path: Path) -> None:
    make(
        tmp_path, "unzippedFaces/Ann_Lee/1.6/v1/01.jpg", "faces2/n000012/0001_01.jpg", vox1_meta=META1, vox2_meta=META2
    )
    found = records(tmp_path)
    assert [(record.person, record.video) for record in found.values()] == [("id10001", "v1"), ("id00012", None)]


def test_version_two_has_talking_faces_and_their_sounds(tmp_path: Path) -> None:
    make(
        tmp_path,
        "dev/mp4/id00012/v/00001.mp4",
        "dev/mp4/id00012/v/00002.mp4",
        "dev/aac/id00012/v/00002.m4a",
        vox2_meta=META2,
    )
    make(tmp_path, "dev/aac/id00012/v/00003.m4a")
    found = records(tmp_path)
    assert [(name, r.face_source[-9:], r.voice_source[-9:]) for name, r in found.items()] == [
        ("id00012/v/00001", "00001.mp4", "00001.mp4"),
        ("id00012/v/00002", "00002.mp4", "00002.m4a"),
        ("id00012/v/00003", "", "00003.m4a"),
    ]
    assert found["id00012/v/00001"].attributes["set"].value == "dev"


def test_an_utterance_that_lies_there_twice_is_taken_once(tmp_path: Path) -> None:
    make(tmp_path, "aac/id00012/v/1.m4a", "aac/id00012/v/1.wav", "test/aac/id00012/v/1.m4a")
    source = VoxcelebSource(tmp_path)
    (record,) = source
    assert record.voice_source == "aac/id00012/v/1.wav"
    assert source.stats()["n_copies"] == 2


def test_pairs_are_utterances_with_stills_spread_over_their_video(tmp_path: Path) -> None:
    make(tmp_path, *(f"wav/id10001/v1/{i:05d}.wav" for i in range(2)), "wav/id10001/v2/00001.wav", vox1_meta=META1)
    make(
        tmp_path, *(f"unzippedFaces/Ann_Lee/1.6/v1/{i:02d}.jpg" for i in range(6)), "unzippedFaces/Bob_Ray/1.6/v2/0.jpg"
    )
    source = VoxcelebSource(tmp_path, pair=True)
    assert [(r.clip, r.face_source[-6:]) for r in source] == [
        ("id10001/v1/00000", "01.jpg"),
        ("id10001/v1/00001", "04.jpg"),
        ("id10001/v2/00001", ""),
    ]
    stats = source.stats()
    assert (stats["n_utterances"], stats["n_pairs"], stats["n_stills_left_out"]) == (3, 2, 5)
    records(tmp_path, pair=True)


def test_tracks_are_parts_of_youtube_videos(tmp_path: Path) -> None:
    make(tmp_path, "txt/id10001/v1/00001.txt", vox1_meta=META1)
    (record,) = records(tmp_path).values()
    assert (record.address, record.start_s, record.end_s, record.is_whole_video) == ("youtube:v1", 2.0, 4.0, True)
    assert record.speaker is not None
    assert record.speaker.at(0.0, width_px=1280, height_px=720) == pytest.approx((220, 120))
    assert (record.person, record.attributes["gender"].value) == ("id10001", "f")
    assert records(tmp_path, media="http://h/{video}.mp4")["id10001/v1/00001"].address == "http://h/v1.mp4"


def test_videos_of_tracks_may_lie_in_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "txt/id10001/v1/00001.txt", "txt/id10001/v2/00001.txt", "down/v1.webm")
    good, missing = records(tmp_path, media="down").values()
    assert (good.face_source, good.problem, good.is_whole_video) == ("down/v1.webm", None, True)
    assert missing.problem == ("missing_file", "txt/id10001/v2/00001.txt: no video 'v2' in down/")


def test_a_broken_track_is_a_row_with_a_reason(tmp_path: Path) -> None:
    make(tmp_path, "txt/id10001/v1/00001.txt", "txt/id10001/v1/00002.txt")
    (tmp_path / "txt/id10001/v1/00001.txt").write_bytes(b"\xff\x00 no track")
    broken, good = records(tmp_path).values()
    assert broken.problem is not None
    assert broken.problem[0] == "malformed_row"
    assert broken.problem[1].startswith("txt/id10001/v1/00001.txt: line 1 must be FRAME X Y W H")
    assert (broken.person, broken.video, good.problem) == ("id10001", "v1", None)


def test_tracks_count_only_where_nothing_else_does_or_where_they_are_named(tmp_path: Path) -> None:
    make(tmp_path, "txt/id10001/v1/00001.txt", "wav/id10001/v1/00001.wav")
    assert records(tmp_path)["id10001/v1/00001"].address == ""
    assert records(tmp_path, tracks="txt")["id10001/v1/00001"].address == "youtube:v1"


def test_people_without_files_and_files_without_people_are_counted(tmp_path: Path) -> None:
    make(tmp_path, "wav/id10001/v/1.wav", "wav/id19999/v/1.wav", "VGG_ALL_FRONTAL/Nobody/1.jpg", vox1_meta=META1)
    source = VoxcelebSource(tmp_path)
    assert {record.person for record in source} == {"id10001", "id19999", "Nobody"}
    stats = source.stats()
    assert (stats["n_people_without_metadata"], stats["n_people_without_files"], stats["n_people"]) == (2, 1, 3)
    assert stats["folders"] == ["wav", "VGG_ALL_FRONTAL"]


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere does not exist"):
        list(VoxcelebSource(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="holds no clips: no folder in it holds wav, m4a, mp4 or txt") as error:
        list(VoxcelebSource(tmp_path))
    assert "\n" not in str(error.value)
    make(tmp_path, "wav/id10001/v/1.wav")
    with pytest.raises(ConfigError, match="`media` says where the videos of the txt files are, and there are none"):
        len(VoxcelebSource(tmp_path, media="x"))

"""A clip is a pure function of its world, its person and its number."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.errors import MissingDependencyError
from visavox.media import video_writing
from visavox.world import clip_writing
from visavox.world.clip_writing import clip_paths, is_written, write_clip
from visavox.world.people import make_person
from visavox.world.population import Leaks, Population
from visavox.world.voices.mouth_opening import evened_opening, mouth_opening
from visavox.world.world_folder import VideoSettings, World

TALKS = World(n_people=2, n_clips=3, seed=5, video=VideoSettings(clip_s=3.0, frame_px=128))
PAIRS = World(n_people=2, n_clips=3, seed=5, layout="pairs")


def decoded(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frames (n, height, width, 3) and samples of a video, by PyAV alone."""
    with av.open(str(path)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    with av.open(str(path)) as container:
        return frames, np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_talk_has_the_frames_and_the_sound_that_were_asked_for(tmp_path: Path) -> None:
    write_clip(tmp_path, TALKS, 1, 2)
    (path,) = clip_paths(tmp_path, TALKS, 1, 2)
    assert path == tmp_path / "videos" / "w5-person-0001" / "w5-person-0001-c2.mp4"
    frames, voice = decoded(path)
    assert frames.shape == (75, 128, 128, 3)
    assert 48_000 <= len(voice) <= 48_000 + 2 * 1024  # AAC comes in blocks
    assert 0.001 < np.sqrt(np.mean(voice**2)) < 0.3
    assert np.abs(np.diff(frames.astype(int), axis=0)).max() > 30  # somebody moves
    with av.open(str(path)) as container:
        names = [stream.codec_context.name for stream in container.streams]
        assert names == ["h264", "aac"] and container.streams.video[0].average_rate == 25


def test_a_clip_of_pairs_is_a_face_and_a_voice(tmp_path: Path) -> None:
    write_clip(tmp_path, PAIRS, 0, 1)
    face_path, voice_path = clip_paths(tmp_path, PAIRS, 0, 1)
    with Image.open(face_path) as face:
        assert face.mode == "RGB" and min(face.size) >= 256
    voice, rate = soundfile.read(voice_path)
    assert rate == 16_000 and voice.ndim == 1 and 3.0 <= len(voice) / rate <= 6.0


@pytest.mark.parametrize("world", [TALKS, PAIRS], ids=["videos", "pairs"])
def test_the_same_clip_is_the_same_bytes_whatever_the_size_of_the_world(tmp_path: Path, world: World) -> None:
    write_clip(tmp_path / "a", world, 1, 2)
    write_clip(tmp_path / "b", replace(world, n_people=500, n_clips=9), 1, 2)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_people_clips_and_seeds_all_differ(tmp_path: Path) -> None:
    for index, clip in ((0, 0), (0, 1), (1, 0)):
        write_clip(tmp_path / "a", PAIRS, index, clip)
    write_clip(tmp_path / "b", replace(PAIRS, seed=6), 0, 0)
    found = [*digests(tmp_path / "a").values(), *digests(tmp_path / "b").values()]
    assert len(set(found)) == len(found) == 8


def test_a_change_of_what_is_shared_changes_the_voice_and_leaves_the_face(tmp_path: Path) -> None:
    write_clip(tmp_path / "a", PAIRS, 0, 0)
    write_clip(tmp_path / "b", replace(PAIRS, population=Population(correlations=(0.1,) * 6)), 0, 0)
    a, b = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert a["faces/w5-person-0000-c0.jpg"] == b["faces/w5-person-0000-c0.jpg"]
    assert a["voices/w5-person-0000-c0.flac"] != b["voices/w5-person-0000-c0.flac"]


def test_face_and_voice_get_what_they_show_and_nothing_else_of_the_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    class Head:
        def __init__(self, face: Any, scene: Any, *, frame_px: int) -> None:
            given.update(face=face, frame_px=frame_px)

        def frames(self, opening: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
            given["opening"] = opening
            return [np.zeros((128, 128, 3), dtype=np.uint8)] * len(opening)

    def speak(shown: Any, take: Any, rng: np.random.Generator) -> np.ndarray:
        given["voice"], given["spoken"] = shown, (0.1 * rng.standard_normal(48_000)).astype(np.float32)
        return np.asarray(given["spoken"])

    monkeypatch.setattr(clip_writing, "TalkingHead", Head)
    monkeypatch.setattr(clip_writing, "speak", speak)
    population = Population(face_reliability=0.5, voice_reliability=0.5, leaks=Leaks(nationality=0.5))
    write_clip(tmp_path, replace(TALKS, population=population), 1, 0)
    person = make_person(1, seed=5, population=population)
    assert (given["face"], given["voice"], given["frame_px"]) == (person.face, person.voice, 128)
    expected = evened_opening(mouth_opening(given["spoken"], n_frames=75, fps=25))
    np.testing.assert_array_equal(given["opening"], expected)


def test_clips_of_a_session_share_it_and_other_sessions_have_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, ...]] = []
    real_scene, real_take = clip_writing.random_scene, clip_writing.random_take

    def scene(session: Any, session_rng: np.random.Generator, clip_rng: np.random.Generator) -> Any:
        seen.append((session.picture, session.sound, session_rng.random(), clip_rng.random()))
        return real_scene(session, session_rng, clip_rng)

    def take(session: Any, session_rng: np.random.Generator, clip_rng: np.random.Generator, **options: Any) -> Any:
        seen[-1] += (session.picture, session.sound, session_rng.random(), clip_rng.random())
        return real_take(session, session_rng, clip_rng, **options)

    monkeypatch.setattr(clip_writing, "random_scene", scene)
    monkeypatch.setattr(clip_writing, "random_take", take)
    monkeypatch.setattr(clip_writing, "speak", lambda *_: np.zeros(800, dtype=np.float32))
    for clip in range(3):
        write_clip(tmp_path, PAIRS, 0, clip)
    first, same, other = seen
    shared, own = (0, 1, 2, 4, 5, 6), (3, 7)
    assert all(first[i] == same[i] != other[i] for i in shared)
    assert all(len({first[i], same[i], other[i]}) == 3 for i in own)
    assert first[2] != first[6] and first[3] != first[7]  # light and microphone are drawn apart


def test_only_whole_clips_count_as_written(tmp_path: Path) -> None:
    assert not is_written(tmp_path, PAIRS, 0, 0)
    write_clip(tmp_path, PAIRS, 0, 0)
    assert is_written(tmp_path, PAIRS, 0, 0)
    _, voice_path = clip_paths(tmp_path, PAIRS, 0, 0)
    voice_path.write_bytes(b"")
    assert not is_written(tmp_path, PAIRS, 0, 0)
    voice_path.unlink()
    assert not is_written(tmp_path, PAIRS, 0, 0)


def test_an_error_in_mid_video_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = clip_writing.TalkingHead.frames

    def cut(*arguments: Any, **options: Any) -> Any:
        for number, frame in enumerate(real(*arguments, **options)):
            if number == 40:
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr(clip_writing.TalkingHead, "frames", cut)
    with pytest.raises(KeyboardInterrupt):
        write_clip(tmp_path, TALKS, 0, 0)
    assert not digests(tmp_path)


def test_a_pyav_without_h264_is_answered_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = av.codec.Codec

    def codec(name: str, mode: str) -> Any:
        return real("libx264-is-missing" if name == "libx264" else name, mode)

    monkeypatch.setattr(video_writing.av.codec, "Codec", codec)
    with pytest.raises(MissingDependencyError, match=r"without H\.264.*pip install"):
        write_clip(tmp_path, TALKS, 0, 0)
    assert not digests(tmp_path)


def test_clips_of_a_wild_session_share_wall_and_noise_and_sessions_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leaks in a split by clip: were the session's generators the clip's, there would be nothing to leak."""
    walls, noises = [], []
    draw = clip_writing.draw_face

    def drawn(face: Any, scene: Any, *, rng: np.random.Generator) -> np.ndarray:
        walls.append((scene.wall, scene.shirt))
        return draw(face, scene, rng=rng)

    def spoken(_voice: Any, take: Any, _rng: np.random.Generator) -> np.ndarray:
        # Half of the noise goes with the loudness of the clip; the rest is the session's.
        noises.append((take.noise_db - 0.5 * take.level_db, take.echo, take.pitch_factor))
        return np.zeros(800, dtype=np.float32)

    monkeypatch.setattr(clip_writing, "draw_face", drawn)
    monkeypatch.setattr(clip_writing, "speak", spoken)
    world = replace(PAIRS, wildness=0.5, clips_per_session=2, n_clips=4)
    for clip in range(4):
        write_clip(tmp_path, world, 0, clip)
    for first, same, *others in ((walls[0], walls[1], *walls[2:]), (walls[2], walls[3], *walls[:2])):
        assert first == same
        assert all(first[0] != other[0] and first[1] != other[1] for other in others)
    rooms = [(round(noise, 9), echo) for noise, echo, _ in noises]
    assert rooms[0] == rooms[1] != rooms[2] == rooms[3] and rooms[0][0] != rooms[2][0]
    assert len({mood for _, _, mood in noises}) == 4  # a clip has a mood of its own

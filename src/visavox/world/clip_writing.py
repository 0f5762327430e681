"""One clip of a made-up world to its files: a talking head as MP4, or a face and a voice apart.

Each clip draws from random generators of its own, made of the world's seed, the person and the clip or session, so
that neither the number of processes nor a kill in between changes a pixel or a sample. A file takes its name when it
is whole.

Example:
    write_clip(Path("world"), World(n_people=300, n_clips=4, seed=0), 7, 2)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.media.audio import write_voice
from visavox.media.images import write_face
from visavox.media.video_writing import write_video
from visavox.world.faces.drawn_faces import draw_face
from visavox.world.faces.scene import Scene, random_scene
from visavox.world.faces.talking_head import FPS, TalkingHead
from visavox.world.people import Person, make_person, make_session
from visavox.world.voices.mouth_opening import evened_opening, mouth_opening
from visavox.world.voices.synthetic_voices import random_take, speak
from visavox.world.wildness import Camera, wild_camera, wild_scene, wild_take
from visavox.world.world_folder import World
from visavox.world.world_tables import clip_name, video_name

_FACE, _VOICE = 0, 1  # last number of a generator's seed: a change in drawing leaves the voices as they were


def clip_paths(out: Path, world: World, index: int, clip: int) -> tuple[Path, ...]:
    """Return the files of clip number `clip` of person number `index`: a video, or a face and a voice."""
    if world.layout == "videos":
        return (out / video_name(world, index, clip),)
    name = clip_name(world, index, clip)
    return out / "faces" / f"{name}.jpg", out / "voices" / f"{name}.flac"


def is_written(out: Path, world: World, index: int, clip: int) -> bool:
    """Return whether a clip has all its files."""
    return all(path.is_file() and path.stat().st_size > 0 for path in clip_paths(out, world, index, clip))


def write_clip(out: Path, world: World, index: int, clip: int) -> None:
    """Write the files of one clip.

    Args:
        out: the folder of the world.
        world: its settings; the layout says which files.
        index: of the person, 0 or more.
        clip: number of the clip, 0 or more.

    Raises:
        OSError: the disk is full or read-only.
    """
    paths = clip_paths(out, world, index, clip)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    person = make_person(index, seed=world.seed, population=world.population)
    number = clip // world.clips_per_session
    session = make_session(index, number, seed=world.seed, population=world.population)
    face_rng, voice_rng = (np.random.default_rng([world.seed, index, 2, clip, side]) for side in (_FACE, _VOICE))
    session_rngs = [np.random.default_rng([world.seed, index, 1, number, side]) for side in (_FACE, _VOICE)]
    scene = random_scene(session, session_rngs[_FACE], face_rng)
    scene = wild_scene(scene, world.wildness, session_rngs[_FACE], face_rng)
    camera = wild_camera(world.wildness, session_rngs[_FACE], face_rng)
    duration_s = world.video.clip_s if world.layout == "videos" else None
    take = random_take(session, session_rngs[_VOICE], voice_rng, duration_s=duration_s)
    voice = speak(person.voice, wild_take(take, world.wildness, session_rngs[_VOICE], voice_rng), voice_rng)
    if world.layout == "videos":
        _write_talk(paths[0], person, scene, camera, voice, world, face_rng)
    else:
        write_face(paths[0], camera.see(draw_face(person.face, scene, rng=face_rng)))
        write_voice(paths[1], voice)


def _write_talk(
    path: Path,
    person: Person,
    scene: Scene,
    camera: Camera,
    voice: NDArray[np.float32],
    world: World,
    rng: np.random.Generator,
) -> None:
    # Evened, so that no single picture tells more of the voice than the face is meant to.
    opening = evened_opening(mouth_opening(voice, n_frames=world.video.n_frames, fps=FPS))
    head = TalkingHead(person.face, scene, frame_px=world.video.frame_px)
    write_video(path, map(camera.see, head.frames(opening, rng)), voice, fps=FPS)

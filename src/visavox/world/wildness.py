"""How unlike each other the recordings of a made-up person are: from one tidy studio to whatever a telephone saw.

At 0 a person wears the same clothes before the same wall, well lit and close to the microphone, and is told from 49
others by sixteen by sixteen pixels. Towards 1 sessions bring walls, clothes, light, cameras, rooms and noise of their
own, and clips bring pose, things before the face and moods. What face and voice *show* stays the same, so that the
ceiling of the world is an upper bound that wild recordings need not let anybody reach.

Example:
    >>> session, clip = np.random.default_rng(0), np.random.default_rng(1)
    >>> wild_scene(Scene(), 0.0, session, clip) == Scene()
    True
    >>> wild_scene(Scene(), 1.0, session, clip).wall == Scene().wall
    False
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.world.faces.scene import Scene
from visavox.world.voices.synthetic_voices import Take

Picture = NDArray[np.uint8]

FINEST_PX, COARSEST_PX = 256.0, 26.0  # width of a picture that cameras resolve, at wildness 0 and at most at 1


@dataclass(frozen=True)
class Camera:
    """What takes the pictures of a clip, and what stands in its way."""

    resolved_px: float = FINEST_PX
    """Width in pixels at which the picture is really seen; it is enlarged again."""
    blur: float = 0.0
    """Standard deviation of the blur as a share of the width."""
    thing: tuple[float, float, float, float] | None = None
    """Something before the face: left, top, width and height as shares of the picture; None: nothing."""
    thing_colour: tuple[int, int, int] = (0, 0, 0)
    """Its colour, RGB, 0 to 255."""

    def see(self, picture: Picture) -> Picture:
        """Return a picture (height, width, 3) uint8 as this camera takes it."""
        height, width = picture.shape[:2]
        seen = picture.copy()
        if self.thing is not None:
            left, top, across, down = self.thing
            x, y = round(left * width), round(top * height)
            seen[y : y + round(down * height), x : x + round(across * width)] = self.thing_colour
        if self.blur > 0:
            seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), self.blur * width), dtype=np.uint8)
        if self.resolved_px < width:
            small = (max(2, round(self.resolved_px)), max(2, round(self.resolved_px * height / width)))
            reduced = cv2.resize(seen, small, interpolation=cv2.INTER_AREA)
            seen = np.asarray(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        return seen


def wild_scene(scene: Scene, wildness: float, session_rng: np.random.Generator, clip_rng: np.random.Generator) -> Scene:
    """Return a scene whose wall, clothes, light and pose are as unlike the usual as `wildness` says.

    Args:
        scene: a usual one; of wildness 0 it comes back, and nothing is drawn.
        wildness: 0 to 1.
        session_rng: of wall, clothes and light; seeded alike for all clips of a session.
        clip_rng: of pose and noise.
    """
    if wildness == 0:
        return scene
    wall, shirt = session_rng.uniform(0.08, 0.95, (2, 3)).tolist()
    stops, tint, paint = session_rng.uniform([-0.9, -1.6, -0.25], [0.45, 1.6, 0.15]).tolist()
    yaw, pitch, roll = (np.clip(clip_rng.standard_normal(3), -1.8, 1.8) * [11.0, 6.0, 6.0]).tolist()
    zoom, noise = clip_rng.uniform([-0.12, 0.0], [0.10, 0.07]).tolist()
    return replace(
        scene,
        wall=(wall[0], wall[1], wall[2]) if wildness >= 0.5 else scene.wall,
        shirt=(shirt[0], shirt[1], shirt[2]) if wildness >= 0.5 else scene.shirt,
        exposure=scene.exposure * 2.0 ** (wildness * stops),
        tint=scene.tint + wildness * tint,
        paint=scene.paint * (1.0 + wildness * paint),
        yaw_deg=scene.yaw_deg + wildness * yaw,
        pitch_deg=scene.pitch_deg + wildness * pitch,
        roll_deg=scene.roll_deg + wildness * roll,
        zoom=scene.zoom + wildness * zoom,
        noise=scene.noise + wildness * noise,
    )


def wild_take(take: Take, wildness: float, session_rng: np.random.Generator, clip_rng: np.random.Generator) -> Take:
    """Return a recording whose room, noise and mood are as unlike the usual as `wildness` says.

    Args:
        take: a usual one; of wildness 0 it comes back, and nothing is drawn.
        wildness: 0 to 1; at 1 the noise is 0 to 18 dB below the speech.
        session_rng: of room, noise and microphone; seeded alike for all clips of a session.
        clip_rng: of the mood.
    """
    if wildness == 0:
        return take
    below_db, echo, echo_s, colour = session_rng.uniform([0.0, 0.05, 0.0, -2.0], [18.0, 0.35, 0.4, 2.0]).tolist()
    mood = float(clip_rng.uniform(-3.0, 3.0))
    return replace(
        take,
        noise_db=(1.0 - wildness) * take.noise_db + wildness * (take.level_db - below_db),
        echo=take.echo + wildness * echo,
        echo_s=take.echo_s + wildness * echo_s,
        colour=take.colour + wildness * colour,
        pitch_factor=take.pitch_factor * 2.0 ** (wildness * mood / 12.0),
    )


def wild_camera(wildness: float, session_rng: np.random.Generator, clip_rng: np.random.Generator) -> Camera:
    """Return the camera of a clip: its make from the session, what is in its way from the clip.

    Args:
        wildness: 0 to 1; at 0 the camera changes nothing, and nothing is drawn.
        session_rng: seeded alike for all clips of a session.
        clip_rng: of the clip.
    """
    if wildness == 0:
        return Camera()
    coarse, blur = session_rng.uniform([0.0, 0.0], [1.0, 0.012]).tolist()
    is_hidden, left, top, across, down = clip_rng.uniform(0.0, 1.0, 5).tolist()
    colour = clip_rng.integers(20, 235, 3).tolist()
    thing = (0.8 * left, 0.2 + 0.6 * top, 0.12 + 0.25 * across, 0.12 + 0.25 * down)
    return Camera(
        resolved_px=FINEST_PX * (COARSEST_PX / FINEST_PX) ** (wildness * coarse),
        blur=wildness * blur,
        thing=thing if is_hidden < 0.6 * wildness else None,
        thing_colour=(colour[0], colour[1], colour[2]),
    )

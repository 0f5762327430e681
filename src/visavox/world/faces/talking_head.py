"""A talking head: a portrait painted once, then moved. 25 frames a second with a mouth that follows the voice.

Eyes and mouth are painted a few times, more or less open; a frame blends two of each into the portrait, moves the
whole by one small warp, and adds noise from a bank. A frame is thus some hundred times quicker than a portrait, and
where its landmarks are is known.

Example:
    >>> from visavox.world.people import make_person
    >>> head = TalkingHead(make_person(0, seed=0).face, Scene(), frame_px=128)
    >>> frames = list(head.frames(np.array([0.0, 0.5, 1.0]), np.random.default_rng(0)))
    >>> len(frames), frames[0].shape, frames[0].dtype
    (3, (128, 128, 3), dtype('uint8'))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavox.errors import ConfigError
from visavox.world.faces.canvas import Points
from visavox.world.faces.drawn_faces import as_bytes, develop, landmarks_px, paint_still
from visavox.world.faces.easel import Easel
from visavox.world.faces.face_parts import paint_eye, paint_mouth
from visavox.world.faces.jaw import Jaw
from visavox.world.faces.looks import look_of
from visavox.world.faces.scene import CANVAS_PX, FACE_PX, Scene
from visavox.world.people import Shown

FPS = 25
"""Frames a second."""
MIN_FRAME_PX, MAX_FRAME_PX = 128, CANVAS_PX
"""Sides that a frame may have, even ones only."""

_OPENINGS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the mouth, painted; those between are blended
_BLINKS = (0.0, 0.5, 1.0)
_BLINK = (0.5, 1.0, 1.0, 0.5)  # from frame to frame: 160 ms
_MIN_PAUSE_S, _MEAN_PAUSE_S = 1.2, 2.5  # between two blinks
_SWAYS_HZ = (0.17, 0.31, 0.58)  # the head moves by sines of these rates
_SWAY = (2.2, 1.4, 0.022, 0.009)  # largest shift right and down (px of FACE_PX), turn (radians), growth
_NECK = (0.5, 0.8)  # the point about which the head turns, in parts of the frame
_NOISE_MARGIN_PX = 64  # the bank of noise is larger than a frame by this, and each frame takes another part of it


@dataclass(frozen=True, eq=False)
class Motion:
    """How the head moves and blinks in each frame."""

    matrices: NDArray[np.float64]
    """(n_frames, 2, 3): where pixel (x, y) of the portrait goes, matrix @ (x, y, 1)."""
    blinks: NDArray[np.float64]
    """(n_frames,): 0 eyes open, 1 closed."""


@dataclass(frozen=True, eq=False)
class _Patch:
    """A part of the frame in several states."""

    box: tuple[slice, slice]
    states: list[NDArray[np.uint8]]

    def put(self, frame: NDArray[np.uint8], place: float) -> None:
        """Put state number `place` into the frame; a fraction blends two states."""
        index = min(int(place), len(self.states) - 2)
        share = place - index
        before, after = self.states[index], self.states[index + 1]
        frame[self.box] = before if share == 0.0 else cv2.addWeighted(before, 1.0 - share, after, share, 0.0)


class TalkingHead:
    """One face in one scene, ready to speak.

    Args:
        face: what the face of a person shows.
        scene: pose, light, expression and wall; the mouth is never more closed than in the scene.
        frame_px: side of a frame, an even number from 128 to 512.
    """

    def __init__(self, face: Shown, scene: Scene, *, frame_px: int = FACE_PX) -> None:
        """Paint the portrait and the states of its eyes and mouth.

        Raises:
            ConfigError: `frame_px` is odd or out of range.
        """
        if not MIN_FRAME_PX <= frame_px <= MAX_FRAME_PX or frame_px % 2 == 1:
            raise ConfigError(
                f"`frame_px` must be an even number from {MIN_FRAME_PX} to {MAX_FRAME_PX}. Got {frame_px}."
            )
        self.face = face
        self.scene = scene
        self.frame_px = frame_px
        easel = Easel(look_of(face), scene)
        paint_still(easel)
        self._portrait = as_bytes(develop(easel.canvas.planes, scene, size_px=(frame_px, frame_px)))
        jaw, unit = Jaw(easel), easel.pose.length_px(1.0)

        def speak(scene: Scene) -> None:
            easel.scene = scene
            jaw.drop(easel.canvas.planes, scene)
            paint_mouth(easel)

        def blink(scene: Scene) -> None:
            easel.scene = scene
            for side in (-1.0, 1.0):
                paint_eye(easel, side)

        openings = [max(opening, scene.mouth_open) for opening in _OPENINGS]
        self._mouth = self._paint(easel, jaw.box, [replace(scene, mouth_open=opening) for opening in openings], speak)
        eyes = easel.place(np.array([[-easel.look.eye_x_u, 0.0], [easel.look.eye_x_u, 0.0]]))
        margin = np.array([0.27, 0.25]) * unit
        low, high = (eyes.min(axis=0) - margin).astype(int), (eyes.max(axis=0) + margin).astype(int)
        box = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        self._eyes = self._paint(easel, box, [replace(scene, blink=value) for value in _BLINKS], blink)

    def frames(
        self, opening: ArrayLike, rng: np.random.Generator, *, motion: Motion | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Return the frames of a clip, one after the other; all that is random is drawn before the first.

        Args:
            opening: (n_frames,) float, 0 to 1: how far the mouth is open.
            rng: of the camera's noise, and, before it, of the motion.
            motion: of the head; None: `random_motion(n_frames, rng)`.

        Returns:
            n_frames pictures (frame_px, frame_px, 3) uint8, RGB.

        Raises:
            ConfigError: `opening` is empty, has another shape or is out of range; `motion` is of another length.
        """
        track = self._checked(opening)
        motion = self.random_motion(len(track), rng) if motion is None else motion
        if len(motion.blinks) != len(track):
            raise ConfigError(
                f"`motion` must have as many frames as `opening`. Got {len(motion.blinks)} and {len(track)}."
            )
        side = self.frame_px + _NOISE_MARGIN_PX
        field = rng.standard_normal((side, side, 3), dtype=np.float32)
        brighter = as_bytes(field * np.float32(self.scene.noise))
        darker = as_bytes(field * np.float32(-self.scene.noise))
        corners = rng.integers(0, _NOISE_MARGIN_PX, (len(track), 2), endpoint=True)
        return self._move(track, motion, corners, (brighter, darker))

    def random_motion(self, n_frames: int, rng: np.random.Generator) -> Motion:
        """Return a small smooth motion of the head with blinks.

        Args:
            n_frames: 1 or more.
            rng: of everything.
        """
        time_s = np.arange(n_frames) / FPS
        strength = rng.uniform(0.3, 1.0, (len(_SWAY), 1)) * np.array(_SWAY)[:, None]
        phase = rng.uniform(0.0, 2.0 * np.pi, (len(_SWAY), len(_SWAYS_HZ), 1))
        rate = 2.0 * np.pi * np.array(_SWAYS_HZ)[:, None] * time_s
        right, down, turn, growth = strength * np.sin(rate + phase).mean(axis=1)  # each (n_frames,)
        scale = self.frame_px / FACE_PX
        factor_x, factor_y = (1.0 + growth) * np.cos(turn), (1.0 + growth) * np.sin(turn)
        neck_x, neck_y = (part * self.frame_px for part in _NECK)
        matrices = np.empty((n_frames, 2, 3))
        matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 0], matrices[:, 1, 1] = (
            factor_x,
            -factor_y,
            factor_y,
            factor_x,
        )
        matrices[:, 0, 2] = neck_x + scale * right - factor_x * neck_x + factor_y * neck_y
        matrices[:, 1, 2] = neck_y + scale * down - factor_y * neck_x - factor_x * neck_y
        blinks = np.zeros(n_frames)
        start_s = rng.uniform(0.0, _MEAN_PAUSE_S)
        while (first := int(start_s * FPS)) < n_frames:
            last = min(first + len(_BLINK), n_frames)
            blinks[first:last] = _BLINK[: last - first]
            start_s += _MIN_PAUSE_S + rng.exponential(_MEAN_PAUSE_S - _MIN_PAUSE_S)
        return Motion(matrices, blinks)

    def landmarks_px(self, opening: ArrayLike, motion: Motion) -> Points:
        """Return where each frame has its landmarks.

        Args:
            opening: as for `frames`.
            motion: that of the frames.

        Returns:
            (n_frames, 5, 2) float64, x and y in pixels of the frame, in the order of
            `visavox.world.faces.drawn_faces.landmarks_px`.
        """
        places = []
        for value, matrix in zip(self._checked(opening), motion.matrices, strict=True):
            scene = replace(self.scene, mouth_open=max(float(value), self.scene.mouth_open))
            still = landmarks_px(self.face, scene, frame_px=self.frame_px)
            places.append(still @ matrix[:, :2].T + matrix[:, 2])
        return np.array(places)

    def _move(
        self,
        track: NDArray[np.float64],
        motion: Motion,
        corners: NDArray[np.int64],
        noise: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the frames."""
        size = (self.frame_px, self.frame_px)
        brighter, darker = noise
        for opening, blink, matrix, (top, left) in zip(
            track.tolist(), motion.blinks.tolist(), motion.matrices, corners.tolist(), strict=True
        ):
            still = self._portrait.copy()
            self._mouth.put(still, opening * (len(_OPENINGS) - 1))
            self._eyes.put(still, blink * (len(_BLINKS) - 1))
            frame = cv2.warpAffine(still, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            part = (slice(top, top + self.frame_px), slice(left, left + self.frame_px))
            cv2.add(frame, brighter[part], dst=frame)
            yield np.asarray(cv2.subtract(frame, darker[part], dst=frame), dtype=np.uint8)

    def _paint(
        self, easel: Easel, box: tuple[slice, slice], scenes: list[Scene], paint: Callable[[Scene], None]
    ) -> _Patch:
        """Return what `paint` makes of a box of the still portrait in each scene; the easel is still afterwards."""
        side_px, planes = self.frame_px, easel.canvas.planes
        inner = [_span(edge, side_px / CANVAS_PX, side_px) for edge in box]
        # The part to be reduced has edges between two pixels of the frame as well as of the canvas: its pixels are
        # those of the whole frame.
        shared = math.gcd(side_px, CANVAS_PX)
        step, frame_step = CANVAS_PX // shared, side_px // shared
        steps = [_span(edge, 1.0 / step, shared) for edge in box]
        rows, columns = (slice(part.start * step, part.stop * step) for part in steps)
        height_px, width_px = ((part.stop - part.start) * frame_step for part in steps)
        cut = tuple(
            slice(part.start - first.start * frame_step, part.stop - first.start * frame_step)
            for part, first in zip(inner, steps, strict=True)
        )
        still = planes[:, rows, columns].copy()
        states = []
        for scene in scenes:
            paint(scene)
            part = planes[:, rows, columns]
            states.append(np.ascontiguousarray(as_bytes(develop(part, scene, size_px=(width_px, height_px)))[cut]))
            part[:] = still
        easel.scene = self.scene
        return _Patch((inner[0], inner[1]), states)

    def _checked(self, opening: ArrayLike) -> NDArray[np.float64]:
        track = np.asarray(opening, dtype=np.float64)
        if track.ndim != 1 or not len(track):
            raise ConfigError(f"`opening` must be one number for each of one frame or more. Got shape {track.shape}.")
        if not np.all((track >= 0.0) & (track <= 1.0)):
            raise ConfigError(f"`opening` must be between 0 and 1. Got {track.min():g} to {track.max():g}.")
        return track


def _span(edge: slice, scale: float, size: int) -> slice:
    """Return the whole steps that a range of the canvas touches when it is scaled, within 0 to `size`."""
    return slice(max(math.floor(edge.start * scale), 0), min(math.ceil(edge.stop * scale), size))

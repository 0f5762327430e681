"""Where one shot of a video ends and the next begins, frame by frame while it is decoded.

What it is for: a track of a face must not run on over a cut, where somebody else may stand in the same place. It finds
hard cuts, at the exact frame. It is no editor's tool: of a cross-fade, in which no two neighbours differ much, it says
nothing (the faces move apart or change their size there, and their tracks end by themselves).

PySceneDetect's content detector says which frames differ from the one before. Its usual threshold (27) misses cuts
between two people before one kind of wall, which differ by 11 and more; handheld talk reaches 14. So its threshold is
low here, and each alarm is checked: a new shot has none of the edges of the last one. Edges stay through talk,
nods, light and zoom; through a pan they move together; after a flash they are back.

Source: PySceneDetect, `ContentDetector` (scenedetect.com/docs); the check is our own. Measured on 20 real clips
(2,800 neighbours, 190 pairs of clips): edges of neighbours correlate by 0.59 or more, those across a cut by 0.23 or
less. 0.1 to 0.2 ms a frame on one thread.

Example (needs a video):
    cuts = SceneCuts()
    numbers = [i for i, frame in enumerate(container.decode(video=0)) if cuts.is_cut(frame)]      # [83, 140]
"""

from __future__ import annotations

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter
from scenedetect.common import FrameTimecode
from scenedetect.detectors import ContentDetector

LONGER_PX = 64  # longer side of the frames that are compared
MIN_SIDE_PX = 16
ALARM_SCORE = 9.0  # PySceneDetect's: mean change of hue, saturation and brightness, 0 to 255
SAME_CORRELATION = 0.4  # of the edges of two frames of one shot, at least
PANNED_CORRELATION = 0.6  # of the edges in the middle of a frame, wherever they were before, at least
MAX_PAN = 0.2  # of the width and the height, from frame to frame
MIN_CONTRAST = 8.0  # standard deviation of the grey picture; black, white and burnt-out frames have less

Grey = npt.NDArray[np.uint8]


class SceneCuts:
    """Takes the frames of a video one by one and says which are the first of a new shot."""

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._reformatter = VideoReformatter()  # one for all frames: setting one up costs 2 ms
        self._begin(None)

    def _begin(self, shape: tuple[int, ...] | None) -> None:
        """Forget what was seen; frames of this shape follow."""
        self._shape = shape
        self._detector = ContentDetector(threshold=ALARM_SCORE, min_scene_len=0)
        self._n_frames = 0
        self._seen: Grey | None = None  # the last frame with contrast
        self._was_flat = False

    def is_cut(self, frame: av.VideoFrame) -> bool:
        """Return whether a frame is the first of a new shot; the first frame of all is not.

        Args:
            frame: the next decoded frame, of any size and pixel format.

        Edges:
            A frame without contrast (black, white) is never a cut: after a fade to black and back the first frame
            with contrast is one, unless it shows what was there before. A flash is none, nor is the frame after it.
            A frame of another shape than the one before is always one.
        """
        small = self._shrunk(frame)
        if small.shape != self._shape:
            is_first = self._shape is None
            self._begin(small.shape)
            self._alarm(small)
            self._remember(_grey(small))
            return not is_first
        alarm = self._alarm(small)
        grey = _grey(small)
        is_cut = False
        if (alarm or self._was_flat) and self._seen is not None and _contrast(grey) >= MIN_CONTRAST:
            is_cut = not is_same_shot(self._seen, grey)
        self._remember(grey)
        return is_cut

    def _shrunk(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        factor = LONGER_PX / max(frame.width, frame.height)
        width_px, height_px = (max(MIN_SIDE_PX, round(side * factor)) for side in (frame.width, frame.height))
        small = self._reformatter.reformat(
            frame, width=width_px, height=height_px, format="bgr24", interpolation="FAST_BILINEAR"
        )
        return np.asarray(small.to_ndarray(), np.uint8)

    def _alarm(self, small: npt.NDArray[np.uint8]) -> bool:
        """Whether PySceneDetect calls the frame different from the one before."""
        number = FrameTimecode(self._n_frames, fps=25.0)  # any rate will do, since no length is asked for
        self._n_frames += 1
        return bool(self._detector.process_frame(number, small))

    def _remember(self, grey: Grey) -> None:
        self._was_flat = _contrast(grey) < MIN_CONTRAST
        if not self._was_flat:
            self._seen = grey


def is_same_shot(before: Grey, after: Grey) -> bool:
    """Return whether two pictures have their edges in common, in place or moved together.

    Args:
        before: (height, width) uint8, sides of at least 16.
        after: of the same shape.
    """
    edges_before, edges_after = _edges(before), _edges(after)
    if _correlation(edges_before, edges_after) >= SAME_CORRELATION:
        return True
    height, width = edges_after.shape[:2]
    top, left = round(height * MAX_PAN), round(width * MAX_PAN)
    middle = np.ascontiguousarray(edges_after[top : height - top, left : width - left])
    if middle.std() < 1:  # nothing in it to find again
        return False
    return bool(cv2.matchTemplate(edges_before, middle, cv2.TM_CCOEFF_NORMED).max() >= PANNED_CORRELATION)


def _grey(picture: npt.NDArray[np.uint8]) -> Grey:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _contrast(grey: Grey) -> float:
    return float(grey.std())


def _edges(grey: Grey) -> npt.NDArray[np.float32]:
    """(height, width) -> (height - 1, width - 1, 2) differences to the right and down."""
    values = grey.astype(np.float32)
    return np.stack([np.diff(values, axis=1)[:-1], np.diff(values, axis=0)[:, :-1]], axis=2)


def _correlation(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """Cosine of two fields of differences, whose means are near 0; 0 where one of them is flat."""
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) / norms if norms > 0 else 0.0

"""A frame of a video that faces are looked for in: its pixels at the size that is asked for, made when they are.

Most frames are only looked at small; the whole picture of a 1080p frame is made for the few that show the best face.
Upright pictures with square pixels come out, whatever a phone or a television standard did to them.

Example (needs a video):
    frame.small(360).shape, frame.full().shape      # (360, 640, 3), (1080, 1920, 3)
"""

from __future__ import annotations

import threading
from functools import lru_cache

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

Picture = npt.NDArray[np.uint8]


class SampledFrame:
    """One decoded frame.

    Args:
        frame: as the decoder gave it.
        time_s: when it is shown, seconds from the beginning of the clip.
        index: 0, 1, 2, ... among the sampled frames of the clip.
        after_cut: whether the scene changed since the sampled frame before.
        pixel_ratio: width of a pixel over its height.
        is_damaged: whether bytes of it, or of a frame that it builds on, were lost.
    """

    def __init__(
        self,
        frame: av.VideoFrame,
        *,
        time_s: float,
        index: int,
        after_cut: bool = False,
        pixel_ratio: float = 1.0,
        is_damaged: bool = False,
    ) -> None:
        """Store the arguments; no pixel is touched."""
        self.frame = frame
        self.time_s = time_s
        self.index = index
        self.after_cut = after_cut
        self.pixel_ratio = pixel_ratio
        self.is_damaged = is_damaged

    @property
    def width_px(self) -> int:
        """Width of the upright picture with square pixels."""
        return self._flat_height_px if self._is_lying else self._flat_width_px

    @property
    def height_px(self) -> int:
        """Height of the upright picture with square pixels."""
        return self._flat_width_px if self._is_lying else self._flat_height_px

    def small(self, max_shorter_px: int) -> Picture:
        """Return the picture, made smaller where its shorter side exceeds `max_shorter_px`.

        Args:
            max_shorter_px: greatest length of the shorter side, 1 or more.

        Returns:
            (height, width, 3) uint8 RGB, upright, square pixels.
        """
        factor = min(1.0, max_shorter_px / min(self._flat_width_px, self._flat_height_px))
        return self._picture(round(self._flat_width_px * factor), round(self._flat_height_px * factor))

    def full(self) -> Picture:
        """Return the whole picture, (height, width, 3) uint8 RGB, upright, square pixels."""
        return self._picture(self._flat_width_px, self._flat_height_px)

    @property
    def _is_lying(self) -> bool:
        return bool(round(self.frame.rotation / 90) % 2 == 1)

    @property
    def _flat_width_px(self) -> int:
        """Width before the turn, square pixels."""
        return int(max(1, round(self.frame.width * self.pixel_ratio)))

    @property
    def _flat_height_px(self) -> int:
        return int(self.frame.height)

    def _picture(self, width_px: int, height_px: int) -> Picture:
        size = (max(1, width_px), max(1, height_px))
        source = (self.frame.width, self.frame.height, self.frame.format.name)
        scaler = _scaler(threading.get_ident(), source, size)
        image = np.asarray(
            scaler.reformat(self.frame, *size, format="rgb24", interpolation="AREA").to_ndarray(), np.uint8
        )
        # ffmpeg and numpy both count turns anticlockwise.
        return np.ascontiguousarray(np.rot90(image, k=round(self.frame.rotation / 90) % 4))


@lru_cache(maxsize=8)
def _scaler(_thread: int, _source: tuple[int, int, str], _size: tuple[int, int]) -> VideoReformatter:
    """Return the scaler of one thread for one change of size: making one takes longer than using it."""
    return VideoReformatter()

"""Of the decoded frames of a clip those that are on the screen every so often, each once, and where scenes change.

Takes frames one by one and keeps one of them at a time, however long the clip is. It decodes nothing and knows no
file: `visavox.media.talk_scan` does.

Example (needs decoded frames):
    sampler = FrameSampler(print, frames_per_s=2.0)       # is given the frames at 0, 0.5, 1.0 ... s
    for frame in container.decode(video=0):
        sampler.see(frame, frame.time)
    sampler.finish()
"""

from __future__ import annotations

import math
from collections.abc import Callable

import av

from visavox.media.sampled_frame import SampledFrame
from visavox.media.scene_cuts import SceneCuts

TOLERANCE_S = 1e-6
"""Times are sums and multiples of 1 / 30 and the like; a moment so little before a frame belongs to the frame."""


class FrameSampler:
    """Hands frames on at the moments 0, 1 / rate, 2 / rate ... seconds of a clip.

    Args:
        on_frame: takes each sampled frame, in the order of time.
        frames_per_s: the rate, above 0.
        end_s: length of the clip, where it is known before.
        pixel_ratio: width of a pixel over its height.

    Edges:
        A frame that is on the screen at several moments is given once. Before the first frame there is none. A clip
        that shows anything gives at least one frame, whatever the rate.
    """

    def __init__(
        self,
        on_frame: Callable[[SampledFrame], None],
        *,
        frames_per_s: float,
        end_s: float = math.inf,
        pixel_ratio: float = 1.0,
    ) -> None:
        """Begin before the first frame."""
        self.on_frame = on_frame
        self.frames_per_s = frames_per_s
        self.end_s = end_s
        self.pixel_ratio = pixel_ratio
        self.n_frames = 0
        """Frames of the clip seen so far."""
        self.n_sampled = 0
        """Frames handed on so far."""
        self.cut_times_s: list[float] = []
        """When each scene but the first begins."""
        self.shown_until_s = 0.0
        """End of the last frame, known after `finish`; 0 where there was none."""
        self._cuts = SceneCuts()
        self._shown: av.VideoFrame | None = None
        self._shown_s = 0.0
        self._spacing_s = 0.0  # from the frame before to this one
        self._next_moment = 0
        self._is_after_cut = False
        self._is_damaged = False  # until the next key frame, which builds on no other
        self._is_shown_damaged = False
        self._is_followed = False  # by a frame from the end on: the last of the clip is shown up to there

    def see(self, frame: av.VideoFrame, time_s: float) -> bool:
        """Take the next frame and return whether it is part of the clip, which it is not from `end_s` on.

        Args:
            frame: as the decoder gave it.
            time_s: when it is shown, seconds from the beginning of the clip, ascending; below 0 before the clip, and
                of those frames only the last counts.
        """
        if time_s >= self.end_s - TOLERANCE_S:
            self._is_followed = True
            return False
        is_damaged = bool(frame.is_corrupt) or (self._is_damaged and not frame.key_frame)
        self._is_damaged = is_damaged
        if time_s <= TOLERANCE_S:  # on the screen when the clip begins, unless another follows
            self._shown, self._shown_s, self._is_shown_damaged = frame, time_s, is_damaged
            return True
        if self._shown is not None and self.n_frames == 0:
            self._count(self._shown, self._shown_s)
        if self._shown is not None:
            self._spacing_s = time_s - self._shown_s
        self._hand_on(time_s)
        self._count(frame, time_s)
        self._shown, self._shown_s, self._is_shown_damaged = frame, time_s, is_damaged
        return True

    def note_damage(self) -> None:
        """Take note that bytes between the frames were lost: those up to the next key frame may build on them."""
        self._is_damaged = True

    def finish(self, last_s: float = 0.0) -> None:
        """Hand on the last frame where it is due.

        Args:
            last_s: how long the last frame is shown; 0 takes the time from the one before it.
        """
        if self._shown is None:
            return
        until_s = self.end_s
        if not self._is_followed:
            until_s = min(self.end_s, self._shown_s + (last_s or self._spacing_s))
        if until_s <= TOLERANCE_S < last_s:  # it was off the screen before the clip began
            self._shown = None
            return
        self.shown_until_s = until_s
        if self.n_frames == 0:
            self._count(self._shown, self._shown_s)
        self._hand_on(until_s if self.n_sampled else max(until_s, (self._next_moment + 1) / self.frames_per_s))
        self._shown = None

    def _count(self, frame: av.VideoFrame, time_s: float) -> None:
        self.n_frames += 1
        if self._cuts.is_cut(frame):
            self.cut_times_s.append(time_s)
            self._is_after_cut = True

    def _hand_on(self, until_s: float) -> None:
        """Give the frame that is on the screen, if a moment has come before `until_s`."""
        if self._shown is None or self._next_moment / self.frames_per_s >= until_s - TOLERANCE_S:
            return
        self._next_moment = math.ceil((until_s - TOLERANCE_S) * self.frames_per_s)
        sampled = SampledFrame(
            self._shown,
            time_s=max(0.0, self._shown_s),
            index=self.n_sampled,
            after_cut=self._is_after_cut,
            pixel_ratio=self.pixel_ratio,
            is_damaged=self._is_shown_damaged,
        )
        self.n_sampled += 1
        self._is_after_cut = False
        self.on_frame(sampled)

"""Videos: is this file one, and a few of its frames.

Not about their sound: `visavox.media.audio.read_voice` takes a video as it is. Upright frames with square pixels
come out, whatever a phone or a television standard did to them.

Example (needs a video):
    frames = sample_frames("talk.mp4", 5)    # five (height, width, 3) uint8 arrays, at 10 %, 30 %, ... of its length
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from visavox.errors import MediaError
from visavox.media.files import ALONE, check_file

STILL_FORMATS = frozenset({"image2", "gif", "apng", "tty", "ico", "svg", "webp"})
"""ffmpeg's names of formats that are pictures to us (their first frame counts), and of text shown as a film."""
SEEK_BEYOND_S = 20.0
"""Frames farther apart than this are sought, nearer ones reached by decoding; a keyframe comes every 2 to 10 s."""

Frame = npt.NDArray[np.uint8]


def is_video(path: Path | str) -> bool:
    """Return whether a file holds a film: a video stream of more than one frame.

    Args:
        path: any file. The content decides, not the name.

    Returns:
        False for sound (also with a cover picture), for stills and animated pictures, for text, and for a file that
        is missing, empty or unreadable: the reader that is tried next says so in its own words.
    """
    path = Path(path)
    try:
        check_file(path, "video")
        with path.open("rb") as file, av.open(file, options={**ALONE}) as container:
            stream = film_stream(container)
            return stream is not None and len(list(itertools.islice(_decoded(container, stream), 2))) == 2
    except (MediaError, av.FFmpegError):
        return False


def sample_frames(path: Path | str, n_frames: int) -> list[Frame]:
    """Return frames that are evenly spaced in time, none at the very beginning or end.

    Args:
        path: a video.
        n_frames: how many, 1 or more: the middles of as many equal parts of the video.

    Returns:
        `n_frames` arrays (height, width, 3) uint8 RGB in the order of time, upright (the rotation that a phone
        notes is applied) and with square pixels; fewer, but at least one, where the video has fewer frames.

    Raises:
        MediaError: status `missing_file`, `empty_file`, `unreadable_video`, `no_video_stream`.
        ValueError: `n_frames` is less than 1.
    """
    if n_frames < 1:
        raise ValueError(f"`n_frames` must be at least 1. Got {n_frames}.")
    path = Path(path)
    check_file(path, "video")
    try:
        with path.open("rb") as file, av.open(file, options={**ALONE}) as container:
            stream = film_stream(container)
            if stream is None:
                kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
                raise MediaError(
                    f"{path}: the file must hold a film. It holds {kinds}, no moving picture. Give a video.",
                    status="no_video_stream",
                )
            begin, duration = picture_extent_s(container, stream)
        times = [begin + duration * (i + 0.5) / n_frames for i in range(n_frames)]
        with path.open("rb") as file, av.open(file, options={**ALONE}) as container:
            stream = film_stream(container)
            assert stream is not None
            ratio = stream.sample_aspect_ratio  # width of a pixel over its height; None is 1
            frames = [upright_frame(frame, float(ratio or 1)) for frame in _frames_at(container, stream, times)]
    except av.FFmpegError as error:
        raise MediaError(
            f"{path}: no picture can be decoded ({error.strerror}). Convert the video or drop it.",
            status="unreadable_video",
        ) from error
    if not frames:
        raise MediaError(
            f"{path}: the video must have a frame. None can be decoded. Convert the video or drop it.",
            status="unreadable_video",
        )
    return frames


def frame_pixels(path: Path | str) -> int:
    """Return how many pixels a frame of a film has as its header says, made square as `sample_frames` does.

    Args:
        path: a video.

    Returns:
        0 or more; 0 where the file holds no film, or its header does not say.

    Raises:
        MediaError: status `unreadable_video`.
    """
    try:
        with Path(path).open("rb") as file, av.open(file, options={**ALONE}) as container:
            stream = film_stream(container)
            if stream is None:
                return 0
            ratio = float(stream.sample_aspect_ratio or 1)
            width, height = int(stream.codec_context.width), int(stream.codec_context.height)
            return max(1, round(width * ratio)) * height
    except av.FFmpegError as error:
        raise MediaError(
            f"{path}: the file must be a video. It cannot be opened ({error.strerror}). Convert it or drop it.",
            status="unreadable_video",
        ) from error


def film_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """Return the first stream of an open file that is a film by its kind: no still, cover picture or text."""
    names = set(container.format.name.split(","))
    if names & STILL_FORMATS or any(name.endswith("_pipe") for name in names):
        return None
    covers = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return next((stream for stream in container.streams.video if not stream.disposition & covers), None)


def picture_extent_s(container: av.container.InputContainer, stream: av.VideoStream) -> tuple[float, float]:
    """Return first moment and length of the picture in seconds.

    Where the header does not say they are those of the packets, and the container has been read to its end.
    """
    if stream.duration and stream.time_base:
        return float((stream.start_time or 0) * stream.time_base), float(stream.duration * stream.time_base)
    moments = [float(p.pts * p.time_base) for p in container.demux(stream) if p.pts is not None]
    return (min(moments), max(moments) - min(moments)) if moments else (0.0, 0.0)


def _frames_at(
    container: av.container.InputContainer, stream: av.VideoStream, times: list[float]
) -> Iterator[av.VideoFrame]:
    """Yield for each time the frame that is on the screen then, each frame once."""
    spacing = times[1] - times[0] if len(times) > 1 else times[0]
    if spacing <= SEEK_BEYOND_S:
        yield from pick_frames(_decoded(container, stream), times)
        return
    for time in times:
        container.seek(int(time * av.time_base), backward=True)
        yield from pick_frames(_decoded(container, stream), [time])


def pick_frames(frames: Iterator[av.VideoFrame], times: list[float]) -> Iterator[av.VideoFrame]:
    """Yield for each time the frame that is on the screen then, each frame once; take no more frames than needed.

    Args:
        frames: in the order of time.
        times: seconds on the clock of the frames, increasing.
    """
    waiting = list(times)
    shown: av.VideoFrame | None = None
    for frame in frames:
        n_due = sum(frame.time is not None and time < frame.time for time in waiting)
        if shown is not None and n_due:
            yield shown
            waiting = waiting[n_due:]
            if not waiting:
                return
        shown = frame
    if shown is not None:
        yield shown


def _decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Decode, passing over damaged packets."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def upright_frame(frame: av.VideoFrame, pixel_ratio: float) -> Frame:
    """Return (height, width, 3) uint8 RGB with square pixels, turned as the container asks."""
    width = max(1, round(frame.width * pixel_ratio))
    image: Frame = frame.reformat(width=width, format="rgb24").to_ndarray()
    # ffmpeg and numpy both count turns anticlockwise.
    return np.ascontiguousarray(np.rot90(image, k=round(frame.rotation / 90) % 4))

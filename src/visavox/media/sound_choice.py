"""Which stream of sound of a file is its voice, where there are several: dubbed films, tracks that were left empty.

Not about what is said in it: a stream counts by what the file says of it and by whether it is silent.

Example (needs an open container):
    choose_sound(path, container).index        # 2: stream 1 is marked as the usual one, but silent
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from visavox.media.files import ALONE

LISTEN_S = 20.0
"""Seconds of each of several streams that are listened to before one is chosen."""
HEARD_LEVEL = 10 ** (-70 / 20)
"""A stream that never passes this level, -70 dB, is empty."""


def choose_sound(path: Path, container: av.container.InputContainer, *, begin_s: float = 0.0) -> av.AudioStream | None:
    """Return the stream of sound to take, None where there is none.

    Args:
        path: the file.
        container: the same, open; it is not read from.
        begin_s: seconds of the file about which to listen.

    Ties and edges:
        Of several streams the one that the file marks as the usual one, else the first. Each is listened to for
        20 s in a pass of its own; one that stays silent gives way to the next that does not.
    """
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if len(streams) < 2:
        return next(iter(streams or container.streams.audio), None)
    by_mark = sorted(streams, key=lambda stream: not stream.disposition & av.stream.Disposition.default)
    peaks = _peaks(path, begin_s)
    heard = [stream for stream in by_mark if peaks.get(stream.index, 0.0) > HEARD_LEVEL]
    return heard[0] if heard else by_mark[0]


def _peaks(path: Path, begin_s: float) -> dict[int, float]:
    """Largest level of each stream of sound in the seconds that are listened to, by the stream's index."""
    peaks: dict[int, float] = {}
    with path.open("rb") as file, av.open(file, options={**ALONE}) as container:
        if begin_s > 0:
            container.seek(int(begin_s * av.time_base) + (container.start_time or 0), backward=True)
        heard_s: dict[int, float] = {}
        streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
        for packet in container.demux(streams):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                if frame.time is not None and frame.time - (container.start_time or 0) / av.time_base < begin_s:
                    continue
                values = frame.to_ndarray()
                scale = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
                offset = 128 if values.dtype == np.uint8 else 0
                at = packet.stream.index
                peaks[at] = max(peaks.get(at, 0.0), float(np.abs(values.astype(np.float32) - offset).max()) / scale)
                heard_s[at] = heard_s.get(at, 0.0) + frame.samples / frame.sample_rate
            are_all_heard = len(heard_s) == len(streams) and min(heard_s.values()) > LISTEN_S
            if are_all_heard or max(heard_s.values(), default=0.0) > 2 * LISTEN_S:  # one of them may be empty
                break
    return peaks

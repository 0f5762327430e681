"""Cuts a section out of a video without decoding it: the packets from a key frame before its start to its end.

The section begins a little before what is asked for, at a key frame, and says at which second of the video that is.
So a frame has the same pixels as in the whole video, and the sound has run in when the section begins. Only MP4,
QuickTime, Matroska and WebM are cut, since other containers do not say exactly where their key frames are.

Example (needs a video):
    with Path("talk.mp4").open("rb") as whole, Path("section").open("wb") as part:
        section = cut_section([whole], part, start_s=60.0, end_s=63.0)
    section.begin_s     # 57.28: frame and sample t of the section are those at 57.28 + t of the video
"""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, BinaryIO

import av

from visavox.errors import MediaError

RUN_IN_S = 0.5
"""Seconds before the start and behind the end that are taken as well: a decoder of sound needs some to run in."""
MAX_LAG_S = 3.0
"""Where the sound of a video comes so far behind its picture in the file, it has none there."""
STEPS_BACK_S = (0.0, 5.0, 30.0, 300.0)
"""How much earlier a key frame is looked for where the container's index led behind the start."""
MP4_CODECS = frozenset(["h264", "hevc", "vp9", "av1", "mpeg4", "aac", "mp3", "opus", "flac", "ac3", "eac3", "alac"])
"""What goes into an MP4, whose times are exact; the rest goes into a Matroska file, whose times are in ms."""


class UncutError(MediaError):
    """This file cannot be cut so: it has to be taken whole."""

    def __init__(self, why: str) -> None:
        """Store the reason."""
        super().__init__(f"The video can only be taken whole: {why}.", status="not_a_video")


@dataclass(frozen=True)
class Section:
    """What was cut."""

    begin_s: float
    """Second of the video at which the file begins; 0 is its first picture or sound, whichever comes first."""
    suffix: str
    """Of the kind of file: ".mp4" or ".mkv"."""


@dataclass(eq=False)
class _Track:
    """One stream that is copied."""

    container: Any
    stream: Any
    output: Any = None
    shift: int = 0
    """Time of the begin of the section, in units of the stream."""
    waiting: list[Any] = field(default_factory=list)
    """Packets that do not say yet when they are to be decoded."""
    keeps_start: bool = False
    """The section is the beginning of the video, in a file whose times may be negative."""
    was_moved: bool = False
    is_done: bool = False


def container_format(head: bytes) -> str | None:
    r"""Return ffmpeg's name of a container that can be cut, from the first bytes of a file; None for others.

    Example:
        >>> container_format(b"\0\0\0\x20ftypisom"), container_format(b"\x1a\x45\xdf\xa3"), container_format(b"RIFF")
        ('mov', 'matroska', None)
    """
    if head[4:8] == b"ftyp":
        return "mov"
    return "matroska" if head[:4] == b"\x1a\x45\xdf\xa3" else None


def cut_section(
    files: Sequence[BinaryIO | io.RawIOBase], out: BinaryIO, *, start_s: float | None, end_s: float | None
) -> Section:
    """Copy the packets of a section.

    Args:
        files: one seekable file with picture, sound or both; or two, picture and sound.
        out: seekable, empty file to write.
        start_s: start of the section, seconds from the first moment of the video; None is the beginning.
        end_s: its end; None is the end of the video.

    Returns:
        Where the section begins. A start behind the end of the video gives its last part.

    Raises:
        UncutError: the container, or its index, does not allow it.
        OSError: the disk is full or broken.
    """
    target = _Target(out)
    try:
        with contextlib.ExitStack() as stack:
            tracks = _open_tracks(files, stack)
            # Of the earlier one, where picture and sound come from two files.
            origin_s = min(Fraction(t.container.start_time or 0, av.time_base) for t in tracks)
            key_s, feeds = _start_at_key(tracks, origin_s, start_s)
            section = Section(
                begin_s=float(key_s - origin_s),
                suffix=".mp4" if all(t.stream.codec.canonical_name in MP4_CODECS for t in tracks) else ".mkv",
            )
            name = "mp4" if section.suffix == ".mp4" else "matroska"
            # An MP4 notes the begin of each track in these units, by default milliseconds.
            options = {"movie_timescale": "1000000"} if name == "mp4" else {}
            output = stack.enter_context(av.open(target, "w", format=name, options=options))
            for track in tracks:
                track.output = output.add_stream_from_template(track.stream, opaque=True)
                track.keeps_start = name == "mp4" and section.begin_s == 0.0
                track.shift = round(key_s / track.stream.time_base)
            span_s = None if end_s is None else end_s - section.begin_s + RUN_IN_S
            for packet in _packets(tracks, feeds, span_s):
                output.mux(packet)
                target.check()
        target.check()
    except av.FFmpegError as error:
        target.check()
        raise UncutError(error.strerror or type(error).__name__) from error
    except ValueError as error:  # PyAV's word for a codec that the container cannot hold
        raise UncutError(str(error)) from error
    return section


def _open_tracks(files: Sequence[BinaryIO | io.RawIOBase], stack: contextlib.ExitStack) -> list[_Track]:
    """Return the first picture and the first sound, the picture first."""
    pictures, sounds = [], []
    for file in files:
        kind = container_format(file.read(12))
        file.seek(0)
        if kind is None:
            raise UncutError("it is neither MP4 nor Matroska")
        container = stack.enter_context(av.open(file, format=kind))
        cover = av.stream.Disposition.attached_pic
        pictures += [_Track(container, s) for s in container.streams.video if not s.disposition & cover]
        sounds += [_Track(container, s) for s in container.streams.audio]
    if not pictures and not sounds:
        raise UncutError("it holds neither picture nor sound")
    return pictures[:1] + sounds[:1]


def _start_at_key(
    tracks: Sequence[_Track], origin_s: Fraction, start_s: float | None
) -> tuple[Fraction, list[Iterator[Any]]]:
    """Move to the last key frame that is early enough, with its sound.

    Returns:
        When the section begins, on the clock of the packets; and for each file its packets from there on.

    Raises:
        UncutError: there is no key frame.
    """
    wanted_s = (start_s or 0.0) - RUN_IN_S
    for back_s in STEPS_BACK_S:
        if wanted_s - back_s <= 0:
            break
        groups = _by_file(tracks)
        feeds = [_seek(groups[0], float(origin_s) + wanted_s - back_s)]
        early, key_s = _up_to_key(feeds[0], tracks[0])
        if key_s - origin_s > wanted_s:
            continue
        if len(groups) == 1:
            # In a file of fragments the sound may begin later than the picture that was sought.
            until_s = origin_s + Fraction(start_s or 0.0)
            more, first_s = _up_to_sound(feeds[0], early, tracks, key_s, until_s)
            if first_s > until_s:
                continue
            return key_s, [itertools.chain(early, more, feeds[0])]
        return key_s, [itertools.chain(early, feeds[0]), _seek(groups[1], float(key_s))]
    return origin_s, [_seek(group, None) for group in _by_file(tracks)]


def _up_to_key(packets: Iterator[Any], leader: _Track) -> tuple[list[Any], Fraction]:
    """Return the packets up to the first key frame, and its time."""
    early = []
    for packet in packets:
        early.append(packet)
        if packet.stream is leader.stream and packet.size and packet.is_keyframe and packet.pts is not None:
            return early, packet.pts * packet.time_base
    raise UncutError("no key frame was found")


def _up_to_sound(
    packets: Iterator[Any], early: Sequence[Any], tracks: Sequence[_Track], key_s: Fraction, until_s: Fraction
) -> tuple[list[Any], Fraction]:
    """Return the packets up to the first one of the sound behind the key frame, and its time."""
    more: list[Any] = []
    if len(tracks) == 1:
        return more, key_s
    for packet in itertools.chain(early, _kept(packets, more)):
        if packet.size and packet.pts is not None:
            time_s = packet.pts * packet.time_base
            if (packet.stream is tracks[1].stream and time_s >= key_s) or time_s > until_s + MAX_LAG_S:
                return more, time_s
    return more, key_s


def _kept(packets: Iterator[Any], kept: list[Any]) -> Iterator[Any]:
    for packet in packets:
        kept.append(packet)
        yield packet


def _by_file(tracks: Sequence[_Track]) -> list[list[_Track]]:
    return [[t for t in tracks if t.container is c] for c in dict.fromkeys(track.container for track in tracks)]


def _seek(tracks: Sequence[_Track], time_s: float | None) -> Iterator[Any]:
    """Return the packets of one file from a key frame at or before a time on, as far as its index knows.

    None is the beginning.
    """
    leader = tracks[0]
    if time_s is not None:
        leader.container.seek(int(time_s / leader.stream.time_base), stream=leader.stream, backward=True)
    elif leader.was_moved:
        leader.container.seek(leader.container.start_time or 0, backward=True)
    leader.was_moved = True
    packets: Iterator[Any] = leader.container.demux([track.stream for track in tracks])
    return packets


def _packets(tracks: Sequence[_Track], feeds: Sequence[Iterator[Any]], span_s: float | None) -> Iterator[Any]:
    """Yield the packets of the section with their new times; those of two files by turns."""
    cut = [_feed(feed, group, span_s) for feed, group in zip(feeds, _by_file(tracks), strict=True)]
    heads = [next(feed, None) for feed in cut]
    while any(head is not None for head in heads):
        number = min((h.dts * h.time_base, i) for i, h in enumerate(heads) if h is not None)[1]
        yield heads[number]
        heads[number] = next(cut[number], None)


def _feed(packets: Iterator[Any], tracks: Sequence[_Track], span_s: float | None) -> Iterator[Any]:
    """Yield the packets of one file, up to the end of the section."""
    by_index = {track.stream.index: track for track in tracks}
    for packet in packets:
        track = by_index[packet.stream.index]
        if not packet.size or packet.pts is None:  # the end of a stream; a packet without a time
            continue
        packet.pts -= track.shift
        packet.dts = None if packet.dts is None else packet.dts - track.shift
        # Before the key frame, and so not to be decoded; but what an encoder of sound needs to start is kept.
        if packet.pts < 0 and not (track.keeps_start and packet.stream.type == "audio"):
            continue
        time_s = Fraction(packet.pts if packet.dts is None else packet.dts) * track.stream.time_base
        if span_s is not None:
            track.is_done = track.is_done or time_s >= span_s
            if all(t.is_done for t in tracks) or time_s >= span_s + MAX_LAG_S:
                break
        if not track.is_done:
            packet.stream = track.output
            yield from _dated(track, packet)
    for track in tracks:
        for packet in track.waiting:
            packet.dts = packet.pts
        yield from sorted(track.waiting, key=lambda p: p.pts)


def _dated(track: _Track, packet: Any) -> Iterator[Any]:
    """Give packets without a time of decoding one before that of the next; only their order matters."""
    if packet.dts is None:
        track.waiting.append(packet)
        return
    first = min(packet.dts, 0)
    for number, early in enumerate(track.waiting):
        early.dts = first - len(track.waiting) + number
        yield early
    track.waiting = []
    yield packet


class _Target(io.RawIOBase):
    """A file for ffmpeg to write whose errors do not pass through ffmpeg, which would rename them."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.file = file
        self.failure: OSError | ValueError | KeyboardInterrupt | None = None

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def write(self, data: Any) -> int:
        if self.failure is None:
            try:
                self.file.write(data)
            except (OSError, ValueError, KeyboardInterrupt) as error:
                self.failure = error
        return len(data)

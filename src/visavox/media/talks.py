"""Reads a talk, a video of a speaking face: some of its frames and all of its sound, each packet decoded once.

Picture and sound can fail apart: a film without sound still shows a face, and the sound of a broken picture is still a
voice. Which face is whose, and whether anybody speaks, is decided elsewhere (`visavox.media.face_crop`, `speech`).

Example (needs a video):
    talk = read_talk("talk.mp4", n_frames=5)
    talk.frames[2].shape, talk.times_s[2], talk.voice.shape       # (720, 1280, 3), 4.0, (128000,)
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soxr

from visavox.errors import MediaError
from visavox.media.audio import LOUDEST_LEVEL, SAMPLE_RATE, Voice
from visavox.media.files import check_file
from visavox.media.video import Frame, is_film, pick_frames, picture_extent_s, upright_frame

logger = logging.getLogger(__name__)

SKIP_BEYOND_S = 10.0
"""Where the wanted frames lie farther apart than this, pictures between them are passed over without decoding."""
MAX_GROUP = 1000
"""Packets from one key frame to the next that are held back at most, 40 s; then all are decoded."""
BOX_KINDS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"moof", b"styp", b"sidx"})
"""Kinds of the outermost boxes of MP4 and QuickTime files."""


@dataclass(frozen=True, eq=False)
class Talk:
    """What a video shows and says. Either half may be missing, with the reason."""

    frames: tuple[Frame, ...]
    """Each (height, width, 3) uint8 RGB, upright, square pixels, in the order of time; empty with `picture_problem`."""
    times_s: tuple[float, ...]
    """When each frame is shown, seconds from the first picture."""
    voice: Voice
    """(samples,) float32 in [-1, 1], 16 kHz: what `read_voice` gives for the file; empty with `sound_problem`."""
    duration_s: float
    """Length of the picture; of the sound where there is no picture."""
    picture_problem: MediaError | None = None
    """Why there is no frame: status `no_video_stream`, `truncated` or `unreadable_video`."""
    sound_problem: MediaError | None = None
    """Why there is no voice: status `no_audio_stream`, `empty_audio`, `truncated` or `unreadable_audio`."""


def read_talk(path: Path | str, *, n_frames: int) -> Talk:
    """Return frames from the middles of equal parts of a video, and its sound.

    Args:
        path: a video; the content decides what it is, not the name.
        n_frames: number of parts, 1 or more.

    Returns:
        `n_frames` frames, fewer where the video has fewer; both halves of a sound file or a silent film have their
        place, one of them as a problem.

    Raises:
        MediaError: nothing at all can be read: status `missing_file`, `empty_file`, `truncated` (an MP4 whose end is
            missing, and with it the table of what is where) or `unreadable_video`.
        ValueError: `n_frames` is less than 1.

    Edges:
        Of a file that is cut short or damaged inside, what can be decoded is taken, with a log line.
    """
    if n_frames < 1:
        raise ValueError(f"`n_frames` must be at least 1. Got {n_frames}.")
    path = Path(path)
    check_file(path, "video")
    try:
        # An open file and not a name, because ffmpeg reads "a:b" as a protocol.
        with path.open("rb") as file, av.open(file) as container:
            return _read(path, container, n_frames)
    except av.FFmpegError as error:
        raise _unreadable(path, "video", error.strerror) from error


def _read(path: Path, container: av.container.InputContainer, n_frames: int) -> Talk:
    reader = _Reader(path, container)
    picked: list[av.VideoFrame] = []
    times: list[float] = []
    begin_s = duration_s = 0.0
    if reader.picture is not None:
        begin_s, duration_s = _extent_s(path, container)
        times = [begin_s + duration_s * (i + 0.5) / n_frames for i in range(n_frames)]
        picked = list(pick_frames(reader.frames(times), times))
    reader.hear_the_rest()
    if picked and reader.n_damaged:
        logger.warning("%s: %d damaged packets of picture were skipped", path, reader.n_damaged)
    voice, sound_problem = reader.sound.heard() if reader.sound else (_silence(), _lacks(path, container, "audio"))
    picture_problem = None if reader.picture is not None else _lacks(path, container, "video")
    if picture_problem is None and not picked:
        picture_problem = _unreadable(path, "video", "no frame could be decoded")
    if reader.picture is None and reader.sound is None:
        raise _unreadable(path, "video", "it holds neither picture nor sound")
    ratio = float(reader.picture.sample_aspect_ratio or 1) if reader.picture is not None else 1.0
    return Talk(
        frames=tuple(upright_frame(frame, ratio) for frame in picked),
        # Some old formats do not date each frame: then it is the time that was asked for.
        times_s=tuple(
            max(0.0, (time if frame.time is None else frame.time) - begin_s)
            for frame, time in zip(picked, times, strict=False)
        ),
        voice=voice,
        duration_s=duration_s or len(voice) / SAMPLE_RATE,
        picture_problem=picture_problem,
        sound_problem=sound_problem,
    )


class _Reader:
    """Takes the packets of a file once, in their order, for picture and sound."""

    def __init__(self, path: Path, container: av.container.InputContainer) -> None:
        self.path = path
        self.picture: av.VideoStream | None = container.streams.video[0] if is_film(container) else None
        self.sound = _Sound(path, container.streams.audio[0]) if container.streams.audio else None
        streams = [*container.streams.video[: self.picture is not None], *container.streams.audio[:1]]
        for stream in streams:
            stream.codec_context.thread_count = 1  # many processes read at once
        self._packets: Iterator[av.Packet] = container.demux(streams) if streams else iter(())
        self.n_damaged = 0
        """Packets of the picture that could not be decoded."""

    def frames(self, times: list[float]) -> Iterator[av.VideoFrame]:
        """Yield the frames of the picture, all or those around `times`, while the sound is heard."""
        spacing_s = times[1] - times[0] if len(times) > 1 else times[0]
        if spacing_s > SKIP_BEYOND_S:
            yield from self._frames_about(times)
        for packet in self._pictures():
            yield from self._decode(packet)

    def hear_the_rest(self) -> None:
        """Take the packets that are left, without decoding pictures."""
        for _ in self._pictures():
            pass

    def _pictures(self) -> Iterator[av.Packet]:
        """Yield the packets of the picture; those of the sound are heard on the way."""
        for packet in self._packets:
            if self.sound is not None and packet.stream is self.sound.stream:
                self.sound.hear(packet)
            else:
                yield packet

    def _frames_about(self, times: list[float]) -> Iterator[av.VideoFrame]:
        """Decode only the groups of pictures, from one key frame to the next, that hold a wanted time."""
        assert self.picture is not None
        group: list[av.Packet] = []
        for packet in self._pictures():
            if group and (packet.is_keyframe or not packet.size):  # without bytes: the end of the stream
                if _holds(group, packet, times):
                    for held in group:
                        yield from self._decode(held)
                    yield from self.picture.decode(None)  # those that the decoder still holds back
                    self.picture.codec_context.flush_buffers()
                group = []
            if packet.size:
                group.append(packet)
            if len(group) > MAX_GROUP:  # no key frame is marked: the caller decodes all that follows
                for held in group:
                    yield from self._decode(held)
                return

    def _decode(self, packet: av.Packet) -> Iterator[av.VideoFrame]:
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            self.n_damaged += 1


class _Sound:
    """Collects the sound of a file as `visavox.media.audio.read_voice` does: mean of the channels, at 16 kHz."""

    def __init__(self, path: Path, stream: av.AudioStream) -> None:
        self.stream = stream
        self._path = path
        self._blocks: list[Voice] = []
        self._n_damaged = 0
        self._problem = None if stream.rate else _unreadable(path, "audio", "its rate is not known")
        rate = stream.rate or SAMPLE_RATE
        # With the rate of the stream, since HE-AAC may decode to frames of twice the rate that its header names.
        self._planar = av.AudioResampler(format="fltp", rate=rate)
        self._to_16_khz = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def hear(self, packet: av.Packet) -> None:
        """Decode a packet."""
        if self._problem is not None:
            return
        try:
            for frame in packet.decode():
                planes = np.concatenate([part.to_ndarray() for part in self._planar.resample(frame)], axis=1)
                self._add(np.ascontiguousarray(planes.mean(axis=0)))  # (channels, samples) -> (samples,)
        except av.InvalidDataError:
            self._n_damaged += 1
        except (av.FFmpegError, ValueError) as error:  # ValueError: the sample format changes midway
            self._problem = _unreadable(self._path, "audio", str(getattr(error, "strerror", None) or error))

    def heard(self) -> tuple[Voice, MediaError | None]:
        """Return all of the sound, or silence and what is wrong with it."""
        if self._to_16_khz is not None and self._problem is None:
            self._blocks.append(self._to_16_khz.resample_chunk(_silence(), last=True))
        voice = np.concatenate([_silence(), *self._blocks])
        problem = self._problem or self._what_is_wrong(voice)
        if problem is not None:
            return _silence(), problem
        if self._n_damaged:
            logger.warning("%s: %d damaged packets of sound were skipped", self._path, self._n_damaged)
        return np.clip(voice, -1.0, 1.0), None

    def _add(self, block: Voice) -> None:
        self._blocks.append(block if self._to_16_khz is None else self._to_16_khz.resample_chunk(block))

    def _what_is_wrong(self, voice: Voice) -> MediaError | None:
        if len(voice) == 0 and self._n_damaged:
            return _unreadable(self._path, "audio", f"all {self._n_damaged} packets are damaged")
        if len(voice) == 0:
            return MediaError(
                f"{self._path}: the stream of sound must hold samples. Got 0. Give another video or drop it.",
                status="empty_audio",
            )
        peak = float(np.abs(voice).max())  # NaN and infinity survive max
        if not peak <= LOUDEST_LEVEL:
            return _unreadable(self._path, "audio", f"its peak is {peak:g}, full scale is 1")
        return None


def _holds(group: list[av.Packet], following: av.Packet, times: list[float]) -> bool:
    """Whether a wanted time lies between the first picture of a group and the key frame after it."""
    if not group:
        return False
    starts = [float(p.pts * p.time_base) if p.pts is not None else None for p in (group[0], following)]
    if starts[0] is None:
        return True
    return any(starts[0] <= time and (starts[1] is None or time < starts[1]) for time in times)


def _extent_s(path: Path, container: av.container.InputContainer) -> tuple[float, float]:
    stream = container.streams.video[0]
    if stream.duration and stream.time_base:
        return picture_extent_s(container)
    with path.open("rb") as file, av.open(file) as again:  # since counting packets uses the container up
        return picture_extent_s(again)


def _silence() -> Voice:
    return np.empty(0, dtype=np.float32)


def _lacks(path: Path, container: av.container.InputContainer, what: str) -> MediaError:
    kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    words = "sound" if what == "audio" else "a moving picture"
    return MediaError(
        f"{path}: the video must hold {words}. It holds {kinds} only. Give a video with picture and sound.",
        status=f"no_{what}_stream",
    )


def _unreadable(path: Path, what: str, reason: str) -> MediaError:
    missing = _missing_bytes(path)
    if missing:
        return MediaError(
            f"{path}: the file is cut short, at least {missing} bytes are missing at its end. Fetch it again.",
            status="truncated",
        )
    words = "sound" if what == "audio" else "picture"
    return MediaError(
        f"{path}: no {words} can be decoded ({reason}). Convert the video or drop it.", status=f"unreadable_{what}"
    )


def _missing_bytes(path: Path) -> int:
    """Return how far the outermost boxes of an MP4 reach beyond the end of the file; 0 for whole or other files."""
    length = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        while at + 8 <= length:
            file.seek(at)
            header = file.read(16)
            size, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if kind not in BOX_KINDS:
                return 0
            if size == 1:  # the size is too large for four bytes and follows
                size = int.from_bytes(header[8:16], "big")
            if size < 8:  # 0: up to the end of the file
                return 0
            at += size
    return max(0, at - length)

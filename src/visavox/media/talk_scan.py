"""One pass over a video of a speaking face: frames at a chosen rate and all of its sound, each packet decoded once.

The frames and the sound are handed on as they come, so that a video of two hours takes no more memory than one of a
minute. A section is sought, not decoded up to. Picture and sound can fail apart: a film without sound still shows a
face, and the sound of a broken picture is still a voice. Which face is whose, and whether anybody speaks, is decided
by those who take them (`visavox.media.speaker_search`, `voice_recording`).

Every frame of the section is decoded, however long it is: scene cuts are found between neighbours, and to reach two
frames a second a decoder has to pass nearly all of those between two key frames, which lie 2 to 10 s apart, anyway.

Example (needs a video):
    with VoiceRecorder(Path("voice.flac"), VoiceSettings()) as recorder:
        scan = scan_talk(Path("talk.mp4"), frames_per_s=2.0, on_frame=search.look, recorder=recorder)
        recorder.finish().quality["speech_s"]       # 3.2
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from visavox.errors import MediaError
from visavox.media.audio import SAMPLE_RATE, SoundDecoder
from visavox.media.files import ALONE, check_file, unchanged, unreadable
from visavox.media.frame_sampling import FrameSampler
from visavox.media.sampled_frame import SampledFrame
from visavox.media.sound_choice import choose_sound
from visavox.media.video import film_stream
from visavox.media.voice_recording import VoiceRecorder

logger = logging.getLogger(__name__)

MAX_FRAME_PIXELS = 36_000_000
"""Largest picture that is decoded, 8192 x 4320 and a little more; a decoder holds up to 17 of 54 MB each."""
DECODER_PIXELS = str(MAX_FRAME_PIXELS + 1_000_000)
"""What ffmpeg is told: its decoders count the edges that they add, up to 32 pixels a side."""
RUN_UPS_S = (1.0, 5.0, 30.0, 120.0)
"""How far before a section reading begins; the next where no key frame of the picture lies within the one before."""
SOUND_RUN_UP_S = 0.3
"""Sound is read from so long before a section, since codecs need what came before: MP3 up to 0.25 s, Opus 0.08 s."""
LATE_S = 10.0
"""Packets of one moment lie no farther apart in a file; where one stream has ended the other is not waited for."""
BACKWARD_S = 0.5
"""A clock that goes back by more was set anew, as in recordings that were joined; then it goes on from there."""

SIZED_FORMATS = frozenset({"avi", "mov", "matroska"})
"""ffmpeg's names of formats whose header always gives the size of the picture."""

OnFrame = Callable[[SampledFrame], None]


@dataclass(frozen=True)
class TalkScan:
    """What a pass has found out, beside what it has handed on."""

    duration_s: float
    """Length of the picture; of the sound where there is no picture."""
    n_frames: int
    """Frames of the clip that were decoded."""
    n_sampled: int
    """Frames handed on."""
    cut_times_s: tuple[float, ...]
    """When each scene but the first begins, seconds from the beginning of the clip."""
    n_damaged_packets: int = 0
    """Packets of picture or sound that could not be decoded."""
    picture_problem: MediaError | None = None
    """Why there is no frame: status `no_video_stream`, `truncated`, `image_too_large`, `past_the_end` or
    `unreadable_video`; None where no frames were asked for."""
    sound_problem: MediaError | None = None
    """Why there is no voice: status `no_audio_stream`, `empty_audio`, `truncated`, `past_the_end` or
    `unreadable_audio`; None where no voice was asked for."""


def scan_talk(
    path: Path,
    *,
    frames_per_s: float,
    start_s: float | None = None,
    end_s: float | None = None,
    on_frame: OnFrame | None,
    recorder: VoiceRecorder | None,
) -> TalkScan:
    """Read a video, or a section of it, once.

    Args:
        path: a video; the content decides what it is, not the name.
        frames_per_s: frames that are handed on for each second, above 0: those on the screen at 0, 1 / rate ... of
            the clip, each once, at least one.
        start_s: second of the video at which the clip begins, 0 or more; None is the beginning.
        end_s: second at which it ends, greater than `start_s`; None, or beyond the end, is the end.
        on_frame: takes each of the frames; without it no picture is decoded.
        recorder: takes the sound, mono at 16 kHz; without it none is decoded.

    Returns:
        What was found. A file without sound or without picture has a problem in its place.

    Raises:
        MediaError: nothing at all can be read: status `missing_file`, `empty_file`, `truncated` (an MP4 whose end is
            missing, and with it the table of what is where), `no_video_stream` (a still), `unreadable_video`,
            `past_the_end`, `invalid_time`, or `growing_file` (the file changed meanwhile: what was handed on is to be
            forgotten). What `on_frame` raises passes through.
        OSError: the recorder's disk is full.
        ValueError: `frames_per_s` is not above 0.

    Edges:
        Of a file that is cut short or damaged inside, what can be decoded is taken, with a log line. Times count from
        the first moment of the file, be it picture or sound: a picture that begins later has no frame before.
    """
    if not 0 < frames_per_s < math.inf:
        raise ValueError(f"`frames_per_s` must be above 0. Got {frames_per_s}.")
    begin_s, until_s = start_s or 0.0, math.inf if end_s is None else end_s
    if not 0 <= begin_s < until_s:
        raise MediaError(
            f"{path}: a clip must have 0 <= start_s < end_s. Got {begin_s:g} to {until_s:g} s. Correct the times.",
            status="invalid_time",
        )
    path = Path(path)
    check_file(path, "video")
    with unchanged(path):
        try:
            # An open file and not a name, because ffmpeg reads "a:b" as a protocol.
            with path.open("rb") as file, av.open(file, options={**ALONE, "max_pixels": DECODER_PIXELS}) as container:
                return _Scan(path, container, begin_s, until_s).run(frames_per_s, on_frame, recorder)
        except av.FFmpegError as error:
            raise unreadable(path, "video", error.strerror or str(error)) from error


class _Scan:
    """One pass over the section of an open file."""

    def __init__(self, path: Path, container: av.container.InputContainer, begin_s: float, end_s: float) -> None:
        self.path = path
        self.container = container
        self.begin_s = begin_s
        self.end_s = end_s
        self.zero_s = (container.start_time or 0) / av.time_base  # MPEG streams begin at 0.5 s or so
        self.picture_problem: MediaError | None = None
        self.sound_problem: MediaError | None = None
        self.n_damaged = 0
        self._is_refused = False
        self._tick_s = self._step_s = 0.04  # unit of the picture's clock; time from frame to frame
        self._last_s = 0.0  # how long the last frame is shown, where that is known
        self._clock_s = -math.inf  # when the last frame was shown
        self._ahead_s = 0.0  # how far the clock was set anew

    def run(self, frames_per_s: float, on_frame: OnFrame | None, recorder: VoiceRecorder | None) -> TalkScan:
        film = film_stream(self.container)
        has_sound = bool(self.container.streams.audio)
        if film is None and not has_sound:
            raise self._holds_nothing()
        picture = self._usable_film(film) if on_frame is not None else None
        sound = self._usable_sound() if recorder is not None else None
        sampler = None
        if picture is not None and on_frame is not None:
            ratio = float(picture.sample_aspect_ratio or 1)
            length_s = self.end_s - self.begin_s
            sampler = FrameSampler(on_frame, frames_per_s=frames_per_s, end_s=length_s, pixel_ratio=ratio)
        self._pass(picture, sampler, sound, recorder)
        if sampler is not None and not sampler.n_frames:
            self.picture_problem = self.picture_problem or self._no_frame()
        n_samples = sound.n_samples if sound is not None else 0
        if sound is not None and not n_samples:
            self.sound_problem = self.sound_problem or self._no_sample(sound)
        problems = [problem for problem in (self.picture_problem, self.sound_problem) if problem is not None]
        if problems and not n_samples and not (sampler and sampler.n_frames):
            behind = [problem for problem in problems if problem.status == "past_the_end"]
            if behind:
                raise behind[0]
        if sampler is not None and sampler.n_frames and self.n_damaged:
            logger.warning("%s: %d damaged packets of picture were skipped", self.path, self.n_damaged)
        return TalkScan(
            duration_s=(sampler.shown_until_s if sampler is not None else 0.0) or n_samples / SAMPLE_RATE,
            n_frames=sampler.n_frames if sampler is not None else 0,
            n_sampled=sampler.n_sampled if sampler is not None else 0,
            cut_times_s=tuple(sampler.cut_times_s) if sampler is not None else (),
            n_damaged_packets=self.n_damaged + (sound.n_damaged if sound is not None else 0),
            picture_problem=self.picture_problem,
            sound_problem=self.sound_problem,
        )

    def _usable_film(self, film: av.VideoStream | None) -> av.VideoStream | None:
        """The stream of the picture, ready to be decoded on one thread; or None, with a problem."""
        if film is None:
            self.picture_problem = self._lacks("video")
        elif film.codec_context is None:
            self.picture_problem = unreadable(self.path, "video", "there is no decoder for it")
        else:
            width, height = film.codec_context.width, film.codec_context.height
            ratio = float(film.sample_aspect_ratio or 1)
            # These files give a size; ffmpeg, which was told the limit, tells none that is beyond it.
            is_beyond = width * height == 0 and bool(SIZED_FORMATS & set(self.container.format.name.split(",")))
            if is_beyond:
                self.picture_problem = self._too_large("more")
            elif width * height * max(ratio, 1.0) > MAX_FRAME_PIXELS:
                self.picture_problem = self._too_large(f"{width} x {height} pixels of ratio {ratio:g}")
            else:
                self._tick_s = float(film.time_base or 0.0)
                self._step_s = 1 / float(film.guessed_rate or 25)
                film.codec_context.thread_count = 1  # many processes read at once
                film.codec_context.options = {"max_pixels": DECODER_PIXELS}  # where a later frame is larger
                return film
        return None

    def _usable_sound(self) -> SoundDecoder | None:
        stream = choose_sound(self.path, self.container, begin_s=self.begin_s)
        if stream is None:
            self.sound_problem = self._lacks("audio")
            return None
        try:
            return SoundDecoder(self.path, stream, zero_s=self.zero_s, begin_s=self.begin_s, end_s=self.end_s)
        except MediaError as error:
            self.sound_problem = error
            return None

    def _pass(
        self,
        picture: av.VideoStream | None,
        sampler: FrameSampler | None,
        sound: SoundDecoder | None,
        recorder: VoiceRecorder | None,
    ) -> None:
        """Decode the packets of both streams in their order."""
        waiting = {stream.index for stream in (picture, sound.stream if sound else None) if stream is not None}
        for packet in self._packets([self.container.streams[index] for index in sorted(waiting)]):
            index = packet.stream.index
            if index in waiting and sound is not None and recorder is not None and packet.stream is sound.stream:
                if not self._hear(sound, recorder, packet):
                    waiting.discard(index)
            elif index in waiting and sampler is not None and not self._show(sampler, packet):
                waiting.discard(index)
            if not waiting or (self.end_s < math.inf and self._is_late(packet)):
                break
        if sampler is not None and picture is not None:
            sampler.finish(self._last_s or self._step_s)
        if sound is not None and recorder is not None and self.sound_problem is None:
            self._hear(sound, recorder, None)

    def _show(self, sampler: FrameSampler, packet: av.Packet) -> bool:
        """Decode a packet of the picture and return whether there may be more."""
        n_damaged = self.n_damaged
        frames = self._frames(packet)
        if self.n_damaged > n_damaged:
            sampler.note_damage()
        for frame in frames:
            if frame.width * frame.height > MAX_FRAME_PIXELS:
                self.picture_problem = self._too_large(f"{frame.width} x {frame.height} pixels")
                return False
            if not sampler.see(frame, self._time_s(frame)):
                return False
            self._last_s = frame.duration * self._tick_s
        return True

    def _is_late(self, packet: av.Packet) -> bool:
        """Whether a packet lies so far behind the section that none that follows can belong to it."""
        time = packet.dts if packet.dts is not None else packet.pts
        return time is not None and float(time * packet.time_base) - self.zero_s > self.end_s + LATE_S

    def _hear(self, sound: SoundDecoder, recorder: VoiceRecorder, packet: av.Packet | None) -> bool:
        """Record a packet, or the end, and return whether there may be more."""
        try:
            block = sound.finish() if packet is None else sound.take(packet)
        except MediaError as error:
            self.sound_problem = error
            return False
        if len(block):
            recorder.hear(block)
        return not sound.is_over

    def _packets(self, streams: list[av.stream.Stream]) -> Iterator[av.Packet]:
        """Yield the packets from early enough before the section on; a break in the file is its end."""
        if not streams:
            return
        self._seek(streams)
        try:
            yield from self.container.demux(streams)
        except av.FFmpegError as error:
            logger.warning("%s: reading stopped (%s)", self.path, error.strerror or error)

    def _seek(self, streams: list[av.stream.Stream]) -> None:
        """Go to a place from which each stream can be decoded before the section begins."""
        has_moved = False
        for run_up_s in RUN_UPS_S:
            if self.begin_s <= run_up_s:
                break
            place = int((self.begin_s - run_up_s + self.zero_s) * av.time_base)
            try:
                self.container.seek(place, backward=True)
            except av.FFmpegError:  # of a kind that cannot be sought: it has not moved, and is read from its beginning
                break
            has_moved = True
            if self._can_begin(streams):
                self.container.seek(place, backward=True)
                return
        if has_moved:
            self.container.seek(int(self.zero_s * av.time_base), backward=True)

    def _can_begin(self, streams: list[av.stream.Stream]) -> bool:
        """Whether each stream, unless it has ended, can be decoded from here on before the section begins."""
        missing, seen = {stream.index for stream in streams}, set()
        for packet in self.container.demux(streams):
            index = packet.stream.index
            if packet.pts is None:
                if packet.size == 0:  # the end of the file
                    break
                continue
            time_s = float(packet.pts * packet.time_base) - self.zero_s
            if index in missing:
                seen.add(index)
                if time_s > self.begin_s:
                    return False
                if packet.is_keyframe and time_s <= self.begin_s - SOUND_RUN_UP_S * (packet.stream.type == "audio"):
                    missing.discard(index)
            if not missing:
                return True
            if time_s > self.begin_s + LATE_S:
                break
        return len(missing) < len(streams) and not missing & seen

    def _frames(self, packet: av.Packet) -> list[av.VideoFrame]:
        try:
            return list(packet.decode())
        except av.EOFError:
            return []
        except av.FFmpegError as error:
            self.n_damaged += 1
            self._is_refused |= isinstance(error, av.ArgumentError)  # beyond our own limit
            return []

    def _time_s(self, frame: av.VideoFrame) -> float:
        """When a frame is shown, from the beginning of the clip; old formats do not date each, joined ones go back."""
        next_s = self._clock_s + self._step_s if self._clock_s > -math.inf else 0.0
        time_s = next_s if frame.time is None else frame.time - self.zero_s + self._ahead_s
        if time_s < self._clock_s - BACKWARD_S:
            self._ahead_s += next_s - time_s
            time_s = next_s
        self._clock_s = max(time_s, self._clock_s)
        return self._clock_s - self.begin_s

    def _no_frame(self) -> MediaError:
        if self._is_refused:
            return self._too_large("more")
        if self.begin_s > 0 and self._clock_s > -math.inf:
            return self._behind(f"its picture ends at {self._clock_s:.1f} s")
        return self._behind_by_header() or unreadable(self.path, "video", "no frame could be decoded")

    def _no_sample(self, sound: SoundDecoder) -> MediaError:
        if self.begin_s > 0 and sound.n_frames:
            return self._behind("its sound ends before")
        return self._behind_by_header() or MediaError(
            f"{self.path}: the stream of sound must hold samples. Got 0. Give another video or drop it.",
            status="empty_audio",
        )

    def _behind_by_header(self) -> MediaError | None:
        length_s = (self.container.duration or 0) / av.time_base
        return self._behind(f"it is {length_s:.1f} s long") if 0 < length_s <= self.begin_s else None

    def _behind(self, what: str) -> MediaError:
        return MediaError(
            f"{self.path}: a clip must begin before the end of its video. It begins at {self.begin_s:g} s, and {what}. "
            "Correct the times or drop it.",
            status="past_the_end",
        )

    def _too_large(self, what: str) -> MediaError:
        return MediaError(
            f"{self.path}: a picture may have {MAX_FRAME_PIXELS} pixels at most. It has {what}. Make it smaller.",
            status="image_too_large",
        )

    def _holds_nothing(self) -> MediaError:
        if self.container.streams.video and self.container.format.name != "tty":
            return self._lacks("video")
        return unreadable(self.path, "video", "it holds neither picture nor sound")

    def _lacks(self, what: str) -> MediaError:
        kinds = ", ".join(sorted({stream.type for stream in self.container.streams})) or "nothing"
        if film_stream(self.container) is None:
            kinds = kinds.replace("video", "a still")
        words = "sound" if what == "audio" else "a moving picture"
        return MediaError(
            f"{self.path}: the video must hold {words}. It holds {kinds} only. Give a video with picture and sound.",
            status=f"no_{what}_stream",
        )

"""Writes a video of a voice: moving pictures and 16 kHz sound to an MP4 file that any player opens.

H.264 by x264 and AAC, both through PyAV with one thread, so that equal input gives an equal file on one machine and
version, and that many processes can write at once. It draws and speaks nothing; `visavox.media.talk_scan` reads it.

Example:
    >>> import tempfile
    >>> frames = [np.full((32, 48, 3), 10 * i, dtype=np.uint8) for i in range(25)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_video(Path(folder) / "grey.mp4", frames, np.zeros(16_000, dtype=np.float32))
    ...     [path.name for path in Path(folder).iterdir()]
    ['grey.mp4']
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from visavox.errors import ConfigError, DataError, MissingDependencyError
from visavox.media.audio import SAMPLE_RATE, Voice
from visavox.media.files import write_whole

PRESET = "ultrafast"
"""Preset of x264. A clip of 100 noisy frames of 256 px takes 28 ms and 200 kB on one core, with superfast 54 ms and
170 kB, with veryfast 61 ms and 64 kB; next to the frames as drawn they differ by 0.4 dB."""
CRF = 23.0
"""Constant rate factor of x264, 0 (lossless) to 51; 18 takes half as long again and five times the bytes."""
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
SOUND_BIT_RATE = 64_000
"""Bits of sound a second; the error of a voice is then 27 dB below it."""
SOUND_BLOCK = 1024
"""Samples of one AAC block, 64 ms at 16 kHz."""
# On voices the fast coder is both quicker than the usual one (5 ms for 4 s, not 11) and nearer (27 dB, not 25).
SOUND_OPTIONS = {"aac_coder": "fast", "aac_pns": "0"}
MIN_SIDE_PX = 16  # x264's unit, a macroblock


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    voice: Voice,
    *,
    fps: int = 25,
    preset: str = PRESET,
    crf: float = CRF,
) -> None:
    """Write moving pictures and their sound as MP4, whole or not at all.

    Args:
        path: the file to make or to replace, usually `*.mp4`; its folder must exist.
        frames: one or more arrays (height, width, 3) uint8 RGB, all of one size, both sides even and at least 16.
            Taken one by one.
        voice: (samples,) float in [-1, 1], 16 kHz, as long as the frames to within the length of one frame; it is cut
            or filled with silence to be exactly as long. What lies beyond -1 to 1 is clipped.
        fps: frames a second, 1 or more.
        preset: of x264, "ultrafast" to "veryslow": the slower, the smaller the file.
        crf: of x264, 0 (lossless) to 51 (worst).

    Raises:
        ConfigError: frames of an odd or a too small size, of another shape or type, of two sizes; a voice that is
            not as long as the frames; `fps`, `preset` or `crf` out of range.
        DataError: no frame, or a voice that is not a finite array of one dimension.
        MissingDependencyError: this PyAV writes no H.264 or no AAC.
        OSError: the disk is full or read-only; then there is no new file, and an old one is as it was.

    Edges:
        The file goes through memory, some 50 kB a second. It holds no time of writing. Reading it back gives the first
        sample at time 0 (players and PyAV skip what AAC needs to start), and up to 64 ms of silence after the end.
    """
    _check_request(path, voice, fps, preset, crf)
    # Through memory, because a full disk would leave ffmpeg with a header it cannot finish.
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        picture = _add_picture(container, fps, preset, crf)
        sound = _add_sound(container)
        shape: tuple[int, ...] | None = None
        n_frames, n_sent = 0, 0
        for frame in frames:
            if shape is None:
                shape = _checked_shape(frame)
                picture.height, picture.width = shape[:2]
            _check_frame(frame, shape, n_frames)
            container.mux(picture.encode(_video_frame(frame, n_frames, fps)))
            n_frames += 1
            # Sound beside picture, so that a player need not jump to and fro.
            while n_sent + SOUND_BLOCK <= min(len(voice), n_frames * SAMPLE_RATE // fps):
                container.mux(sound.encode(_audio_frame(voice[n_sent : n_sent + SOUND_BLOCK], n_sent)))
                n_sent += SOUND_BLOCK
        n_samples = _checked_length(path, n_frames, len(voice), fps)
        rest = voice[n_sent:n_samples]
        rest = np.concatenate([rest, np.zeros(n_samples - n_sent - len(rest), dtype=rest.dtype)])
        for first in range(0, len(rest), SOUND_BLOCK):
            container.mux(sound.encode(_audio_frame(rest[first : first + SOUND_BLOCK], n_sent + first)))
        container.mux(picture.encode())
        container.mux(sound.encode())
    write_whole(path, buffer.getvalue())


def _check_request(path: Path, voice: Voice, fps: int, preset: str, crf: float) -> None:
    if fps < 1:
        raise ConfigError(f"`fps` must be at least 1. Got {fps}.")
    if preset not in PRESETS:
        raise ConfigError(f"`preset` must be one of {', '.join(PRESETS)}. Got {preset!r}.")
    if not 0 <= crf <= 51:
        raise ConfigError(f"`crf` must be 0 to 51. Got {crf}.")
    if voice.ndim != 1 or not np.isfinite(voice).all():
        raise DataError(
            f"{path}: a voice must be a finite array of shape (samples,). "
            f"Got shape {voice.shape} with {int(np.sum(~np.isfinite(voice)))} values that are not finite."
        )
    for codec, words in (("libx264", "H.264 (libx264)"), ("aac", "AAC")):
        try:
            av.codec.Codec(codec, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise MissingDependencyError(
                f"PyAV {av.__version__} was built without {words}, which videos are written with. The wheels hold it: "
                "pip install --force-reinstall --only-binary av 'av>=15'"
            ) from error


def _add_picture(container: av.container.OutputContainer, fps: int, preset: str, crf: float) -> Any:
    stream = container.add_stream("libx264", rate=fps, options={"preset": preset, "crf": f"{crf:g}"})
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    stream.codec_context.colorspace = av.video.reformatter.Colorspace.ITU601
    stream.codec_context.color_range = av.video.reformatter.ColorRange.MPEG
    return stream


def _add_sound(container: av.container.OutputContainer) -> Any:
    stream = container.add_stream("aac", rate=SAMPLE_RATE, options=SOUND_OPTIONS)
    stream.layout = "mono"
    stream.bit_rate = SOUND_BIT_RATE
    stream.codec_context.thread_count = 1
    return stream


def _checked_shape(frame: np.ndarray) -> tuple[int, ...]:
    """Return the shape of the first frame, or raise for one that H.264 cannot hold."""
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ConfigError(f"A frame must be (height, width, 3) uint8 in RGB. Got {frame.shape} {frame.dtype}.")
    height_px, width_px = frame.shape[:2]
    good = [max(side + side % 2, MIN_SIDE_PX) for side in (height_px, width_px)]
    if good != [height_px, width_px]:
        raise ConfigError(
            f"Height and width of a video must be even and at least {MIN_SIDE_PX} px. Got {height_px} x {width_px}. "
            f"The nearest is {good[0]} x {good[1]}."
        )
    return frame.shape


def _check_frame(frame: np.ndarray, shape: tuple[int, ...], number: int) -> None:
    if frame.shape != shape or frame.dtype != np.uint8:
        raise ConfigError(
            f"All frames must be of one size and type. Frame 0 is {shape} uint8, frame {number} {frame.shape} "
            f"{frame.dtype}. Resize them first."
        )


def _checked_length(path: Path, n_frames: int, n_samples: int, fps: int) -> int:
    """Return how many samples are as long as the frames."""
    if n_frames == 0:
        raise DataError(f"{path}: a video must have a frame. Got none. Give one or more.")
    wanted = round(n_frames * SAMPLE_RATE / fps)
    if abs(n_samples - wanted) > SAMPLE_RATE / fps:
        raise ConfigError(
            f"{path}: sound and frames must be equally long. Got {n_samples / SAMPLE_RATE:.3f} s of sound and "
            f"{n_frames} frames, {n_frames / fps:.3f} s. Cut the longer one."
        )
    return wanted


def _video_frame(frame: np.ndarray, number: int, fps: int) -> av.VideoFrame:
    # OpenCV's conversion takes 0.03 ms, a third of ffmpeg's.
    planes = cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420)  # (height * 3 / 2, width)
    result = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    result.pts, result.time_base = number, Fraction(1, fps)
    return result


def _audio_frame(samples: np.ndarray, first: int) -> av.AudioFrame:
    block = np.clip(samples, -1.0, 1.0).astype(np.float32)[None]  # (1 channel, samples)
    result = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
    result.sample_rate, result.pts, result.time_base = SAMPLE_RATE, first, Fraction(1, SAMPLE_RATE)
    return result

"""The process that decodes: bytes of strangers in, arrays out, and nothing else.

It is started by `visavox.web.decoding.process` as `python -m visavox.web.decoding.child`. It imports no network, gets
no environment but what it needs, may write to no file (RLIMIT_FSIZE is 0; results go through memory that both
processes map), may take so much memory and so many seconds of a processor, and ends with its parent.

One line of JSON comes for each upload, with the descriptor of a file in memory; one line of JSON goes back.

Example (of what passes):
    in    {"kind": "voice", "name": "voice"} and a descriptor
    out   {"shapes": [[64000]]}               the samples lie in the arena; frames of a film one after another
    or    {"status": "unreadable_audio", "message": "voice: no sound can be decoded (...)."}
"""

from __future__ import annotations

import json
import math
import mmap
import os
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from visavox.errors import MediaError
from visavox.media.audio import voice_blocks
from visavox.media.images import read_image
from visavox.media.video import Frame, frame_pixels, is_video, sample_frames
from visavox.web.decoding.decoding_limits import DecodingLimits

MAX_REQUEST_BYTES = 16_384
"""Longest line of JSON in either direction."""
N_FRAMES = 7
"""Frames of a film that stands for a face: as many as the commands take."""
N_DESCRIPTORS = 64
"""Open files of the process."""


def main() -> int:
    """Serve the parent until it closes its end. Arguments: descriptors of the socket and the arena, limits as JSON."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    limits = DecodingLimits.from_json(sys.argv[3])
    arena = mmap.mmap(int(sys.argv[2]), limits.arena_bytes)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    threading.Thread(target=leave_with_parent, args=(connection,), daemon=True).start()
    Image.init()  # or else the first picture would wait for it
    confine(limits)
    connection.sendall(b'{"ready": true}\n')
    while True:
        line, descriptors, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, 1)
        if not line or not descriptors:
            return 0
        allow_seconds(limits.timeout_s)
        reply = answer(json.loads(line), descriptors[0], arena, limits)
        os.close(descriptors[0])
        connection.sendall(json.dumps(reply).encode() + b"\n")
        if reply.get("status") == "decoding_failed":  # memory ran out: what is left of it is in pieces
            return 1


def leave_with_parent(connection: socket.socket) -> None:
    """End this process when the other end of its socket is closed, whatever it is decoding."""
    poller = select.poll()
    poller.register(connection, 0)  # nothing but that the other end has gone
    poller.poll()
    os._exit(1)


def confine(limits: DecodingLimits) -> None:
    """Give up the right to write files, to leave a core, and to take more memory than an upload can need."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # libraries write remarks on damaged files to standard error
        os.dup2(quiet, descriptor)
    os.close(quiet)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = pages * mmap.PAGESIZE + limits.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (N_DESCRIPTORS, N_DESCRIPTORS))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write is refused with an error instead


def allow_seconds(seconds: float) -> None:
    """Let this process use so many more seconds of a processor, and one; then the system ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard))


def answer(request: dict[str, str], descriptor: int, arena: mmap.mmap, limits: DecodingLimits) -> dict[str, object]:
    """Decode one upload into the arena and return what the parent is told of it.

    Args:
        request: `kind` "voice", "image" or "frames", `name` as messages should have it.
        descriptor: of a file in memory that holds the upload.
        arena: shared memory that the result is written to, from its beginning.
        limits: what is let pass.

    Returns:
        `shapes` of the results, or `status` and `message` of the error.
    """
    path, name = Path(f"/proc/self/fd/{descriptor}"), request["name"]
    try:
        return {"shapes": DECODE[request["kind"]](path, arena, limits)}
    except MediaError as error:
        return {"status": error.status, "message": str(error).replace(str(path), name)}
    except MemoryError:
        message = f"{name}: decoding it takes more memory than a file of its kind should. Convert it or drop it."
        return {"status": "decoding_failed", "message": message}


def voice_into(path: Path, arena: mmap.mmap, limits: DecodingLimits) -> list[list[int]]:
    """Write the samples of `read_voice`, float32, to the arena; stop where they are too many.

    Raises:
        MediaError: as `read_voice`, and status `voice_too_long`.
    """
    samples = np.frombuffer(arena, np.float32, limits.max_samples)
    n = 0
    for block in voice_blocks(path):
        if n + len(block) > limits.max_samples:
            raise MediaError(
                f"{path}: a voice may last {limits.max_voice_s:g} s. It lasts longer. Cut it.", status="voice_too_long"
            )
        samples[n : n + len(block)] = block
        n += len(block)
    return [[n]]


def image_into(path: Path, arena: mmap.mmap, limits: DecodingLimits) -> list[list[int]]:
    """Write the pixels of `read_image`, uint8, to the arena; refuse by the header what has too many.

    Raises:
        MediaError: as `read_image`; status `image_too_large` at the limit of the service.
    """
    return pixels_into([read_image(path, max_pixels=limits.max_pixels)], arena)


def frames_into(path: Path, arena: mmap.mmap, limits: DecodingLimits) -> list[list[int]]:
    """Write the frames of a film, or the pixels of a picture, to the arena: what a face may be given as.

    Raises:
        MediaError: as `read_image` and `sample_frames`; status `image_too_large` at the limits of the service, which
            are held by headers: ffmpeg is shown no picture that Pillow finds too large.
    """
    picture: Frame | None = None
    problem: MediaError | None = None
    try:
        picture = read_image(path, max_pixels=limits.max_pixels)
    except MediaError as error:
        if error.status == "image_too_large":
            raise
        problem = error
    if not is_video(path):
        if picture is None:
            assert problem is not None
            raise problem
        return pixels_into([picture], arena)
    check_film_size(path, limits)
    frames = sample_frames(path, N_FRAMES)
    n_pixels = sum(frame.shape[0] * frame.shape[1] for frame in frames)
    if n_pixels > limits.max_film_pixels:  # its pictures grew behind the header
        raise film_too_large(path, n_pixels, limits)
    return pixels_into(frames, arena)


def pixels_into(pictures: Sequence[Frame], arena: mmap.mmap) -> list[list[int]]:
    """Write pictures to the arena, one after another, and return their shapes."""
    begin = 0
    for pixels in pictures:
        np.frombuffer(arena, np.uint8, pixels.size, begin)[:] = pixels.reshape(-1)
        begin += pixels.size
    return [list(pixels.shape) for pixels in pictures]


def check_film_size(path: Path, limits: DecodingLimits) -> None:
    """Refuse by its header a film whose frames would have too many pixels, square as they come out.

    Raises:
        MediaError: status `image_too_large`.
    """
    n_pixels = frame_pixels(path)
    if n_pixels > limits.max_pixels or N_FRAMES * n_pixels > limits.max_film_pixels:
        raise film_too_large(path, N_FRAMES * n_pixels, limits)


def film_too_large(path: Path, n_pixels: int, limits: DecodingLimits) -> MediaError:
    """Return what is told of a film with too many pixels."""
    return MediaError(
        f"{path}: the {N_FRAMES} frames that are taken of a film may have {limits.max_film_pixels} pixels at most. "
        f"They have {n_pixels}. Make it smaller.",
        status="image_too_large",
    )


DECODE: Mapping[str, Callable[[Path, mmap.mmap, DecodingLimits], list[list[int]]]] = {
    "voice": voice_into,
    "image": image_into,
    "frames": frames_into,
}
"""What writes an upload of each kind to the arena."""

if __name__ == "__main__":
    sys.exit(main())

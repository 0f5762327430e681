"""Some processes that decode uploads, so that a hostile file takes down none but one of them.

Not about what is decoded how: `visavox.media` reads files, here as everywhere. A process that hangs or dies is killed
and replaced; its upload is answered with a MediaError, and no other is disturbed.

Example:
    with DecodingPool(2, DecodingLimits()) as pool:
        pool.voice(data)                      # (samples,) float32, 16 kHz: what read_voice returns
        pool.image(data, name="face 1")       # (height, width, 3) uint8: what read_image returns
"""

from __future__ import annotations

import contextlib
import queue
import threading
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from visavox.errors import MediaError
from visavox.web.decoding.decoding_limits import DecodingLimits
from visavox.web.decoding.process import DecodingProcess, Kind
from visavox.web.service_errors import UnavailableError
from visavox.web.upload_names import shown_name


class DecodingPool:
    """Decodes uploads from any number of threads.

    Args:
        n: processes, 1 or more.
        limits: what an upload may be and cost.
        wait_s: seconds to wait for a process that is free.
    """

    def __init__(self, n: int, limits: DecodingLimits | None = None, *, wait_s: float = 30.0) -> None:
        """Start nothing yet: `start`, the context manager or the first upload does."""
        if n < 1:
            raise ValueError(f"`n` must be at least 1. Got {n}.")
        self.limits = limits or DecodingLimits()
        self.wait_s = wait_s
        self._all = [DecodingProcess(self.limits) for _ in range(n)]
        self._free: queue.LifoQueue[DecodingProcess] = queue.LifoQueue()
        for process in self._all:
            self._free.put(process)
        self._lock = threading.Lock()
        self._is_closed = False

    def start(self) -> None:
        """Start every process and wait until all are ready.

        Raises:
            UnavailableError: one could not start.
            ConfigError: the system is none that this works on.
        """
        taken = [self._free.get(timeout=self.wait_s) for _ in self._all]
        try:
            for process in taken:
                if not process.is_idle:
                    process.start()
            for process in taken:
                process.wait_until_ready()
        finally:
            for process in taken:
                self._free.put(process)

    def close(self) -> None:
        """End every process; an upload that is being decoded fails."""
        with self._lock:
            self._is_closed = True
        for process in self._all:
            process.kill()

    def __enter__(self) -> DecodingPool:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """Numbers of the processes that run."""
        return [pid for process in self._all if (pid := process.pid) is not None]

    @property
    def n_restarts(self) -> int:
        """Processes that were started in the place of another."""
        return sum(max(0, process.n_starts - 1) for process in self._all)

    def voice(self, data: bytes, *, name: str = "voice") -> npt.NDArray[np.float32]:
        """Return the sound of an upload as `visavox.media.audio.read_voice` returns that of a file.

        Args:
            data: the file, as it was sent.
            name: what messages call it; anything, since it is made safe.

        Returns:
            (samples,) float32 in [-1, 1], one channel at 16 kHz.

        Raises:
            MediaError: the statuses of `read_voice`, and `upload_too_large`, `voice_too_long`, `decoding_timeout`,
                `decoding_failed`.
            UnavailableError: no process was free in time, or none can start.
        """
        return self._decoded("voice", data, shown_name(name, instead="voice"))[0]

    def image(self, data: bytes, *, name: str = "face") -> npt.NDArray[np.uint8]:
        """Return the picture of an upload as `visavox.media.images.read_image` returns that of a file.

        Args:
            data: the file, as it was sent.
            name: what messages call it; anything, since it is made safe.

        Returns:
            (height, width, 3) uint8 RGB.

        Raises:
            MediaError: the statuses of `read_image`, and `upload_too_large`, `decoding_timeout`, `decoding_failed`.
            UnavailableError: no process was free in time, or none can start.
        """
        return self._decoded("image", data, shown_name(name, instead="face"))[0]

    def frames(self, data: bytes, *, name: str = "face") -> list[npt.NDArray[np.uint8]]:
        """Return what stands for a face, as the commands take it: seven frames of a film, or the one of a picture.

        Args:
            data: the file, as it was sent.
            name: what messages call it; anything, since it is made safe.

        Returns:
            (height, width, 3) uint8 RGB each: what `sample_frames` or `read_image` returns.

        Raises:
            MediaError: the statuses of `sample_frames` and `image`.
            UnavailableError: no process was free in time, or none can start.
        """
        return self._decoded("frames", data, shown_name(name, instead="face"))

    def _decoded(self, kind: Kind, data: bytes, name: str) -> list[npt.NDArray[Any]]:
        if len(data) > self.limits.max_bytes:
            raise MediaError(
                f"{name}: a file may have {self.limits.max_bytes} bytes. It has {len(data)}. Make it smaller.",
                status="upload_too_large",
            )
        if not data:
            raise MediaError(f"{name}: the file is empty (0 bytes). Send it again.", status="empty_file")
        try:
            process = self._free.get(timeout=self.wait_s)
        except queue.Empty:
            raise UnavailableError(
                f"{name}: every decoder was busy for {self.wait_s:g} s. Try again later.", code="busy"
            ) from None
        try:
            if self._is_closed:
                raise UnavailableError("The service is ending.", code="ending")
            if not process.is_idle or process.has_ended:
                process.start()
            return process.ask(kind, data, name)
        finally:
            self._give_back(process)

    def _give_back(self, process: DecodingProcess) -> None:
        """Put a process back, or a new one in its place: it was left in the middle, or has done its share."""
        try:
            with self._lock:
                if self._is_closed:
                    process.kill()
                elif not process.is_idle or process.n_items >= self.limits.items:
                    with contextlib.suppress(OSError):  # no memory just now: the next upload tries again
                        process.start()
        finally:
            self._free.put(process)

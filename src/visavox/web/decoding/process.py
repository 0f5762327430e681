"""One process that decodes, seen from the service: started, asked, killed.

Not about how many there are and who gets which: that is `visavox.web.decoding.pool`. What comes back is not trusted: a
decoder may have been taken over by the file that it read.

Example:
    process = DecodingProcess(DecodingLimits())
    process.start()
    process.ask("voice", data, "voice")       # [(samples,) float32]
    process.kill()
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import mmap
import os
import socket
import subprocess
import sys
import time
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from visavox.errors import ConfigError, MediaError
from visavox.web.decoding.child import MAX_REQUEST_BYTES, N_FRAMES
from visavox.web.decoding.decoding_limits import DecodingLimits
from visavox.web.service_errors import UnavailableError

logger = logging.getLogger(__name__)

Kind = Literal["voice", "image", "frames"]

KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "HOME", "TMPDIR")
"""What a decoder keeps of the environment: no token, no key."""
LARGE_BYTES = 8 << 20
"""Results above this give their memory back when they are read; smaller ones leave it warm for the next."""


class DecodingProcess:
    """A process of `visavox.web.decoding.child` and the memory that it writes its results to.

    Args:
        limits: what it is held to.

    Attributes:
        n_items: uploads that it has answered.
        n_starts: times that it was started.
        is_idle: whether it can be asked. One that was left in the middle of an upload cannot.
    """

    def __init__(self, limits: DecodingLimits) -> None:
        """Nothing is started yet."""
        self.limits = limits
        self.n_items = 0
        self.n_starts = 0
        self.is_idle = False
        self._popen: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._arena: mmap.mmap | None = None
        self._is_ready = False

    @property
    def pid(self) -> int | None:
        """Number of the process, None before it is started and after it is killed."""
        return None if self._popen is None else self._popen.pid

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more, or was never started."""
        return self._popen is None or self._popen.poll() is not None

    def start(self) -> None:
        """Start the process and do not wait until it is ready.

        Raises:
            ConfigError: this system has no files in memory; decoding needs Linux.
            OSError: no process or no memory is to be had.
        """
        if not hasattr(os, "memfd_create"):
            raise ConfigError(f"The service decodes uploads with what Linux offers. Got {sys.platform}. Run it there.")
        self.kill()
        # Growing and shrinking are sealed, or a decoder that was taken over could pull the memory away under us.
        arena = os.memfd_create("arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        ours, theirs = socket.socketpair()
        try:
            os.ftruncate(arena, self.limits.arena_bytes)
            _seal(arena)
            self._arena = mmap.mmap(arena, self.limits.arena_bytes)
            command = [sys.executable, "-P", "-m", "visavox.web.decoding.child", str(theirs.fileno()), str(arena)]
            self._popen = subprocess.Popen(
                [*command, self.limits.to_json()],
                pass_fds=(theirs.fileno(), arena),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
            self._socket = ours
        finally:
            os.close(arena)
            theirs.close()
            if self._socket is None:
                ours.close()
        self.n_items, self.is_idle, self._is_ready = 0, True, False
        self.n_starts += 1

    def wait_until_ready(self) -> None:
        """Return when the process has started.

        Raises:
            UnavailableError: it ended instead, or took too long.
        """
        if self._is_ready:
            return
        reply = self._reply(self.limits.start_s)
        if not isinstance(reply, dict) or not reply.get("ready"):
            what = f"took more than {self.limits.start_s:g} s" if reply is None else "ended"
            self.kill()
            raise UnavailableError(f"A process that decodes uploads {what} while it started. Try again later.")
        self._is_ready = True

    def ask(self, kind: Kind, data: bytes, name: str) -> list[npt.NDArray[Any]]:
        """Return what one upload holds.

        Args:
            kind: "voice", "image", or "frames" of a film or a picture.
            data: the file.
            name: what messages call it; one short printable line.

        Returns:
            One (samples,) float32 of a voice, one (height, width, 3) uint8 of an image, one or more of frames.

        Raises:
            MediaError: what reading it raised; status `decoding_timeout` or `decoding_failed` where the process had
                to be given up: `is_idle` is then False.
            UnavailableError: the process could not start.
        """
        self.wait_until_ready()
        assert self._socket is not None
        self.is_idle = False
        request = json.dumps({"kind": kind, "name": name}).encode()
        upload = os.memfd_create("upload", os.MFD_CLOEXEC)
        try:
            with open(upload, "wb", closefd=False) as file:
                file.write(data)
            with contextlib.suppress(OSError):  # it has died: the answer will say so
                socket.send_fds(self._socket, [request], [upload])
        finally:
            os.close(upload)
        reply = self._reply(self.limits.timeout_s)
        if reply is None:
            raise MediaError(
                f"{name}: decoding may take {self.limits.timeout_s:g} s. It takes longer. Convert it or drop it.",
                status="decoding_timeout",
            )
        self.n_items += 1
        if "status" in reply and "message" in reply:
            self.is_idle = reply["status"] != "decoding_failed"
            raise MediaError(str(reply["message"]), status=str(reply["status"]))
        result = self._result(kind, reply)
        if result is None:
            raise MediaError(
                f"{name}: decoding it took the decoder down{self._last_words()}. Convert it or drop it.",
                status="decoding_failed",
            )
        self.is_idle = True
        return result

    def kill(self) -> None:
        """End the process at once and give its memory back; nothing happens where there is none."""
        self.is_idle = False
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()
        if self._socket is not None:
            self._socket.close()
        if self._arena is not None:
            self._arena.close()
        self._popen = self._socket = self._arena = None

    def _reply(self, timeout_s: float) -> dict[str, Any] | None:
        """Return one line of JSON, {} where the process ended or wrote something else, None where it was too late."""
        assert self._socket is not None
        line, until = b"", time.monotonic() + timeout_s
        while not line.endswith(b"\n"):
            left_s = until - time.monotonic()
            if left_s <= 0:
                return None
            self._socket.settimeout(left_s)
            try:
                part = self._socket.recv(MAX_REQUEST_BYTES)
            except TimeoutError:
                return None
            except OSError:
                return {}
            line += part
            if not part or len(line) > MAX_REQUEST_BYTES:
                return {}
        try:
            reply = json.loads(line)
        except ValueError:
            return {}
        return reply if isinstance(reply, dict) else {}

    def _result(self, kind: Kind, reply: dict[str, Any]) -> list[npt.NDArray[Any]] | None:
        """Return copies of the results in the arena, None where their shapes are none that the limits allow."""
        shapes = reply.get("shapes")
        if not isinstance(shapes, list) or not self._may_be(kind, shapes):
            return None
        assert self._arena is not None
        results: list[npt.NDArray[Any]] = []
        begin = 0
        for shape in shapes:
            dtype = np.float32 if kind == "voice" else np.uint8
            found = np.frombuffer(self._arena, dtype, math.prod(shape), begin).reshape(shape).copy()
            results.append(found)
            begin += found.nbytes
        if begin > LARGE_BYTES:
            self._arena.madvise(mmap.MADV_REMOVE)
        return results

    def _may_be(self, kind: Kind, shapes: list[Any]) -> bool:
        """Return whether shapes are such as the limits allow."""
        if not 1 <= len(shapes) <= (N_FRAMES if kind == "frames" else 1):
            return False
        if not all(isinstance(s, list) and all(type(n) is int and n > 0 for n in s) for s in shapes):
            return False
        sizes = [math.prod(shape) for shape in shapes]
        if kind == "voice":
            return len(shapes[0]) == 1 and sizes[0] <= self.limits.max_samples
        most = self.limits.max_film_pixels if kind == "frames" else self.limits.max_pixels
        return all(len(s) == 3 and s[2] == 3 for s in shapes) and sum(sizes) <= 3 * most

    def _last_words(self) -> str:
        """Return how the process ended, in brackets, for a message."""
        if self._popen is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(1.0)
        code = self._popen.returncode
        logger.warning("a decoding process ended (code %s)", code)
        return f" (signal {-code})" if code is not None and code < 0 else ""


def _seal(descriptor: int) -> None:
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)


def _environment() -> dict[str, str]:
    """Return the little that a decoder needs to know: where the same packages are, and to keep to one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    packages = os.pathsep.join(part for part in sys.path if part)
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {**kept, **threads, "PYTHONPATH": packages}

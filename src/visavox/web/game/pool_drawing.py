"""The default pool while it is being drawn: by a process of its own, so that the service answers meanwhile.

Nothing is drawn before somebody asks for the game. The process is this module; it prints how far it is, one line a
person, and ends when the service does.

Example:
    drawing = PoolDrawing()
    drawing.pool()          # raises NotDrawnYetError until it is there, and begins at the first call
    drawing.close()
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from visavox.errors import DataError, VisavoxError
from visavox.pipeline.game_pool_folder import POOL_FILE, GamePool
from visavox.web.game.pool import default_pool_folder, open_pool
from visavox.web.service_errors import UnavailableError

RETRY_S = 2
"""Seconds after which a page looks again."""
CLOSING_S = 5.0
COURTESY = 10
"""How far the process steps back behind requests, as `nice` counts."""
COMMAND = (sys.executable, "-m", "visavox.web.game.pool_drawing")


class NotDrawnYetError(UnavailableError):
    """The people of the game are not there yet.

    Attributes:
        done: people that are drawn.
        total: people that there will be; 0 until the first line came.
    """

    def __init__(self, done: int, total: int) -> None:
        """Store how far it is."""
        how_far = f", {done} of {total} so far" if total else ""
        super().__init__(
            f"The people of the game are being drawn{how_far}. It happens once and takes a minute at most. Come "
            f"back in {RETRY_S} s.",
            code="drawing",
            retry_after_s=RETRY_S,
        )
        self.done = done
        self.total = total


class PoolDrawing:
    """The default pool, now or soon; safe to use from several threads.

    Args:
        command: what draws it into the user's cache.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        """Start nothing yet."""
        self._command = list(command)
        self._lock = threading.Lock()
        self._pool: GamePool | None = None
        self._process: subprocess.Popen[str] | None = None
        self._done, self._total = 0, 0
        self._is_closed = False

    def pool(self) -> GamePool:
        """Return the pool.

        Raises:
            NotDrawnYetError: it is being drawn; the first call begins with it.
            DataError: it cannot be drawn, or it is damaged. The next call tries again.
        """
        with self._lock:
            if self._pool is not None:
                return self._pool
            if (default_pool_folder() / POOL_FILE).is_file():
                self._pool = open_pool(None)
                return self._pool
            if self._is_closed:
                raise NotDrawnYetError(self._done, self._total)
            if self._process is not None and self._process.poll() not in (None, 0):
                assert self._process.stderr is not None
                said = (self._process.stderr.read().strip().splitlines() or ["it ended without a word"])[-1]
                self._process = None
                raise DataError(f"The people of the game cannot be drawn: {said}")
            if self._process is None:
                self._start()
            raise NotDrawnYetError(self._done, self._total)

    def close(self) -> None:
        """End the process where it runs; nothing that is half drawn stays."""
        with self._lock:
            self._is_closed = True
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(CLOSING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        self._done, self._total = 0, 0
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, args=(self._process,), name="visavox-game-pool", daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            done, _, total = line.strip().partition(" ")
            if done.isdigit() and total.isdigit():
                self._done, self._total = int(done), int(total)
        process.wait()


def main() -> int:
    """Draw the default pool and print how far it is. Returns 0; 2 after one line that says why it cannot be."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is half drawn is cleared away
    os.nice(COURTESY)
    try:
        open_pool(None, tell)
    except VisavoxError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def tell(done: int, total: int) -> None:
    """Write one line for the service."""
    sys.stdout.write(f"{done} {total}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

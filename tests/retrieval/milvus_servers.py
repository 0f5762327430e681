"""Milvus for tests: rows to keep in it, and a real server process on loopback that can be killed and started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from visavox.corpus.items import Modality
from visavox.retrieval.gallery_rows import GalleryRows

SERVE = (
    "import sys; from milvus_lite.adapter.grpc.server import run_server; "
    "run_server(sys.argv[1], '127.0.0.1', int(sys.argv[2]))"
)
DIM = 8


def made_rows(
    n: int, modality: Modality = "face", *, first: int = 0, media_bytes: int = 40, seed: int = 0
) -> GalleryRows:
    """Rows of two clips a person; every third knows no accent; names with everything that needs an escape."""
    numbers = range(first, first + n)
    vectors = np.random.default_rng([seed, first]).standard_normal((n, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return GalleryRows(
        modality,
        tuple(f"c\"{i}'\\%_/{modality}" for i in numbers),
        tuple(f"c\"{i}'\\%_" for i in numbers),
        tuple(f'Zoë "{i // 2}" O\'Neil\\' for i in numbers),
        tuple(None if i % 2 else f"video {i}" for i in numbers),
        {
            "gender": tuple("fm"[i // 2 % 2] for i in numbers),
            'odd "name"\\': tuple(None if i % 3 == 0 else f'it\'s "{i % 3}" or 1 == 1\\' for i in numbers),
        },
        vectors.astype(np.float32),
        [None if i % 5 == 4 else bytes([i % 256]) * media_bytes for i in numbers],
    )


class MilvusServer:
    """A Milvus server of its own process over a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [sys.executable, "-c", SERVE, str(self.folder), str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, "the server ended at once"
            time.sleep(0.1)
        raise AssertionError("the server did not listen within a minute")

    def kill(self) -> None:
        """Kill it without a word of warning."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(timeout=30)
            self.process = None

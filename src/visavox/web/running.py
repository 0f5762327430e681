"""The service as a process: a port, an engine, a server that stops when it is told to.

    bind the port -> load -> say what is there -> answer until SIGINT or SIGTERM -> finish what runs -> end

The port is taken first, so that one in use is said before anything is loaded. Nothing that is uploaded is logged.

Example:
    run_service(ServeConfig(port=0), announce=print)
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import uvicorn

from visavox.service_config import ServeConfig
from visavox.web.addresses import bind, url_of
from visavox.web.app import create_app
from visavox.web.engine import CLOSING_S, Engine
from visavox.web.patient_connections import PatientProtocol
from visavox.web.steady_memory import Trimmer, keep_memory_steady

BACKLOG = 512
"""Connections that the system lets wait."""
KEEP_ALIVE_S = 15
"""Seconds for which a connection may lie idle."""
INTERRUPTED = 130


@dataclass(frozen=True)
class Started:
    """A service that answers."""

    url: str
    """Where it answers."""
    loaded: dict[str, str] = field(default_factory=dict)
    """What is there: thing -> in words."""
    absent: dict[str, str] = field(default_factory=dict)
    """What is not: thing -> what adds it."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as a mapping that JSON can hold."""
        return {"url": self.url, "loaded": self.loaded, "absent": self.absent}


def run_service(settings: ServeConfig, announce: Callable[[Started], None]) -> int:
    """Serve until the process is told to stop.

    Args:
        settings: what is served, and where.
        announce: is called once, when requests are answered.

    Returns:
        0 where it was told to stop and finished what ran; 130 where it was told twice.

    Raises:
        ConfigError: the port is in use or the address is none of this machine; see `Engine` for the rest.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    keep_memory_steady()
    listening = bind(settings.host, settings.port)
    with listening, Trimmer():
        engine = Engine(settings)
        try:
            with ThreadPoolExecutor(1, "visavox-start") as beside:  # networks are read while the pages are built
                starting = beside.submit(engine.start)
                app = create_app(settings, engine=engine)
                starting.result()
            started = Started(url_of(settings.host, listening.getsockname()[1]), *engine.inventory())
            return _serve(app, listening, lambda: announce(started))
        finally:
            engine.close()


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:  # told twice, by whichever signal: what still runs is left
            self.force_exit = True
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it takes being left for an exception
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._ready()


def _serve(app: Any, listening: socket.socket, ready: Callable[[], None]) -> int:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(CLOSING_S),
        http=PatientProtocol,
    )
    server = _Server(config, ready)
    with contextlib.suppress(KeyboardInterrupt):  # the signal comes back when the server has ended
        server.run(sockets=[listening])
    return INTERRUPTED if server.force_exit else 0

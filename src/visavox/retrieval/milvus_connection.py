"""A connection to Milvus whose every call ends within a bounded time, in an answer or in one line.

An address (http://HOST:19530) is a server or a cluster; a path that ends in .db is the embedded milvus-lite, which runs
within this process and lets no other process open the same path meanwhile. A token for servers that ask for one is read
from the environment variable MILVUS_TOKEN, and never stored.

Example:
    with MilvusConnection("http://127.0.0.1:19530") as connection:
        connection.call("has_collection", "visavox_about")
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from visavox.errors import ConfigError, DataError, MissingDependencyError

TIMEOUT_S = 30.0
"""Of a call, retries included; adding and searching go in batches that take far less."""
CONNECT_S = 10.0
SUFFIX = ".db"
RECONNECTING = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 1000,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.use_local_subchannel_pool": 1,
}
"""A server that is back is found within a second; without this gRPC waits up to two minutes longer each time."""
MOST_ROWS = 16_384
"""What Milvus returns at most for one question; more is read in pages."""
PAGE_ROWS = 1000

_embedded: Counter[str] = Counter()  # path -> connections of this process to it
_lock = threading.Lock()


class MilvusConnection:
    """A client of Milvus.

    Args:
        uri: an address, or a path that ends in .db.
        timeout_s: of each call; 0 takes `TIMEOUT_S`.
    """

    def __init__(self, uri: str, *, timeout_s: float = 0) -> None:
        """Connect.

        Raises:
            MissingDependencyError: pymilvus is not installed, or for a path milvus-lite.
            DataError: nobody answers, or another process has the path open.
        """
        self.uri = uri
        self.timeout_s = timeout_s or TIMEOUT_S
        self._closed = False
        pymilvus, self._errors = _libraries(uri)
        if self.is_embedded:
            with _lock:
                _embedded[uri] += 1
        try:
            self._client: Any = pymilvus.MilvusClient(
                uri,
                token=os.environ.get("MILVUS_TOKEN", ""),
                timeout=min(CONNECT_S, self.timeout_s),
                dedicated=True,  # closed when it is closed, and not shared with what an earlier one met
                grpc_options=RECONNECTING,
            )
        except self._errors as e:
            self._release()
            raise self._failure("connecting", e) from e

    @property
    def is_embedded(self) -> bool:
        """Whether Milvus runs within this process."""
        return self.uri.endswith(SUFFIX)

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Return what a method of the client returns.

        Raises:
            DataError: Milvus does not answer in time, or refuses.
        """
        try:
            return getattr(self._client, method)(*arguments, timeout=self.timeout_s, **named)
        except self._errors as e:
            raise self._failure(method.replace("_", " "), e) from e

    def pages(self, collection: str, expression: str, fields: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """Yield all rows that an expression holds for, page after page, however many there are.

        Raises:
            DataError: Milvus does not answer in time.
        """
        try:
            pages = self._client.query_iterator(
                collection,
                filter=expression,
                output_fields=list(fields),
                batch_size=PAGE_ROWS,
                timeout=self.timeout_s,
                consistency_level="Strong",
            )
            try:
                while page := pages.next():
                    yield list(page)
            finally:
                pages.close()
        except self._errors as e:
            raise self._failure("reading", e) from e

    def close(self) -> None:
        """Let go; the embedded Milvus stops with its last connection, so that another process may open the path."""
        if not self._closed:
            self._client.close()
            self._release()

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def _release(self) -> None:
        self._closed = True
        if not self.is_embedded:
            return
        with _lock:
            _embedded[self.uri] -= 1
            if not _embedded[self.uri]:  # pymilvus starts the servers within this process, and nobody stops them
                from milvus_lite.server_manager import server_manager_instance

                server_manager_instance.release_server(self.uri)

    def _failure(self, doing: str, error: Exception) -> DataError:
        said = " ".join(str(getattr(error, "message", "") or error).split())[:200].rstrip(". ")
        if self.is_embedded:
            remedy = "Close other programs that have it open, or check the path."
        else:
            remedy = "Check that it runs and can be reached; then run the same command again, which completes it."
        return DataError(f"Milvus at {self.uri} failed while {doing}: {said}. {remedy}")


def checked_uri(uri: str) -> str:
    """Return an address as it is, and a path that ends in .db as a whole one, its folder made.

    Raises:
        ConfigError: it is neither.
        DataError: the folder cannot be made.
    """
    if uri.startswith(("http://", "https://", "tcp://", "unix:")):
        return uri
    if not uri.endswith(SUFFIX) or "://" in uri:
        raise ConfigError(
            f"`uri` must be the address of a Milvus server, http://HOST:19530, or a path that ends in {SUFFIX}. "
            f"Got {uri!r}."
        )
    path = Path(uri).resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise DataError(f"Cannot make the folder {path.parent}: {e.strerror}. Choose another `uri`.") from e
    return str(path)


def literal(text: str) -> str:
    r"""Return a text as Milvus reads it in an expression, whatever quotes and backslashes are in it.

    Example:
        >>> print(literal('say "a\\b"'))
        "say \"a\\b\""
    """
    return json.dumps(text, ensure_ascii=False)


def one_of(field: str, texts: Iterable[str]) -> str:
    """Return the expression that a field is one of some texts; with none of them it never holds.

    Example:
        >>> one_of("person", ["Ann", "Bo"])
        'person in ["Ann", "Bo"]'
    """
    return f"{field} in [{', '.join(map(literal, texts))}]"


def _libraries(uri: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return pymilvus and the errors that it raises."""
    try:
        import pymilvus
        from pymilvus.decorators import grpc  # lets its errors through

        if uri.endswith(SUFFIX):
            import milvus_lite.server_manager  # noqa: F401
    except ImportError as e:
        raise MissingDependencyError(
            f"A gallery in Milvus needs {(e.name or '').split('.')[0]}. Install it with: pip install 'visavox[milvus]'"
        ) from e
    # It reports every error with a traceback as well, which the one line replaces.
    for name in ("pymilvus", "milvus_lite"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return pymilvus, (pymilvus.MilvusException, grpc.RpcError, ValueError, ConnectionError)

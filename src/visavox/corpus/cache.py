"""The embedding cache: vectors by the content of the media and the identifier of the encoder.

The same bytes, encoder and preprocessing are never embedded twice, whatever the corpus. One SQLite file, safe to
kill at any moment and to share between processes. It is no table of a corpus: that is `EmbeddingTable`.

Example:
    >>> import tempfile
    >>> cache = EmbeddingCache(tempfile.mkdtemp())
    >>> cache.put_many({"00ff": np.ones(2, dtype=np.float32)}, "ge2e-1")
    >>> found, missing = cache.get_many(["00ff", "aa"], "ge2e-1")
    >>> found["00ff"].tolist(), missing
    ([1.0, 1.0], ['aa'])
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.database import connect_reader, connect_writer, transaction, translated_errors
from visavox.errors import DataError

FILE_NAME = "embeddings.sqlite"
SCHEMA_VERSION = 1
N_DIGESTS_A_QUERY = 900  # SQLite of before 2020 takes 999 parameters

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS encoders (id INTEGER PRIMARY KEY, identifier TEXT UNIQUE NOT NULL, "
    "dim INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS vectors (encoder INTEGER NOT NULL, digest TEXT NOT NULL, vector BLOB NOT NULL, "
    "checksum INTEGER NOT NULL, UNIQUE (encoder, digest))",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


class EmbeddingCache:
    """Vectors on disk, addressed by content.

    Args:
        folder: holds the one file of the cache; created at the first `put_many`.
    """

    def __init__(self, folder: str | Path) -> None:
        """Store the folder; nothing is opened yet."""
        self.folder = folder

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.folder) / FILE_NAME

    def get(self, digest: str, encoder_id: str) -> NDArray[np.float32] | None:
        """Return one vector, (dim,) float32, or None if it is not there.

        Raises:
            DataError: the cache is damaged.
        """
        return self.get_many([digest], encoder_id)[0].get(digest)

    def get_many(
        self, digests: Sequence[str | None], encoder_id: str
    ) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
        """Return the vectors that are there and the digests of those that are not.

        Args:
            digests: content digests; repeated ones count once, None (media without content) is left out.
            encoder_id: identifier of the encoder and its preprocessing.

        Returns:
            Vectors by digest, each (dim,) float32 and bit for bit what was put; missing digests in their order.

        Raises:
            DataError: the cache is damaged: no database, or a vector that does not match its checksum.
        """
        wanted = [digest for digest in dict.fromkeys(digests) if digest is not None]
        if not self.path.is_file():
            return {}, wanted
        found: dict[str, NDArray[np.float32]] = {}
        with self._open(writing=False) as connection:
            if _is_blank(connection):
                return {}, wanted
            encoder = connection.execute("SELECT id, dim FROM encoders WHERE identifier = ?", (encoder_id,)).fetchone()
            if encoder is None:
                return {}, wanted
            number, dim = encoder
            for begin in range(0, len(wanted), N_DIGESTS_A_QUERY):
                some = wanted[begin : begin + N_DIGESTS_A_QUERY]
                marks = ", ".join("?" * len(some))
                query = f"SELECT digest, vector, checksum FROM vectors WHERE encoder = ? AND digest IN ({marks})"
                for digest, blob, checksum in connection.execute(query, (number, *some)):
                    if len(blob) != 4 * dim or zlib.crc32(blob) != checksum:
                        raise DataError(
                            f"{self.path} is damaged: the vector of {digest[:16]} does not match its checksum. "
                            "Delete the file; what is needed is embedded again."
                        )
                    found[digest] = np.frombuffer(blob, dtype="<f4").astype(np.float32)
        return found, [digest for digest in wanted if digest not in found]

    def put_many(self, vectors: Mapping[str, NDArray[np.floating]], encoder_id: str) -> None:
        """Add vectors, all or none; a digest that is there already is replaced.

        Args:
            vectors: by content digest, each (dim,); stored as float32.
            encoder_id: identifier of the encoder and its preprocessing; all its vectors have one length.

        Raises:
            DataError: a vector that is not finite or of another length, no room on the disk, a damaged cache.
        """
        if not vectors:
            return
        rows: list[tuple[str, bytes]] = []
        dim = np.asarray(next(iter(vectors.values()))).size
        for digest, vector in vectors.items():
            stored = np.asarray(vector, dtype="<f4")
            if stored.ndim != 1 or stored.size != dim:
                raise DataError(
                    f"Every vector of {encoder_id!r} must be ({dim},). Got {stored.shape} for {digest[:16]}."
                )
            if not np.isfinite(stored).all():
                raise DataError(
                    f"Every embedding must be finite. Got NaN or infinity from {encoder_id!r} for the media with "
                    f"digest {digest[:16]}. Check that file."
                )
            rows.append((digest, stored.tobytes()))
        with self._open(writing=True) as connection, transaction(connection):
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT OR IGNORE INTO encoders (identifier, dim) VALUES (?, ?)", (encoder_id, dim))
            query = "SELECT id, dim FROM encoders WHERE identifier = ?"
            number, known_dim = connection.execute(query, (encoder_id,)).fetchone()
            if known_dim != dim:
                raise DataError(
                    f"{self.path} holds vectors of {encoder_id!r} with {known_dim} numbers. Got {dim}. An encoder that "
                    "changes needs another identifier."
                )
            connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)",
                ((number, digest, blob, zlib.crc32(blob)) for digest, blob in rows),
            )

    def counts(self) -> dict[str, int]:
        """Return the number of vectors by encoder identifier."""
        if not self.path.is_file():
            return {}
        query = (
            "SELECT identifier, count(vectors.encoder) FROM encoders LEFT JOIN vectors "
            "ON vectors.encoder = encoders.id GROUP BY encoders.id ORDER BY identifier"
        )
        with self._open(writing=False) as connection:
            if _is_blank(connection):
                return {}
            return dict(connection.execute(query).fetchall())

    @contextmanager
    def _open(self, *, writing: bool) -> Iterator[sqlite3.Connection]:
        """Open the file for one call: no connection is shared by threads or survives a fork."""
        with translated_errors(self.path, remedy="Delete the file; what is needed is embedded again."):
            connection = connect_writer(self.path) if writing else connect_reader(self.path)
            try:
                yield connection
            finally:
                connection.close()


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Say whether the file was made and a full disk or a kill came before its first transaction."""
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(n_tables == 0)

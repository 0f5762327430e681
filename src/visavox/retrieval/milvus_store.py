"""What a gallery asks of Milvus: rows by expression and by key, hits, media, and writing that can be done again.

Example:
    store = MilvusStore(connection, "visavox", "FLAT")
    store.count("face", "")
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import Modality
from visavox.errors import DataError
from visavox.retrieval.gallery_rows import GalleryRows, Hit
from visavox.retrieval.milvus_connection import MOST_ROWS, MilvusConnection, one_of
from visavox.retrieval.milvus_rows import (
    DEFAULT_EFFORT,
    EFFORTS,
    NO_VECTOR,
    both,
    joined_media,
    media_entities,
    part_id,
    row_entities,
    row_id,
    to_hit,
)

BATCH_ROWS = 200
BATCH_PARTS = 100  # of 60,000 characters: 6 MB, far below what a server takes at once
ABOUT, ATTRIBUTE = "about", "attribute_"


class MilvusStore:
    """The collections of a gallery.

    Args:
        connection: to where they are.
        collection: what their names begin with.
        index: of Milvus, FLAT, HNSW or IVF_PQ.
    """

    def __init__(self, connection: MilvusConnection, collection: str, index: str) -> None:
        """Store the arguments."""
        self.connection = connection
        self.collection = collection
        self.index = index

    def name(self, part: str) -> str:
        """Return the name of a collection."""
        return f"{self.collection}_{part}"

    def say(self, name: str, value: Any) -> None:
        """Keep something about the gallery."""
        entity = {"id": name, "data": json.dumps(value), "vector": NO_VECTOR}
        self.connection.call("upsert", self.name("about"), [entity])

    def said(self, name: str) -> Any:
        """Return what was kept about the gallery; None for nothing."""
        found = self.texts("about", [name])
        return json.loads(found[name]) if found else None

    def say_attributes(self, names: Sequence[str]) -> None:
        """Keep the names of attributes."""
        for name in names:
            self.say(ATTRIBUTE + row_id(name), name)

    def attributes(self) -> list[str]:
        """Return the names of all attributes that rows have had."""
        pages = self.connection.pages(self.name("about"), f'id != "{ABOUT}"', ["data"])
        return [json.loads(row["data"]) for page in pages for row in page]

    def count(self, modality: Modality, expression: str) -> int:
        """Return how many rows an expression holds for."""
        found = self.connection.call(
            "query",
            self.name(modality),
            filter=expression,
            output_fields=["count(*)"],
            consistency_level="Strong",
        )
        return int(found[0]["count(*)"])

    def rows(self, modality: Modality, expression: str, fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield some fields of all rows that an expression holds for."""
        for page in self.connection.pages(self.name(modality), expression, fields):
            yield from page

    def hits_by_clip(
        self, vector: NDArray[np.float32], modality: Modality, k: int, expression: str, effort: int
    ) -> list[Hit]:
        """Return the hits of one query, best first; at most `MOST_ROWS`, which is as many as Milvus gives."""
        limit = min(k, MOST_ROWS)
        kind = self.index
        wanted = max(effort or DEFAULT_EFFORT, limit if kind == "HNSW" else 1)
        found = self.connection.call(
            "search",
            self.name(modality),
            [vector.tolist()],
            limit=limit,
            filter=expression,
            output_fields=["key", "clip", "person", "attributes"],
            search_params={"metric_type": "COSINE", "params": {EFFORTS[kind]: wanted} if EFFORTS[kind] else {}},
            consistency_level="Strong",
        )
        return [to_hit(modality, hit) for hit in found[0]]

    def hits_by_person(
        self, vector: NDArray[np.float32], modality: Modality, k: int, expression: str, effort: int
    ) -> list[Hit]:
        """Return each person's best clip; people who were found are left out of the next question until k are."""
        best: dict[str, Hit] = {}
        limit = min(max(2 * k, BATCH_ROWS), MOST_ROWS)
        while len(best) < k:
            others = f"not ({one_of('person', best)})" if best else ""
            hits = self.hits_by_clip(vector, modality, limit, both(expression, others), effort)
            for hit in hits:
                best.setdefault(hit.person, hit)
            if len(hits) < limit:
                break
        return list(best.values())[:k]

    def parts_of(self, modality: Modality, keys: Sequence[str]) -> dict[str, int]:
        """Return for those of some keys that are there how many parts their media have."""
        found = self.connection.call(
            "query",
            self.name(modality),
            filter=one_of("id", map(row_id, keys)),
            output_fields=["key", "n_parts"],
            limit=len(keys),
            consistency_level="Strong",
        )
        return {row["key"]: row["n_parts"] for row in found}

    def write(self, rows: GalleryRows, there: Mapping[str, int]) -> None:
        """Write media, then rows, then forget what earlier media had more."""
        parts: list[dict[str, Any]] = []
        n_parts = []
        for number, key in enumerate(rows.keys):
            media = rows.media[number] if len(rows.media) else None
            own = media_entities(rows.modality, key, media) if media else []
            n_parts.append(len(own))
            parts += own
        entities = list(row_entities(rows, n_parts))
        for first in range(0, len(parts), BATCH_PARTS):
            self.connection.call("upsert", self.name("media"), parts[first : first + BATCH_PARTS])
        self.connection.call("upsert", self.name(rows.modality), entities)
        left = {key: range(n, there.get(key, 0)) for key, n in zip(rows.keys, n_parts, strict=True)}
        self.delete_parts(rows.modality, left)

    def delete(self, modality: Modality, parts: Mapping[str, int]) -> None:
        """Delete rows, each with the number of parts of its media."""
        keys = list(parts)
        for first in range(0, len(keys), BATCH_ROWS):
            gone = keys[first : first + BATCH_ROWS]
            self.connection.call("delete", self.name(modality), ids=[row_id(key) for key in gone])
            self.delete_parts(modality, {key: range(parts[key]) for key in gone})

    def delete_parts(self, modality: Modality, numbers: Mapping[str, Sequence[int]]) -> None:
        """Delete parts of media, for each key those of some numbers."""
        ids = [part_id(modality, key, number) for key, of_key in numbers.items() for number in of_key]
        if ids:
            self.connection.call("delete", self.name("media"), ids=ids)

    def media(self, modality: Modality, keys: Sequence[str]) -> list[bytes | None]:
        """Return the pictures or sounds of some keys, None where there is none.

        Raises:
            DataError: parts of one lack.
        """
        n_parts = self.parts_of(modality, keys)
        found: list[bytes | None] = []
        for key in keys:
            ids = [part_id(modality, key, number) for number in range(n_parts.get(key, 0))]
            texts = self.texts("media", ids) if ids else {}
            if len(texts) < len(ids):
                raise DataError(f"The media of {key!r} in {self.collection!r} are not whole. Add the clip again.")
            found.append(joined_media(texts[one] for one in ids) if ids else None)
        return found

    def texts(self, part: str, ids: Sequence[str]) -> dict[str, str]:
        """Return texts by id, of those that are there."""
        found = self.connection.call(
            "query",
            self.name(part),
            filter=one_of("id", ids),
            output_fields=["id", "data"],
            limit=len(ids),
            consistency_level="Strong",
        )
        return {row["id"]: row["data"] for row in found}

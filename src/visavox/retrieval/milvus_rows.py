"""Rows of a gallery as Milvus keeps them.

    NAME_about    what the gallery was made with, whether it is whole, and the names of its attributes
    NAME_voice    a row each: id, key, clip, person, video, attributes (JSON), number of media parts, vector
    NAME_face
    NAME_media    pictures and sounds, base64, in parts that fit the longest text that Milvus takes

Rows go by the SHA-256 of their keys: pages of Milvus are cut at ids that it does not escape, and a key may hold quotes.
Every collection of Milvus must have a vector; where none is needed it is (0, 1).

Example:
    >>> parts = media_entities("face", "a/face", bytes(50_000))
    >>> [(part["id"][:8], part["id"][-2:], len(part["data"])) for part in parts]
    [('face:371', '#0', 60000), ('face:371', '#1', 6668)]
    >>> joined_media(part["data"] for part in parts) == bytes(50_000)
    True
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from visavox.corpus.items import Modality
from visavox.errors import ConfigError, DataError
from visavox.retrieval.gallery_rows import GalleryRows, Hit
from visavox.retrieval.milvus_connection import MilvusConnection, literal

MOST_TEXT = 65_535  # bytes, the longest VARCHAR of Milvus
MOST_NAME = 1024  # bytes, of keys, clips, people and videos
PART_CHARS = 60_000
ID_CHARS = 64
ROW_FIELDS = ("key", "clip", "person", "video", "attributes", "n_parts")
NO_VECTOR = (0.0, 1.0)

MILVUS_INDEXES = {"auto": "FLAT", "exact": "FLAT", "hnsw": "HNSW", "ivf_pq": "IVF_PQ"}
"""Our names of indexes to those of Milvus."""
EFFORTS = {"FLAT": "", "HNSW": "ef", "IVF_PQ": "nprobe"}
DEFAULT_EFFORT = 64


def create_rows_collection(connection: MilvusConnection, name: str, dim: int, index: str | Mapping[str, Any]) -> None:
    """Make the collection of a modality.

    Raises:
        ConfigError: an index that Milvus has no like of.
        DataError: Milvus fails.
    """
    fields = {"id": ID_CHARS, **dict.fromkeys(("key", "clip", "person", "video"), MOST_NAME)}
    kind = index_kind(index)
    settings = {} if isinstance(index, str) else index
    parameters = {
        "FLAT": {},
        "HNSW": {"M": settings.get("links", 16), "efConstruction": settings.get("build_effort", 60)},
        "IVF_PQ": {"nlist": settings.get("n_lists") or 1024, "m": settings.get("n_bytes") or max(dim // 4, 1)},
    }[kind]
    _create(connection, name, fields, dim, kind, parameters, json_field="attributes", number_field="n_parts")


def create_texts_collection(connection: MilvusConnection, name: str) -> None:
    """Make a collection of texts by id, for media and for what is said about a gallery.

    Raises:
        DataError: Milvus fails.
    """
    _create(connection, name, {"id": 2 * ID_CHARS, "data": MOST_TEXT}, len(NO_VECTOR), "FLAT", {})


def index_kind(index: str | Mapping[str, Any]) -> str:
    """Return the index of Milvus for one of ours.

    Raises:
        ConfigError: there is none.
    """
    name = index if isinstance(index, str) else index.get("name", "auto")
    if name not in MILVUS_INDEXES:
        raise ConfigError(f"`index` of a gallery in Milvus must be one of {', '.join(MILVUS_INDEXES)}. Got {name!r}.")
    return MILVUS_INDEXES[name]


def row_entities(rows: GalleryRows, n_parts: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the rows as Milvus takes them.

    Raises:
        DataError: a name is too long.
    """
    for number, key in enumerate(rows.keys):
        names = {"key": key, "clip": rows.clips[number], "person": rows.people[number]}
        names["video"] = rows.videos[number] or ""
        for what, text in names.items():
            if len(text.encode("utf-8")) > MOST_NAME:
                raise DataError(
                    f"The {what} of a row in Milvus must have at most {MOST_NAME} bytes. Got {text[:40]!r}..., longer. "
                    "Rename it."
                )
        known = {name: column[number] for name, column in rows.attributes.items() if column[number] is not None}
        vector = rows.vectors[number].tolist()
        yield {"id": row_id(key), **names, "attributes": known, "n_parts": n_parts[number], "vector": vector}


def media_entities(modality: Modality, key: str, data: bytes) -> list[dict[str, Any]]:
    """Return the parts of a picture or sound as Milvus takes them."""
    text = base64.b64encode(data).decode("ascii")
    parts = [text[first : first + PART_CHARS] for first in range(0, len(text), PART_CHARS)]
    return [{"id": part_id(modality, key, i), "data": part, "vector": NO_VECTOR} for i, part in enumerate(parts)]


def row_id(key: str) -> str:
    """Return the id of a key: its SHA-256, which needs no escapes."""
    return hashlib.sha256(key.encode("utf-8")).hexdigest()


def part_id(modality: Modality, key: str, number: int) -> str:
    """Return the name of a part of a picture or sound."""
    return f"{modality}:{row_id(key)}#{number}"


def joined_media(parts: Iterable[str]) -> bytes:
    """Return a picture or sound from its parts in order."""
    return base64.b64decode("".join(parts))


def where_expression(wanted: Mapping[str, Sequence[str]]) -> str:
    """Return the expression that attributes have one of the wanted values; "" for no filter.

    Example:
        >>> print(where_expression({"gender": ("f",), "accent": ("a", "b")}))
        (attributes["gender"] == "f") and (attributes["accent"] == "a" or attributes["accent"] == "b")
    """
    return " and ".join(
        f"({' or '.join(f'attributes[{literal(name)}] == {literal(value)}' for value in values)})"
        for name, values in wanted.items()
    )


def both(*expressions: str) -> str:
    """Return the expression that all hold; empty ones hold always."""
    return " and ".join(f"({expression})" for expression in expressions if expression)


def to_rows(modality: Modality, found: Sequence[Mapping[str, Any]], media: Sequence[bytes | None]) -> GalleryRows:
    """Return rows as they went in, from fields and vectors of Milvus."""
    names = sorted({name for row in found for name in row["attributes"]})
    return GalleryRows(
        modality,
        tuple(row["key"] for row in found),
        tuple(row["clip"] for row in found),
        tuple(row["person"] for row in found),
        tuple(row["video"] or None for row in found),
        {name: tuple(row["attributes"].get(name) for row in found) for name in names},
        np.array([row["vector"] for row in found], dtype=np.float32),
        media,
    )


def to_hit(modality: Modality, found: Mapping[str, Any]) -> Hit:
    """Return a hit from one of a search of Milvus."""
    row = found["entity"]
    return Hit(row["key"], row["clip"], row["person"], modality, float(found["distance"]), dict(row["attributes"]))


def _create(
    connection: MilvusConnection,
    name: str,
    texts: Mapping[str, int],
    dim: int,
    index_type: str,
    parameters: Mapping[str, Any],
    *,
    json_field: str = "",
    number_field: str = "",
) -> None:
    """Make a collection; the first text is the primary key."""
    from pymilvus import DataType, MilvusClient

    schema: Any = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    for number, (field, most) in enumerate(texts.items()):
        schema.add_field(field, DataType.VARCHAR, is_primary=number == 0, max_length=most)
    if json_field:
        schema.add_field(json_field, DataType.JSON)
    if number_field:
        schema.add_field(number_field, DataType.INT64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    indexes: Any = MilvusClient.prepare_index_params()
    indexes.add_index("vector", index_type=index_type, metric_type="COSINE", params=dict(parameters))
    connection.call("create_collection", name, schema=schema, index_params=indexes, consistency_level="Strong")

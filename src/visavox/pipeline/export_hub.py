"""A folder that the Hugging Face library `datasets` reads: Parquet files that name their images and sounds, and a card.

    README.md                         the card; its header names the files and the columns
    data/train-00000-of-00002.parquet

`datasets` is not needed to write it. `load_dataset("FOLDER")` gives pictures and sounds, decoded.

Example:
    schema = hub_schema(columns)
    (folder / "README.md").write_text(dataset_card(columns, title="corpus", n_clips=16, about={}))
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from visavox.errors import one_line
from visavox.media.audio import SAMPLE_RATE
from visavox.pipeline.export_parquet import TableColumn, plain_type

MEDIA_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""How `datasets` stores an Image or an Audio."""

# What `datasets` writes into the schema of its own Parquet files, as JSON under the key "huggingface".
FEATURES: Mapping[str, Any] = {
    "text": {"dtype": "string", "_type": "Value"},
    "number": {"dtype": "float64", "_type": "Value"},
    "face": {"_type": "Image"},
    "voice": {"sampling_rate": SAMPLE_RATE, "_type": "Audio"},
    # "Sequence" and not the newer "List", since old and new versions know it.
    "floats": {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"},
    "shape": {"feature": {"dtype": "int32", "_type": "Value"}, "_type": "Sequence"},
}

CARD_FEATURES: Mapping[str, Any] = {
    "text": {"dtype": "string"},
    "number": {"dtype": "float64"},
    "face": {"dtype": "image"},
    "voice": {"dtype": {"audio": {"sampling_rate": SAMPLE_RATE}}},
    "floats": {"sequence": "float32"},
    "shape": {"sequence": "int32"},
}

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def hub_schema(columns: Sequence[TableColumn]) -> pa.Schema:
    """Return the schema of the columns, with the description of their features that `datasets` looks for."""
    fields = []
    for column in columns:
        if column.kind in ("face", "voice"):
            fields.append(pa.field(column.name, MEDIA_TYPE))
        elif column.kind == "floats":
            fields.append(pa.field(column.name, pa.list_(pa.float32())))
        else:
            fields.append(pa.field(column.name, plain_type(column)))
    features = {column.name: FEATURES[column.kind] for column in columns}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def dataset_card(columns: Sequence[TableColumn], *, title: str, n_clips: int, about: Mapping[str, object]) -> str:
    """Return the text of README.md.

    Args:
        columns: of the table.
        title: name of the corpus.
        n_clips: rows.
        about: what else a reader should know, by name.
    """
    size = next((name for most, name in SIZES if n_clips < most), "n>1M")
    features = [{"name": column.name, **CARD_FEATURES[column.kind]} for column in columns]
    header = {
        "pretty_name": title,
        "tags": ["voice-face-association"],
        "size_categories": [size],
        "dataset_info": {"features": features},
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]},
        ],
    }
    lines = [
        "---",
        yaml.safe_dump(header, sort_keys=False, allow_unicode=True).rstrip(),
        "---",
        "",
        f"# {one_line(title)}",
        "",
        f"{n_clips:,} clips, one a row: the face (JPEG) and the voice (FLAC, 16 kHz, one channel) of a person.",
        "Exported by `visavox corpus export --to hf`.",
        "",
        *(f"- {name}: {one_line(str(value))}" for name, value in about.items()),
        "",
        "A column `NAME_origin` says whether the attribute NAME came with the data (`given`) or which model predicted",
        "it.",
        "",
        "These are faces and voices of people. The rules of the data that they were taken from hold for this copy as",
        "well: see them before you pass it on, and add their licence to the header of this card.",
        "",
    ]
    return "\n".join(lines)


def name_shards(files: Sequence[Path]) -> list[Path]:
    """Give files PREFIX-00000.parquet the names PREFIX-00000-of-00002.parquet, and return them."""
    return [path.rename(path.with_name(f"{path.stem}-of-{len(files):05d}.parquet")) for path in files]

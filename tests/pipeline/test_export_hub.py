"""Tests of the folder for the Hugging Face library, against the rules by which that library reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from visavox.corpus.catalog_figures import ItemColumns
from visavox.pipeline.export_clips import MediaOptions, read_clips
from visavox.pipeline.export_hub import dataset_card, hub_schema, name_shards
from visavox.pipeline.export_parquet import ParquetWriter, TableColumn, table_columns

MakeCorpus = Callable[..., Path]
COLUMNS = table_columns(
    ItemColumns(("age",), (("face", "age"),), (("voice", "snr_db"),), {"face": 2, "voice": 1}), (-1, 257, 2)
)


def arrow_type(feature: dict[str, Any]) -> pa.DataType:
    """How `datasets` stores a feature, as written in the documentation of its features."""
    if feature["_type"] in ("Image", "Audio"):
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    if feature["_type"] == "Sequence":
        return pa.list_(arrow_type(feature["feature"]))
    return {"string": pa.string(), "float64": pa.float64(), "float32": pa.float32(), "int32": pa.int32()}[
        feature["dtype"]
    ]


def from_card(feature: dict[str, Any]) -> dict[str, Any]:
    """The feature that a line of a card's header stands for."""
    if "sequence" in feature:
        return {"feature": {"dtype": feature["sequence"], "_type": "Value"}, "_type": "Sequence"}
    if feature["dtype"] == "image":
        return {"_type": "Image"}
    if isinstance(feature["dtype"], dict):
        return {**feature["dtype"]["audio"], "_type": "Audio"}
    return {"dtype": feature["dtype"], "_type": "Value"}


def test_the_schema_says_what_each_column_is_and_has_its_type() -> None:
    schema = hub_schema(COLUMNS)
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names == [column.name for column in COLUMNS]
    for name, feature in features.items():
        assert schema.field(name).type == arrow_type(feature), name
    assert features["face"] == features["face1"] == {"_type": "Image"}
    assert features["voice"] == {"sampling_rate": 16_000, "_type": "Audio"}
    assert features["spectrogram"]["_type"] == "Sequence"
    assert features["age_origin"] == {"dtype": "string", "_type": "Value"}


def test_card_and_schema_agree() -> None:
    card = dataset_card(COLUMNS, title="x", n_clips=3, about={})
    header = yaml.safe_load(card.split("---\n")[1])
    listed = {feature["name"]: from_card(feature) for feature in header["dataset_info"]["features"]}
    assert listed == json.loads(hub_schema(COLUMNS).metadata[b"huggingface"])["info"]["features"]


def test_media_are_bytes_with_a_name_and_survive_the_file(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path / "c", ["p0/a"], {"p0/a/face": "no_face"})
    columns = table_columns(ItemColumns((), (), (), {"face": 1, "voice": 1}), None)
    with ParquetWriter(tmp_path, columns, shard_bytes=1e9, prefix="train", schema=hub_schema(columns)) as writer:
        (clip,) = read_clips(corpus, MediaOptions())
        writer.add(clip)
    (path,) = name_shards(writer.files)
    assert path.name == "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    assert b"huggingface" in table.schema.metadata
    (row,) = table.to_pylist()
    assert row["voice"] == {"bytes": clip.media["voice"].data, "path": "p0_a_voice.flac"}
    assert row["face"] is None


def test_shards_are_numbered_with_their_count(tmp_path: Path) -> None:
    files = [tmp_path / f"train-{n:05d}.parquet" for n in range(3)]
    for path in files:
        path.touch()
    assert [path.name for path in name_shards(files)] == [f"train-{n:05d}-of-00003.parquet" for n in range(3)]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("n_clips", "size"), [(1, "n<1K"), (1_000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**6, "n>1M")]
)
def test_the_card_names_its_size_and_its_files(n_clips: int, size: str) -> None:
    header = yaml.safe_load(dataset_card(COLUMNS, title="x", n_clips=n_clips, about={}).split("---\n")[1])
    assert header["size_categories"] == [size]
    (config,) = header["configs"]
    assert config["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]


def test_odd_titles_do_not_break_the_card() -> None:
    column = TableColumn("clip: [a]", "text", lambda clip: clip.clip)
    card = dataset_card([column], title="a: b\n---\n# c", n_clips=1, about={"made from": "x\ny"})
    header = yaml.safe_load(card[4:].split("\n---\n\n")[0])
    assert header["pretty_name"] == "a: b\n---\n# c"
    assert header["dataset_info"]["features"] == [{"name": "clip: [a]", "dtype": "string"}]
    assert "- made from: x\\ny" in card
    assert "faces and voices of people" in card

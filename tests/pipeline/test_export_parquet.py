"""Tests of Parquet files: cells, columns, files by size, groups of rows."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from visavox.corpus.catalog import CATALOG
from visavox.corpus.catalog_figures import CatalogFigures, ItemColumns
from visavox.corpus.items import Attribute, MediaItem
from visavox.models.spectrogram import SpectrogramSettings
from visavox.pipeline import export_parquet
from visavox.pipeline.export_clips import ExportedClip, ExportedMedia, MediaOptions, read_clips
from visavox.pipeline.export_parquet import ParquetWriter, plain_type, table_columns

MakeCorpus = Callable[..., Path]


def write(
    corpus: Path, folder: Path, options: MediaOptions, shape: tuple[int, ...] | None = None, shard_bytes: float = 1e9
) -> list[Path]:
    folder.mkdir()
    with CatalogFigures(corpus / CATALOG) as figures:
        columns = table_columns(figures.columns(), shape)
    with ParquetWriter(folder, columns, shard_bytes=shard_bytes) as writer:
        for clip in read_clips(corpus, options):
            writer.add(clip)
    return writer.files


def test_a_row_holds_the_clip_its_bytes_its_figures_and_its_attributes(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path / "c", ["p0/a", "p0/b"], {"p0/b/face/1": "small_face"}, n_faces=2)
    (path,) = write(corpus, tmp_path / "out", MediaOptions())
    assert path.name == "corpus-00000.parquet"
    first, second = pq.read_table(path).to_pylist()
    clip = next(read_clips(corpus, MediaOptions()))
    assert (first["clip"], first["person"], first["video"], first["start_s"]) == ("p0/a", "p0", "v-p0/a", 1.0)
    for slot in ("face", "face1", "voice"):
        assert first[slot] == clip.media[slot].data
        assert first[f"{slot}_digest"] == clip.media[slot].item.digest
    assert (first["face_width_px"], first["face1_sharpness"], first["voice_snr_db"]) == (80, 20, 20)
    assert (first["gender"], first["gender_origin"]) == ("f", "given")
    assert (first["age"], first["age_origin"]) == ("34", "face-net")
    assert (first["voice_age"], first["voice_age_origin"]) == ("34", "voice-net")
    assert second["face1"] is second["face1_digest"] is second["face1_sharpness"] is None
    assert second["session"] is second["end_s"] is None


def test_media_are_not_compressed_again_and_the_rest_is(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    (path,) = write(make_corpus(tmp_path / "c"), tmp_path / "out", MediaOptions())
    group = pq.ParquetFile(path).metadata.row_group(0)
    found = {group.column(n).path_in_schema: group.column(n).compression for n in range(group.num_columns)}
    assert found["face"] == found["voice"] == "UNCOMPRESSED"
    assert {found[name] for name in ("clip", "gender", "voice_snr_db")} == {"ZSTD"}


def test_spectrograms_of_one_length_are_lists_of_one_length(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    settings = SpectrogramSettings()
    options = MediaOptions(voice_s=3.0, spectrum=settings)
    corpus = make_corpus(tmp_path / "c", failed={"p0/b/voice": "silent"})
    (path,) = write(corpus, tmp_path / "out", options, settings.shape(48_000))
    table = pq.read_table(path)
    assert table.schema.field("spectrogram").type == pa.list_(pa.float32(), 298 * 257 * 2)
    wanted = [clip.media["voice"].spectrum if "voice" in clip.media else None for clip in read_clips(corpus, options)]
    for row, spectrum in zip(table.select(["spectrogram", "spectrogram_shape"]).to_pylist(), wanted, strict=True):
        if spectrum is None:
            assert row["spectrogram"] is row["spectrogram_shape"] is None
        else:
            assert np.array_equal(np.float32(row["spectrogram"]).reshape(row["spectrogram_shape"]), spectrum)


def test_spectrograms_of_many_lengths_keep_their_shapes(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    options = MediaOptions(spectrum=SpectrogramSettings(form="log_mel", bands=8))
    corpus = make_corpus(tmp_path / "c", [f"p/{n}" for n in range(6)])
    (path,) = write(corpus, tmp_path / "out", options, (-1, 8))
    rows = pq.read_table(path).to_pylist()
    assert len({tuple(row["spectrogram_shape"]) for row in rows}) > 1
    assert all(len(row["spectrogram"]) == np.prod(row["spectrogram_shape"]) for row in rows)


def test_files_keep_to_their_size_and_groups_to_theirs(
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_parquet, "ROW_GROUP_ROWS", 3)
    corpus = make_corpus(tmp_path / "c", [f"p/{n}" for n in range(10)])
    clips = list(read_clips(corpus, MediaOptions()))
    most = 5.5 * max(clip.n_bytes for clip in clips)
    files = write(corpus, tmp_path / "out", MediaOptions(), shard_bytes=most)
    assert len(files) >= 2
    assert [row["clip"] for path in files for row in pq.read_table(path).to_pylist()] == [clip.clip for clip in clips]
    for path in files:
        about = pq.ParquetFile(path).metadata
        assert all(about.row_group(n).num_rows <= 3 for n in range(about.num_row_groups))
        assert sum(len(row["face"]) + len(row["voice"]) for row in pq.read_table(path).to_pylist()) <= most


def test_groups_are_written_when_their_bytes_are_enough(
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_parquet, "ROW_GROUP_BYTES", 1)
    (path,) = write(make_corpus(tmp_path / "c"), tmp_path / "out", MediaOptions())
    assert pq.ParquetFile(path).metadata.num_row_groups == 3


def test_the_same_corpus_gives_the_same_bytes(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path / "c")
    one, other = (write(corpus, tmp_path / name, MediaOptions())[0].read_bytes() for name in ("x", "y"))
    assert one == other


def test_an_error_writes_no_rows_that_wait(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    clip = next(read_clips(make_corpus(tmp_path), MediaOptions()))
    columns = table_columns(ItemColumns((), (), (), {"face": 1}), None)
    with pytest.raises(RuntimeError), ParquetWriter(tmp_path, columns, shard_bytes=1e9) as writer:
        writer.add(clip)
        raise RuntimeError
    assert writer.files == []


def test_an_attribute_called_like_a_column_gets_another_name() -> None:
    item = MediaItem("c/face", "c", "face", person="p", attributes={"person": Attribute("somebody")})
    clip = ExportedClip("c", "p", None, None, None, None, {"face": ExportedMedia(item, b"", ".jpg")})
    columns = {c.name: c for c in table_columns(ItemColumns(("person",), (), (), {"face": 1}), None)}
    assert columns["person"].value(clip) == "p"
    assert columns["attribute_person"].value(clip) == "somebody"


def test_a_given_attribute_is_no_prediction() -> None:
    item = MediaItem("c/face", "c", "face", attributes={"gender": Attribute("f")})
    clip = ExportedClip("c", None, None, None, None, None, {"face": ExportedMedia(item, b"", ".jpg")})
    columns = {c.name: c for c in table_columns(ItemColumns(("gender",), (("face", "gender"),), (), {"face": 1}), None)}
    assert columns["gender"].value(clip) == "f"
    assert columns["face_gender"].value(clip) is columns["face_gender_origin"].value(clip) is None
    assert plain_type(columns["face"]) == pa.binary()


def test_columns_stand_in_an_order_that_readers_can_rely_on() -> None:
    columns = table_columns(
        ItemColumns(("age", "gender"), (("voice", "gender"),), (("face", "sharpness"),), {"face": 2, "voice": 1}),
        (-1, 257, 2),
    )
    assert [column.name for column in columns] == [
        *("clip", "person", "video", "session", "start_s", "end_s"),
        *("face", "face_digest", "face_source", "face_sharpness"),
        *("face1", "face1_digest", "face1_source", "face1_sharpness"),
        *("voice", "spectrogram", "spectrogram_shape", "voice_digest", "voice_source"),
        *("age", "age_origin", "gender", "gender_origin", "voice_gender", "voice_gender_origin"),
    ]


def test_every_column_of_every_row_has_the_type_that_the_schema_says(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    """Files of one export must join: a column without a value in one file keeps its type there."""
    failed = {"p/0/face": "no_face", "p/1/voice": "silent"}
    corpus = make_corpus(tmp_path / "c", ["p/0", "p/1", "p/2"], failed)
    files = write(corpus, tmp_path / "out", MediaOptions(), shard_bytes=1)
    assert len(files) == 3
    (schema,) = {str(pq.read_schema(path)) for path in files}
    assert "face: binary" in schema
    assert "voice_snr_db: double" in schema
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [(row["face"] is None, row["voice"] is None) for row in rows] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_faces_and_voices_open_with_the_tools_that_people_use(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    (path,) = write(make_corpus(tmp_path / "c", ["p/a"]), tmp_path / "out", MediaOptions(voice_s=0.5))
    (row,) = pq.read_table(path).to_pylist()
    with Image.open(io.BytesIO(row["face"])) as face:
        assert (face.format, face.size, face.mode) == ("JPEG", (48, 48), "RGB")
    about = soundfile.info(io.BytesIO(row["voice"]))
    assert (about.format, about.samplerate, about.channels, about.frames) == ("FLAC", 16_000, 1, 8_000)


def test_names_of_any_kind_come_back_as_they_were(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    names = ["p/new\nline", 'p/\'"quotes"', "声/é", "-x", "<b>"]
    (path,) = write(make_corpus(tmp_path / "c", names), tmp_path / "out", MediaOptions())
    assert sorted(pq.read_table(path)["clip"].to_pylist()) == sorted(names)


def test_no_clip_makes_no_file(tmp_path: Path) -> None:
    with ParquetWriter(tmp_path, table_columns(ItemColumns((), (), (), {}), None), shard_bytes=1e9) as writer:
        pass
    assert writer.files == list(tmp_path.iterdir()) == []


def test_two_attributes_called_like_columns_stay_apart() -> None:
    names = ("person", "attribute_person")
    item = MediaItem("c/face", "c", "face", person="p", attributes={name: Attribute(name[:3]) for name in names})
    clip = ExportedClip("c", "p", None, None, None, None, {"face": ExportedMedia(item, b"", ".jpg")})
    columns = table_columns(ItemColumns(names, (), (), {"face": 1}), None)
    assert len({column.name for column in columns}) == len(columns)
    values = [column.value(clip) for column in columns if "person" in column.name and "origin" not in column.name]
    assert values == ["p", "per", "att"]

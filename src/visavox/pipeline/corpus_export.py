"""A corpus in the form of another tool: Parquet, WebDataset shards, or a Hugging Face dataset: `corpus export`.

Only usable items are written. The folder appears when it is whole: a run that was killed leaves none of its name.

Example:
    written = export_corpus(CorpusExportConfig(corpus=Path("corpus"), to="webdataset", out=Path("shards")))
    written.n_clips, written.files
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.catalog_figures import CatalogFigures
from visavox.corpus.items import MODALITIES
from visavox.corpus_config import CorpusExportConfig
from visavox.errors import ConfigError, DataError
from visavox.media.audio import SAMPLE_RATE
from visavox.models.spectrogram import SpectrogramSettings
from visavox.pipeline.corpus_status import settings_line
from visavox.pipeline.export_clips import MediaOptions, read_clips
from visavox.pipeline.export_folder import whole_folder
from visavox.pipeline.export_hub import dataset_card, hub_schema, name_shards
from visavox.pipeline.export_parquet import ParquetWriter, TableColumn, table_columns
from visavox.pipeline.export_webdataset import WebDatasetWriter

MARKER = "_export.json"
"""What was exported and how; with a `_` before it, so that readers of a folder of Parquet files pass it over."""

MAX_VOICE_S = 3600  # a voice is held in memory with its spectrogram: 1.5 GB of the largest usual ones

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ExportWritten:
    """What `corpus export` wrote."""

    out: str
    """Folder."""
    to: str
    """Form."""
    files: tuple[str, ...]
    """Files with the data, relative to the folder."""
    n_clips: int
    """Clips."""
    n_pairs: int
    """Clips with a face and a voice."""
    n_items: Mapping[str, int]
    """Items by modality."""
    n_bytes: int
    """Size of the files."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        files = f"{len(self.files):,} file{'' if len(self.files) == 1 else 's'}"
        clips = f"{self.n_clips:,} clip{'' if self.n_clips == 1 else 's'}"
        items = ", ".join(f"{n:,} {modality}{'' if n == 1 else 's'}" for modality, n in self.n_items.items())
        return f"{self.out}: {clips} ({items}; {self.n_pairs:,} with both) in {files}, {self.n_bytes / 1e6:,.1f} MB\n"


def export_corpus(config: CorpusExportConfig, progress: Progress | None = None) -> ExportWritten:
    """Write the usable items of a corpus in the form of another tool.

    Raises:
        ConfigError: a number out of its range, or an `out` that holds something.
        DataError: no usable item, a media file that is missing or changed, a full disk.
    """
    if not 0 < config.shard_mb < math.inf:
        raise ConfigError(f"`shard_mb` must be above 0. Got {config.shard_mb}.")
    if not (config.voice_s == 0 or 1 / SAMPLE_RATE <= config.voice_s < math.inf):
        raise ConfigError(f"`voice_s` must be above 0, or 0 to leave voices as they are. Got {config.voice_s}.")
    if config.voice_s > MAX_VOICE_S:
        raise ConfigError(f"`voice_s` must be at most {MAX_VOICE_S:,}, an hour. Got {config.voice_s:,.0f}.")
    options = MediaOptions(config.voice_s, config.fit, spectrum_settings(config))
    if config.voice_s and options.spectrum and not options.spectrum.shape(round(config.voice_s * SAMPLE_RATE))[0]:
        raise ConfigError(
            f"`window` must be at most `voice_s`, {config.voice_s * SAMPLE_RATE:.0f} samples, or no spectrogram has a "
            f"frame. Got {config.window}."
        )
    path = config.corpus / CATALOG
    with Catalog.open(path) as catalog:
        settings = catalog.settings
        n_ok = sum(counts.get("ok", 0) for counts in catalog.counts().values())
    if not n_ok:
        raise DataError(f"{config.corpus} holds no usable item. `visavox corpus status` says why.")
    with whole_folder(config.out, overwrite=config.overwrite, marker=MARKER) as folder:
        written = _write(config, options, folder, settings, progress)
        about = {"to": config.to, "made_from": config.corpus.resolve().name, **_media_words(config)}
        marker = {**about, "n_clips": written.n_clips, "n_items": written.n_items, "settings": settings}
        (folder / MARKER).write_text(json.dumps(marker, indent=2), encoding="utf-8")
    return written


def spectrum_settings(config: CorpusExportConfig) -> SpectrogramSettings | None:
    """Return what spectrograms the configuration asks for; None for none.

    Raises:
        ConfigError: a number out of its range.
    """
    if config.spectrogram == "none":
        return None
    return SpectrogramSettings(
        form=config.spectrogram,
        window=config.window,
        stride=config.stride,
        n_fft=config.n_fft,
        power=config.power,
        bands=config.bands,
    )


def _write(
    config: CorpusExportConfig,
    options: MediaOptions,
    folder: Path,
    settings: Mapping[str, Any],
    progress: Progress | None,
) -> ExportWritten:
    """Write everything but the marker into an empty folder."""
    path, shard_bytes = config.corpus / CATALOG, config.shard_mb * 1e6
    writer: WebDatasetWriter | ParquetWriter
    columns: list[TableColumn] = []
    with CatalogFigures(path) as figures:
        n_clips = figures.totals().n_clips
        if config.to != "webdataset":
            columns = table_columns(figures.columns(), _spectrum_shape(options))
    if config.to == "webdataset":
        writer = WebDatasetWriter(folder, shard_bytes=shard_bytes)
    elif config.to == "parquet":
        writer = ParquetWriter(folder, columns, shard_bytes=shard_bytes)
    else:
        (folder / "data").mkdir()
        schema = hub_schema(columns)
        writer = ParquetWriter(folder / "data", columns, shard_bytes=shard_bytes, prefix="train", schema=schema)
    n_items: Counter[str] = Counter()
    n_done, n_pairs = 0, 0
    with writer:
        for n_done, clip in enumerate(read_clips(config.corpus, options), start=1):
            writer.add(clip)
            modalities = [media.item.modality for media in clip.media.values()]
            n_items.update(modalities)
            n_pairs += set(modalities) == set(MODALITIES)
            if progress is not None:
                progress(n_done, n_clips)
    files = writer.files
    if config.to == "hf":
        files = name_shards(files)
        about = {"made from": settings_line(settings).removeprefix("made from "), **_media_words(config)}
        card = dataset_card(columns, title=config.corpus.resolve().name, n_clips=n_done, about=about)
        (folder / "README.md").write_text(card, encoding="utf-8")
    return ExportWritten(
        out=str(config.out),
        to=config.to,
        files=tuple(str(file.relative_to(folder)) for file in files),
        n_clips=n_done,
        n_pairs=n_pairs,
        n_items=dict(sorted(n_items.items())),
        n_bytes=sum(file.stat().st_size for file in files),
    )


def _spectrum_shape(options: MediaOptions) -> tuple[int, ...] | None:
    """Shape of every spectrogram; -1 frames where voices keep their lengths."""
    if options.spectrum is None:
        return None
    if options.voice_s:
        return options.spectrum.shape(round(options.voice_s * SAMPLE_RATE))
    return (-1, *options.spectrum.shape(0)[1:])


def _media_words(config: CorpusExportConfig) -> dict[str, object]:
    """What was made of the voices, by the names of the options."""
    said: dict[str, object] = {}
    if config.voice_s:
        said |= {"voice_s": config.voice_s, "fit": config.fit}
    if config.spectrogram != "none":
        said |= {name: getattr(config, name) for name in ("spectrogram", "window", "stride", "n_fft")}
        kept = "bands" if config.spectrogram == "log_mel" else "power"
        said[kept] = getattr(config, kept)
    return said

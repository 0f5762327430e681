"""Tests of `corpus export`: the folder of each form, options, refusals, kills."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus_config import CorpusExportConfig
from visavox.errors import ConfigError, DataError
from visavox.pipeline.corpus_export import MARKER, export_corpus, spectrum_settings

MakeCorpus = Callable[..., Path]
FORMS = ("parquet", "webdataset", "hf")


def config(tmp_path: Path, **values: Any) -> CorpusExportConfig:
    return CorpusExportConfig(**{"corpus": tmp_path / "corpus", "out": tmp_path / "out", **values})


@pytest.mark.parametrize("to", FORMS)
def test_every_form_holds_every_usable_clip_once(tmp_path: Path, make_corpus: MakeCorpus, to: str) -> None:
    make_corpus(tmp_path / "corpus", failed={"p0/a/face": "no_face", "p0/b/face": "no_face", "p0/b/voice": "silent"})
    steps: list[tuple[int, int]] = []
    written = export_corpus(config(tmp_path, to=to), lambda done, total: steps.append((done, total)))
    assert (written.n_clips, written.n_pairs, written.n_items) == (2, 1, {"face": 1, "voice": 2})
    assert steps == [(1, 3), (2, 3)]
    files = [tmp_path / "out" / file for file in written.files]
    assert all(path.is_file() for path in files)
    assert written.n_bytes == sum(path.stat().st_size for path in files)
    marker = json.loads((tmp_path / "out" / MARKER).read_text())
    assert (marker["to"], marker["made_from"], marker["n_clips"]) == (to, "corpus", 2)
    assert "2 clips (1 face, 2 voices; 1 with both) in 1 file," in written.describe()


def test_a_folder_of_parquet_is_read_as_one_table(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    make_corpus(tmp_path / "corpus", [f"p/{n}" for n in range(5)])
    written = export_corpus(config(tmp_path, shard_mb=0.03))
    assert len(written.files) > 1
    assert pq.read_table(tmp_path / "out").num_rows == 5  # which passes over _export.json


def test_the_form_of_hugging_face_has_a_card_and_numbered_files(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    make_corpus(tmp_path / "corpus")
    written = export_corpus(config(tmp_path, to="hf", voice_s=3.0, spectrogram="log_mel", bands=4))
    assert written.files == ("data/train-00000-of-00001.parquet",)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "- bands: 4" in card
    assert "power" not in card
    assert "made from: videos (talks)" in card
    row = pq.read_table(tmp_path / "out" / written.files[0]).to_pylist()[0]
    assert row["spectrogram_shape"] == [298, 4]


def test_voices_keep_their_bytes_unless_a_length_is_asked_for(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    export_corpus(config(tmp_path))
    with Catalog.open(corpus / CATALOG) as catalog:
        stored = {item.clip: (corpus / str(item.path)).read_bytes() for item in catalog.items("voice")}
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert {row["clip"]: row["voice"] for row in rows} == stored


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shard_mb": 0}, "`shard_mb` must be above 0"),
        ({"shard_mb": math.nan}, "`shard_mb` must be above 0"),
        ({"voice_s": -1}, "`voice_s` must be above 0"),
        ({"voice_s": 1e-9}, "`voice_s` must be above 0"),
        ({"voice_s": 1e12}, "`voice_s` must be at most 3,600, an hour"),
        ({"voice_s": 0.01, "spectrogram": "magnitude"}, "`window` must be at most `voice_s`, 160 samples"),
        ({"spectrogram": "magnitude", "n_fft": 100}, r"`n_fft` must be at least `window` \(400\)"),
        ({"spectrogram": "magnitude", "power": -1}, "`power` must be above 0"),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_written(
    tmp_path: Path, make_corpus: MakeCorpus, wrong: dict[str, Any], words: str
) -> None:
    make_corpus(tmp_path / "corpus")
    with pytest.raises(ConfigError, match=words):
        export_corpus(config(tmp_path, **wrong))
    assert not (tmp_path / "out").exists()


def test_no_spectrogram_needs_no_settings(tmp_path: Path) -> None:
    assert spectrum_settings(config(tmp_path, window=1)) is None
    assert spectrum_settings(config(tmp_path, spectrogram="magnitude_phase", power=0.5)).power == 0.5  # type: ignore[union-attr]


def test_a_corpus_without_usable_items_is_refused(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    make_corpus(tmp_path / "corpus", ["p/a"], {"p/a/face": "no_face", "p/a/voice": "silent"})
    with pytest.raises(DataError, match="holds no usable item"):
        export_corpus(config(tmp_path))


def test_a_missing_file_leaves_no_folder(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    max((corpus / "voices").iterdir()).unlink()
    with pytest.raises(DataError, match="is not there"):
        export_corpus(config(tmp_path, to="webdataset"))
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_voice_of_one_window_has_one_frame(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    make_corpus(tmp_path / "corpus", ["p/a"])
    written = export_corpus(config(tmp_path, voice_s=0.025, spectrogram="magnitude"))
    assert written.describe().startswith(f"{tmp_path / 'out'}: 1 clip (1 face, 1 voice; 1 with both) in 1 file, ")
    (row,) = pq.read_table(tmp_path / "out").to_pylist()
    assert row["spectrogram_shape"] == [1, 257]


@pytest.mark.parametrize("fit", ["loop", "pad"])
@pytest.mark.parametrize("seconds", [3, 6, 12, 24])
def test_every_form_gives_voices_the_same_samples(
    tmp_path: Path, make_corpus: MakeCorpus, seconds: int, fit: str
) -> None:
    """Read back by tarfile, pyarrow and soundfile, and made again from the stored file by a plain loop."""
    corpus = make_corpus(tmp_path / "corpus", ["p/a"])
    stored, _ = soundfile.read(next((corpus / "voices").iterdir()), dtype="int16")
    silence = np.zeros(1, np.int16)
    wanted = stored
    while len(wanted) < seconds * 16_000:
        wanted = np.concatenate([wanted, stored if fit == "loop" else np.tile(silence, 16_000)])
    found = {}
    for to in FORMS:
        written = export_corpus(config(tmp_path, to=to, voice_s=float(seconds), fit=fit, overwrite=True))
        found[to] = voice_in(tmp_path / "out" / written.files[0])
    assert set(found.values()) == {found["hf"]}
    samples, rate = soundfile.read(io.BytesIO(found["hf"]), dtype="int16")
    assert rate == 16_000
    assert np.array_equal(samples, wanted[: seconds * 16_000])


def voice_in(path: Path) -> bytes:
    """The bytes of the only voice of an export, whatever its form."""
    if path.suffix == ".tar":
        with tarfile.open(path) as tar:
            (name,) = (name for name in tar.getnames() if name.endswith(".voice.flac"))
            return tar.extractfile(name).read()  # type: ignore[union-attr]
    (cell,) = pq.read_table(path)["voice"].to_pylist()
    return bytes(cell["bytes"] if isinstance(cell, dict) else cell)


def test_an_export_is_replaced_on_demand_only(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    make_corpus(tmp_path / "corpus")
    export_corpus(config(tmp_path))
    with pytest.raises(ConfigError, match="Give --overwrite to replace it"):
        export_corpus(config(tmp_path, to="webdataset"))
    written = export_corpus(config(tmp_path, to="webdataset", overwrite=True))
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted([MARKER, *written.files])


@pytest.mark.slow
def test_a_killed_export_leaves_no_folder_that_looks_finished(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    make_corpus(tmp_path / "corpus", [f"p/{n}" for n in range(20)])
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from visavox.corpus_config import CorpusExportConfig\n"
        "from visavox.pipeline.corpus_export import export_corpus\n"
        "def stop(done, total):\n"
        "    if done == 10: os.kill(os.getpid(), signal.SIGKILL)\n"
        "root = Path(sys.argv[1])\n"
        "config = CorpusExportConfig(corpus=root / 'corpus', out=root / 'out', to='webdataset', shard_mb=0.1)\n"
        "export_corpus(config, stop)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert export_corpus(config(tmp_path, to="webdataset")).n_clips == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "out"]

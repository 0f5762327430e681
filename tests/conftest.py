"""Fixtures for every test: the real data when it is there, and the network switched off."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import torch

from visavox.config import EmbedConfig, SplitConfig, TrainConfig
from visavox.corpus_config import PrepareConfig
from visavox.pipeline import world_embeddings
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.embedding import embed_corpus
from visavox.pipeline.model_training import train_model
from visavox.pipeline.splitting import split_corpus
from visavox.world import media_folder
from visavox.world.ceiling import Ceiling, measure_ceiling
from visavox.world.pairs_folder import write_pairs_folder
from visavox.world.population import Population

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch.set_num_threads(1)  # two test processes share two cores


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real faces and voices, named by VISAVOX_DATA; the test is skipped where it is not set."""
    folder = os.environ.get("VISAVOX_DATA")
    if not folder:
        pytest.skip("VISAVOX_DATA is not set: it names the folder of real faces and voices")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"VISAVOX_DATA names {folder}, which is not a folder")
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where everything a test may need is there (VISAVOX_NO_SKIPS=1)."""
    report = yield
    if report.skipped and os.environ.get("VISAVOX_NO_SKIPS") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although nothing may be skipped here: {report.longrepr}"
    return report


def _made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return a folder that one of the test processes fills and the others wait for."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder.parent / f"{folder.name}.done").exists():
            make(folder)
            (folder.parent / f"{folder.name}.done").touch()
    return folder


@pytest.fixture
def quick_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up worlds get their ceiling from 2,000 trials in a moment, instead of from 200,000 in seconds."""

    def quick(population: Population) -> Ceiling:
        return measure_ceiling(population, n_trials=2000, gallery=20)

    for module in (media_folder, world_embeddings):
        monkeypatch.setattr(module, "measure_ceiling", quick)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of this session share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "shared"


@pytest.fixture(scope="session")
def small_world(shared_folder: Path) -> Path:
    """Faces and voices of 8 drawn people, 2 clips each, with clips.csv. Read only."""
    return _made_once(
        shared_folder / "world", lambda out: write_pairs_folder(out, n_people=8, n_clips=2, seed=0, n_processes=1)
    )


@pytest.fixture(scope="session")
def small_corpus(small_world: Path, shared_folder: Path) -> Path:
    """The corpus of the small world. Read only: copy it to change it."""
    return _made_once(
        shared_folder / "corpus", lambda out: build_corpus(PrepareConfig(root=small_world, out=out, workers=1))
    )


@pytest.fixture(scope="session")
def small_embeddings(small_corpus: Path, shared_folder: Path) -> Path:
    """The embeddings of the small corpus by the offline encoders. Read only."""
    return _made_once(
        shared_folder / "embeddings", lambda out: embed_corpus(EmbedConfig(corpus=small_corpus, out=out, workers=1))
    )


@pytest.fixture(scope="session")
def small_splits(small_corpus: Path, shared_folder: Path) -> Path:
    """A split of the small corpus: half to train, a quarter each for validation and test, two folds. Read only."""
    config = SplitConfig(
        corpus=small_corpus, out=shared_folder / "splits", validation=0.25, test=0.25, folds=2, candidates=2
    )
    return _made_once(shared_folder / "splits", lambda _: split_corpus(config))


@pytest.fixture(scope="session")
def small_run(small_embeddings: Path, small_splits: Path, shared_folder: Path) -> Path:
    """A run of `train` on the small split: CCA alone. Read only."""
    config = TrainConfig(
        embeddings=small_embeddings,
        splits=small_splits,
        out=shared_folder / "run",
        associator={"name": "cca", "n_components": 4},
    )
    return _made_once(shared_folder / "run", lambda _: train_model(config))

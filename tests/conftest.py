"""Fixtures for every test: the real data when it is there, and the network switched off."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from visavox.config import EmbedConfig, SplitConfig, TrainConfig
from visavox.corpus_config import PrepareConfig
from visavox.generation.drawers.base import DrawingRequest, FaceDrawer, Progress
from visavox.pipeline import world_embeddings
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.embedding import embed_corpus
from visavox.pipeline.model_training import train_model
from visavox.pipeline.splitting import split_corpus
from visavox.registry import DRAWERS
from visavox.world import media_folder
from visavox.world.ceiling import Ceiling, measure_ceiling
from visavox.world.pairs_folder import write_pairs_folder
from visavox.world.population import Population

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch.set_num_threads(1)  # two test processes share two cores
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell hands it to what runs behind it
    signal.signal(signal.SIGINT, signal.default_int_handler)  # so that tests of Ctrl-C mean something


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


@pytest.fixture(scope="session")
def tiny_generator(shared_folder: Path) -> Path:
    """A generator of faces with random weights: the method decoder, pictures of 32 px. Read only: copy to change it."""
    return _made_once(shared_folder / "tiny-generator", write_tiny_generator)


def write_tiny_generator(folder: Path) -> None:
    """Write a generator whose pictures depend on the voice, on the seed and on the sample."""
    from visavox.generation.parts import save_part
    from visavox.pipeline.drawing.generator_folder import Generator
    from visavox.registry import FACE_DECODERS, PREDICTORS

    folder.mkdir(parents=True)
    light = {"input_dim": 256, "feature_dim": 8, "spread_rank": 2}
    small = {"feature_dim": 8, "image_px": 32, "channel_factor": 0.1}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        predictor, decoder = (
            PREDICTORS.build({"name": "light", **light}),
            FACE_DECODERS.build({"name": "small", **small}),
        )
        for tensor in (predictor.affine.weight, predictor.spread):
            torch.nn.init.normal_(tensor, std=3.0)
    save_part(folder, "predictor", name="light", arguments=light, network=predictor)
    save_part(folder, "decoder", name="small", arguments=small, network=decoder)
    card = "# Visavox generator `tiny`\n\nRandom weights for tests. Licence: CC0-1.0, since nobody made it.\n"
    mean = np.full((32, 32, 3), 128, np.float32)
    Generator(folder, "ge2e", 32, 1.6, mean, {"decoder": {"guidance": 1.5}}).save(card=card)


@pytest.fixture(scope="session")
def tiny_diffusion(tiny_generator: Path, shared_folder: Path) -> Path:
    """The tiny generator with the method diffusion too, 3 steps, which takes an age and a guide. Read only."""

    def make(folder: Path) -> None:
        shutil.copytree(tiny_generator, folder)
        add_tiny_diffusion(folder)

    return _made_once(shared_folder / "tiny-diffusion", make)


def add_tiny_diffusion(folder: Path) -> None:
    """Add autoencoder, denoiser and upsampler with random weights to a generator of 32 px."""
    from visavox.generation.parts import save_part
    from visavox.models.diffusion.denoiser import Denoiser
    from visavox.models.diffusion.face_autoencoder import FaceAutoencoder
    from visavox.models.diffusion.upsampler import FaceUpsampler
    from visavox.pipeline.drawing.generator_folder import Generator

    space: dict[str, Any] = {"image_px": 32, "channels": [16, 16]}
    kinds = ["voice", "windows", "age", "guide"]
    unet: dict[str, Any] = {"latent_shape": [4, 8, 8], "kinds": kinds, "voice_dim": 256, "channels": [16, 32]}
    unet |= {"token_dim": 16, "head_dim": 16}
    larger: dict[str, Any] = {"width": 4, "blocks": 1}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = FaceAutoencoder(**space), Denoiser(**unet), FaceUpsampler(**larger)
    for part, name, arguments, network in zip(
        ("autoencoder", "denoiser", "upsampler"),
        ("kl", "unet", "residual"),
        (space, unet, larger),
        networks,
        strict=True,
    ):
        save_part(folder, part, name=name, arguments=arguments, network=network)
    generator = Generator.load(folder)
    choices = {**generator.choices, "diffusion": {"guidance": 3.0, "n_steps": 3, "sampler": "ddim"}}
    card = (folder / "README.md").read_text(encoding="utf-8")
    dataclasses.replace(generator, choices=choices).save(card=card)


class StandInDrawer(FaceDrawer):
    """Takes every condition; pixel (0, 0) of a picture is the sample, the seed and ten times the guidance."""

    name = "decoder"
    conditions = ("voice", "windows", "age", "gender", "ethnicity", "language", "guide")
    guidance = 2.0
    image_px = 32

    def __init__(self) -> None:
        self.requests: list[DrawingRequest] = []
        """All that was asked for."""

    @property
    def sizes_px(self) -> tuple[int, ...]:
        return 32, 64

    def draw(self, request: DrawingRequest, progress: Progress | None = None) -> NDArray[np.uint8]:
        self.requests.append(request)
        assert request.guidance is not None
        px = request.options.get("px", self.image_px)
        pictures = np.zeros((request.n_samples, px, px, 3), np.uint8)
        for i in range(request.n_samples):
            pictures[i] = 17 * (request.first_sample + i) % 251
            pictures[i, 0, 0] = (request.first_sample + i, request.seed, round(10 * request.guidance))
            if progress is not None:
                progress(i + 1, request.n_samples)
        return pictures


@pytest.fixture
def stand_in_drawer(monkeypatch: pytest.MonkeyPatch) -> StandInDrawer:
    """The drawer that every generator has while the test runs."""
    drawer = StandInDrawer()
    monkeypatch.setitem(DRAWERS._factories, "decoder", type("Made", (), {"from_generator": lambda *_, **__: drawer}))
    return drawer

"""What tests of the pipeline share: tiny trainable encoders, people who can be learned, corpora made by hand.

The corpora are for tests of what reads a corpus, which then need no `prepare`.
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visavox.batches.media_pairs import MediaPairs, PreparedItems
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import Attribute, MediaItem, Modality, item_key, stored_name
from visavox.media.audio import write_voice
from visavox.media.images import write_face
from visavox.models.encoders.trainable import TrainableEncoder
from visavox.pipeline.end_to_end_network import JointNetwork
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.registry import ENCODERS

SIDE_PX, N_BANDS = 8, 6
LAUNCH_S = 60  # seconds that processes of a test may take; they take about four
Launch = Callable[..., subprocess.CompletedProcess[str]]


class _TinyVoice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.1)  # takes torch's own generator, as an encoder of a user may
        self.layer = nn.Linear(N_BANDS, 8)

    def forward(self, bands: Tensor, lengths: Tensor) -> Tensor:
        vectors: Tensor = self.layer(self.drop(bands.sum(dim=1) / lengths[:, None]))
        return vectors


class _TinyFace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.layer = nn.Linear(3, 8)

    def forward(self, faces: Tensor) -> Tensor:
        vectors: Tensor = self.layer(self.norm(faces).mean(dim=(2, 3)))
        return vectors


class TinyVoiceEncoder(TrainableEncoder):
    name, modality, dim = "tiny_voice", "voice", 8

    def __init__(self, *, weights: str = "", seed: int = 0, device: str = "cpu") -> None:
        super().__init__(weights=weights, seed=seed, device=device)

    def build_network(self) -> nn.Module:
        return _TinyVoice()

    def prepare(self, item: np.ndarray) -> np.ndarray:
        return np.repeat(item[: N_BANDS * 20].reshape(-1, N_BANDS).astype(np.float16), 2, axis=0)

    def collate(self, prepared: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
        lengths = [len(item) for item in prepared]
        batch = torch.zeros(len(prepared), max(lengths), N_BANDS)
        for row, item in zip(batch, prepared, strict=True):
            row[: len(item)] = torch.from_numpy(item.astype(np.float32))
        return batch, torch.tensor(lengths)


class TinyFaceEncoder(TrainableEncoder):
    name, modality, dim = "tiny_face", "face", 8

    def __init__(self, *, weights: str = "", seed: int = 0, device: str = "cpu") -> None:
        super().__init__(weights=weights, seed=seed, device=device)

    def build_network(self) -> nn.Module:
        return _TinyFace()

    def prepare(self, item: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(item[:: len(item) // SIDE_PX, :: len(item) // SIDE_PX][:SIDE_PX, :SIDE_PX])

    def collate(self, prepared: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
        return (torch.from_numpy(np.stack(prepared)).permute(0, 3, 1, 2).float() / 255,)


@pytest.fixture
def tiny_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoders tiny_voice and tiny_face in the registry."""
    for factory in (TinyVoiceEncoder, TinyFaceEncoder):
        monkeypatch.setitem(ENCODERS._factories, factory.name, factory)


@pytest.fixture
def make_network() -> Callable[..., JointNetwork]:
    """Makes a joint network of the tiny encoders."""

    def make(settings: EndToEndSettings | None = None, seed: int = 0) -> JointNetwork:
        voice, face = TinyVoiceEncoder(seed=seed), TinyFaceEncoder(seed=seed + 1)
        return JointNetwork(voice, face, settings or EndToEndSettings(output_dim=4), seed=seed)

    return make


@pytest.fixture
def make_media() -> Callable[..., MediaPairs]:
    """Makes people whose colour of face and whose spectrum share two numbers, some clips each."""

    def make(n_people: int = 12, n_clips: int = 2, seed: int = 0, one_video: bool = False) -> MediaPairs:
        rng = np.random.default_rng(seed)
        shared = rng.normal(size=(n_people, 2)).clip(-2, 2)
        shown = np.random.default_rng(5).normal(size=(2, N_BANDS))
        voices, faces, names, videos = [], [], [], []
        for person in range(n_people):
            for clip in range(n_clips):
                spectrum = shared[person] @ shown + 0.1 * rng.normal(size=(30 + clip, N_BANDS))
                colour = 128 + 40 * np.append(shared[person], 0) + 2 * rng.normal(size=(SIDE_PX, SIDE_PX, 3))
                voices.append(spectrum.astype(np.float16))
                faces.append(colour.clip(0, 255).astype(np.uint8))
                names.append(f"p{person:03}")
                videos.append("one" if one_video else f"p{person:03}-{clip}")
        return MediaPairs.of(
            PreparedItems.of(voices),
            PreparedItems.of(faces),
            voice_people=names,
            face_people=names,
            voice_videos=videos,
            face_videos=videos,
        )

    return make


@pytest.fixture
def make_corpus() -> Callable[..., Path]:
    """Makes the folder of a corpus by hand: noise for faces, tones for voices, failures where they are asked for."""

    def make(
        folder: Path,
        clips: Sequence[str] = ("p0/a", "p0/b", "p1/c.d"),
        failed: Mapping[str, str] | None = None,
        n_faces: int = 1,
        settings: Mapping[str, object] | None = None,
    ) -> Path:
        """`failed` is status by key; the person of a clip is what stands before its slash."""
        usual = {"clip": {"detector": "mtcnn", "crop": "aligned"}, "source": {"name": "videos", "folder": "talks"}}
        with Catalog.create(folder / CATALOG, settings or usual) as catalog:
            for name in ("faces", "voices"):
                (folder / name).mkdir()
            for clip in clips:
                rng = np.random.default_rng(list(clip.encode()))
                catalog.add_clip(
                    [_made_item(folder, clip, "face", index, failed or {}, rng) for index in range(n_faces)]
                    + [_made_item(folder, clip, "voice", 0, failed or {}, rng)]
                )
        return folder

    return make


def _made_item(
    folder: Path, clip: str, modality: Modality, index: int, failed: Mapping[str, str], rng: np.random.Generator
) -> MediaItem:
    key, person = item_key(clip, modality, index), clip.partition("/")[0]
    origin = {"gender": Attribute("f"), "age": Attribute("34", f"{modality}-net")}
    item = MediaItem(
        key, clip, modality, person=person, video=f"v-{clip}", source=f"{clip}.mp4", start_s=1.0, attributes=origin
    )
    if key in failed:
        return replace(item, status=failed[key], reason=f"{clip}.mp4: something is wrong. Mend it.")
    suffix = ".jpg" if modality == "face" else ".flac"
    path = folder / f"{modality}s" / stored_name(f"{clip}#{index}" if index else clip, suffix)
    quality: dict[str, float] = {"face_width_px": 80.0, "sharpness": 20.0}
    if modality == "face":
        write_face(path, rng.integers(0, 255, (48, 48, 3), dtype=np.uint8))
    else:
        voice = 0.3 * np.sin(np.arange(16_000 + 1000 * rng.integers(5)) * rng.uniform(0.05, 0.2))
        write_voice(path, voice.astype(np.float32))
        quality = {"duration_s": len(voice) / 16_000, "speech_s": 0.5, "snr_db": 20.0}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return replace(item, path=str(path.relative_to(folder)), digest=digest, quality=quality)


@pytest.fixture
def launch() -> Launch:
    """Runs `python WORDS` in two processes that find each other on the loopback, and waits for their end."""

    def run(words: Sequence[str], *, elastic: bool = False, wait_s: float = LAUNCH_S) -> Any:
        """With `elastic` torch's own launcher starts them; else they get its variables from here, a second faster."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        usual = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
        if elastic:
            head = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
            command = [sys.executable, *head, "--master-port", port, *words]
            return subprocess.run(command, capture_output=True, text=True, env=usual, timeout=wait_s, check=False)
        usual |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        both = [
            subprocess.Popen(
                [sys.executable, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**usual, "RANK": rank, "LOCAL_RANK": rank},
            )
            for rank in ("0", "1")
        ]
        said = [process.communicate(timeout=wait_s) for process in both]
        codes = [process.returncode for process in both]
        out, error = ("".join(each[index] for each in said) for index in (0, 1))
        return subprocess.CompletedProcess(list(words), max(map(abs, codes)), out, error)

    return run


@pytest.fixture
def run_script(launch: Launch, tmp_path: Path) -> Launch:
    """Writes a script to the test's folder and runs it there in two processes; the folder is its argument."""

    def run(text: str, *words: str, elastic: bool = False) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(text, encoding="utf-8")
        done = launch([str(tmp_path / "script.py"), str(tmp_path), *words], elastic=elastic)
        assert done.returncode == 0, done.stderr
        return done

    return run

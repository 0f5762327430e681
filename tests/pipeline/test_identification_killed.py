"""A run of networks that is killed again and again with a signal that nothing can catch, and what it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.splits import Splits

CLIPS = tuple(f"p{person}/{clip}" for person in range(3) for clip in range(6))
SUBSETS = ("train", "train", "train", "validation", "test", "test")
KILLED = """
import os, random, signal, sys, time
import torch
torch.set_num_threads(1)
import optuna.storages.journal
from pathlib import Path
from visavox.config import TrainConfig
from visavox.pipeline.identification_run import train_identification
import visavox.models.identifiers.vit, visavox.models.identifiers.output_fusion
corpus, splits, out, seed, n_kills = sys.argv[1:]
vit = {"name": "vit", "picture_px": 24, "dim": 8, "n_layers": 1, "n_heads": 2, "head": [8]}
training = {"n_epochs": 8, "batch_size": 4, "patience_epochs": 8, "mask_width": 10}
voice = {"network": {**vit, "modality": "voice"}, "training": training}
face = {"network": {**vit, "modality": "face"}, "training": training}
search = {"n_trials": 3, "n_epochs": 2, "space": {"dim": [8, 12]}}
fused = {"network": {"name": "output_fusion", "how": "add", "hidden": [4]}, "from": {"voice": "v", "face": "f"}}
networks = {"v": voice, "f": {**face, "search": search}, "fused": {**fused, "training": training}}
config = TrainConfig(task="identification", corpus=Path(corpus), splits=Path(splits), networks=networks, out=Path(out),
                     workers=1, precision="float32")
draw = random.Random(int(seed))
left, killed = int(n_kills), 0
while True:
    pid = os.fork()
    if not pid:
        train_identification(config)
        os._exit(0)
    if left:
        time.sleep(draw.uniform(0.1, 1.0))
        os.kill(pid, signal.SIGKILL)
        left -= 1
    _, status = os.waitpid(pid, 0)
    killed += os.WIFSIGNALED(status)
    if status == 0:
        break
    assert os.WIFSIGNALED(status), status
print(killed)
"""


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_ends_as_one_that_is_not(
    make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    """SIGKILL, which nothing can catch, while clips are read, epochs trained, options searched and folders saved."""

    corpus = make_corpus(tmp_path / "corpus", CLIPS)
    with Catalog.open(corpus / CATALOG) as catalog:
        catalog_hash = catalog.content_hash()
    subsets = {clip: SUBSETS[int(clip[-1])] for clip in CLIPS}
    Splits(0, catalog_hash, {"train": 1.0}, subsets, by="clip").save(tmp_path / "splits" / "splits.json")

    def ends(out: Path, n_kills: int) -> int:
        words = [corpus, tmp_path / "splits", out, 7, n_kills]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", KILLED, *map(str, words)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return int(done.stdout)

    assert ends(tmp_path / "whole", 0) == 0
    assert ends(tmp_path / "killed", 5) > 1
    for name in ("v", "f", "fused"):
        one, two = (tmp_path / out / "networks" / name for out in ("whole", "killed"))
        assert sorted(p.name for p in one.iterdir()) == sorted(p.name for p in two.iterdir())
        assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
        assert (one / "predictions.safetensors").read_bytes() == (two / "predictions.safetensors").read_bytes()
        lines = [
            [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
            for folder in (one, two)
        ]
        for line in (*lines[0], *lines[1]):
            assert line.pop("seconds") >= 0
        assert lines[0] == lines[1] and [line["epoch"] for line in lines[0]] == list(range(1, 9))
    found = [
        json.loads((tmp_path / out / "networks/f/search.json").read_text(encoding="utf-8"))
        for out in ("whole", "killed")
    ]
    counted = [[(t["options"], t["value"]) for t in trials if t["state"] == "complete"] for trials in found]
    assert counted[0] == counted[1]

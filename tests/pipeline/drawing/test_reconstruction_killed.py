"""A reconstruction that is killed again and again with a signal that nothing can catch, and what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from visavox.pipeline.training_log import read_metrics

KILLED = """
import os, random, signal, sys, time
import torch
torch.set_num_threads(1)
from pathlib import Path
from visavox.config import TrainConfig
from visavox.pipeline.drawing.reconstruction_run import train_reconstruction
import torch._dynamo, visavox.models.encoders.voice_cnn, visavox.models.face_predictors.light
corpus, splits, out, seed, n_kills = sys.argv[1:]
drawing = {
    "image_px": 16,
    "voice_encoder": {"name": "voice_cnn"},
    "face_encoder": {"name": "face_look", "dim": 6, "training": {"n_epochs": 12, "batch_size": 4}},
    "decoder": {"name": "small", "channel_factor": 0.1},
    "predictor": {"name": "light", "training": {"spread_rank": 2, "n_folds": 2}},
}
config = TrainConfig(task="reconstruction", corpus=Path(corpus), splits=Path(splits), drawing=drawing, out=Path(out),
                     workers=1, precision="float32")
draw = random.Random(int(seed))
left, killed = int(n_kills), 0
while True:
    pid = os.fork()
    if not pid:
        train_reconstruction(config)
        os._exit(0)
    if left:
        time.sleep(draw.uniform(0.1, 1.2))
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
    small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    """SIGKILL, which nothing can catch, while pictures are read, epochs trained, voices embedded and parts saved."""

    def ends(out: Path, n_kills: int) -> int:
        words = [small_corpus, small_splits, out, 7, n_kills]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", KILLED, *map(str, words)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return int(done.stdout)

    assert ends(tmp_path / "whole", 0) == 0
    assert ends(tmp_path / "killed", 2) > 0
    one, two = (tmp_path / out / "generator" for out in ("whole", "killed"))
    left = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) for folder in (one, two)]
    assert left[0] == left[1]
    for path in one.rglob("*"):
        if path.is_file() and path.name != "README.md":  # the card tells seconds
            assert path.read_bytes() == (two / path.relative_to(one)).read_bytes(), path.name
    lines = [read_metrics(tmp_path / out) for out in ("whole", "killed")]
    for line in (*lines[0], *lines[1]):
        assert line.pop("seconds") >= 0
    assert lines[0] == lines[1] and [line["epoch"] for line in lines[0]] == list(range(1, 13))

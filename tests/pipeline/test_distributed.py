"""Several processes: who has which rows, what they exchange, and how one hears of another's end."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from visavox.errors import ConfigError, DataError
from visavox.pipeline import distributed
from visavox.pipeline.distributed import ALONE, Processes, join_processes, refuse_several, told_processes

Launch = Callable[..., subprocess.CompletedProcess[str]]
EXCHANGE = """
import json, sys
from pathlib import Path
import torch
from visavox.errors import DataError
from visavox.pipeline.distributed import join_processes

both = join_processes("cpu", timeout_s=30)
rank = both.rank
found = {"count": both.count, "first": both.is_first}
found["gathered"] = both.gather(torch.full((2 - rank, 2), float(rank)), [2, 1]).tolist()
sums = [torch.tensor([1.0 + rank]), torch.full((2, 2), 10.0 * rank)]
both.add_up(sums)
both.add_up([])
found["sums"] = [x.tolist() for x in sums]
turned = torch.arange(6.0).reshape(2, 3).T.add(rank)
counted = torch.tensor(7 + rank)
both.copy_from_first([turned, counted])
found["copied"] = [turned.tolist(), counted.item()]
found["number"] = both.number_from_first(5 + rank)
found["bytes"] = both.bytes_from_first(b"abc" if rank == 0 else b"").decode()
found["nothing"] = both.bytes_from_first(b"").decode()
found["texts"] = both.texts("\\u00e4" if rank else "")
try:
    with both.together():
        if rank:
            raise DataError("one is damaged.")
    found["together"] = "well"
except DataError as error:
    found["together"] = str(error)
with both.together():
    both.wait()
both.leave()
Path(sys.argv[1], f"{rank}.json").write_text(json.dumps(found))
"""
END = """
import os, sys
import torch
from visavox.errors import DataError
from visavox.pipeline.distributed import join_processes

both = join_processes("cpu", timeout_s=30)
if both.rank:
    os._exit(0)
try:
    both.gather(torch.ones(1), [1, 1])
except DataError as error:
    print(error)
os._exit(0)
"""


def test_one_process_alone_changes_nothing() -> None:
    rows = torch.ones(3, 2, requires_grad=True)
    assert torch.equal(ALONE.gather(rows, [3]), rows) and not ALONE.gather(rows, [3]).requires_grad
    ALONE.add_up([rows.detach()])
    ALONE.copy_from_first([rows.detach()])
    assert torch.equal(rows, torch.ones(3, 2))
    assert (ALONE.number_from_first(4), ALONE.bytes_from_first(b"x"), ALONE.texts("t")) == (4, b"x", ["t"])
    with pytest.raises(DataError, match="^own words$"), ALONE.together():
        raise DataError("own words")
    ALONE.wait()
    ALONE.leave()


@given(n=st.integers(0, 40), count=st.integers(1, 7))
def test_shares_follow_each_other_and_differ_by_one_at_most(n: int, count: int) -> None:
    shares = [Processes(rank, count).own_rows(n) for rank in range(count)]
    assert [row for share in shares for row in range(n)[share]] == list(range(n))
    sizes = [share.stop - share.start for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
    assert shares[-1] == Processes(0, count).own_rows(n, count - 1)


@pytest.mark.slow
def test_two_processes_exchange_what_they_have(run_script: Launch, tmp_path: Path) -> None:
    run_script(EXCHANGE)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1))
    assert (first.pop("first"), second.pop("first")) == (True, False)
    assert (first.pop("together"), second.pop("together")) == ("Process 1 of 2: one is damaged.", "one is damaged.")
    assert first == second
    assert first["gathered"] == [[0, 0], [0, 0], [1, 1]]
    assert first["sums"] == [[3.0], [[10.0, 10.0], [10.0, 10.0]]]
    assert first["copied"] == [[[0, 3], [1, 4], [2, 5]], 7]
    assert (first["count"], first["number"], first["bytes"], first["nothing"]) == (2, 5, "abc", "")
    assert first["texts"] == ["", "\u00e4"]


@pytest.mark.slow
def test_the_end_of_another_process_is_one_line(run_script: Launch) -> None:
    said = run_script(END).stdout.strip()
    assert said == distributed.LOST
    assert "start the same command again" in said and "\n" not in said


def test_who_one_is_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert told_processes() == (0, 1)
    assert join_processes("mps") == Processes(device="mps")
    refuse_several("Training on embeddings")
    monkeypatch.setenv("RANK", "3")  # of some other launcher, which does not say how many there are
    assert told_processes() == (0, 1)
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert told_processes() == (3, 4)
    with pytest.raises(
        ConfigError, match=r"^Training on embeddings is the work of one process. Got 4. Start it without"
    ):
        refuse_several("Training on embeddings")
    with pytest.raises(ConfigError, match="Several processes train on cpu or cuda. Got 'mps'"):
        join_processes("mps")


def test_what_cannot_meet_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(
        DataError, match="The 2 processes of this run cannot meet: .*MASTER_ADDR.*Start them with torchrun"
    ):
        join_processes("cpu")


def test_more_processes_than_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="`--nproc-per-node` must be at most the number of devices, 1. Got a process"):
        join_processes("cuda")


def test_the_launcher_of_these_tests_hands_on_failure(launch: Launch) -> None:
    assert launch(["-c", "raise SystemExit(3)"]).returncode == 3
    assert "RANK" not in os.environ

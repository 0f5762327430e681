"""The memory of a process that saw many shapes; each test that sets anything does so in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from visavox.web import steady_memory
from visavox.web.steady_memory import KERNELS, MOST_KERNELS, Trimmer, keep_memory_steady

GROWTH = """
import sys, threading
import numpy as np
from visavox.web.steady_memory import keep_memory_steady, _glibc
if sys.argv[1] == "steady":
    assert keep_memory_steady()

def anonymous_mb():
    lines = open("/proc/self/smaps_rollup", encoding="ascii").read().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Anonymous:"))) / 1024

def work(seed):
    sizes = np.random.default_rng(seed).integers(200_000, 8_000_000, 60)
    pieces = []
    for size in sizes:  # arrays of many sizes, and something small that stays behind each
        array = bytearray(int(size))
        pieces.append(bytes(100))
        del array
    kept.append(pieces)

kept = []
before = anonymous_mb()
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
if sys.argv[1] == "steady":
    _glibc().malloc_trim(0)
print(anonymous_mb() - before)
"""


def growth_mb(how: str) -> float:
    """What stays of the memory of eight threads that took and gave back arrays of many sizes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, how], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_what_is_given_back_goes_back_to_the_system() -> None:
    pytest.importorskip("numpy")
    steady = growth_mb("steady")
    assert steady < 20.0
    assert steady < growth_mb("usual")


def test_the_cache_of_kernels_is_bounded_unless_somebody_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_memory, "_glibc", lambda: None)
    monkeypatch.delenv(KERNELS, raising=False)
    assert not keep_memory_steady()  # nobody to tell, and no harm
    assert os.environ[KERNELS] == str(MOST_KERNELS)
    monkeypatch.setenv(KERNELS, "7")
    keep_memory_steady()
    assert os.environ[KERNELS] == "7"


def test_every_option_is_tried_and_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KERNELS, "7")
    told: list[tuple[int, int]] = []

    class Library:
        def mallopt(self, option: int, value: int) -> int:
            told.append((option, value))
            return int(option != steady_memory.M_ARENA_MAX)

    monkeypatch.setattr(steady_memory, "_glibc", Library)
    assert not keep_memory_steady()
    assert [option for option, _ in told] == [-8, -3, -1]


def test_memory_is_trimmed_again_and_again_until_the_end() -> None:
    with Trimmer(every_s=0.01) as trimmer:
        until = time.monotonic() + 10
        while trimmer.n_times < 3 and time.monotonic() < until:
            time.sleep(0.01)
    seen = trimmer.n_times
    assert seen >= 3
    time.sleep(0.05)
    assert trimmer.n_times == seen


def test_another_allocator_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with Trimmer(every_s=0.001) as trimmer:
        time.sleep(0.02)
    assert trimmer.n_times == 0

"""The embedding cache: bit for bit, across processes, kills, damage and full disks."""

from __future__ import annotations

import hashlib
import multiprocessing
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from visavox.corpus.cache import N_DIGESTS_A_QUERY, EmbeddingCache
from visavox.errors import DataError

Vectors = dict[str, NDArray[np.float32]]


def some_vectors(n_vectors: int, *, dim: int = 8, seed: int = 0) -> Vectors:
    rng = np.random.default_rng(seed)
    digests = [hashlib.sha256(f"{seed}-{i}".encode()).hexdigest() for i in range(n_vectors)]
    return dict(zip(digests, rng.normal(size=(n_vectors, dim)).astype(np.float32), strict=True))


def assert_same(found: Vectors, expected: Vectors) -> None:
    assert found.keys() == expected.keys()
    for digest, vector in expected.items():
        np.testing.assert_array_equal(found[digest], vector, strict=True)


def test_vectors_come_back_bit_for_bit(tmp_path: Path) -> None:
    vectors = some_vectors(20)
    EmbeddingCache(tmp_path).put_many(vectors, "ge2e-1")
    found, missing = EmbeddingCache(tmp_path).get_many(list(vectors), "ge2e-1")
    assert_same(found, vectors)
    assert missing == []


def test_more_vectors_than_one_query_takes(tmp_path: Path) -> None:
    vectors = some_vectors(2 * N_DIGESTS_A_QUERY + 5, dim=2)
    cache = EmbeddingCache(tmp_path)
    cache.put_many(vectors, "e")
    found, missing = cache.get_many(list(vectors), "e")
    assert_same(found, vectors)
    assert missing == []


def test_missing_digests_keep_their_order_and_count_once(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put_many({"b": np.ones(2, dtype=np.float32)}, "e")
    found, missing = cache.get_many(["c", "b", "a", "c", None, "b"], "e")
    assert list(found) == ["b"]
    assert missing == ["c", "a"]


def test_one_vector_or_none(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put_many({"a": np.array([1.0, 2.0])}, "e")
    found = cache.get("a", "e")
    assert found is not None
    assert found.tolist() == [1.0, 2.0]
    assert found.dtype == np.float32
    assert cache.get("b", "e") is None


def test_a_cache_that_does_not_exist_misses_everything_and_creates_nothing(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "new")
    assert cache.get_many(["a"], "e") == ({}, ["a"])
    assert cache.counts() == {}
    cache.put_many({}, "e")
    assert not (tmp_path / "new").exists()


def test_encoders_do_not_share_vectors(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put_many({"a": np.zeros(2)}, "e1")
    cache.put_many({"a": np.ones(3), "b": np.ones(3)}, "e2")
    first, second = cache.get("a", "e1"), cache.get("a", "e2")
    assert first is not None
    assert second is not None
    assert (first.tolist(), second.tolist()) == ([0.0, 0.0], [1.0, 1.0, 1.0])
    assert cache.get_many(["b"], "e1") == ({}, ["b"])
    assert cache.counts() == {"e1": 1, "e2": 2}


def test_the_last_vector_of_a_digest_counts(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put_many({"a": np.zeros(2)}, "e")
    cache.put_many({"a": np.ones(2)}, "e")
    found = cache.get("a", "e")
    assert found is not None
    assert found.tolist() == [1.0, 1.0]
    assert cache.counts() == {"e": 1}


def test_a_returned_vector_is_the_callers_own(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put_many({"a": np.zeros(2)}, "e")
    found = cache.get("a", "e")
    assert found is not None
    found += 1.0
    again = cache.get("a", "e")
    assert again is not None
    assert again.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_refused_and_nothing_is_kept(bad: float, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    with pytest.raises(DataError, match=r"must be finite. Got NaN or infinity from 'e' .* digest b."):
        cache.put_many({"a": np.zeros(2), "b": np.array([0.0, bad])}, "e")
    assert cache.get_many(["a"], "e") == ({}, ["a"])


def test_vectors_of_two_lengths_are_refused(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    with pytest.raises(DataError, match=r"must be \(2,\). Got \(3,\)"):
        cache.put_many({"a": np.zeros(2), "b": np.zeros(3)}, "e")
    with pytest.raises(DataError, match=r"must be \(2,\). Got \(1, 2\)"):
        cache.put_many({"a": np.zeros((1, 2))}, "e")


def test_an_encoder_that_changes_its_length_needs_another_identifier(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put_many({"a": np.zeros(2)}, "e")
    with pytest.raises(DataError, match=r"vectors of 'e' with 2 numbers. Got 3. .*another identifier"):
        cache.put_many({"b": np.zeros(3)}, "e")
    assert cache.counts() == {"e": 1}


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put_many({"aa": np.ones(4), "bb": np.ones(4)}, "e")
    connection = sqlite3.connect(cache.path)
    blob = np.array([1, 1, 1, 1.0001], dtype="<f4").tobytes()
    connection.execute("UPDATE vectors SET vector = ? WHERE digest = 'bb'", (blob,))
    connection.commit()
    connection.close()
    assert cache.get("aa", "e") is not None
    with pytest.raises(DataError, match=r"is damaged: the vector of bb does not match its checksum. Delete"):
        cache.get("bb", "e")


def test_a_damaged_file_is_an_error_and_not_a_miss(tmp_path: Path) -> None:
    content = b"nonsense that is long enough to be looked at" * 20
    cache = EmbeddingCache(tmp_path)
    cache.path.write_bytes(content)
    with pytest.raises(DataError, match="Delete the file; what is needed is embedded again"):
        cache.get_many(["a"], "e")


def _put_from_another_process(folder: str, seed: int) -> None:
    cache = EmbeddingCache(folder)
    for digest, vector in some_vectors(30, seed=seed).items():
        cache.put_many({digest: vector}, "e")


def test_processes_may_share_a_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_put_from_another_process, args=(str(tmp_path), seed)) for seed in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    expected = some_vectors(30, seed=1) | some_vectors(30, seed=2) | some_vectors(30, seed=3)
    assert_same(EmbeddingCache(tmp_path).get_many(list(expected), "e")[0], expected)


WRITER = """
import sys
import numpy as np
from visavox.corpus.cache import EmbeddingCache

cache = EmbeddingCache(sys.argv[1])
for i in range(100_000):
    cache.put_many({f"{i}-{j}": np.full(8, i) for j in range(5)}, "e")
    print(i + 1, flush=True)
"""


def test_a_kill_keeps_every_finished_batch_and_no_half(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        n_said = 0
        while n_said < 50:
            n_said = int(process.stdout.readline())
        process.kill()
        process.wait()
    cache = EmbeddingCache(tmp_path)
    n_vectors = cache.counts()["e"]
    assert n_vectors >= 5 * n_said
    assert n_vectors % 5 == 0
    digests = [f"{i}-{j}" for i in range(n_said) for j in range(5)]
    found, missing = cache.get_many(digests, "e")
    assert missing == []
    assert all((found[digest] == int(digest.split("-")[0])).all() for digest in digests)


def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    before = some_vectors(10)
    cache.put_many(before, "e")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(DataError, match="No room to write"):
            cache.put_many(some_vectors(20_000, seed=1), "e")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert cache.counts() == {"e": 10}
    assert_same(cache.get_many(list(before), "e")[0], before)
    cache.put_many(some_vectors(5, seed=2), "e")
    assert cache.counts() == {"e": 15}


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(DataError, match="cannot be used"):
        EmbeddingCache(tmp_path / "cache").put_many({"a": np.zeros(2)}, "e")


def test_a_cache_that_a_full_disk_stopped_at_its_birth_is_an_empty_one(tmp_path: Path) -> None:
    """The disk was full at the first write, and once there was room `embed` failed for good: no such table."""
    cache = EmbeddingCache(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DataError, match="No room to write"):
            cache.put_many(some_vectors(10), "e")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert cache.path.exists()
    assert cache.get_many(["a"], "e") == ({}, ["a"])
    assert cache.counts() == {}
    cache.put_many(some_vectors(3), "e")
    assert cache.counts() == {"e": 3}

"""Hashes and close pairs against slow referees written from their definitions."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from visavox.corpus import near_duplicates
from visavox.corpus.near_duplicates import close_by_cosine, close_by_hash, difference_hash
from visavox.errors import DataError


def picture(seed: int = 0, size: int = 64) -> NDArray[np.uint8]:
    """Return a smooth random picture, (size, size, 3) uint8."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC))


def distance(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def slow_hash(image: NDArray[np.uint8]) -> int:
    """Average each cell of an 8 x 9 grid pixel by pixel; the sides must divide."""
    height, width = image.shape[0] // 8, image.shape[1] // 9
    bits = ""
    for row in range(8):
        cells = []
        for column in range(9):
            total = 0.0
            for y in range(row * height, (row + 1) * height):
                for x in range(column * width, (column + 1) * width):
                    red, green, blue = (float(v) for v in image[y, x])
                    total += 0.299 * red + 0.587 * green + 0.114 * blue
            cells.append(total / (height * width))
        bits += "".join("1" if right > left + 1e-6 else "0" for left, right in itertools.pairwise(cells))
    return int(bits, 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_hash_equals_its_definition(seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (24, 27, 3), dtype=np.uint8)
    assert difference_hash(image) == slow_hash(image)


def test_the_first_bit_is_the_upper_left_corner() -> None:
    image = np.zeros((8, 9, 3), dtype=np.uint8)
    image[0, 1] = 255
    assert difference_hash(image) == 1 << 63
    image[0, 1], image[7, 8] = 0, 255
    assert difference_hash(image) == 1


@pytest.mark.parametrize("value", [0, 7, 255])
def test_one_colour_gives_zero(value: int) -> None:
    assert difference_hash(np.full((37, 53, 3), value, dtype=np.uint8)) == 0


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (3, 2, 3)])
def test_any_size_has_a_hash(shape: tuple[int, ...]) -> None:
    assert 0 <= difference_hash(np.ones(shape, dtype=np.uint8)) < 2**64


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"must have the shape \(height, width, 3\)"):
        difference_hash(np.zeros(shape, dtype=np.uint8))


def test_the_same_picture_smaller_or_brighter_is_close_and_another_is_not() -> None:
    original = picture(size=256)
    smaller = np.asarray(Image.fromarray(original).resize((90, 90), Image.Resampling.LANCZOS))
    darker = (original * 0.7).astype(np.uint8)
    assert distance(difference_hash(original), difference_hash(smaller)) <= 2
    assert distance(difference_hash(original), difference_hash(darker)) <= 2
    assert distance(difference_hash(original), difference_hash(picture(1, 256))) > 10
    assert distance(difference_hash(original), difference_hash(original[:, ::-1])) > 10


def slow_hash_pairs(
    hashes: list[int], codes: list[NDArray[np.integer]], max_distance: int
) -> set[tuple[int, int, int]]:
    return {
        (i, j, distance(hashes[i], hashes[j]))
        for i, j in itertools.combinations(range(len(hashes)), 2)
        if distance(hashes[i], hashes[j]) <= max_distance and all(code[i] != code[j] for code in codes)
    }


@pytest.mark.parametrize("block", [1, 7, 1024])
@pytest.mark.parametrize("max_distance", [0, 3, 64])
def test_close_hashes_equal_their_definition(block: int, max_distance: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "BLOCK", block)
    rng = np.random.default_rng(0)
    hashes = [int(h) for h in rng.integers(0, 2**64, 20, dtype=np.uint64)]
    hashes += [h ^ 1 for h in hashes[:5]] + [h ^ (2**63 + 2**40) for h in hashes[:5]] + hashes[:3]
    codes = [rng.integers(0, 3, len(hashes)), rng.integers(0, 10, len(hashes))]
    found = close_by_hash(hashes, codes, max_distance=max_distance, max_pairs=10_000)
    listed = {(i, j, int(v)) for (i, j), v in zip(found.rows.tolist(), found.values.tolist(), strict=True)}
    assert listed == slow_hash_pairs(hashes, codes, max_distance)
    assert found.n_pairs == len(listed)
    assert found.values.tolist() == sorted(found.values.tolist())
    assert not np.signbit(found.values).any()


def cosine(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_close_vectors_equal_their_definition(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "BLOCK", block)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 3))
    codes = [rng.integers(0, 3, 40), rng.integers(0, 10, 40)]
    found = close_by_cosine(vectors, codes, min_cosine=0.8, max_pairs=10_000)
    expected = {
        (i, j): cosine(vectors[i], vectors[j])
        for i, j in itertools.combinations(range(40), 2)
        if cosine(vectors[i], vectors[j]) >= 0.8 and all(code[i] != code[j] for code in codes)
    }
    listed = {(i, j): v for (i, j), v in zip(found.rows.tolist(), found.values.tolist(), strict=True)}
    assert len(expected) > 10
    assert listed.keys() == expected.keys()
    assert all(listed[pair] == pytest.approx(expected[pair], abs=1e-5) for pair in expected)
    assert found.n_pairs == len(expected)
    assert found.values.tolist() == sorted(found.values.tolist(), reverse=True)


def test_lengths_do_not_matter_and_zeros_are_close_to_nothing() -> None:
    vectors = np.array([[1.0, 1.0], [100.0, 100.0], [0.0, 0.0], [0.0, 0.0]])
    found = close_by_cosine(vectors, [np.arange(4)], min_cosine=-1.0)
    assert found.rows.tolist() == [[0, 1]]
    assert found.values.tolist() == pytest.approx([1.0])


@pytest.mark.parametrize("block", [3, 1024])
def test_only_the_closest_are_listed_and_all_are_counted(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "BLOCK", block)
    vectors = np.random.default_rng(0).normal(size=(30, 3))
    everything = close_by_cosine(vectors, [np.arange(30)], min_cosine=-1.0, max_pairs=10_000)
    few = close_by_cosine(vectors, [np.arange(30)], min_cosine=-1.0, max_pairs=7)
    assert everything.n_pairs == few.n_pairs == 30 * 29 // 2
    assert few.values.tolist() == everything.values[:7].tolist()
    assert few.rows.tolist() == everything.rows[:7].tolist()


def test_no_row_is_its_own_pair() -> None:
    assert close_by_cosine(np.eye(3), [], min_cosine=0.5).n_pairs == 0
    assert close_by_hash([1, 2**40], [], max_distance=0).n_pairs == 0
    assert close_by_hash([1, 1, 1], [], max_distance=0).rows.tolist() == [[0, 1], [0, 2], [1, 2]]


def test_nothing_has_no_pairs() -> None:
    for found in (
        close_by_hash([], [np.empty(0, dtype=int)], max_distance=64),
        close_by_cosine(np.empty((0, 4)), [np.empty(0, dtype=int)], min_cosine=-1.0),
        close_by_hash([5], [np.zeros(1, dtype=int)], max_distance=64),
    ):
        assert found.n_pairs == 0
        assert found.rows.shape == (0, 2)
        assert found.values.shape == (0,)


@pytest.mark.parametrize("pairs_at_once", [1, 50, 2**21])
@pytest.mark.parametrize("max_distance", [0, 1, 2, 5, 6, 7])
def test_hashes_that_crowd_together_are_found_by_their_parts_as_by_all_pairs(
    max_distance: int, pairs_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Aligned faces share most of their bits, so that groups of equal parts are large and pairs agree in many."""
    monkeypatch.setattr(near_duplicates, "PAIRS_AT_ONCE", pairs_at_once)
    rng = np.random.default_rng(max_distance)
    common = int(rng.integers(0, 2**64, dtype=np.uint64))
    hashes = []
    for _ in range(60):
        flips = rng.choice(64, size=rng.integers(0, 9), replace=False)
        hashes.append(common ^ sum(1 << int(bit) for bit in flips))
    codes = [rng.integers(0, 20, len(hashes))]
    found = close_by_hash(hashes, codes, max_distance=max_distance, max_pairs=10_000)
    listed = [(i, j, int(v)) for (i, j), v in zip(found.rows.tolist(), found.values.tolist(), strict=True)]
    assert listed == sorted(slow_hash_pairs(hashes, codes, max_distance), key=lambda pair: (pair[2], *pair[:2]))
    assert len(listed) == found.n_pairs > 0


def test_every_place_where_bits_may_differ_is_searched() -> None:
    for bits in itertools.combinations(range(64), 2):
        assert close_by_hash([0, 1 << bits[0] | 1 << bits[1]], [], max_distance=2).n_pairs == 1


def test_the_hashes_of_a_large_corpus_take_no_time() -> None:
    """All pairs of 100,000 would be 5,000 million comparisons; a quarter of a minute shows that they are not made."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 100_000, dtype=np.uint64)
    hashes[70_000:70_010] = hashes[:10] ^ np.uint64(2**33 + 2**5)
    begin = time.process_time()
    found = close_by_hash(hashes, [np.arange(len(hashes))], max_distance=2)
    assert time.process_time() - begin < 2
    assert found.rows.tolist() == [[i, 70_000 + i] for i in range(10)]


@pytest.mark.parametrize(("block", "tile"), [(1, 1), (3, 7), (7, 3), (40, 5), (1024, 8192)])
def test_tiles_of_any_shape_give_the_same_pairs(block: int, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 3))
    codes = [np.arange(40) // 2]
    plain = close_by_cosine(vectors, codes, min_cosine=0.7, max_pairs=10_000)
    monkeypatch.setattr(near_duplicates, "BLOCK", block)
    monkeypatch.setattr(near_duplicates, "TILE", tile)
    found = close_by_cosine(vectors, codes, min_cosine=0.7, max_pairs=10_000)
    assert found.n_pairs == plain.n_pairs > 50
    assert {tuple(row) for row in found.rows.tolist()} == {tuple(row) for row in plain.rows.tolist()}

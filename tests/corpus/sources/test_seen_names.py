"""New names against a set, in batches of all sizes."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.seen_names import SeenNames


@given(st.lists(st.lists(st.text("abc", max_size=3), max_size=6), max_size=12))
def test_names_are_new_as_a_set_says(batches: list[list[str]]) -> None:
    seen, known = SeenNames(), set[str]()
    for batch in batches:
        expected = []
        for name in batch:
            expected.append(name not in known)
            known.add(name)
        assert seen.are_new(batch) == expected


def test_a_name_takes_about_eight_bytes() -> None:
    n = 100_000
    tracemalloc.start()
    seen = SeenNames()
    for begin in range(0, n, 500):
        assert all(seen.are_new([f"name {i}" for i in range(begin, begin + 500)]))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 12 * n
    assert not any(seen.are_new([f"name {i}" for i in range(0, n, 777)]))

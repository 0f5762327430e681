"""Stills for utterances."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.celebrity_tables import Celebrities
from visavox.corpus.sources.media_trees import STILLS, Tree
from visavox.corpus.sources.still_choice import StillsOfVideos, spread


@given(st.integers(1, 40), st.integers(1, 40))
def test_items_are_spread_evenly_and_in_order(n_items: int, n: int) -> None:
    chosen = spread(range(n_items), n)
    assert len(chosen) == n
    assert chosen == sorted(chosen)
    # No item stands for more than its share, and the ends are as far from the first as from the last.
    assert max(chosen.count(item) for item in chosen) <= -(-n // n_items)
    assert abs(chosen[0] - (n_items - 1 - chosen[-1])) <= 1


def test_stills_of_a_video_are_found_under_names_and_ids_with_and_without_a_folder_between(tmp_path: Path) -> None:
    for name in ("Ann_Lee/1.6/v1/b.jpg", "Ann_Lee/1.6/v1/a.jpg", "id10001/v2/c.png", "Bob/v1/x.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    people = Celebrities(id_by_name={"Ann_Lee": "id10001"}, names_by_id={"id10001": ["Ann_Lee"]})
    stills = StillsOfVideos([Tree(tmp_path, STILLS)], people)
    assert [path.name for path in stills.spread("id10001", "v1", 2)] == ["a.jpg", "b.jpg"]
    assert [path.name for path in stills.spread("id10001", "v2", 1)] == ["c.png"]
    assert stills.spread("id10001", "v3", 2) == stills.spread("id10001", "", 2) == stills.spread("id9", "v1", 1) == []
    assert [path.name for path in stills.spread("Bob", "v1", 1)] == ["x.jpg"]

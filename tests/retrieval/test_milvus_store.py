"""What a gallery asks of Milvus, on the embedded one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from tests.retrieval.milvus_servers import DIM, made_rows

from visavox.errors import DataError
from visavox.retrieval import milvus_connection, milvus_store
from visavox.retrieval.milvus_connection import MilvusConnection, one_of
from visavox.retrieval.milvus_rows import create_rows_collection, create_texts_collection, where_expression
from visavox.retrieval.milvus_store import MilvusStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusStore]:
    """A store of 60 faces."""
    with MilvusConnection(str(tmp_path_factory.mktemp("milvus") / "m.db")) as connection:
        made = MilvusStore(connection, "t", "FLAT")
        for part in ("about", "media"):
            create_texts_collection(connection, made.name(part))
        create_rows_collection(connection, made.name("face"), DIM, "exact")
        made.write(made_rows(60), {})
        yield made


def test_rows_are_counted_and_paged(store: MilvusStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are cut at ids; none is lost or comes twice whatever is in a key."""
    monkeypatch.setattr(milvus_connection, "PAGE_ROWS", 7)
    keys = [row["key"] for row in store.rows("face", "", ["key"])]
    assert sorted(keys) == sorted(made_rows(60).keys)
    assert store.count("face", "") == 60


def test_filters_are_those_of_a_plain_loop(store: MilvusStore) -> None:
    rows = made_rows(60)
    odd = 'odd "name"\\'
    value = 'it\'s "1" or 1 == 1\\'
    wanted = {"gender": ("f",), odd: (value, "nobody has this")}
    expected = {
        key
        for key, gender, other in zip(rows.keys, rows.attributes["gender"], rows.attributes[odd], strict=True)
        if gender == "f" and other == value
    }
    assert {row["key"] for row in store.rows("face", where_expression(wanted), ["key"])} == expected
    assert store.count("face", where_expression(wanted)) == len(expected) > 5
    assert store.count("face", where_expression({odd: ('x" or attributes["gender"] == "f',)})) == 0


def test_names_are_found_whatever_is_in_them(store: MilvusStore) -> None:
    people = sorted(set(made_rows(60).people))[:3]
    found = list(store.rows("face", one_of("person", people), ["person"]))
    assert {row["person"] for row in found} == set(people)
    assert len(found) == 6


def test_hits_are_those_of_a_plain_product(store: MilvusStore) -> None:
    rows = made_rows(60)
    query = made_rows(1, seed=9).vectors[0]
    similarities = rows.vectors @ query
    hits = store.hits_by_clip(query, "face", 10, "", 0)
    order = np.argsort(-similarities)[:10]
    assert [hit.key for hit in hits] == [rows.keys[row] for row in order]
    np.testing.assert_allclose([hit.similarity for hit in hits], similarities[order], atol=1e-5)


def test_hits_by_person_are_each_persons_best(store: MilvusStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one answer of Milvus holds fewer people than are asked for."""
    rows = made_rows(60)
    query = made_rows(1, seed=9).vectors[0]
    best: dict[str, float] = {}
    for person, similarity in zip(rows.people, rows.vectors @ query, strict=True):
        best[person] = max(best.get(person, -2), float(similarity))
    expected = sorted(best, key=lambda person: -best[person])
    for most in (milvus_store.MOST_ROWS, 5):
        monkeypatch.setattr(milvus_store, "MOST_ROWS", most)
        hits = store.hits_by_person(query, "face", 12, "", 0)
        assert [hit.person for hit in hits] == expected[:12]
        assert len(store.hits_by_person(query, "face", 100, "", 0)) == 30


def test_media_come_back_and_shorter_ones_leave_nothing_behind(store: MilvusStore) -> None:
    long, short = made_rows(1, first=100, media_bytes=100_000), made_rows(1, first=100, media_bytes=10)
    key = long.keys[0]
    store.write(long, {})
    assert store.parts_of("face", [key, "no"]) == {key: 3}
    assert store.media("face", [key, "no"]) == [long.media[0], None]
    ids = [milvus_store.part_id("face", key, number) for number in range(3)]
    store.write(short, {key: 3})
    assert store.media("face", [key]) == [short.media[0]]
    assert list(store.texts("media", ids)) == ids[:1]
    store.delete("face", {key: 1})
    assert store.parts_of("face", [key]) == {}
    assert store.texts("media", ids) == {}


def test_a_media_part_that_lacks_is_one_line(store: MilvusStore) -> None:
    rows = made_rows(1, first=200, media_bytes=100_000)
    store.write(rows, {})
    store.delete_parts("face", {rows.keys[0]: range(1, 2)})
    with pytest.raises(DataError, match="are not whole. Add the clip again"):
        store.media("face", rows.keys)
    store.write(rows, {rows.keys[0]: 3})
    assert store.media("face", rows.keys) == [rows.media[0]]
    store.delete("face", {rows.keys[0]: 3})


def test_a_row_without_media_has_none(store: MilvusStore) -> None:
    rows = dataclasses.replace(made_rows(2, first=300), media=())
    store.write(rows, {})
    assert store.media("face", rows.keys) == [None, None]
    store.delete("face", dict.fromkeys(rows.keys, 0))


def test_what_is_said_is_kept(store: MilvusStore) -> None:
    assert store.said("about") is None
    store.say("about", {"whole": False})
    store.say("about", {"whole": True})
    store.say_attributes(["gender", 'odd "name"\\'])
    store.say_attributes(["gender"])
    assert store.said("about") == {"whole": True}
    assert sorted(store.attributes()) == ["gender", 'odd "name"\\']

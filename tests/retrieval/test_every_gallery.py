"""What holds for every gallery, in files and in Milvus: names of any characters, filters, sizes, changes, threads."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.retrieval.conftest import make_rows

from visavox.errors import ConfigError, DataError
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_opening import check_place, create_gallery, open_gallery
from visavox.retrieval.gallery_rows import Added, GalleryAbout, GalleryRows

ABOUT = GalleryAbout("base", "00" * 32, 8, {"voice": {"name": "ge2e"}})
ODD = (
    'say "hi"',
    "O'Neil",
    "back\\slash",
    "100 %_*?",
    "a/b/../c",
    "Zoë 山田 🙂",
    "] or 1 == 1 or key in [",
    "{x}, {{y}}",
    "new\nline\ttab",
    " spaces ",
    "-- --people",
    "<b>&amp;</b>",
)
"""Names and values that something on the way could take for more than a text."""
BACKENDS = ["local", pytest.param("milvus", marks=pytest.mark.slow)]


def odd_rows(modality: str = "face") -> GalleryRows:
    """A row a name: the name is person, clip, video and value at once."""
    rows = make_rows(len(ODD), modality=modality)  # type: ignore[arg-type]
    return dataclasses.replace(
        rows,
        keys=tuple(f"{name}/{modality}" for name in ODD),
        clips=ODD,
        people=ODD,
        videos=ODD,
        attributes={"plain": ODD, ODD[0]: ODD},
        media=tuple(name.encode() for name in ODD),
    )


def made(backend: str, folder: Path, tables: Sequence[GalleryRows], collection: str) -> Gallery:
    uri = str(folder / "m.db") if backend == "milvus" else ""
    return create_gallery(folder / collection, ABOUT, tables, backend=backend, uri=uri, collection=collection)


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "milvus":
        pytest.importorskip("milvus_lite")
    return str(request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Path:
    return tmp_path_factory.mktemp(backend)


@pytest.fixture(scope="module")
def odd(backend: str, folder: Path) -> Iterator[Gallery]:
    """Twelve faces with odd names and as many voices. Read only."""
    with made(backend, folder, [odd_rows("voice"), odd_rows()], "odd") as gallery:
        yield gallery


@pytest.mark.parametrize("name", ODD)
def test_a_filter_takes_any_text_for_nothing_but_itself(odd: Gallery, name: str) -> None:
    query = odd_rows().vectors[:1]
    for attribute in ("plain", ODD[0]):
        (hits,) = odd.search(query, "face", 5, where={attribute: name})
        assert [(hit.person, hit.clip, hit.attributes["plain"]) for hit in hits] == [(name, name, name)]
        assert odd.count("face", where={attribute: [name, "nobody"]}) == 1
        assert odd.evidence(query[0], "face", 5.0, 5, where={attribute: name}).hits[0].key == hits[0].key
    assert odd.clips_of([name, "nobody"], "face") == {name: 1, "nobody": 0}
    assert odd.thumbnail(f"{name}/face") == name.encode()
    assert odd.excerpt(f"{name}/voice") == name.encode()


def test_values_that_nobody_has_find_nobody(odd: Gallery) -> None:
    for value in ("", "say", '"', "%", "*", "plain", "O'"):
        assert odd.count("face", where={"plain": value}) == 0
        assert odd.search(odd_rows().vectors[:2], "face", 3, where={"plain": value}) == [[], []]
        assert odd.evidence(odd_rows().vectors[0], "face", 5.0, 3, where={"plain": value}).n_candidates == 0
    with pytest.raises(ConfigError, match="`where` must name attributes of the gallery"):
        odd.count("face", where={"plain == 1 or plain": "x"})


def test_rows_with_odd_names_come_out_as_they_went_in(odd: Gallery) -> None:
    given = odd_rows()
    found = {key: (part, i) for part in odd.tables("face") for i, key in enumerate(part.keys)}
    assert set(found) == set(given.keys)
    for i, key in enumerate(given.keys):
        part, row = found[key]
        assert (part.people[row], part.clips[row], part.videos[row]) == (given.people[i], given.clips[i], ODD[i])
        assert {name: values[row] for name, values in part.attributes.items()} == {"plain": ODD[i], ODD[0]: ODD[i]}
        assert part.media[row] == ODD[i].encode()
        np.testing.assert_allclose(part.vectors[row], given.vectors[i], atol=1e-6)


def test_more_than_there_are_gives_all(odd: Gallery) -> None:
    (hits,) = odd.search(odd_rows().vectors[:1], "face", 500)
    assert {hit.person for hit in hits} == set(ODD)
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
    assert odd.search(odd_rows().vectors[:0], "face", 3) == []


def test_eight_threads_find_what_one_does(odd: Gallery) -> None:
    query = odd_rows().vectors
    expected = [[hit.key for hit in hits] for hits in odd.search(query, "face", 4)]
    found: list[Any] = []

    def look() -> None:
        found.append([[hit.key for hit in hits] for hits in odd.search(query, "face", 4)])
        found.append(odd.evidence(query[0], "face", 5.0, 4).hits[0].key)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(expected) == 8
    assert found.count(expected[0][0]) == 8


def test_people_with_odd_names_can_go_and_come_back(backend: str, folder: Path) -> None:
    with made(backend, folder, [odd_rows("voice"), odd_rows()], "going") as gallery:
        for name in ODD[:6]:
            assert gallery.remove(people=[name]).n_rows == 2
            assert gallery.clips_of([name], "face") == {name: 0}
            with pytest.raises(ConfigError, match="No person of the") as caught:
                gallery.remove(people=[name])
            assert "\n" not in str(caught.value)
        assert gallery.remove(clips=list(ODD[6:8])).n_rows == 4
        assert gallery.count("face") == 4
        assert gallery.add(odd_rows()) == Added(n_new=8, n_replaced=4)
        assert gallery.count("face") == 12
        assert gallery.count("voice") == 4


def test_one_row_is_a_gallery_and_an_emptied_one_can_be_filled_again(backend: str, folder: Path) -> None:
    one = make_rows(1)
    with made(backend, folder, [one], "one") as gallery:
        assert gallery.modalities == ("face",)
        (hits,) = gallery.search(-one.vectors, "face", 3)
        assert [hit.similarity for hit in hits] == [pytest.approx(-1, abs=1e-5)]
        found = gallery.evidence(one.vectors[0], "face", 5.0, 3)
        assert (found.n_candidates, found.n_clips) == (1, 1)
        assert found.log_mass == pytest.approx(5.0, abs=1e-4)
        assert gallery.remove(people=["p0"]).n_rows == 1
        assert gallery.modalities == ()
        assert gallery.info().modalities == {}
        for asked in (
            lambda: gallery.search(one.vectors, "face", 1),
            lambda: gallery.evidence(one.vectors[0], "face", 5.0, 1),
        ):
            with pytest.raises(ConfigError, match="holds no faces, only nothing"):
                asked()
        assert gallery.add(make_rows(3)).n_new == 3
        assert gallery.count("face", by="clip") == 3
    with open_gallery(folder / "one") as again:
        assert again.count("face", by="clip") == 3


def test_double_precision_asks_the_same(odd: Gallery) -> None:
    queries = odd_rows().vectors[:2]
    once, twice = odd.search(queries, "face", 4), odd.search(queries.astype(np.float64), "face", 4)  # type: ignore[arg-type]
    assert [[hit.key for hit in hits] for hits in once] == [[hit.key for hit in hits] for hits in twice]


def test_queries_of_another_model_are_one_line(odd: Gallery) -> None:
    for wrong in (np.ones((1, 7), np.float32), np.ones((1, 9), np.float32)):
        for asked in (
            lambda q: odd.search(q, "face", 1),
            lambda q: odd.evidence(q[0], "face", 5.0, 1),
        ):
            with pytest.raises(DataError, match=r"must have the shape \(q, 8\). Got \(1, [79]\). Use the model"):
                asked(wrong)


def test_equal_vectors_are_all_found(backend: str, folder: Path) -> None:
    """Six clips of three people, all the same picture: each counts, none hides another."""
    rows = make_rows(6)
    rows = dataclasses.replace(rows, vectors=np.repeat(rows.vectors[:1], 6, axis=0))
    with made(backend, folder, [rows], "equal") as gallery:
        (hits,) = gallery.search(rows.vectors[:1], "face", 6, by="clip")
        assert {hit.key for hit in hits} == set(rows.keys)
        found = gallery.evidence(rows.vectors[0], "face", 5.0, 6)
        assert {hit.person for hit in found.hits} == {"p0", "p1", "p2"}
        np.testing.assert_allclose(found.logs, 5.0, atol=1e-4)
        assert found.log_mass == pytest.approx(5.0 + np.log(3), abs=1e-4)


def test_a_place_in_milvus_is_looked_at_before_it_is_needed(backend: str, folder: Path, odd: Gallery) -> None:
    if backend == "local":
        check_place(folder / "odd")
        return
    uri = str(folder / "m.db")
    check_place(folder / "odd", backend="milvus", uri=uri, collection="odd")  # its own
    check_place(folder / "new", backend="milvus", uri=uri, collection="free")
    with pytest.raises(ConfigError, match="are of another gallery. Choose another `collection`"):
        check_place(folder / "new", backend="milvus", uri=uri, collection="odd")
    with pytest.raises(ConfigError, match="letters, digits and underscores. Got 'a-b'"):
        check_place(folder / "new", backend="milvus", uri=uri, collection="a-b")
    assert not (folder / "new").exists()
    assert odd.count("face") == len(ODD)

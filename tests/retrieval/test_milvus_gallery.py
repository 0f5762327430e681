"""A gallery in Milvus: as the local one, on the embedded Milvus and on a server that is killed in the middle."""

from __future__ import annotations

import dataclasses
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.retrieval.milvus_servers import DIM, MilvusServer, made_rows

from visavox.errors import ConfigError, DataError
from visavox.retrieval import milvus_connection, milvus_gallery
from visavox.retrieval.gallery_file import GALLERY_FILE
from visavox.retrieval.gallery_opening import create_gallery, open_gallery
from visavox.retrieval.gallery_rows import Added, GalleryAbout
from visavox.retrieval.local_gallery import LocalGallery
from visavox.retrieval.milvus_gallery import MilvusGallery

ABOUT = GalleryAbout("world", "ab" * 32, DIM, {"face": {"name": "thumb"}})
ODD = 'odd "name"\\'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("galleries")


@pytest.fixture(scope="module")
def gallery(folder: Path) -> Iterator[MilvusGallery]:
    """A gallery of 250 faces and 20 voices; tests leave it as they found it."""
    tables = [made_rows(250), made_rows(20, "voice")]
    made = create_gallery(folder / "g", ABOUT, tables, backend="milvus", uri=str(folder / "m.db"), collection="one")
    assert isinstance(made, MilvusGallery)
    with made:
        yield made


@pytest.fixture(scope="module")
def local(folder: Path) -> LocalGallery:
    return LocalGallery.create(folder / "local", ABOUT, [made_rows(250), made_rows(20, "voice")])


@pytest.mark.parametrize("by", ["person", "clip"])
@pytest.mark.parametrize("where", [None, {"gender": "f"}, {"gender": ["f", "m"], ODD: 'it\'s "1" or 1 == 1\\'}])
def test_it_answers_as_a_local_gallery(gallery: MilvusGallery, local: LocalGallery, by: str, where: object) -> None:
    queries = made_rows(3, seed=5).vectors
    options = {"where": where, "by": by}
    ours = gallery.search(queries, "face", 12, **options)  # type: ignore[arg-type]
    theirs = local.search(queries, "face", 12, **options)  # type: ignore[arg-type]
    for own, other in zip(ours, theirs, strict=True):
        assert [(hit.key, hit.person, hit.attributes) for hit in own] == [
            (hit.key, hit.person, hit.attributes) for hit in other
        ]
        np.testing.assert_allclose([h.similarity for h in own], [h.similarity for h in other], atol=1e-5)
    assert gallery.count("face", **options) == local.count("face", **options)  # type: ignore[arg-type]
    for query in queries:
        own_found = gallery.evidence(query, "face", 8.0, 12, **options)  # type: ignore[arg-type]
        other_found = local.evidence(query, "face", 8.0, 12, **options)  # type: ignore[arg-type]
        assert [hit.key for hit in own_found.hits] == [hit.key for hit in other_found.hits]
        np.testing.assert_allclose(own_found.logs, other_found.logs, atol=1e-4)
        assert own_found.log_mass == pytest.approx(other_found.log_mass, abs=1e-4)
        assert own_found.n_candidates == other_found.n_candidates
        assert own_found.n_clips == own_found.n_seen == other_found.n_clips


def test_more_rows_than_one_answer_holds_are_bounded(
    gallery: MilvusGallery, local: LocalGallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_gallery, "MOST_ROWS", 100)
    monkeypatch.setattr("visavox.retrieval.gallery.LEAST_LOOKED_AT", 50)
    query = made_rows(1, seed=5).vectors[0]
    where = {"gender": ["f", "m"]}
    found = gallery.evidence(query, "face", 8.0, 5, where=where)
    whole = local.evidence(query, "face", 8.0, 5, where=where)
    assert (found.n_seen, found.n_clips, found.n_candidates) == (50, 250, 125)
    assert found.log_mass >= whole.log_mass
    assert np.isfinite(found.log_unseen)
    true = {hit.person: log for hit, log in zip(whole.hits, whole.logs, strict=True)}
    assert all(log <= true.get(hit.person, np.inf) + 1e-4 for hit, log in zip(found.hits, found.logs, strict=True))
    people = [found.hits[0].person, "nobody"]
    assert gallery.clips_of(people, "face", where=where) == local.clips_of(people, "face", where=where)
    assert gallery.evidence(query, "face", 8.0, 5, where={"gender": "x"}).hits == ()


def test_pictures_and_sounds_come_back(gallery: MilvusGallery) -> None:
    faces, voices = made_rows(250), made_rows(20, "voice")
    assert gallery.thumbnail(faces.keys[3]) == faces.media[3]
    assert gallery.thumbnail(faces.keys[4]) is None
    assert gallery.thumbnail("nobody") is None
    assert gallery.excerpt(voices.keys[7]) == voices.media[7]
    assert gallery.excerpt(faces.keys[3]) is None


def test_info_counts_as_the_local_one(gallery: MilvusGallery, local: LocalGallery) -> None:
    own, other = gallery.info(verify=True), local.info()
    assert own.backend == "milvus"
    assert own.is_verified
    assert own.attributes == other.attributes
    assert own.n_bytes > 10_000
    for modality, numbers in other.modalities.items():
        of_own = own.modalities[modality]
        assert (of_own.n_rows, of_own.n_people, of_own.n_media) == (numbers.n_rows, numbers.n_people, numbers.n_media)
    assert gallery.modalities == ("voice", "face")


def test_tables_give_back_what_went_in(gallery: MilvusGallery) -> None:
    given = made_rows(250)
    media = {}
    for table in gallery.tables("face"):
        media.update({key: table.media[number] for number, key in enumerate(table.keys)})
    assert media == {key: given.media[number] for number, key in enumerate(given.keys)}


def test_adding_again_replaces_and_removing_takes_away(gallery: MilvusGallery) -> None:
    more = made_rows(6, first=248, seed=3)
    assert gallery.add(more) == Added(n_new=4, n_replaced=2)
    assert gallery.search(more.vectors[:1], "face", 1, by="clip")[0][0].similarity == pytest.approx(1, abs=1e-5)
    assert gallery.add(more) == Added(n_new=0, n_replaced=6)
    removed = gallery.remove(people=sorted(set(more.people[2:])))
    assert (removed.n_rows, removed.is_erased) == (4, False)
    assert gallery.thumbnail(more.keys[3]) is None
    assert gallery.add(made_rows(250)) == Added(n_new=0, n_replaced=250)
    assert gallery.count("face", by="clip") == 250


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (lambda g: g.remove(people=["Zoe"]), ConfigError, "No person of the 125 in .* is called 'Zoe'"),
        (lambda g: g.remove(clips=["c0"]), ConfigError, "No clip of the 250 in .* is called 'c0'. Check"),
        (lambda g: g.count("face", where={"gander": "f"}), ConfigError, "Did you mean 'gender'"),
        (lambda g: g.search(np.ones((1, 3), np.float32), "face", 1), DataError, r"shape \(q, 8\). Got \(1, 3\)"),
        (
            lambda g: g.add(dataclasses.replace(made_rows(1), vectors=np.ones((1, 3), np.float32))),
            DataError,
            "must have 8 numbers. Got 3",
        ),
    ],
)
def test_bad_requests_are_one_line(gallery: MilvusGallery, asked: object, error: type, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        asked(gallery)  # type: ignore[operator]
    assert "\n" not in str(caught.value)
    assert gallery.count("face", by="clip") == 250


def test_a_gallery_of_another_model_in_its_place_is_refused(gallery: MilvusGallery, folder: Path) -> None:
    described = json.loads((folder / "g" / GALLERY_FILE).read_text(encoding="utf-8"))
    (folder / "old").mkdir()
    described["about"]["fingerprint"] = "cd" * 32
    (folder / "old" / GALLERY_FILE).write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(DataError, match="which are now of the model 'world'"):
        open_gallery(folder / "old")
    described["collection"] = "gone"
    (folder / "old" / GALLERY_FILE).write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(DataError, match="'gone' at .* are not there"):
        open_gallery(folder / "old")
    assert gallery.count("face", by="clip") == 250


def test_the_collections_of_another_gallery_are_not_dropped(gallery: MilvusGallery, folder: Path) -> None:
    uri = str(folder / "m.db")
    with pytest.raises(ConfigError, match="'one' at .* are of another gallery"):
        MilvusGallery.create(folder / "second", ABOUT, [made_rows(2)], uri=uri, collection="one")
    with pytest.raises(ConfigError, match="letters, digits and underscores. Got 'a b'"):
        MilvusGallery.create(folder / "second", ABOUT, [made_rows(2)], uri=uri, collection="a b")
    assert not (folder / "second").exists()
    assert gallery.count("face", by="clip") == 250


def test_a_second_connection_sees_what_the_first_wrote(gallery: MilvusGallery, folder: Path) -> None:
    with open_gallery(folder / "g") as other:
        other.add(made_rows(2, first=400))
        assert gallery.count("face", by="clip") == 252
        other.remove(clips=made_rows(2, first=400).clips)
    assert gallery.count("face", by="clip") == 250


@pytest.mark.slow
def test_a_gallery_that_the_folder_names_is_replaced_and_opened_again(tmp_path: Path) -> None:
    uri = str(tmp_path / "m.db")
    for n_rows in (4, 2):
        MilvusGallery.create(tmp_path / "g", ABOUT, [made_rows(n_rows)], uri=uri, collection="c").close()
        with open_gallery(tmp_path / "g") as found:
            assert found.count("face", by="clip") == n_rows
            with pytest.raises(ConfigError, match="holds no voices, only faces"):
                found.search(made_rows(1).vectors, "voice", 1)


def test_a_dead_address_is_one_line_in_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_connection, "TIMEOUT_S", 2.0)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{bound.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(DataError, match=f"Milvus at {uri} failed while connecting.*Check that it runs"):
            MilvusGallery.create(tmp_path / "g", ABOUT, [made_rows(2)], uri=uri, collection="c")
    assert time.monotonic() - started < 30
    assert not (tmp_path / "g").exists()


@pytest.mark.slow
def test_a_server_killed_in_the_middle_of_adding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be found is whole, one line says what to do, and the same rows again complete it."""
    server = MilvusServer(tmp_path / "data")
    server.start()
    try:
        with MilvusGallery.create(tmp_path / "g", ABOUT, [made_rows(50)], uri=server.uri, collection="c"):
            pass
        monkeypatch.setattr(milvus_connection, "TIMEOUT_S", 3.0)
        monkeypatch.setattr(milvus_gallery, "BATCH_ROWS", 20)
        more = made_rows(60, first=50, media_bytes=50_000)
        with MilvusGallery.open(tmp_path / "g") as gallery:
            write, written = gallery.store.write, []

            def killing(*arguments: object) -> None:
                if written:
                    server.kill()
                written.append(len(arguments[0]))  # type: ignore[arg-type]
                write(*arguments)  # type: ignore[arg-type]

            monkeypatch.setattr(gallery.store, "write", killing)
            started = time.monotonic()
            with pytest.raises(DataError, match=f"Milvus at {server.uri} failed.*run the same command again") as caught:
                gallery.add(more)
            assert time.monotonic() - started < 60
            assert "\n" not in str(caught.value)
        assert written == [20, 20]
        server.start()
        monkeypatch.setattr(milvus_connection, "TIMEOUT_S", 30.0)
        with open_gallery(tmp_path / "g") as gallery:
            assert gallery.count("face", by="clip") == 70
            assert gallery.info(verify=True).modalities["face"].n_media == 56
            assert gallery.add(more) == Added(n_new=40, n_replaced=20)
            assert gallery.count("face", by="clip") == 110
            assert gallery.thumbnail(more.keys[55]) == more.media[55]
    finally:
        server.kill()

"""A gallery in files: changed, read meanwhile, damaged, and told."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.retrieval import gallery_writing, writer_lock
from visavox.retrieval.gallery_manifest import Manifest
from visavox.retrieval.gallery_rows import GalleryAbout, GalleryRows
from visavox.retrieval.local_gallery import LocalGallery

MakeRows = Callable[..., GalleryRows]


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_it_tells_what_it_holds(gallery: LocalGallery) -> None:
    info = gallery.info(verify=True)
    assert gallery.modalities == ("voice", "face")
    assert (info.backend, info.is_verified, info.about.model) == ("local", True, "base")
    face = info.modalities["face"]
    assert (face.n_rows, face.n_people, face.n_media, face.indexes) == (40, 20, 32, {"exact": 40})
    assert info.attributes["gender"].values == {"f": 25, "m": 25}
    assert (info.attributes["age"].n_known, len(info.attributes["age"].values)) == (32, 8)
    assert info.n_bytes == sum(path.stat().st_size for path in (gallery.folder / "segments").rglob("*.*"))


def test_media_are_found_by_key(gallery: LocalGallery) -> None:
    assert gallery.thumbnail("c1/face") == b"face c1 0"
    assert gallery.excerpt("c1/voice") == b"voice c1 1"
    assert gallery.thumbnail("c0/face") is None  # has none
    assert gallery.thumbnail("c1/voice") is None  # is a voice
    assert gallery.excerpt("absent") is None


def test_a_row_that_is_there_is_replaced(gallery: LocalGallery, rows: MakeRows) -> None:
    new = rows(2, seed=5)
    added = gallery.add(new)
    assert (added.n_new, added.n_replaced) == (0, 2)
    assert gallery.count("face", by="clip") == 40
    assert gallery.thumbnail("c1/face") == b"face c1 5"
    assert gallery.search(new.vectors[1:], "face", 1)[0][0].similarity == pytest.approx(1)


def test_who_is_removed_leaves_no_byte(gallery: LocalGallery) -> None:
    assert b"face c2 " in every_byte(gallery.folder)
    removed = gallery.remove(people=["p1"], clips=["c39"])
    assert removed.n_rows == 5  # two clips with a face and a voice, and one face
    assert removed.is_erased
    left = every_byte(gallery.folder)
    assert not any(word in left for word in (b"face c2 ", b"voice c2 ", b"face c39 ", b"p1\x00"))
    assert gallery.count("face") == 19
    assert gallery.search(np.eye(8, dtype=np.float32), "face", 100)[0][0].person != "p1"
    with pytest.raises(ConfigError, match="called 'p1'"):
        gallery.remove(people=["p1"])


def test_erasing_takes_rows_that_were_replaced_too(gallery: LocalGallery, rows: MakeRows) -> None:
    gallery.add(rows(2, seed=5))  # p0 again: the old rows are dead but on the disk
    gallery.remove(people=["p0"])
    assert b"face c1 " not in every_byte(gallery.folder)


def test_removing_may_leave_the_bytes_for_later(gallery: LocalGallery) -> None:
    removed = gallery.remove(people=["p1"], erase=False)
    assert not removed.is_erased
    assert gallery.count("face", by="clip") == 38
    assert gallery.thumbnail("c2/face") is None
    assert gallery.info().modalities["face"].n_dead == 2
    assert b"face c2 " in every_byte(gallery.folder)


def test_everybody_may_be_removed_and_somebody_added_again(gallery: LocalGallery, rows: MakeRows) -> None:
    gallery.remove(people=[f"p{i}" for i in range(20)])
    assert gallery.modalities == ()
    assert gallery.count("face") == 0
    with pytest.raises(ConfigError, match="holds no faces, only nothing"):
        gallery.search(rows(1).vectors, "face", 1)
    gallery.add(rows(3))
    assert gallery.count("face", by="clip") == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"people": ["p77"]}, "No person of the 20 in .* is called 'p77'. Did you mean 'p7'"),
        ({"clips": ["c1", "c99"]}, "No clip of the 40 in .* is called 'c99'. .*Nothing was changed."),
    ],
)
def test_a_name_that_is_not_there_changes_nothing(
    gallery: LocalGallery, change: dict[str, list[str]], said: str
) -> None:
    before = Manifest.read(gallery.folder)
    with pytest.raises(ConfigError, match=said):
        gallery.remove(**change)
    assert Manifest.read(gallery.folder) == before


def test_a_reader_keeps_what_it_opened_until_it_looks_again(gallery: LocalGallery, rows: MakeRows) -> None:
    reader = LocalGallery.open(gallery.folder)
    gallery.remove(people=[f"p{i}" for i in range(10)])
    gallery.add(rows(5, prefix="new"))
    assert reader.count("face", by="clip") == 40
    assert len(reader.search(rows(1).vectors, "face", 100, by="clip")[0]) == 40
    assert reader.thumbnail("c2/face") == b"face c2 0"
    reader.refresh()
    assert reader.count("face", by="clip") == 25
    assert reader.thumbnail("c2/face") is None


def test_a_gallery_is_replaced_in_one_step(gallery: LocalGallery, rows: MakeRows) -> None:
    about = GalleryAbout("world", "11" * 32, 4)
    made = LocalGallery.create(gallery.folder, about, [rows(6, dim=4)])
    assert (made.about.model, made.modalities) == ("world", ("face",))
    assert Manifest.read(gallery.folder).generation == 2
    with pytest.raises(
        DataError, match="was replaced by a gallery of the model 'world' meanwhile; it was one of 'base'"
    ):
        gallery.add(rows(2))
    with pytest.raises(DataError, match="replaced by a gallery"):
        gallery.remove(people=["p0"])


def test_a_query_of_another_model_is_one_line(gallery: LocalGallery, rows: MakeRows) -> None:
    with pytest.raises(DataError, match=r"must have the shape \(q, 8\). Got \(1, 9\)"):
        gallery.search(rows(1, dim=9).vectors, "face", 1)
    with pytest.raises(DataError, match="must have the shape"):
        gallery.evidence(rows(1, dim=9).vectors[0], "face", 1.0, 1)


def test_a_second_writer_is_told_in_one_line(
    gallery: LocalGallery, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_lock, "WAIT_S", 0.1)
    said = "is being written by another process"
    with writer_lock.writer_lock(gallery.folder), pytest.raises(DataError, match=said):
        gallery.add(rows(2, prefix="n"))
    assert gallery.add(rows(2, prefix="n")).n_new == 2


def test_many_threads_read_while_one_writes(
    gallery: LocalGallery, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer is of a whole state: of each batch of five, all rows are there or none."""
    monkeypatch.setattr(gallery_writing, "MANY_OF_A_SIZE", 3)  # so that segments are merged and removed meanwhile
    wrong: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            reader = LocalGallery.open(gallery.folder)
            n_rows = reader.count("face", by="clip")
            if (n_rows - 40) % 5 or len(reader.search(rows(1).vectors, "face", 500, by="clip")[0]) != n_rows:
                wrong.append(n_rows)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(5):
        gallery.add(rows(5, seed=i, prefix=f"n{i}-"))
    stop.set()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert gallery.count("face", by="clip") == 65


def test_damage_is_found_when_it_is_looked_for(gallery: LocalGallery) -> None:
    path = next((gallery.folder / "segments").glob("face-*/media.bin"))
    path.write_bytes(bytes(len(path.read_bytes())))
    LocalGallery.open(gallery.folder).info()
    with pytest.raises(DataError, match="media.bin is damaged: its checksum does not fit"):
        LocalGallery.open(gallery.folder).info(verify=True)
    path.unlink()
    with pytest.raises(DataError, match="media.bin is missing, so the gallery is not whole"):
        LocalGallery.open(gallery.folder)


def test_an_empty_gallery_can_be_made(tmp_path: Path, about: GalleryAbout, rows: MakeRows) -> None:
    made = LocalGallery.create(tmp_path / "g", about, [])
    assert (made.modalities, made.info().n_bytes) == ((), 0)
    made.add(dataclasses.replace(rows(2), media=()))
    assert made.count("face") == 1

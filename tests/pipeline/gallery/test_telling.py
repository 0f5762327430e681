"""What `gallery info` prints."""

from __future__ import annotations

from visavox.pipeline.gallery.telling import size_words, tell_gallery
from visavox.retrieval.local_gallery import LocalGallery
from visavox.retrieval_config import GalleryInfoConfig


def test_everything_that_matters_is_said(tiny_gallery: LocalGallery) -> None:
    tiny_gallery.remove(clips=["c3"], erase=False)
    told = tell_gallery(GalleryInfoConfig(gallery=tiny_gallery.folder, verify=True)).describe()
    lines = told.splitlines()
    assert lines[0] == f"{tiny_gallery.folder}: a local gallery"
    assert f"tiny ({tiny_gallery.about.fingerprint[:12]}), 4 numbers a vector" in lines[1]
    assert lines[2].endswith("voice ge2e, face dlib")
    assert lines[3].endswith("auto")
    row = next(line for line in lines if line.strip().startswith("faces"))
    assert row.split() == ["faces", "11", "6", "11", "1", "1", "exact"]
    attribute = next(line for line in lines if "gender" in line)
    assert attribute.split() == ["gender", "22", "2", "f", "12,", "m", "10"]
    assert lines[-1].strip() == "Everything was read and fits its checksums."


def test_without_verifying_nothing_is_claimed(tiny_gallery: LocalGallery) -> None:
    told = tell_gallery(GalleryInfoConfig(gallery=tiny_gallery.folder))
    assert "checksums" not in told.describe()
    assert told.info.modalities["voice"].n_rows == 12


def test_sizes_are_said_as_a_reader_would() -> None:
    assert [size_words(n) for n in (0, 999, 1000, 123_456, 7_000_000_000, 10**16)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "123.5 kB",
        "7.0 GB",
        "10000.0 TB",
    ]

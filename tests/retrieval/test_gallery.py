"""What every gallery must do is asked of each."""

from __future__ import annotations

import inspect

import pytest

from visavox.retrieval.gallery import Gallery
from visavox.retrieval.local_gallery import LocalGallery


def test_half_a_gallery_cannot_be_made() -> None:
    class Half(Gallery):
        def thumbnail(self, key: str) -> bytes | None:
            return key.encode()

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_a_local_gallery_takes_what_every_gallery_takes() -> None:
    for name in Gallery.__abstractmethods__ - {"modalities"}:
        asked, taken = (inspect.signature(getattr(kind, name)) for kind in (Gallery, LocalGallery))
        assert list(asked.parameters) == list(taken.parameters), name


def test_a_gallery_closes_itself(gallery: LocalGallery) -> None:
    with gallery as opened:
        assert opened is gallery

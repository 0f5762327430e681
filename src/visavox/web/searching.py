"""The gallery of a service: opened, and opened again when somebody has changed it.

Example:
    desk = GalleryDesk(model, Path("gallery"))
    desk.searcher().search_vector(vector, "voice")
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from visavox.pipeline.gallery.searching import GallerySearcher
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.gallery_file import GALLERY_FILE
from visavox.retrieval.gallery_manifest import MANIFEST
from visavox.retrieval.gallery_opening import open_gallery


class GalleryDesk:
    """Looks people up in one gallery.

    Args:
        model: of the gallery.
        folder: of the gallery.
    """

    def __init__(self, model: VoiceFaceModel, folder: Path) -> None:
        """Open the gallery.

        Raises:
            DataError: there is no gallery, it is damaged, or its model is another one.
        """
        self.model = model
        self.folder = folder
        self._lock = threading.Lock()
        self._stamp = changed_at(folder)
        self._searcher = GallerySearcher(model, open_gallery(folder))

    def searcher(self) -> GallerySearcher:
        """Return what searches the gallery as it is now; who searches already keeps what it was.

        Raises:
            DataError: somebody has put a gallery of another model in its place, or damaged it.
        """
        with self._lock:
            stamp = changed_at(self.folder)
            if stamp != self._stamp:
                self._searcher = GallerySearcher(self.model, open_gallery(self.folder))
                self._stamp = stamp
            return self._searcher

    def facts(self) -> dict[str, Any]:
        """Return what the gallery holds, without its folder."""
        info = self.searcher().gallery.info()
        return {
            "name": self.folder.name,
            "backend": info.backend,
            "modalities": {
                str(modality): {"n_people": of.n_people, "n_clips": of.n_rows, "indexes": dict(of.indexes)}
                for modality, of in info.modalities.items()
            },
            "attributes": sorted(info.attributes),
        }


def changed_at(folder: Path) -> tuple[tuple[int, int], ...]:
    """Return what is another after every change of a gallery: numbers and times of its files that are replaced."""
    found = []
    for name in (GALLERY_FILE, MANIFEST):
        try:
            about = (folder / name).stat()
        except OSError:
            continue
        found.append((about.st_ino, about.st_mtime_ns))
    return tuple(found)

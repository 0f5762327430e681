"""A folder to the gallery that it holds, and rows to a new one, of whatever backend.

Example:
    with open_gallery(Path("gallery")) as gallery:
        gallery.info().modalities["face"].n_people
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from visavox.errors import DataError
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_file import BACKENDS_OF_GALLERIES, GALLERY_FILE, read_gallery_file
from visavox.retrieval.gallery_rows import GalleryAbout, GalleryRows


def open_gallery(folder: Path | str) -> Gallery:
    """Return the gallery of a folder, of whatever backend.

    Raises:
        DataError: the folder holds no gallery, or a damaged one.
        MissingDependencyError: it is in Milvus, and pymilvus is not installed.
    """
    folder = Path(folder)
    backend = read_gallery_file(folder).get("backend")
    if backend == "milvus":
        from visavox.retrieval.milvus_gallery import MilvusGallery

        return MilvusGallery.open(folder)
    if backend == "local":
        from visavox.retrieval.local_gallery import LocalGallery

        return LocalGallery.open(folder)
    raise DataError(
        f"{folder / GALLERY_FILE} must name a backend, {' or '.join(BACKENDS_OF_GALLERIES)}. Got {backend!r}. "
        "Build the gallery again."
    )


def check_place(folder: Path, *, backend: str = "local", uri: str = "", collection: str = "visavox") -> None:
    """Refuse a place where no gallery can be made, before anything is computed for it; arguments as `create_gallery`.

    Raises:
        ConfigError: `uri` or `collection` cannot be, or the collections are of another gallery.
        DataError: nobody answers at `uri`.
        MissingDependencyError: pymilvus is not installed.
    """
    if backend == "milvus":
        from visavox.retrieval.milvus_gallery import check_free

        check_free(folder, uri=uri, collection=collection)


def create_gallery(
    folder: Path,
    about: GalleryAbout,
    tables: Sequence[GalleryRows],
    *,
    backend: str = "local",
    uri: str = "",
    collection: str = "visavox",
) -> Gallery:
    """Make a gallery with its first rows, whole or not at all; one that the folder holds is replaced.

    Args:
        folder: of the gallery.
        about: what it is made with.
        tables: rows, one table a modality.
        backend: local or milvus.
        uri: with milvus, a file or the address of a server.
        collection: with milvus, what its collections' names begin with.

    Raises:
        DataError: it cannot be written.
        MissingDependencyError: pymilvus is not installed.
    """
    if backend == "milvus":
        from visavox.retrieval.milvus_gallery import MilvusGallery

        return MilvusGallery.create(folder, about, tables, uri=uri, collection=collection)
    from visavox.retrieval.local_gallery import LocalGallery

    return LocalGallery.create(folder, about, tables)

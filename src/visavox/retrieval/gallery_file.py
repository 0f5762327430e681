"""`gallery.json`: the small file by which a folder is known as a gallery, and the backend that it names.

Example:
    >>> import tempfile
    >>> try:
    ...     read_gallery_file(Path(tempfile.mkdtemp()))
    ... except DataError as error:
    ...     print("holds no gallery" in str(error))
    True
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from visavox.errors import DataError
from visavox.retrieval.gallery_rows import GalleryAbout

FORMAT = "visavox-gallery-1"
GALLERY_FILE = "gallery.json"
BACKENDS_OF_GALLERIES = ("local", "milvus")


def read_gallery_file(folder: Path) -> dict[str, Any]:
    """Return what `gallery.json` says.

    Raises:
        DataError: there is none, or it is damaged or of another version.
    """
    path = folder / GALLERY_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{folder} holds no gallery. Make one with: visavox gallery build --out {folder}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Mend its permissions.") from error
    except ValueError as error:
        raise DataError(f"{path} is damaged: it is no JSON. Build the gallery again.") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        got = found.get("format") if isinstance(found, dict) else type(found).__name__
        raise DataError(f"{path} must have the format {FORMAT!r}. Got {got!r}. Build the gallery again.")
    return found


def about_from_json(values: Any, path: Path) -> GalleryAbout:
    """Return what a gallery was made with, as `dataclasses.asdict` and JSON gave it.

    Raises:
        DataError: a value lacks or is of a wrong type.
    """
    names = {item.name for item in dataclasses.fields(GalleryAbout)}
    fits = isinstance(values, dict) and set(values) == names
    if not fits or not isinstance(values["fingerprint"], str) or not isinstance(values["dim"], int):
        raise DataError(f"{path} is damaged: it does not say what the gallery was made with. Build it again.")
    return GalleryAbout(**values)

"""Pictures: any file that Pillow reads to upright 8-bit RGB, and face crops to JPEG.

Not about where the face is: that is `visavox.media.detectors` and `visavox.media.face_crop`.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "face.jpg"
    ...     write_face(path, np.full((8, 8, 3), 200, dtype=np.uint8))
    ...     read_image(path).shape
    (8, 8, 3)
"""

from __future__ import annotations

import io
import re
import struct
import threading
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from visavox.errors import DataError, MediaError
from visavox.media.files import check_file, write_whole

MAX_PIXELS = 89_478_485
"""Largest picture that is decoded, in pixels: 256 MB as RGB, the limit at which Pillow begins to warn."""
JPEG_QUALITY = 95
"""Quality of stored face crops; with 4:4:4 chroma, so that encoders see next to no loss."""

BARRED = frozenset({"EPS"})
"""Pillow's names of formats that are not read: for these it would run another program on the file."""

Pixels = npt.NDArray[np.uint8]

_SIZE = re.compile(r"\d+ (x \d+ )?pixels")
"""The size of a picture in what Pillow says of one that is too large, and in what we say."""
_WARNINGS = threading.Lock()
"""Filters of warnings belong to the whole process; two threads that set and restore them would mix them up."""

# What Pillow's decoders were seen to raise on damaged files: each parses by hand and few check all they read.
_DAMAGED = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, struct.error),
    *(LookupError, ArithmeticError, RuntimeError),
)


def read_image(path: Path | str, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Return a picture as upright 8-bit RGB.

    Args:
        path: a file of any type that Pillow reads; the content decides, not the name.
        max_pixels: largest picture that is decoded, in pixels; above `MAX_PIXELS` it changes nothing.

    Returns:
        (height, width, 3) uint8 RGB. Turned as its EXIF orientation says; of an animation the first frame; over
        white where it is transparent; 16-bit grey divided by 257; float grey taken as 0 to 1 where no value passes
        1, else as 0 to 255; CMYK, Lab, palettes and grey converted.

    Raises:
        MediaError: status `missing_file`, `empty_file`, `image_too_large` (more than `max_pixels`: refused before
            it is decoded), `unreadable_image` (no format we know, cut short, damaged, no permission, or values
            whose full scale nobody can know).
    """
    path = Path(path)
    check_file(path, "image")
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on odd metadata are not the user's affair
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with path.open("rb") as file, Image.open(file, formats=_formats()) as image:
                if image.width * image.height > min(max_pixels, MAX_PIXELS):
                    raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
                return np.array(_to_rgb(ImageOps.exif_transpose(image)), dtype=np.uint8)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        size = _SIZE.search(str(error))  # Pillow refuses the largest by itself, and tells their pixels among much else
        raise MediaError(
            f"{path}: a picture may have {min(max_pixels, MAX_PIXELS)} pixels at most. It has "
            f"{size[0] if size else 'more'}. Make it smaller.",
            status="image_too_large",
        ) from error
    except UnidentifiedImageError as error:
        raise MediaError(
            f"{path}: the file must be a picture. Its content is of no type that Pillow knows. Convert it to JPEG "
            "or PNG, or drop it.",
            status="unreadable_image",
        ) from error
    except _DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise MediaError(
            f"{path}: the picture is damaged or cannot be decoded ({reason}). Fetch it again or drop it.",
            status="unreadable_image",
        ) from error


def write_face(path: Path, image: Pixels) -> None:
    """Write a face crop as JPEG of quality 95 without chroma subsampling, whole or not at all.

    Args:
        path: the file to make or to replace; its folder must exist.
        image: (height, width, 3) uint8 RGB.

    Raises:
        DataError: `image` has another shape or type.
        OSError: the disk is full or read-only.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataError(
            f"{path}: a face must be a uint8 array of shape (height, width, 3). Got {image.dtype} {image.shape}."
        )
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    write_whole(path, buffer.getvalue())


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB; raises ValueError for values whose full scale is unknown."""
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey_to_rgb(image)
    if image.mode == "LAB":
        to_srgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        converted = ImageCms.applyTransform(image, to_srgb)
        if converted is None:  # only when it converts in place, which we do not ask for
            raise ValueError("the Lab colours cannot be converted")
        return converted
    if image.mode == "La":  # grey already multiplied by its alpha, which Pillow turns into no other mode
        image = image.convert("LA")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and float grey to 8 bits."""
    values = np.asarray(image, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        full_scale = 1.0
    elif image.mode == "F" and low >= 0 and high <= 255:
        full_scale = 255.0
    elif image.mode != "F" and low >= 0 and high <= 65535:
        full_scale = 65535.0
    else:  # also NaN
        raise ValueError(f"{image.mode} values run from {low:g} to {high:g}, so that their full scale is unknown")
    return Image.fromarray(np.round(values * (255 / full_scale)).astype(np.uint8)).convert("RGB")


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that are read."""
    Image.init()
    return tuple(name for name in Image.ID if name not in BARRED)

"""Drawn faces as PNG files that say in themselves what they are: a guess, by what, from what, under which licence.

A picture is soon apart from its folder. So its label lies in the file: as plain PNG texts (Title, Disclaimer,
Copyright, Software), in the XMP field that photo programs read for pictures made by a trained network, and once more
in full as JSON under `visavox`. Nothing in it depends on the time or the machine: the same picture has the same bytes.

Example:
    >>> about = PictureLabel("portrait", "decoder", 0, 0, 1.0, "ab12", told=(Condition("voice", "from voice"),))
    >>> data = picture_bytes(np.zeros((8, 8, 3), np.uint8), about)
    >>> read_label(data)["label"]
    'guess from a voice, not a picture of a person'
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from visavox.errors import DataError
from visavox.generation.provenance import Condition, may_leak, provenance_line

GUESS = "guess from a voice, not a picture of a person"
LEAKED = "drawn with a look at the true face: it does not show what the voice tells"
DISCLAIMER = (
    "Drawn by a computer. A guess from a voice, which shows no real person: mostly gender and age can be heard, and "
    "often not those. Not for finding, recognising or judging anybody."
)
MADE_BY_NETWORK = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""The term of the IPTC for pictures that a trained network made; photo programs and archives look for it."""
KEY = "visavox"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{MADE_BY_NETWORK}"/></rdf:RDF></x:xmpmeta>'
)


@dataclass(frozen=True)
class PictureLabel:
    """What a drawn picture says of itself."""

    model: str
    """Name of the model as it was asked for, without the folders above it."""
    method: str
    """"decoder" or "diffusion"."""
    seed: int
    """What the draw depends on, beside voice and model."""
    sample: int
    """Number of the picture among those of one voice, from 0."""
    guidance: float
    """How far the conditions were followed; 0 ignores them."""
    voice_sha256: str
    """Digest of the bytes of the voice file."""
    told: tuple[Condition, ...]
    """Everything that the drawer was told, each with its provenance."""
    licence: str = "that of the model"
    """Under which the picture may be used."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values; the first says that it is a guess."""
        return {
            "label": GUESS,
            **({"warning": LEAKED} if may_leak(self.told) else {}),
            "model": self.model,
            "method": self.method,
            "seed": self.seed,
            "sample": self.sample,
            "guidance": self.guidance,
            "voice_sha256": self.voice_sha256,
            "told": [condition.as_json() for condition in self.told],
            "licence": self.licence,
        }


def picture_bytes(picture: NDArray[np.uint8], label: PictureLabel) -> bytes:
    """Return a drawn picture as a labelled PNG; the same bytes for the same arguments.

    Args:
        picture: (px, px, 3) uint8 RGB.
        label: what the file says of itself.

    Raises:
        DataError: the picture has another shape or type.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise DataError(f"A drawn picture must be (px, px, 3) uint8. Got {picture.shape} {picture.dtype}.")
    told = provenance_line(label.told)
    texts = {
        "Title": f"{GUESS[0].upper()}{GUESS[1:]}",
        "Description": f"Sample {label.sample} by {label.method} of {label.model}; told: {told}.",
        "Disclaimer": f"{LEAKED[0].upper()}{LEAKED[1:]}. {DISCLAIMER}" if may_leak(label.told) else DISCLAIMER,
        "Copyright": label.licence,
        "Software": software(),
        KEY: json.dumps(label.as_json(), ensure_ascii=False),
    }
    return png_bytes(picture, texts)


def png_bytes(picture: NDArray[np.uint8], texts: dict[str, str]) -> bytes:
    """Return pixels as a PNG that carries texts and is marked as made by a network.

    Args:
        picture: (height, width, 3) uint8 RGB.
        texts: keyword -> text; any letters.
    """
    info = PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    info.add_itxt("XML:com.adobe.xmp", XMP)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def read_label(picture: Path | bytes) -> dict[str, Any]:
    """Return what a drawn picture, or a contact sheet, says of itself, as `PictureLabel.as_json` gives it.

    Args:
        picture: the file or its bytes.

    Raises:
        DataError: it is no PNG, or carries no label of ours.
    """
    name = "The picture" if isinstance(picture, bytes) else str(picture)
    try:
        with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture, formats=("PNG",)) as image:
            image.load()  # the texts may stand after the pixels
            found = json.loads(image.info.get(KEY, "null"))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{name} is no PNG that can be read. Give one that `visavox generate` wrote.") from error
    if not isinstance(found, dict):
        raise DataError(f"{name} carries no label of visavox. Give a picture that `visavox generate` wrote.")
    return found


@cache
def software() -> str:
    """Return name and version of this package."""
    try:
        return f"visavox {version('visavox')}"
    except PackageNotFoundError:
        return "visavox"

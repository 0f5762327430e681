"""What `gallery info` tells: model, index, people, clips, attributes, bytes, as a table.

Example:
    print(tell_gallery(GalleryInfoConfig(gallery=Path("gallery"))).describe())
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from visavox.errors import one_line
from visavox.pipeline.gallery.model_fingerprint import SHOWN
from visavox.retrieval.gallery_opening import open_gallery
from visavox.retrieval.gallery_rows import AttributeInfo, GalleryInfo, ModalityInfo
from visavox.retrieval_config import GalleryInfoConfig

Progress = Callable[[int, int], None]
PLACES = {"local": "a local gallery", "milvus": "a gallery in Milvus"}
STEPS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class GalleryTold:
    """What a gallery holds, for a reader."""

    info: GalleryInfo
    """The figures."""

    def describe(self) -> str:
        """Return it as lines, each with its line end."""
        info = self.info
        encoders = ", ".join(f"{m} {spec.get('name', '?')}" for m, spec in info.about.encoders.items())
        length = f"{counted(info.about.dim, 'number')} a vector"
        index = info.about.index if isinstance(info.about.index, str) else dict(info.about.index)
        lines = [
            f"{info.folder}: {PLACES.get(info.backend, info.backend)}{f', {info.place}' if info.place else ''}",
            f"  model        {info.about.model} ({info.about.fingerprint[:SHOWN]}), {length}",
            f"  encoders     {encoders or 'unknown'}",
            f"  index        {index}",
            f"  size         {_size(info)}",
            "",
            f"  {'':<10} {'rows':>10} {'people':>10} {'media':>10} {'dead':>8} {'parts':>6}  index",
        ]
        lines += [_line(name, held) for name, held in info.modalities.items()]
        if info.attributes:
            lines += ["", f"  {'attribute':<16} {'known':>10} {'values':>8}  commonest"]
            lines += [_attribute_line(name, found) for name, found in info.attributes.items()]
        if info.is_verified:
            lines += ["", f"  Everything was read and {'is whole' if info.place else 'fits its checksums'}."]
        return "\n".join(lines) + "\n"


def tell_gallery(config: GalleryInfoConfig) -> GalleryTold:
    """Return what a gallery holds.

    Raises:
        DataError: there is none, or a file of it is missing or damaged.
    """
    with open_gallery(config.gallery) as gallery:
        return GalleryTold(gallery.info(verify=config.verify))


def size_words(n_bytes: int) -> str:
    """Return a size as a reader would say it.

    Example:
        >>> size_words(900), size_words(12_300_000)
        ('900 B', '12.3 MB')
    """
    size, step = float(n_bytes), 0
    while size >= 1000 and step < len(STEPS) - 1:
        size, step = size / 1000, step + 1
    return f"{size:.0f} {STEPS[step]}" if step == 0 else f"{size:.1f} {STEPS[step]}"


def counted(n: int, what: str, many: str = "") -> str:
    """Return a number and what is counted, in the singular or the plural.

    Example:
        >>> counted(1, "face"), counted(1200, "face"), counted(2, "person", "people")
        ('1 face', '1,200 faces', '2 people')
    """
    return f"{n:,} {what if n == 1 else many or what + 's'}"


def _size(info: GalleryInfo) -> str:
    """The bytes where they are known, and which state where changes are counted."""
    size = size_words(info.n_bytes) if info.n_bytes or not info.place else "known to the server alone"
    return f"{size}, state {info.generation:,}" if info.generation else size


def _line(name: str, held: ModalityInfo) -> str:
    indexes = ", ".join(f"{index} ({n:,})" if len(held.indexes) > 1 else index for index, n in held.indexes.items())
    numbers = f"{held.n_rows:>10,} {held.n_people:>10,} {held.n_media:>10,} {held.n_dead:>8,} {held.n_segments:>6,}"
    return f"  {name + 's':<10} {numbers}  {indexes}"


def _attribute_line(name: str, found: AttributeInfo) -> str:
    commonest = ", ".join(f"{one_line(value)} {n:,}" for value, n in list(found.values.items())[:4])
    return f"  {one_line(name):<16} {found.n_known:>10,} {found.n_values:>8,}  {commonest}"

"""WebDataset shards: tar files of samples, each the files of one clip that share a name up to its first dot.

    corpus-000000.tar
        KEY.face.jpg  KEY.face1.jpg  KEY.voice.flac  KEY.spectrogram.npy  KEY.json

KEY is the clip's name with everything but letters, digits and `_-~` percent-encoded; the JSON holds the real name and
all that the catalog knows. The same corpus gives the same bytes: no times, no owners.

Example:
    with WebDatasetWriter(Path("shards"), shard_bytes=256_000_000) as writer:
        writer.add(clip)
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import numpy as np

from visavox.pipeline.export_clips import ExportedClip, ExportedMedia

MAX_KEY_BYTES = 200  # file systems allow 255, for those who unpack; the rest is for the endings


class WebDatasetWriter:
    """Writes clips into tar files one after the other; use `with`.

    Args:
        folder: for the shards; it must exist.
        shard_bytes: size at which the next file is begun.
    """

    def __init__(self, folder: Path, *, shard_bytes: float) -> None:
        """Store the arguments; a file is made by the first clip."""
        self.folder = folder
        self.shard_bytes = shard_bytes
        self.files: list[Path] = []
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the last file."""
        self.close()

    def add(self, clip: ExportedClip) -> None:
        """Write one clip, whole into one file."""
        members = sample_files(clip)
        size = sum(512 + math.ceil(len(data) / 512) * 512 for data in members.values())
        if self._tar is not None and self._tar.offset + size > self.shard_bytes:
            self.close()
        if self._tar is None:
            self.files.append(self.folder / f"corpus-{len(self.files):06d}.tar")
            self._tar = tarfile.open(self.files[-1], "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), 0, 0o644
            self._tar.addfile(info, io.BytesIO(data))

    def close(self) -> None:
        """Close the file that is open."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None


def sample_files(clip: ExportedClip) -> dict[str, bytes]:
    """Return the files of a sample by name, in their order."""
    key = sample_key(clip.clip)
    members: dict[str, bytes] = {}
    for slot, media in clip.media.items():
        members[f"{key}.{slot}{media.suffix}"] = media.data
        if media.spectrum is not None:
            buffer = io.BytesIO()
            np.save(buffer, media.spectrum, allow_pickle=False)
            members[f"{key}.{slot.replace('voice', 'spectrogram')}.npy"] = buffer.getvalue()
    members[f"{key}.json"] = json.dumps(_facts(clip), sort_keys=True).encode("ascii")
    return members


def sample_key(clip: str) -> str:
    """Return a clip's name as the key of a sample: no dot, no slash, never two clips of one key.

    Example:
        >>> sample_key("p07/a.b"), sample_key("-é")
        ('p07%2Fa%2Eb', '-%C3%A9')
    """
    key = quote(clip, safe="", errors="surrogatepass").replace(".", "%2E")
    if len(key) > MAX_KEY_BYTES:
        digest = hashlib.sha256(clip.encode("utf-8", "surrogatepass")).hexdigest()
        key = f"{key[: MAX_KEY_BYTES - 65]}%{digest}"
    return key


def _facts(clip: ExportedClip) -> dict[str, Any]:
    """What the JSON of a sample says."""
    names = ("clip", "person", "video", "session", "start_s", "end_s")
    facts: dict[str, Any] = {name: getattr(clip, name) for name in names}
    facts["attributes"] = {
        name: {"value": attribute.value, "origin": attribute.origin} for name, attribute in clip.attributes().items()
    }
    return {**facts, "items": {slot: _item_facts(media) for slot, media in clip.media.items()}}


def _item_facts(media: ExportedMedia) -> dict[str, Any]:
    item = media.item
    attributes = {name: {"value": a.value, "origin": a.origin} for name, a in item.attributes.items()}
    facts: dict[str, Any] = {"key": item.key, "source": item.source, "digest": item.digest, "attributes": attributes}
    facts["quality"] = _finite(item.quality)
    if media.spectrum is not None:
        facts["spectrogram_shape"] = list(media.spectrum.shape)
    return facts


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """The values with None for what JSON has no word for."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}

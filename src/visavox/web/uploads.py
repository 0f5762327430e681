"""Keeping what was uploaded, where `keep_uploads` asks for it, under names that no sender chose.

    folder/20261121T101500-match-1f0c.../  upload-0  upload-1 ...  answer.json

Without the folder nothing is written anywhere.

Example:
    with keeping(None, "match", ["v.wav"], [b"..."]) as kept:
        answer = kept.answered({"best": 0})
"""

from __future__ import annotations

import datetime
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.errors import VisavoxError
from visavox.media.files import write_whole


@dataclass
class Kept:
    """What was answered, to be kept with the uploads."""

    answer: Mapping[str, Any] | None = None

    def answered(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Note an answer, and return it."""
        self.answer = answer
        return answer


@contextmanager
def keeping(folder: Path | None, what: str, names: Sequence[str], data: Sequence[bytes]) -> Iterator[Kept]:
    """Keep uploads with what the block answers, or with how it fails; do nothing where there is no folder.

    Args:
        folder: where to keep them; None keeps nothing.
        what: the kind of request, "match" for instance.
        names: of the uploads as they were sent; they go into answer.json alone.
        data: the uploads.

    Raises:
        OSError: the disk is full or read-only.
    """
    kept = Kept()
    error: VisavoxError | None = None
    try:
        yield kept
    except VisavoxError as failed:
        error = failed
        raise
    finally:
        if folder is not None:
            _write(folder, what, names, data, {"error": str(error)} if error else {"answer": kept.answer})


def _write(folder: Path, what: str, names: Sequence[str], data: Sequence[bytes], said: Mapping[str, Any]) -> None:
    now = datetime.datetime.now(datetime.UTC)
    place = folder / f"{now:%Y%m%dT%H%M%S}-{what}-{uuid.uuid4().hex}"
    place.mkdir(parents=True, mode=0o700)
    rows = []
    for number, (name, content) in enumerate(zip(names, data, strict=True)):
        write_whole(place / f"upload-{number}", content)
        rows.append({"file": f"upload-{number}", "sent_as": name, "sha256": hashlib.sha256(content).hexdigest()})
    about = {"request": what, "at": now.isoformat(timespec="milliseconds"), "uploads": rows, **said}
    write_whole(place / "answer.json", json.dumps(about, indent=2, ensure_ascii=False).encode())

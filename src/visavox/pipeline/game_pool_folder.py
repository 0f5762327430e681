"""The pool of a game: people with one face, one voice, and what a model thinks of every pair of them.

    pool/  pool.json        who, and by which model
           similarity.npy   (n, n) float32, row: voice, column: face
           faces/*.jpg      256 px
           voices/*.wav     16-bit, 16 kHz, one channel: what every browser plays, Safari included

Records and files only: making a pool is `visavox.pipeline.game_pool`, dealing turns from it `visavox.web.game.dealing`.

Example:
    pool = GamePool.load(Path("pool"))
    pool.model_choice("ann", "ann", "eve")      # which of two faces the model takes for the voice "ann"
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

FORMAT = "visavox-game-pool-1"
POOL_FILE, SIMILARITY_FILE = "pool.json", "similarity.npy"
FACES, VOICES = "faces", "voices"
GENDERS = ("f", "m")
MIN_OF_GENDER = 2
"""People of each gender that levels of difficulty need: two of one gender may stand side by side."""
MAKE = "Make one with: visavox game pool --out"


@dataclass(frozen=True)
class PoolItem:
    """One person of a pool."""

    id: str
    """Unique: the name of the clip."""
    person: str
    """Who it is."""
    gender: str | None
    """"f" or "m"; None where unknown."""
    face: str
    """Name of the file in faces/."""
    voice: str
    """Name of the file in voices/."""


@dataclass(frozen=True, eq=False)
class GamePool:
    """People to guess, and the model that guesses too."""

    folder: Path
    """Where faces/ and voices/ are."""
    items: tuple[PoolItem, ...]
    """Two or more; their ids, and their people, differ."""
    model: str
    """Name of the model."""
    similarity: NDArray[np.float32] = field(repr=False)
    """(n, n) float32: cosine of the voice of the row and the face of the column."""
    simulated: bool = False
    """Whether nobody in it is real."""

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {item.id: row for row, item in enumerate(self.items)}

    def __contains__(self, item_id: object) -> bool:
        """Return whether somebody has this id."""
        return item_id in self._rows

    def item(self, item_id: str) -> PoolItem:
        """Return one person by id; a KeyError where nobody has it."""
        return self.items[self._rows[item_id]]

    @cached_property
    def has_levels(self) -> bool:
        """Whether turns can be made easier and harder: everybody's gender is known, and two or more have each."""
        return has_levels([item.gender for item in self.items])

    @property
    def genders(self) -> dict[str, str | None]:
        """Gender of each id."""
        return {item.id: item.gender for item in self.items}

    def face_file(self, item_id: str) -> Path:
        """Return the picture of a person."""
        return self.folder / FACES / self.item(item_id).face

    def voice_file(self, item_id: str) -> Path:
        """Return the sound of a person."""
        return self.folder / VOICES / self.item(item_id).voice

    def model_choice(self, voice_id: str, left_id: str, right_id: str) -> str:
        """Return which of two faces the model takes for a voice; a tie goes to the left one, whose side is random."""
        row = self.similarity[self._rows[voice_id]]
        return right_id if row[self._rows[right_id]] > row[self._rows[left_id]] else left_id

    def save(self) -> None:
        """Write pool.json and similarity.npy; the media are in place already."""
        about = {
            "format": FORMAT,
            "model": self.model,
            "simulated": self.simulated,
            "items": [asdict(item) for item in self.items],
        }
        with (self.folder / SIMILARITY_FILE).open("wb") as file:
            np.save(file, self.similarity, allow_pickle=False)
        (self.folder / POOL_FILE).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a pool, and check that everything in it is there.

        Raises:
            DataError: there is no pool, it is damaged, or a file is missing; the message names it.
        """
        path = folder / POOL_FILE
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            items = _items(about)
            similarity = np.load(folder / SIMILARITY_FILE, allow_pickle=False).astype(np.float32)
            if similarity.shape != (len(items), len(items)) or not np.isfinite(similarity).all():
                raise ValueError(f"{SIMILARITY_FILE} is no finite matrix of {len(items)} x {len(items)}")
            pool = cls(folder, items, str(about["model"]), similarity, bool(about["simulated"]))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataError(f"{folder} is no pool of a game: {Path(error.filename).name} is missing. {MAKE}") from error
        except (ValueError, KeyError, TypeError, EOFError) as error:
            raise DataError(f"The pool {folder} is damaged ({error}). {MAKE} {folder} --overwrite") from error
        for item in items:
            for media in (pool.face_file(item.id), pool.voice_file(item.id)):
                if not media.is_file():
                    raise DataError(f"The pool {folder} lacks {media.relative_to(folder)}. {MAKE} {folder} --overwrite")
        return pool


def has_levels(genders: Sequence[str | None]) -> bool:
    """Return whether people of these genders can be dealt by difficulty.

    Example:
        >>> has_levels(["f", "f", "m", "m"]), has_levels(["f", "f", "m"]), has_levels(["f", "f", "m", "m", None])
        (True, False, False)
    """
    known = all(gender in GENDERS for gender in genders)
    return known and all(list(genders).count(gender) >= MIN_OF_GENDER for gender in GENDERS)


def _items(about: Any) -> tuple[PoolItem, ...]:
    """Return the people of pool.json; a ValueError, KeyError or TypeError says what is wrong."""
    if about["format"] != FORMAT:
        raise ValueError(f"its format is {about['format']!r}, not {FORMAT!r}")
    items = tuple(PoolItem(**values) for values in about["items"])
    if len(items) < 2:
        raise ValueError(f"it holds {len(items)} people, and two faces are shown")
    for name in ("id", "person"):
        if len({getattr(item, name) for item in items}) != len(items):
            raise ValueError(f"`{name}` must differ from item to item")
    for item in items:
        if item.gender not in (*GENDERS, None):
            raise ValueError(f"`gender` of {item.id!r} is {item.gender!r}, not f, m or null")
        for file in (item.face, item.voice):  # a pool of a stranger must not open files elsewhere
            if not file or file in (".", "..") or "/" in file or "\\" in file:
                raise ValueError(f"{file!r} is no name of a file")
    return items

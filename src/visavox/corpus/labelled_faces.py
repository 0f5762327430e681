"""Labelled faces without voices: a Parquet file of small pictures with age, gender and race, as UTKFace is kept.

Columns: `key`, `image_jpeg` (bytes of any picture format), `age` (years), `gender` ("m" or "f"), `race` (UTKFace's
codes: 0 White, 1 Black, 2 Asian, 3 Indian, 4 Others). Nobody is named, so two faces may be of one person.

Example:
    faces = read_labelled_faces(Path("faces.parquet"), youngest=16)
    len(faces.images), faces.age.mean()
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from visavox.errors import DataError

COLUMNS = ("key", "image_jpeg", "age", "gender", "race")
RACES = ("white", "black", "asian", "indian", "other")
"""Names of UTKFace's codes 0 to 4."""


@dataclass(frozen=True, eq=False)
class LabelledFaces:
    """Pictures as they are stored, with what annotators saw in them."""

    keys: tuple[str, ...]
    images: tuple[bytes, ...]
    """Encoded pictures."""
    age: NDArray[np.float32]
    """(n,) years."""
    male: NDArray[np.bool_]
    """(n,)."""
    race: NDArray[np.int64]
    """(n,) index into `RACES`."""


def read_labelled_faces(path: Path, *, youngest: float = 0, limit: int = 0, seed: int = 0) -> LabelledFaces:
    """Read the faces of a table.

    Args:
        path: the Parquet file.
        youngest: leave out who is younger, in years; children do not speak as adults do.
        limit: how many to draw at random; 0 takes all, in the order of the file.
        seed: of the draw.

    Raises:
        DataError: the file is missing or damaged, a column is missing, a label is out of range, or nobody is left.
    """
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path} is not a readable Parquet file of faces ({error}). Copy it again.") from error
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise DataError(f"{path} must have the columns {', '.join(COLUMNS)}. Missing: {', '.join(missing)}.")
    age = table["age"].to_numpy().astype(np.float32)
    race = table["race"].to_numpy().astype(np.int64)
    gender = np.array(table["gender"].to_pylist())
    for name, wrong, rule in (
        ("age", ~((age >= 0) & (age <= 130)), "0 to 130 years"),
        ("race", (race < 0) | (race >= len(RACES)), f"0 to {len(RACES) - 1}"),
        ("gender", ~np.isin(gender, ("m", "f")), '"m" or "f"'),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            value = table[name][row].as_py()
            raise DataError(f"`{name}` of row {row} of {path} must be {rule}. Got {value!r}. Mend or drop the row.")
    rows = np.flatnonzero(age >= youngest)
    if not rows.size:
        raise DataError(f"{path} holds nobody of {youngest:g} years or more. Got {len(age)} younger faces.")
    if limit and limit < rows.size:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:limit])
    keys, images = table["key"], table["image_jpeg"]
    return LabelledFaces(
        tuple(str(keys[int(row)].as_py()) for row in rows),
        tuple(images[int(row)].as_py() for row in rows),
        age[rows],
        gender[rows] == "m",
        race[rows],
    )

"""Filters of a gallery by attribute, and the lines for names that it does not know.

Example:
    >>> rows = pa.table({"attribute:gender": ["f", "m", None]})
    >>> attribute_mask(rows, {"gender": ["f", "x"]}).tolist()
    [True, False, False]
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visavox.errors import ConfigError
from visavox.retrieval.gallery_rows import Where

PREFIX = "attribute:"


def check_where(where: Where | None, known: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return for each attribute the values that it may have, as text.

    Args:
        where: attribute -> a value, or a list of values.
        known: attributes of the gallery.

    Raises:
        ConfigError: an attribute that no row has, or a value that is no text, number or list of them.
    """
    names = sorted(known)
    wanted = {}
    for name, value in (where or {}).items():
        if name not in names:
            nearest = difflib.get_close_matches(str(name), names, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise ConfigError(
                f"`where` must name attributes of the gallery: {', '.join(names) or 'it has none'}. Got {name!r}.{hint}"
            )
        values = value if isinstance(value, list | tuple | set | frozenset) else [value]
        if not values or not all(isinstance(one, str | int | float) for one in values):
            raise ConfigError(
                f"`where` must give {name!r} a value or a list of values, as in '{{{name}: [a, b]}}'. Got {value!r}."
            )
        wanted[str(name)] = tuple(_text(one) for one in values)
    return wanted


def attribute_mask(rows: pa.Table, wanted: Mapping[str, Iterable[str]]) -> NDArray[np.bool_]:
    """Return which rows have one of the wanted values of each attribute, (n,) bool; unknown is none of them.

    Args:
        rows: with a column "attribute:NAME" of texts for each attribute; one that lacks is unknown in all rows.
        wanted: attribute -> values.
    """
    mask = np.ones(rows.num_rows, dtype=bool)
    for name, values in wanted.items():
        column = PREFIX + name
        if column not in rows.column_names:
            return np.zeros(rows.num_rows, dtype=bool)
        mask &= mask_of(rows[column], values)
    return mask


def mask_of(column: pa.ChunkedArray, values: Iterable[str]) -> NDArray[np.bool_]:
    """Return which texts of a column are among some values, (n,) bool."""
    found = pc.is_in(column, value_set=pa.array(list(values), type=pa.string()))
    return np.asarray(found.combine_chunks().to_numpy(zero_copy_only=False), dtype=bool)


def refuse_unknown(kind: str, names: Iterable[str], known: Iterable[str], gallery: str) -> None:
    """Raise if a name is not in the gallery.

    Args:
        kind: what it names, in the singular: "person".
        names: asked for.
        known: all there are.
        gallery: for the message.

    Raises:
        ConfigError: names the first that is not there, and the nearest that are.
    """
    there = set(known)
    missing = [name for name in names if name not in there]
    if missing:
        nearest = difflib.get_close_matches(missing[0], sorted(there), n=2)
        hint = f"Did you mean {' or '.join(map(repr, nearest))}?" if nearest else "Check the spelling."
        raise ConfigError(
            f"No {kind} of the {len(there):,} in {gallery} is called {missing[0]!r}. {hint} Nothing was changed."
        )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

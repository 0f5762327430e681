"""Mappings that JSON holds, back to the frozen records that they were made of.

What records compute (`best`, `decided`) stands in the mapping too, and is left out: the record computes it again.

Example:
    >>> from visavox.pipeline.match_outcome import FaceOutcome
    >>> face = {"name": "a.jpg", "status": "ok", "probability": 1, "similarity": None, "n_faces": 1, "note": ""}
    >>> record_of(FaceOutcome, face).probability
    1.0
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def record_of(kind: type[Record], value: object) -> Record:
    """Return a dataclass, with the dataclasses inside it, from what its `to_dict` gave.

    Args:
        kind: a dataclass of texts, numbers, tuples, mappings, unions with None, and other such dataclasses.
        value: what JSON made of it.

    Raises:
        ValueError: something is missing, or of another type; the message names the field.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{kind.__name__} must be an object")
    hints = get_type_hints(kind)
    given: dict[str, Any] = {}
    for item in dataclasses.fields(kind):  # type: ignore[arg-type]
        if item.name in value:
            given[item.name] = _value_of(hints[item.name], value[item.name], item.name)
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise ValueError(f"`{item.name}` is missing")
    return kind(**given)


def _value_of(hint: Any, value: object, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            if type(None) in arguments:
                return None
            raise ValueError(f"`{name}` must not be null")
        return _value_of(next(kind for kind in arguments if kind is not type(None)), value, name)
    if origin is typing.Literal or hint is Any:
        return value
    if origin is tuple:
        if value is None:  # how `Embedded` writes that there is none
            return ()
        if not isinstance(value, list | tuple):
            raise ValueError(f"`{name}` must be a list")
        return tuple(_value_of(arguments[0], one, name) for one in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ValueError(f"`{name}` must be an object")
        return {key: _value_of(arguments[1], one, name) for key, one in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return record_of(hint, value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(hint, type) or not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"`{name}` must be of type {getattr(hint, '__name__', hint)}")
    return value

"""What a section shows besides lines: accuracy against cost, who is taken for whom, contact sheets. Records and JSON.

The figures are made of them by `visavox.evaluation.pareto_plot`, `visavox.evaluation.confusion_plot` and
`visavox.evaluation.sheet_figure`.

Example:
    >>> drawing = Confusion("Who is taken for whom", ("ann", "ben"), ((3.0, 1.0), (0.0, 4.0)))
    >>> drawing_from_json({"kind": "confusion", **vars(drawing)}) == drawing
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from visavox.errors import DataError
from visavox.evaluation.measures import plain_float


@dataclass(frozen=True)
class CostPoint:
    """One network in the plane of cost and accuracy."""

    name: str
    """What stands beside the point."""
    shown: str
    """What it is shown, by which it is coloured: "voice", "face" or "voice, face"."""
    cost: float
    """Parameters, multiply-accumulates or milliseconds, above 0."""
    value: float
    """Accuracy, 0 to 1."""
    low: float
    """Lower end of its interval; nan when undefined."""
    high: float
    """Upper end."""
    on_front: bool
    """Whether no other point is as accurate at no more cost."""

    def __post_init__(self) -> None:
        """Make every nan the same object, so that equal points compare equal."""
        for name in ("cost", "value", "low", "high"):
            object.__setattr__(self, name, plain_float(getattr(self, name)))


@dataclass(frozen=True)
class Pareto:
    """Accuracy against one cost, on a logarithmic axis."""

    heading: str
    x_label: str
    """What the cost is, with its unit."""
    y_label: str
    points: tuple[CostPoint, ...]
    kind: Literal["pareto"] = "pareto"


@dataclass(frozen=True)
class Confusion:
    """Who is taken for whom: rows are the true people, columns the named, cells are clips."""

    heading: str
    names: tuple[str, ...]
    cells: tuple[tuple[float, ...], ...]
    """One row a name, one cell a name."""
    kind: Literal["confusion"] = "confusion"


@dataclass(frozen=True)
class Sheet:
    """A contact sheet that lies beside the report."""

    heading: str
    path: str
    """Its file, a JPEG or PNG; the page holds a copy of it."""
    caption: str = ""
    kind: Literal["sheet"] = "sheet"


Drawing = Pareto | Confusion | Sheet


def drawing_from_json(values: Mapping[str, Any]) -> Drawing:
    """Builds a drawing from its JSON values.

    Raises:
        DataError: it is of another kind.
    """
    kind = values["kind"]
    if kind == "pareto":
        return Pareto(**{**values, "points": tuple(CostPoint(**point) for point in values["points"])})
    if kind == "confusion":
        cells = tuple(tuple(map(float, row)) for row in values["cells"])
        return Confusion(**{**values, "names": tuple(map(str, values["names"])), "cells": cells})
    if kind == "sheet":
        return Sheet(str(values["heading"]), str(values["path"]), str(values.get("caption", "")))
    raise DataError(
        f"A drawing must be a pareto, a confusion or a sheet. Got {kind!r}. Evaluate again to write it anew."
    )

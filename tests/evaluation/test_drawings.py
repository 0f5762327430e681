"""What a section draws, to JSON and back."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from visavox.errors import DataError
from visavox.evaluation.drawings import Confusion, CostPoint, Pareto, Sheet, drawing_from_json
from visavox.evaluation.record import json_values

POINTS = (
    CostPoint("small", "face", 1e6, 0.8, 0.7, 0.9, on_front=True),
    CostPoint("big", "voice", 4e7, 0.7, math.nan, math.nan, on_front=False),
)
DRAWINGS = [
    Pareto("Size", "parameters", "top-1", POINTS),
    Confusion("Who", ("ann", "ben"), ((3.0, 1.0), (0.5, 4.0))),
]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda d: d.kind)
def test_a_drawing_survives_json(drawing: Pareto | Confusion) -> None:
    values = json.loads(json.dumps(json_values(dataclasses.asdict(drawing)), allow_nan=False))
    assert drawing_from_json(values) == drawing


def test_nan_is_null_in_json_and_nan_again() -> None:
    values = json_values(dataclasses.asdict(DRAWINGS[0]))
    assert values["points"][1]["low"] is None
    found = drawing_from_json(values)
    assert isinstance(found, Pareto)
    assert math.isnan(found.points[1].low) and found.points[0].on_front


def test_whole_numbers_in_cells_become_floats() -> None:
    found = drawing_from_json({"kind": "confusion", "heading": "Who", "names": ["a"], "cells": [[3]]})
    assert found == Confusion("Who", ("a",), ((3.0,),))


def test_a_sheet_goes_to_json_and_back() -> None:
    sheet = Sheet("Ann to Ben", "sheets/people-1.jpg", "Guesses.")
    assert drawing_from_json({"kind": "sheet", **vars(sheet)}) == sheet
    assert drawing_from_json({"kind": "sheet", "heading": "h", "path": "p"}) == Sheet("h", "p")


def test_another_kind_is_refused() -> None:
    with pytest.raises(DataError, match="A drawing must be a pareto, a confusion or a sheet. Got 'pie'"):
        drawing_from_json({"kind": "pie"})


def test_points_with_nan_are_equal_to_themselves_and_numbers_become_floats() -> None:
    one, two = (CostPoint("big", "voice", 4, 1, float("nan"), float("nan"), on_front=False) for _ in range(2))
    assert one == two and hash(one) == hash(two)
    assert one != CostPoint("big", "voice", 4, 1, 0.5, float("nan"), on_front=False)
    assert isinstance(one.cost, float) and isinstance(one.value, float)
    assert drawing_from_json(
        {"kind": "pareto", "heading": "h", "x_label": "x", "y_label": "y", "points": []}
    ) == Pareto("h", "x", "y", ())


def test_names_of_a_confusion_are_words() -> None:
    found = drawing_from_json({"kind": "confusion", "heading": "Who", "names": [7, "b"], "cells": [[1, 0], [0, 2.5]]})
    assert found == Confusion("Who", ("7", "b"), ((1.0, 0.0), (0.0, 2.5)))

"""Filters by attribute, and the lines for names that nobody has."""

from __future__ import annotations

import pyarrow as pa
import pytest

from visavox.errors import ConfigError
from visavox.retrieval.gallery_filter import attribute_mask, check_where, mask_of, refuse_unknown


def slow_mask(rows: list[dict[str, str | None]], wanted: dict[str, tuple[str, ...]]) -> list[bool]:
    return [all(row.get(name) in values for name, values in wanted.items()) for row in rows]


def test_values_become_texts() -> None:
    known = ("age", "gender", "is_live")
    assert check_where({"age": 30, "gender": ["f", "m"], "is_live": True}, known) == {
        "age": ("30",),
        "gender": ("f", "m"),
        "is_live": ("true",),
    }
    assert check_where(None, known) == {}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"gendre": "f"}, "attributes of the gallery: age, gender. Got 'gendre'. Did you mean 'gender'?"),
        ({"gender": []}, "must give 'gender' a value or a list of values"),
        ({"gender": {"is": "f"}}, "must give 'gender' a value"),
        ({"gender": None}, "must give 'gender' a value"),
    ],
)
def test_a_filter_that_means_nothing_is_one_line(where: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_where(where, ("gender", "age"))
    assert said in str(caught.value)


def test_the_mask_is_that_of_a_slow_loop() -> None:
    plain = [{"gender": g, "age": a} for g in ("f", "m", None) for a in ("20", "30", None)]
    table = pa.table({f"attribute:{n}": pa.array([row[n] for row in plain], pa.string()) for n in ("gender", "age")})
    for wanted in ({}, {"gender": ("f",)}, {"gender": ("f", "m"), "age": ("30",)}, {"age": ("99",)}, {"none": ("1",)}):
        found = attribute_mask(table, wanted)
        assert found.tolist() == slow_mask(plain, wanted), wanted  # type: ignore[arg-type]


def test_a_mask_of_nothing_wanted_is_empty() -> None:
    column = pa.chunked_array([pa.array(["a", None], pa.string()), pa.array(["b"], pa.string())])
    assert mask_of(column, []).tolist() == [False] * 3
    assert mask_of(column, ["b"]).tolist() == [False, False, True]


def test_an_unknown_name_is_one_line_with_the_nearest() -> None:
    refuse_unknown("person", ["Ann"], ["Ann", "Bob"], "g")
    with pytest.raises(ConfigError) as caught:
        refuse_unknown("person", ["Ann", "Bop"], ["Ann", "Bob"], "g")
    assert str(caught.value).startswith("No person of the 2 in g is called 'Bop'. Did you mean 'Bob'?")
    with pytest.raises(ConfigError, match="Check the spelling"):
        refuse_unknown("clip", ["xyz"], [], "g")

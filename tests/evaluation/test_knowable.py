"""The share of the knowable: its formula, its interval, where it is undefined."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.evaluation.knowable import (
    PROTOCOL,
    SHARE,
    Estimate,
    Knowable,
    KnowableRow,
    knowable_from_json,
    pair_measures,
    share_measure,
    share_measures,
)
from visavox.evaluation.measures import Measure

NAN = math.nan
CEILINGS = {("voice_to_face", "all"): Estimate(0.9), ("voice_to_face", "same_gender"): Estimate(0.8)}


def accuracy(
    value: float, low: float = NAN, high: float = NAN, *, group: str = "all", measure: str = "accuracy_1_of_2"
) -> Measure:
    return Measure("matching", "voice_to_face", group, measure, value, low, high, 0.5, 90, 10)


def row(**more: Any) -> KnowableRow:
    known = KnowableRow("voice_to_face", "all", 0.5, 0.75, 0.86, 0.82, 0.9, 0.95, 0.001, NAN, 0.8, 0.71, 0.89, 300, 100)
    return dataclasses.replace(known, **more)


@pytest.mark.parametrize(
    ("reached", "ceiling", "share"),
    [(0.5, 0.9, 0.0), (0.9, 0.9, 1.0), (0.7, 0.9, 0.5), (0.4, 0.9, -0.25), (1.0, 0.9, 1.25)],
)
def test_guessing_is_nothing_and_the_ceiling_is_everything(reached: float, ceiling: float, share: float) -> None:
    assert share_measure(accuracy(reached), Estimate(ceiling)).value == pytest.approx(share)


def test_the_interval_is_mapped_like_the_figure_when_the_ceiling_is_exact() -> None:
    found = share_measure(accuracy(0.7, 0.6, 0.85), Estimate(0.9))
    assert (found.low, found.value, found.high) == pytest.approx((0.25, 0.5, 0.875))
    assert (found.protocol, found.measure, found.chance, found.count, found.n_people) == (PROTOCOL, SHARE, 0.0, 90, 10)


def test_the_error_of_the_ceiling_widens_the_interval_as_drawing_both_would() -> None:
    """A slow referee: draw accuracy and ceiling many times and look where the shares fall."""
    rng = np.random.default_rng(0)
    reached, ceiling = rng.normal(0.8, 0.01, 400_000), rng.normal(0.9, 0.01, 400_000)
    low, high = np.quantile((reached - 0.5) / (ceiling - 0.5), [0.025, 0.975])
    found = share_measure(accuracy(0.8, 0.8 - 0.0196, 0.8 + 0.0196), Estimate(0.9, 0.01))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.004)
    exact = share_measure(accuracy(0.8, 0.8 - 0.0196, 0.8 + 0.0196), Estimate(0.9))
    assert found.low < exact.low - 0.005
    assert found.high > exact.high + 0.005


@given(
    reached=st.floats(0, 1), ceiling=st.floats(0.51, 1), low=st.floats(0, 0.2), high=st.floats(0, 0.2),
    error=st.floats(0, 0.05),
)  # fmt: skip
def test_the_interval_holds_the_share(reached: float, ceiling: float, low: float, high: float, error: float) -> None:
    found = share_measure(accuracy(reached, reached - low, reached + high), Estimate(ceiling, error))
    assert found.low <= found.value <= found.high


def test_an_undefined_accuracy_keeps_its_reason() -> None:
    undefined = Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", chance=0.5, note="no gender labels")
    found = share_measure(undefined, Estimate(0.9))
    assert math.isnan(found.value)
    assert found.note == "no gender labels"


@pytest.mark.parametrize("ceiling", [0.5, 0.45])
def test_where_nothing_can_be_known_the_share_is_undefined(ceiling: float) -> None:
    found = share_measure(accuracy(0.5, 0.4, 0.6), Estimate(ceiling))
    assert math.isnan(found.value)
    assert "nothing can be known" in found.note


def test_an_accuracy_without_an_interval_gives_a_share_without_one() -> None:
    found = share_measure(accuracy(0.7), Estimate(0.9, 0.01))
    assert found.value == pytest.approx(0.5)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_only_pairs_with_a_ceiling_have_a_share() -> None:
    listed = (
        accuracy(0.7),
        accuracy(0.6, measure="accuracy_1_of_3"),
        accuracy(0.65, group="same_gender"),
        accuracy(0.6, group="same_nationality"),
        Measure("verification", "voice_to_face", "all", "accuracy_1_of_2", 0.7, chance=0.5),
    )
    assert pair_measures(listed, CEILINGS) == (listed[0], listed[2])
    assert [(m.group, m.value) for m in share_measures(listed, CEILINGS)] == [
        ("all", pytest.approx(0.5)),
        ("same_gender", pytest.approx(0.5)),
    ]


def test_rows_are_found_by_direction_and_group() -> None:
    known = Knowable("world.json", (row(), row(group="same_gender", share=0.5)))
    found = known.find("voice_to_face", "same_gender")
    assert found is not None
    assert found.share == 0.5
    assert known.find("face_to_voice", "all") is None


def test_a_row_is_beyond_when_its_whole_interval_is() -> None:
    assert not row(share=1.1, share_low=0.99, share_high=1.2).is_beyond
    assert row(share=1.1, share_low=1.01, share_high=1.2).is_beyond
    assert not row(share_low=NAN).is_beyond


def test_json_there_and_back_with_null_for_what_is_undefined() -> None:
    known = Knowable("world.json", (row(reached=NAN, low=NAN, high=NAN, share=NAN),), ("warned",), ("noted",))
    values = dataclasses.asdict(known)
    for values_row in values["rows"]:
        values_row.update({k: None for k, v in values_row.items() if isinstance(v, float) and math.isnan(v)})
    assert knowable_from_json(json.loads(json.dumps(values, allow_nan=False))) == known
    assert knowable_from_json(None) is None


def test_a_row_with_a_surplus_column_is_refused() -> None:
    values = dataclasses.asdict(Knowable("w", (row(),)))
    values["rows"][0]["surplus"] = 1
    with pytest.raises(TypeError):
        knowable_from_json(values)
    with pytest.raises(KeyError):
        knowable_from_json({"world": "w"})

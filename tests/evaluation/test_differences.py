from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import DataError
from visavox.evaluation.differences import compare_results
from visavox.evaluation.measures import ProtocolResult
from visavox.registry import PROTOCOLS


def result(noise: float, *, n: int = 60, protocol: str = "matching", seed: int = 1, model: int = 0) -> ProtocolResult:
    """The people are the same for every model; the noise of their vectors is the model's own."""
    people = np.random.default_rng(0).normal(size=(n, 4))
    rng = np.random.default_rng(100 + model)
    names = tuple(f"p{i:03d}" for i in range(n))
    voice, face = (
        EmbeddingTable(
            m,
            "e",
            tuple(f"{x}/{m}" for x in names),
            names,
            names,
            (None,) * n,
            {},
            people + noise * rng.normal(size=people.shape),
        )
        for m in ("voice", "face")
    )
    return PROTOCOLS.build({"name": protocol, "n_resamples": 200}).evaluate(
        voice, face, direction="voice_to_face", rng=np.random.default_rng(seed)
    )


@pytest.mark.parametrize("protocol", ["matching", "verification", "retrieval"])
def test_a_model_does_not_differ_from_itself(protocol: str) -> None:
    same = result(0.5, protocol=protocol)
    found = compare_results(same, same)
    assert [d.measure for d in found] == [m.measure for m in same.measures if not np.isnan(m.value)]
    assert all((d.value, d.low, d.high, d.p_value) == (0.0, 0.0, 0.0, 1.0) for d in found)


@pytest.mark.parametrize(
    ("protocol", "measure", "sign"),
    [("matching", "accuracy_1_of_2", 1), ("verification", "eer", -1), ("retrieval", "median_rank", -1)],
)
def test_a_better_model_is_found_better(protocol: str, measure: str, sign: int) -> None:
    found = compare_results(result(0.3, protocol=protocol), result(1.5, protocol=protocol, model=1))
    difference = next(d for d in found if d.measure == measure)
    assert sign * difference.value > 0
    assert min(sign * difference.low, sign * difference.high) > 0
    assert difference.p_value < 0.05
    assert (difference.protocol, difference.direction, difference.group) == (protocol, "voice_to_face", "all")


def test_undefined_measures_are_left_out() -> None:
    assert all(d.group == "all" for d in compare_results(result(0.3), result(0.4, model=1)))


def test_other_tables_are_refused() -> None:
    with pytest.raises(DataError, match=r"must rest on the same probes. Got 60 and 50"):
        compare_results(result(0.3), result(0.3, n=50))


def test_other_protocols_have_nothing_in_common() -> None:
    with pytest.raises(DataError, match="no measure in common"):
        compare_results(result(0.3), result(0.3, protocol="retrieval"))


def test_a_result_from_json_cannot_be_paired() -> None:
    fresh = result(0.3)
    read = ProtocolResult.from_json(fresh.to_json())
    assert read == fresh
    with pytest.raises(DataError, match="without resamples cannot be paired"):
        compare_results(fresh, read)


def test_other_numbers_of_resamples_are_refused() -> None:
    fresh = result(0.3)
    shorter = dataclasses.replace(fresh, resamples={key: values[:50] for key, values in fresh.resamples.items()})
    with pytest.raises(DataError, match="must be the same draws"):
        compare_results(fresh, shorter)

"""The shapes of answers are those of the records behind them, field by field, and each has a description."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.pipeline.gallery.search_outcome import SearchHit, SearchOutcome
from visavox.pipeline.identification_outcome import AskedWith, Candidate, IdentificationOutcome
from visavox.pipeline.match_outcome import FaceOutcome, MatchOutcome
from visavox.web import schemas
from visavox.web.answers import Embedded, Verified


@pytest.mark.parametrize(
    ("shape", "record", "more"),
    [
        (schemas.MatchAnswer, MatchOutcome, {"best", "decided"}),
        (schemas.MatchedFace, FaceOutcome, set()),
        (schemas.VerifyAnswer, Verified, {"decided"}),
        (schemas.EmbeddedItem, Embedded, set()),
        (schemas.SearchAnswer, SearchOutcome, {"nobody", "found"}),
        (schemas.SearchHitAnswer, SearchHit, {"thumbnail"}),
        (schemas.IdentifyAnswer, IdentificationOutcome, {"name", "decided"}),
        (schemas.CandidateAnswer, Candidate, set()),
        (schemas.AskedWithAnswer, AskedWith, set()),
    ],
)
def test_an_answer_has_the_fields_of_its_record(shape: Any, record: Any, more: set[str]) -> None:
    assert set(shape.model_fields) == {field.name for field in dataclasses.fields(record)} | more


def test_every_field_of_every_answer_is_described() -> None:
    shapes = [kind for kind in vars(schemas).values() if isinstance(kind, type) and issubclass(kind, schemas.Answer)]
    assert len(shapes) > 12
    for shape in shapes:
        assert shape.__doc__
        for name, field in shape.model_fields.items():
            assert field.description, f"{shape.__name__}.{name}"

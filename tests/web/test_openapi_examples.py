"""Examples are what the service would answer."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.web import schemas
from visavox.web.openapi_examples import EXAMPLES

SHAPES: dict[str, Any] = {
    "/v1/match": schemas.MatchAnswer,
    "/v1/verify": schemas.VerifyAnswer,
    "/v1/embed": schemas.EmbedAnswer,
    "/v1/search": schemas.SearchAnswer,
    "/v1/identify": schemas.IdentifyAnswer,
    "/v1/generate": schemas.GenerateAnswer,
    "/healthz": schemas.Health,
}


@pytest.mark.parametrize("path", sorted(EXAMPLES))
def test_an_example_fits_its_shape(path: str) -> None:
    assert SHAPES[path].model_validate(EXAMPLES[path]).model_dump() == EXAMPLES[path]


def test_every_answer_has_an_example() -> None:
    assert set(EXAMPLES) == set(SHAPES)

"""The schema of the service says what its failures look like."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi")
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from visavox.web.problem_schema import DESCRIPTIONS, NAMES_OF_THE_FRAMEWORK, with_problems
from visavox.web.problems import MEDIA_TYPE, Problem, install_problem_handlers


class Asleep(BaseModel):
    """Another answer of 503."""

    since: int


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)

    @app.post("/sum")
    def add(a: int, b: int) -> int:
        return a + b

    @app.get("/asleep", responses={503: {"model": Asleep}})
    def asleep() -> int:
        return 1

    return app


def test_every_operation_names_its_problems_and_keeps_its_answers(app: FastAPI) -> None:
    schema = with_problems(app.openapi())
    for path, method in (("/sum", "post"), ("/asleep", "get")):
        responses = schema["paths"][path][method]["responses"]
        assert set(responses) == {"200", *map(str, DESCRIPTIONS)}
        for status in DESCRIPTIONS:
            content = responses[str(status)]["content"]
            assert content[MEDIA_TYPE]["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert responses[str(status)]["description"]
    assert "application/json" in schema["paths"]["/asleep"]["get"]["responses"]["503"]["content"]
    assert "application/json" not in schema["paths"]["/sum"]["post"]["responses"]["422"]["content"]


def test_the_schema_of_a_problem_is_there_and_that_of_the_framework_is_not(app: FastAPI) -> None:
    schemas = with_problems(app.openapi())["components"]["schemas"]
    assert set(schemas["Problem"]["properties"]) == set(Problem.model_fields)
    assert schemas["Problem"]["properties"]["errors"]["items"] == {"$ref": "#/components/schemas/FieldProblem"}
    assert "FieldProblem" in schemas
    assert not set(NAMES_OF_THE_FRAMEWORK) & set(schemas)
    assert "$defs" not in str(schemas)


def test_a_schema_without_addresses_stays_one() -> None:
    assert "Problem" in with_problems({"openapi": "3.1.0"})["components"]["schemas"]


def test_what_a_route_answers_is_what_its_schema_says(app: FastAPI) -> None:
    response = TestClient(app).post("/sum", params={"a": "x"})
    assert (response.status_code, response.headers["content-type"]) == (422, MEDIA_TYPE)
    assert set(response.json()) <= set(Problem.model_fields)

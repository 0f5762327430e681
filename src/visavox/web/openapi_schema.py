"""The schema at /openapi.json, completed: examples, headers, the bearer token, no unknown fields.

FastAPI writes what the functions of the routes say, `visavox.web.problem_schema` what failures look like; what the
middleware answers before any route, neither can know.

Example:
    app.openapi = lambda: completed_schema(app)
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from visavox.web.openapi_examples import EXAMPLES
from visavox.web.problem_schema import DESCRIPTIONS, with_problems
from visavox.web.problems import CODES, MEDIA_TYPE, TYPE_PREFIX

BEFORE_ROUTES: Mapping[int, str] = {
    414: "The address is too long.",
    421: "The service answers to this machine alone, and was asked under another name.",
    431: "There are too many headers.",
}
"""What is refused before any route is asked."""
REFUSALS: Mapping[int, str] = {**DESCRIPTIONS, **BEFORE_ROUTES}
"""What any request may be refused with."""
RETRY_AFTER = {"description": "Seconds after which to come again.", "schema": {"type": "integer", "minimum": 1}}


def completed_schema(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI schema of an application, made once."""
    if app.openapi_schema is None:
        plain = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schema = with_problems(plain)
        schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                _complete(path, operation, schema["components"]["schemas"])
        app.openapi_schema = schema
    return app.openapi_schema


def _complete(path: str, operation: dict[str, Any], parts: dict[str, Any]) -> None:
    """Add refusals, examples and the token to one operation."""
    responses = operation["responses"]
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for status, words in REFUSALS.items():
        told = responses.setdefault(str(status), {"description": words, "content": {MEDIA_TYPE: problem}})
        told["content"][MEDIA_TYPE] = {**told["content"][MEDIA_TYPE], "example": example(status)}
    responses["503"]["headers"] = {"Retry-After": RETRY_AFTER}
    if path != "/healthz":
        operation["security"] = [{}, {"token": []}]
    if path in EXAMPLES:
        responses["200"]["content"]["application/json"]["example"] = EXAMPLES[path]
    form = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data", {}).get("schema", {})
    if "$ref" in form:
        body = parts[form["$ref"].rsplit("/", 1)[-1]]
        body["additionalProperties"] = False
        for field in body["properties"].values():
            items = field.get("items", {})
            if "contentMediaType" in items:
                items["format"] = "binary"  # by this the page at /docs knows a list of files; else it asks for texts


def example(status: int) -> dict[str, Any]:
    """Return an example of a problem."""
    code = CODES.get(status, f"http_{status}")
    return {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": REFUSALS[status],
        "instance": "urn:uuid:6f1c1f0e-3f5c-4a39-9d0e-1a2b3c4d5e6f",
        "code": code,
    }

"""What /openapi.json says of failures: application/problem+json for each operation, nothing of the framework's own.

Not about the failures themselves: those are `visavox.web.problems`.

Example:
    with_problems(app.openapi())["components"]["schemas"]["Problem"]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from visavox.web.problems import MEDIA_TYPE, Problem

DESCRIPTIONS: Mapping[int, str] = {
    400: "No form, no JSON, or cut short.",
    401: "No token, or one that is unknown or has ended.",
    403: "The service does not listen to that name or origin.",
    404: "The service has no such part: no gallery, nobody enrolled, no generator.",
    408: "The body did not arrive in time.",
    413: "Too many bytes, pixels, seconds or files.",
    415: "Another content type, or a file of no kind that is known.",
    422: "A field is missing, unknown or out of range, or a file cannot be used.",
    503: "Too many requests wait, or one took too long. Retry-After says when to come again.",
}
"""What each status means; every operation may answer each."""
NAMES_OF_THE_FRAMEWORK = ("HTTPValidationError", "ValidationError")
METHODS = frozenset({"get", "put", "post", "delete", "patch"})


def with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose operations name their problems.

    Args:
        schema: as the framework made it; it is changed.
    """
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in NAMES_OF_THE_FRAMEWORK:
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for path in schema.get("paths", {}).values():
        for method, operation in path.items():
            if method in METHODS:
                _describe(operation)
    return schema


def _describe(operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)  # the framework's
    for status, words in DESCRIPTIONS.items():
        known = responses.setdefault(str(status), {"description": words})
        content = known.setdefault("content", {})
        content[MEDIA_TYPE] = {"schema": {"$ref": "#/components/schemas/Problem"}}

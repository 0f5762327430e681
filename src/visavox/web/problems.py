"""Every failure as a problem of RFC 9457: one JSON shape, one line for people, one code for programs.

Not about what fails: a message is ours, one line that names the thing, the rule, the value and the remedy. Names that
a sender chose are made safe, and no path of the server gets out. Above 499 there are two: 503, for what may pass (too
much to do, a full disk, a gallery that cannot be read), and 500, for a bug of our own, with an id that the log has too.

Example:
    >>> problem = problem_of(MediaError("face 1: the file is empty (0 bytes).", status="empty_file"))
    >>> problem.status, problem.code, problem.detail
    (422, 'empty_file', 'face 1: the file is empty (0 bytes).')

Source: RFC 9457, "Problem Details for HTTP APIs", 2023. `code` and `errors` are our extension members.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from visavox.errors import DataError, MediaError, MissingDependencyError, VisavoxError, one_line
from visavox.web.service_errors import RefusalError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
"""Content type of every problem."""
TYPE_PREFIX = "urn:visavox:problem:"
"""What stands before the code in `type`; a name and no address, since nothing has to be reachable."""
MAX_DETAIL = 600
"""Characters of a detail."""
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+|nan|inf)(?:e[-+]?\d+)?", re.IGNORECASE)
MAX_ERRORS = 8
"""Fields that a problem names at most."""
RETRY_AFTER_S = 1
"""Seconds after which to try again where nothing better is known."""

STATUS_OF_MEDIA: Mapping[str, int] = {
    "upload_too_large": 413,
    "image_too_large": 413,
    "voice_too_long": 413,
    "too_large": 413,
    "unreadable_audio": 415,
    "unreadable_image": 415,
    "unreadable_video": 415,
    "not_a_video": 415,
    "disk": 503,
}
"""Status of HTTP for the statuses of MediaError; 422 for all others: the file is read, but is none to work with."""

CODES: Mapping[int, str] = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    411: "length_required",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal_error",
    503: "unavailable",
}
"""Codes where the failure has none of its own."""

DETAILS: Mapping[str, str] = {
    "Not Found": "There is nothing at this address. /docs lists what there is.",
    "Method Not Allowed": "This address takes another method. The header Allow names it.",
    "There was an error parsing the body": "The body cannot be read as what its content type says. Send it again.",
}
"""What the framework says, in the form that our messages have."""

_SERVER_PATH = re.compile(r"(?<![\w./:~-])/(?!v1/)(?:[^\s/:'\"`,;()]+/)+([^\s/:'\"`,;()]*)")
"""An absolute path of two parts or more; addresses of this interface, /v1/..., are none."""


class Problem(BaseModel):
    """What every failed request is answered with, as application/problem+json."""

    type: str = Field(description="Name of the kind of problem, a URN.", examples=["urn:visavox:problem:empty_file"])
    title: str = Field(description="The status in words.", examples=["Unprocessable Entity"])
    status: int = Field(description="Status of HTTP.", examples=[422], ge=400, le=599)
    detail: str = Field(description="One line: the thing, the rule, the value, the remedy.")
    instance: str = Field(description="Id of this one failure, also in the log of the service.")
    code: str = Field(description="Short name for programs.", examples=["empty_file"])
    errors: list[FieldProblem] = Field(default=[], description="The fields that are wrong, where these are known.")


class FieldProblem(BaseModel):
    """One wrong field of a request."""

    field: str = Field(description="Name of the field, with dots below it.", examples=["faces.0"])
    message: str = Field(description="What it must be.")


def make_problem(
    status: int, detail: str, *, code: str | None = None, errors: list[FieldProblem] | None = None
) -> Problem:
    """Return a problem whose detail is safe to show.

    Args:
        status: of HTTP, 400 to 599.
        detail: one line; what is no printable character becomes an escape, a path of the server its last part.
        code: short name; None: that of the status.
        errors: fields that are wrong.
    """
    code = code or CODES.get(status, f"http_{status}")
    return Problem(
        type=TYPE_PREFIX + code,
        title=HTTPStatus(status).phrase if status in set(HTTPStatus) else "Problem",
        status=status,
        detail=safe_detail(detail),
        instance=f"urn:uuid:{uuid.uuid4()}",
        code=code,
        errors=errors or [],
    )


def safe_detail(text: str) -> str:
    """Return a message as one short line without paths of the server.

    Example:
        >>> safe_detail("/srv/data/gallery/rows.parquet: the gallery is damaged.")
        'rows.parquet: the gallery is damaged.'
        >>> safe_detail("POST it to /v1/match or see https://www.rfc-editor.org/rfc/rfc9457")
        'POST it to /v1/match or see https://www.rfc-editor.org/rfc/rfc9457'
    """
    line = _SERVER_PATH.sub(lambda found: found[1] or "a folder", one_line(text.strip()))
    return line if len(line) <= MAX_DETAIL else f"{line[: MAX_DETAIL - 3]}..."


def problem_of(error: Exception) -> Problem:
    """Return the problem that an error is answered with.

    Args:
        error: any. What is none of ours becomes a 500 that tells nothing but its id.
    """
    match error:
        case RefusalError():
            return make_problem(error.status, str(error), code=error.code)
        case MediaError():
            return make_problem(STATUS_OF_MEDIA.get(error.status, 422), str(error), code=error.status)
        case MissingDependencyError():
            return make_problem(503, str(error), code="missing_dependency")
        case DataError():
            return make_problem(503, str(error), code="unusable_data")
        case VisavoxError():
            return make_problem(422, str(error))
        case RequestValidationError():
            return _validation_problem(error)
        case HTTPException():
            return make_problem(error.status_code, DETAILS.get(error.detail, error.detail))
        case ClientDisconnect():
            return make_problem(400, "The connection was closed before the request was whole.", code="disconnected")
    return make_problem(500, "The service has made a mistake of its own. Report it with the id of this problem.")


def headers_of(error: Exception) -> dict[str, str]:
    """Return the headers that go with the answer to an error: Retry-After, Allow, WWW-Authenticate."""
    if isinstance(error, RefusalError | HTTPException):
        return dict(error.headers or {})
    return {"retry-after": str(RETRY_AFTER_S)} if problem_of(error).status == 503 else {}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response of a problem.

    Args:
        problem: what is told.
        headers: more headers.
    """
    content = problem.model_dump_json(exclude_defaults=True)
    return Response(content, problem.status, {"cache-control": "no-store", **(headers or {})}, MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every failure of an application with a problem.

    Args:
        app: the application; handlers of the same errors are replaced.
    """
    kinds: tuple[Any, ...] = (VisavoxError, RequestValidationError, HTTPException, ClientDisconnect, Exception)
    for kind in kinds:
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status == 500:
        logger.error("%s %s: %s", request.method, one_line(request.url.path), problem.instance, exc_info=error)
        return problem_response(problem, {"connection": "close"})  # the server closes it, since the error goes on
    logger.info("%s %s: %d %s", request.method, one_line(request.url.path), problem.status, problem.code)
    return problem_response(problem, headers_of(error))


def _validation_problem(error: RequestValidationError) -> Problem:
    """Name the fields that are wrong; a body that is no JSON is 400."""
    found = error.errors()
    if any(item.get("type") == "json_invalid" for item in found):
        return make_problem(400, "The body must be JSON. It is not. Send what the schema at /openapi.json describes.")
    fields = [
        FieldProblem(field=_shown(".".join(map(str, item["loc"][1:] or item["loc"]))), message=_said(item))
        for item in found[:MAX_ERRORS]
    ]
    shown = "; ".join(f"`{item.field}`: {item.message}" for item in fields)
    return make_problem(422, f"The request does not fit the schema. {shown}.", errors=fields)


def _said(item: Mapping[str, Any]) -> str:
    """Return what is wrong with a field, and the value where it is a number: a text may be a secret."""
    value = str(item.get("input"))
    return _shown(f"{item['msg']}. Got {value}" if NUMBER.fullmatch(value) else str(item["msg"]))


def _shown(text: str) -> str:
    line = one_line(text[:200])
    return line if len(line) <= 200 else f"{line[:197]}..."


Problem.model_rebuild()

"""Every failure has the shape of RFC 9457, a status that fits, and nothing of the server in it."""

from __future__ import annotations

import json
import logging
import re
from typing import Annotated

import pytest

pytest.importorskip("fastapi")
import httpx
from fastapi import Body, FastAPI, HTTPException
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from visavox.errors import (
    ConfigError,
    DataError,
    MediaError,
    MissingDependencyError,
    UnknownNameError,
    VisavoxError,
)
from visavox.web.problems import (
    MAX_DETAIL,
    MEDIA_TYPE,
    STATUS_OF_MEDIA,
    Problem,
    headers_of,
    install_problem_handlers,
    make_problem,
    problem_of,
    safe_detail,
)
from visavox.web.service_errors import RefusalError, UnavailableError

BUG = "The service has made a mistake of its own. Report it with the id of this problem."
ERRORS = {
    "media": MediaError("face 1: the file is empty (0 bytes).", status="empty_file"),
    "config": ConfigError("`prior` must lie between 0 and 1. Got 2."),
    "refusal": RefusalError("This service has no gallery.", status=404, code="no_gallery", headers={"x-a": "b"}),
    "busy": UnavailableError("Too many requests wait.", code="queue_full", retry_after_s=7),
    "data": DataError("/srv/secret/gallery/rows.parquet: the gallery is damaged."),
    "http": HTTPException(418, "I am a teapot"),
    "gone": ClientDisconnect(),
    "bug": KeyError("/srv/secret/key"),
}


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/raise/{name}")
    def fail(name: str) -> None:
        raise ERRORS[name]

    @app.post("/sum")
    def add(a: Annotated[int, Body(ge=0)], b: Annotated[int, Body()]) -> int:
        return a + b

    return TestClient(app, raise_server_exceptions=False)


def problem_in(response: httpx.Response) -> Problem:
    """The problem that a response is, with what must be so of all of them."""
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["cache-control"] == "no-store"
    problem = Problem.model_validate_json(response.content)
    assert problem.status == response.status_code
    assert problem.type == f"urn:visavox:problem:{problem.code}"
    assert problem.title
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", problem.instance)
    assert problem.detail.isprintable()
    assert "/srv/" not in response.text
    return problem


@pytest.mark.parametrize(
    ("name", "status", "code", "detail"),
    [
        ("media", 422, "empty_file", "face 1: the file is empty (0 bytes)."),
        ("config", 422, "invalid_request", "`prior` must lie between 0 and 1. Got 2."),
        ("refusal", 404, "no_gallery", "This service has no gallery."),
        ("busy", 503, "queue_full", "Too many requests wait."),
        ("data", 503, "unusable_data", "rows.parquet: the gallery is damaged."),
        ("http", 418, "http_418", "I am a teapot"),
        ("gone", 400, "disconnected", "The connection was closed before the request was whole."),
        ("bug", 500, "internal_error", BUG),
    ],
)  # fmt: skip
def test_each_error_becomes_its_problem(client: TestClient, name: str, status: int, code: str, detail: str) -> None:
    problem = problem_in(client.get(f"/raise/{name}"))
    assert (problem.status, problem.code, problem.detail) == (status, code, detail)


def test_headers_go_with_the_problem(client: TestClient) -> None:
    assert client.get("/raise/busy").headers["retry-after"] == "7"
    assert client.get("/raise/refusal").headers["x-a"] == "b"
    assert client.get("/raise/data").headers["retry-after"] == "1"
    assert client.get("/raise/bug").headers["connection"] == "close"
    assert "retry-after" not in client.get("/raise/media").headers
    assert headers_of(MissingDependencyError("x")) == {"retry-after": "1"}


def test_a_bug_is_found_in_the_log_by_the_id_of_its_problem(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "visavox.web.problems"):
        problem = problem_in(client.get("/raise/bug"))
    assert problem.instance in caplog.text
    assert "KeyError" in caplog.text


def test_addresses_and_methods_that_there_are_not(client: TestClient) -> None:
    assert problem_in(client.get("/nothing")).code == "not_found"
    refused = client.get("/sum")
    assert problem_in(refused).code == "method_not_allowed"
    assert refused.headers["allow"] == "POST"


def test_wrong_fields_are_named_and_their_values_are_not_sent_back(client: TestClient) -> None:
    problem = problem_in(client.post("/sum", json={"a": -1, "b": "secret" * 1000}))
    assert problem.status == 422
    assert [item.field for item in problem.errors] == ["a", "b"]
    assert "`a`: Input should be greater than or equal to 0. Got -1" in problem.detail
    assert "secret" not in problem.model_dump_json()


def test_a_body_that_is_no_json_is_a_bad_request(client: TestClient) -> None:
    problem = problem_in(client.post("/sum", content=b"{", headers={"content-type": "application/json"}))
    assert (problem.status, problem.detail[:22]) == (400, "The body must be JSON.")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        *((MediaError("x", status=name), status) for name, status in STATUS_OF_MEDIA.items()),
        *((MediaError("x", status=name), 422) for name in ("no_face", "silent", "decoding_timeout", "decoding_failed")),
        (UnknownNameError("detector", "x", ["y"]), 422),
        (MissingDependencyError("x"), 503),
        (VisavoxError("x"), 422),
        (ValueError("x"), 500),
    ],
)
def test_the_table_of_statuses(error: Exception, status: int) -> None:
    problem = problem_of(error)
    assert problem.status == status
    assert status < 500 or status in {500, 503}
    if isinstance(error, MediaError):
        assert problem.code == error.status


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/proc/self/fd/7: the file is cut short.", "7: the file is cut short."),
        ("It is in /home/a b/c, and (/tmp/x/y.wav).", "It is in a b/c, and (y.wav)."),
        ("'/var/lib/x/': no folder", "'a folder': no folder"),
        ("POST it to /v1/match or /docs.", "POST it to /v1/match or /docs."),
        ("See https://example.org/a/b/c and urn:a/b/c.", "See https://example.org/a/b/c and urn:a/b/c."),
        ("../../etc/passwd: the file is empty.", "../../etc/passwd: the file is empty."),
        ("two\r\nlines\u202e", "two\\r\\nlines\\u202e"),
        ("0.5 m/s or 3/4", "0.5 m/s or 3/4"),
    ],
)
def test_a_detail_is_one_line_without_paths_of_the_server(text: str, shown: str) -> None:
    assert safe_detail(text) == shown


@given(text=st.text(max_size=2000))
def test_any_text_is_a_short_printable_detail(text: str) -> None:
    problem = make_problem(422, text)
    assert problem.detail.isprintable()
    assert len(problem.detail) <= MAX_DETAIL
    assert json.loads(problem.model_dump_json())["status"] == 422


def test_a_status_that_nobody_has_named_still_makes_a_problem() -> None:
    problem = make_problem(499, "x")
    assert (problem.title, problem.code) == ("Problem", "http_499")

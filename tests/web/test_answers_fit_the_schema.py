"""Valid media through every operation; every answer is held against the schema of /openapi.json.

Random bytes, as schemathesis sends them (`benchmarks/service_schema.py`), are no media and never reach an answer.
"""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi")
jsonschema = pytest.importorskip("jsonschema")

VOICE, FACE, MORE = "voice", "face", "faces"


def operations(sent: dict[str, Any]) -> dict[str, tuple[str, list[tuple[str, Any]], dict[str, str]]]:
    """Path, and words to tell two requests of it apart -> method, files and fields that are to be answered 200."""
    voice = (VOICE, ("v.flac", sent["voice"]))
    face = (FACE, ("f.jpg", sent["faces"][0]))
    faces = [(MORE, (f"{i}.jpg", data)) for i, data in enumerate(sent["faces"])]
    unusable = (MORE, ("none.jpg", b"no picture"))
    return {
        "/v1/match": ("post", [voice, *faces, unusable], {}),
        "/v1/verify": ("post", [voice, face], {"prior": "0.1"}),
        "/v1/embed": ("post", [("voices", voice[1]), faces[0], unusable], {}),
        "/v1/search": ("post", [voice], {"k": "3", "thumbnails": "yes"}),
        "/v1/search by a face": ("post", [face], {"against": "face", "by": "clip"}),
        "/v1/identify": ("post", [face, voice], {"top": "2"}),
        "/v1/generate": ("post", [voice], {"samples": "2", "seed": "3"}),
        "/v1/model": ("get", [], {}),
        "/healthz": ("get", [], {}),
    }


NAMES = sorted(operations({"voice": b"", "faces": [b""]}))


@pytest.fixture(scope="module")
def schema(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def checker(schema: dict[str, Any], operation: dict[str, Any], status: str, kind: str) -> Any:
    """What checks an answer against the schema; references go into the whole document."""
    answer = operation["responses"][status]["content"][kind]["schema"]
    return jsonschema.Draft202012Validator({**answer, "components": schema["components"]})


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_is_what_the_schema_says(
    client: Any, schema: dict[str, Any], sent: dict[str, Any], name: str
) -> None:
    method, files, fields = operations(sent)[name]
    path = name.split(" ")[0]
    answer = client.request(method, path, files=files or None, data=fields or None)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    checker(schema, schema["paths"][path][method], "200", "application/json").validate(answer.json())


def test_no_operation_is_left_out(schema: dict[str, Any]) -> None:
    known = {name.split(" ")[0] for name in NAMES} | {"/metrics"}  # which is text
    assert set(schema["paths"]) <= known | {"/login", "/logout"}
    assert {name.split(" ")[0] for name in NAMES} <= set(schema["paths"])


def test_a_refusal_is_what_the_schema_says(client: Any, schema: dict[str, Any], sent: dict[str, Any]) -> None:
    for path in ("/v1/match", "/v1/verify", "/v1/embed", "/v1/search", "/v1/identify", "/v1/generate"):
        for files in ({"voice": ("v", b"no sound")}, {"unknown": ("x", b"x")}):
            answer = client.post(path, files=files)
            assert 400 <= answer.status_code < 500, answer.text
            operation = schema["paths"][path]["post"]
            checker(schema, operation, str(answer.status_code), "application/problem+json").validate(answer.json())


def test_what_does_not_fit_is_seen(schema: dict[str, Any], client: Any, sent: dict[str, Any]) -> None:
    method, files, _ = operations(sent)["/v1/verify"]
    answer = client.request(method, "/v1/verify", files=files).json()
    check = checker(schema, schema["paths"]["/v1/verify"]["post"], "200", "application/json")
    with pytest.raises(jsonschema.ValidationError):
        check.validate({**answer, "similarity": "high"})

"""The schema tells every answer and every refusal."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.web.openapi_schema import REFUSALS, example
from visavox.web.problems import MEDIA_TYPE, Problem


def test_the_schema_is_whole(client: Any) -> None:
    schema = client.get("/openapi.json").json()
    posts = {path: of["post"] for path, of in schema["paths"].items() if "post" in of}
    assert set(posts) == {f"/v1/{name}" for name in ("match", "verify", "embed", "search", "identify", "generate")}
    assert {"/v1/model", "/healthz", "/metrics"} <= set(schema["paths"])
    for path, post in posts.items():
        assert post["summary"] and post["description"], path
        assert "multipart/form-data" in post["requestBody"]["content"]
        assert post["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        for status in ("400", "401", "403", "404", "413", "415", "422", "503"):
            told = post["responses"][status]["content"]
            assert set(told) == {MEDIA_TYPE}, (path, status)
            assert told[MEDIA_TYPE]["schema"]["$ref"].endswith("/Problem")
            assert told[MEDIA_TYPE]["example"]["status"] == int(status)
        assert "Retry-After" in post["responses"]["503"]["headers"]
        name = post["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"].rsplit("/", 1)[-1]
        form = schema["components"]["schemas"][name]
        assert form["additionalProperties"] is False
        assert all(field.get("description") for field in form["properties"].values()), path
    example = posts["/v1/match"]["responses"]["200"]["content"]["application/json"]["example"]
    assert example["best"] == 0
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in str(schema)


def test_lists_of_files_are_files_to_the_page_of_the_interface(client: Any) -> None:
    """The page at /docs asked for texts in place of faces, so that nobody could try /v1/match out."""
    parts = client.get("/openapi.json").json()["components"]["schemas"]
    for name, fields in (("Body_match_v1_match_post", ["faces"]), ("Body_embed_v1_embed_post", ["voices", "faces"])):
        for field in fields:
            assert "'format': 'binary'" in str(parts[name]["properties"][field]), (name, field)


def test_examples_of_problems_are_problems() -> None:
    for status in REFUSALS:
        assert Problem.model_validate(example(status)).status == status


def test_what_is_read_can_be_refused_too(client: Any) -> None:
    schema = client.get("/openapi.json").json()
    read = schema["paths"]["/v1/model"]["get"]["responses"]
    assert {"200", "401", "414", "421", "422", "431", "503"} <= set(read)
    assert "application/json" in schema["paths"]["/healthz"]["get"]["responses"]["503"]["content"]

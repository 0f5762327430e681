"""POST /v1/search and /v1/identify."""

from __future__ import annotations

import base64
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.web.routes.searching import parsed_filter
from visavox.web.service_errors import RefusalError


def test_a_voice_finds_faces_with_their_pictures(client: Any, sent: dict[str, Any]) -> None:
    voice = {"voice": ("v.wav", sent["voice"])}
    told = client.post("/v1/search", files=voice, data={"k": "3", "thumbnails": "yes"}).json()
    assert (told["query"], told["query_modality"], told["against"], told["gallery"]) == (
        "v.wav",
        "voice",
        "face",
        "gallery",
    )
    assert [hit["rank"] for hit in told["hits"]] == [1, 2, 3]
    assert base64.b64decode(told["hits"][0]["thumbnail"])[:2] == b"\xff\xd8", "a JPEG"
    plain = client.post("/v1/search", files=voice, data={"by": "clip", "k": "20"}).json()
    assert all(hit["thumbnail"] is None for hit in plain["hits"])
    assert len(plain["hits"]) == plain["n_candidates"] == 16


def test_filters_hold_or_are_refused(client: Any, sent: dict[str, Any]) -> None:
    voice = {"voice": ("v.wav", sent["voice"])}
    refused = client.post("/v1/search", files=voice, data={"where": '{"no such attribute": "x"}'})
    assert refused.status_code == 422 and "no such attribute" in refused.json()["detail"]
    assert client.post("/v1/search", files=voice, data={"where": "{"}).json()["code"] == "invalid_filter"


def test_bad_requests_are_one_line(client: Any, sent: dict[str, Any]) -> None:
    both = {"voice": ("v", sent["voice"]), "face": ("f", sent["faces"][0])}
    assert "not both" in client.post("/v1/search", files=both).json()["detail"]
    for data in ({"k": "0"}, {"k": "1001"}, {"by": "x"}, {"p_nobody": "1"}, {"effort": "-1"}, {"against": "ear"}):
        refused = client.post("/v1/search", files={"voice": ("v", sent["voice"])}, data=data)
        assert refused.status_code == 422 and next(iter(data)) in refused.json()["detail"]
    assert client.post("/v1/search", files={"face": ("f", b"x")}).json()["code"] == "unreadable_image"


def test_the_enrolled_are_named(client: Any, sent: dict[str, Any]) -> None:
    both = {"face": ("f.jpg", sent["faces"][0]), "voice": ("v.wav", sent["voice"])}
    told = client.post("/v1/identify", files=both, data={"false_accept": "1", "top": "2"}).json()
    assert (told["name"], told["people"], len(told["ranked"])) == ("w0-person-0000", "people", 2)
    assert [one["file"] for one in told["asked"]] == ["f.jpg", "v.wav"]
    assert client.post("/v1/identify", files=both, data={"top": "0"}).status_code == 422
    assert client.post("/v1/identify", files={"face": ("f", b"x")}).json()["code"] == "unreadable_image"


@pytest.mark.parametrize(
    "text", ["[]", "1", "{", '{"a": 1}', '{"a": [1]}', "[" * 5000, '{"a": {"b": "c"}}', "null", ""]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(RefusalError, match="`where` must be a JSON object"):
        parsed_filter(text)
    assert parsed_filter("{}") == {}

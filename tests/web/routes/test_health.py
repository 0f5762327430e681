"""GET /healthz, /metrics, /v1/model."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi")


def test_a_service_that_answers_is_healthy(client: Any, engine: Any) -> None:
    told = client.get("/healthz")
    assert told.status_code == 200
    assert told.json() == {
        "status": "ok",
        "model": engine.model_facts()["name"],
        "decoders": 1,
        "requests_running": 0,
        "requests_waiting": 0,
    }


def test_one_that_is_not_ready_says_so(client: Any, engine: Any) -> None:
    engine._is_ready.clear()
    told = client.get("/healthz")
    engine._is_ready.set()
    assert (told.status_code, told.json()["status"]) == (503, "starting")


def test_numbers_for_prometheus(client: Any) -> None:
    client.get("/no/such/place/17")
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    for line in (
        'visavox_requests_total{route="other",status="404"}',
        'visavox_request_seconds_bucket{le="0.25",route="/healthz"',
        "visavox_queue_waiting 0.0",
        "visavox_decoders_alive 1.0",
        "visavox_decoder_restarts",
    ):
        assert line in page.text, line
    assert "/no/such/place" not in page.text, "paths would be endless series"


def test_the_model_tells_what_it_is(client: Any) -> None:
    told = client.get("/v1/model").json()
    assert set(told["encoders"]) == {"voice", "face"}
    assert told["installed"]["people"] == 8 and told["limits"]["max_faces"] == 6
    refused = client.get("/v1/model?verbose=1")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_field")

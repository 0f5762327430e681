"""Every operation of a real service keeps to its schema, whatever schemathesis makes up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")

from benchmarks.service_schema import explore

pytestmark = pytest.mark.slow

OPERATIONS = {
    *(f"POST /v1/{name}" for name in ("match", "verify", "embed", "search", "identify", "generate")),
    "GET /v1/model", "GET /healthz", "GET /metrics",
}  # fmt: skip


def test_no_answer_surprises_the_schema(served_command: Callable[..., str]) -> None:
    found = explore(served_command("--model", "world", "--no-pages"), examples=5)
    assert found["failures"] == []
    assert set(found["statuses"]) >= OPERATIONS
    for operation, statuses in found["statuses"].items():
        assert sum(statuses.values()) >= (5 if operation.startswith("POST") else 1), operation
        assert all(status < 500 or status == 503 for status in statuses), operation

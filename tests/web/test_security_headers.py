"""What browsers are told."""

from __future__ import annotations

import pytest

from visavox.web.security_headers import headers_for


@pytest.mark.parametrize("path", ["/", "/match", "/v1/match", "/game", "/study/abc", "/docs", "/login", "/healthz", ""])
def test_every_answer_keeps_browsers_at_home(path: str) -> None:
    headers = headers_for(path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    assert "frame-ancestors" in policy
    assert "http:" not in policy and "https:" not in policy and "*" not in policy


def test_pages_of_our_own_need_no_scripts_inside_them() -> None:
    for path in ("/game", "/study/x", "/login", "/docs"):
        assert "script-src" not in headers_for(path)["content-security-policy"], "so that default-src 'self' holds"
    assert "'unsafe-inline'" not in headers_for("/game")["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline'" in headers_for("/")["content-security-policy"]


def test_answers_about_people_are_stored_nowhere() -> None:
    assert headers_for("/v1/match")["cache-control"] == "no-store"
    assert "cache-control" not in headers_for("/game")

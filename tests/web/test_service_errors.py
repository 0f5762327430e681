"""Failures of the service know their status, and when to come again."""

from __future__ import annotations

from visavox.errors import VisavoxError
from visavox.web.service_errors import RETRY_AFTER_S, RefusalError, UnavailableError


def test_a_refusal_keeps_what_it_was_given_and_copies_the_headers() -> None:
    headers = {"www-authenticate": "Bearer"}
    error = RefusalError("No token.", status=401, code="no_token", headers=headers)
    headers.clear()
    assert (str(error), error.status, error.code) == ("No token.", 401, "no_token")
    assert error.headers == {"www-authenticate": "Bearer"}
    assert RefusalError("x", status=404, code="y").headers == {}
    assert isinstance(error, VisavoxError)


def test_what_is_unavailable_says_when_to_come_again() -> None:
    error = UnavailableError("Too many.", retry_after_s=9)
    assert (error.status, error.code, error.headers) == (503, "unavailable", {"retry-after": "9"})
    assert UnavailableError("x", code="busy").headers == {"retry-after": str(RETRY_AFTER_S)}

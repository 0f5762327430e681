"""Cookies that stand for tokens."""

from __future__ import annotations

import pytest

from visavox.web import login_sessions
from visavox.web.login_sessions import LoginSessions


def test_a_cookie_stands_for_its_digest_until_it_is_closed() -> None:
    sessions = LoginSessions()
    one, other = sessions.open("a" * 64), sessions.open("b" * 64)
    assert one != other and len(one) > 30
    assert (sessions.digest_of(one), sessions.digest_of(other)) == ("a" * 64, "b" * 64)
    sessions.close(one)
    assert sessions.digest_of(one) is None
    assert sessions.digest_of(other) == "b" * 64


@pytest.mark.parametrize("cookie", ["", "made up", "\udcff"])
def test_what_nobody_gave_stands_for_nothing(cookie: str) -> None:
    sessions = LoginSessions()
    sessions.open("a" * 64)
    assert sessions.digest_of(cookie) is None
    sessions.close(cookie)


def test_the_oldest_goes_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_sessions, "MAX_SESSIONS", 2)
    sessions = LoginSessions()
    cookies = [sessions.open(str(i)) for i in range(3)]
    assert [sessions.digest_of(cookie) for cookie in cookies] == [None, "1", "2"]

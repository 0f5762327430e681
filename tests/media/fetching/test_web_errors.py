"""A failed request has a status, and says whether another try may help."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import urllib.error

import pytest

from visavox.corpus.statuses import STATUSES
from visavox.media.fetching.web_errors import (
    PassingError,
    UnreachedError,
    connection_failure,
    disk_failure,
    refusal,
    retry_after_s,
)


@pytest.mark.parametrize(
    ("code", "status", "is_passing"),
    [
        (401, "private", False), (402, "private", False), (403, "private", False), (404, "removed", False),
        (410, "removed", False), (451, "region", False), (400, "unsupported_address", False),
        (302, "unsupported_address", False), (408, "network", True), (425, "network", True), (429, "network", True),
        (500, "network", True), (502, "network", True), (503, "network", True), (504, "network", True),
        (599, "network", True), (499, "unsupported_address", False),
    ],
)  # fmt: skip
def test_codes_have_their_status_and_are_named(code: int, status: str, is_passing: bool) -> None:
    error = refusal(code, "a.org/v.mp4")
    assert (error.status, isinstance(error, PassingError)) == (status, is_passing)
    assert f"a.org/v.mp4: the server answered {code}" in str(error)
    assert STATUSES[status].is_transient == is_passing


def test_every_code_there_is_has_a_known_status() -> None:
    for code in range(300, 600):
        assert refusal(code, "v").status in STATUSES


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("", 0), ("0", 0), ("120", 120), (" 5 ", 5), ("-5", 0), ("soon", 0), ("Thu, 01 Jan 1970 00:02:00 GMT", 60),
     ("Thu, 01 Jan 1970 00:00:30 GMT", 0)],
)  # fmt: skip
def test_a_server_may_ask_for_a_wait_in_seconds_or_by_date(header: str, wait_s: float) -> None:
    assert retry_after_s(header, now_s=60.0) == wait_s


def test_the_wait_is_carried_by_the_error() -> None:
    error = refusal(429, "v", retry_after="7")
    assert isinstance(error, PassingError)
    assert error.wait_s == 7


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError("timed out"), "did not answer in time"),
        (urllib.error.URLError(TimeoutError()), "did not answer in time"),
        (urllib.error.URLError(socket.gaierror(-2, "Name or service not known")), "name was not found"),
        (ConnectionRefusedError(), "refused the connection"),
        (ConnectionResetError("reset by peer"), "reset by peer"),
        (http.client.RemoteDisconnected("closed\nwithout response"), r"closed\\nwithout response"),
        (http.client.BadStatusLine("x"), "connection failed"),
        (http.client.IncompleteRead(b""), "connection failed"),
    ],
)
def test_broken_connections_pass(error: Exception, words: str) -> None:
    found = connection_failure(error, "v")
    assert isinstance(found, PassingError)
    assert found.status == "network"
    with pytest.raises(PassingError, match=words):
        raise found


@pytest.mark.parametrize(
    ("error", "is_reached"),
    [
        (urllib.error.URLError(socket.gaierror(-2, "Name or service not known")), False),
        (ConnectionRefusedError(), False),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), False),
        (OSError(errno.EHOSTUNREACH, "No route to host"), False),
        (ConnectionResetError("reset by peer"), True),
        (TimeoutError("timed out"), True),
    ],
)
def test_a_host_that_is_not_there_differs_from_one_that_breaks_off(error: Exception, is_reached: bool) -> None:
    assert isinstance(connection_failure(error, "v"), UnreachedError) != is_reached


def test_a_certificate_that_is_not_valid_is_said_once() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "certificate has expired"
    error = connection_failure(urllib.error.URLError(cause), "v")
    assert error.status == "network"
    assert not isinstance(error, PassingError)
    assert "certificate has expired" in str(error)


def test_what_is_no_url_for_us_is_no_matter_of_the_network() -> None:
    for error in (http.client.InvalidURL("x"), urllib.error.URLError("unknown url type: ftp")):
        assert connection_failure(error, "v").status == "unsupported_address"


def test_a_full_disk_is_a_status_and_a_broken_one_stops_the_run() -> None:
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        assert disk_failure(OSError(code, "full"), "v").status == "disk"
    with pytest.raises(PermissionError):
        disk_failure(PermissionError(errno.EACCES, "no"), "v")

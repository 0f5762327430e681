"""A signal wakes what waits and breaks what reads."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from visavox.media.fetching.stop_signal import Stopped, StopSignal


def test_sleeping_ends_at_once_when_the_signal_is_set() -> None:
    stop, ended = StopSignal(), threading.Event()

    def sleep() -> None:
        with pytest.raises(Stopped):
            stop.sleep(60)
        ended.set()

    threading.Thread(target=sleep, daemon=True).start()
    assert not ended.wait(0.02)
    stop.set()
    assert ended.wait(1)


def test_without_a_signal_sleep_lasts_and_check_passes() -> None:
    stop, began_s = StopSignal(), time.monotonic()
    stop.sleep(0.02)
    stop.check()
    assert time.monotonic() - began_s >= 0.02
    assert not stop.is_set()


def test_a_connection_that_waits_for_bytes_is_woken() -> None:
    ours, theirs = socket.socketpair()
    stop = StopSignal()
    stop.watch(ours)
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(ours.recv(10)), daemon=True)
    thread.start()
    stop.set()
    thread.join(1)
    assert received == [b""]
    ours.close()
    theirs.close()


def test_a_connection_that_comes_too_late_or_is_closed_already_does_no_harm() -> None:
    stop = StopSignal()
    ours, theirs = socket.socketpair()
    stop.watch(ours)
    ours.close()
    stop.set()
    stop.set()
    assert stop.is_set()
    with pytest.raises(Stopped):
        stop.watch(theirs)
    theirs.close()

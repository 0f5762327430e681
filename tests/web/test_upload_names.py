"""Names of strangers are shown as one short line, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.hostile_media import FILE_NAMES

from visavox.web.upload_names import MAX_SHOWN, shown_name


@pytest.mark.parametrize("name", FILE_NAMES)
def test_hostile_names_are_short_and_printable(name: str) -> None:
    shown = shown_name(name)
    assert 1 <= len(shown) <= MAX_SHOWN
    assert shown.isprintable()


@given(name=st.text())
def test_any_name_is_short_and_printable(name: str) -> None:
    assert 1 <= len(shown_name(name)) <= MAX_SHOWN
    assert shown_name(name).isprintable()


@given(name=st.text("abcXYZ019._-", min_size=1, max_size=MAX_SHOWN))
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert shown_name(name) == name


def test_what_has_no_name_gets_one() -> None:
    assert shown_name(None) == "upload"
    assert shown_name("  ", instead="face 2") == "face 2"

"""Names that no route knows, and names of files."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("fastapi")
from fastapi import UploadFile

from visavox.web.service_errors import RefusalError
from visavox.web.strict_forms import read_upload, refuse_unknown, upload_name


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    refuse_unknown(["voice", "faces"], {"voice", "faces"}, "field")
    with pytest.raises(RefusalError, match="no field `voise`. Did you mean `voice`\\? Known: faces, voice") as e:
        refuse_unknown(["voice", "voise"], {"voice", "faces"}, "field")
    assert (e.value.status, e.value.code) == (422, "unknown_field")
    with pytest.raises(RefusalError, match="Known: none"):
        refuse_unknown(["x"], set(), "parameter of the address")
    with pytest.raises(RefusalError, match=r"`a\\nb`"):
        refuse_unknown(["a\nb"], {"voice"}, "field")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("v.wav", "v.wav"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.jpg", "a.jpg"),
        ("", "voice"),
        (None, "voice"),
        ("..", "voice"),
        ("a/", "voice"),
        ("x\x1b[31m.jpg", "x\\x1b[31m.jpg"),
    ],
)
def test_of_a_name_the_last_part_is_shown(sent: str | None, shown: str) -> None:
    assert upload_name(UploadFile(io.BytesIO(b"1"), filename=sent), "voice") == shown


def test_an_upload_is_read_whole() -> None:
    assert read_upload(UploadFile(io.BytesIO(b"12345"), filename="x")) == b"12345"

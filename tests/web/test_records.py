"""A record goes to JSON and comes back the same; what does not fit is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from visavox.pipeline.identification_outcome import AskedWith, Candidate, IdentificationOutcome
from visavox.pipeline.match_outcome import FaceOutcome, MatchOutcome
from visavox.web.answers import Embedded, Verified
from visavox.web.records import record_of

FACES = (FaceOutcome("a.jpg", "ok", 0.7, 0.4, 1, ""), FaceOutcome("b.jpg", "no_face", None, None, 0, "none"))
ASKED = AskedWith("face", "a.jpg", "ok", "", name="Ann", probability=0.9)
RECORDS: list[Any] = [
    MatchOutcome("v.wav", "ok", "", 3.1, FACES, "base"),
    Verified("v.wav", "ok", "a.jpg", "ok", 0.5, None, None, 0.5, 2.0, ("one", "two"), "base"),
    Embedded("face", "a.jpg", "ok", "", (0.6, 0.8), 0.0),
    Embedded("face", "a.jpg", "no_face", "none", (), 0.0),
    IdentificationOutcome(
        "people", 31, (ASKED,), (Candidate("Ann", 0.9, 2.0, {"face": 2.0}),), False, 0.1, 0.02, 0.05, ("a note",)
    ),
]


@dataclass(frozen=True)
class Everything:
    """One field of each kind."""

    text: str
    count: int
    share: float
    flag: bool
    kind: Literal["a", "b"]
    maybe: int | None
    numbers: tuple[float, ...]
    table: Mapping[str, float]
    anything: Any = None
    names: tuple[str, ...] = field(default_factory=tuple)


GOOD = {
    "text": "t", "count": 2, "share": 1, "flag": True, "kind": "a", "maybe": None, "numbers": [1, 2.5],
    "table": {"x": 3},
}  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_from_json_as_it_was(record: Any) -> None:
    assert record_of(type(record), json.loads(json.dumps(record.to_dict()))) == record


def test_every_kind_of_field() -> None:
    record = record_of(Everything, {**GOOD, "computed": 5})
    assert record == Everything("t", 2, 1.0, True, "a", None, (1.0, 2.5), {"x": 3.0})
    assert isinstance(record.share, float)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": 3}, "`text` must be of type str"),
        ({"count": 1.5}, "`count` must be of type int"),
        ({"count": True}, "`count` must be of type int"),
        ({"share": True}, "`share` must be of type float"),
        ({"share": None}, "`share` must be of type float"),
        ({"flag": 1}, "`flag` must be of type bool"),
        ({"maybe": "x"}, "`maybe` must be of type int"),
        ({"numbers": "12"}, "`numbers` must be a list"),
        ({"numbers": [1, "x"]}, "`numbers` must be of type float"),
        ({"table": [1]}, "`table` must be an object"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        record_of(Everything, {**GOOD, **change})


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="`text` is missing"):
        record_of(Everything, {})
    with pytest.raises(ValueError, match="Everything must be an object"):
        record_of(Everything, [1])

"""The options of `prepare` and of the commands `corpus ...`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from visavox import corpus_config
from visavox.command_line import attribute_texts, parse_arguments
from visavox.corpus_config import CorpusExportConfig, CorpusRetryConfig, PrepareConfig, shard_of
from visavox.errors import ConfigError


def prepare(**options: Any) -> PrepareConfig:
    return PrepareConfig(root=Path("in"), out=Path("out"), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"faces": 0}, "`faces` must be at least 1. Got 0"),
        ({"downloads": 0}, "`downloads` must be at least 1"),
        ({"attempts": 0}, "`attempts` must be at least 1"),
        ({"frames_per_s": 0.0}, "`frames_per_s` must be above 0"),
        ({"frames_per_s": float("nan")}, "`frames_per_s` must be above 0"),
        ({"timeout_s": float("inf")}, "`timeout_s` must be above 0"),
        ({"from_row": -1}, "`from_row` must be at least 0"),
        ({"min_face_px": -1.0}, "`min_face_px` must be at least 0"),
        ({"min_frontality": 1.5}, "`min_frontality` must be from 0 to 1"),
        ({"margin": -0.1}, "`margin` must be from 0 to 2"),
        ({"from_row": 5, "to_row": 5}, "`to_row` must be greater than `from_row`. Got 5 to 5"),
        ({"device": "cuda"}, "`device` must be auto or cpu"),
        ({"precision": "bfloat16"}, "`precision` must be auto or float32"),
        ({"shard": "0/3"}, "`shard` must be NUMBER/COUNT"),
        ({"crop": "first_frame", "faces": 3}, "`crop` first_frame is one square of the first frame"),
        ({"crop": "first_frame", "margin": 0.3}, "takes no --margin and no --faces above 1. Got margin 0.3, faces 1"),
        ({"source": {"nam": "videos"}}, "`source` needs a name, as in {name: videos}. Got {'nam': 'videos'}"),
        ({"limit": -1}, "`limit` must be at least 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        prepare(**options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("text", "expected"), [("", (0, 1)), ("1/1", (0, 1)), ("16/16", (15, 16))])
def test_shards_are_counted_from_1(text: str, expected: tuple[int, int]) -> None:
    assert shard_of(text) == expected


@pytest.mark.parametrize("text", ["3", "3/", "/3", "4/3", "-1/3", "1/0", "a/b", "1 /2"])
def test_other_shards_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="as in 3/16"):
        shard_of(text)


def test_a_source_may_have_options_of_its_own() -> None:
    assert prepare(source="videos").source_spec() == {"name": "videos"}
    spec = {"name": "voxceleb", "pair": True}
    assert prepare(source=spec).source_spec() == spec


def test_a_source_with_options_can_be_typed() -> None:
    words = ["--root", "a", "--out", "b", "--source", "{name: voxceleb, pair: true}", "--metadata", "m.csv", "n.csv"]
    config = parse_arguments(PrepareConfig, words, prog="visavox prepare")
    assert config is not None
    assert config.source_spec() == {"name": "voxceleb", "pair": True}
    assert config.metadata == (Path("m.csv"), Path("n.csv"))


def test_statuses_and_forms_can_be_typed() -> None:
    retry = parse_arguments(CorpusRetryConfig, ["--status", "network", "disk"], prog="visavox corpus retry")
    assert retry is not None
    assert retry.status == ("network", "disk")
    export = parse_arguments(CorpusExportConfig, ["--to", "hf", "--out", "x"], prog="visavox corpus export")
    assert export is not None
    assert export.to == "hf"


@pytest.mark.parametrize(
    "config_class",
    [c for c in vars(corpus_config).values() if dataclasses.is_dataclass(c) and c.__module__ == corpus_config.__name__],
    ids=lambda c: c.__name__,
)
def test_every_field_says_what_it_is(config_class: type) -> None:
    texts = attribute_texts(config_class)
    for item in dataclasses.fields(config_class):
        assert texts.get(item.name), f"{config_class.__name__}.{item.name} has no text under it"

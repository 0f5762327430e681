"""What the commands that name people refuse before they read anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.identification_config import EnrollConfig, IdentifyConfig

OUT, PAIRS = Path("people"), Path("pairs")


def test_what_is_usual() -> None:
    config = EnrollConfig(out=OUT, pairs=PAIRS)
    assert (config.backend, config.false_accept, config.sessions, config.refit) == ("auto", 0.01, (), False)
    asked = IdentifyConfig(people=OUT, voice=Path("a.wav"))
    assert (asked.top, asked.false_accept, asked.combine) == (5, None, "scores")


@pytest.mark.parametrize(
    "asked",
    [
        {"pairs": PAIRS, "columns": {"person": "who"}, "sessions": ("01",)},
        {"corpus": Path("corpus"), "embeddings": Path("embeddings"), "sessions": ("01",)},
        {"remove": ("Ann",)},
        {"rename": {"Ann": "Anna"}},
        {"refit": True},
    ],
)
def test_what_can_be_asked_of_an_enrolment(asked: dict[str, Any]) -> None:
    assert EnrollConfig(out=OUT, **asked).out == OUT


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Say whom to enrol: either --pairs"),
        ({"pairs": PAIRS, "corpus": Path("c")}, "Got pairs and corpus"),
        ({"pairs": PAIRS, "embeddings": Path("e")}, "Got pairs and embeddings"),
        ({"remove": ("Ann",), "sessions": ("01",)}, "`sessions` is of clips to enrol"),
        ({"corpus": Path("c"), "columns": {"person": "who"}}, "`columns` is of clips to enrol"),
        ({"pairs": PAIRS, "false_accept": 0.0}, "`false_accept` must be above 0 and at most 1. Got 0.0"),
        ({"pairs": PAIRS, "false_accept": float("nan")}, "`false_accept` must be above 0"),
        ({"pairs": PAIRS, "voice_window_s": -1.0}, "`voice_window_s` must be 0 or more. Got -1.0"),
        ({"embeddings": Path("e"), "voice_window_s": 2.0}, "`voice_window_s` needs the sound"),
        ({"rename": {"Ann": "  "}}, "`rename` takes names, which hold more than spaces. Got '  '"),
        ({"rename": {"Ann": None}}, r"Got None for a name, in \{'Ann': None\}: YAML takes a bare Null, No"),
        ({"rename": {None: "Ann"}}, r"`rename` maps names to names\. Got None for a name, in \{None: 'Ann'\}: YAML"),
        ({"rename": {None: "Ann"}}, "Put names in quotes, as in --rename"),
        ({"rename": {True: "Ann"}}, "Got True"),
        ({"pairs": PAIRS, "columns": {"person": ["a"]}}, r"`columns` maps names to names\. Got \['a'\] for"),
        ({"pairs": PAIRS, "workers": -1}, "`workers` must be at least 0. Got -1"),
    ],
)
def test_what_an_enrolment_refuses(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        EnrollConfig(out=OUT, **asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Give --face, --voice or both. Got neither"),
        ({"face": Path("a.jpg"), "top": 0}, "`top` must be at least 1. Got 0"),
        ({"face": Path("a.jpg"), "false_accept": 0.0}, "`false_accept` must be above 0"),
        ({"face": Path("a.jpg"), "false_accept": 1.5}, "at most 1. Got 1.5"),
        ({"face": Path("a.jpg"), "batch_size": 0}, "`batch_size` must be at least 1. Got 0"),
    ],
)
def test_what_a_question_refuses(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        IdentifyConfig(people=OUT, **asked)


def test_numbers_are_names_and_nobody_is_removed_twice() -> None:
    config = EnrollConfig(out=OUT, pairs=PAIRS, rename={1: 2, 1.5: "Ann"}, columns={"person": 0}, remove=("2", "2"))  # type: ignore[dict-item]
    assert config.rename == {"1": "2", "1.5": "Ann"}
    assert config.columns == {"person": "0"}
    assert config.remove == ("2",)

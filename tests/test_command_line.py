"""Words to configurations: flags, positions, YAML, dashes, and one-line errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from visavox.command_line import attribute_texts, parse_arguments, protect_dashes
from visavox.errors import ConfigError
from visavox.identification_config import EnrollConfig


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    """Do a toy thing."""

    voice: Path
    """The voice."""
    faces: tuple[Path, ...] = ()
    """The faces."""
    batch_size: int = 32
    """Items a pass."""
    mode: Literal["fast", "slow"] = "fast"
    """How."""
    encoder: str | Mapping[str, Any] = "ge2e"
    """Which encoder."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column names."""
    out: Path | None = None
    """Where to."""
    quiet: bool = False
    """Say nothing."""
    careful: bool = True
    """Take care."""
    seed: int = 0
    """Which numbers."""
    rate: float | None = None
    """How much."""


def parse(*words: str) -> ToyConfig:
    config = parse_arguments(ToyConfig, list(words), prog="visavox toy", positional=("voice", "faces"))
    assert config is not None
    return config


def test_positions_and_defaults() -> None:
    config = parse("v.wav", "a.jpg", "b.jpg")
    assert config == ToyConfig(voice=Path("v.wav"), faces=(Path("a.jpg"), Path("b.jpg")))


def test_flags_are_written_with_dashes() -> None:
    assert parse("v", "a", "--batch-size", "4").batch_size == 4


def test_a_flag_switches_on_without_a_value_and_off_with_no() -> None:
    assert parse("v", "a", "--quiet").quiet
    assert not parse("v", "a", "--no-careful").careful


def test_mappings_are_given_key_by_key_or_as_yaml() -> None:
    assert dict(parse("v", "a", "--columns", "{person: speaker}").columns) == {"person": "speaker"}
    encoder = parse("v", "a", "--encoder", "{name: ge2e, output: hidden}").encoder
    assert dict(encoder) == {"name": "ge2e", "output": "hidden"}  # type: ignore[call-overload]


def test_a_yaml_file_and_a_flag_are_the_same_thing(tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text("batch_size: 7\nmode: slow\n", encoding="utf-8")
    config = parse("v", "a", "--config", str(tmp_path / "toy.yaml"))
    assert (config.batch_size, config.mode) == (7, "slow")
    assert parse("v", "a", "--config", str(tmp_path / "toy.yaml"), "--batch-size", "9").batch_size == 9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["v", "a", "--bogus", "1"],
            "There is no option --bogus 1. A name that begins with - goes to the end, after --",
        ),
        (["v", "a", "--batch-size", "many"], "batch_size"),
        (["v", "a", "--mode", "medium"], "mode"),
        (["v"], "faces"),
        ([], "voice"),
        (["v", "a", "--config", "missing.yaml"], "missing.yaml"),
    ],
)
def test_bad_words_are_one_line_that_names_the_help(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        parse(*words)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith("See `visavox toy --help`.")


def test_a_left_over_key_of_a_yaml_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text("batchsize: 7\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="batchsize"):
        parse("v", "a", "--config", str(tmp_path / "toy.yaml"))


def test_help_answers_and_gives_no_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_arguments(ToyConfig, ["--help"], prog="visavox toy", positional=("voice", "faces")) is None
    printed = capsys.readouterr().out
    assert "Items a pass. (default: 32)" in printed
    assert "Which numbers. (default: 0)" in printed
    assert "(default: [])" not in printed
    assert "--batch-size" in printed
    assert "<class" not in printed


def test_an_existing_file_that_begins_with_a_dash_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-DdY.jpg").touch()
    assert protect_dashes(["-DdY.jpg", "--quiet", "-", "--"]) == ["./-DdY.jpg", "--quiet", "-", "--"]
    assert parse("v", "-DdY.jpg").faces == (Path("-DdY.jpg"),)


def test_texts_of_inherited_fields_are_found() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Child(ToyConfig):
        """A child."""

        extra: int = 1
        """One more."""

    assert attribute_texts(Child)["batch_size"] == "Items a pass."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--batch-size", "abc"), "`batch_size` must be a whole number. Got 'abc'"),
        (("--mode", "slowly"), r"`mode` must be one of fast, slow. Got 'slowly'"),
        (("--rate", "80%"), "`rate` must be a number. Got '80%'"),
        (("--columns", "foo"), "`columns` must be a mapping.*Got 'foo'"),
    ],
)
def test_a_value_of_a_wrong_type_is_named_without_the_words_of_python(words: tuple[str, ...], message: str) -> None:
    """The message was: Parser key "batch_size": Expected a <class 'int'>. Got value: abc."""
    with pytest.raises(ConfigError, match=message):
        parse("v", "a", *words)


@pytest.mark.parametrize("given", ["{null: null}", "{1: Null}"])
def test_a_key_that_is_no_text_is_one_plain_line(given: str) -> None:
    with pytest.raises(ConfigError, match="The keys of `rename` must be text. Got one .* put it in quotes. See"):
        parse_arguments(EnrollConfig, ["--out", "people", "--rename", given], prog="visavox enroll")

"""The configurations of the commands that compare methods: defaults, ranges, and the help of every field."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import visavox.method_config as module
from visavox.command_line import attribute_texts, parse_arguments
from visavox.config import CommandConfig
from visavox.errors import ConfigError

CONFIGS = [
    value
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, CommandConfig) and value.__module__ == module.__name__
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.__name__)
def test_every_field_says_what_it_is(config: Any) -> None:
    texts = attribute_texts(config)
    for item in dataclasses.fields(config):
        assert texts[item.name].rstrip().endswith("."), item.name
    assert (config.__doc__ or "").strip().endswith(".")


@pytest.mark.parametrize(
    ("config", "words", "positional", "expected"),
    [
        (
            module.CompareConfig,
            ["r.yaml", "--only", "a", "b"],
            ("recipe",),
            {"only": ("a", "b"), "recipe": Path("r.yaml")},
        ),
        (module.ConvertConfig, ["c.pth", "--out", "m", "--kind", "fop"], ("checkpoint",), {"kind": "fop"}),
        (module.ExportConfig, ["base", "--out", "x"], ("model",), {"to": "onnx", "model": "base"}),
        (module.RobustnessConfig, ["--corpus", "c", "--out", "r"], (), {"model": "base", "subset": "test"}),
        (
            module.TrialsConfig,
            ["--corpus", "c", "--out", "t", "--strata", "gender+age", "--candidates", "2", "10", "--format", "pins"],
            (),
            {"strata": ("gender+age",), "candidates": (2, 10), "format": "pins"},
        ),
    ],
)
def test_words_become_configurations(config: Any, words: list[str], positional: Any, expected: dict[str, Any]) -> None:
    found = parse_arguments(config, words, prog="visavox x", positional=positional)
    assert found is not None
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("config", "words", "positional", "said"),
    [
        (module.ConvertConfig, ["c.pth", "--out", "m", "--kind", "keras"], ("checkpoint",), "kind.*sss"),
        (module.ExportConfig, ["base", "--out", "x", "--to", "tflite"], ("model",), "onnx"),
        (module.CompareConfig, [], ("recipe",), "recipe"),
        (module.TrialsConfig, ["--corpus", "c", "--out", "t", "--seed", "-1"], (), "`seed` must be at least 0"),
        (module.CompareConfig, ["r.yaml", "--workers", "-1"], ("recipe",), "`workers` must be at least 0"),
    ],
)
def test_wrong_words_are_one_line(config: Any, words: list[str], positional: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse_arguments(config, words, prog="visavox x", positional=positional)
    assert "\n" not in str(caught.value)

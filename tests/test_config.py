"""Configurations: every field is explained, has a flag, and goes through YAML unchanged."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from visavox import config as configs
from visavox import (
    corpus_config,
    evaluation_config,
    game_config,
    generation_config,
    identification_config,
    method_config,
    retrieval_config,
    service_config,
)
from visavox.__main__ import COMMANDS
from visavox.__main__ import config_class as class_of
from visavox.command_line import attribute_texts
from visavox.errors import ConfigError
from visavox.evaluation_config import EvaluateConfig

PARENTS = {"CommandConfig", "NetworkConfig", "PooledConfig", "CorpusConfig", "GallerySourceConfig"}
CLASSES = [class_of(class_name) for class_name, _ in COMMANDS.values()]


@pytest.mark.parametrize("config_class", CLASSES, ids=lambda c: c.__name__)
def test_every_field_has_a_text_that_ends_in_a_full_stop(config_class: type) -> None:
    texts = attribute_texts(config_class)
    for field in dataclasses.fields(config_class):
        assert texts.get(field.name, "").endswith("."), field.name


@pytest.mark.parametrize("config_class", CLASSES, ids=lambda c: c.__name__)
def test_configurations_are_frozen_and_named_only(config_class: type) -> None:
    parameters = config_class.__dataclass_params__  # type: ignore[attr-defined]
    assert parameters.frozen
    assert all(field.kw_only for field in dataclasses.fields(config_class))


@pytest.mark.parametrize("config_class", CLASSES, ids=lambda c: c.__name__)
def test_every_command_takes_json_and_quiet(config_class: type) -> None:
    names = {field.name for field in dataclasses.fields(config_class)}
    assert {"json", "quiet"} <= names


def test_commands_that_run_a_network_take_device_precision_and_batch_size() -> None:
    for name in ("PrepareConfig", "EmbedConfig", "TrainConfig", "EvaluateConfig", "MatchConfig"):
        names = {field.name for field in dataclasses.fields(class_of(name))}
        assert {"device", "precision", "batch_size"} <= names


def test_every_configuration_has_a_command() -> None:
    used = {class_name for class_name, _ in COMMANDS.values()}
    defined = {
        name
        for name, value in {
            **vars(configs),
            **vars(corpus_config),
            **vars(method_config),
            **vars(evaluation_config),
            **vars(identification_config),
            **vars(generation_config),
            **vars(retrieval_config),
            **vars(service_config),
            **vars(game_config),
        }.items()
        if dataclasses.is_dataclass(value) and name not in PARENTS
    }
    assert defined == used


@pytest.mark.parametrize(
    ("config_class", "name", "value"),
    [
        (corpus_config.PrepareConfig, "workers", -1),
        (corpus_config.PrepareConfig, "batch_size", 0),
        (corpus_config.PrepareConfig, "limit", -3),
        (corpus_config.PrepareConfig, "min_speech_s", float("nan")),
        (configs.SplitConfig, "seed", -1),
        (EvaluateConfig, "seed", -1),
    ],
)
def test_numbers_out_of_range_are_refused_by_name_and_value(config_class: Any, name: str, value: float) -> None:
    """`--limit -3` and `--seed -1` ended in tracebacks, and `--workers -1` passed unnoticed on a small corpus."""
    paths = {f.name: Path("x") for f in dataclasses.fields(config_class) if f.default is dataclasses.MISSING}
    paths = {name: path for name, path in paths.items() if name in ("root", "corpus", "out")}
    with pytest.raises(ConfigError, match=f"`{name}` must be at least .*Got {value}"):
        config_class(**paths, **{name: value})


@pytest.mark.parametrize(
    ("config_class", "options", "words"),
    [
        (corpus_config.PrepareConfig, {"device": "cuda"}, "`device` must be auto or cpu. Got 'cuda'"),
        (corpus_config.PrepareConfig, {"precision": "bfloat16"}, "`precision` must be auto or float32"),
        (configs.TrainConfig, {"precision": "bfloat16"}, "`precision` must be auto or float32"),
        (configs.TrainConfig, {"subset": "folds", "checkpoint_every_epochs": 1}, "`checkpoint_every_epochs` must be 0"),
        (configs.TrainConfig, {"task": "identification"}, "needs --corpus.* and --splits"),
        (configs.TrainConfig, {"networks": {"a": {}}}, "`networks` is of the task identification"),
        (configs.TrainConfig, {"subset": "all", "patience_epochs": 3}, "`patience_epochs` must be 0 with `subset` all"),
    ],
)
def test_what_would_be_ignored_is_refused(config_class: Any, options: dict[str, Any], words: str) -> None:
    """`prepare --device cuda` ran on the CPU, and `train --subset folds --checkpoint-every-epochs 1` kept none."""
    paths = {f.name: Path("x") for f in dataclasses.fields(config_class) if f.default is dataclasses.MISSING}
    paths = {name: path for name, path in paths.items() if name in ("root", "embeddings", "out")}
    with pytest.raises(ConfigError, match=words):
        config_class(**paths, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs --networks: which networks to train, or a file of them"),
        ({"networks": "n.yaml", "embeddings": Path("e")}, "`embeddings` is of the task association"),
        ({"networks": "n.yaml", "objective": "siglip"}, "`objective` is of the task association"),
        ({"networks": "n.yaml", "end_to_end": {"n_epochs": 1}}, "`end_to_end` is of the task association"),
        ({"networks": "n.yaml", "patience_epochs": 2}, "`patience_epochs` is of the task association"),
    ],
)
def test_identification_refuses_what_it_would_ignore(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configs.TrainConfig(task="identification", corpus=Path("c"), splits=Path("s"), out=Path("o"), **options)

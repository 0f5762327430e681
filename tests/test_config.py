"""Configurations: every field is explained, has a flag, and goes through YAML unchanged."""

from __future__ import annotations

import dataclasses

import pytest

from visavox import config as configs
from visavox.__main__ import COMMANDS
from visavox.command_line import attribute_texts

CLASSES = [getattr(configs, class_name) for class_name, _ in COMMANDS.values()]


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
    for name in ("PrepareConfig", "EmbedConfig", "EvaluateConfig", "MatchConfig"):
        names = {field.name for field in dataclasses.fields(getattr(configs, name))}
        assert {"device", "precision", "batch_size"} <= names


def test_every_configuration_has_a_command() -> None:
    used = {class_name for class_name, _ in COMMANDS.values()}
    defined = {
        name
        for name, value in vars(configs).items()
        if dataclasses.is_dataclass(value) and name not in {"CommandConfig", "NetworkConfig"}
    }
    assert defined == used

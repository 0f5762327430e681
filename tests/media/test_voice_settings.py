"""The defaults are those of `PrepareConfig`, and nothing changes them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from visavox.corpus_config import PrepareConfig
from visavox.media.voice_settings import VoiceSettings


def test_the_defaults_are_those_of_the_command() -> None:
    assert VoiceSettings().min_speech_s == PrepareConfig(root=Path("a"), out=Path("b")).min_speech_s
    assert VoiceSettings().unloop


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        VoiceSettings().min_speech_s = 1.0  # type: ignore[misc]

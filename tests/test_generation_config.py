"""What `generate` refuses before it reads anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.generation_config import GenerateConfig

VOICE, OUT = Path("voice.wav"), Path("faces")


def test_what_is_usual() -> None:
    config = GenerateConfig(voice=VOICE, out=OUT)
    assert (config.model, config.method, config.samples, config.seed) == ("portrait", "decoder", 8, 0)
    assert config.guidance is None
    assert not config.guide_is_true


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"samples": 0}, "`samples` must be 1 to 4096. Got 0."),
        ({"samples": 5000}, "`samples` must be 1 to 4096. Got 5000."),
        ({"guidance": -1.0}, "`guidance` must be 0 to 30.*Got -1.0"),
        ({"guidance": 1000.0}, "`guidance` must be 0 to 30.*Got 1000.0"),
        ({"guidance": float("nan")}, "`guidance` must be 0 to 30.*Got nan"),
        ({"method": "diffusion", "steps": 1001}, "`steps` must be 1 to 1000.*Got 1001"),
        ({"method": "diffusion", "steps": -1}, "`steps` must be 1 to 1000.*Got -1"),
        ({"age": 121.0}, "`age` must be 0 to 120 years. Got 121.0."),
        ({"start_s": -0.5}, "`start_s` must be 0 or more seconds. Got -0.5."),
        ({"steps": 20}, "`steps` is of the method diffusion"),
        ({"sampler": "ddim"}, "`sampler` is of the method diffusion"),
        ({"seed": -1}, "`seed` must be at least 0. Got -1."),
    ],
)
def test_what_is_out_of_range_is_one_line(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        GenerateConfig(voice=VOICE, out=OUT, **asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "asked",
    [
        {"guidance": 0.0},
        {"guidance": 30.0, "samples": 4096},
        {"method": "diffusion", "steps": 1000, "sampler": "ddpm"},
        {"age": 0.0, "gender": "female", "language": "en"},
        {"start_s": 0.0},
    ],
)
def test_what_can_be_asked(asked: dict[str, Any]) -> None:
    assert GenerateConfig(voice=VOICE, out=OUT, **asked).voice == VOICE

"""The defaults of a fetch are those of `prepare`."""

from __future__ import annotations

from pathlib import Path

from visavox.corpus_config import PrepareConfig
from visavox.media.fetching.fetch_settings import FetchSettings


def test_the_defaults_are_those_of_the_command() -> None:
    config, settings = PrepareConfig(root=Path("r"), out=Path("o")), FetchSettings()
    for name in ("attempts", "requests_per_minute", "timeout_s", "max_height_px", "cookies"):
        assert getattr(settings, name) == getattr(config, name)
    assert settings.max_bytes == config.max_video_mb * 1e6

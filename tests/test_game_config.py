"""What the commands of the game can be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.errors import ConfigError
from visavox.game_config import GamePlayConfig, GameReportConfig, GameStudyConfig


def test_by_default_simulated_people_are_played_with_on_this_machine() -> None:
    config = GamePlayConfig()
    assert config.pool is None and config.host == "127.0.0.1"


def test_a_study_has_attention_checks_unless_they_are_left_out() -> None:
    assert GameStudyConfig(pool=Path("p"), out=Path("s")).attention > 0


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ConfigError, match="`min_attention` must be 0 to 1"):
        GameReportConfig(log=Path("l"), out=Path("o"), min_attention=share)

"""Encoders are not given crops that they were not made for."""

from __future__ import annotations

from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.pipeline.crop_check import refuse_other_crops


@pytest.mark.parametrize("clip", [{}, {"crop": "aligned", "margin": 0.5}, {"detector": "haar"}])
def test_the_usual_crop_passes(clip: dict[str, Any]) -> None:
    refuse_other_crops(clip, where="corpus")


@pytest.mark.parametrize("clip", [{"crop": "box", "margin": 0.0}, {"crop": "aligned", "margin": 0.3}])
def test_another_crop_is_refused_in_one_line_with_the_remedy(clip: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"my/corpus has '\w+' with 0.*corpus export") as raised:
        refuse_other_crops(clip, where="my/corpus")
    assert "\n" not in str(raised.value)

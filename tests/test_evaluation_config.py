"""What `evaluate` refuses before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.errors import ConfigError
from visavox.evaluation_config import EvaluateConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lists": Path("l")}, "`lists` is of published lists. Got the protocol 'visavox'"),
        (
            {"lists": Path("l"), "protocol": "identification"},
            "`lists` is of published lists. Got the protocol 'identif",
        ),
        ({"identities": Path("i"), "protocol": "sbs"}, "`identities` is of published lists. Got the protocol 'sbs'"),
        ({"protocol": "sss", "pairs": Path("p")}, "`pairs` cannot be combined with `protocol` sss"),
        ({"protocol": "pins", "trials": Path("t")}, "`trials` cannot be combined with `protocol` pins"),
        ({"protocol": "fame", "splits": Path("s")}, "`splits` cannot be combined with `protocol` fame"),
        ({"protocol": "fame", "world": Path("w")}, "`world` cannot be combined with `protocol` fame"),
        ({"protocol": "fame", "subset": "all"}, "`subset` cannot be combined with `protocol` fame"),
        ({"protocol": "fame", "resamples": 99}, "`resamples` must be at least 100. Got 99"),
        ({"protocol": "sss", "checkpoints": True}, "`checkpoints` cannot be combined with `protocol` sss"),
    ],
)
def test_what_published_lists_would_ignore_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EvaluateConfig(out=Path("o"), **values)  # type: ignore[arg-type]


def test_by_default_the_boxed_model_is_measured_by_our_protocol() -> None:
    config = EvaluateConfig(out=Path("o"))
    assert (config.model, config.protocol, config.subset, config.resamples) == ("base", "visavox", "test", 1000)

"""What `evaluate` refuses before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.command_line import parse_arguments
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
        ({"judges": {"second": "dlib"}}, "`judges` is of the protocol reconstruction. Got 'visavox'"),
        ({"inception": Path("i.onnx"), "protocol": "sbs"}, "`inception` is of the protocol reconstruction. Got 'sbs'"),
        ({"protocol": "sss", "checkpoints": True}, "`checkpoints` cannot be combined with `protocol` sss"),
    ],
)
def test_what_published_lists_would_ignore_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EvaluateConfig(out=Path("o"), **values)  # type: ignore[arg-type]


def test_by_default_the_boxed_model_is_measured_by_our_protocol() -> None:
    config = EvaluateConfig(out=Path("o"))
    assert (config.model, config.protocol, config.subset, config.resamples) == ("base", "visavox", "test", 1000)


def test_judges_are_given_as_a_mapping_on_the_command_line() -> None:
    words = ["--out", "o", "--protocol", "reconstruction", "--inception", "i.onnx"]
    words += ["--judges", "{vgg_face: {name: vgg_face, source: weights}, second: dlib}"]
    config = parse_arguments(EvaluateConfig, words, prog="visavox evaluate")
    assert config is not None
    assert config.judges == {"vgg_face": {"name": "vgg_face", "source": "weights"}, "second": "dlib"}
    assert config.inception == Path("i.onnx") and EvaluateConfig(out=Path("o")).judges == {}

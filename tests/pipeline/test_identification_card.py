"""The card of a network that names people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visavox.pipeline.identification_card import network_card
from visavox.pipeline.identification_media import ChosenClips


def test_a_card_says_what_it_was_trained_on_and_what_it_is_not_for() -> None:
    chosen = ChosenClips(
        Path("somewhere/corpus"), ("a", "b"), {"train": ("x",) * 3, "validation": ("y",) * 4},
        {"train": np.zeros(3, dtype=np.intp)}, {}, "session", "hash", {},
    )  # fmt: skip
    about = {
        "name": "vit-face", "n_parameters": 2470000, "modalities": ["voice", "face"], "network": {"name": "vit"},
        "training": {"n_epochs": 2}, "epochs": 2, "seconds": 9.6, "stopped": "all 2 epochs done", "kept_epoch": 1,
    }  # fmt: skip
    card = network_card(about, {"validation_top_1": 0.75}, chosen)
    assert "A network of 2,470,000 parameters that names one of 2 people from voice and face." in card
    assert "- Data: corpus, clips: 3 train, 4 validation; split by session." in card
    assert "- 2 epochs in 10 s, all 2 epochs done." in card and "- Kept: epoch 1." in card
    assert "- Validation, 4 clips: top-1 75.0 %." in card
    assert "does not notice a stranger" in card and "somewhere" not in card


def test_the_whole_card() -> None:
    chosen = ChosenClips(
        Path("w"), ("a", "b"), {"train": ("x",) * 1200, "validation": ("y",)}, {}, {}, "clip", "hash", {},
    )  # fmt: skip
    about = {
        "name": "v", "n_parameters": 12, "modalities": ["voice"], "network": {"name": "vit"}, "training": {},
        "epochs": 7, "seconds": 0.4, "stopped": "no lower validation loss for 2 epochs", "kept_epoch": 5,
    }  # fmt: skip
    text = network_card(about, {"validation_top_1": 1 / 3}, chosen)
    assert text.splitlines()[:15] == [
        "# Identifier `v`",
        "",
        "A network of 12 parameters that names one of 2 people from voice.",
        "",
        "## Training",
        "- Data: w, clips: 1,200 train, 1 validation; split by clip.",
        '- Network: `{"name": "vit"}`',
        "- Training: `{}`",
        "- 7 epochs in 0 s, no lower validation loss for 2 epochs.",
        "- Kept: epoch 5.",
        "",
        "## Results",
        "- Validation, 1 clips: top-1 33.3 %. Test clips: `visavox evaluate --protocol identification`.",
        "",
        "## What it is for, and not for",
    ]
    assert text.endswith("nor for any decision about\na person.\n")

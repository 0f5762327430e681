"""Cards say what a model is, where it comes from, and what it is not for."""

from __future__ import annotations

import dataclasses

from visavox.pipeline.model_card import CardFacts, model_card

FACTS = CardFacts(
    name="toy",
    associator={"name": "cca"},
    n_parameters=12345,
    n_pairs=10,
    n_people=7,
    data="drawn people",
    encoders={"voice": {"spec": "ge2e", "weights": "w.pt", "licence": "Apache-2.0", "training_data": "LibriSpeech"}},
    match_scale=9.876,
)


def test_the_card_tells_data_encoders_and_use() -> None:
    card = model_card(FACTS)
    for words in ("12,345 parameters", "10 pairs", "7 people", "LibriSpeech", "w.pt", '{"name": "cca"}', "9.88"):
        assert words in card
    assert "not for finding out who a stranger is" in card


def test_without_results_the_card_says_how_to_get_them() -> None:
    assert "Not measured yet" in model_card(FACTS)
    assert "1:2 80 %" in model_card(dataclasses.replace(FACTS, results=["- 1:2 80 %"]))


def test_limits_are_listed() -> None:
    assert "- adults only" in model_card(dataclasses.replace(FACTS, limits=["adults only"]))

"""What a card says."""

from __future__ import annotations

from visavox.pipeline.drawing.generator_card import LICENCE, generator_card

ABOUT = {
    "image_px": 64,
    "data": "avspeech",
    "n_pictures": 12345,
    "n_people": 678,
    "n_labelled": 9012,
    "voice_encoder": {"name": "ge2e"},
}


def test_it_says_data_figures_licence_and_what_it_is_not_for() -> None:
    rows = [{"guidance": 1.5, "matched": 0.61234, "gender_agreement": None}, {"guidance": 2.0, "matched": 0.6}]
    stages = {
        "faces": {"validation_l1": 0.05432, "n_epochs": 30, "kind": "light", "left": None},
        "guidance": {"rows": rows},
    }
    card = generator_card("portrait", ABOUT, stages, licence="CC BY-NC 4.0")
    assert card.startswith("# Visavox generator `portrait`\n")
    for words in (
        "guesses of 64 px",
        "Licence: CC BY-NC 4.0.",
        "avspeech, 12,345 clips of 678 people or videos.",
        "9,012.",
        '`{"name": "ge2e"}`',
        "## Faces\n- validation l1: 0.05432\n- n epochs: 30\n- kind: light\n",
        "## Guidance\n- rows: guidance 1.5, matched 0.6123; guidance 2, matched 0.6",
        "never the portrait of a person",
        "## Where it fails",
    ):
        assert words in card, words
    assert "None" not in card and "left" not in card.split("## Guidance")[0].split("## Faces")[1]


def test_nothing_is_claimed_of_a_licence_that_is_not_known() -> None:
    assert f"Licence: {LICENCE}." in generator_card("own", ABOUT, {})

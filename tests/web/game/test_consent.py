"""The consent text: a template, and how an edited one is read."""

from __future__ import annotations

import pytest

from visavox.errors import DataError
from visavox.web.game.consent import Block, consent_template, read_consent


def test_the_template_says_what_it_must_and_can_be_read() -> None:
    title, blocks = read_consent(consent_template("Whose\nvoice?", n_turns=42))
    assert title == "Whose voice?"
    headings = [block.lines[0] for block in blocks if block.kind == "heading"]
    assert headings == ["What this is about", "What is stored", "Your rights", "Contact"]
    text = " ".join(line for block in blocks for line in block.lines)
    assert "There are 42 questions; they take about 7 minutes." in text
    assert "they take about a minute." in consent_template("T", n_turns=3)
    for needed in ("no name", "stop at any time", "withdraw", "EDIT THIS"):
        assert needed in text
    assert [len(block.lines) for block in blocks if block.kind == "list"] == [2, 3]


def test_titles_lists_and_paragraphs_are_told_apart() -> None:
    text = "# T\r\n## A\r\ntext right\r\nbelow\r\n\r\n- one\r\n  goes on\r\n- two <b>\r\n\r\nMore - here."
    assert read_consent(text) == (
        "T",
        (
            Block("heading", ("A",)),
            Block("text", ("text right below",)),
            Block("list", ("one goes on", "two <b>")),
            Block("text", ("More - here.",)),
        ),
    )


@pytest.mark.parametrize("text", ["", "words without a title", "# only a title", "#\n\nwords"])
def test_a_text_without_title_or_words_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"^The consent text must begin with a title, '# \.\.\.', and say something"):
        read_consent(text)

"""The share of the knowable in plain words, for the page, for Markdown and for a terminal.

Example:
    >>> row = KnowableRow(
    ...     "voice_to_face", "all", 0.5, 0.75, 0.86, 0.82, 0.9, 0.95, 0, float("nan"), 0.8, 0.71, 0.89, 300, 100
    ... )
    >>> share_sentences(Knowable("world.json", (row,)))[0]
    'The model learned 80 % (71–89 %) of what a voice can tell about a face here.'
"""

from __future__ import annotations

import math

from visavox.evaluation.knowable import Knowable, KnowableRow

ABOUT = {"voice_to_face": "a voice can tell about a face", "face_to_voice": "a face can tell about a voice"}


def whole_percent(share: float) -> str:
    """A share in whole percent, the minus as wide as the plus: 0.873 as "87 %"."""
    return f"{round(100 * share)} %".replace("-", "−")


def share_words(row: KnowableRow | None) -> str:
    """A share with its interval as "87 % (81–92 %)"; nothing where it is undefined."""
    if row is None or not math.isfinite(row.share):
        return ""
    if not (math.isfinite(row.share_low) and math.isfinite(row.share_high)):
        return whole_percent(row.share)
    until = "–" if row.share_low >= 0 else " to "  # a dash after a minus cannot be told from one
    ends = f"{whole_percent(row.share_low).removesuffix(' %')}{until}{whole_percent(row.share_high)}"
    return f"{whole_percent(row.share)} ({ends})"


def share_sentences(knowable: Knowable) -> tuple[str, ...]:
    """Returns a sentence for each direction; one that says why where a share is undefined."""
    said = []
    for direction, about in ABOUT.items():
        everybody, same = (knowable.find(direction, group) for group in ("all", "same_gender"))
        if everybody is None:
            continue
        if not share_words(everybody):
            nothing = not everybody.ceiling > everybody.chance
            reason = f"there is nothing that {about} here" if nothing else "its accuracy is undefined"
            said.append(f"How much the model learned of what {about} is undefined: {reason}.")
            continue
        verb = "scores" if everybody.is_beyond else "learned"
        sentence = f"The model {verb} {share_words(everybody)} of what {about} here"
        if share_words(same):
            sentence += f", and {share_words(same)} of what is left to tell within one gender"
        said.append(f"{sentence}{': more than can be known' if everybody.is_beyond else ''}.")
    return tuple(said)

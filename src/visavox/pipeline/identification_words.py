"""Sentences about enrolled people that `enroll` and `identify` both say, in one wording.

Example:
    >>> rate_sentence(0.01, 97).partition(";")[0]
    'False accepts: asked 0.01, 0.0102 used'
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from visavox.identification.enrolled_people import EnrolledPeople


def rate_sentence(asked: float, n_strangers: int) -> str:
    """Return what is said where a false-accept rate is raised to the least that the strangers can promise.

    Args:
        asked: above 0, below 1 / (n_strangers + 1).
        n_strangers: clips that stand in for strangers, 1 or more.
    """
    needed = math.ceil((1 / asked - 1) * (1 - 1e-12))
    return (
        f"False accepts: asked {asked:g}, {1 / (n_strangers + 1):.3g} used; {n_strangers:,} clips can stand in "
        f"for strangers and {asked:g} needs {needed:,}. Enrol {needed - n_strangers:,} more and say --refit, or ask "
        "for a larger rate."
    )


def weightless_sentences(people: EnrolledPeople) -> Iterator[str]:
    """Yield a sentence for each modality that has no weight beside the other."""
    for combination, fusion in people.fusions.items():
        if len(combination) == 2 and any(fusion.weights.values()):
            for modality in combination:
                if fusion.weights[modality] == 0:
                    other = next(m for m in combination if m != modality)
                    yield f"The {modality} counts nothing beside the {other} here."

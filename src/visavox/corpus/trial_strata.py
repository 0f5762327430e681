"""Strata of trials: what a probe and its negatives share, by name.

    all                            nothing: negatives are any other people
    same_gender                    also same_nationality, same_age, same_language
    same_gender_nationality_age    several at once, always in the order gender, nationality, age, language

Age counts in bands of ten years. A clip that lacks one of the labels is in no stratum that needs it.

Example:
    >>> parse_stratum("nationality+gender"), group_attributes("same_gender_age")
    ('same_gender_nationality', ('gender', 'age'))
    >>> stratum_of(ClipLink("c", "Ann", None, "f", (("age", "34"),)), "same_gender_age")
    ('f', '30-39')
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from visavox.corpus.items import ClipLink
from visavox.errors import ConfigError

ALL = "all"
PREFIX = "same_"
ATTRIBUTES = ("gender", "nationality", "age", "language")
"""What a stratum can hold fixed, in the order of names."""
AGE_BAND = 10  # years


def group_name(attributes: Iterable[str]) -> str:
    """Return the name of the group whose negatives share some attributes with the probe; "all" for none.

    Example:
        >>> group_name(["age", "gender"]), group_name([])
        ('same_gender_age', 'all')
    """
    wanted = set(attributes)
    return PREFIX + "_".join(name for name in ATTRIBUTES if name in wanted) if wanted else ALL


def group_attributes(group: str) -> tuple[str, ...]:
    """Return the attributes that the negatives of a group share with the probe; () for "all".

    Raises:
        ConfigError: no such group.
    """
    if group == ALL:
        return ()
    names = tuple(group.removeprefix(PREFIX).split("_"))
    if group != group_name(names) or not set(names) <= set(ATTRIBUTES):
        raise ConfigError(
            f"`group` must be 'all' or 'same_' and some of {', '.join(ATTRIBUTES)}, in this order and joined by '_'. "
            f"Got {group!r}."
        )
    return names


def parse_stratum(text: str) -> str:
    """Return the group that a user's word names: "all", "gender", "nationality+gender", or a group's own name.

    Raises:
        ConfigError: a word that is no attribute, or the same twice.
    """
    if text == ALL or text.startswith(PREFIX):
        group_attributes(text)
        return text
    names = [name.strip() for name in text.split("+")]
    if not set(names) <= set(ATTRIBUTES) or len(set(names)) < len(names):
        raise ConfigError(
            f"`strata` must be 'all' or some of {', '.join(ATTRIBUTES)} joined by +, each once. Got {text!r}."
        )
    return group_name(names)


def stratum_of(link: ClipLink, group: str) -> tuple[str, ...] | None:
    """Return the labels that decide who may be whose negative in a group; None where one is unknown.

    Args:
        link: a clip.
        group: "all", "same_gender", ...
    """
    found = []
    for name in group_attributes(group):
        label = link.attribute(name)
        if name == "age" and label is not None:
            label = age_band(label)
        if label is None:
            return None
        found.append(label)
    return tuple(found)


def age_band(age: str) -> str | None:
    """Return the band of ten years that an age is in; None where the text is no age.

    Example:
        >>> age_band("39.5"), age_band("40"), age_band("old")
        ('30-39', '40-49', None)
    """
    try:
        years = float(age)
    except ValueError:
        return None
    if not math.isfinite(years) or years < 0:
        return None
    start = int(years // AGE_BAND) * AGE_BAND
    return f"{start}-{start + AGE_BAND - 1}"

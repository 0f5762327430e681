"""Names of strata, and which clips may be each other's negatives in them."""

from __future__ import annotations

import itertools

import pytest

from visavox.corpus.items import ClipLink
from visavox.corpus.trial_strata import (
    ATTRIBUTES,
    age_band,
    group_attributes,
    group_name,
    parse_stratum,
    stratum_of,
)
from visavox.errors import ConfigError


def test_every_combination_has_one_name_that_is_understood() -> None:
    names = set()
    for size in range(len(ATTRIBUTES) + 1):
        for chosen in itertools.permutations(ATTRIBUTES, size):
            name = group_name(chosen)
            assert set(group_attributes(name)) == set(chosen)
            names.add(name)
    assert len(names) == 2 ** len(ATTRIBUTES)
    assert {"all", "same_gender", "same_nationality", "same_age", "same_language"} <= names


@pytest.mark.parametrize("group", ["", "same_", "same_sex", "gender", "same_nationality_gender", "same_gender_gender"])
def test_other_names_are_refused(group: str) -> None:
    with pytest.raises(ConfigError, match=rf"`group` must be 'all' or 'same_' and some of .* Got '{group}'"):
        group_attributes(group)


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("all", "all"),
        ("gender", "same_gender"),
        ("nationality+gender", "same_gender_nationality"),
        ("age + gender", "same_gender_age"),
        ("same_language", "same_language"),
    ],
)
def test_words_of_users_name_groups(text: str, group: str) -> None:
    assert parse_stratum(text) == group


@pytest.mark.parametrize("text", ["sex", "gender+", "", "gender+gender", "all+gender"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"`strata` must be 'all' or some of gender, nationality, age, language joined"
    ):
        parse_stratum(text)


def test_a_wrong_group_name_is_refused_as_a_stratum() -> None:
    with pytest.raises(ConfigError, match="Got 'same_sex'"):
        parse_stratum("same_sex")


def test_labels_decide_the_stratum() -> None:
    link = ClipLink("c", "Ann", None, "f", (("age", "41"), ("language", "English"), ("nationality", "UK")))
    assert stratum_of(link, "all") == ()
    assert stratum_of(link, "same_gender") == ("f",)
    assert stratum_of(link, "same_gender_nationality_age") == ("f", "UK", "40-49")
    assert stratum_of(link, "same_language") == ("English",)


def test_a_clip_without_a_label_is_in_no_stratum_that_needs_it() -> None:
    link = ClipLink("c", "Ann", None, "f", (("age", "unknown"),))
    assert stratum_of(link, "same_gender") == ("f",)
    assert stratum_of(link, "same_age") is None
    assert stratum_of(link, "same_gender_nationality") is None
    assert stratum_of(ClipLink("c", "Ann"), "all") == ()


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("0", "0-9"),
        ("9.99", "0-9"),
        ("10", "10-19"),
        (" 63 ", "60-69"),
        ("104", "100-109"),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("40-49", None),
    ],
)
def test_ages_count_in_bands_of_ten_years(age: str, band: str | None) -> None:
    assert age_band(age) == band

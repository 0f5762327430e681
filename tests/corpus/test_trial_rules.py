"""Each rule of a trial list, broken on its own: the message names file, line, clip and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.corpus.items import ClipLink
from visavox.corpus.trial_rules import TrialRules
from visavox.corpus.trials import Group
from visavox.errors import DataError

LINKS = {
    link.clip: link
    for link in [
        ClipLink("a1", "Ann", "v1", "f"),
        ClipLink("a2", "Ann", "v2", "f"),
        ClipLink("b1", "Bob", "v1", "m"),
        ClipLink("c1", "Cleo", "v3", "f"),
        ClipLink("d1", "Dan", None, "m"),
        ClipLink("e1", "Eve", None, None),
    ]
}


def rules(group: Group = "all") -> TrialRules:
    return TrialRules(Path("list.csv"), LINKS, {k: v for k, v in LINKS.items() if k != "e1"}, group)


def test_a_good_trial_passes() -> None:
    assert rules().trial(2, ["a1", "a2", "c1", "d1"], 3) == ("a1", "a2", "c1", "d1")
    assert rules("same_gender").trial(2, ["a1", "a1", "c1"], 2) == ("a1", "a1", "c1")


def test_a_good_pair_passes() -> None:
    assert rules().pair(2, ["a1", "a2", "1"]) == ("a1", "a2", True)
    assert rules().pair(2, ["a1", "c1", "0"]) == ("a1", "c1", False)


def test_a_good_role_passes() -> None:
    assert rules().role(2, ["probe", "e1"]) == ("probe", "e1")
    assert rules().role(2, ["gallery", "a1"]) == ("gallery", "a1")


def test_unknown_videos_are_not_one_video() -> None:
    assert rules().pair(2, ["e1", "d1", "0"]) == ("e1", "d1", False)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["a1", "a2"], "must have 3 cells like the header. Got 2"),
        (["a1", "a2", "c1", "d1"], "must have 3 cells like the header. Got 4"),
        (["stranger", "a2", "c1"], "the clip 'stranger' is not among the 6 probes at hand"),
        (["a1", "stranger", "c1"], "the clip 'stranger' is not among the 5 candidates at hand"),
        (["a1", "a2", "e1"], "the clip 'e1' is not among the 5 candidates at hand"),
        (["a1", "c1", "d1"], "the positive 'c1' must be of the probe's person 'Ann'. It is of 'Cleo'"),
        (["a1", "a2", "a2"], "the negative 'a2' must not be of the probe's person. Both are of 'Ann'"),
        (["a1", "a2", "b1"], "the negative 'b1' must not be from the probe's video. Both are from 'v1'"),
    ],
)
def test_a_wrong_trial_names_its_line(cells: list[str], said: str) -> None:
    with pytest.raises(DataError) as caught:
        rules().trial(17, cells, 2)
    assert str(caught.value).startswith("list.csv line 17: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["a1", "a2"], "must have 3 cells"),
        (["a1", "a2", "yes"], "the label must be 1 or 0. Got 'yes'"),
        (["a1", "a2", ""], "the label must be 1 or 0. Got ''"),
        (["a1", "c1", "1"], "the positive 'c1' must be of the probe's person"),
        (["a1", "a2", "0"], "the negative 'a2' must not be of the probe's person"),
        (["a1", "b1", "0"], "the negative 'b1' must not be from the probe's video"),
    ],
)
def test_a_wrong_pair_names_its_line(cells: list[str], said: str) -> None:
    with pytest.raises(DataError) as caught:
        rules().pair(3, cells)
    assert "list.csv line 3: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["query", "a1"], "the role must be 'probe' or 'gallery'. Got 'query'"),
        (["gallery", "e1"], "not among the 5 candidates"),
        (["probe", "stranger"], "not among the 6 probes"),
        (["probe"], "must have 2 cells"),
    ],
)
def test_a_wrong_role_names_its_line(cells: list[str], said: str) -> None:
    with pytest.raises(DataError, match=r"list\.csv line 9: ") as caught:
        rules().role(9, cells)
    assert said in str(caught.value)


def test_a_negative_of_the_other_gender_is_refused_only_within_a_gender() -> None:
    assert rules().pair(2, ["a1", "d1", "0"])[2] is False
    with pytest.raises(DataError, match=r"the negative 'd1' must be of the probe's gender 'f'. It is 'm'"):
        rules("same_gender").pair(2, ["a1", "d1", "0"])


def test_negatives_of_a_joint_stratum_share_every_label() -> None:
    people = [
        ClipLink("a", "Ann", None, "f", (("age", "31"), ("nationality", "UK"))),
        ClipLink("b", "Bea", None, "f", (("age", "39"), ("nationality", "UK"))),
        ClipLink("c", "Cleo", None, "f", (("age", "41"), ("nationality", "UK"))),
        ClipLink("d", "Di", None, "f", (("age", "35"), ("nationality", "USA"))),
        ClipLink("e", "Eve", None, "f", (("age", "35"),)),
    ]
    known = {link.clip: link for link in people}
    checked = TrialRules(Path("t.csv"), known, known, "same_gender_nationality_age")
    assert checked.pair(2, ["a", "b", "0"]) == ("a", "b", False)
    for clip, message in (("c", "age '31'. It is '41'"), ("d", "nationality 'UK'. It is 'USA'"), ("e", "It is None")):
        with pytest.raises(DataError, match=f"t.csv line 2: the negative '{clip}' must be of the probe's .*{message}"):
            checked.pair(2, ["a", clip, "0"])
    with pytest.raises(DataError, match="must be of the probe's nationality None. It is 'UK'"):
        checked.pair(2, ["e", "a", "0"])

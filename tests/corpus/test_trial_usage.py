"""How evenly a list uses its clips."""

from __future__ import annotations

from visavox.corpus.trial_usage import spread, usage_of
from visavox.corpus.trials import MatchingTrials, RetrievalTrials, VerificationTrials

NOTHING = {"different": 0, "fewest": 0, "most": 0, "mean": 0.0}


def test_spread_counts_each_name() -> None:
    assert spread("aabaca") == {"different": 3, "fewest": 1, "most": 4, "mean": 2.0}
    assert spread([]) == NOTHING
    assert spread("aaabbcc")["mean"] == 2.333


def test_matching_counts_positives_and_negatives_apart() -> None:
    trials = MatchingTrials("voice_to_face", "all", ("a", "a", "b"), (("a", "b"), ("a", "c"), ("b", "c")))
    found = usage_of(trials)
    assert found["probes"] == {"different": 2, "fewest": 1, "most": 2, "mean": 1.5}
    assert found["positives"] == {"different": 2, "fewest": 1, "most": 2, "mean": 1.5}
    assert found["negatives"] == {"different": 2, "fewest": 1, "most": 2, "mean": 1.5}
    assert found["candidates"] == {"different": 3, "fewest": 2, "most": 2, "mean": 2.0}
    assert "negative_people" not in found


def test_verification_goes_by_the_labels() -> None:
    trials = VerificationTrials("voice_to_face", "all", ("a", "a", "b"), ("a", "b", "c"), (True, False, False))
    found = usage_of(trials, {"a": "Ann", "b": "Bob", "c": "Bob"})
    assert found["positives"] == {"different": 1, "fewest": 1, "most": 1, "mean": 1.0}
    assert found["negatives"] == {"different": 2, "fewest": 1, "most": 1, "mean": 1.0}
    assert found["negative_people"] == {"different": 1, "fewest": 2, "most": 2, "mean": 2.0}


def test_retrieval_has_probes_and_a_gallery() -> None:
    found = usage_of(RetrievalTrials("voice_to_face", ("a",), ("b", "c")), {"a": "Ann"})
    assert found.keys() == {"probes", "candidates"}
    assert found["candidates"] == {"different": 2, "fewest": 1, "most": 1, "mean": 1.0}

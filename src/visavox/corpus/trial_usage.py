"""How evenly a trial list uses its clips: for each role how many there are, and how often one occurs.

Example:
    >>> usage_of(MatchingTrials("voice_to_face", "all", ("a", "b"), (("a", "b"), ("b", "c"))))["negatives"]
    {'different': 2, 'fewest': 1, 'most': 1, 'mean': 1.0}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from visavox.corpus.trials import MatchingTrials, RetrievalTrials, Trials

Usage = dict[str, float]


def usage_of(trials: Trials, person_of: Mapping[str, str] | None = None) -> dict[str, Usage]:
    """Return the usage of clips as probes, positives, negatives and candidates of either kind.

    Args:
        trials: a list; in retrieval the candidates are the gallery.
        person_of: from clip to person; adds "negative_people", how often each person is a negative.
    """
    if isinstance(trials, RetrievalTrials):
        return {"probes": spread(trials.probes), "candidates": spread(trials.gallery)}
    if isinstance(trials, MatchingTrials):
        positives = [row[0] for row in trials.candidates]
        negatives = [clip for row in trials.candidates for clip in row[1:]]
    else:
        labelled = list(zip(trials.candidates, trials.labels, strict=True))
        positives = [clip for clip, label in labelled if label]
        negatives = [clip for clip, label in labelled if not label]
    people = {"negative_people": spread(person_of[clip] for clip in negatives)} if person_of else {}
    return {
        **people,
        "probes": spread(trials.probes),
        "positives": spread(positives),
        "negatives": spread(negatives),
        "candidates": spread([*positives, *negatives]),
    }


def spread(names: Iterable[str]) -> Usage:
    """Return how many different names there are, and how often the least and most used of them occur.

    Example:
        >>> spread(["a", "b", "a"])
        {'different': 2, 'fewest': 1, 'most': 2, 'mean': 1.5}
    """
    counts = Counter(names)
    if not counts:
        return {"different": 0, "fewest": 0, "most": 0, "mean": 0.0}
    return {
        "different": len(counts),
        "fewest": min(counts.values()),
        "most": max(counts.values()),
        "mean": round(sum(counts.values()) / len(counts), 3),
    }

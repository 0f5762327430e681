"""Which back-end: the one whose probabilities fit held-out sessions of the enrolled best.

Nothing but the enrolment decides. Where people are too few to learn from, or too many to try everything on, it is the
first candidate, cosine.

Example:
    >>> [spec["name"] for spec in CANDIDATES]
    ['cosine', 'plda', 'plda', 'plda', 'plda']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from visavox.identification.held_out import HeldOut, Plan, held_out_scores
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import fit_fusion

CANDIDATES: tuple[dict[str, Any], ...] = (
    {"name": "cosine"},
    {"name": "plda", "within": 0.4},
    {"name": "plda", "within": 0.7},
    {"name": "plda", "within": 0.9},
    {"name": "plda", "within": 0.97},
)
"""Back-ends that are tried; the first also stands where nothing can be tried. `logistic` is not among them: its scores
grow with the clips enrolled, so that a threshold from held-out clips lets in many more strangers than was asked."""
LEAST_PEOPLE = 8
"""People with clips in two sessions, from which on back-ends are compared."""


@dataclass(frozen=True, eq=False)
class Tried:
    """One back-end on held-out clips."""

    spec: dict[str, Any]
    """The back-end."""
    held_out: HeldOut
    """Its scores."""
    accuracy: float
    """Share of held-out clips best matched to their own person, 0 to 1; nan where nobody has clips to spare."""
    surprise: float
    """Mean cross-entropy of the calibrated scores over the enrolled, nats; nan likewise, and of a lone candidate."""


def try_backends(samples: Samples, dealt: Plan, specs: Sequence[dict[str, Any]] = CANDIDATES) -> list[Tried]:
    """Return what each back-end does on clips that were held out.

    Args:
        samples: of one modality.
        dealt: what is held out together.
        specs: back-ends as `BACKENDS` builds them.
    """
    tried = []
    for spec in specs:
        found = held_out_scores(samples, dealt, spec)
        right = found.right()
        accuracy = float(right.mean()) if len(right) else np.nan
        tried.append(Tried(spec, found, accuracy, surprise(found) if len(specs) > 1 else np.nan))
    return tried


def choose_backend(samples: Samples, dealt: Plan, *, many: bool) -> Tried:
    """Return the back-end that is least surprised by who it is; of equals the first.

    The cross-entropy tells back-ends apart where all of them name everybody rightly, and hangs less on single clips
    than the share of those that do.

    Args:
        samples: of one modality.
        dealt: what is held out together.
        many: take the first candidate without a comparison.
    """
    sessions: dict[str, set[int]] = {}
    for clip, person in zip(samples.clips, samples.people, strict=True):
        sessions.setdefault(person, set()).add(dealt.folds[clip])
    n_able = sum(len(folds) > 1 for folds in sessions.values())
    tried = try_backends(samples, dealt, CANDIDATES[:1] if many or n_able < LEAST_PEOPLE else CANDIDATES)
    return min(tried, key=lambda one: np.inf if np.isnan(one.surprise) else one.surprise)


def surprise(found: HeldOut) -> float:
    """Return the mean cross-entropy of held-out clips, their scores turned into probabilities of the enrolled.

    Args:
        found: held-out scores; clips whose person has no others are left out.

    Returns:
        Nats, 0 or more; nan where no clip is left or nobody else is enrolled.
    """
    own = found.known[np.arange(len(found.owners)), found.owners]
    known, owners = found.known[np.isfinite(own)], found.owners[np.isfinite(own)]
    scored = np.isfinite(known)
    same = np.zeros(known.shape, dtype=bool)
    same[np.arange(len(owners)), owners] = True
    if not same.any() or not (scored & ~same).any():
        return np.nan
    fusion = fit_fusion({"voice": known[scored]}, same[scored])  # any one modality: a calibration of one score
    ratios = np.where(scored, fusion.ratios({"voice": known}), -np.inf)
    return float(np.mean(logsumexp(ratios, axis=1) - ratios[same]))

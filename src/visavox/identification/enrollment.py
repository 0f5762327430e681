"""Enrolment: from samples of people to fitted back-ends, calibrated fusion and the scores of simulated strangers.

Everything is learned from the enrolled samples: back-ends are chosen, scores calibrated and strangers simulated on
sessions that were held out (`visavox.identification.held_out`); the back-ends that stay are then fitted on all.

Example:
    >>> EnrollmentSettings(backend="cosine").specs("voice")
    {'name': 'cosine'}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import ConfigError, DataError
from visavox.identification.channel import Channel
from visavox.identification.choosing import choose_backend
from visavox.identification.held_out import HeldOut, Plan, held_out_scores, plan
from visavox.identification.likeness import alike_names, held_out_ratios
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import COMBINATIONS, Combination, Fusion, fit_fusion, fused_ratios
from visavox.identification.strangers import StrangerScores
from visavox.registry import BACKENDS

MANY_PEOPLE = 1000
"""Above so many people nothing is compared with anything: a fixed back-end, and so many clips as held-out probes."""
MAX_FALSE_TRIALS = 200_000
"""Of more trials of different people, evenly spaced ones calibrate."""
FEW_PEOPLE = 3
"""With so many people or fewer cosine is not centred: it would be for all, but not once one of them is held out, so
that calibrated scores would be of another kind than those of a probe."""
ASSUMED_DISTANCE = 4.0
"""Standard deviations between scores of the same and of different people where no person has two clips."""


@dataclass(frozen=True, kw_only=True)
class EnrollmentSettings:
    """What an enrolment can be told."""

    backend: str | Mapping[str, Any] = "auto"
    """A name or {name: ..., option: ...} for both modalities; or {voice: ..., face: ...}, each of them such; "auto"
    chooses for each modality inside the enrolment."""
    false_accept: float = 0.01
    """Share of strangers' probes that may be taken for somebody enrolled, above 0, at most 1."""
    p_stranger: float = 0.5
    """How often a probe is of nobody enrolled, above 0 and below 1: the prior of the probabilities that are shown."""

    def __post_init__(self) -> None:
        """Check the numbers and build the back-ends once.

        Raises:
            ConfigError: a number out of range, or a back-end that is unknown or refuses its options.
        """
        if not 0 < self.false_accept <= 1:
            raise ConfigError(f"`false_accept` must be above 0 and at most 1. Got {self.false_accept}.")
        if not 0 < self.p_stranger < 1:
            raise ConfigError(f"`p_stranger` must lie between 0 and 1. Got {self.p_stranger}.")
        for modality in MODALITIES:
            spec = self.specs(modality)
            if spec != "auto":
                BACKENDS.build(spec)

    def specs(self, modality: Modality) -> Any:
        """Return "auto" or the back-end of one modality, {name: ..., option: ...}."""
        spec: Any = self.backend
        if isinstance(spec, Mapping) and "name" not in spec:
            unknown = sorted(set(spec) - set(MODALITIES))
            if unknown:
                raise ConfigError(f"`backend` takes a name, or voice: and face:. Got {', '.join(map(repr, unknown))}.")
            spec = spec.get(modality, "auto")
        if spec == "auto":
            return "auto"
        return {"name": spec} if isinstance(spec, str) else dict(spec)


@dataclass(frozen=True, eq=False)
class Enrollment:
    """What was learned from samples."""

    names: tuple[str, ...]
    """Everybody, in order of enrolment."""
    channels: dict[Modality, Channel]
    """Of each modality that somebody has."""
    fusions: dict[Combination, Fusion]
    """Of each combination of them."""
    strangers: dict[Combination, StrangerScores]
    """Of each combination of them."""
    alike: tuple[tuple[str, str], ...]
    """Names that are probably one person."""
    held_out: dict[Modality, HeldOut]
    """Scores of the back-ends that were taken, on clips left out."""
    notes: tuple[str, ...]
    """Sentences on what could not be learned."""


def learn(samples: Mapping[Modality, Samples], settings: EnrollmentSettings, *, seed: int) -> Enrollment:
    """Return everything that is learned from samples.

    Args:
        samples: modality -> what is enrolled in it; one modality or both.
        settings: of the enrolment.
        seed: how people and clips are dealt out for choosing and calibrating depends on this number alone.

    Raises:
        DataError: there is no sample.
    """
    given = {modality: samples[modality] for modality in MODALITIES if modality in samples and len(samples[modality])}
    if not given:
        raise DataError("There is nobody to enrol: no voice and no face could be used. Give clips with people in them.")
    n_people = len({name for part in given.values() for name in part.names})
    many = n_people > MANY_PEOPLE
    dealt = plan(list(given.values()), seed=seed, max_probes=MANY_PEOPLE if many else None, n_groups=2 if many else 8)
    held: dict[Modality, HeldOut] = {}
    channels: dict[Modality, Channel] = {}
    for modality, part in given.items():
        spec = settings.specs(modality)
        if spec == "auto" and len(part.names) > FEW_PEOPLE:
            best = choose_backend(part, dealt, many=many)
            spec, held[modality] = best.spec, best.held_out
        else:
            spec = for_few({"name": "cosine"} if spec == "auto" else spec, len(part.names))
            held[modality] = held_out_scores(part, dealt, spec)
        channels[modality] = Channel.fitted(part, spec)
    fusions, notes = fit_fusions(held)
    alike = likeness_of(given, seed=seed)
    strangers = {c: stranger_scores(held, fusions, c, dealt, alike=alike) for c in fusions}
    return Enrollment(dealt.names, channels, fusions, strangers, alike, held, notes)


def for_few(spec: Mapping[str, Any], n_people: int) -> dict[str, Any]:
    """Return the back-end that stands for another where people are few.

    Example:
        >>> for_few({"name": "cosine"}, 3), for_few({"name": "cosine"}, 4)
        ({'name': 'cosine', 'centred': False}, {'name': 'cosine'})
    """
    is_few = spec["name"] == "cosine" and n_people <= FEW_PEOPLE
    return {**spec, "centred": False} if is_few else dict(spec)


def likeness_of(samples: Mapping[Modality, Samples], *, seed: int) -> tuple[tuple[str, str], ...]:
    """Return pairs of names that are probably one person, by all modalities or faces alone; none above `MANY_PEOPLE`.

    Faces have a say of their own, since voices of two sessions may be so unlike that they hide how alike two faces are;
    voices have none, since those of two people are sometimes as alike as those of one.

    Args:
        samples: modality -> everything enrolled in it.
        seed: how people are dealt out depends on this number alone.
    """
    dealt = plan(list(samples.values()), seed=seed)
    if len(dealt.names) > MANY_PEOPLE:
        return ()
    held = {modality: held_out_scores(part, dealt, {"name": "cosine"}) for modality, part in samples.items()}
    fusions = fit_fusions(held)[0]
    pairs: set[tuple[str, str]] = set()
    for combination in {("face",), tuple(held)} & set(fusions):
        ratios, owners = held_out_ratios({m: held[m] for m in combination}, fusions, dealt)
        pairs.update(alike_names(ratios, owners, dealt.names))
    places = {name: i for i, name in enumerate(dealt.names)}
    return tuple(sorted(pairs, key=lambda pair: (places[pair[0]], places[pair[1]])))


def fit_fusions(held: Mapping[Modality, HeldOut]) -> tuple[dict[Combination, Fusion], tuple[str, ...]]:
    """Return a fusion for each combination of the modalities held out, and sentences on what could not be learned."""
    fusions: dict[Combination, Fusion] = {}
    notes: list[str] = []
    for combination in COMBINATIONS:
        if not set(combination) <= set(held):
            continue
        scores, same = trials(held, combination)
        if same.any() and not same.all():
            fusions[combination] = fit_fusion(scores, same)
        elif len(combination) == 1:
            fusions[combination] = assumed_fusion(combination[0], scores[combination[0]])
            notes.append(
                f"Nobody has two {combination[0]}s of different clips, and somebody else beside them, so how alike two "
                f"{combination[0]}s of one person are is assumed: probabilities are rough."
            )
        else:
            weights = {modality: fusions[(modality,)].weights[modality] for modality in combination}
            fusions[combination] = Fusion(weights, sum(fusions[(modality,)].intercept for modality in combination))
    return fusions, tuple(notes)


def assumed_fusion(modality: Modality, scores: np.ndarray) -> Fusion:
    """Return a fusion for scores of different people alone, (n,) float, as if the same person's lay a fixed way above.

    Two normal distributions of one width, `ASSUMED_DISTANCE` widths apart, have ratios that are a line in the score.
    """
    width = float(scores.std()) if len(scores) > 1 else 0.0
    centre = float(scores.mean()) if len(scores) else 0.0
    if width == 0:
        return Fusion({modality: 1.0}, -centre)
    slope = ASSUMED_DISTANCE / width
    return Fusion({modality: slope}, -slope * centre - ASSUMED_DISTANCE**2 / 2)


def trials(held: Mapping[Modality, HeldOut], combination: Combination) -> tuple[dict[Modality, np.ndarray], np.ndarray]:
    """Return scores of every held-out clip against its own person and, as a stranger, against everybody else.

    Returns:
        Modality -> (n_trials,) float64, and (n_trials,) bool: which are of the same person.
    """
    aligned, owners, _ = align(held, combination)
    own = np.zeros(next(iter(aligned.values()))[0].shape, dtype=bool)
    own[np.arange(len(owners)), owners] = True
    mixed = {m: np.where(own, known, unknown) for m, (known, unknown) in aligned.items()}
    asked = np.all([np.isfinite(scores) for scores in mixed.values()], axis=0)
    false = np.flatnonzero(asked & ~own)
    used = np.concatenate([np.flatnonzero(asked & own), false[:: 1 + len(false) // MAX_FALSE_TRIALS]])
    return {m: scores.ravel()[used].astype(np.float64) for m, scores in mixed.items()}, own.ravel()[used]


def align(
    held: Mapping[Modality, HeldOut], combination: Combination
) -> tuple[dict[Modality, tuple[np.ndarray, np.ndarray]], np.ndarray, tuple[str, ...]]:
    """Return known and unknown scores, (n, P) each, of the clips that every modality has, their owners and names."""
    places = {m: {clip: i for i, clip in enumerate(held[m].clips)} for m in combination}
    first = held[combination[0]]
    shared = tuple(clip for clip in first.clips if all(clip in places[m] for m in combination))
    rows = {m: [places[m][clip] for clip in shared] for m in combination}
    found = {m: (held[m].known[rows[m]], held[m].unknown[rows[m]]) for m in combination}
    return found, first.owners[rows[combination[0]]], shared


def stranger_scores(
    held: Mapping[Modality, HeldOut],
    fusions: Mapping[Combination, Fusion],
    combination: Combination,
    dealt: Plan,
    *,
    alike: Sequence[tuple[str, str]] = (),
) -> StrangerScores:
    """Return the greatest ratio of every held-out clip against people who are not its own, left out as a stranger.

    Args:
        held: held-out scores of each modality.
        fusions: what turns them into ratios.
        combination: what the strangers ask with.
        dealt: whose clips they are.
        alike: pairs of names that are probably one person: none of them is a stranger to the other.
    """
    aligned, owners, clips = align(held, combination)
    ratios = fused_ratios({m: unknown for m, (_, unknown) in aligned.items()}, fusions)
    places = {name: i for i, name in enumerate(dealt.names)}
    for first, second in alike:
        ratios[np.ix_(owners == places[first], [places[second]])] = np.nan
        ratios[np.ix_(owners == places[second], [places[first]])] = np.nan
    best = np.max(np.where(np.isnan(ratios), -np.inf, ratios), axis=1, initial=-np.inf)
    asked = np.flatnonzero(np.isfinite(best))
    return StrangerScores.of(best[asked], [dealt.names[i] for i in owners[asked]], [clips[i] for i in asked])

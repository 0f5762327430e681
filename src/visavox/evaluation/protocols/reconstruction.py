"""Protocol "reconstruction": how much of the true face is in the face that was drawn from a voice?

A face encoder, the judge, looks at the drawn face and at true ones, each side centred on its own mean
(`visavox.metrics.centred_similarity`), and ranks the true ones by cosine.

    1:2     every drawn face, every true face of the speaker, every true face of another person and video; the clips of
            a person are averaged first, then the people. G allows the speaker's gender only.
    R@k     every drawn face against one mean feature for each person; likewise averaged.

Intervals come from drawing people again, the same draws for every contestant, which pairs them. Controls are
contestants like others. **Shuffled voices** are measured of every drawer: the faces are those drawn from other
people's voices, dealt by derangements of the people; whoever was heard is no negative either, which makes one half
exact where nothing leaks. Dealing pictures tests the measurement; a drawer whose pictures depend on more than the voice
is drawn anew with the voices exchanged, which tests the drawer.

Example:
    >>> from visavox.registry import PROTOCOLS
    >>> PROTOCOLS.build("reconstruction").measure_names
    ['accuracy_1_of_2', 'recall_at_1', 'recall_at_2', 'recall_at_5', 'recall_at_10']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.evaluation.contest import people_codes
from visavox.evaluation.findings import Findings
from visavox.evaluation.measures import Measure
from visavox.evaluation.reconstruction_record import Contestant, DrawnFaces, TrueFaces
from visavox.metrics.attribute_agreement import age_error_years, gender_agreement, race_agreement
from visavox.metrics.bootstrap import PairedDifference, paired_difference, resample_people
from visavox.metrics.centred_similarity import centred, centred_similarity, unit_directions
from visavox.metrics.matching import matching_accuracy
from visavox.metrics.retrieval import chance_within
from visavox.metrics.standings import Standings, find_standings
from visavox.metrics.weighting import mean_over_people
from visavox.registry import PROTOCOLS

NAME = "reconstruction"
PAIR = "accuracy_1_of_2"
ALL, SAME_GENDER, PEOPLE = "all", "same_gender", "people"
CLASSIFIER = "classifier"
"""Group of the measures of attributes, which have no judge."""
SHUFFLED = "shuffled voices"

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Key = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class _Figures:
    """The measures of one group of negatives; no values where nobody can be compared."""

    group: str
    names: list[str]
    values: NDArray[np.float64]
    """(n_measures,)."""
    spread: NDArray[np.float64]
    """(n_measures, n_resamples)."""
    chance: list[float]


@dataclass(frozen=True)
class Difference:
    """Two contestants judged by one encoder: the measure of the first less that of the second."""

    first: str
    second: str
    group: str
    measure: str
    found: PairedDifference


@dataclass(frozen=True, eq=False)
class ReconstructionResult:
    """What the protocol found."""

    drawn: DrawnFaces
    measures: tuple[Measure, ...]
    """Direction: name of the contestant; group: `group_name(judge, "all")` and the like."""
    resamples: Mapping[Key, Floats]
    """(contestant, group, measure) -> (n_resamples,) float64."""

    def find(self, contestant: str, judge: str, group: str, measure: str) -> Measure | None:
        """The measure of these names, or None."""
        wanted = (contestant, group_name(judge, group), measure)
        return next((m for m in self.measures if (m.direction, m.group, m.measure) == wanted), None)

    def difference(self, first: str, second: str, judge: str, group: str, measure: str) -> Difference | None:
        """First less second on the same resamples; None where either has no such measure."""
        rows = [self.find(name, judge, group, measure) for name in (first, second)]
        key = group_name(judge, group)
        if rows[0] is None or rows[1] is None or (first, key, measure) not in self.resamples:
            return None
        found = paired_difference(
            rows[0].value, rows[1].value, self.resamples[first, key, measure], self.resamples[second, key, measure]
        )
        return Difference(first, second, key, measure, found)


def group_name(judge: str, group: str) -> str:
    """Returns `dlib_same_gender` for "dlib" and "same_gender"."""
    return f"{judge}_{group}"


def shuffled_name(contestant: str) -> str:
    """Returns the name under which a drawer's faces of other people's voices are measured."""
    return f"{contestant}, {SHUFFLED}"


@PROTOCOLS.register("reconstruction")
class Reconstruction:
    """1:2 accuracy, recall among people and agreement of attributes, with 95 % intervals over people.

    Args:
        ks: lengths of the list for the recall, each at least 1.
        n_resamples: resamples of people behind the intervals, at least 1.
        n_shuffles: derangements behind the figures of shuffled voices, at least 1.
    """

    def __init__(self, ks: Sequence[int] = (1, 2, 5, 10), n_resamples: int = 1000, n_shuffles: int = 10) -> None:
        """Store the settings.

        Raises:
            ConfigError: no k, or a number below 1.
        """
        if not ks or min(ks) < 1 or n_shuffles < 1:
            raise ConfigError(f"`ks` and `n_shuffles` must be numbers from 1. Got {list(ks)} and {n_shuffles}.")
        self.ks = ks
        self.n_resamples = n_resamples
        self.n_shuffles = n_shuffles

    @property
    def measure_names(self) -> list[str]:
        """Names of the measures of each judge."""
        return [PAIR, *(f"recall_at_{k}" for k in self.ks)]

    def evaluate(self, drawn: DrawnFaces, *, rng: np.random.Generator) -> ReconstructionResult:
        """Return the measures of all contestants by all judges.

        Args:
            drawn: true faces, contestants and judges.
            rng: draws the people of the resamples and the derangements.

        Raises:
            DataError: nobody to judge, or arrays that do not fit.
        """
        drawn.check()
        true = drawn.true
        codes, _, n_people = people_codes(true.people, ())
        counts = resample_people(n_people, n_resamples=self.n_resamples, rng=rng)
        deals = [deal_voices(codes, rng=rng) for _ in range(self.n_shuffles)]
        measures: list[Measure] = []
        resamples: dict[Key, Floats] = {}
        for contestant in drawn.contestants:
            found = [(contestant.name, self._judged(contestant, drawn, codes, counts))]
            if contestant.kind in ("model", "folder"):
                name = shuffled_name(contestant.name)
                found.append((name, self._shuffled(contestant, name, drawn, codes, counts, deals)))
            for name, findings in found:
                result = findings.result()
                measures += result.measures
                resamples.update({(name, *key): values for key, values in result.resamples.items()})
        return ReconstructionResult(drawn, tuple(measures), resamples)

    def _judged(
        self, contestant: Contestant, drawn: DrawnFaces, codes: NDArray[np.int64], counts: NDArray[np.integer[Any]]
    ) -> Findings:
        findings = Findings(NAME, contestant.name)
        for judge in drawn.judges:
            scores = judged_scores(contestant.features[judge.name], drawn.true.features[judge.name], codes)
            for part in self._figures(scores, drawn.true, codes, None, counts):
                if not len(part.values):
                    chances = dict(zip(part.names, part.chance, strict=True))
                    findings.add_undefined(group_name(judge.name, part.group), chances, "no two people share a gender")
                _add(findings, judge.name, part, len(codes), counts.shape[1])
        self._add_attributes(findings, contestant, drawn.true, codes, counts)
        return findings

    def _add_attributes(
        self,
        findings: Findings,
        contestant: Contestant,
        true: TrueFaces,
        codes: NDArray[np.int64],
        counts: NDArray[np.integer[Any]],
    ) -> None:
        known = np.isfinite(contestant.male)
        man = float(mean_over_people(np.asarray(true.male > 0, np.float64), codes))
        races = [mean_over_people(np.asarray(true.race == race, np.float64), codes) for race in np.unique(true.race)]
        rows = (
            ("gender_agreement", gender_agreement, contestant.male, true.male, max(man, 1 - man), 1.0),
            ("race_agreement", race_agreement, contestant.race, true.race, max(races), 1.0),
            ("age_error_cost", age_error_years, contestant.age, true.age, np.nan, np.inf),
        )
        for name, metric, own, truth, chance, most in rows:
            findings.add(
                CLASSIFIER, name, float(metric(own, truth, codes)), metric(own, truth, codes, counts=counts),
                chance=float(chance), count=int(known.sum()), n_people=len(np.unique(codes[known])), bounds=(0.0, most),
            )  # fmt: skip

    def _shuffled(
        self,
        contestant: Contestant,
        name: str,
        drawn: DrawnFaces,
        codes: NDArray[np.int64],
        counts: NDArray[np.integer[Any]],
        deals: Sequence[NDArray[np.int64]],
    ) -> Findings:
        findings = Findings(NAME, name)
        redrawn = contestant.redrawn
        for judge in drawn.judges:
            truth = drawn.true.features[judge.name]
            rounds = []
            if redrawn is not None:
                rounds.append((judged_scores(redrawn.features[judge.name], truth, codes), np.asarray(redrawn.heard)))
            else:
                scores = judged_scores(contestant.features[judge.name], truth, codes)
                rounds += [((scores[0][heard], scores[1][heard]), heard) for heard in deals]
            parts = [self._figures(scores, drawn.true, codes, heard, counts) for scores, heard in rounds]
            for deal in zip(*parts, strict=True):
                alike = [part for part in deal if len(part.values)]
                if not alike:  # of two people, say, nobody is left who was not heard
                    chances = dict(zip(deal[0].names, deal[0].chance, strict=True))
                    findings.add_undefined(group_name(judge.name, deal[0].group), chances, "nobody to compare with")
                    continue
                mean = _Figures(
                    alike[0].group,
                    alike[0].names,
                    np.mean([part.values for part in alike], axis=0),
                    _one_deal_each([part.spread for part in alike]),
                    alike[0].chance,
                )
                _add(findings, judge.name, mean, len(codes), counts.shape[1])
        return findings

    def _figures(
        self,
        scores: tuple[Floats, Floats],
        true: TrueFaces,
        codes: NDArray[np.int64],
        heard: NDArray[np.int64] | None,
        counts: NDArray[np.integer[Any]],
    ) -> list[_Figures]:
        """Return the figures of both ways to compare, all three groups."""
        of_clips, of_people = scores
        others = other_faces(true, codes, heard)
        found = []
        genders = np.array(true.genders, dtype=object)
        same = others & (genders[:, np.newaxis] == genders) & (genders != "")[:, np.newaxis]
        own = codes[:, np.newaxis] == codes
        for group, negatives in ((ALL, others), (SAME_GENDER, same)):
            if not negatives.any():
                found.append(_Figures(group, [PAIR], np.zeros(0), np.zeros((0, len(counts))), [0.5]))
                continue
            standings = find_standings(of_clips, own, negatives, gallery_people=codes, n_people=counts.shape[1])
            value = matching_accuracy(standings, codes)
            spread = matching_accuracy(standings, codes, counts=counts)
            found.append(_Figures(group, [PAIR], value, spread, [0.5]))
        n_people = counts.shape[1]
        allowed = np.stack([others[:, codes == person].all(axis=1) for person in range(n_people)], axis=1)
        owner = codes[:, np.newaxis] == np.arange(n_people)
        people = np.arange(n_people)
        table, constant = (
            find_standings(each, owner, allowed & ~owner, gallery_people=people, n_people=n_people)
            for each in (of_people, np.zeros_like(of_people))
        )
        found.append(
            _Figures(
                PEOPLE,
                [f"recall_at_{k}" for k in self.ks],
                np.array([recall_among_people(table, codes, k) for k in self.ks]),
                np.array([recall_among_people(table, codes, k, counts) for k in self.ks]),
                [float(recall_among_people(constant, codes, k)) for k in self.ks],
            )
        )
        return found


def _one_deal_each(spreads: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Every resample of the people with one of the deals in turn, so that the interval is that of a single deal.

    The mean over deals lies well inside it; an interval of the mean would leave out that few deals are a sample too.
    """
    turn = np.arange(spreads[0].shape[1]) % len(spreads)
    return np.stack(spreads)[turn, :, np.arange(len(turn))].T  # (n_measures, n_resamples)


def _add(findings: Findings, judge: str, part: _Figures, count: int, n_people: int) -> None:
    for name, value, spread, chance in zip(part.names, part.values, part.spread, part.chance, strict=False):
        findings.add(
            group_name(judge, part.group), name, float(value), spread, chance=chance, count=count, n_people=n_people
        )


def judged_scores(features: NDArray[Any], truth: NDArray[Any], codes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return how alike drawn and true faces are: with every true face, and with the mean of each person's.

    Args:
        features: (n, dim) of the drawn faces, nan where nothing was drawn.
        truth: (n, dim) of the true faces.
        codes: (n,) int from 0, people.

    Returns:
        (n, n) and (n, n_people) float64 cosines, each side centred on the mean of its clips.
    """
    middle = centred(truth)
    means = np.stack([middle[codes == person].mean(axis=0) for person in range(int(codes.max()) + 1)])
    toward = unit_directions(centred(features)) @ unit_directions(means).T
    return centred_similarity(features, truth), np.asarray(toward)


def other_faces(true: TrueFaces, codes: NDArray[np.int64], heard: NDArray[np.int64] | None = None) -> Mask:
    """Return the negatives of every clip: another person and another video, and nobody whose voice was heard.

    Args:
        true: who the clips show.
        codes: (n,) int from 0, people.
        heard: (n,) number of the clip that was heard in the place of each; None: its own.

    Returns:
        (n, n) bool.
    """
    names = {name: code for code, name in enumerate(dict.fromkeys(true.videos))}
    videos = np.array([names[name] if name else -1 - row for row, name in enumerate(true.videos)])
    others = (codes[:, np.newaxis] != codes) & (videos[:, np.newaxis] != videos)
    if heard is not None:
        others &= (codes[heard][:, np.newaxis] != codes) & (videos[heard][:, np.newaxis] != videos)
    return np.asarray(others)


def deal_voices(codes: NDArray[np.int64], *, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return for every clip a clip of another person: everybody is dealt the voices of one other, nobody their own.

    Args:
        codes: (n,) int from 0, people; two at least.
        rng: draws the derangement of the people.

    Returns:
        (n,) int64, numbers of clips; who has fewer clips has them heard several times.

    Raises:
        DataError: there is one person only.
    """
    n_people = int(codes.max(initial=-1)) + 1
    if n_people < 2:
        raise DataError(f"Faces are told apart among two people or more. Got {n_people}. Take more people.")
    people = np.arange(n_people)
    order = rng.permutation(n_people)
    while (order == people).any():
        order = rng.permutation(n_people)
    heard = np.empty(len(codes), dtype=np.int64)
    for person in people:
        own, of_other = np.flatnonzero(codes == person), np.flatnonzero(codes == order[person])
        heard[own] = of_other[np.arange(len(own)) % len(of_other)]
    return heard


def recall_among_people(
    standings: Standings, codes: NDArray[np.int64], k: int, counts: NDArray[np.integer[Any]] | None = None
) -> Floats:
    """Return how often the speaker is among the first k people, the clips of a person averaged first.

    Args:
        standings: of clips as probes and people as the gallery.
        codes: (n,) int from 0, people.
        k: at least 1.
        counts: (n_resamples, n_people) copies of each person; None: everybody once.

    Returns:
        () or (n_resamples,) float64, 0 to 1.
    """
    people = codes[standings.probes]
    if counts is None:
        return mean_over_people(chance_within(standings.total(), standings.positives_tied, k), people)
    parts = [
        mean_over_people(chance_within(totals, standings.positives_tied, k), people, counts=counts[rows])
        for rows, totals in standings.blocks(counts)
    ]
    return np.concatenate(parts)

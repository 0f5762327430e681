"""Protocol "identification": which of the people it knows is it?

Every contender of an `Experiment`, a network or an ensemble, gave each clip a probability for each known person.
Published accuracies are means over clips, so are `top_1` and `top_5` here; `top_1_by_person` averages each person's
clips first. Intervals come from drawing people again, the same draws for every contender and, with one seed, for
every experiment on the same people, which pairs them. Where there are clips of strangers the largest probability is
the score of an open set. How sure a chosen network is on clips that chose it, nobody can say: the best is chosen on
the validation clips.

Example:
    >>> from visavox.registry import PROTOCOLS
    >>> PROTOCOLS.build("identification").measure_names
    ['top_1', 'top_5', 'top_1_by_person', 'log_loss_cost', 'dir_at_far_1', 'dir_at_far_5', 'dir_at_far_10']
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.evaluation.findings import Findings
from visavox.evaluation.identification_record import STRANGERS, SUBSETS, Contender, Experiment
from visavox.evaluation.measures import Curve, Measure
from visavox.metrics.bootstrap import PairedDifference, paired_difference, resample_people
from visavox.metrics.identification import Weighting, chance_top_k, log_loss_of_clips, mean_credit, top_k_credit
from visavox.metrics.mcnemar import McNemar, mcnemar_test
from visavox.metrics.open_set import open_set_curve
from visavox.metrics.open_set_resampling import resampled_rates
from visavox.registry import PROTOCOLS

NAME = "identification"
CURVE_RATES = tuple(np.round(np.concatenate([[0.0], np.geomspace(0.001, 1.0, 46)]), 4).tolist())

Floats = NDArray[np.float64]
Confidence = Mapping[tuple[str, str], NDArray[np.floating]]


@dataclass(frozen=True, eq=False)
class _Draws:
    """Resamples, and how the clips were dealt out."""

    by: str
    people: NDArray[np.integer]
    """(n_resamples, n_people) int."""
    strangers: NDArray[np.integer]
    """(n_resamples, n_clips of strangers) int."""


@dataclass(frozen=True)
class Difference:
    """Two contenders on the same test clips: top-1 of the first less that of the second."""

    first: str
    second: str
    found: PairedDifference
    """With its interval over people."""
    table: McNemar
    """Of clips, as if they were independent; clips tied for the best name are left out."""
    n_tied: int
    """Clips left out of the table."""


@dataclass(frozen=True, eq=False)
class IdentificationResult:
    """What the protocol found on one experiment."""

    experiment: Experiment
    by: str
    """How the clips were dealt out, in the groups' names: "clip", "session", or ""."""
    best: str
    """The contender with the highest top-1 on the validation clips; on the test clips where there are none."""
    measures: tuple[Measure, ...]
    """Direction: name of the contender; group: `group_of(subset)`."""
    curves: tuple[Curve, ...]
    """One open-set curve a contender, where there are strangers."""
    resamples: Mapping[tuple[str, str, str], Floats]
    """(contender, subset, measure) -> (n_resamples,) float64."""
    differences: tuple[Difference, ...]
    """Every pair of contenders that saw the same test clips, in the order of the contenders."""

    def group_of(self, subset: str) -> str:
        """Name of a subset among the groups: "test_by_session"."""
        return group_name(subset, self.by)

    def find(self, contender: str, measure: str, subset: str = "test") -> Measure | None:
        """The measure of these names, or None."""
        wanted = (contender, self.group_of(subset), measure)
        return next((m for m in self.measures if (m.direction, m.group, m.measure) == wanted), None)

    def difference(self, first: str, second: str) -> Difference | None:
        """First less second, whatever their order in `differences`; None where they were not compared."""
        for pair in self.differences:
            if (pair.first, pair.second) == (first, second):
                return pair
            if (pair.first, pair.second) == (second, first):
                return _turned(pair)
        return None

    def ranked(self, measure: str = "top_1") -> list[str]:
        """Contenders with a figure on the test clips, the most accurate first; equal ones keep their order."""
        found = {c.name: m for c in self.experiment.contenders if (m := self.find(c.name, measure)) is not None}
        return sorted((name for name, m in found.items() if math.isfinite(m.value)), key=lambda n: -found[n].value)

    def contender(self, name: str) -> Contender:
        """The contender of this name."""
        return next(c for c in self.experiment.contenders if c.name == name)


def group_name(subset: str, by: str) -> str:
    """Returns `test_by_session` for "test" and "session", the subset alone where nothing was dealt out."""
    return f"{subset}_by_{by}" if by else subset


@PROTOCOLS.register("identification")
class Identification:
    """Top-1 and top-5, log loss, open-set rates and paired differences, with 95 % intervals over people.

    Args:
        ks: lengths of the list for the accuracy, each at least 1.
        false_alarm_rates: shares of strangers' clips that may raise an alarm, each 0 to 1.
        n_resamples: resamples of people behind the intervals, at least 1.
    """

    def __init__(
        self,
        ks: Sequence[int] = (1, 5),
        false_alarm_rates: Sequence[float] = (0.01, 0.05, 0.1),
        n_resamples: int = 1000,
    ) -> None:
        """Store the settings.

        Raises:
            ConfigError: no k or a k below 1, or a rate outside 0 to 1.
        """
        if not ks or min(ks) < 1:
            raise ConfigError(f"`ks` must be numbers from 1. Got {list(ks)}.")
        if any(not 0 <= rate <= 1 for rate in false_alarm_rates):
            raise ConfigError(f"`false_alarm_rates` must lie between 0 and 1. Got {list(false_alarm_rates)}.")
        self.ks = ks
        self.false_alarm_rates = false_alarm_rates
        self.n_resamples = n_resamples

    @property
    def measure_names(self) -> list[str]:
        """Names of the measures."""
        rates = [rate_name(rate) for rate in self.false_alarm_rates]
        return [*(f"top_{k}" for k in self.ks), "top_1_by_person", "log_loss_cost", *rates]

    def evaluate(
        self,
        experiment: Experiment,
        *,
        rng: np.random.Generator,
        by: str | None = None,
        confidence: Confidence | None = None,
    ) -> IdentificationResult:
        """Return the measures of all contenders on all subsets.

        Args:
            experiment: what every contender said of the same clips; a row of nan is a clip that it was not shown.
            rng: draws the people of the resamples; one seed pairs two experiments on the same people.
            by: how the clips were dealt out; None: what the experiment says.
            confidence: (contender, "test" or "strangers") -> (n_clips,) float, score of the open set; without it the
                largest probability.

        Raises:
            DataError: no contender, no test clips, or an array that does not fit.
        """
        _check(experiment)
        by = experiment.split_by if by is None else by
        order = np.argsort(np.argsort(np.array(experiment.people)))  # draws are of names, whatever their order
        counts = resample_people(len(experiment.people), n_resamples=self.n_resamples, rng=rng)[:, order]
        n_strangers = len(experiment.clips.get(STRANGERS, ()))
        of_clip = np.arange(n_strangers)  # number of the stranger; each clip somebody where nobody says who it is
        if experiment.stranger_people:
            of_clip = np.unique(np.array(experiment.stranger_people, dtype=object), return_inverse=True)[1]
        drawn = resample_people(int(of_clip.max(initial=0)) + 1, n_resamples=self.n_resamples, rng=rng)[:, of_clip]
        measures: list[Measure] = []
        curves: list[Curve] = []
        resamples: dict[tuple[str, str, str], Floats] = {}
        for contender in experiment.contenders:
            findings = Findings(NAME, contender.name)
            for subset in SUBSETS:
                if subset in contender.probabilities:
                    self._add_accuracies(findings, experiment, contender, subset, by, counts)
            if STRANGERS in contender.probabilities and n_strangers:
                draws = _Draws(by, counts, drawn)
                self._add_open_set(findings, experiment, contender, draws, confidence or {})
            found = findings.result()
            measures += found.measures
            curves += found.curves
            for (group, measure), values in found.resamples.items():
                resamples[contender.name, group.removesuffix(f"_by_{by}"), measure] = values
        best = _best(experiment, measures, by)
        differences = _differences(experiment, resamples)
        return IdentificationResult(experiment, by, best, tuple(measures), tuple(curves), resamples, tuple(differences))

    def _add_accuracies(
        self,
        findings: Findings,
        experiment: Experiment,
        contender: Contender,
        subset: str,
        by: str,
        counts: NDArray[np.integer],
    ) -> None:
        probabilities, labels = asked_rows(experiment, contender, subset)
        n_people = len(experiment.people)
        rows = [(f"top_{k}", top_k_credit(probabilities, labels, k=k), chance_top_k(n_people, k)) for k in self.ks]
        rows.append(("top_1_by_person", top_k_credit(probabilities, labels, k=1), chance_top_k(n_people, 1)))
        rows.append(("log_loss_cost", log_loss_of_clips(probabilities, labels), math.log(n_people)))
        for name, credit, chance in rows:
            weighting: Weighting = "person" if name.endswith("_by_person") else "clip"
            findings.add(
                group_name(subset, by),
                name,
                float(mean_credit(credit, labels, weighting=weighting)),
                mean_credit(credit, labels, weighting=weighting, counts=counts),
                chance=chance,
                count=len(labels),
                n_people=len(np.unique(labels)),
                bounds=(0.0, math.inf) if name == "log_loss_cost" else (0.0, 1.0),
            )

    def _add_open_set(
        self,
        findings: Findings,
        experiment: Experiment,
        contender: Contender,
        draws: _Draws,
        confidence: Confidence,
    ) -> None:
        _, labels = asked_rows(experiment, contender, "test")
        known, _ = _open_scores(contender, "test", confidence)
        strangers, asked = _open_scores(contender, STRANGERS, confidence)
        own = np.arange(known.shape[1]) == labels[:, np.newaxis]
        curve = open_set_curve(known, own, strangers)
        group = group_name("test", draws.by)
        resampled = resampled_rates(
            known,
            labels,
            strangers,
            rates=self.false_alarm_rates,
            known_counts=draws.people[:, labels],
            unknown_counts=draws.strangers[:, asked],
        )
        for rate, values in zip(self.false_alarm_rates, resampled, strict=True):
            findings.add(
                group,
                rate_name(rate),
                curve.rate_at(rate),
                values,
                chance=rate / len(experiment.people),
                count=len(labels),
                n_people=len(np.unique(labels)),
            )
        findings.draw(
            "open set",
            group,
            CURVE_RATES,
            [curve.rate_at(rate) for rate in CURVE_RATES],
            ("false alarm rate", "identified, accuracy"),
        )


def _open_scores(contender: Contender, subset: str, confidence: Confidence) -> tuple[Floats, NDArray[np.intp]]:
    """The scores of the clips that were asked, and their places; a confidence stands at the best name."""
    scores = np.asarray(contender.probabilities[subset], dtype=np.float64)
    asked = np.flatnonzero(~np.isnan(scores).any(axis=1))
    scores = scores[asked]
    given = confidence.get((contender.name, subset))
    if given is not None and len(scores):
        best = scores == scores.max(axis=1, keepdims=True)
        scores = np.where(best, np.asarray(given, dtype=np.float64)[asked, np.newaxis], -math.inf)
    return scores, asked


def rate_name(rate: float) -> str:
    """Returns `dir_at_far_5` for 0.05."""
    return f"dir_at_far_{100 * rate:g}"


def asked_rows(experiment: Experiment, contender: Contender, subset: str) -> tuple[Floats, NDArray[np.intp]]:
    """Returns the probabilities and labels of the clips that a contender was shown; rows of nan are the others."""
    probabilities = np.asarray(contender.probabilities[subset], dtype=np.float64)
    asked = ~np.isnan(probabilities).any(axis=1)
    return probabilities[asked], np.asarray(experiment.labels[subset])[asked]


def _check(experiment: Experiment) -> None:
    if not experiment.contenders or not len(experiment.clips.get("test", ())):
        raise DataError(
            "An identification needs contenders and test clips. "
            f"Got {len(experiment.contenders)} and {len(experiment.clips.get('test', ()))}."
        )
    n_strangers = len(experiment.clips.get(STRANGERS, ()))
    if len(experiment.stranger_people) not in (0, n_strangers):
        raise DataError(
            f"Every stranger's clip needs its person, or none. Got {len(experiment.stranger_people)} people for "
            f"{n_strangers} clips."
        )
    for contender in experiment.contenders:
        for subset, found in contender.probabilities.items():
            wanted = (len(experiment.clips.get(subset, ())), len(experiment.people))
            if np.shape(found) != wanted:
                raise DataError(
                    f"{contender.name} must have one probability a clip and person, {wanted} for {subset}. "
                    f"Got {np.shape(found)}."
                )


def _best(experiment: Experiment, measures: Sequence[Measure], by: str) -> str:
    for subset in ("validation", "test"):
        found = [m for m in measures if (m.group, m.measure) == (group_name(subset, by), "top_1")]
        found = [m for m in found if math.isfinite(m.value)]
        if found:
            return max(found, key=lambda m: m.value).direction
    return experiment.contenders[0].name


def _differences(experiment: Experiment, resamples: Mapping[tuple[str, str, str], Floats]) -> list[Difference]:
    rows = []
    for contender in experiment.contenders:
        if "test" in contender.probabilities:
            probabilities, labels = asked_rows(experiment, contender, "test")
            rows.append((contender.name, top_k_credit(probabilities, labels, k=1), labels))
    found = []
    for (name_a, a, labels), (name_b, b, labels_b) in itertools.combinations(rows, 2):
        if len(labels) != len(experiment.clips["test"]) or len(labels_b) != len(labels):
            continue  # one of the two was not shown every clip
        whole = np.isin(a, (0, 1)) & np.isin(b, (0, 1))
        values = (resamples[name_a, "test", "top_1"], resamples[name_b, "test", "top_1"])
        paired = paired_difference(float(a.mean()), float(b.mean()), *values)
        table = mcnemar_test(a[whole], b[whole])
        found.append(Difference(name_a, name_b, paired, table, int((~whole).sum())))
    return found


def _turned(pair: Difference) -> Difference:
    one, table = pair.found, pair.table
    other = PairedDifference(-one.value, -one.high, -one.low, one.p_value)
    swapped = McNemar(table.both, table.only_b, table.only_a, table.neither, table.p_value, table.exact_p_value)
    return Difference(pair.second, pair.first, other, swapped, pair.n_tied)

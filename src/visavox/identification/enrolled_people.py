"""Enrolled people: who is known, and who it is that asks.

    samples -> EnrolledPeople.enroll -> add, remove, rename -> identify -> Identification
                                     -> save, load

Example:
    >>> rng = np.random.default_rng(0)
    >>> means = rng.normal(size=(6, 16))
    >>> vectors = np.repeat(means, 3, axis=0) + 0.1 * rng.normal(size=(18, 16))
    >>> keys, people = tuple(f"k{i}" for i in range(18)), tuple(f"person {i // 3}" for i in range(18))
    >>> samples = Samples("voice", keys, keys, people, ("",) * 18, np.ones(18), vectors)
    >>> enrolled = EnrolledPeople.enroll({"voice": samples}, settings=EnrollmentSettings(false_accept=0.1), seed=0)
    >>> answer = enrolled.identify({"voice": means[4:5]}, top=1)
    >>> answer.ranked[0].name, answer.is_stranger, enrolled.identify({"voice": -means[4:5]}, top=1).is_stranger
    ('person 4', False, True)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import ConfigError, DataError
from visavox.identification.channel import Channel
from visavox.identification.enrollment import EnrollmentSettings, learn, likeness_of
from visavox.identification.likeness import alike_sentence
from visavox.identification.newcomers import with_newcomers
from visavox.identification.people_folder import PeopleState, read_people, write_people
from visavox.identification.posterior import Identification, Named, posterior
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import Combination, Fusion, fused_ratios
from visavox.identification.strangers import StrangerScores, acceptance_threshold, conformal_p_value, least_rate
from visavox.identification.templates import probe_vector


@dataclass(frozen=True)
class AddOutcome:
    """What came of adding samples."""

    people: tuple[str, ...]
    """People who were not enrolled before, in order."""
    n_new: int
    """Rows that were taken up."""
    n_known: int
    """Rows that were enrolled already, by their keys, and were left out."""


class EnrolledPeople:
    """People known by their voices, faces or both.

    Made by `enroll` or `load`. People come and go without a change to what the others rest on: back-ends learn one
    row, and the scores of simulated strangers are brought up to date; calibration stays as it was enrolled.

    Args:
        state: everything that is kept.
        extra: a mapping that JSON can hold, kept beside: specs of encoders for instance.
    """

    def __init__(self, state: PeopleState, *, extra: Mapping[str, Any] | None = None) -> None:
        """Take up a state."""
        self.settings = state.settings
        self.channels: dict[Modality, Channel] = state.channels
        self.fusions: dict[Combination, Fusion] = state.fusions
        self.strangers: dict[Combination, StrangerScores] = state.strangers
        self.extra = dict(extra or {})
        self.alike = state.alike
        self._names = list(state.names)
        self._notes = state.notes
        self._index()

    @classmethod
    def enroll(
        cls,
        samples: Mapping[Modality, Samples],
        *,
        settings: EnrollmentSettings | None = None,
        seed: int = 0,
        extra: Mapping[str, Any] | None = None,
    ) -> EnrolledPeople:
        """Return people enrolled from samples, everything learned from these alone.

        Args:
            samples: modality -> what is enrolled in it; one modality or both.
            settings: how; the defaults of `EnrollmentSettings`.
            seed: how clips are dealt out for choosing and calibrating depends on this number alone.
            extra: kept beside, for instance the specs of the encoders.

        Raises:
            DataError: there is no sample.
        """
        settings = settings or EnrollmentSettings()
        learned = learn(samples, settings, seed=seed)
        state = PeopleState(
            learned.names,
            settings,
            learned.channels,
            learned.fusions,
            learned.strangers,
            learned.alike,
            learned.notes,
        )
        return cls(state, extra=extra)

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody, in order of enrolment."""
        return tuple(self._names)

    def modalities_of(self, name: str) -> tuple[Modality, ...]:
        """Return what is enrolled of a person.

        Raises:
            ConfigError: nobody has this name.
        """
        if name not in self._place:
            self._check_known([name])
        return tuple(m for m in self.channels if name in self._enrolled[m])

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences a user should read: who has one modality only, which two names look like one person."""
        found = list(self._notes)
        for first, second in self.alike:
            shared = tuple(m for m in MODALITIES if {first, second} <= self._enrolled.get(m, frozenset()))
            if shared:
                found.append(alike_sentence(first, second, shared))
        for modality in MODALITIES:
            others = [m for m in self.channels if m != modality]
            if len(self.channels) == 2 and others:
                lacking = [name for name in self._names if name not in self._enrolled[modality]]
                if lacking:
                    verb = "has" if len(lacking) == 1 else "have"
                    found.append(f"{listed(lacking)} {verb} {others[0]}s only.")
        return tuple(found)

    def add(self, samples: Mapping[Modality, Samples]) -> AddOutcome:
        """Take up more samples, of new people or of people already enrolled.

        Args:
            samples: modality -> what is added in it. Rows whose keys are enrolled already are left out.

        Raises:
            DataError: a vector of another length, or a modality that nobody was enrolled with.
        """
        fresh: dict[Modality, Samples] = {}
        for modality, part in samples.items():
            if modality not in self.channels:
                raise DataError(
                    f"Nobody is enrolled with a {modality}, so nothing says what its scores are worth. "
                    f"Enrol everybody again, with {modality}s."
                )
            held = set(self.channels[modality].samples.keys)
            fresh[modality] = part.select(np.array([key not in held for key in part.keys], dtype=bool))
        n_new, n_given = sum(map(len, fresh.values())), sum(map(len, samples.values()))
        joined = {
            m: self.channels[m].samples.joined(part) for m, part in fresh.items()
        }  # fails before anything changes
        people = [name for m in MODALITIES if m in fresh for name in fresh[m].names]
        newcomers = tuple(dict.fromkeys(name for name in people if name not in self._place))
        for modality, part in fresh.items():
            self.channels[modality].take(joined[modality], part.names)
        self._names += newcomers
        self._index()
        if newcomers:
            found = (self.channels, self.fusions, self._names, newcomers)
            self.alike = likeness_of({m: channel.samples for m, channel in self.channels.items()}, seed=0)
            self.strangers = with_newcomers(self.strangers, *found, alike=self.alike)
        return AddOutcome(newcomers, n_new, n_given - n_new)

    def remove(self, names: Sequence[str]) -> None:
        """Forget people; nothing of theirs is kept, nor a modality that nobody else has.

        Raises:
            ConfigError: nobody has such a name, or nobody would be left.
        """
        self._check_known(names)
        gone = frozenset(names)
        if gone >= set(self._names):
            raise ConfigError("Somebody must stay enrolled. Delete the folder instead.")
        for modality in list(self.channels):
            self.channels[modality].remove(gone)
            if not self.channels[modality].people:
                del self.channels[modality]
        self.fusions = {c: fusion for c, fusion in self.fusions.items() if set(c) <= set(self.channels)}
        self.strangers = {c: self.strangers[c].without(gone) for c in self.fusions}
        self._names = [name for name in self._names if name not in gone]
        self.alike = tuple(pair for pair in self.alike if not gone & set(pair))
        self._index()

    def rename(self, names: Mapping[str, str]) -> None:
        """Give people other names, all at once; a name that is enrolled already takes the samples of both.

        Args:
            names: old name -> new name; two may change places.

        Raises:
            ConfigError: nobody has an old name, or a new name is empty.
        """
        self._check_known(list(names))
        if not all(names.values()):
            raise ConfigError("A name must not be empty. Give the new name of each person.")
        counts = Counter(names.get(name, name) for name in self._names)
        merged = [name for name, count in counts.items() if count > 1]
        # By way of names that nobody has, so that an old name is never taken for the new one of somebody else.
        between = {old: f"\0{i}" for i, old in enumerate(names)}
        for old, new in (*between.items(), *((between[old], new) for old, new in names.items())):
            for channel in self.channels.values():
                channel.rename(old, new)
            self._names = list(dict.fromkeys(new if name == old else name for name in self._names))
        self.strangers = {c: found.renamed(names) for c, found in self.strangers.items()}
        pairs = [(names.get(first, first), names.get(second, second)) for first, second in self.alike]
        self.alike = tuple(pair for pair in pairs if pair[0] != pair[1])
        self._index()
        if merged:  # as strangers, the clips of each name were far too convincing to the other
            strangers = {c: found.without(frozenset(merged)) for c, found in self.strangers.items()}
            self.strangers = with_newcomers(
                strangers, self.channels, self.fusions, self._names, merged, alike=self.alike
            )

    def identify(
        self, vectors: Mapping[Modality, ArrayLike], *, top: int = 5, false_accept: float | None = None
    ) -> Identification:
        """Return who it is that one probe shows.

        Args:
            vectors: modality -> (n, dim) float, all rows of the probe, which are averaged; or (dim,).
            top: how many people to name, 1 or more.
            false_accept: share of strangers that may be accepted, above 0, at most 1; None: that of the settings.

        Raises:
            ConfigError: `top` or `false_accept` out of range.
            DataError: no vector, one of a wrong length or not finite, or nobody is enrolled with any of its modalities.
        """
        asked = self.settings.false_accept if false_accept is None else false_accept
        if top < 1:
            raise ConfigError(f"`top` must be at least 1. Got {top}.")
        if not 0 < asked <= 1:
            raise ConfigError(f"`false_accept` must be above 0 and at most 1. Got {asked}.")
        probes = {m: probe_vector(np.asarray(vectors[m])) for m in MODALITIES if m in vectors}
        known = {m: probe for m, probe in probes.items() if m in self.channels}
        if not known:
            raise DataError(
                f"Nobody is enrolled with a {' or '.join(probes) or 'voice or a face'}. "
                f"Ask with a {' or a '.join(self.channels)}."
            )
        notes = [f"Nobody is enrolled with a {m}: the {m} was not compared." for m in probes if m not in known]
        scores = {m: self._spread(m, self.channels[m].scores(probe[None])[0]) for m, probe in known.items()}
        ratios = fused_ratios(scores, self.fusions)
        ratios = np.where(np.isnan(ratios), -np.inf, ratios)
        return self._answer(scores, ratios, top=top, asked=asked, notes=notes)

    def save(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Write everybody to a folder, whole or not at all.

        Raises:
            DataError: the folder holds something and `overwrite` is False, or it cannot be written.
        """
        state = PeopleState(
            self.names, self.settings, self.channels, self.fusions, self.strangers, self.alike, self._notes
        )
        write_people(Path(folder), state, extra=self.extra, overwrite=overwrite)

    @classmethod
    def load(cls, folder: Path | str) -> EnrolledPeople:
        """Return the people of a folder that `save` wrote.

        Raises:
            DataError: a file is missing or damaged.
        """
        state, extra = read_people(Path(folder))
        return cls(state, extra=extra)

    def _answer(
        self,
        scores: Mapping[Modality, np.ndarray],
        ratios: np.ndarray,
        *,
        top: int,
        asked: float,
        notes: list[str],
    ) -> Identification:
        combination = tuple(scores)
        strangers = self.strangers[combination]
        probabilities, p_stranger = posterior(ratios, p_stranger=self.settings.p_stranger)
        first = np.argpartition(-ratios, top)[:top] if top < len(ratios) else np.arange(len(ratios))
        first = first[np.lexsort((first, -ratios[first]))]
        alone = {m: self.fusions[(m,)].ratios(scores) for m in combination}
        ranked = tuple(
            Named(
                self._names[i],
                float(probabilities[i]),
                float(ratios[i]),
                {m: float(values[i]) for m, values in alone.items() if not math.isnan(values[i])},
            )
            for i in first.tolist()
            if np.isfinite(ratios[i])
        )
        best = float(ratios.max(initial=-np.inf))
        p_value = conformal_p_value(best, strangers.scores)
        rate = asked
        if not len(strangers):
            notes.append("No stranger could be simulated from so few people: the probe is judged by its probability.")
            threshold, is_stranger = math.nan, p_stranger > 1 / 2
        else:
            if asked < least_rate(strangers.scores):
                rate = least_rate(strangers.scores)
                notes.append(
                    f"{len(strangers)} simulated strangers cannot promise a false-accept rate of {asked:g}: "
                    f"{rate:.3g} is used. Enrol more clips for less."
                )
            threshold = acceptance_threshold(strangers.scores, rate)
            is_stranger = best < threshold
        return Identification(ranked, is_stranger, p_stranger, p_value, threshold, rate, combination, tuple(notes))

    def _spread(self, modality: Modality, scores: np.ndarray) -> np.ndarray:
        """Return (P,) float64 scores by the order of names; nan where a person lacks the modality."""
        spread = np.full(len(self._names), np.nan)
        spread[self._places[modality]] = scores
        return spread

    def _index(self) -> None:
        self._place = {name: i for i, name in enumerate(self._names)}
        self._enrolled = {m: frozenset(channel.people) for m, channel in self.channels.items()}
        self._places = {
            m: np.array([self._place[name] for name in channel.people], dtype=np.intp)
            for m, channel in self.channels.items()
        }

    def _check_known(self, names: Sequence[str]) -> None:
        unknown = sorted(set(names) - set(self._names))
        if unknown:
            raise ConfigError(f"Nobody enrolled is called {listed(unknown)}. `visavox identify` names who is.")


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them.

    Example:
        >>> listed(["Ann"]), listed(["Ann", "Bob", "Cem"]), listed([str(i) for i in range(9)])
        ('Ann', 'Ann, Bob and Cem', '0, 1, 2, 3 and 5 more')
    """
    if len(names) > 5:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

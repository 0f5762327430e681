"""How well people are named from a few clips: enrolled on some sessions, asked with another, strangers among them.

Everything goes through `EnrolledPeople`, as `visavox enroll` and `visavox identify` do; every choice is made inside the
enrolled sessions. The corpus needs people with two sessions or more.

    visavox prepare --root DATA/ikr --out corpus
    visavox embed --corpus corpus --voice-encoder ge2e_views --out embeddings
    python benchmarks/identification.py known --corpus corpus --embeddings embeddings
    python benchmarks/identification.py open-set --corpus corpus --embeddings embeddings --strangers 6 --partitions 100
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.items import Modality
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.enrollment import EnrollmentSettings
from visavox.identification.samples import Samples
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.enrolment_samples import gather_samples

ASKED: tuple[tuple[Modality, ...], ...] = (("voice",), ("face",), ("voice", "face"))
RATES = (0.01, 0.05, 0.1)
N_RESAMPLES = 1000


@dataclass(frozen=True)
class Asked:
    """One probe and the answer to it."""

    person: str
    is_right: bool
    """The first name is the right one, whatever the threshold says."""
    p_value: float


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("known", "open-set"))
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--strangers", type=int, default=6)
    parser.add_argument("--partitions", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    samples = gather_samples(CorpusEmbeddings.load(options.embeddings), options.corpus).samples
    if options.what == "known":
        known(samples, options.backend, options.seed)
    else:
        open_set(samples, options)


def known(samples: Mapping[Modality, Samples], backend: str, seed: int) -> None:
    """Print top-1 of each session, enrolled on the others, and the mean, with an interval over people."""
    found: dict[tuple[Modality, ...], list[Asked]] = defaultdict(list)
    for session in sessions(samples):
        people = enrolled(samples, lambda part, s=session: np.array(part.sessions) != s, backend, seed)
        chosen = ", ".join(f"{modality} by {channel.backend.spec}" for modality, channel in people.channels.items())
        line = [f"session {session} ({chosen}):"]
        for asked in ASKED:
            answers = list(ask(people, samples, session, asked))
            found[asked] += answers
            line.append(f"{'+'.join(asked)} {100 * np.mean([a.is_right for a in answers]):.1f} %")
        print("  ".join(line))
    for asked, answers in found.items():
        value, low, high = over_people(answers, seed)
        print(
            f"{'+'.join(asked)}: top-1 {100 * value:.1f} % ({100 * low:.1f}-{100 * high:.1f}), {len(answers)} probes, "
            f"{len({a.person for a in answers})} people, mean of {len(sessions(samples))} sessions"
        )


def open_set(samples: Mapping[Modality, Samples], options: argparse.Namespace) -> None:
    """Print how many of the enrolled are identified, and how many strangers taken for somebody, over partitions."""
    names = sorted({name for part in samples.values() for name in part.names})
    held = sessions(samples)
    rows: dict[tuple[tuple[Modality, ...], float], list[tuple[float, float, float]]] = defaultdict(list)
    for number in range(options.partitions):
        rng = np.random.default_rng([options.seed, number])
        strangers = set(rng.choice(names, options.strangers, replace=False).tolist())
        session = held[number % len(held)]

        def inside(part: Samples, strangers: set[str] = strangers, session: str = session) -> np.ndarray:
            return (np.array(part.sessions) != session) & ~np.isin(np.array(part.people), sorted(strangers))

        people = enrolled(samples, inside, options.backend, number)
        for asked in ASKED:
            answers = list(ask(people, samples, session, asked))
            own = [a for a in answers if a.person not in strangers]
            others = [a for a in answers if a.person in strangers]
            least = 1 / (1 + len(people.strangers[asked].scores))
            for rate in RATES:
                used = max(rate, least) * (1 + 1e-12)
                identified = np.mean([a.is_right and a.p_value <= used for a in own])
                accepted = np.mean([a.p_value <= used for a in others])
                rows[asked, rate].append((float(identified), float(accepted), max(rate, least)))
    print(f"{options.partitions} partitions: {len(names) - options.strangers} enrolled, {options.strangers} strangers")
    for (asked, rate), values in rows.items():
        identified, accepted, used = np.mean(values, axis=0)
        spread = np.quantile([v[0] for v in values], [0.05, 0.95])
        print(
            f"{'+'.join(asked)}: asked {100 * rate:.1f} % ({100 * used:.2f} used): identified {100 * identified:.1f} % "
            f"(middle 90 % of partitions {100 * spread[0]:.1f}-{100 * spread[1]:.1f}), strangers accepted "
            f"{100 * accepted:.1f} %"
        )


def sessions(samples: Mapping[Modality, Samples]) -> list[str]:
    """Return the names of all sessions, in order."""
    return sorted({session for part in samples.values() for session in part.sessions})


def enrolled(samples: Mapping[Modality, Samples], inside: Any, backend: str, seed: int) -> EnrolledPeople:
    """Return people enrolled with the rows that `inside(samples)`, a mask, says."""
    chosen = {modality: part.select(inside(part)) for modality, part in samples.items()}
    return EnrolledPeople.enroll(chosen, settings=EnrollmentSettings(backend=backend), seed=seed)


def ask(
    people: EnrolledPeople, samples: Mapping[Modality, Samples], session: str, asked: tuple[Modality, ...]
) -> Iterator[Asked]:
    """Yield the answer to every clip of a session that has all that is asked with."""
    rows: dict[str, dict[Modality, list[int]]] = defaultdict(lambda: defaultdict(list))
    person_of: dict[str, str] = {}
    for modality in asked:
        part = samples[modality]
        for row, (clip, of_row, person) in enumerate(zip(part.clips, part.sessions, part.people, strict=True)):
            if of_row == session:
                rows[clip][modality].append(row)
                person_of[clip] = person
    for clip, of_clip in rows.items():
        if set(of_clip) == set(asked):
            answer = people.identify({m: samples[m].vectors[of_clip[m]] for m in asked}, top=1, false_accept=1.0)
            person = person_of[clip]
            yield Asked(person, bool(answer.ranked) and answer.ranked[0].name == person, answer.p_value)


def over_people(answers: list[Asked], seed: int) -> tuple[float, float, float]:
    """Return the share of right answers with its 95 % bootstrap interval over people."""
    names = sorted({a.person for a in answers})
    place = {name: i for i, name in enumerate(names)}
    right, count = np.zeros(len(names)), np.zeros(len(names))
    for answer in answers:
        right[place[answer.person]] += answer.is_right
        count[place[answer.person]] += 1
    drawn = resample_people(len(names), n_resamples=N_RESAMPLES, rng=np.random.default_rng(seed))
    value = float(right.sum() / count.sum())
    interval = percentile_interval(value, (drawn @ right) / (drawn @ count), bounds=(0, 1))
    return value, interval.low, interval.high


if __name__ == "__main__":
    main()

"""An identification experiment as a report: measures, the original's table with ours, fronts, confusion, hard clips.

It computes and arranges; the page is made by `visavox.evaluation.page` and the folder by `visavox.evaluation.report`.

Example:
    report = identification_report(by_session, other=by_clip, settings=ReportSettings(seed=0), paths=paths)
    write_report(report, Path("report"))
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visavox.errors import DataError
from visavox.evaluation.hard_clips import pick_hard_clips
from visavox.evaluation.identification_figures import (
    confusion_section,
    open_set_section,
    overfitting_section,
    pareto_section,
    search_sections,
)
from visavox.evaluation.identification_record import Experiment
from visavox.evaluation.identification_sections import (
    cost_section,
    difference_section,
    leak_section,
    order_section,
    original_section,
    train_test_section,
)
from visavox.evaluation.identification_words import KEY
from visavox.evaluation.protocols.identification import Identification, IdentificationResult
from visavox.evaluation.record import Report, Section

ONE_SEED = (
    "Each network was trained once, from one seed: intervals say how much other people would change the figures, not "
    "how much another training would."
)
ONE_MACHINE = "Latency is of this machine and one clip at a time; the order of two networks may differ on another."
SAME_PEOPLE = "Everybody who is tested was learned: nothing here says how well new people are told apart."


@dataclass(frozen=True)
class ReportSettings:
    """What a report on identification is told."""

    seed: int = 0
    """Resamples depend on this number alone."""
    n_resamples: int = 1000
    """Resamples of people behind each interval."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where the figures come from; what is known of the experiment is added."""
    next_steps: str = ""
    """Lines for the end of the page."""


def identification_report(
    experiment: Experiment,
    *,
    other: Experiment | None = None,
    settings: ReportSettings,
    paths: Mapping[str, str | Path],
) -> Report:
    """Return the report on an experiment, and on the same networks on another split where there is one.

    Args:
        experiment: what the headline is about.
        other: the same people and contenders, split the other way.
        settings: seed, resamples, provenance.
        paths: "CLIP/voice" and "CLIP/face" -> file, for the hardest clips.

    Raises:
        DataError: the other experiment is split the same way or shares no contender, or an array does not fit.
    """
    _check_other(experiment, other)
    results = [measure(each, settings) for each in (experiment, other) if each is not None]
    main = results[0]
    both = sorted(results, key=lambda result: result.by)  # by clip, as the original, before by session
    sections: list[Section | None] = [original_section(both, 1), original_section(both, 5)]
    if other is not None:
        sections.append(leak_section(*both))
    sections += [
        order_section(both),
        *(train_test_section(result) for result in both),
        cost_section(main),
        pareto_section(main),
        difference_section(main),
        confusion_section(main),
        open_set_section(main),
        overfitting_section(main),
        *search_sections(main),
    ]
    caveats = [SAME_PEOPLE, ONE_SEED, ONE_MACHINE]
    return Report(
        title=f"Identification of {len(experiment.people)} people on {experiment.corpus_name or 'a corpus'}",
        measures=tuple(found for result in results for found in result.measures),
        curves=(),
        provenance={**settings.provenance, **facts(main, results[1:]), "caveats": caveats},
        next_steps=settings.next_steps,
        sections=tuple(section for section in sections if section is not None),
        hard_clips=pick_hard_clips(experiment, main.best, paths=paths),
    )


def measure(experiment: Experiment, settings: ReportSettings) -> IdentificationResult:
    """Return what the protocol finds; one seed pairs all experiments on the same people."""
    protocol = Identification(n_resamples=settings.n_resamples)
    return protocol.evaluate(experiment, rng=np.random.default_rng(settings.seed))


def facts(main: IdentificationResult, others: list[IdentificationResult]) -> dict[str, Any]:
    """Return what a report says of its experiment under the names of the provenance."""
    experiment, best = main.experiment, main.contender(main.best)
    validated = main.find(main.best, "top_1", "validation") is not None
    return {
        "corpus": experiment.corpus_name,
        "catalog_hash": experiment.catalog_hash,
        "trial_hash": clips_hash(experiment),
        "counts": {
            "people": len(experiment.people),
            "clips": {name: len(clips) for name, clips in experiment.clips.items()},
        },
        KEY: {
            "best": main.best,
            "kind": best.kind,
            "shown": list(best.modalities),
            "n_known": len(experiment.people),
            "split_by": main.by,
            "other_split": others[0].by if others else None,
            "chosen_on": "validation" if validated else "test",
            "networks": {c.name: _plain(c.about) for c in experiment.contenders if c.about},
        },
    }


def clips_hash(experiment: Experiment) -> str:
    """Return a hash of the test clips and of who they are: equal for two models asked the same."""
    names = [experiment.people[label] if label >= 0 else "" for label in experiment.labels["test"]]
    told = repr(sorted(zip(experiment.clips["test"], names, strict=True)))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(about: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a network without what has a table of its own."""
    return {name: value for name, value in about.items() if name not in ("search", "published")}


def _check_other(experiment: Experiment, other: Experiment | None) -> None:
    if other is None:
        return
    if other.split_by == experiment.split_by:
        raise DataError(
            f"Two experiments are compared by how they were split. Both are split by {other.split_by}. "
            "Name a run on the other split with --against."
        )
    names = [{c.name for c in each.contenders} for each in (experiment, other)]
    if not names[0] & names[1]:
        raise DataError(
            f"Two experiments are compared network by network. None of {', '.join(sorted(names[0]))} is among "
            f"{', '.join(sorted(names[1]))}. Train both from one recipe."
        )

"""The command `enroll`: people by a few clips each, for `identify` to know.

Example:
    visavox enroll --pairs data/clips --out people
    visavox enroll --remove Ann --out people
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence

from visavox.errors import one_line
from visavox.identification_config import EnrollConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.enrolling import EnrollOutcome, enroll_people

GONE = "nothing of theirs is kept, nor rests on them"
GONE_BUT = (
    "their vectors, clips and names are gone; what was learned from everybody together (means, projections, "
    "calibration) still rests on them until --refit"
)


def run(config: EnrollConfig) -> int:
    """Enrol, remove, rename, and print who is enrolled now. Returns 0."""
    with progress_bar("Enrolling", quiet=config.quiet) as progress:
        outcome = enroll_people(config, progress)
    if config.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(outcome), indent=2, default=str) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(outcome))
    return 0


def describe(outcome: EnrollOutcome) -> str:
    """Return the outcome as lines for a reader."""
    clips = " and ".join(_count(n, modality) for modality, n in outcome.n_clips.items())
    lines = [f"{outcome.folder}: {_count(outcome.n_people, 'person')} enrolled with {clips}, {outcome.seconds:.1f} s"]
    if outcome.n_new or outcome.n_known:
        known = f"; {outcome.n_known} were enrolled already and count once" if outcome.n_known else ""
        people = _count(len(outcome.new_people), "new person")
        lines.append(f"  {outcome.n_new} vectors added, {people}{known}")
    if outcome.removed:
        lines.append(f"  removed: {', '.join(outcome.removed)}; {GONE if outcome.refitted else GONE_BUT}")
    lines += [f"  renamed: {old} is {new}" for old, new in outcome.renamed.items()]
    lines += [f"  {modality}s compared by {spec['name']}" for modality, spec in outcome.backends.items()]
    for modality, counts in outcome.unusable.items():
        examples = outcome.unusable_clips.get(modality, {})
        said = [f"{n} {status}{_named(examples.get(status, ()), n)}" for status, n in counts.items()]
        lines.append(f"  {modality}s not used: {', '.join(said)}")
    lines += [f"  {note}" for note in outcome.notes]
    return "\n".join(lines) + "\n"


def _named(clips: Sequence[str], n: int) -> str:
    return f" ({', '.join(map(one_line, clips))}{', ...' if n > len(clips) else ''})" if clips else ""


def _count(n: int, what: str) -> str:
    many = f"{what.removesuffix('person')}people" if what.endswith("person") else f"{what}s"
    return f"{n:,} {what if n == 1 else many}"

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
from pathlib import Path

from visavox.errors import one_line
from visavox.identification_config import EnrollConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.enrolled_folder import UNFINISHED, saved_at
from visavox.pipeline.enrolling import EnrollOutcome, enroll_people, n_prepared

GONE = "nothing of theirs is kept, nor rests on them"
GONE_BUT = (
    "their vectors, clips and names are gone; what was learned from everybody together (means, projections, "
    "calibration) still rests on them until --refit"
)


def run(config: EnrollConfig) -> int:
    """Enrol, remove, rename, and print who is enrolled now. Returns 0; 130 where it was interrupted."""
    before = saved_at(config.out)
    try:
        with progress_bar("Enrolling", quiet=config.quiet) as progress:
            outcome = enroll_people(config, progress)
    except KeyboardInterrupt:
        sys.stderr.write(f"visavox: interrupted. {one_line(kept(config.out, before))}\n")
        return 130
    if config.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(outcome), indent=2, default=str) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(outcome))
    return 0


def kept(out: Path, before: tuple[int, ...]) -> str:
    """Return what an enrolment that was interrupted leaves, and how to go on.

    Args:
        out: folder of the people.
        before: what `saved_at` said of it.
    """
    if saved_at(out) != before:
        return f"{out} is written: all that was asked for is done."
    n_clips = n_prepared(out)
    if not n_clips:
        return "Nothing was done yet, and nobody is enrolled or changed."
    return (
        f"Nobody is enrolled or changed yet. {_count(n_clips, 'prepared clip')} kept in {out / UNFINISHED}: "
        "run the same command again to go on, or delete that folder."
    )


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

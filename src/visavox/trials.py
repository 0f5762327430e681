"""The command `trials`: a corpus to trial lists, in our format or a published one.

Example:
    visavox trials --corpus corpus --splits splits --out trials --strata all gender gender+nationality
"""

from __future__ import annotations

import dataclasses
import json
import sys

from visavox.corpus.trial_usage import Usage
from visavox.method_config import TrialsConfig
from visavox.pipeline.drawing_trials import TrialsOutcome, draw_lists


def run(config: TrialsConfig) -> int:
    """Draw, and print what was drawn and how evenly. Returns 0."""
    outcome = draw_lists(config)
    if config.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(outcome), indent=2, default=str) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(outcome, config))
    return 0


def describe(outcome: TrialsOutcome, config: TrialsConfig) -> str:
    """Return the outcome as lines for a reader."""
    lines = [
        f"{outcome.out}: {outcome.n_clips} clips of {outcome.n_people} people; {config.format}; seed {config.seed}"
    ]
    width = max(map(len, outcome.counts), default=0)
    for name, count in outcome.counts.items():
        used = ""
        if "negatives" in outcome.usage[name]:
            people, clips = (outcome.usage[name][role] for role in ("negative_people", "negatives"))
            used = f"  negative: a person {_range(people)}, a clip {_range(clips)} times"
        lines.append(f"  {name:<{width}} {count:7,}{used}")
    reasons: dict[str, list[str]] = {}
    for name, reason in outcome.skipped.items():
        reasons.setdefault(reason, []).append(name)
    lines += [f"  skipped {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    return "\n".join(lines) + "\n"


def _range(used: Usage) -> str:
    return f"{used['fewest']} to {used['most']}"

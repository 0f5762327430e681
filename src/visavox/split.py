"""The command `split`: people into train, validation and test, trial lists, and an audit for leaks.

Example:
    visavox split --corpus corpus --out splits --folds 5
"""

from __future__ import annotations

import json
import sys

from visavox.config import SplitConfig
from visavox.errors import one_line
from visavox.pipeline.splitting import SplitOutcome, split_corpus

SHOWN = 3
"""People outside a published split whom the line names."""


def run(config: SplitConfig) -> int:
    """Split, and print the counts and what the audit found. Returns 1 if the audit found an error, else 0."""
    outcome = split_corpus(config)
    if config.json:
        sys.stdout.write(json.dumps(summarise(outcome), indent=2) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(outcome, config))
    return 1 if outcome.audit.n_errors else 0


def summarise(outcome: SplitOutcome) -> dict[str, object]:
    """Return the counts as a mapping that JSON can hold."""
    return {
        "clips": outcome.splits.counts(),
        "folds": outcome.splits.n_folds,
        "seed": outcome.splits.seed,
        "trials": {name: len(trials.probes) for name, trials in outcome.trials.lists.items()},
        "skipped": dict(outcome.trials.skipped),
        "outside": {"people": len(outcome.outside), "some": list(outcome.outside[:SHOWN])},
        "audit": outcome.audit.summary(),
        "audit_errors": outcome.audit.n_errors,
    }


def describe(outcome: SplitOutcome, config: SplitConfig) -> str:
    """Return the outcome as lines for a reader."""
    clips = ", ".join(f"{name} {count}" for name, count in outcome.splits.counts().items() if count)
    lines = [f"{config.out}: clips {clips}; {outcome.splits.n_folds} folds; seed {outcome.splits.seed}"]
    if outcome.outside:
        more = ", ..." if len(outcome.outside) > SHOWN else ""
        some = ", ".join(one_line(name) for name in outcome.outside[:SHOWN])
        why = "the published split does not name"
        if config.by != "person":
            why = f"have too few {config.by}s to be in every subset, or were not drawn"
        lines.append(f"  outside people that {why}: {len(outcome.outside):,} ({some}{more})")
    width = max(map(len, outcome.trials.lists), default=0)
    lines += [f"  trials  {name:<{width}} {len(t.probes):6,}" for name, t in outcome.trials.lists.items()]
    reasons: dict[str, list[str]] = {}
    for name, reason in outcome.trials.skipped.items():
        reasons.setdefault(reason, []).append(name)
    lines += [f"  skipped {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    lines.append(f"  audit   {outcome.audit.summary()}")
    return "\n".join(lines) + "\n"

"""The learning rate of a training from pixels and samples over the run; it knows no loss and no batch.

Example:
    >>> settings = EndToEndSettings(learning_rate=1.0, warm_up=0.5, schedule="constant")
    >>> [warmed_rate(settings, step, 4) for step in range(4)]
    [0.5, 1.0, 1.0, 1.0]
"""

from __future__ import annotations

import math

from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.optimising import dropped_rate


def warmed_rate(settings: EndToEndSettings, step: int, n_steps: int) -> float:
    """Return the learning rate of an optimiser step.

    Args:
        settings: with `learning_rate`, `schedule` and `warm_up`.
        step: steps done before it, 0 to n_steps - 1.
        n_steps: steps of the whole run.

    Returns:
        With t = (step + 1) / n_steps and w = `warm_up`: learning_rate * t / w while t < w, then, under the cosine
        schedule, learning_rate * (1 + cos(pi (t - w) / (1 - w))) / 2, which ends at 0; under the schedule of steps
        learning_rate times 0.1 for each share of `drop_at` that step / n_steps has reached.

    Source: Loshchilov and Hutter, 2017, SGDR, eq. 5, no restart; a linear warm-up: Goyal et al., 2017, Accurate, large
    minibatch SGD, section 2.2.
    """
    share, warm_up = (step + 1) / n_steps, settings.warm_up
    if share < warm_up:
        return settings.learning_rate * share / warm_up
    if settings.schedule == "steps":
        return dropped_rate(settings.learning_rate, step, n_steps, settings.drop_at)
    if warm_up == 1 or settings.schedule == "constant":
        return settings.learning_rate
    return settings.learning_rate * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up))) / 2

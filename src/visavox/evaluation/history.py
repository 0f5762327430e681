"""The course of a training run as the report draws it: figures per epoch, and the voice encoder's own ceiling.

It reads rows (one mapping an epoch, as `metrics.jsonl` holds them); it trains nothing and opens no run folder.

Example:
    >>> history = history_from_rows([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.5}])
    >>> history.series("loss")
    ((1.0, 2.0), (2.0, 1.5))
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from visavox.errors import DataError


@dataclass(frozen=True)
class TrainingHistory:
    """Figures per epoch. Known names are drawn: those of `visavox.evaluation.plots.TRAINING_FIGURES`."""

    rows: tuple[Mapping[str, float], ...]
    """One mapping an epoch, each with the key "epoch"; other keys are figures, absent where not measured."""
    ceiling: Mapping[str, float] = field(default_factory=dict)
    """Mean cosine of the voice encoder with itself: "positive_similarity" for two halves of one clip,
    "negative_similarity" for two clips, -1 to 1. Empty where it was not measured."""
    best_epoch: int | None = None
    """Epoch whose weights were kept; None when the last one was."""

    def series(self, name: str) -> tuple[tuple[float, float], ...]:
        """(epoch, value) of every epoch that has a finite figure of this name, in order."""
        pairs = ((float(row["epoch"]), row.get(name, math.nan)) for row in self.rows)
        return tuple((epoch, value) for epoch, value in pairs if math.isfinite(value))


def history_from_rows(
    rows: Iterable[Mapping[str, Any]],
    *,
    ceiling: Mapping[str, float] | None = None,
    best_epoch: int | None = None,
) -> TrainingHistory:
    """Builds the history from the rows of a metrics file; what is not a number is left out.

    Args:
        rows: one mapping an epoch, in any order; rows of one epoch are merged, the later one winning.
        ceiling: see `TrainingHistory.ceiling`.
        best_epoch: see `TrainingHistory.best_epoch`.

    Raises:
        DataError: a row has no number under "epoch".
    """
    merged: dict[float, dict[str, float]] = {}
    for row in rows:
        figures = {
            name: float(value)
            for name, value in row.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        if "epoch" not in figures:
            raise DataError(
                f"A row of the training history must hold a number under `epoch`. Got the keys {sorted(row)}."
            )
        merged.setdefault(figures["epoch"], {}).update(figures)
    ordered = tuple(merged[epoch] for epoch in sorted(merged))
    return TrainingHistory(rows=ordered, ceiling=dict(ceiling or {}), best_epoch=best_epoch)

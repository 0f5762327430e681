"""The tables of a report on identification: beside the original, the leak, train beside test, cost, order, differences.

Each function returns a `Section`; what it needs was measured by `visavox.evaluation.protocols.identification`. The
figures are in `visavox.evaluation.identification_figures`.

Example:
    sections = (original_section([by_clip, by_session]), leak_section(by_clip, by_session))
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.identification_record import Contender
from visavox.evaluation.measures import Measure
from visavox.evaluation.protocols.identification import IdentificationResult
from visavox.evaluation.record import Cell, Section
from visavox.metrics.bootstrap import paired_difference
from visavox.metrics.order_agreement import OrderAgreement, order_agreement
from visavox.metrics.pareto import front_shares, pareto_front

Floats = NDArray[np.float64]

NONE = "–"
MARK = " *"  # behind the name of a row that is not as the published one
MEGABYTE = 1e6  # bytes


def original_section(results: Sequence[IdentificationResult], k: int) -> Section:
    """Return published top-k of every row beside ours, for each split.

    Args:
        results: one a split, the same contenders in each; the rows are the first's.
        k: 1 or 5.
    """
    columns = ["network", "shown", f"published top-{k} %"]
    columns += [f"ours{_split_words(result)} %" for result in results]
    rows: list[tuple[Cell, ...]] = []
    for contender in results[0].experiment.contenders:
        published = contender.published.top_1 if k == 1 else contender.published.top_5
        said: Cell = NONE if published is None else float(published)
        ours = [cell(result.find(contender.name, f"top_{k}")) for result in results]
        rows.append((_marked(contender), shown(contender), said, *ours))
    found = next(m for m in results[0].measures if m.measure == f"top_{k}")
    text = (
        f"Share of test clips whose person is {'named first' if k == 1 else f'among the first {k}'}, with 95 % "
        f"intervals over people; guessing gives {100 * found.chance:.1f} %. The published figures are of other data, "
        "which is lost: only their order, not their height, can be held against ours."
    )
    heading, notes = f"The table of the original and ours, top-{k}", _unlike_notes(results[0])
    return Section(heading, text, tuple(columns), tuple(rows), notes=notes)


def leak_section(by_clip: IdentificationResult, by_session: IdentificationResult) -> Section:
    """Return what splitting by clip adds to top-1, row by row and for the mean of the rows."""
    names = [c.name for c in by_clip.experiment.contenders if by_session.find(c.name, "top_1") is not None]
    paired = set(by_clip.experiment.people) == set(by_session.experiment.people)
    rows: list[tuple[Cell, ...]] = []
    values: list[tuple[float, float]] = []
    drawn: list[tuple[Floats, Floats]] = []
    for name in names:
        first, second = by_clip.find(name, "top_1"), by_session.find(name, "top_1")
        if first is None or second is None:
            continue
        values.append((first.value, second.value))
        drawn.append((by_clip.resamples[name, "test", "top_1"], by_session.resamples[name, "test", "top_1"]))
        rows.append((name, cell(first), cell(second), *_difference(*values[-1], *drawn[-1])))
    if len(rows) > 1:
        means = [float(np.mean([pair[side] for pair in values])) for side in (0, 1)]
        a, b = (np.asarray(np.mean([pair[side] for pair in drawn], axis=0)) for side in (0, 1))
        rows.append(("mean of the rows", means[0], means[1], *_difference(means[0], means[1], a, b)))
    text = (
        "The original dealt out clips, so that clips of one session, with one room, one coat and one microphone, lie "
        "on both sides of its split. What that is worth is top-1 split by clip less top-1 split by session, of "
        "networks trained on each. The networks split by session have met fewer sessions of each person as well, so "
        "that part of the difference is the variety of what they learned from."
    )
    how = "the same resamples of people on both sides" if paired else "people drawn for each side alone"
    notes = (
        f"Intervals: bootstrap over people, {how}; they say nothing of another seed of the training.",
        "A difference above 0 whose interval leaves out 0 is accuracy that the split gives away, or that fewer "
        "sessions to learn from take.",
    )
    columns = ("network", "split by clip %", "split by session %", "leak, points %", "p")
    return Section("The leak of the original", text, columns, tuple(rows), notes=notes)


def train_test_section(result: IdentificationResult) -> Section:
    """Return top-1 on what was learned beside top-1 on what was not, and the gap between the two."""
    rows: list[tuple[Cell, ...]] = []
    for contender in result.experiment.contenders:
        found = [result.find(contender.name, "top_1", subset) for subset in ("train", "validation", "test")]
        if found[0] is None or found[2] is None:
            continue
        drawn = [result.resamples[contender.name, subset, "top_1"] for subset in ("train", "test")]
        gap = _difference(found[0].value, found[2].value, *drawn)[0]
        epochs: Cell = len(contender.history) or NONE
        rows.append((contender.name, *(cell(m) for m in found), gap, epochs))
    text = (
        "Top-1 on the clips that were learned, without augmentation, beside those that were not. The gap is what was "
        "learned by heart, with its interval over people."
    )
    columns = ("network", "train %", "validation %", "test %", "train − test %", "epochs")
    return Section(f"Train beside test{_split_words(result)}", text, columns, tuple(rows))


def cost_section(result: IdentificationResult) -> Section:
    """Return parameters beside their budget, multiply-accumulates, latency and file size."""
    contenders = [c for c in result.experiment.contenders if result.find(c.name, "top_1") is not None]
    rows: list[tuple[Cell, ...]] = []
    for contender in contenders:
        cost = contender.cost
        rows.append(
            (
                contender.name,
                cell(result.find(contender.name, "top_1")),
                cost.n_parameters,
                contender.published.n_parameters or NONE,
                _budget_words(contender),
                f"{cost.macs / 1e6:,.1f}",
                f"{cost.latency_ms:.1f}",
                f"{cost.file_bytes / MEGABYTE:,.1f}",
            )
        )
    columns = ("network", "top-1 %", "parameters", "published", "budget", "MACs, M", "ms a clip", "file, MB")
    text = (
        "What it takes to name one clip: numbers held, multiply-accumulates of a forward pass, median time on this "
        "machine one clip at a time in float32, size of the weights."
    )
    return Section("What it costs", text, columns, tuple(rows))


def cost_front(
    result: IdentificationResult, contenders: Sequence[Contender], cost: str
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return who is on the front of top-1 against a cost, and in which share of resamples.

    Args:
        result: of the protocol.
        contenders: those to weigh.
        cost: field of `Cost`.

    Returns:
        (n_contenders,) bool and (n_contenders,) float64, 0 to 1.
    """
    costs = np.array([float(getattr(c.cost, cost)) or math.nan for c in contenders])  # 0: nobody measured it
    found = [result.find(c.name, "top_1") for c in contenders]
    values = np.array([m.value if m is not None else math.nan for m in found])
    resampled = np.stack([result.resamples[c.name, "test", "top_1"] for c in contenders], axis=1)
    return pareto_front(costs, values), front_shares(costs, resampled)


def order_section(results: Sequence[IdentificationResult]) -> Section | None:
    """Return whether our rows stand in the published order, in words and as rank correlations; None without rows."""
    rows: list[tuple[Cell, ...]] = []
    said = []
    marked = any(_is_unlike(contender) for result in results for contender in result.experiment.contenders)
    for result in results:
        found = published_order(result)
        if math.isnan(found.spearman):
            continue
        where = f"split by {result.by}" if result.by else "our clips"
        spearman = (found.spearman, found.low, found.high)
        rows.append((where, found.n_rows, spearman, found.kendall, found.p_value, _swapped_words(found)))
        said.append(f"{where[:1].upper()}{where[1:]}, {order_words(found)}.")
    if not rows:
        return None
    text = f"{' '.join(said)} Rank correlation of our top-1 with the published one over the rows that have both."
    notes = [
        "Spearman's interval is over people, of our side alone; p: Kendall's tau, two-sided, were the two orders "
        "unrelated. Pairs turned round count whatever the size of their difference."
    ]
    if marked:
        notes.append(f"Rows marked {MARK.strip()} in the table of the original count with their differences from it.")
    columns = ("ours", "rows", "Spearman", "Kendall", "p Kendall", "pairs turned round")
    return Section("Whether the order of the rows holds", text, columns, tuple(rows), notes=tuple(notes))


def published_order(result: IdentificationResult) -> OrderAgreement:
    """Return how far our order of the rows with a published top-1 is the published one."""
    rows = [
        (float(c.published.top_1), found.value, result.resamples[c.name, "test", "top_1"])
        for c in result.experiment.contenders
        if c.published.top_1 is not None and (found := result.find(c.name, "top_1")) is not None
    ]
    if not rows:
        return order_agreement(np.empty(0), np.empty(0))
    published, ours = (np.array([row[i] for row in rows]) for i in (0, 1))
    return order_agreement(ours, published, resampled=np.stack([row[2] for row in rows], axis=1))


def order_words(found: OrderAgreement) -> str:
    """Return in words whether the order holds.

    It holds when no pair is turned round, holds by and large when the two orders are surely alike (p below 0.05),
    and cannot be told otherwise, or is another when they are surely unlike.
    """
    if not found.n_swapped:
        return "the order of the rows holds: no pair is turned round"
    turned = f"{found.n_swapped} of {found.n_pairs} pairs are turned round"
    if found.p_value < 0.05:
        return f"the order {'holds by and large' if found.kendall > 0 else 'is the opposite'}: {turned}"
    return f"whether the order holds cannot be told from so few rows: {turned}"


def difference_section(result: IdentificationResult) -> Section | None:
    """Return each row's difference to the best and to the row below it; None with one contender."""
    ranked = result.ranked()
    rows: list[tuple[Cell, ...]] = []
    for place, name in enumerate(ranked):
        best = result.difference(name, result.best)
        below = result.difference(name, ranked[place + 1]) if place + 1 < len(ranked) else None
        cells: list[Cell] = [name, cell(result.find(name, "top_1"))]
        if best is None:
            cells += ["the best" if name == result.best else NONE, *(3 * ("",))]
        else:
            cells += [(best.found.value, best.found.low, best.found.high), best.found.p_value]
            cells += [f"{best.table.only_a} : {best.table.only_b}", best.table.p_value]
        if below is None:
            cells += [NONE, ""]
        else:
            cells += [(below.found.value, below.found.low, below.found.high), below.found.p_value]
        rows.append(tuple(cells))
    if len(rows) < 2:
        return None
    columns = ("network", "top-1 %", "to the best, %", "p", "right alone", "p McNemar", "to the next, %", "p ")
    n_pairs = len(result.differences)
    text = (
        f"Top-1 of each less that of {result.best}, {_chosen_words(result)}, and less that of the next row, "
        "in percentage points, on the same test clips. Intervals and p: bootstrap over people. Right alone: clips that "
        "only this row names rightly, and clips that only the best does; McNemar's mid-p takes clips for independent: "
        "believe the larger p."
    )
    notes = (f"Of the {n_pairs} pairs of rows, 1 in 20 differs at p below 0.05 by luck alone.",)
    return Section("Differences", text, columns, tuple(rows), notes=notes)


def shown(contender: Contender) -> str:
    """Return what a contender is shown: "voice, face"."""
    return ", ".join(contender.modalities)


def cell(found: Measure | None) -> Cell:
    """Return a measure as a cell with its interval; nan where it is missing."""
    return math.nan if found is None else (found.value, found.low, found.high)


def _difference(
    value_a: float, value_b: float, a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[tuple[float, float, float], float]:
    found = paired_difference(value_a, value_b, a, b)
    return (found.value, found.low, found.high), found.p_value


def _split_words(result: IdentificationResult) -> str:
    return f", split by {result.by}" if result.by else ""


def _budget_words(contender: Contender) -> str:
    budget = contender.cost.budget
    if budget is None:
        return NONE
    return f"{budget:,} {'kept' if contender.cost.n_parameters <= budget else 'exceeded'}"


def _is_unlike(contender: Contender) -> bool:
    return bool(contender.about.get("unlike"))


def _marked(contender: Contender) -> str:
    """Name of a row, marked where it is not as the published one."""
    return contender.name + MARK if _is_unlike(contender) else contender.name


def _unlike_notes(result: IdentificationResult) -> tuple[str, ...]:
    """A footnote a row that is not as the published one."""
    unlike = [c for c in result.experiment.contenders if _is_unlike(c)]
    return tuple(f"{MARK.strip()} {c.name}, unlike the original: {c.about['unlike']}." for c in unlike)


def _swapped_words(found: OrderAgreement) -> str:
    return f"{found.n_swapped} of {found.n_pairs}"


def _chosen_words(result: IdentificationResult) -> str:
    validated = result.find(result.best, "top_1", "validation") is not None
    return "the best on the validation clips" if validated else "which the headline is about"

"""k-means on the device of the vectors, and how concentrated each cluster is.

A part of `visavox.objectives.prototype_contrast`, and no objective itself. From the same start scikit-learn's k-means
gives the same clusters; this one needs no copy to the CPU.

Example:
    >>> x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0]])
    >>> clusters = k_means(x, 2, generator=torch.Generator().manual_seed(0))
    >>> sorted(clusters.centres.tolist()), bool(clusters.of[0] == clusters.of[1])
    ([[0.0, 0.5], [9.0, 9.0]], True)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SMOOTHING = 10  # items added to a cluster's count, so that small clusters are not too sure of themselves
TAILS = (0.1, 0.9)  # quantiles that concentrations are held to
START_ROWS = 10_000  # rows that a start is drawn from at least, and
START_ROWS_A_CENTRE = 8  # for each centre; all rows where there are fewer
DISTANCES_AT_ONCE = 2**18  # numbers of a table of distances: 1 MB in float32, which a processor keeps close


@dataclass(frozen=True)
class Clusters:
    """One clustering of n vectors."""

    centres: Tensor
    """(k, dim) float, the means of the clusters."""
    of: Tensor
    """(n,) int64, the cluster of each vector."""
    distance: Tensor
    """(n,) float, Euclidean, of each vector to its centre."""


def k_means(x: Tensor, k: int, *, generator: torch.Generator, n_rounds: int = 20) -> Clusters:
    """Return k clusters by Lloyd's algorithm from a k-means++ start.

    Args:
        x: (n, dim) float.
        k: clusters, 1 to n.
        generator: draws the start; on the CPU.
        n_rounds: most rounds; it stops earlier where nothing moves.

    Returns:
        The clusters; one that runs empty keeps its centre.

    Source: Arthur and Vassilvitskii, 2007, k-means++: the advantages of careful seeding (one candidate a draw).
    """
    centres = first_centres(x, k, generator=generator)
    of, distance = _nearest(x, centres)
    for _ in range(n_rounds):
        count = torch.zeros(k, dtype=x.dtype, device=x.device).index_add_(0, of, torch.ones_like(distance))
        total = torch.zeros_like(centres).index_add_(0, of, x)
        centres = torch.where(count[:, None] > 0, total / count.clamp(min=1)[:, None], centres)
        before = of
        of, distance = _nearest(x, centres)
        if torch.equal(of, before):
            break
    return Clusters(centres, of, distance)


def first_centres(x: Tensor, k: int, *, generator: torch.Generator) -> Tensor:
    """Return (k, dim) rows of x: the first drawn evenly, each further one by its squared distance to those before.

    Where all rows are taken or equal to one taken, further ones are drawn evenly. Of many rows, more than 10,000 and
    more than 8 a centre, so many are drawn first, evenly and without repeats, and the start is one of theirs.
    """
    n_asked = max(START_ROWS, START_ROWS_A_CENTRE * k)
    if len(x) > n_asked:
        x = x[torch.randperm(len(x), generator=generator)[:n_asked].to(x.device)]
    chosen = [int(torch.randint(len(x), (1,), generator=generator))]
    squared = (x - x[chosen[0]]).square().sum(dim=1)
    while len(chosen) < k:
        chance = squared.double().cpu()
        if not bool(chance.sum() > 0):
            chance = torch.ones_like(chance)
        reached = chance.cumsum(0)
        at = torch.rand((), generator=generator, dtype=torch.float64) * reached[-1]
        chosen.append(min(int(torch.searchsorted(reached, at, right=True)), len(x) - 1))
        squared = torch.minimum(squared, (x - x[chosen[-1]]).square().sum(dim=1))
    return x[chosen].clone()


def concentrations(clusters: Clusters, *, mean: float) -> Tensor:
    """Return (k,) how far each cluster spreads, scaled to an average: temperatures of its prototype.

    A cluster of n > 1 vectors has the mean of their distances / log(n + 10); one with fewer has the largest of those.
    All are held between the 10th and the 90th percentile, and scaled so that their mean is `mean`.

    Args:
        clusters: of vectors of length one.
        mean: of the result, above 0. Where nothing spreads, every value is `mean`.

    Source: Li et al., 2021, Prototypical contrastive learning of unsupervised representations, ICLR, section 3.3, as in
    its public code.
    """
    k = len(clusters.centres)
    zeros = torch.zeros(k, dtype=clusters.distance.dtype, device=clusters.distance.device)
    count = zeros.index_add(0, clusters.of, torch.ones_like(clusters.distance))
    total = zeros.index_add(0, clusters.of, clusters.distance)
    spread = total / count.clamp(min=1) / torch.log(count + SMOOTHING)
    spread = torch.where(count > 1, spread, zeros)
    spread = torch.where(count > 1, spread, spread.max())
    low, high = torch.quantile(spread, torch.tensor(TAILS, dtype=spread.dtype, device=spread.device))
    spread = spread.clamp(low, high)
    if not bool(spread.min() > 0):  # some cluster is a point: a temperature of 0 would divide by nothing
        spread = spread.clamp(min=spread.mean() / 10) if bool(spread.mean() > 0) else torch.ones_like(spread)
    return spread * (mean / spread.mean())


def _nearest(x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return of each row the nearest centre, the first of equals, and the distance to it."""
    n_rows = max(1, DISTANCES_AT_ONCE // len(centres))
    of = torch.cat([torch.cdist(rows, centres).argmin(dim=1) for rows in torch.split(x, n_rows)])
    # Anew from the difference: cdist takes the matrix product, whose rounding shows at small distances.
    return of, (x - centres[of]).square().sum(dim=1).sqrt()

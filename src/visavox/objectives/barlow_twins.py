"""Barlow Twins across modalities: each number of a voice's vector agrees with the same number of its face's, no other.

It holds no model, draws nothing, and compares no pair of people: it has no negatives. Lower is better.

Blind: `dim`, the length of the vectors, since a constant correlates with nothing; independent noise costs on average
dim (1 + lambda (dim - 1)) / n more. The floor is 0.

Needs: paired rows, many more than one, as the towers give them (it standardises each number over the batch itself).
`labels` and `mask` have no meaning here and are not looked at: no two rows are pushed apart. Relations: the correlation
matrix that becomes the identity is what canonical correlation analysis finds in closed form; lambda is how much the
decorrelation counts. Prefer it where batches hold unknown repeats of a person, which harm every loss with negatives.

Example:
    >>> voice = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> round(BarlowTwins(eps=0)(voice, 3 * voice + 5)["loss"].item(), 6)    # no scale, no offset
    0.0
"""

from __future__ import annotations

import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, check_pairs
from visavox.registry import OBJECTIVES


@OBJECTIVES.register("barlow_twins")
class BarlowTwins(Objective):
    """Squared distance of the cross-correlation matrix of a batch from the identity.

    With a_bi and b_bi number i of voice and face b, standardised over the batch (weighted mean 0, variance 1):

        c_ij = weighted mean over b of a_bi b_bj
        loss = sum over i of (1 - c_ii)^2 + lambda sum over i and j not i of c_ij^2

    Args:
        redundancy_weight: lambda, 0 or more.
        eps: added to each variance before the root, 0 or more; a constant number then correlates 0, without nan.

    Source: Zbontar et al., 2021, Barlow Twins: self-supervised learning via redundancy reduction, eq. 1 and 2; lambda
    5e-3 is that of section 2.2, for vectors of 8,192 numbers. The sum off the diagonal has dim - 1 terms for each one
    on it, so short vectors want a larger lambda: about 3 / dim did best on a simulated world with dim 16 and 64, where
    5e-3 left the numbers of a vector alike. The two views of an image are here a voice and a face. `eps` is that of
    the batch normalisation in the public code; the paper has none.

    Ties and edges: a weight of 0 leaves the row out, a weight of 2 counts it twice. A batch of one row costs `dim` and
    has no gradient. Neither offset nor scale of a number is held: cosines are of use only where the numbers of one
    modality have like means and scales, as behind a tower with a standardised output.
    """

    takes = "raw"

    def __init__(self, redundancy_weight: float = 5e-3, *, eps: float = 1e-5) -> None:
        """Store the arguments."""
        super().__init__()
        for name, value in (("redundancy_weight", redundancy_weight), ("eps", eps)):
            if not 0 <= value < float("inf"):
                raise ConfigError(f"`{name}` must be a number of at least 0. Got {value:g}.")
        self.redundancy_weight = redundancy_weight
        self.eps = eps

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,  # noqa: ARG002
        weights: Tensor | None = None,
        mask: Tensor | None = None,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the loss and its two parts.

        Args:
            voice: (n, dim) float of any length; row i belongs to row i of `face`.
            face: (n, dim) float of any length.
            labels: not looked at.
            weights: (n,) how much each row counts in every mean, 0 or more, not all 0. None: all alike.
            mask: not looked at.

        Returns:
            "loss", "invariance_loss" and "redundancy_loss" (lambda times its sum), each a scalar; "loss" is the sum of
            the others.

        Raises:
            ValueError: the shapes of `voice` and `face` differ.
        """
        check_pairs(voice, face)
        given = torch.ones_like(voice[:, 0]) if weights is None else weights
        share = (given / given.sum())[:, None]  # (n, 1), adds up to one
        correlation = (self._standardised(voice, share) * share).T @ self._standardised(face, share)  # (dim, dim)
        own = correlation.diagonal()
        invariance = (1 - own).square().sum()
        others = correlation - torch.diag(own)
        redundancy = self.redundancy_weight * others.square().sum()
        return {"loss": invariance + redundancy, "invariance_loss": invariance, "redundancy_loss": redundancy}

    def _standardised(self, x: Tensor, share: Tensor) -> Tensor:
        """Return x with mean 0 and variance 1 in each column."""
        centred = x - (share * x).sum(dim=0)
        return centred / torch.sqrt((share * centred.square()).sum(dim=0) + self.eps)

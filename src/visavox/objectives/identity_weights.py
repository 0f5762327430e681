"""Weights of identities that grow from easy people to hard ones and leave the hardest out.

The state of `visavox.objectives.seeking_shape`, and no objective itself. Each identity k has a hardness h_k, a running
mean of its losses, and a weight w_k. The names of the buffers are those of the published checkpoints (`center.weight`,
`center.loss_mean`); beside them `people` says whose weights they are, as numbers, so that a file of them tells no names
and can still be held against the people of another run.

Example:
    >>> state = IdentityWeights(4, first_share=0.5)
    >>> state.observe(torch.tensor([0, 1, 2, 3]), torch.tensor([9.0, 1.0, 5.0, 2.0]))
    >>> state.update()
    >>> state.weight.tolist(), state.of(torch.tensor([1, 2])).tolist()  # the two easiest, at twice the mean weight
    ([0.0, 1.0, 0.0, 1.0], [2.0, 0.0])
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from visavox.errors import DataError

FIRST_HARDNESS = 14.0  # about twice log(924), the loss of a blind classifier on both sides: nobody starts as easy
KEPT = 0.9  # of the old hardness at each observation
GROWTH_SHARE = 0.024  # of all identities that an update adds: 22 of 924
FULL_SHARE = 0.9  # updates stop once so many are in use; the rest counts as unlearnable
DECAY = 0.99  # of the weights in use at each update, so that the newest count most
BARELY = 1e-3  # a batch that weighs less in all would teach nothing
GIVEN = -1  # count of updates that says: the weights came from a file
NOBODY = 0  # number of a person without a name


def person_numbers(names: Sequence[str]) -> Tensor:
    """Return (n,) int64, a number for each name that is the same in every run: 8 bytes of its SHA-256.

    Example:
        >>> one, other, same = person_numbers(["ann", "bob", "ann"]).tolist()
        >>> one == same, one == other
        (True, False)
    """
    digests = (hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest() for name in names)
    return torch.tensor([int.from_bytes(digest[:8], "big", signed=True) for digest in digests], dtype=torch.int64)


class IdentityWeights(nn.Module):
    """Hardness and weight of every identity.

    At the first update the share `first_share` of easiest identities gets weight 1, all others 0. At each later one,
    while fewer than 90 % are in use, the weights in use fall by 1 % and the easiest 2.4 % of those without get 1.

    Args:
        n_people: identities.
        first_share: in use after the first update, above 0 to 1.
        people: name of each identity, n_people of them; empty where they are not known.

    Source: Wen et al., 2021, Seeking the shape of sound, CVPR, with the constants of its public code
    (models/center_model.py).
    """

    weight: Tensor
    loss_mean: Tensor
    n_updates: Tensor
    people: Tensor

    def __init__(self, n_people: int, *, first_share: float, people: Sequence[str] = ()) -> None:
        """Start with equal weights."""
        super().__init__()
        self.first_share = first_share
        self.register_buffer("weight", torch.ones(n_people))
        self.register_buffer("loss_mean", torch.full((n_people,), FIRST_HARDNESS))
        self.register_buffer("n_updates", torch.zeros((), dtype=torch.int64))
        numbers = person_numbers(people) if people else torch.full((n_people,), NOBODY)
        self.register_buffer("people", numbers)

    @property
    def active_share(self) -> float:
        """Share of identities with a weight above 0."""
        return float((self.weight > 0).double().mean())

    @property
    def is_given(self) -> bool:
        """Whether the weights came from `load`."""
        return int(self.n_updates) == GIVEN

    @torch.no_grad()
    def observe(self, labels: Tensor, losses: Tensor) -> None:
        """Move the hardness of the identities of a batch a tenth of the way to their losses.

        Args:
            labels: (n,) int64 identities. One that occurs several times moves once, to the mean of its losses (the
                public code never has two clips of a person in a batch).
            losses: (n,) float, of both classifiers together.
        """
        losses = losses.to(self.loss_mean.dtype)
        count = torch.zeros_like(self.loss_mean).index_add_(0, labels, torch.ones_like(losses))
        total = torch.zeros_like(self.loss_mean).index_add_(0, labels, losses)
        moved = KEPT * self.loss_mean + (1 - KEPT) * total / count.clamp(min=1)
        self.loss_mean.copy_(torch.where(count > 0, moved, self.loss_mean))

    @torch.no_grad()
    def update(self) -> None:
        """Take further identities into use; nothing happens where enough are, or where the weights were given."""
        if self.is_given:
            return
        n_people = len(self.weight)
        if int(self.n_updates) == 0:
            self.weight.zero_()
            share = self.first_share
        elif self.active_share >= FULL_SHARE:
            return
        else:
            self.weight *= DECAY
            share = GROWTH_SHARE
        # At least one, or a data set of forty people would stand still; the public code has 924.
        n_new = max(1, math.floor(share * n_people + 1e-9))
        unused = torch.nonzero(self.weight == 0).flatten()
        easiest = torch.argsort(self.loss_mean[unused], stable=True)[:n_new]
        self.weight[unused[easiest]] = 1.0
        self.n_updates += 1

    def of(self, labels: Tensor) -> Tensor:
        """Return (n,) float32, the weights of the identities of a batch, scaled so that all identities average 1.

        Where the batch has nobody in use, its rows get 1: a step that teaches nothing would be lost.
        """
        found = (self.weight * (len(self.weight) / self.weight.sum()))[labels]
        return torch.where(found.sum() < BARELY, found + 1, found)

    @torch.no_grad()
    def load(self, weight: Tensor, people: Tensor | None = None) -> None:
        """Take finished weights, which no update changes any more.

        Args:
            weight: (n_people,) float, 0 or more, not all 0.
            people: (n_people,) or (n_people, names a person) int64, the `person_numbers` of whom each weight is of, in
                any order; each identity takes its own. None: the weights are in the order of the identities.

        Raises:
            DataError: the shape is another, or a weight is negative or not finite, or all are 0; the weights are of
                other people, or the identities have no names to find theirs by.
        """
        if weight.shape != self.weight.shape:
            raise DataError(
                f"Identity weights must be one for each of the {len(self.weight)} training identities. Got shape "
                f"{tuple(weight.shape)}. Make them with a first run on the same people."
            )
        if not bool(torch.isfinite(weight).all()) or bool((weight < 0).any()) or not bool((weight > 0).any()):
            raise DataError("Identity weights must be finite, 0 or more, and not all 0. Make them with a first run.")
        self.weight.copy_(weight if people is None else weight[self._places(people)])
        self.n_updates.fill_(GIVEN)

    def _places(self, people: Tensor) -> Tensor:
        """Return (n_people,) int64, the place of each identity among people that come in another order."""
        if len(people) != len(self.weight):
            raise DataError(
                f"Identity weights must be one for each person of their order. Got {len(self.weight)} weights and "
                f"{len(people)} people. Give the order that they were made in."
            )
        if bool((self.people == NOBODY).all()):
            raise DataError("The training identities have no names to find their weights by. Train on named people.")
        place_of = {number: place for place, row in enumerate(people.tolist()) for number in _as_list(row)}
        places = [place_of.get(number) for number in self.people.tolist()]
        missing = places.count(None)
        if missing or len(set(places)) < len(places):
            raise DataError(
                f"Identity weights must be of the people in training. Got none for {missing} of {len(places)}. "
                "Make them with a first run on the same people."
            )
        return torch.tensor([place for place in places if place is not None])


def _as_list(row: int | list[int]) -> list[int]:
    return row if isinstance(row, list) else [row]

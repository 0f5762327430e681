"""SVHF-Net's binary matching: given a voice and two faces, which of them is it; and a face and two voices likewise.

Lower is better: log(2) is what blindness costs, whatever the batch; the floor is 0.

Needs: paired rows; `labels` where a person may be in a batch twice, `mask` for further pairs that are no negatives.
Relations: with the head "difference" it is the logistic cousin of `visavox.objectives.triplet` without a margin, and
InfoNCE with one negative at a time; the vectors are compared by cosine, and matching, verification and retrieval all
follow from them. With the head "concatenation", as published, the objective itself learns the decision from the three
vectors: nothing makes them comparable, so that cosine retrieval rests on what the towers happen to share, chance as a
rule. Use `choose` then; it answers the 1:2 question alone. Prefer "difference" for anything else.

Example:
    >>> objective = BinaryMatching(initial_temperature=0.5)
    >>> round(objective(torch.eye(2), torch.eye(2))["loss"].item(), 4)       # log(1 + exp(-1 / 0.5))
    0.1269
    >>> [round(p, 4) for p in objective.choose(torch.eye(2), torch.eye(2), torch.eye(2).flip(0)).tolist()]
    [0.8808, 0.8808]
"""

from __future__ import annotations

import itertools
import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, TrainingFacts, check_pairs, positives_of
from visavox.registry import OBJECTIVES

Head = Literal["difference", "concatenation"]
N_SHIFTS = 4  # negatives a row where every one of them costs a pass through the layers


@OBJECTIVES.register("binary_matching")
class BinaryMatching(Objective):
    """Cross-entropy of the choice between a row's own candidate and another, over both directions.

    With s_ij the dot product of voice i and face j, T the temperature and N_i the negatives of row i:

        difference:    row_i = mean over j in N_i of log(1 + exp(-(s_ii - s_ij) / T))
        concatenation: row_i = mean over j in N_i, and over both orders of the candidates, of the cross-entropy of the
                       two logits that the layers give for [probe, candidate, candidate]

    and the loss is the mean of voices as probes and of faces as probes, which have layers of their own.

    Args:
        initial_temperature: T at the start, `min_temperature` to `max_temperature`; of "difference".
        head: "difference" or "concatenation".
        hidden: length of the first hidden layer of "concatenation", 2 or more; the second has half of it.
        n_negatives: how many following rows, counted in a circle, are asked for negatives, 1 or more. None takes all
            rows for "difference" and 4 for "concatenation".
        min_temperature: lower bound, above 0.
        max_temperature: upper bound.
        learn_temperature: whether the temperature is trained (its logarithm is the parameter) or stays.

    Source: Nagrani et al., 2018, Seeing voices and hearing faces: cross-modal biometric matching, section 3, the
    three-stream static architecture: 3 times 1,024 numbers, layers of 1,024 and 512 with ReLU, two logits. The paper
    draws one negative a row and each order half of the time; here negatives and orders are enumerated. "difference" is
    ours: the same question asked of an embedding.

    Ties and edges: the positive of a row is its own; rows of its label are left out of its negatives. Rows without a
    negative are left out, and a batch of such rows costs 0. Rows of weight 0 still serve as candidates of others. Which
    rows are negatives depends on the order of the batch, unless all are taken.
    """

    def __init__(
        self,
        initial_temperature: float = 0.2,
        *,
        head: Head = "difference",
        hidden: int = 1024,
        n_negatives: int | None = None,
        min_temperature: float = 0.01,
        max_temperature: float = 1.0,
        learn_temperature: bool = True,
    ) -> None:
        """Store the arguments; the layers of "concatenation" are made in `prepare`."""
        super().__init__()
        if not 0 < min_temperature <= initial_temperature <= max_temperature:
            raise ConfigError(
                f"`initial_temperature` must be from {min_temperature:g} to {max_temperature:g} (above 0). "
                f"Got {initial_temperature:g}."
            )
        if head not in get_args(Head):
            raise ConfigError(f"`head` must be one of {', '.join(get_args(Head))}. Got {head!r}.")
        if hidden < 2:
            raise ConfigError(f"`hidden` must be a whole number of at least 2. Got {hidden}.")
        if n_negatives is not None and (type(n_negatives) is not int or n_negatives < 1):
            raise ConfigError(f"`n_negatives` must be a whole number of at least 1, or none. Got {n_negatives!r}.")
        self.initial_temperature = initial_temperature
        self.head = head
        self.hidden = hidden
        self.n_negatives = n_negatives
        self.min_temperature = min_temperature
        self.max_temperature = max_temperature
        self.learn_temperature = learn_temperature
        self.voice_to_face = nn.Sequential()
        self.face_to_voice = nn.Sequential()
        if head == "difference":  # the published layers know no temperature
            start = torch.tensor(math.log(initial_temperature))
            self.log_temperature = nn.Parameter(start, requires_grad=learn_temperature)

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:
        """Make the layers of "concatenation" and draw their weights from U(-b, b), b = 1 / sqrt(inputs)."""
        if self.head == "concatenation":
            self.voice_to_face = _layers(facts.dim, self.hidden, generator)
            self.face_to_voice = _layers(facts.dim, self.hidden, generator)

    @property
    def temperature(self) -> float:
        """The temperature in use; nan for "concatenation", which has none."""
        if self.head == "concatenation":
            return math.nan
        return min(max(math.exp(self.log_temperature.item()), self.min_temperature), self.max_temperature)

    def figures(self) -> dict[str, float]:
        """Return the temperature, where there is one."""
        return {"temperature": self.temperature} if self.head == "difference" else {}

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss and its two directions.

        Args:
            voice: (n, dim) float, rows of length one; row i belongs to row i of `face`.
            face: (n, dim) float, rows of length one.
            labels: (n,) integers; rows of one label are not each other's negatives. None: each row its own.
            weights: (n,) how much each row counts, 0 or more, not all 0. None: all alike.
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other.

        Returns:
            "loss", "voice_to_face_loss" and "face_to_voice_loss", each a scalar; "loss" is their mean.

        Raises:
            ValueError: the shapes of `voice` and `face` differ, or `prepare` was not called for "concatenation".
        """
        check_pairs(voice, face)
        if self.head == "difference":
            with torch.no_grad():  # the bound as a projection: a clamp in the graph would leave no gradient back
                self.log_temperature.clamp_(math.log(self.min_temperature), math.log(self.max_temperature))
        asked = self._asked(len(voice), voice.device) & ~positives_of(labels, len(voice), voice.device)
        given = torch.ones_like(voice[:, 0]) if weights is None else weights
        there = asked if mask is None else asked & mask
        back = asked if mask is None else asked & mask.T
        voice_to_face = self._direction(voice, face, there, given, layers=self.voice_to_face)
        face_to_voice = self._direction(face, voice, back, given, layers=self.face_to_voice)
        return {
            "loss": (voice_to_face + face_to_voice) / 2,
            "voice_to_face_loss": voice_to_face,
            "face_to_voice_loss": face_to_voice,
        }

    def choose(self, voice: Tensor, face_1: Tensor, face_2: Tensor) -> Tensor:
        """Return how likely the first face is the voice's, for any number of questions.

        Args:
            voice: (n, dim) float, rows of length one.
            face_1: (n, dim) float, rows of length one.
            face_2: (n, dim) float, rows of length one.

        Returns:
            (n,) float, 0 to 1.

        Raises:
            ValueError: shapes differ, or `prepare` was not called for "concatenation".
        """
        check_pairs(voice, face_1)
        check_pairs(voice, face_2)
        return torch.sigmoid(self._advantage(voice, face_1, face_2, self.voice_to_face))

    def _asked(self, n: int, device: torch.device) -> Tensor:
        """Return (n, n) bool: which rows each row asks for negatives; itself never."""
        at = torch.arange(n, device=device)
        steps = (at[None] - at[:, None]) % n
        n_asked = self.n_negatives or (n if self.head == "difference" else N_SHIFTS)
        return (steps > 0) & (steps <= n_asked)

    def _direction(
        self, probe: Tensor, candidate: Tensor, negative: Tensor, weights: Tensor, *, layers: nn.Sequential
    ) -> Tensor:
        """Return the mean cost of one modality as probes; `negative` is (n probes, n candidates)."""
        if self.head == "difference":
            score = probe @ candidate.T * torch.exp(-self.log_temperature)
            cost = -nn.functional.logsigmoid(score.diagonal()[:, None] - score)
        else:
            i, j = negative.nonzero(as_tuple=True)  # (n_questions,)
            right_first = self._advantage(probe[i], candidate[i], candidate[j], layers)
            right_second = self._advantage(probe[i], candidate[j], candidate[i], layers)
            both = -(nn.functional.logsigmoid(right_first) + nn.functional.logsigmoid(-right_second)) / 2
            cost = torch.zeros_like(negative, dtype=both.dtype).index_put((i, j), both)
        n_negatives = negative.sum(dim=1)
        row = (cost * negative).sum(dim=1) / n_negatives.clamp(min=1)
        counted = weights * (n_negatives > 0)
        total = counted.sum()
        return (row * counted).sum() / torch.where(total > 0, total, torch.ones_like(total))

    def _advantage(self, probe: Tensor, first: Tensor, second: Tensor, layers: nn.Sequential) -> Tensor:
        """Return (n,) logits of the first candidate against the second."""
        if self.head == "difference":
            return (probe * (first - second)).sum(dim=1) * torch.exp(-self.log_temperature)
        if not len(layers):
            raise ValueError("The head concatenation has no layers yet. Call `prepare` first.")
        logits = layers(torch.cat([probe, first, second], dim=1))  # (n, 2)
        return torch.as_tensor(logits[:, 0] - logits[:, 1])


def _layers(dim: int, hidden: int, generator: torch.Generator) -> nn.Sequential:
    """Return linear layers 3 dim, hidden, hidden / 2, 2, with ReLU between them."""
    sizes = (3 * dim, hidden, hidden // 2, 2)
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes):
        layer = nn.Linear(n_in, n_out, device="meta").to_empty(device="cpu")  # leaves torch's own generator alone
        bound = 1 / math.sqrt(n_in)
        nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
        nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])

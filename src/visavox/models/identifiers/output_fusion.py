"""Fusion of the outputs of two identifiers: added, multiplied or joined, then dense layers to one logit a person.

Published: two vision transformers whose outputs are added; frozen, or trained end to end. What "output" means is not
said there; here it is the feature vector before the last layer, or by name the logits or the probabilities.

Example:
    >>> branch = {"name": "mobilevit", "picture_px": 64}
    >>> network = OutputFusionIdentifier(n_people=3, voice=branch, face=branch, how="add", frozen=True)
    >>> network(voice=torch.rand(2, 1, 128, 110), face=torch.rand(2, 3, 64, 64)).shape
    torch.Size([2, 3])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.identifiers.base import Identifier
from visavox.models.two_branches import Spec, TwoBranches, perceptron
from visavox.registry import IDENTIFIERS

Joining = Literal["add", "multiply", "concatenate"]
Output = Literal["features", "logits", "probabilities"]


@IDENTIFIERS.register("output_fusion")
class OutputFusionIdentifier(TwoBranches):
    """Two branches, one vector of both, dense layers.

    With `of: features` the last layers of the branches are there, so that trained weights fit, but are not used.

    Args:
        n_people: how many people are known; 2 or more.
        voice: specification of an identifier of voices, without `n_people`; its `modality` may be left out.
        face: the same of faces.
        how: "add" and "multiply" number by number, for outputs of one length; "concatenate" for any.
        frozen: whether the branches keep their weights.
        of: "features", "logits" or "probabilities".
        hidden: widths of the dense layers before the last; empty for none.
        dropout: behind each of them, 0 to below 1.

    Raises:
        ConfigError: an argument is outside its range, a branch is missing, or the outputs differ in length.
    """

    def __init__(
        self,
        *,
        n_people: int,
        voice: Spec,
        face: Spec,
        how: Joining = "add",
        frozen: bool = False,
        of: Output = "features",
        hidden: Sequence[int] = (512,),
        dropout: float = 0.5,
    ) -> None:
        """Store the arguments and lay out the layers with random weights."""
        super().__init__(n_people=n_people, voice=voice, face=face, frozen=frozen)
        for name, value, kinds in (("how", how, get_args(Joining)), ("of", of, get_args(Output))):
            if value not in kinds:
                raise ConfigError(
                    f"`{name}` of the identifier 'output_fusion' must be {', '.join(kinds[:-1])} or {kinds[-1]}. "
                    f"Got {value!r}."
                )
        self.how: Joining = how
        self.of: Output = of
        self.hidden = hidden
        self.dropout = dropout
        branches = (self.voice_branch, self.face_branch)
        n_voice, n_face = (branch.feature_dim if of == "features" else n_people for branch in branches)
        if how != "concatenate" and n_voice != n_face:
            raise ConfigError(
                f"Outputs to {how} must have one length. The voice branch has {n_voice}, the face branch {n_face}. "
                f"Take `how: concatenate`, or branches of one length."
            )
        self._n_voice = n_voice
        n_in = n_voice + n_face if how == "concatenate" else n_voice
        self.dense = perceptron(n_in, hidden, dropout=dropout)
        self.feature_dim = hidden[-1] if hidden else n_in
        self.last = nn.Linear(self.feature_dim, n_people)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the last layer reads, (n, feature_dim) float32; arguments as of `forward`."""
        return self._joined(self.frozen_features(voice, face))

    @property
    def has_frozen_part(self) -> bool:
        """Whether the branches stay as they are, so that their outputs need be computed but once a clip."""
        return self.frozen

    def frozen_features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return the outputs of the branches, the voice's first, (n, length of both); arguments as of `forward`."""
        heard, seen = self.needed(voice, face)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            outputs = [self._output(self.voice_branch, voice=heard), self._output(self.face_branch, face=seen)]
            return torch.cat(outputs, dim=1)

    def forward_from(self, frozen: Tensor) -> Tensor:
        """Return logits (n, n_people) float32 of what `frozen_features` returned."""
        logits: Tensor = self.last(self._joined(frozen))
        return logits.float()

    def _joined(self, outputs: Tensor) -> Tensor:
        """(n, feature_dim) float32."""
        from_voice, from_face = outputs[:, : self._n_voice], outputs[:, self._n_voice :]
        if self.how == "add":
            joined = from_voice + from_face
        elif self.how == "multiply":
            joined = from_voice * from_face
        else:
            joined = outputs
        vectors: Tensor = self.dense(joined)
        return vectors.float()

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return logits (n, n_people) float32; arguments and errors as of `Identifier.forward`."""
        return self.forward_from(self.frozen_features(voice, face))

    def _output(self, branch: Identifier, **media: Tensor) -> Tensor:
        """(n, feature_dim of the branch or n_people)."""
        if self.of == "features":
            return branch.features(**media)
        logits: Tensor = branch(**media)
        return logits if self.of == "logits" else torch.softmax(logits, dim=1)

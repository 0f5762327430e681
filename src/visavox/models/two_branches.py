"""What fusions of two identifiers share: one branch hears, the other sees, and the weights of both can come trained.

It is no identifier by itself: a subclass says what becomes of the two outputs.

Example:
    >>> from visavox.registry import IDENTIFIERS
    >>> branch = {"name": "mobilevit", "picture_px": 64, "head_channels": 8}
    >>> spec = {"name": "output_fusion", "voice": branch, "face": branch, "how": "add"}
    >>> fused = IDENTIFIERS.build({**spec, "n_people": 3})
    >>> fused.modalities, fused.face_px
    (('voice', 'face'), 64)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.models.identifiers.base import Identifier, Modality
from visavox.registry import IDENTIFIERS

Spec = Mapping[str, Any]


class TwoBranches(Identifier):
    """An identifier of voice and face made of two identifiers of one modality each.

    Args:
        n_people: how many people are known; 2 or more.
        voice: specification of an identifier of voices, without `n_people`; its `modality` may be left out.
        face: the same of faces.
        frozen: whether the branches stay as they are: no gradient, and no dropout or running statistics in training.

    Attributes:
        voice_branch: the identifier of voices.
        face_branch: the identifier of faces.

    Raises:
        ConfigError: a branch is missing, unknown or of the wrong modality.
    """

    modalities: tuple[Modality, ...] = ("voice", "face")

    def __init__(self, *, n_people: int, voice: Spec, face: Spec, frozen: bool = False) -> None:
        """Store the arguments and build both branches with random weights."""
        super().__init__(n_people=n_people)
        self.voice = dict(voice) if isinstance(voice, Mapping) else voice
        self.face = dict(face) if isinstance(face, Mapping) else face
        self.frozen = frozen
        self.voice_branch = build_branch(voice, "voice", n_people)
        self.face_branch = build_branch(face, "face", n_people)
        self.face_px = self.face_branch.face_px
        if frozen:
            self.voice_branch.requires_grad_(requires_grad=False).eval()
            self.face_branch.requires_grad_(requires_grad=False).eval()

    def load_branches(self, voice_state: Mapping[str, Tensor], face_state: Mapping[str, Tensor]) -> None:
        """Take the trained weights of both branches, the `state_dict` of identifiers of the same specifications.

        Raises:
            DataError: names or shapes are not those of a branch.
        """
        branches = (("voice", self.voice_branch, voice_state), ("face", self.face_branch, face_state))
        for modality, branch, state in branches:
            wanted = {name: tuple(tensor.shape) for name, tensor in branch.state_dict().items()}
            given = {name: tuple(tensor.shape) for name, tensor in state.items()}
            differing = sorted(name for name in wanted | given if wanted.get(name) != given.get(name))
            if differing:
                raise DataError(
                    f"The weights for the {modality} branch of {type(self).__name__} are of another network: "
                    f"{len(differing)} tensors differ, {differing[0]!r} first. Take those of the same specification."
                )
        self.voice_branch.load_state_dict(dict(voice_state))
        self.face_branch.load_state_dict(dict(face_state))

    def train(self, mode: bool = True) -> TwoBranches:
        """Switch between training and use; frozen branches stay in use."""
        super().train(mode)
        if self.frozen:
            self.voice_branch.eval()
            self.face_branch.eval()
        return self


def build_branch(spec: Spec, modality: Modality, n_people: int) -> Identifier:
    """Return a new identifier of one modality.

    Args:
        spec: its name and arguments, without `n_people`; a `modality` that is left out is filled in.
        modality: what it must need, alone.
        n_people: how many people are known.

    Raises:
        ConfigError: it is no mapping with a name, or needs another modality.
    """
    if not isinstance(spec, Mapping) or "name" not in spec:
        raise ConfigError(
            f"The fusion needs a {modality} branch, which is missing. Give `{modality}: {{name: ...}}`, or the trained "
            f"network by `from: {{{modality}: ...}}`. Got {spec!r}."
        )
    branch: Identifier = IDENTIFIERS.build({"modality": modality, **spec, "n_people": n_people})
    if branch.modalities != (modality,):
        raise ConfigError(
            f"The {modality} branch of a fusion must need a {modality} alone. The identifier {spec['name']!r} given "
            f"for it needs {' and '.join(branch.modalities)}. Name a network of {modality}s."
        )
    return branch


def perceptron(n_in: int, widths: Sequence[int], *, dropout: float) -> nn.Sequential:
    """Return dense layers, each followed by GELU and dropout; without widths a pass-through.

    Raises:
        ConfigError: a width is no whole number of 1 or more, or `dropout` is not 0 to below 1.
    """
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in widths):
        raise ConfigError(f"Widths of dense layers must be whole numbers of 1 or more. Got {widths!r}.")
    if not 0 <= dropout < 1:
        raise ConfigError(f"`dropout` must be 0 to below 1. Got {dropout}.")
    layers: list[nn.Module] = []
    for before, after in zip([n_in, *widths], widths, strict=False):
        layers += [nn.Linear(before, after), nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers)

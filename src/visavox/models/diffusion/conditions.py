"""What a batch of drawings is told: values of each kind of condition, each with whether it is known.

A value that is not known is not a value: its row of `known` is false, and what stands there is ignored. So "told
nothing", which classifier-free guidance needs, is a batch in which nothing is known.

Example:
    >>> told = nothing_told(2, voice_dim=256)
    >>> told.with_values(gender=torch.tensor([1, 0]), gender_known=torch.tensor([True, True])).known("gender").tolist()
    [True, True]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

GENDERS = ("female", "male")
ETHNICITIES = ("white", "black", "asian", "indian", "latino", "middle eastern", "other")
"""UTKFace's five and the two more of the published system, a row of its own each."""
LANGUAGES = (
    *("arabic", "basque", "breton", "catalan", "chinese (china)", "chinese (hong kong)", "chinese (taiwan)"),
    *("chuvash", "czech", "dhivehi", "dutch", "english", "esperanto", "estonian", "french", "frisian", "georgian"),
    *("german", "greek", "hakha chin", "indonesian", "interlingua", "italian", "japanese", "kabyle", "kinyarwanda"),
    *("kyrgyz", "latvian", "maltese", "mongolian", "persian", "polish", "portuguese", "romanian", "romansh"),
    *("russian", "sakha", "slovenian", "spanish", "swedish", "tamil", "tatar", "turkish", "ukrainian", "welsh"),
)
"""The 45 of CommonLanguage; the published system gave Portuguese and Spanish one row."""
MEL_VALUES = 80
"""Mean and deviation of 40 bands of one segment."""
GUIDE_PX, BLURRED_PX = 8, 16
"""Sides at which a guide and a blurred guide are taken in."""
MAX_WINDOWS, MAX_SEGMENTS = 8, 8
"""Most windows of a voice, and most segments of mel features, in one sequence."""
ATTRIBUTES = ("age", "gender", "ethnicity", "language")
CHOICES: Mapping[str, tuple[str, ...]] = {"gender": GENDERS, "ethnicity": ETHNICITIES, "language": LANGUAGES}


@dataclass(frozen=True, eq=False)
class Told:
    """n rows of conditions; all tensors on one device."""

    voice: Tensor
    """(n, voice_dim) float32."""
    voice_known: Tensor
    """(n,) bool, as are all `*_known` without a second axis."""
    windows: Tensor
    """(n, MAX_WINDOWS, voice_dim) float32."""
    windows_known: Tensor
    """(n, MAX_WINDOWS) bool."""
    mel: Tensor
    """(n, MAX_SEGMENTS, MEL_VALUES) float32."""
    mel_known: Tensor
    """(n, MAX_SEGMENTS) bool."""
    age: Tensor
    """(n,) float32, years."""
    age_known: Tensor
    gender: Tensor
    """(n,) int64 index into `GENDERS`."""
    gender_known: Tensor
    ethnicity: Tensor
    """(n,) int64 index into `ETHNICITIES`."""
    ethnicity_known: Tensor
    language: Tensor
    """(n,) int64 index into `LANGUAGES`."""
    language_known: Tensor
    guide: Tensor
    """(n, 3, GUIDE_PX, GUIDE_PX) float32 in 0..1."""
    guide_known: Tensor
    blurred_guide: Tensor
    """(n, 3, BLURRED_PX, BLURRED_PX) float32 in 0..1."""
    blurred_guide_known: Tensor

    def __len__(self) -> int:
        return len(self.voice)

    def known(self, kind: str) -> Tensor:
        """Return (n,), or (n, length) for windows and mel, bool: what is known of a kind."""
        found: Tensor = getattr(self, f"{kind}_known")
        return found

    def with_values(self, **values: Tensor) -> Told:
        """Return a copy with some tensors replaced."""
        return replace(self, **values)

    def without(self, dropped: Mapping[str, Tensor]) -> Told:
        """Return a copy in which some rows do not know some kinds.

        Args:
            dropped: kind -> (n,) bool, true where it is forgotten.
        """
        changed = {}
        for kind, rows in dropped.items():
            known = self.known(kind)
            changed[f"{kind}_known"] = known & ~(rows if known.ndim == 1 else rows[:, None])
        return replace(self, **changed)

    def only(self, kinds: Iterable[str]) -> Told:
        """Return a copy in which nothing but some kinds is known."""
        kept = set(kinds)
        others = [item.name for item in fields(self) if item.name.endswith("_known")]
        changed = {name: torch.zeros_like(getattr(self, name)) for name in others if name[:-6] not in kept}
        return replace(self, **changed)

    def rows(self, chosen: Tensor) -> Told:
        """Return some rows, given as (m,) int64."""
        return Told(**{item.name: getattr(self, item.name)[chosen] for item in fields(self)})

    def to(self, device: torch.device | str) -> Told:
        """Return the same on a device."""
        return Told(**{item.name: getattr(self, item.name).to(device) for item in fields(self)})


def joined(first: Told, second: Told) -> Told:
    """Return the rows of two batches, one after the other."""
    names = [item.name for item in fields(first)]
    return Told(**{name: torch.cat([getattr(first, name), getattr(second, name)]) for name in names})


def nothing_told(n: int, *, voice_dim: int) -> Told:
    """Return n rows in which nothing is known."""
    no = torch.zeros(n, dtype=torch.bool)
    return Told(
        voice=torch.zeros(n, voice_dim),
        voice_known=no,
        windows=torch.zeros(n, MAX_WINDOWS, voice_dim),
        windows_known=torch.zeros(n, MAX_WINDOWS, dtype=torch.bool),
        mel=torch.zeros(n, MAX_SEGMENTS, MEL_VALUES),
        mel_known=torch.zeros(n, MAX_SEGMENTS, dtype=torch.bool),
        age=torch.zeros(n),
        age_known=no,
        gender=torch.zeros(n, dtype=torch.int64),
        gender_known=no,
        ethnicity=torch.zeros(n, dtype=torch.int64),
        ethnicity_known=no,
        language=torch.zeros(n, dtype=torch.int64),
        language_known=no,
        guide=torch.zeros(n, 3, GUIDE_PX, GUIDE_PX),
        guide_known=no,
        blurred_guide=torch.zeros(n, 3, BLURRED_PX, BLURRED_PX),
        blurred_guide_known=no,
    )

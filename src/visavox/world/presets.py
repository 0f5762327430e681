"""Worlds by name: how much their voices tell about their faces, settled once and stored as numbers.

The numbers come from `visavox.world.ceiling_solver.solve_population`, rounded to 4 digits; a test measures what they
lead to. Planted shortcuts are none: `dataclasses.replace(PRESETS["human"], leaks=...)` adds them.

Example:
    >>> sorted(PRESETS)
    ['default', 'human']
    >>> find_preset("hunan")
    Traceback (most recent call last):
    ...
    visavox.errors.UnknownNameError: Unknown preset 'hunan'. Did you mean 'human'? Known: default, human.
"""

from __future__ import annotations

from collections.abc import Mapping

from visavox.errors import UnknownNameError
from visavox.world.population import DIMENSIONS, Population

PRESETS: Mapping[str, Population] = {
    "default": Population(),
    "human": Population(correlations=(0.4455,) * len(DIMENSIONS), face_reliability=0.9753, voice_reliability=0.9753),
}
"""The name of each world and its population.

- "default": ceilings 0.960 between people of one sex and 0.995 between the sexes: much can be learned from a small
  world, and being wrong stays possible.
- "human": ceilings 0.780 and 0.967, what people reach in the FaceTones game (1,825 and 1,025 answers): voices tell as
  much about faces as people are able to hear and see.
"""


def find_preset(name: str) -> Population:
    """Return the population of a preset.

    Args:
        name: a key of `PRESETS`.

    Raises:
        UnknownNameError: there is none of this name.
    """
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    return PRESETS[name]

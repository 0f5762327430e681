"""Classes of diffusers without what they load beside.

Its networks look for transformers, and load much of it where it is installed: two seconds of a cold start, for
text encoders and adapters that nothing here uses. While a class is brought in, diffusers is told that transformers is
not there.

Example:
    >>> import_from_diffusers("diffusers.schedulers.scheduling_ddpm", "DDPMScheduler").__name__
    'DDPMScheduler'
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_FLAG = "_transformers_available"


def import_from_diffusers(module: str, name: str) -> Any:
    """Return a class of diffusers.

    Args:
        module: full name of the module that defines it.
        name: of the class.

    What was found about transformers is found again afterwards, so that other code of the process is not misled; where
    transformers is loaded already, nothing is hidden.
    """
    checks = importlib.import_module("diffusers.utils.import_utils")
    found = getattr(checks, _FLAG, None)
    if found is None or "transformers" in sys.modules:
        return getattr(importlib.import_module(module), name)
    setattr(checks, _FLAG, False)
    try:
        return getattr(importlib.import_module(module), name)
    finally:
        setattr(checks, _FLAG, found)

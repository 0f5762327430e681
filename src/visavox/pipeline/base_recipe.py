"""The recipe of the associator in the box.

It was chosen by cross-validation inside the training people alone; docs/choosing-the-base-model.md tells how, and
what else was tried. The encoders it was chosen with are the defaults of `visavox embed`.

Example:
    >>> ASSOCIATOR["name"]
    'cca'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ASSOCIATOR: Mapping[str, Any] = {
    "name": "cca",
    "n_components": 64,
    "ridge_voice": 10.0,
    "ridge_face": 20.0,
    "power_voice": 0.1,
    "power_face": 1.1,
}

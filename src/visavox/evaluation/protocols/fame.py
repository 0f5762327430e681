"""Protocol "fame": the test lists of the FAME challenges on MAV-Celeb, one a language.

Verification only, and the equal error rate decides. The challenge takes a file of distances, where small means one
person: the L2 distance of the two unit vectors, which orders pairs as their cosine does in reverse. Where the
organisers keep the labels there is that file and no figure.

Source: Saeed et al., "Face-voice Association in Multilingual Environments (FAME) Challenge", 2024;
github.com/mavceleb/mavceleb_baseline.

Example:
    >>> distances(np.array([1.0, 0.0, -1.0])).round(4).tolist()
    [0.0, 1.4142, 2.0]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.listed_protocol import ListedProtocol
from visavox.registry import PROTOCOLS


@PROTOCOLS.register("fame")
class Fame(ListedProtocol):
    """Test lists of the FAME challenges."""

    name = "fame"
    about = "FAME challenge on MAV-Celeb: the equal error rate of each test language decides"


def distances(cosines: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the L2 distance of two unit vectors from their cosine, (n,) float64 from 0 to 2."""
    return np.sqrt(np.maximum(2.0 - 2.0 * np.asarray(cosines, dtype=np.float64), 0.0))

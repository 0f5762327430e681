"""Protocol "sss": the lists of Seeking the Shape of Sound, VoxCeleb1 with frontal stills of VGGFace.

924 / 112 / 189 identities; matching, verification and retrieval in both directions, once unrestricted ("all") and once
within a gender ("same_gender"). Scores are cosines. AaSM and the LAFV and FV-CME rows of its tables used it too. It is
not comparable with `pins`, whose people, faces and lists are others.

Source: Wen et al., "Seeking the Shape of Sound: An Adaptive Framework for Learning Voice-Face Association", CVPR 2021,
section 4; github.com/KID-7391/seeking-the-shape-of-sound, eval.py.

Example:
    >>> from visavox.registry import PROTOCOLS
    >>> PROTOCOLS.build("sss").name
    'sss'
"""

from __future__ import annotations

from visavox.evaluation.listed_protocol import ListedProtocol
from visavox.registry import PROTOCOLS


@PROTOCOLS.register("sss")
class Sss(ListedProtocol):
    """Published lists of Seeking the Shape of Sound."""

    name = "sss"
    about = (
        "Seeking the Shape of Sound (CVPR 2021): VoxCeleb1 voices, frontal VGGFace stills, 924 / 112 / 189 identities"
    )

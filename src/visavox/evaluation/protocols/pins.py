"""Protocol "pins": the lists of Learnable PINs as CMPC published them, VoxCeleb1 with frames of the same videos.

901 / 100 / 250 identities. Verification by strata (all, gender "same_gender", nationality, age, and the three together)
on people never met ("unseen_unheard") and on new files of people of the training set ("seen_heard"); matching and
retrieval on the former. Scores are cosines, which order unit vectors as their L2 distance does. It is not comparable
with `sss`, whose people, faces and lists are others.

Source: Nagrani et al., "Learnable PINs: Cross-modal embeddings for person identity", ECCV 2018, section 5;
github.com/Cocoxili/CMPC for the lists.

Example:
    >>> from visavox.registry import PROTOCOLS
    >>> PROTOCOLS.build("pins").name
    'pins'
"""

from __future__ import annotations

from visavox.evaluation.listed_protocol import ListedProtocol
from visavox.registry import PROTOCOLS


@PROTOCOLS.register("pins")
class Pins(ListedProtocol):
    """Published lists of Learnable PINs and CMPC."""

    name = "pins"
    about = "Learnable PINs (ECCV 2018) with the lists of CMPC: VoxCeleb1 voices and frames, 901 / 100 / 250 identities"

"""What decides which face of a clip is kept and how it is cut.

Example:
    >>> FaceSettings().resolved_margin, FaceSettings(crop="box").resolved_margin
    (0.5, 0.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Crop = Literal["aligned", "box", "first_frame"]


@dataclass(frozen=True)
class FaceSettings:
    """Stored with the catalog, so that a corpus is of one making; ranges are those of `PrepareConfig`."""

    detector: str = "mtcnn"
    """Registered name of the face detector."""
    crop: Crop = "aligned"
    """Aligned and upright; the detector's box; or the largest square about the given place in the first frame."""
    margin: float | None = None
    """Room around the face, in parts of its square or box; None is what the crop usually has."""
    n_faces: int = 1
    """Faces kept of each clip, the best first."""
    frames_per_s: float = 2.0
    """Frames a second in which faces are searched."""
    min_face_px: float = 40.0
    """Width of the smallest face that is kept."""
    min_sharpness: float = 3.0
    """Sharpness of the most blurred face that is kept."""
    min_frontality: float = 0.1
    """Frontality of the most turned face that is kept, 0 to 1."""
    keep_faceless: bool = True
    """Keep the centre of a still image without a face, marked so."""
    max_batch: int = 32
    """Frames that the detector takes at once, at most."""

    @property
    def resolved_margin(self) -> float:
        """The margin, or what the crop usually has: 0.5 aligned, 0 for a box."""
        if self.margin is not None:
            return self.margin
        return 0.5 if self.crop == "aligned" else 0.0

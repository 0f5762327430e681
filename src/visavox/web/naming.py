"""The enrolled people of a service: who is it, of those that it knows?

Example:
    desk = PeopleDesk(Path("people"), Compute(), lanes_of)
    desk.answer([asked_with("face", "a.jpg", seen)], top=5, false_accept=None, combine="scores").name
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from visavox.errors import ConfigError
from visavox.identification_config import IdentifyConfig
from visavox.pipeline.enrolled_folder import EnrolledFolder, saved_at
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.identification_outcome import IdentificationOutcome
from visavox.pipeline.identifying import Asked, answer
from visavox.pipeline.media_vectors import MediaEncoder
from visavox.web.encoding import EncodingLanes

Combine = Literal["scores", "sum", "max"]


class PeopleDesk:
    """Names people of one folder that `visavox enroll` wrote.

    Args:
        folder: of the people.
        compute: where and how their encoders run.
        model_media: the way of the service's model from files to vectors, used where that of the people is the same.
        lanes_of: makes the way from uploads to vectors.
    """

    def __init__(
        self,
        folder: Path,
        compute: Compute,
        model_media: MediaEncoder,
        lanes_of: Callable[[MediaEncoder], EncodingLanes],
    ) -> None:
        """Read the people.

        Raises:
            ConfigError: nobody is enrolled.
            DataError: the folder holds no enrolled people, or is damaged.
        """
        self.folder = folder
        self._lock = threading.Lock()
        self._saved_at = saved_at(folder)
        self._enrolled = EnrolledFolder.load(folder)
        if not self._enrolled.people.names:
            raise ConfigError(
                f"Nobody is enrolled in {folder}. Enrol people with: visavox enroll --pairs FOLDER --out {folder}"
            )
        is_same = self._enrolled.recipe == model_media.recipe
        self.media = model_media if is_same else MediaEncoder(self._enrolled.recipe, compute)
        self.lanes: EncodingLanes | None = None if is_same else lanes_of(self.media)
        """Its own way from uploads to vectors; None where that of the model serves."""

    def enrolled(self) -> EnrolledFolder:
        """Return the people as they are enrolled now.

        Raises:
            DataError: somebody has damaged the folder, or made it anew with other encoders.
        """
        with self._lock:
            now = saved_at(self.folder)
            if now != self._saved_at:
                fresh = EnrolledFolder.load(self.folder)
                if fresh.recipe != self._enrolled.recipe:
                    raise ConfigError(f"{self.folder} was made anew with other encoders. Start the service again.")
                self._enrolled, self._saved_at = fresh, now
            return self._enrolled

    def answer(
        self, asked: Sequence[Asked], *, top: int, false_accept: float | None, combine: Combine
    ) -> IdentificationOutcome:
        """Return who it is, as `visavox identify` says it; arguments as there.

        Raises:
            ConfigError: a number is out of range.
        """
        files = {one.about.modality: Path(one.about.file) for one in asked}
        config = IdentifyConfig(
            people=Path(self.folder.name),
            face=files.get("face"),
            voice=files.get("voice"),
            top=top,
            false_accept=false_accept,
            combine=combine,
        )
        return answer(self.enrolled().people, asked, config)

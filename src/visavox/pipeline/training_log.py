"""The numbers of a training run on disk: `metrics.jsonl`, one line an epoch, and TensorBoard events.

A resumed run first drops the lines of epochs that it is going to repeat, so the file always tells one story.

Example:
    >>> import tempfile
    >>> place = RunPlace(Path(tempfile.mkdtemp()), tensorboard=False)
    >>> with TrainingLog(place, after_epoch=0) as log:
    ...     log.write_epoch({"epoch": 1, "loss": 2.5}, {})
    >>> read_metrics(place.folder)
    [{'member': '0', 'epoch': 1, 'loss': 2.5}]
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from visavox.errors import DataError, MissingDependencyError
from visavox.persistence import writing
from visavox.pipeline.monitoring import PairFigures

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


@dataclass(frozen=True)
class RunPlace:
    """Where a run leaves its numbers and its state, and what it writes beside them."""

    folder: Path
    """Folder of the run."""
    member: str = "0"
    """Name of the network within the run."""
    tensorboard: bool = True
    """Write TensorBoard events besides `metrics.jsonl`."""
    voice_ceiling_positive: float | None = None
    """Mean similarity of two halves of one clip's voice under the voice encoder alone."""
    voice_ceiling_negative: float | None = None
    """Mean similarity of the voices of two clips under the voice encoder alone."""

    @property
    def ceilings(self) -> dict[str, float]:
        """The ceilings that are known, under their names."""
        given = {
            "voice_ceiling_positive": self.voice_ceiling_positive,
            "voice_ceiling_negative": self.voice_ceiling_negative,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def member_folder(self) -> Path:
        """Folder of this network's state."""
        return self.folder / f"member-{self.member}"


class TrainingLog:
    """Writes one network's lines to the metrics file of its run.

    Args:
        place: the run; its folder is made when missing.
        after_epoch: the last epoch that counts as done; later lines of this network are dropped.

    Raises:
        MissingDependencyError: TensorBoard is wanted and not installed.
        DataError: the folder cannot be written to.
    """

    def __init__(self, place: RunPlace, *, after_epoch: int) -> None:
        """Drop the lines that will be written again and open the event file."""
        self.place = place
        self.after_epoch = after_epoch
        self._path = place.folder / METRICS_FILE
        self._drop_later_lines()
        self._writer = self._open_writer() if place.tensorboard else None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the event file, also when the run is interrupted."""
        if self._writer is not None:
            self._writer.close()

    def write_epoch(self, numbers: Mapping[str, float | int], figures: Mapping[str, PairFigures]) -> None:
        """Append the line of an epoch, and a TensorBoard point for each of its numbers.

        Args:
            numbers: "epoch" and what the training itself measured: losses, temperature, learning rate, seconds.
            figures: name of a set ("train", "validation") -> how its pairs look.

        Raises:
            DataError: the line cannot be written.

        Ties and edges: nan is null in the line and left out of TensorBoard.
        """
        sets = {(name, figure): value for name, of in figures.items() for figure, value in _scalars(of).items()}
        record = {"member": self.place.member, **numbers}
        record |= {f"{name}_{figure}": value for (name, figure), value in sets.items()}
        record |= self.place.ceilings
        points = {f"train/{name}": value for name, value in numbers.items() if name not in ("epoch", "step")}
        points |= {f"{name}/{figure}": value for (name, figure), value in sets.items()}
        points |= {f"train/{name}": value for name, value in self.place.ceilings.items()}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({name: _finite(value) for name, value in record.items()}) + "\n")
            if self._writer is not None:
                for tag, value in points.items():
                    if math.isfinite(value):
                        self._writer.add_scalar(tag, value, numbers["epoch"])
                self._writer.flush()
        except OSError as error:
            raise DataError(f"Cannot write {self._path}: {error.strerror}. Free some space.") from error

    def _drop_later_lines(self) -> None:
        kept = [
            record
            for record in read_metrics(self.place.folder)
            if record.get("member") != self.place.member or record.get("epoch", 0) <= self.after_epoch
        ]
        text = "".join(json.dumps(record) + "\n" for record in kept)
        with writing(self._path) as fresh:
            fresh.write_text(text, encoding="utf-8")

    def _open_writer(self) -> Any:
        try:
            module = importlib.import_module("torch.utils.tensorboard")
        except ImportError as error:
            raise MissingDependencyError(
                "TensorBoard is not installed. Install it (pip install tensorboard) or train without its events."
            ) from error
        events = self.place.folder / TENSORBOARD_FOLDER / f"member-{self.place.member}"
        return module.SummaryWriter(str(events), purge_step=self.after_epoch + 1)


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's metrics file in order; none when there is no file.

    A last line that was cut off by a kill is left out.

    Raises:
        DataError: another line is not a JSON object.
    """
    path = folder / METRICS_FILE
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise DataError(f"Line {number} of {path} is not JSON. Remove the line or the file.") from error
        records.append(dict(record))
    return records


def _scalars(figures: PairFigures) -> dict[str, float]:
    return {**asdict(figures), "matching_score": figures.matching_score}


def _finite(value: float | int | str) -> float | int | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value

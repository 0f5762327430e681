"""The folder of a run of `train --task reconstruction`: its claim on what is in it, and what is done.

    run/config.yaml          what decides the run; a resumed one must have the same
    run/generator/           what draws, part by part: see `visavox.pipeline.drawing.generator_folder`
    run/stages/faces.json    that a stage is done, with which settings, and its figures
    run/metrics.jsonl, tensorboard/, member-*/     numbers and states of trainings
    run/pictures/, voices/   what was read, addressed by content; kept when a run is started anew

Example:
    folder = claim_run(Path("runs/portrait"), {"drawing": {...}, "seed": 0}, overwrite=False)
    folder.figures("faces", {"data": "1f3a"})      # None: it is not done
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from visavox.corpus.atomic_file import atomic_file
from visavox.errors import ConfigError, DataError
from visavox.pipeline.training_log import METRICS_FILE, TENSORBOARD_FOLDER

CONFIG, GENERATOR, STAGES = "config.yaml", "generator", "stages"
PICTURES, VOICES = "pictures", "voices"


@dataclass(frozen=True)
class ReconstructionFolder:
    """A claimed folder."""

    path: Path

    @property
    def generator(self) -> Path:
        """Folder of the generator."""
        return self.path / GENERATOR

    def figures(self, stage: str, identity: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the figures of a stage that is done; None where it is not.

        Args:
            stage: its name.
            identity: what must be the same for it to count as done.

        Raises:
            DataError: it was done with something else, or its file is damaged.
        """
        file = self._file(stage)
        if not file.is_file():
            return None
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            was, figures = dict(found["identity"]), dict(found["figures"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file} is damaged. Remove it to do the stage {stage} again.") from error
        wanted = plain(identity)
        other = sorted(key for key in {*was, *wanted} if was.get(key) != wanted.get(key))
        if other:
            raise DataError(
                f"The stage {stage} of {self.path} was done with another {' and another '.join(other)}. "
                "Choose another folder, or start anew with --overwrite."
            )
        return figures

    def done(self, stage: str, identity: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
        """Write that a stage is done, whose results are on disk already; return its figures as JSON gives them back.

        Raises:
            DataError: the file cannot be written.
        """
        with atomic_file(self._file(stage), what="mark of a stage") as fresh:
            text = json.dumps({"identity": plain(identity), "figures": plain(figures)}, indent=1)
            fresh.write_text(text + "\n", encoding="utf-8")
        return plain(figures)

    def _file(self, stage: str) -> Path:
        return self.path / STAGES / f"{stage}.json"


def claim_run(out: Path, wanted: Mapping[str, Any], *, overwrite: bool) -> ReconstructionFolder:
    """Write what decides the run to config.yaml, or hold an existing one against it.

    Args:
        out: the folder.
        wanted: what decides the run.
        overwrite: remove what an earlier run left, but not what was read from pictures and voices.

    Raises:
        ConfigError: `out` is a file, or holds other files.
        DataError: it holds a run of other settings, or a damaged one.
    """
    path, identity = out / CONFIG, plain(wanted)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"`out` must be a folder. {out} is a file. Choose another name.")
    if path.is_file() and not overwrite:
        found = _read(path)
        other = _differences(found, identity)
        if other:
            raise DataError(
                f"{out} holds a run with other settings: {', '.join(other)}. "
                "Choose another folder, or start anew with --overwrite."
            )
        return ReconstructionFolder(out)
    if out.exists() and any(out.iterdir()) and not path.is_file():
        raise ConfigError(
            f"`out` must be a new or empty folder, or a run. {out} holds other files. Choose another folder."
        )
    for name in (STAGES, GENERATOR, TENSORBOARD_FOLDER, *(member.name for member in out.glob("member-*"))):
        if (out / name).is_dir():
            shutil.rmtree(out / name)
    (out / METRICS_FILE).unlink(missing_ok=True)
    with atomic_file(path, what="settings of the run") as fresh:
        fresh.write_text(yaml.safe_dump(identity, sort_keys=False), encoding="utf-8")
    return ReconstructionFolder(out)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON gives them back; paths are texts."""
    return dict(json.loads(json.dumps(dict(values), default=str)))


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any], above: str = "") -> list[str]:
    """Return the dotted names of what differs, in order."""
    other: list[str] = []
    for key in sorted({*found, *wanted}):
        was, now = found.get(key), wanted.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            other += _differences(was, now, f"{above}{key}.")
        elif was != now:
            other.append(f"{above}{key}")
    return other


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged. Start the run anew with --overwrite.") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} is damaged: it holds no settings. Start the run anew with --overwrite.")
    return found

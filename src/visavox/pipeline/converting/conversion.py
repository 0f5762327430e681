"""From a published checkpoint to a folder of ours: which system wrote it, does it fit, what is kept.

A system is recognised by its keys: of all manifests the one is taken with which the checkpoint has the largest share
of keys in common. Then every key and shape must fit.

Example:
    outcome = convert_checkpoint(ConvertConfig(checkpoint=Path("best.pth.tar"), out=Path("sss")))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from visavox.errors import DataError, one_line
from visavox.method_config import ConvertConfig
from visavox.pipeline.converting import facetones, fop, speechbrain, sss, voxceleb_trainer
from visavox.pipeline.converting.checkpoint_reading import PublishedState, read_state
from visavox.pipeline.converting.converted import Converted, write_converted
from visavox.pipeline.converting.manifest import Manifest, load_manifest

KINDS: Mapping[str, ModuleType] = {
    "sss": sss,
    "fop": fop,
    "facetones": facetones,
    "voxceleb_trainer": voxceleb_trainer,
    "speechbrain": speechbrain,
}
LEAST_LIKENESS = 0.5
"""Share of keys in common below which no system is recognised."""


@dataclass(frozen=True)
class ConvertOutcome:
    """What `convert` has to say."""

    out: Path
    """The folder, or the file where it is one table."""
    kind: str
    """The system."""
    manifest: str
    """Which of its sorts of checkpoint."""
    what: str
    """What was written."""
    n_parameters: int
    """Numbers kept."""
    left_out: tuple[str, ...]
    """What the checkpoint held and the folder does not."""
    notes: tuple[str, ...]
    """What to know before using it."""


def convert_checkpoint(config: ConvertConfig) -> ConvertOutcome:
    """Read, recognise, check and write.

    Raises:
        DataError: the file cannot be read, holds code, is of no known system, does not fit it, or `out` cannot be
            written.
    """
    state = read_state(config.checkpoint)
    kind, manifest = recognised(state, config.kind)
    sizes = manifest.fit(state, remedy=KINDS[kind].REMEDY)
    converted: Converted = KINDS[kind].convert(manifest.completed(state), manifest, sizes)
    write_converted(converted, config.out, overwrite=config.overwrite)
    return ConvertOutcome(
        out=config.out,
        kind=kind,
        manifest=manifest.name,
        what=converted.what,
        n_parameters=converted.n_parameters,
        left_out=converted.left_out,
        notes=converted.notes,
    )


def recognised(state: PublishedState, kind: str) -> tuple[str, Manifest]:
    """Return the system of a checkpoint and the manifest that is most like it.

    Args:
        state: the checkpoint.
        kind: a system, or "auto".

    Raises:
        DataError: "auto", and no system has half of its keys.
    """
    kinds = list(KINDS) if kind == "auto" else [kind]
    candidates = [(name, load_manifest(manifest)) for name in kinds for manifest in KINDS[name].MANIFESTS]
    best = max(candidates, key=lambda candidate: candidate[1].likeness(state.tensors))
    if kind == "auto" and best[1].likeness(state.tensors) < LEAST_LIKENESS:
        some = ", ".join(repr(one_line(name)) for name in list(state.tensors)[:3])
        raise DataError(
            f"{state.path} is of no system known here: its keys begin with {some}. Name the system with --kind: "
            f"{', '.join(KINDS)}."
        )
    return best

"""What a converter hands over, and how it becomes a folder: a whole model, an associator, or an encoder.

Two encoders and an associator make a whole model; without encoders it is an associator, for vectors that the reader
makes; an encoder alone is a folder of weights, for the `weights` or `source` of that encoder in a recipe.

Example:
    write_converted(Converted(title="FOP", source="...", licence="...", training_data="...", associator=fop), out)
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from visavox.errors import DataError
from visavox.models.associators.base import Associator
from visavox.models.encoders.published import PublishedEncoder
from visavox.persistence import Tensors, load_folder, save_folder, write_tensors
from visavox.pipeline.export_folder import whole_folder
from visavox.pipeline.model_card import USE
from visavox.pipeline.voice_face_model import Preprocess, VoiceFaceModel
from visavox.registry import ENCODERS

CARD = "README.md"


@dataclass(frozen=True)
class Converted:
    """A published checkpoint in our terms."""

    title: str
    """What it is, in a few words, for the head of the card."""
    source: str
    """Where the public code and weights are."""
    licence: str
    """What is known of the licence of the weights."""
    training_data: str
    """What the weights were trained on."""
    associator: Associator | None = None
    """The part that brings voices and faces together."""
    encoders: Mapping[str, PublishedEncoder] = field(default_factory=dict)
    """"voice" and "face" -> encoder with its published weights."""
    frozen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """"voice" and "face" -> specification of an encoder whose weights come from elsewhere."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Name of a file that is to be written as it is -> its bytes; for an encoder that reads the published file."""
    tables: Mapping[str, Tensors] = field(default_factory=dict)
    """Name of a further safetensors file -> its arrays."""
    n_in_files: int = 0
    """Numbers in `files`."""
    left_out: tuple[str, ...] = ()
    """What the file held and the folder does not, one entry each."""
    notes: tuple[str, ...] = ()
    """What a reader must know to use it, one sentence each."""

    @property
    def what(self) -> str:
        """In a few words, what will be written: "associator fop"."""
        parts = [f"{modality} encoder {encoder.name}" for modality, encoder in self.encoders.items()]
        parts += [f"associator {self.associator.name}"] if self.associator else []
        return " + ".join([*parts, *self.files]) or "tables"

    @property
    def n_parameters(self) -> int:
        """How many numbers are kept."""
        encoders = sum(array.size for encoder in self.encoders.values() for array in encoder.tensors().values())
        tables = sum(array.size for table in self.tables.values() for array in table.values())
        return encoders + tables + self.n_in_files + (self.associator.n_parameters if self.associator else 0)


def published_encoder(
    name: str, tensors: Tensors, *, weights: str, training_data: str, licence: str, **options: Any
) -> PublishedEncoder:
    """Return a registered encoder that holds published weights.

    Args:
        name: of the encoder.
        tensors: key in its network -> array.
        weights: what carries them.
        training_data: what they were trained on.
        licence: of the weights.
        options: further constructor arguments.

    Raises:
        DataError: the network of this version has other keys or shapes.
    """
    encoder: PublishedEncoder = ENCODERS.build({"name": name, **options})
    state = {key: torch.from_numpy(np.array(array)) for key, array in tensors.items()}
    encoder.load_published(state, weights=weights, training_data=training_data, licence=licence)
    return encoder


def recipe_spec(encoder: PublishedEncoder) -> dict[str, Any]:
    """Return name and options that the weights do not tell: what a recipe must say beside `weights`."""
    return {"name": encoder.name, **{option: getattr(encoder, option) for option in encoder.options}}


def write_converted(converted: Converted, out: Path, *, overwrite: bool = False) -> None:
    """Write the folder, whole or not at all; tables alone become the one file `out`.

    Raises:
        DataError: `out` holds something and `overwrite` is False, or it cannot be written.
    """
    associator, encoders = converted.associator, converted.encoders
    card = describe(converted)
    extra: dict[str, str | bytes] = {CARD: card, **{name: save(table) for name, table in converted.tables.items()}}
    if associator is not None and len(encoders) + len(converted.frozen) == 2:
        with tempfile.TemporaryDirectory() as scratch:
            _write_model(converted, Path(scratch), out, card, extra, overwrite=overwrite)
    elif associator is not None:
        associator.save_pretrained(out, extra_files=extra, overwrite=overwrite)
    elif encoders:
        ((modality, encoder),) = encoders.items()
        with tempfile.TemporaryDirectory() as scratch:
            saved = load_folder(_weights(converted, modality, Path(scratch)))
        save_folder(
            out,
            kind=saved.kind,
            name=saved.name,
            arguments=saved.arguments,
            tensors=encoder.tensors(),
            extra_files=extra,
            overwrite=overwrite,
        )
    elif converted.files:
        with whole_folder(out, overwrite=overwrite, marker=next(iter(converted.files))) as folder:
            for name, data in {**converted.files, CARD: card.encode()}.items():
                (folder / name).write_bytes(data)
    else:
        _write_table(converted, out, overwrite=overwrite)


def _write_model(
    converted: Converted, scratch: Path, out: Path, card: str, extra: Mapping[str, str | bytes], *, overwrite: bool
) -> None:
    specs: dict[str, Any] = dict(converted.frozen)
    specs |= {
        modality: {**recipe_spec(encoder), "weights": str(_weights(converted, modality, scratch))}
        for modality, encoder in converted.encoders.items()
    }
    assert converted.associator is not None
    preprocess = Preprocess(voice_encoder=specs["voice"], face_encoder=specs["face"])
    model = VoiceFaceModel(converted.associator, preprocess, name=converted.title)
    # The model writes everything that it knows; what it does not know lies beside it in the same folder.
    whole = scratch / "model"
    model.save_pretrained(whole, card=card)
    files = {str(path.relative_to(whole)): path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    own = {name: data for name, data in files.items() if name not in ("config.json", "model.safetensors")}
    converted.associator.save_pretrained(out, extra_files={**extra, **own}, overwrite=overwrite)


def _weights(converted: Converted, modality: str, scratch: Path) -> Path:
    """Write the weights of an encoder to a folder under `scratch` and return it."""
    folder = scratch / modality
    encoder = converted.encoders[modality]
    encoder.save_weights(folder, training_data=converted.training_data, licence=converted.licence)
    return folder


def _write_table(converted: Converted, out: Path, *, overwrite: bool) -> None:
    (table,) = converted.tables.values()
    if out.suffix != ".safetensors":
        raise DataError(f"{converted.title} are one file. Got --out {out}. Give a name that ends in .safetensors.")
    if out.exists() and not overwrite:
        raise DataError(f"{out} exists. Choose another file or give --overwrite.")
    write_tensors(out, table, {"source": converted.source, "licence": converted.licence})


def describe(converted: Converted) -> str:
    """Return the card as Markdown."""
    text = io.StringIO()
    text.write(f"# {converted.title}\n\nConverted by Visavox: {converted.what}, {converted.n_parameters:,} numbers.\n")
    text.write(f"\n- Source: {converted.source}.\n- Licence of the weights: {converted.licence}.\n")
    text.write(f"- Trained on: {converted.training_data}.\n")
    if converted.associator is not None:
        text.write("- The people it was trained on are not listed in it, so nothing warns who tests it on them.\n")
    if converted.notes:
        text.write("\n## To use it\n" + "".join(f"- {note}\n" for note in converted.notes))
    text.write("\n## What was left out\n")
    text.write("".join(f"- {entry}\n" for entry in converted.left_out) or "Nothing.\n")
    return f"{text.getvalue()}\n{USE}\n"

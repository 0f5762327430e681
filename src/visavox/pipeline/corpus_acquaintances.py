"""What the encoders and models in the box have met of a corpus, as far as their history tells.

An encoder that heard a test voice in its training knows it better than a stranger's. Most training lists were never
published with the weights; what can be told is told by the ids of VoxCeleb, and by the hashes that our own models
keep of whom they were trained on. Nothing is embedded here.

Example:
    >>> is_voxceleb1_dev("id10001"), is_voxceleb1_dev("id10270"), is_voxceleb2("id00012")
    (True, False, True)
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from visavox.config import FACE_ENCODER, VOICE_ENCODER
from visavox.corpus.corpus_audit import Acquaintance, ListFinding
from visavox.corpus.items import MODALITIES, MediaItem
from visavox.persistence import boxed_names
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.frozen_encoder import build_encoder
from visavox.pipeline.voice_face_model import VoiceFaceModel, hash_identity

VOXCELEB_ID = re.compile(r"id(\d{5})")
VOXCELEB1, VOXCELEB1_TEST = range(10001, 11252), range(10270, 10310)  # the test people's names begin with E
VOXCELEB2 = range(12, 9273)


def acquaintances(
    items: Iterable[MediaItem], lists: Sequence[ListFinding], encoders: Mapping[str, Mapping[str, Any]] | None
) -> tuple[Acquaintance, ...]:
    """Return what each encoder and each trained model in the box has met.

    Args:
        items: the corpus.
        lists: what it shares with given lists: a row there may tell the VoxCeleb id of a name.
        encoders: modality -> spec and provenance, as `CorpusEmbeddings.about` has them; None for the defaults.
    """
    items = list(items)
    people = {item.person: item.person for item in items if item.person}
    ids = {name: name for name in people if VOXCELEB_ID.fullmatch(name)}
    for finding in lists:
        for match in finding.shared.people:
            known = [name for name in match.row.people if VOXCELEB_ID.fullmatch(name)]
            ids.update(dict.fromkeys([match.name], known[0]) if known and match.name not in ids else {})
    found = [_encoder(name, trained_on, ids) for name, trained_on in _trained_on(encoders)]
    names = set(people) | {f"video:{item.video}" for item in items if item.video}
    return (*found, *(_boxed(name, names) for name in _boxed_models()))


def is_voxceleb1_dev(name: str) -> bool:
    """Return whether an id is of the 1,211 people of VoxCeleb1's development part."""
    number = _number(name)
    return number in VOXCELEB1 and number not in VOXCELEB1_TEST


def is_voxceleb1(name: str) -> bool:
    """Return whether an id is of the 1,251 people of VoxCeleb1."""
    return _number(name) in VOXCELEB1


def is_voxceleb2(name: str) -> bool:
    """Return whether an id is one of VoxCeleb2's."""
    return _number(name) in VOXCELEB2


def _number(name: str) -> int:
    found = VOXCELEB_ID.fullmatch(name)
    return int(found[1]) if found else 0


def _trained_on(encoders: Mapping[str, Mapping[str, Any]] | None) -> Iterable[tuple[str, str]]:
    """Yield the name and the training data of the encoders of a corpus, else of the default ones."""
    if encoders is not None:
        for modality in MODALITIES:
            spec = encoders[modality]["spec"]
            name = spec if isinstance(spec, str) else spec["name"]
            yield str(name), str(encoders[modality].get("training_data", ""))
        return
    for modality, default in (("voice", VOICE_ENCODER), ("face", FACE_ENCODER)):
        encoder = build_encoder(default, modality)
        yield encoder.name, encoder.provenance.training_data


def _encoder(name: str, trained_on: str, ids: Mapping[str, str]) -> Acquaintance:
    """Return whom an encoder met, from the ids of VoxCeleb and the words about its training data."""
    rules = []
    if "VoxCeleb1 dev" in trained_on:
        rules.append((is_voxceleb1_dev, "it learned from VoxCeleb1 dev"))
    if "VoxCeleb2" in trained_on:
        rules.append((is_voxceleb2, "it learned from VoxCeleb2"))
    if "VGG Face" in trained_on:
        rules.append((is_voxceleb1, "it learned from VGG Face, from whose list VoxCeleb1 took its people"))
    met, reasons = set(), []
    for has_met, reason in rules:
        people = {person for person, number in ids.items() if has_met(number)}
        if people:
            met |= people
            reasons.append(reason)
    how = "; ".join(reasons)
    if not met:
        how = "nobody with an id of VoxCeleb is here, or was named by a list" if rules else ""
        how = how or "its training people were never listed, or there were none"
    return Acquaintance(name, trained_on or "not known", tuple(sorted(met)), how)


def _boxed_models() -> list[str]:
    """Return the models in the box that keep a list of whom they were trained on."""
    box: Any = importlib.resources.files("visavox") / "pretrained"
    return sorted(path.name for path in Path(str(box)).iterdir() if (path / "people.json").is_file())


def _boxed(name: str, names: Iterable[str]) -> Acquaintance:
    """Return whom a model in the box met: one that matches, or a generator."""
    draws = name in boxed_names("generator")
    people = Generator.load(name).people if draws else VoiceFaceModel.from_pretrained(name).people
    met = tuple(known.removeprefix("video:") for known in sorted({n for n in names if hash_identity(n) in people}))
    trained_on = f"{len(people):,} people and videos, kept as hashes"
    what = "generator" if draws else "model"
    return Acquaintance(f"the {what} {name!r}", trained_on, met, "compared by their hashes")

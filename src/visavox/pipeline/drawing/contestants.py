"""Drawn faces as judges see them: by a model's methods, from a folder of another system, from the true face itself.

A method is handed the voice and nothing else, so that whatever its pictures tell of the face came from the voice. A
clip for which nothing was drawn is a row of nan and counts as a guess; how many there are is said.

Example:
    ours = voice_contestant("decoder", draw, clips, judges, n_samples=4)
    theirs = folder_contestant("Speech2Face", Path("speech2face_outputs"), clips, judges)
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from visavox.corpus.sources.file_index import FileIndex
from visavox.errors import DataError, MediaError
from visavox.evaluation.protocols.reconstruction import deal_voices
from visavox.evaluation.reconstruction_record import Contestant, Kind, Redrawn
from visavox.generation.provenance import FROM_FACE, FROM_VOICE, Condition, may_leak, provenance_line
from visavox.media.drawn_frame import drawn_picture
from visavox.media.images import read_image
from visavox.pipeline.drawing.generator_folder import Generator, load_part, part_spec
from visavox.pipeline.drawing.judges import FaceJudges
from visavox.pipeline.drawing.tested_clips import TestedClips
from visavox.registry import FACE_DECODERS

SHOWN_PX = 128
"""Side of the pictures that a report keeps and compares pixel by pixel."""
OWN_FACE = "the true face through the decoder"
UNKNOWN = "drawn by another system, from what is not known here"

Pictures = NDArray[np.uint8]
Draw = Callable[[Path, int], Pictures]
"""Voice file and number of samples -> (n_samples, px, px, 3) uint8 RGB, the first one the expected face."""
Step = Callable[[int], None]


def voice_contestant(
    name: str,
    draw: Draw,
    clips: TestedClips,
    judges: FaceJudges,
    *,
    n_samples: int = 1,
    told: Sequence[Condition] = (Condition("voice", FROM_VOICE),),
    note: str = "",
    step: Step | None = None,
) -> Contestant:
    """Return what a method draws from the voice of every clip.

    Args:
        name: what the report calls it.
        draw: the method.
        clips: whose voices are heard.
        judges: who looks.
        n_samples: drawn for each voice, 1 or more; the first is judged.
        told: conditions, for the report.
        note: what must be known with it.
        step: called with the number of pictures that are done.
    """
    drawn: list[Pictures | None] = []
    refused = []
    for clip, voice in zip(clips.clips, clips.voices, strict=True):
        try:
            drawn.append(draw(voice, n_samples))
        except MediaError as error:
            refused.append(f"{clip} ({error.status})")
            drawn.append(None)
        if step is not None:
            step(n_samples)
    if len(refused) == len(clips):
        raise DataError(f"{name} could draw from none of the {len(clips)} voices: {refused[0]} and others.")
    if refused:
        note = f"{note} {len(refused)} voices could not be used: {', '.join(refused[:3])}.".strip()
    return as_contestant(
        name, drawn, judges, kind="model", told=provenance_line(told), leaks=may_leak(told), square=True, note=note
    )


def redrawn_with_others(
    draw: Draw, clips: TestedClips, judges: FaceJudges, *, rng: np.random.Generator, n_checked: int = 3
) -> Redrawn | None:
    """Return what is drawn for each clip from the voice of another person; None where nothing but the voice counts.

    The other voice lies under the name of the clip. If the first pictures are those of that voice under its own name,
    nothing but the voice was looked at, and pictures may be dealt instead of drawn anew.

    Args:
        draw: the method.
        clips: two people or more.
        judges: who looks.
        rng: deals the voices.
        n_checked: clips that must come out the same, 1 or more.
    """
    codes = np.unique(np.array(clips.people, dtype=object), return_inverse=True)[1].astype(np.int64)
    heard = deal_voices(codes, rng=rng)
    drawn: list[Pictures | None] = []
    same = 0
    with tempfile.TemporaryDirectory() as folder:
        for row, other in enumerate(heard):
            place = Path(folder) / clips.voices[row].name
            shutil.copyfile(clips.voices[other], place)
            try:
                pictures = draw(place, 1)
                drawn.append(pictures)
                if row < n_checked:
                    same += np.array_equal(pictures, draw(clips.voices[other], 1))
            except MediaError:
                drawn.append(None)
                same += row < n_checked  # a voice that cannot be used tells nothing
            place.unlink()
            if row + 1 == n_checked and same == n_checked:
                return None
    there = np.array([found is not None for found in drawn])
    crops = [judges.cut(found[0], is_drawn_square=True).image for found in drawn if found is not None]
    features = judges.look_without_attributes(crops)
    return Redrawn(heard, {judge: spread_rows(values, there) for judge, values in features.items()})


def folder_contestant(
    name: str, folder: Path, clips: TestedClips, judges: FaceJudges, *, step: Step | None = None
) -> Contestant:
    """Return what another system drew: pictures named by clip, of any size, a face in each.

    Raises:
        DataError: the folder is missing, or holds a picture of no clip.
        MediaError: a picture cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"`drawn` must name folders of pictures. {folder} of {name} is none.")
    index = FileIndex(folder)
    drawn: list[Pictures | None] = []
    for clip in clips.clips:
        found = index.find(clip)
        drawn.append(read_image(found[0])[np.newaxis] if found else None)
        if step is not None:
            step(1)
    n_missing = sum(picture is None for picture in drawn)
    if n_missing == len(clips):
        raise DataError(
            f"{folder} of {name} holds a picture of none of the {len(clips)} clips, as of {clips.clips[0]}. Name the "
            "files by clip."
        )
    note = f"{n_missing} of {len(clips)} clips have no picture and count as guesses." if n_missing else ""
    return as_contestant(name, drawn, judges, kind="folder", told=UNKNOWN, leaks=False, square=False, note=note)


def own_face_contestant(generator: Generator, crops: Sequence[Pictures], judges: FaceJudges) -> Contestant | None:
    """Return each true face as the decoder draws its own feature; None where the generator has no such parts.

    It is the most that could be reached from a voice, were the feature predicted without error: no guess.
    """
    encoder = judges.own
    if encoder is None or not generator.has("decoder"):
        return None
    decoder = FACE_DECODERS.build(part_spec(generator.folder, "decoder"))
    load_part(decoder, generator.folder, "decoder")
    decoder.eval()
    features = torch.from_numpy(encoder.encode(list(crops)))
    if features.shape[1] != decoder.feature_dim:
        return None
    with torch.inference_mode():
        shown = torch.cat([decoder(part) for part in torch.split(features, 64)])
    pixels = (shown.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    told = (Condition("face", FROM_FACE),)
    return as_contestant(
        OWN_FACE,
        [picture[np.newaxis] for picture in np.ascontiguousarray(pixels)],
        judges,
        kind="own face",
        told=provenance_line(told),
        leaks=True,
        square=True,
        note="It was shown the true face: what the decoder can draw, not what a voice tells.",
    )


def as_contestant(
    name: str,
    drawn: Sequence[Pictures | None],
    judges: FaceJudges,
    *,
    kind: Kind,
    told: str,
    leaks: bool,
    square: bool,
    note: str = "",
) -> Contestant:
    """Return pictures as the judges see them.

    Args:
        name: what the report calls it.
        drawn: (n_samples, height, width, 3) of each clip, None where there is none; one number of samples for all.
        judges: who looks.
        kind: model, folder, own face or control.
        told: the conditions, one line.
        leaks: whether anything comes from the true face.
        square: the pictures are in the frame of `visavox.media.drawn_frame`.
        note: what must be known with it.
    """
    n = len(drawn)
    there = np.array([pictures is not None for pictures in drawn])
    of_clip = [pictures for pictures in drawn if pictures is not None]
    first = [judges.cut(pictures[0], is_drawn_square=square) for pictures in of_clip]
    looked = judges.look([crop.image for crop in first])
    shown = np.zeros((n, SHOWN_PX, SHOWN_PX, 3), np.uint8)
    shown[there] = [
        scaled(pictures[0]) if square else drawn_picture(crop.image, SHOWN_PX)
        for pictures, crop in zip(of_clip, first, strict=True)
    ]
    features = {judge: spread_rows(values, there) for judge, values in looked.features.items()}
    n_samples = min((len(pictures) for pictures in of_clip), default=1)
    samples: dict[str, NDArray[Any]] = {}
    further: list[Pictures] = []
    if n_samples > 1:
        further = [
            judges.cut(picture, is_drawn_square=square).image
            for pictures in of_clip
            for picture in pictures[1:n_samples]
        ]
        for judge, values in judges.look_without_attributes(further).items():
            others = values.reshape(len(of_clip), n_samples - 1, -1)
            samples[judge] = np.concatenate([looked.features[judge][:, np.newaxis], others], axis=1)
    inception = judges.inception.encode([*(crop.image for crop in first), *further]) if judges.inception else None
    return Contestant(
        name, kind, told, leaks, features, shown, there,
        spread_rows(np.array([crop.found for crop in first]), there) == 1,
        spread_rows(looked.male, there), spread_rows(looked.age, there), spread_rows(looked.race, there), samples,
        note=note, inception=inception,
        classes=spread_rows(looked.classes, there) if looked.classes is not None else None,
    )  # fmt: skip


def spread_rows(values: NDArray[Any], there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return (n, ...) float32 with a row of nan for every clip without a picture."""
    spread = np.full((len(there), *values.shape[1:]), np.nan, dtype=np.float32)
    spread[there] = values
    return spread


def scaled(picture: Pictures) -> Pictures:
    """Return a picture at the side of the report's pictures."""
    if picture.shape[0] == SHOWN_PX:
        return picture
    how = cv2.INTER_AREA if picture.shape[0] > SHOWN_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (SHOWN_PX, SHOWN_PX), interpolation=how), dtype=np.uint8)

"""Faces drawn from voices, measured: a generator's methods, other systems' pictures and controls, to a report.

    clips -> what each contestant drew -> one detector, one crop, the judges -> protocol "reconstruction" -> report

The drawers are handed voices alone; that nothing else counts is tried with voices under other clips' names. People
whom the generator learned from are refused, unless --subset train asks for just those.

Example:
    config = EvaluateConfig(model="portrait", pairs=Path("people"), protocol="reconstruction", out=Path("report"))
    evaluate_reconstruction(config).sections[0].title        # 'Whose face is it, asked dlib'
"""

from __future__ import annotations

import dataclasses
import datetime
import shlex
import sys
import zlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.evaluation.identification_report import ReportSettings
from visavox.evaluation.reconstruction_record import Contestant, DrawnFaces, TrainingFaces, TrueFaces
from visavox.evaluation.reconstruction_report import reconstruction_report
from visavox.evaluation.record import Report
from visavox.evaluation.report import read_report
from visavox.evaluation_config import LEAST_RESAMPLES, EvaluateConfig
from visavox.media.drawn_frame import drawn_picture
from visavox.media.images import read_image
from visavox.metrics.frechet_distance import LEAST_PICTURES
from visavox.pipeline.distributed import refuse_several
from visavox.pipeline.drawing.contestants import (
    OWN_FACE,
    SHOWN_PX,
    Draw,
    folder_contestant,
    own_face_contestant,
    redrawn_with_others,
    voice_contestant,
)
from visavox.pipeline.drawing.controls import AVERAGE, GENDER_ONLY, control_contestants, control_faces, heard_genders
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.inception_features import InceptionFeatures
from visavox.pipeline.drawing.judges import FaceJudges
from visavox.pipeline.drawing.reconstruction_sheets import write_sheets
from visavox.pipeline.drawing.tested_clips import (
    TestedClips,
    find_tested_clips,
    read_tested_clips,
    refuse_drawn_people,
)
from visavox.pipeline.drawing.voice_to_face import VoiceToFacePipeline
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.report_writing import finish_report
from visavox.pipeline.voice_face_model import hash_identity

MEANINGLESS = ("embeddings", "trials", "world", "checkpoints", "lists", "identities")
"""Options of other protocols."""
SHEETS = "sheets"
PORTRAIT = "portrait"
"""The boxed generator, meant where no model is named."""
SEEN_FOR_CONTROLS = 400
"""Training faces whose gender is looked up for the means of the controls."""
MOST_SAMPLES = 64

Progress = Callable[[int, int], None]
Pictures = NDArray[np.uint8]


def evaluate_reconstruction(
    config: EvaluateConfig, progress: Progress | None = None, *, drawers: Mapping[str, Draw] | None = None
) -> Report:
    """Measure what is drawn from voices, write the report into `out`, and return it.

    Args:
        config: whom to measure on, the model ("" for none), folders of other systems' pictures.
        progress: called as progress(pictures done, pictures).
        drawers: method -> what draws; None: those of the model.

    Raises:
        ConfigError: an option that means nothing here, a number out of range, nobody to measure on, or no contestant.
        DataError: a folder is missing or damaged, or the model learned from some of the people.
        UnknownNameError: the model has no such method.
    """
    refuse_several("An evaluation")
    _check(config)
    compute = Compute.of(config)
    generator = _generator(config) if drawers is None else None
    methods = _methods(config, generator) if generator is not None else tuple(drawers or ())
    if not methods and not config.drawn:
        raise ConfigError(
            "Nothing is judged: no model draws and no folder is named. Give --model, or --drawn '{name: FOLDER}'."
        )
    clips = find_tested_clips(config, progress)
    if generator is not None and config.subset != "train":
        refuse_drawn_people(generator, clips, model=config.model)
    inception, without_fid = _inception(config, len(clips))
    judges = FaceJudges(generator, compute, further=config.judges, inception=inception)
    course = _Course(progress, len(clips) * (len(methods) * config.samples + len(config.drawn) + 2))
    crops = [read_image(path) for path in clips.crops]
    true = _true_faces(clips, crops, judges)
    course.step(len(clips))
    contestants: list[Contestant] = []
    for method in methods:
        draw = (drawers or {}).get(method) or method_draw(generator, method, config, compute)
        name = method if config.model in ("", EvaluateConfig.model) else f"{_short(config.model)}, {method}"
        drawn = voice_contestant(name, draw, clips, judges, n_samples=config.samples, step=course.step)
        redrawn = redrawn_with_others(draw, clips, judges, rng=np.random.default_rng([config.seed, 3]))
        contestants.append(dataclasses.replace(drawn, redrawn=redrawn))
    for name, folder in config.drawn.items():
        contestants.append(folder_contestant(name, Path(folder), clips, judges, step=course.step))
    if generator is not None and (own := own_face_contestant(generator, crops, judges)) is not None:
        contestants.append(own)
    training = _training(config, generator, judges)
    male = heard_genders(clips, compute=compute, step=course.step)
    contestants += _controls(contestants[0], male, training, judges)
    drawn_faces = DrawnFaces(
        true, judges.judges, tuple(contestants), training, judges.classifier, without_fid, judges.without_score
    )
    sheets = write_sheets(drawn_faces, config.out / SHEETS)
    report = reconstruction_report(
        drawn_faces,
        settings=_settings(config, clips, generator, inception),
        title=f"Faces drawn by {contestants[0].name} on {clips.name}",
        against=config.against,
        sheets=sheets,
    )
    finish_report(config, report)
    return report


def method_draw(generator: Generator | None, method: str, config: EvaluateConfig, compute: Compute) -> Draw:
    """Return what draws by a method of a generator: voice file and number of samples to pictures.

    The judged face is the first one of the seed that the user gave. The other samples have seeds of their own voice, so
    that two voices share no noise and samples of different voices differ as they would for different users.
    """
    assert generator is not None
    pipeline = VoiceToFacePipeline(generator, name=_short(config.model), method=method, compute=compute)

    def draw(voice: Path, n_samples: int) -> Pictures:
        heard = pipeline.hear(voice).heard
        first = pipeline.draw_heard(heard, 1, seed=config.seed).pictures
        if n_samples == 1:
            return first
        own_seed = zlib.crc32(f"{config.seed} {voice.name}".encode("utf-8", "surrogatepass"))
        return np.concatenate([first, pipeline.draw_heard(heard, n_samples, seed=own_seed).pictures[1:]])

    return draw


def _true_faces(clips: TestedClips, crops: list[Pictures], judges: FaceJudges) -> TrueFaces:
    looked = judges.look(crops)
    given = any(clips.genders)
    genders = clips.genders if given else tuple("m" if score > 0 else "f" for score in looked.male)
    return TrueFaces(
        clips.clips, clips.people, clips.videos, genders, given, looked.features, looked.male, looked.age, looked.race,
        np.stack([drawn_picture(crop, SHOWN_PX) for crop in crops]), looked.classes,
        judges.inception.encode(crops) if judges.inception else None,
    )  # fmt: skip


def _inception(config: EvaluateConfig, n_clips: int) -> tuple[InceptionFeatures | None, str]:
    """Return the features for the FID, or None and why; a wrong file is refused where it is not needed, too."""
    if config.inception is None:
        return (
            None,
            f"No FID: it needs Inception's features (--inception) and {LEAST_PICTURES:,} pictures on each side.",
        )
    features = InceptionFeatures(config.inception)
    if n_clips < LEAST_PICTURES:
        return None, f"No FID: it needs {LEAST_PICTURES:,} pictures on each side. There are {n_clips:,} true faces."
    return features, ""


def _training(config: EvaluateConfig, generator: Generator | None, judges: FaceJudges) -> TrainingFaces | None:
    """Return the faces that were learned from: those of the corpus whose people the generator names."""
    if config.training is None:
        return None
    clips = read_tested_clips(config.training, name=str(config.training))
    rows = list(range(len(clips)))
    if generator is not None and generator.people:
        rows = [row for row in rows if hash_identity(clips.people[row]) in generator.people]
    if not rows:
        raise DataError(f"The model learned from nobody of {config.training}. Name its own corpus with --training.")
    crops = [read_image(clips.crops[row]) for row in rows]
    features = judges.look_without_attributes(crops)
    pictures = np.stack([drawn_picture(crop, SHOWN_PX) for crop in crops])
    return TrainingFaces(tuple(clips.clips[row] for row in rows), features, pictures)


def _controls(
    first: Contestant, male: NDArray[np.bool_], training: TrainingFaces | None, judges: FaceJudges
) -> tuple[Contestant, ...]:
    """Return the controls, means of training faces where they are known, else of what the first contestant drew."""
    if training is not None:
        rows = np.linspace(0, len(training.clips) - 1, min(SEEN_FOR_CONTROLS, len(training.clips))).round().astype(int)
        pictures = training.pictures[rows]
        seen = judges.look([judges.cut(picture, is_drawn_square=True).image for picture in pictures])
        faces = control_faces(pictures, seen.male > 0, source=f"{len(rows)} training faces")
    else:
        faces = control_faces(first.pictures[first.drawn], male[first.drawn], source=f"the faces of {first.name}")
    return control_contestants(faces, male, judges)


def _generator(config: EvaluateConfig) -> Generator | None:
    if not config.model:
        return None
    return Generator.load(PORTRAIT if config.model == EvaluateConfig.model else config.model)


def _methods(config: EvaluateConfig, generator: Generator) -> tuple[str, ...]:
    if not generator.methods:
        raise DataError(f"{generator.folder} holds no method whose parts are all there. Finish its training.")
    for method in config.methods:
        if method not in generator.methods:
            raise UnknownNameError("method of this model", method, generator.methods)
    return config.methods or generator.methods


def _check(config: EvaluateConfig) -> None:
    if config.resamples < LEAST_RESAMPLES:
        raise ConfigError(f"`resamples` must be at least {LEAST_RESAMPLES}. Got {config.resamples}.")
    if not 1 <= config.samples <= MOST_SAMPLES:
        raise ConfigError(f"`samples` must be 1 to {MOST_SAMPLES}. Got {config.samples}.")
    for field in dataclasses.fields(config):
        default = field.default if field.default is not dataclasses.MISSING else ()
        if field.name in MEANINGLESS and getattr(config, field.name) != default:
            raise ConfigError(
                f"`{field.name}` means nothing to faces that are drawn. Leave --{field.name} out, or choose another "
                "--protocol."
            )
    for folder in config.compare:
        read_report(folder)
    taken = {GENDER_ONLY, AVERAGE, OWN_FACE} & set(config.drawn)
    if taken:
        raise ConfigError(f"`drawn` must not name a folder {sorted(taken)[0]!r}: a row of the report is called so.")


class _Course:
    """Says how many pictures are done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress = progress
        self.done = 0
        self.total = total

    def step(self, n: int) -> None:
        """Count n more."""
        self.done += n
        if self.progress is not None:
            self.progress(self.done, self.total)


def _short(model: str) -> str:
    return Path(model).resolve().name if Path(model).exists() else model


def _settings(
    config: EvaluateConfig, clips: TestedClips, generator: Generator | None, inception: InceptionFeatures | None
) -> ReportSettings:
    told: dict[str, Any] = {
        "version": version("visavox"),
        "command": shlex.join(["visavox", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "resamples": config.resamples,
        "model": config.model if generator is not None else "none",
        "drawn": {name: Path(folder).name for name, folder in config.drawn.items()},
        **({"against": config.against} if config.against else {}),
        **({"judges": {name: str(spec) for name, spec in config.judges.items()}} if config.judges else {}),
        **({"inception": inception.digest} if inception is not None else {}),
        **({"training": str(config.training)} if config.training is not None else {}),
        "corpus": clips.name,
        "catalog_hash": clips.catalog_hash,
        "trial_hash": clips.trial_hash,
        "subset": config.subset if config.corpus is not None else "all",
        "final": config.final,
    }
    if generator is not None:
        told["voice_encoder"] = generator.voice_encoder
        told["choices"] = generator.choices
    return ReportSettings(config.seed, config.resamples, told, config.next_steps)

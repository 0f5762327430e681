"""How well the faces of clips are found by the features that their voices predict: a table for a report.

    measure                       value   95 % interval   chance
    recall_at_10                  0.21    0.16 to 0.27    0.07
    angle_deg                     41.2    40.1 to 42.4    43.0

Predictions are compared with what the generator's own face encoder says of the true faces. Chance of a recall is that
of equal scores in this gallery; of a distance, it is the mean face of training, told of everybody. Rows that begin with
`centred_` take that mean from both sides first: without it, what all faces have in common counts as agreement.
Intervals are over people. It draws nothing: pictures are judged by `visavox.evaluation`.

Example:
    table = retrieve_by_feature(Path("generator"), media.paired["test"], cache=Path("run/cache"))
    table.row("recall_at_10").value, table.row("recall_at_10").chance

Source: Oh et al., "Speech2Face" (CVPR 2019), tables 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError
from visavox.generation.parts import part_spec
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.metrics.feature_distance import (
    KS,
    SearchBy,
    chance_ranking,
    feature_distances,
    rank_by_feature,
    shown_ks,
)
from visavox.metrics.gallery_ranking import ranking_measures
from visavox.metrics.weighting import mean_over_probes
from visavox.models.encoders.trainable import KIND
from visavox.persistence import load_folder
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.pictures import PairedPictures
from visavox.pipeline.drawing.predictor_descent import predict
from visavox.pipeline.drawing.predictor_training import load_predictor
from visavox.pipeline.drawing.voice_inputs import embed_faces, read_voice_inputs
from visavox.pipeline.frozen_encoder import Compute, Spec
from visavox.pipeline.voice_face_model import hash_identity

N_RESAMPLES = 1000
CENTRED = "centred_"

Progress = Callable[[int, int], None]
Features = NDArray[np.floating]


@dataclass(frozen=True)
class FeatureRow:
    """One measure."""

    name: str
    """recall_at_K, median_rank, l1, l2, unit_l1, unit_l2, angle_deg; with `centred_` before it, of centred features."""
    value: float
    low: float
    """Lower end of the 95 % interval over people."""
    high: float
    """Upper end."""
    chance: float
    """What somebody reaches who has not heard the voice."""


@dataclass(frozen=True)
class FeatureTable:
    """All measures of one predictor on some people."""

    rows: tuple[FeatureRow, ...]
    n_clips: int
    n_people: int
    notes: tuple[str, ...] = ()
    """What a reader must know, a line each."""

    def row(self, name: str) -> FeatureRow:
        """Return the row of a measure.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)


def retrieve_by_feature(
    generator: str | Path,
    clips: PairedPictures,
    *,
    cache: Path | None = None,
    compute: Compute | None = None,
    workers: int = 0,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    progress: Progress | None = None,
) -> FeatureTable:
    """Return the table of a trained generator on clips with face and voice.

    Args:
        generator: folder, run or boxed name; it has a predictor and its face encoder.
        clips: people who were not learned from; where some were, a note says how many.
        cache: folder that keeps embeddings.
        compute: where networks run.
        workers: processes; 0 is one a core.
        n_resamples: of people, for the intervals.
        seed: of the resamples.
        progress: called as progress(voices and faces done, all).

    Raises:
        DataError: there is no clip, a part is missing, or a file cannot be read.
    """
    found = Generator.load(generator)
    compute = compute or Compute()
    if not len(clips):
        raise DataError("No clip has both a face and a voice that can be used. Give another subset or corpus.")
    predictor = load_predictor(found.folder, device=compute.torch_device)
    n = len(clips)
    voices = read_voice_inputs(
        clips.voices,
        part_spec(found.folder, "predictor"),
        voice_encoder=found.voice_encoder,
        window_s=found.window_s,
        cache=cache,
        compute=compute,
        workers=workers,
        progress=_shifted(progress, 0, 2 * n),
    )
    faces = embed_faces(
        clips.crops,
        face_encoder_of(found),
        cache=cache,
        compute=compute,
        workers=workers,
        progress=_shifted(progress, n, 2 * n),
    )
    known = len({person for person in clips.people if hash_identity(person) in found.people})
    notes = (f"{known} of {len(set(clips.people))} people were learned from",) if known else ()
    table = measure_features(
        predict(predictor, voices),
        faces,
        clips.people,
        centre=predictor.centre.cpu().numpy(),
        n_resamples=n_resamples,
        seed=seed,
    )
    return FeatureTable(table.rows, table.n_clips, table.n_people, (*table.notes, *notes))


def face_encoder_of(generator: Generator) -> Spec:
    """Return the specification of the face encoder whose features a generator predicts.

    Raises:
        DataError: the folder neither holds it nor names it.
    """
    if generator.has("face_encoder"):
        folder = generator.folder / "face_encoder"
        return {"name": load_folder(folder, kind=KIND).name, "weights": str(folder)}
    named = generator.choices.get("decoder", {}).get("face_encoder")
    if not isinstance(named, Mapping) or "name" not in named:
        raise DataError(f"{generator.folder} has no part face_encoder, so its predictions cannot be compared.")
    return dict(named)


def measure_features(
    predicted: Features,
    true: Features,
    people: Sequence[str],
    *,
    centre: Features | None = None,
    by: SearchBy = "unit_l2",
    ks: Sequence[int] = KS,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> FeatureTable:
    """Return recalls, the median rank and distances, with intervals and chance.

    Args:
        predicted: (n, dim) float, of voices.
        true: (n, dim) float, of the faces of the same clips; all of them are the gallery.
        people: n names; any clip of the person is right.
        centre: (dim,) float, the mean face of training; None leaves the centred rows out, and takes the mean of the
            true features for the chance of distances.
        by: the distance of the search.
        ks: lengths of list; those that are as long as the gallery are left out.
        n_resamples: of people.
        seed: of the resamples.

    Raises:
        DataError: shapes do not fit, or a number is not finite.
    """
    first, second = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 2 or len(people) != len(first):
        raise DataError(
            f"Every clip needs a prediction, a true feature and a person. Got {first.shape}, {second.shape}, "
            f"{len(people)}."
        )
    names, codes = np.unique(np.asarray(people), return_inverse=True)
    counts = resample_people(len(names), n_resamples=n_resamples, rng=np.random.default_rng(seed))
    shown = shown_ks(len(first), ks)
    rows = _search_rows(first, second, codes, counts, by, shown)
    middle = second.mean(axis=0) if centre is None else np.asarray(centre, dtype=np.float64)
    rows += _distance_rows(first, second, codes, counts, middle)
    if centre is not None:
        rows += [
            FeatureRow(CENTRED + row.name, row.value, row.low, row.high, row.chance)
            for row in _search_rows(first - middle, second - middle, codes, counts, by, shown)
        ]
        angle = feature_distances(first - middle, second - middle).angle_deg
        rows.append(_mean_row(CENTRED + "angle_deg", angle, codes, counts, 90.0, (0.0, 180.0)))
    left = [k for k in ks if k not in shown]
    notes = [f"no recall at {', '.join(map(str, left))}: the gallery holds {len(first)} faces"] if left else []
    return FeatureTable(tuple(rows), len(first), len(names), tuple(notes))


def _search_rows(
    predicted: Features,
    true: Features,
    codes: NDArray[np.int64],
    counts: NDArray[np.int32],
    by: SearchBy,
    ks: Sequence[int],
) -> list[FeatureRow]:
    ranking = rank_by_feature(predicted, true, probe_people=codes, gallery_people=codes, by=by)
    ks = ks or (1,)
    once = ranking_measures(ranking, codes, ks=ks)
    again = ranking_measures(ranking, codes, ks=ks, counts=counts)
    chance = ranking_measures(chance_ranking(codes, codes), codes, ks=ks)
    rows = []
    for place, k in enumerate(ks):
        value = float(once.recall[place])
        interval = percentile_interval(value, again.recall[place], bounds=(0, 1))
        rows.append(FeatureRow(f"recall_at_{k}", value, interval.low, interval.high, float(chance.recall[place])))
    value = float(once.median_rank)
    interval = percentile_interval(value, again.median_rank, bounds=(1, len(true)))
    rows.append(FeatureRow("median_rank", value, interval.low, interval.high, float(chance.median_rank)))
    return rows


def _distance_rows(
    predicted: Features, true: Features, codes: NDArray[np.int64], counts: NDArray[np.int32], middle: Features
) -> list[FeatureRow]:
    of_nobody = dict(feature_distances(np.broadcast_to(middle, true.shape), true).items())
    rows = []
    for name, values in feature_distances(predicted, true).items():
        chance = float(mean_over_probes(of_nobody[name], codes))
        bounds = (0.0, 180.0 if name == "angle_deg" else np.inf)
        rows.append(_mean_row(name, values, codes, counts, chance, bounds))
    return rows


def _mean_row(
    name: str,
    values: Features,
    codes: NDArray[np.int64],
    counts: NDArray[np.int32],
    chance: float,
    bounds: tuple[float, float],
) -> FeatureRow:
    value = float(mean_over_probes(values, codes))
    interval = percentile_interval(value, mean_over_probes(values, codes, counts=counts), bounds=bounds)
    return FeatureRow(name, value, interval.low, interval.high, chance)


def _shifted(progress: Progress | None, begin: int, total: int) -> Progress | None:
    return None if progress is None else lambda done, _: progress(begin + done, total)

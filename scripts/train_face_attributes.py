"""Train the attribute heads of the face side (gender, age, race) on UTKFace and write their folder into the package.

    python scripts/train_face_attributes.py DATA WORK

DATA holds utkface64/faces.parquet and ikr/. Detecting and embedding 9,000 faces takes three minutes on two idle
cores; WORK keeps the features, and a second run reads them. The figures printed and written into the card are from a
fifth of the faces, left out of a first fit, and from the people of IKR, whose genders are given and who are never
learned from. The heads that are kept learn from all faces of UTKFace.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq

from visavox.config import EmbedConfig
from visavox.corpus_config import PrepareConfig
from visavox.media.detectors.mtcnn import MtcnnDetector
from visavox.media.face_crop import crop_face
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.models.encoders.dlib import DlibEncoder
from visavox.models.face_attributes import AGE, GENDER, RACES, RIDGE, FaceAttributes
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.embedding import embed_corpus
from visavox.worker_pool import stream

FOLDER = Path(__file__).parents[1] / "src" / "visavox" / "pretrained" / "face_attributes"
VIEWS = ("chip", "mouth")
N_FACES = 9_000
AGES = (13, 90)  # years: younger faces differ in everything, older ones are few
ENLARGED_PX, BORDER_PX = 128, 16  # the 64 px photos end at the chin; the detector wants some room around a face
CHUNK = 30

_tools: tuple[MtcnnDetector, DlibEncoder] | None = None

CARD = """---
license: cc-by-nc-4.0
tags: [face-attributes]
---

# Attribute heads of the face side

Seven linear heads (gender, age, five races) on the pooled features of dlib's face network, mean of a crop and its
mirror image, of the views {views}. `visavox.models.face_attributes` reads them; the option `attribute_gain`
of the encoder `dlib` appends them to its vectors, and `visavox corpus label` writes gender and age into a corpus,
marked as predicted.

**Data.** {n_found:,} faces of UTKFace at 64 px (non-commercial research): {n_drawn:,} of those aged {youngest} to
{oldest}, drawn at random, less those in which no face was found. Ridge regression, ridge {ridge:g}. The weights are
under CC BY-NC 4.0.

| measured on | figure | value | 95 % interval | count |
|---|---|---|---|---|
| UTKFace, a fifth left out | gender, accuracy | {gender_accuracy_score:.3f} | {gender_accuracy_score_low:.3f}–\
{gender_accuracy_score_high:.3f} | {n_held_out:,} faces |
| | the same, under 20 years | {young_gender_accuracy_score:.3f} | {young_gender_accuracy_score_low:.3f}–\
{young_gender_accuracy_score_high:.3f} | {n_young:,} faces |
| | the same, 60 years and more | {old_gender_accuracy_score:.3f} | {old_gender_accuracy_score_low:.3f}–\
{old_gender_accuracy_score_high:.3f} | {n_old:,} faces |
| | age, correlation | {age_correlation:.3f} | | {n_held_out:,} faces |
| | age, mean absolute error | {age_error_years:.1f} years | {age_error_years_low:.1f}–{age_error_years_high:.1f} | \
{n_held_out:,} faces |
| | the same, 60 years and more | {old_age_error_years:.1f} years | {old_age_error_years_low:.1f}–\
{old_age_error_years_high:.1f} | {n_old:,} faces |
| | race, accuracy over five | {race_accuracy_score:.3f} | {race_accuracy_score_low:.3f}–\
{race_accuracy_score_high:.3f} | {n_held_out:,} faces |
| | of these, the race "other" | {race_other_accuracy_score:.3f} | {race_other_accuracy_score_low:.3f}–\
{race_other_accuracy_score_high:.3f} | {n_race_other:,} faces |
| IKR, given genders, never learned from | gender, accuracy | {ikr_gender_accuracy_score:.3f} | \
{ikr_gender_accuracy_score_low:.3f}–{ikr_gender_accuracy_score_high:.3f} | {n_ikr:,} faces of {n_ikr_people} people |
| of these, women | gender, accuracy | {ikr_women_accuracy_score:.3f} | {ikr_women_accuracy_score_low:.3f}–\
{ikr_women_accuracy_score_high:.3f} | {n_ikr_women:,} faces |
| of these, men | gender, accuracy | {ikr_men_accuracy_score:.3f} | | {n_ikr_men:,} faces |

Intervals: bootstrap over faces, of IKR over people; where all are right there is none.

UTKFace names no people, so a person may stand on both sides of its split. The heads that are kept were learned from
all {n_found:,} faces.

**Limits.** The labels are what annotators, and an age estimator checked by them, saw in a photo: two genders and five
races, guessed from looks. They are not anybody's identity; a face that fits no category is forced into one, and the
race "other" is hardly ever predicted. Errors are uneven, as the table says. Not for deciding anything about a person.
"""


def embed(job: tuple[np.ndarray, list[bytes]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of a job, which of them show a face, and their (n, 512) features."""
    global _tools
    if _tools is None:
        _tools = MtcnnDetector(), DlibEncoder(output="pooled", flip=True, views=VIEWS)
    detector, encoder = _tools
    crops = [crop_face(enlarged(data), detector) for data in job[1]]
    return job[0], np.array([crop.found for crop in crops]), encoder.encode([crop.image for crop in crops])


def enlarged(data: bytes) -> np.ndarray:
    """Return a stored photo at 128 px with its border repeated outwards: (160, 160, 3) uint8 RGB."""
    image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    large = cv2.resize(image, (ENLARGED_PX, ENLARGED_PX), interpolation=cv2.INTER_CUBIC)
    border = (BORDER_PX,) * 4
    return np.asarray(cv2.copyMakeBorder(large, *border, cv2.BORDER_REPLICATE))


def read_features(table: Path, kept: Path, n_faces: int) -> dict[str, np.ndarray]:
    """Return features and labels of the faces that were found, from `kept` where it exists."""
    if not kept.exists():
        columns = pq.read_table(table)
        age = columns["age"].to_numpy()
        rows = np.flatnonzero((age >= AGES[0]) & (age <= AGES[1]))
        rows = np.random.default_rng(0).permutation(rows)[:n_faces]
        images = columns["image_jpeg"]
        jobs = (
            (part, [images[int(row)].as_py() for row in part])
            for part in np.split(rows, range(CHUNK, len(rows), CHUNK))
        )
        found = []
        for done in stream(embed, jobs, n_workers=2):
            found.append(done)
            if len(found) % 10 == 0:
                sys.stdout.write(f"{CHUNK * len(found)} of {len(rows)}\n")
                sys.stdout.flush()
        rows, seen, features = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.argsort(rows)
        rows, seen, features = rows[order], seen[order], features[order]
        labels = {name: columns[name].to_numpy()[rows] for name in ("age", "race")}
        male = np.array(columns["gender"].to_pylist())[rows] == "m"
        np.savez(kept, rows=rows, seen=seen, features=features, male=male, **labels)
    with np.load(kept) as data:
        return {name: data[name] for name in data.files}


def targets_of(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the heads learn, by name."""
    races = {f"race_{name}": data["race"] == code for code, name in enumerate(RACES)}
    return {GENDER: np.where(data["male"], 1, -1), AGE: data["age"], **races}


def held_out_figures(data: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the figures of heads that learned from four fifths, on the other fifth."""
    n = len(data["age"])
    left_out = np.random.default_rng(1).permutation(n) < n // 5
    targets = targets_of(data)
    heads = FaceAttributes.fit(data["features"][~left_out], {k: v[~left_out] for k, v in targets.items()}, views=VIEWS)
    found = heads.predict(data["features"][left_out])
    races = np.argmax([found[f"race_{name}"] for name in RACES], axis=0)
    age, race = data["age"][left_out], data["race"][left_out]
    is_right = (found[GENDER] > 0) == data["male"][left_out]
    error = np.abs(found[AGE] - age)
    young, old, other = age < 20, age >= 60, race == RACES.index("other")
    return {
        "n_held_out": len(age),
        **with_interval("gender_accuracy_score", is_right),
        "n_young": int(young.sum()),
        **with_interval("young_gender_accuracy_score", is_right[young]),
        "n_old": int(old.sum()),
        **with_interval("old_gender_accuracy_score", is_right[old]),
        "age_correlation": float(np.corrcoef(found[AGE], age)[0, 1]),
        **with_interval("age_error_years", error),
        **with_interval("old_age_error_years", error[old]),
        **with_interval("race_accuracy_score", races == race),
        "n_race_other": int(other.sum()),
        **with_interval("race_other_accuracy_score", (races == race)[other]),
    }


def with_interval(name: str, values: np.ndarray, people: np.ndarray | None = None) -> dict[str, float]:
    """Return the mean of some values by name, and the ends of its 95 % interval as name_low and name_high.

    Args:
        name: of the figure.
        values: (n,) one a face.
        people: (n,) names: whole people are drawn; None draws faces.
    """
    _, number = np.unique(np.arange(len(values)) if people is None else people, return_inverse=True)
    counts = resample_people(int(number.max()) + 1, rng=np.random.default_rng(2))  # (resamples, people)
    sums, sizes = np.bincount(number, weights=values), np.bincount(number)
    value = float(np.mean(values))
    interval = percentile_interval(value, (counts @ sums) / (counts @ sizes))
    return {name: value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def ikr_figures(heads: FaceAttributes, data: Path, work: Path) -> dict[str, float]:
    """Return how often the gender of people outside UTKFace is right."""
    face = {"name": "dlib", "output": "pooled", "flip": True, "views": list(VIEWS)}
    build_corpus(PrepareConfig(root=data, out=work / "corpus"))
    faces = embed_corpus(EmbedConfig(corpus=work / "corpus", out=work / "embeddings", face_encoder=face)).face
    male = np.array(faces.attribute("gender")) == "m"
    is_right = (heads.predict(faces.vectors)[GENDER] > 0) == male
    people = np.array(faces.identities)
    return {
        "n_ikr": len(male),
        "n_ikr_people": len(set(faces.identities)),
        **with_interval("ikr_gender_accuracy_score", is_right, people),
        "n_ikr_women": int((~male).sum()),
        **with_interval("ikr_women_accuracy_score", is_right[~male], people[~male]),
        "n_ikr_men": int(male.sum()),
        "ikr_men_accuracy_score": float(is_right[male].mean()),
    }


def main() -> None:
    """Embed, measure, fit on all, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, help="folder that keeps the features")
    parser.add_argument("--faces", type=int, default=N_FACES, help="how many faces are drawn")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    table, kept = arguments.data / "utkface64" / "faces.parquet", arguments.work / "utkface.npz"
    data = read_features(table, kept, arguments.faces)
    n_drawn, seen = len(data["seen"]), data["seen"]
    data = {name: array[seen] for name, array in data.items()}
    heads = FaceAttributes.fit(data["features"], targets_of(data), views=VIEWS)
    figures = held_out_figures(data) | {"n_found": int(seen.sum())}
    figures |= ikr_figures(heads, arguments.data / "ikr", arguments.work / "ikr")
    heads.figures = figures
    views = " and ".join(VIEWS)
    card = CARD.format(views=views, youngest=AGES[0], oldest=AGES[1], n_drawn=n_drawn, ridge=RIDGE, **figures)
    heads.save(FOLDER, card=card, overwrite=True)
    for name, value in figures.items():
        sys.stdout.write(f"{name} {value:g}\n")


if __name__ == "__main__":
    main()

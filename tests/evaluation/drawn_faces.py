"""Made-up drawn and true faces: people are points, drawings repeat them with noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from visavox.evaluation.reconstruction_record import Contestant, DrawnFaces, Judge, TrainingFaces, TrueFaces

JUDGE = Judge("dlib", "dlib's descriptor")
OWN = Judge("face_look", "the model's own encoder", seen_in_training=True)
CLASSIFIER = {
    "name": "a classifier", "gender_accuracy_score": 0.95, "age_error_years": 6.0, "n_held_out": 900,
    "race_accuracy_score": 0.85, "race_other_accuracy_score": 0.04,
}  # fmt: skip
PX = 16


def true_faces(n_people: int = 8, n_clips: int = 3, dim: int = 6, seed: int = 0) -> TrueFaces:
    """People of both genders in turns; clips of a person lie close together."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n_people, dim))
    codes = np.repeat(np.arange(n_people), n_clips)
    features = {j: points[codes] + 0.2 * rng.normal(size=(len(codes), dim)) for j in ("dlib", "face_look")}
    return TrueFaces(
        clips=tuple(f"clip{i:02d}" for i in range(len(codes))),
        people=tuple(f"person{code}" for code in codes),
        videos=tuple(f"video{i}" for i in range(len(codes))),
        genders=tuple("mf"[code % 2] for code in codes),
        genders_given=True,
        features=features,
        male=np.where(codes % 2 == 0, 1.0, -1.0),
        age=20.0 + codes,
        race=codes % 4 // 2 * 1.0,
        pictures=rng.integers(0, 255, size=(len(codes), PX, PX, 3)).astype(np.uint8),
    )


def contestant(true: TrueFaces, name: str = "ours", *, noise: float = 1.0, seed: int = 1, **more: Any) -> Contestant:
    """Draws the true features and adds noise."""
    rng = np.random.default_rng(seed)
    n = len(true.clips)
    features = {j: f + noise * rng.normal(size=f.shape) for j, f in true.features.items()}
    values: dict[str, Any] = {
        "kind": "model",
        "told": "voice (from voice)",
        "leaks": False,
        "features": features,
        "pictures": rng.integers(0, 255, size=(n, PX, PX, 3)).astype(np.uint8),
        "drawn": np.ones(n, dtype=np.bool_),
        "found": np.ones(n, dtype=np.bool_),
        "male": np.asarray(true.male),
        "age": np.asarray(true.age) + 5.0,
        "race": np.asarray(true.race),
        "samples": {
            j: np.stack([f, *(f + 0.3 * rng.normal(size=f.shape) for _ in range(2))], axis=1)
            for j, f in features.items()
        },
    }
    return Contestant(name, **{**values, **more})


def control(true: TrueFaces, name: str = "the average face") -> Contestant:
    """One face for everybody."""
    features = {j: np.tile(f[:1], (len(f), 1)) for j, f in true.features.items()}
    return contestant(true, name, kind="control", told="nothing", features=features, samples={})


def drawn_faces(*, n_people: int = 8, with_training: bool = True) -> DrawnFaces:
    """A model, a folder, the model's own faces and a control."""
    true = true_faces(n_people)
    rng = np.random.default_rng(9)
    training = TrainingFaces(
        tuple(f"learned{i}" for i in range(20)),
        {j: rng.normal(size=(20, 6)) for j in ("dlib", "face_look")},
        rng.integers(0, 255, size=(20, PX, PX, 3)).astype(np.uint8),
    )
    own = contestant(true, "face to face", noise=0.1, kind="own face", told="face (from the true face)", leaks=True)
    return DrawnFaces(
        true,
        (JUDGE, OWN),
        (
            contestant(true),
            contestant(true, "Speech2Face", kind="folder", noise=2.0, seed=2, samples={}),
            own,
            control(true),
        ),
        training if with_training else None,
        CLASSIFIER,
    )

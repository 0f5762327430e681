"""Lists of the sizes that were published, with invented names: for measuring how long reading and scoring take.

Nobody in them exists. The sizes are those of Seeking the Shape of Sound: 189 people, 21,850 voices, 20,076 faces;
65,550 pairs to verify, 42,546 trials of two faces to match, and one search of all voices among all faces.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> sorted(path.name for path in write_full_size(folder, np.random.default_rng(0), share=0.01))
    ['match_v2f_2_test.txt', 'reterival_v2f_test.txt', 'verify_v2f_test.txt', 'vox1_test.csv']
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.published_lists.records import (
    AnyPublished,
    PublishedMatching,
    PublishedRetrieval,
    PublishedVerification,
)
from visavox.corpus.published_lists.writing import write_published

N_PEOPLE, N_VOICES, N_FACES = 189, 21_850, 20_076
N_PAIRS, N_TRIALS = 65_550, 42_546


def write_full_size(folder: str | Path, rng: np.random.Generator, *, share: float = 1.0) -> tuple[Path, ...]:
    """Write a verification, a matching and a retrieval list and their identity file; return the files.

    Args:
        folder: created when missing.
        rng: draws the trials.
        share: of the sizes, above 0; the number of people stays.
    """
    return write_published(folder, full_size_lists(rng, share=share))


def full_size_lists(rng: np.random.Generator, *, share: float = 1.0) -> tuple[AnyPublished, ...]:
    """Return the lists as records.

    Args:
        rng: draws the trials.
        share: of the sizes, above 0.
    """
    n_voices, n_faces = (max(int(n * share), N_PEOPLE) for n in (N_VOICES, N_FACES))
    n_pairs, n_trials = (max(int(n * share), 2) for n in (N_PAIRS, N_TRIALS))
    voice_of, face_of = np.arange(n_voices) % N_PEOPLE, np.arange(n_faces) % N_PEOPLE  # person of each
    ids = tuple(f"id{90_000 + person}" for person in range(N_PEOPLE))
    names = tuple(f"Invented_Person_{person:03d}" for person in range(N_PEOPLE))
    voices = tuple(f"{ids[person]}/video{row % 97:06d}/{row:05d}.wav" for row, person in enumerate(voice_of.tolist()))
    faces = tuple(f"{names[person]}/{row:08d}.jpg" for row, person in enumerate(face_of.tolist()))
    gender = tuple("mf"[person % 2] for person in range(N_PEOPLE))
    common: dict[str, Any] = {
        "protocol": "sss",
        "direction": "voice_to_face",
        "group": "all",
        "people_names": ids,
        "attributes": {"face_id": names, "gender": gender, "nationality": (None,) * N_PEOPLE},
        "probe_names": voices,
        "probe_people": voice_of,
    }
    sides = {**common, "candidate_names": faces, "candidate_people": face_of}
    pairs = rng.integers(n_voices, size=n_pairs)
    same = np.arange(n_pairs) % 2 == 0
    probes = rng.integers(n_voices, size=n_trials)
    positives, negatives = (_faces(rng, voice_of[probes], n_faces, offset=offset) for offset in (False, True))
    second = np.where(same, _faces(rng, voice_of[pairs], n_faces), _faces(rng, voice_of[pairs], n_faces, offset=True))
    return (
        PublishedVerification(name="verify_v2f_test", probes=pairs, candidates=second, labels=same, **sides),
        PublishedMatching(
            name="match_v2f_2_test", probes=probes, candidates=np.stack([positives, negatives], axis=1), **sides
        ),
        PublishedRetrieval(name="reterival_v2f_test", gallery_names=faces, gallery_people=face_of, **common),
    )


def _faces(
    rng: np.random.Generator, people: np.ndarray[Any, np.dtype[np.int64]], n_faces: int, *, offset: bool = False
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return a face of each person, or with `offset` one of somebody else."""
    others = (people + rng.integers(1, N_PEOPLE, size=people.size)) % N_PEOPLE if offset else people
    return others + N_PEOPLE * rng.integers(n_faces // N_PEOPLE, size=people.size)

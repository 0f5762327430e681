"""Measures whether the probabilities of `visavox search` hold: on people whom nothing was fitted on.

The vectors are the held-out ones of a run of `visavox train --subset folds`: each fold has a model of its own that
never saw its people. A voice asks a gallery of faces of its fold (and a face one of voices); half of the times its own
clip is in it. The ratio of a pair is fitted on the pairs of the other folds, so that nobody calibrates himself.

Of people with several clips a gallery of a boxed model may be given too: `search --by person` takes the best clip, and
the table shows what that does.

    OMP_NUM_THREADS=1 python benchmarks/gallery_calibration.py runs/folds --sizes 10 50 180 [--gallery gallery]
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.metrics.calibrators import LogisticCalibrator, fit_logistic
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.gallery.changing import gallery_model
from visavox.pipeline.gallery.gallery_posterior import gallery_posterior
from visavox.pipeline.run_folder import HELD_OUT
from visavox.retrieval.gallery_opening import open_gallery
from visavox.retrieval.gallery_rows import GalleryRows

PRIOR_NOBODY = 0.5
EDGES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
NOBODY_EDGES = (0.0, 0.2, 0.35, 0.45, 0.55, 0.65, 0.8, 1.0)


@dataclass(frozen=True, eq=False)
class Fold:
    """Voices and faces of one fold, row by row of one clip."""

    voice: NDArray[np.float32]
    face: NDArray[np.float32]
    people: NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Asked:
    """One question and its answer."""

    probabilities: NDArray[np.float64]
    """(n,) of all candidates."""
    p_nobody: float
    target: int
    """Row of the right candidate; -1 where it is not among them."""


def load_folds(run: Path) -> list[Fold]:
    """Return the folds of a run; clips with a voice and a face alone."""
    held = CorpusEmbeddings.load(run / HELD_OUT)
    row_of = {clip: row for row, clip in enumerate(held.face.clips)}
    rows = [(row, row_of[clip]) for row, clip in enumerate(held.voice.clips) if clip in row_of]
    voice_rows, face_rows = (np.array(column) for column in zip(*rows, strict=True))
    folds = np.array(held.voice.attribute("fold"))[voice_rows]
    people = np.array(held.voice.identities)[voice_rows]
    return [
        Fold(held.voice.vectors[voice_rows[chosen]], held.face.vectors[face_rows[chosen]], people[chosen])
        for chosen in (folds == name for name in sorted(set(folds)))
    ]


def calibrated_without(folds: Sequence[Fold], left_out: int) -> LogisticCalibrator:
    """Fit the ratio of a pair on all pairs of the other folds."""
    scores, labels = [], []
    for number, fold in enumerate(folds):
        if number == left_out:
            continue
        similarity = fold.voice @ fold.face.T
        other = fold.people[:, None] != fold.people[None, :]
        true = np.diag(similarity)
        scores += [true, similarity[other]]
        labels += [np.ones(len(true), bool), np.zeros(int(other.sum()), bool)]
    return fit_logistic(np.concatenate(scores), np.concatenate(labels))


def ask_folds(folds: Sequence[Fold], size: int, *, n_a_clip: int, seed: int) -> Iterator[tuple[Asked, str]]:
    """Yield answers: every clip of every fold asks in both directions, its target in the gallery half the times."""
    rng = np.random.default_rng(seed)
    for number, fold in enumerate(folds):
        calibrator = calibrated_without(folds, number)
        for direction, asking, asked in (
            ("voice_to_face", fold.voice, fold.face),
            ("face_to_voice", fold.face, fold.voice),
        ):
            ratios = calibrator.log_likelihood_ratio(asking @ asked.T)
            for row in range(len(asking)):
                others = np.flatnonzero(fold.people != fold.people[row])
                if len(others) < size:
                    continue
                for turn in range(n_a_clip):
                    chosen = rng.choice(others, size, replace=False)
                    has_target = (row + turn) % 2 == 0
                    if has_target:
                        chosen[0] = row
                    yield _answer(ratios[row, chosen], 0 if has_target else -1), direction


def ask_people(
    gallery: Path, clips_a_person: int, *, least_clips: int, n_others: int, n_questions: int, seed: int
) -> Iterator[tuple[Asked, str]]:
    """Yield answers where people have several clips each and count by the best; the ratio is the model's own."""
    rng = np.random.default_rng(seed)
    with open_gallery(gallery) as opened:
        model = gallery_model(opened)
        tables = {modality: list(opened.tables(modality)) for modality in opened.modalities}
    voices, faces = _by_person(tables["voice"]), _by_person(tables["face"])
    people = [name for name in faces if len(faces[name]) >= least_clips and name in voices]
    for _ in range(n_questions):
        asker = people[rng.integers(len(people))]
        query = voices[asker][rng.integers(len(voices[asker]))]
        others = [name for name in people if name != asker]
        names = list(rng.choice(others, min(n_others, len(others)), replace=False))
        has_target = bool(rng.integers(2))
        if has_target:
            names[0] = asker
        best = [
            max(faces[name][i] @ query for i in rng.permutation(len(faces[name]))[:clips_a_person]) for name in names
        ]
        ratios = model.pair_ratio(np.array(best))
        assert ratios is not None
        yield _answer(ratios, 0 if has_target else -1), "voice_to_face"


def _by_person(parts: Sequence[GalleryRows]) -> dict[str, NDArray[np.float32]]:
    people = np.array([person for part in parts for person in part.people])
    vectors = np.concatenate([part.vectors for part in parts])
    return {str(name): vectors[people == name] for name in np.unique(people)}


def _answer(ratios: NDArray[np.float64], target: int) -> Asked:
    mass = float(np.logaddexp.reduce(ratios))
    found = gallery_posterior(ratios, log_mass=mass, n=len(ratios), prior_nobody=PRIOR_NOBODY)
    return Asked(found.probabilities, found.p_nobody, target)


def table(answers: Sequence[Asked], title: str) -> str:
    """Return the lines of one size: means where the target is there and where it is not, and reliability by bins."""
    there, away = ([a for a in answers if (a.target >= 0) == is_there] for is_there in (True, False))
    n = len(answers[0].probabilities)
    best_p = np.array([a.probabilities.max() for a in there])
    is_best = np.array([a.probabilities.argmax() == a.target for a in there])
    p_true = np.array([a.probabilities[a.target] for a in there])
    log_loss = -np.mean([np.log(a.probabilities[a.target] if a.target >= 0 else a.p_nobody) for a in answers])
    flat = -np.log(PRIOR_NOBODY) * len(away) / len(answers) - np.log((1 - PRIOR_NOBODY) / n) * len(there) / len(answers)
    in_gallery = p_true / np.array([1 - a.p_nobody for a in there])
    best_in = best_p / np.array([1 - a.p_nobody for a in there])
    lines = [
        f"{title}: {len(answers):,} questions, {len(there):,} with the target in the gallery",
        f"  target there:  mean p of the best, given somebody {best_in.mean():.3f}; the best is right "
        f"{is_best.mean():.3f}; mean p of the right one, given somebody {in_gallery.mean():.3f}",
        f"  mean p_nobody: target away {np.mean([a.p_nobody for a in away]):.3f}, "
        f"there {np.mean([a.p_nobody for a in there]):.3f}, all {np.mean([a.p_nobody for a in answers]):.3f} "
        f"(truth {len(away) / len(answers):.3f})",
        f"  log loss {log_loss:.3f} nats, of the prior alone {flat:.3f}",
        f"  {'p of a candidate':<18} {'n':>10} {'mean p':>8} {'right':>8}",
    ]
    p = np.concatenate([a.probabilities for a in answers])
    right = np.concatenate([np.arange(len(a.probabilities)) == a.target for a in answers])
    lines += _bins(p, right, EDGES)
    lines.append(f"  {'p_nobody':<18} {'n':>10} {'mean p':>8} {'away':>8}")
    lines += _bins(np.array([a.p_nobody for a in answers]), np.array([a.target < 0 for a in answers]), NOBODY_EDGES)
    return "\n".join(lines)


def _bins(p: NDArray[np.float64], truth: NDArray[np.bool_], edges: Sequence[float]) -> list[str]:
    lines = []
    for low, high in itertools.pairwise(edges):
        inside = (p >= low) & (p < high)
        if inside.any():
            means = f"{p[inside].mean():>8.4f} {truth[inside].mean():>8.4f}"
            lines.append(f"  {f'{low:g} to {high:g}':<18} {inside.sum():>10,} {means}")
    return lines


def main() -> None:
    """Print a table a size, and one a number of clips where a gallery is given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run of: visavox train --subset folds")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 50, 180])
    parser.add_argument("--n-a-clip", type=int, default=4, help="galleries that every clip asks")
    parser.add_argument("--gallery", type=Path, help="gallery of people with several clips each")
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--others", type=int, default=10, help="people of a gallery with several clips each")
    parser.add_argument("--questions", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    folds = load_folds(asked.run)
    print(f"{len(folds)} folds of {min(len(f.people) for f in folds)} clips and more")
    for number in range(len(folds)):
        found = calibrated_without(folds, number)
        print(f"  without fold {number}: ratio = {found.slope:.2f} * cosine {found.intercept:+.2f}")
    for size in asked.sizes:
        answers = [a for a, _ in ask_folds(folds, size, n_a_clip=asked.n_a_clip, seed=asked.seed)]
        print(table(answers, f"{size} clips") if answers else f"{size} clips: no fold has so many others")
    for clips in asked.clips if asked.gallery is not None else ():
        several = ask_people(
            asked.gallery,
            clips,
            least_clips=max(asked.clips),  # the same people whatever is counted
            n_others=asked.others,
            n_questions=asked.questions,
            seed=asked.seed,
        )
        print(table([a for a, _ in several], f"the best of {clips} clips a person"))


if __name__ == "__main__":
    main()

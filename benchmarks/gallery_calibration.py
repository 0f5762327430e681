"""Measures whether the probabilities of `visavox search` hold: on people whom nothing was fitted on.

One clip a person: the held-out vectors of a run of `visavox train --subset folds`. Each fold has a model of its own
that never saw its people. A voice asks a gallery of faces of its fold (and a face one of voices); half of the times its
own clip is in it. The ratio of a pair is fitted on the pairs of the other folds, so that nobody calibrates himself.
With --cohort each ratio is divided by its mean over the clips of the fold that are not in the gallery: that takes out
how similar a query is to just anybody, and shows how much of the error comes from it.

Several clips a person: galleries of a boxed model with people whom it was not trained on; the ratio is its own.
A voice asks people with as many faces each, none of the clip that asks; half of the times its own person is among them.
A person counts by the mean over the clips, as in `visavox search`, and, to compare, by the best of them. The questions
are the same for both and, but for the clips, for each number of them.

    OMP_NUM_THREADS=1 python benchmarks/gallery_calibration.py --run runs/folds --sizes 10 50 180 --gallery G H
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import MODALITIES, Modality
from visavox.metrics.calibrators import LogisticCalibrator, fit_logistic
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.gallery.changing import gallery_model
from visavox.pipeline.gallery.gallery_posterior import gallery_posterior
from visavox.pipeline.run_folder import HELD_OUT
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.evidence import log_sum, person_log_means
from visavox.retrieval.gallery_opening import open_gallery

Clips = tuple[NDArray[np.str_], NDArray[np.float32]]
"""Clips of a person, and a vector of each."""

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


@dataclass(frozen=True)
class Several:
    """How people with several clips are asked for."""

    n_people: int
    """Of a gallery."""
    most_clips: int
    """People have more faces than that, so that they are the same whatever is counted."""
    n_questions: int
    seed: int


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


def ask_folds(
    folds: Sequence[Fold], size: int, *, n_a_clip: int, seed: int, with_cohort: bool = False
) -> Iterator[Asked]:
    """Yield answers: every clip of every fold asks in both directions, its target in the gallery half the times."""
    rng = np.random.default_rng(seed)
    for number, fold in enumerate(folds):
        calibrator = calibrated_without(folds, number)
        for asking, asked in ((fold.voice, fold.face), (fold.face, fold.voice)):
            ratios = calibrator.log_likelihood_ratio(asking @ asked.T)
            for row in range(len(asking)):
                others = np.flatnonzero(fold.people != fold.people[row])
                if len(others) < size + with_cohort:
                    continue
                for turn in range(n_a_clip):
                    chosen = rng.choice(others, size, replace=False)
                    shift = 0.0
                    if with_cohort:
                        left = np.setdiff1d(others, chosen)
                        shift = log_sum(ratios[row, left]) - np.log(len(left))
                    has_target = (row + turn) % 2 == 0
                    if has_target:
                        chosen[0] = row
                    yield _answer(ratios[row, chosen] - shift, 0 if has_target else -1)


def ask_people(
    people: Mapping[str, Mapping[Modality, Clips]], model: VoiceFaceModel, asked: Several, *, clips_a_person: int
) -> Iterator[tuple[Asked, Asked]]:
    """Yield answers where people have several clips each: by the mean over them, and by the best."""
    names = [name for name, own in people.items() if len(own["face"][0]) > asked.most_clips and len(own["voice"][0])]
    rng = np.random.default_rng(asked.seed)
    for _ in range(asked.n_questions):
        asker = names[rng.integers(len(names))]
        clips, voices = people[asker]["voice"]
        place = rng.integers(len(voices))
        others = rng.choice([name for name in names if name != asker], asked.n_people, replace=False)
        has_target = bool(rng.integers(2))
        means, bests = [], []
        for name in [asker, *others[1:]] if has_target else others:
            own_clips, faces = people[name]["face"]
            usable = rng.permutation([row for row, clip in enumerate(own_clips) if clip != clips[place]])
            ratios = model.pair_ratio(faces[usable[:clips_a_person]] @ voices[place])
            assert ratios is not None
            n_clips = np.array([clips_a_person])
            means.append(person_log_means(ratios, np.zeros(clips_a_person, dtype=np.int64), n_clips)[0])
            bests.append(ratios.max())
        target = 0 if has_target else -1
        yield _answer(np.array(means), target), _answer(np.array(bests), target)


def load_people(gallery: Path) -> tuple[dict[str, dict[Modality, Clips]], VoiceFaceModel]:
    """Return clips and vectors of each person of a gallery, and its model."""
    with open_gallery(gallery) as opened:
        model = gallery_model(opened)
        people: dict[str, dict[Modality, Clips]] = {}
        for modality in opened.modalities:
            parts = list(opened.tables(modality))
            clips = np.array([clip for part in parts for clip in part.clips])
            names = np.array([name for part in parts for name in part.people])
            vectors = np.concatenate([part.vectors for part in parts])
            for name in np.unique(names):
                people.setdefault(str(name), {})[modality] = clips[names == name], vectors[names == name]
    return {name: own for name, own in people.items() if len(own) == len(MODALITIES)}, model


def _answer(ratios: NDArray[np.float64], target: int) -> Asked:
    found = gallery_posterior(ratios, log_mass=log_sum(ratios), n=len(ratios), prior_nobody=PRIOR_NOBODY)
    return Asked(found.probabilities, found.p_nobody, target)


def table(answers: Sequence[Asked], title: str) -> str:
    """Return the lines of one size: means where the target is there and where it is not, and reliability by bins."""
    there, away = ([a for a in answers if (a.target >= 0) == is_there] for is_there in (True, False))
    best_p = np.array([a.probabilities.max() for a in there])
    is_best = np.array([a.probabilities.argmax() == a.target for a in there])
    p_true = np.array([a.probabilities[a.target] for a in there])
    log_loss, flat = log_losses(answers)
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


def short(answers: Sequence[Asked]) -> str:
    """Return one line: what a table says in its first lines."""
    there, away = ([a for a in answers if (a.target >= 0) == is_there] for is_there in (True, False))
    loss, flat = log_losses(answers)
    given = [a.probabilities.max() / (1 - a.p_nobody) for a in there]
    right = [a.probabilities.argmax() == a.target for a in there]
    means = [np.mean([a.p_nobody for a in part]) for part in (answers, away, there)]
    said, is_away = np.array([a.p_nobody for a in answers]), np.array([a.target < 0 for a in answers])
    ends = "; ".join(
        f"{name} in {chosen.mean():.0%}: {said[chosen].mean():.3f} (truth {is_away[chosen].mean():.3f})"
        for name, chosen in (("below 0.4", said < 0.4), ("above 0.6", said > 0.6))
        if chosen.any()
    )
    return (
        f"p_nobody {means[0]:.3f} (truth {len(away) / len(answers):.3f}; away {means[1]:.3f}, there {means[2]:.3f})  "
        f"loss {loss:.3f} of {flat:.3f}  best given somebody {np.mean(given):.3f}, right {np.mean(right):.3f}\n"
        f"    p_nobody {ends}"
    )


def log_losses(answers: Sequence[Asked]) -> tuple[float, float]:
    """Return the mean log loss of the answers and of the prior alone, nats."""
    p_true = [a.probabilities[a.target] if a.target >= 0 else a.p_nobody for a in answers]
    n = len(answers[0].probabilities)
    share = float(np.mean([a.target < 0 for a in answers]))
    return -float(np.mean(np.log(p_true))), -share * np.log(PRIOR_NOBODY) - (1 - share) * np.log((1 - PRIOR_NOBODY) / n)


def main() -> None:
    """Print a table a size of a run, and one a number of clips of each gallery."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, help="folder of a run of: visavox train --subset folds")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 50, 180])
    parser.add_argument("--n-a-clip", type=int, default=4, help="galleries that every clip asks")
    parser.add_argument("--cohort", action="store_true", help="divide ratios by what a query has with just anybody")
    parser.add_argument("--gallery", type=Path, nargs="*", default=[], help="galleries of people with several clips")
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--people", type=int, default=10, help="people of a gallery with several clips each")
    parser.add_argument("--questions", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bins", action="store_true", help="print reliability by bins too")
    asked = parser.parse_args()
    for line in _of_run(asked) if asked.run is not None else ():
        print(line)
    for gallery in asked.gallery:
        people, model = load_people(gallery)
        for clips in asked.clips:
            several = Several(asked.people, max(asked.clips), asked.questions, asked.seed)
            answers = list(ask_people(people, model, several, clips_a_person=clips))
            for which, own in zip(("mean", "best"), zip(*answers, strict=True), strict=True):
                print(f"{gallery.name} ({model.name}), {clips} each, by the {which}: {short(own)}")
                if asked.bins:
                    print(table(own, f"the {which} of {clips} clips a person"))


def _of_run(asked: argparse.Namespace) -> Iterator[str]:
    folds = load_folds(asked.run)
    yield f"{len(folds)} folds of {min(len(f.people) for f in folds)} clips and more"
    for number in range(len(folds)):
        found = calibrated_without(folds, number)
        yield f"  without fold {number}: ratio = {found.slope:.2f} * cosine {found.intercept:+.2f}"
    for size in asked.sizes:
        answers = list(ask_folds(folds, size, n_a_clip=asked.n_a_clip, seed=asked.seed, with_cohort=asked.cohort))
        if not answers:
            yield f"{size} clips: no fold has so many others"
            continue
        yield f"{size} clips: {len(answers):,} questions: {short(answers)}"
        if asked.bins:
            yield table(answers, f"{size} clips")


if __name__ == "__main__":
    main()

"""Published protocols at full size: how long reading and scoring take, in how much memory, and whether they agree.

    python benchmarks/protocols.py [lists|speed|agreement]

`speed` makes lists as long as the published ones and random vectors of 128 numbers, and times reading, scoring and the
intervals, beside loops written as the published evaluation programs are. `agreement` scores random, tied and degenerate
scores with slow referees. `lists` runs `visavox evaluate` on the first lines of the real lists in VISAVOX_DATA with
made-up embeddings. Without a word all three run. Nothing here is a test.
"""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import Modality
from visavox.corpus.published_lists.reading import read_published
from visavox.corpus.published_lists.records import AnyPublished, PublishedRetrieval
from visavox.evaluation.listed_protocol import ListedProtocol
from visavox.metrics.gallery_ranking import rank_gallery, rank_scores, ranking_measures
from visavox.metrics.listed_scores import pair_scores, unit_rows
from visavox.metrics.matching import listed_accuracy
from visavox.metrics.verification import auc_score, equal_error_rate, min_detection_cost
from visavox.pipeline.listed_vectors import modalities_of
from visavox.registry import PROTOCOLS

N_PEOPLE, N_VOICES, N_FACES, DIM = 189, 21_850, 20_076, 128
N_PAIRS, N_TRIPLES = 65_550, 42_546
N_SAMPLED = 40  # queries of the published retrieval loop that are timed; the rest is scaled


def main() -> None:
    wanted = sys.argv[1:] or ["speed", "agreement", "lists"]
    for name in wanted:
        {"speed": speed, "agreement": agreement, "lists": lists}[name]()


def speed() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rng = np.random.default_rng(0)
        write_full_lists(folder, rng)
        read = {}
        for kind in ("verify", "match", "reterival"):
            alone = folder / kind
            seconds, (read[kind],) = timed(partial(read_published, "sss", alone, folder / "vox1_test.csv"))
            line(f"read the {kind} list, {len(read[kind]):,} lines or probes", seconds)
        vectors = {name: rng.normal(size=(n, DIM)).astype(np.float32) for name, n in (("v", N_VOICES), ("f", N_FACES))}
        seconds, units = timed(lambda: {name: unit_rows(v) for name, v in vectors.items()})
        line("unit vectors of 41,926 items", seconds)
        sides = {kind: picked(record, units) for kind, record in read.items()}
        for kind, plain in (("verify", plain_verification), ("match", plain_matching), ("reterival", plain_retrieval)):
            scored(kind, read[kind], sides[kind], plain)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{'greatest memory of this process, lists and loops included':68} {peak:8.2f} GB")


def scored(kind: str, record: Any, sides: tuple[np.ndarray, np.ndarray], plain: Callable[..., float]) -> None:
    score: dict[str, Callable[..., object]] = {"verify": verification, "match": matching, "reterival": retrieval}
    seconds, ours = min((timed(lambda: score[kind](record, *sides)) for _ in range(3)), key=lambda pair: pair[0])
    line(f"{kind}: score and measure", seconds)
    seconds, theirs = timed(lambda: plain(record, *sides))
    if kind == "reterival":
        seconds *= len(record) / N_SAMPLED
        line(f"{kind}: as a published loop ({N_SAMPLED} of {len(record):,} queries, scaled)", seconds)
    else:
        line(f"{kind}: as a published loop", seconds)
        print(f"    ours {ours}, the loop {theirs:.9f}")
    protocol: ListedProtocol = PROTOCOLS.build("sss")
    rng = np.random.default_rng(0)
    seconds, _ = timed(lambda: protocol.evaluate(record, *sides, group="all", rng=rng))
    line(f"{kind}: the same with curves and 1,000 resamples of people", seconds)


def verification(record: Any, probes: np.ndarray, candidates: np.ndarray) -> str:
    scores = pair_scores(probes, candidates, record.probes, record.candidates)
    measures = (auc_score, equal_error_rate, min_detection_cost)
    return ", ".join(f"{measure(scores, record.labels):.9f}" for measure in measures)


def matching(record: Any, probes: np.ndarray, candidates: np.ndarray) -> str:
    return f"{listed_accuracy(pair_scores(probes, candidates, record.probes, record.candidates)).mean():.9f}"


def retrieval(record: Any, probes: np.ndarray, candidates: np.ndarray) -> object:
    people = {"probe_people": record.probe_people, "gallery_people": record.gallery_people}
    return ranking_measures(rank_gallery(probes, candidates, **people), record.probe_people).mean_average_precision


def plain_verification(record: Any, probes: np.ndarray, candidates: np.ndarray) -> float:
    """One cosine at a time, as the published program."""
    scores = [cosine(probes[p], candidates[c]) for p, c in zip(record.probes, record.candidates, strict=True)]
    return float(roc_auc_score(record.labels, scores))


def plain_matching(record: Any, probes: np.ndarray, candidates: np.ndarray) -> float:
    """One line at a time: is the first candidate the best?"""
    n_right = 0
    for probe, row in zip(record.probes, record.candidates, strict=True):
        scores = [cosine(probes[probe], candidates[column]) for column in row]
        n_right += int(np.argmax(scores) == 0)
    return n_right / len(record)


def plain_retrieval(record: PublishedRetrieval, probes: np.ndarray, candidates: np.ndarray) -> float:
    """Sort the gallery for each query, then walk down the list."""
    precisions = []
    for row in range(N_SAMPLED):
        order = np.argsort(-(candidates @ probes[row]))
        hits, precision = 0, 0.0
        for rank, column in enumerate(order, start=1):
            if record.gallery_people[column] == record.probe_people[row]:
                hits += 1
                precision += hits / rank
        precisions.append(precision / hits)
    return float(np.mean(precisions))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def agreement() -> None:
    """The greatest difference from slow referees, on random, tied and degenerate scores."""
    rng = np.random.default_rng(1)
    worst = {"AUC": 0.0, "matching": 0.0, "average precision": 0.0}
    for levels in (1, 2, 3, 10**9):
        for _ in range(20):
            scores, people = rng.integers(0, levels, (5, 8)) / levels, rng.integers(0, 3, 8)
            people[:3] = (0, 1, 2)
            probes = rng.integers(0, 3, 5)
            found = rank_scores(scores, probe_people=probes, gallery_people=people).average_precision
            slow = [slow_precision(row, people == probe) for row, probe in zip(scores, probes, strict=True)]
            worst["average precision"] = max(worst["average precision"], float(np.abs(found - slow).max()))
            flat, labels = scores.ravel(), (probes[:, None] == people).ravel()
            pairs = list(itertools.product(flat[labels], flat[~labels]))
            auc = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
            worst["AUC"] = max(worst["AUC"], abs(auc - auc_score(flat, labels)))
            chosen = [0.0 if (row[1:] > row[0]).any() else 1 / (1 + int((row[1:] == row[0]).sum())) for row in scores]
            worst["matching"] = max(worst["matching"], float(np.abs(listed_accuracy(scores) - chosen).max()))
    for name, difference in worst.items():
        print(f"greatest difference from a slow referee, {name:20} {difference:.1e}")


def slow_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Mean average precision over every order of the tied items, walked through one by one."""
    found = []
    blocks = [positive[scores == value] for value in sorted(set(scores), reverse=True)]
    for orders in itertools.product(*(distinct_orders(block) for block in blocks)):
        ranked = np.concatenate(orders)
        hits = np.flatnonzero(ranked)
        found.append(np.mean(np.arange(1, len(hits) + 1) / (hits + 1)))
    return float(np.mean(found))


def distinct_orders(block: np.ndarray) -> list[np.ndarray]:
    """Every way to place the positives of a block; all equally likely."""
    places = itertools.combinations(range(len(block)), int(block.sum()))
    return [np.isin(np.arange(len(block)), chosen) for chosen in places]


def lists() -> None:
    """`visavox evaluate` on the first lines of the real lists, with vectors that know the person a little."""
    data = os.environ.get("VISAVOX_DATA")
    if not data:
        print("VISAVOX_DATA is not set: the first lines of the real lists are left out")
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        records = read_published("sss", Path(data) / "lists", None)
        write_embeddings(folder / "vectors", records, strength=0.35, seed=0)
        words = ["evaluate", "--protocol", "sss", "--lists", f"{data}/lists", "--model", "identity"]
        words += ["--embeddings", str(folder / "vectors"), "--out", str(folder / "report")]
        subprocess.run([sys.executable, "-m", "visavox", *words], check=True)


def write_embeddings(folder: Path, records: tuple[AnyPublished, ...], *, strength: float, seed: int) -> None:
    """Write voice.parquet and face.parquet whose rows are named by the paths of the lists."""
    rng = np.random.default_rng(seed)
    centres: dict[str, np.ndarray] = {}
    items: dict[Modality, dict[str, str]] = {"voice": {}, "face": {}}
    for record in records:
        if isinstance(record, PublishedRetrieval):
            others, people = record.gallery_names, record.gallery_people
        else:
            others, people = record.candidate_names, record.candidate_people
        order = modalities_of(record)
        for modality, names, codes in zip(
            order, (record.probe_names, others), (record.probe_people, people), strict=True
        ):
            items[modality] |= {name: record.people_names[code] for name, code in zip(names, codes, strict=True)}
    folder.mkdir(parents=True, exist_ok=True)
    for modality, people_of in items.items():
        for person in people_of.values():
            centres.setdefault(person, np.random.default_rng(list(person.encode())).normal(size=DIM))
        vectors = np.array([strength * centres[p] + rng.normal(size=DIM) for p in people_of.values()])
        keys, owners = tuple(people_of), tuple(people_of.values())
        table = EmbeddingTable(modality, "made up", keys, keys, owners, (None,) * len(keys), {}, vectors)
        table.save(folder / f"{modality}.parquet")


def write_full_lists(folder: Path, rng: np.random.Generator) -> None:
    """Write lists as long as the published test lists, of made-up people."""
    ids, names = [f"id{10000 + i}" for i in range(N_PEOPLE)], [f"Person_{i:03}" for i in range(N_PEOPLE)]
    rows = [f"{a},{b},{'mf'[i % 2]},Nowhere,dev" for i, (a, b) in enumerate(zip(ids, names, strict=True))]
    header = "VoxCeleb1_ID,VGGFace1_ID,Gender,Nationality,Set"
    (folder / "vox1_test.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    voice_people, face_people = (np.sort(rng.permutation(np.arange(n) % N_PEOPLE)) for n in (N_VOICES, N_FACES))
    voices = [f"{ids[p]}/video{i % 900:06}/{i:05}.wav" for i, p in enumerate(voice_people)]
    faces = [f"{names[p]}/{i:08}.jpg" for i, p in enumerate(face_people)]
    of_person = [np.flatnonzero(face_people == p) for p in range(N_PEOPLE)]

    def face(person: int, *, own: bool) -> str:
        other = person if own else (person + int(rng.integers(1, N_PEOPLE))) % N_PEOPLE
        return faces[int(rng.choice(of_person[other]))]

    pairs = [
        f"{voices[i // 3]} {face(int(voice_people[i // 3]), own=bool(rng.random() < 0.5))}" for i in range(N_PAIRS)
    ]
    triples = []
    for i in range(N_TRIPLES):
        person = int(voice_people[i % N_VOICES])
        triples.append(f"{voices[i % N_VOICES]} {face(person, own=True)} {face(person, own=False)}")
    texts = {
        "verify": ("verify_v2f_test.txt", "\n".join(pairs)),
        "match": ("match_v2f_2_test.txt", "\n".join(triples)),
        "reterival": ("reterival_v2f_test.txt", f"{' '.join(voices)}\n{' '.join(faces)}"),
    }
    for kind, (name, text) in texts.items():
        (folder / kind).mkdir()
        (folder / kind / name).write_text(text + "\n", encoding="utf-8")


def picked(record: AnyPublished, units: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Vectors for the names of a list; they are random, so any will do."""
    others = record.gallery_names if isinstance(record, PublishedRetrieval) else record.candidate_names
    return units["v"][: len(record.probe_names)], units["f"][: len(others)]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def line(what: str, seconds: float) -> None:
    print(f"{what:68} {seconds:8.3f} s", flush=True)


if __name__ == "__main__":
    main()

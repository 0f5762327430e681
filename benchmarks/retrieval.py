"""How fast a gallery's vectors are searched, exactly and approximately; every figure is printed as JSON.

    python benchmarks/retrieval.py exact --n 1000000
    python benchmarks/retrieval.py approximate --n 1000000 --index hnsw --out retrieval

`exact` searches random unit vectors, memory-mapped, and sets the time of one query beside that of reading the same
memory once with two threads (the largest absolute value of each half, which is as fast as memory gives).

`approximate` builds an index over faces of the simulated world: two clips a person, 128 numbers a vector, each clip a
little different (nuisance 0.3). It is asked by faces and by voices of people who are not in it, the voices brought into
the space of faces by least squares over 20,000 other clips, as a model would. Truth is the exact search. An index that
`--out` holds already is not built again; vectors never are drawn twice.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from visavox.registry import INDEXES
from visavox.retrieval.base import INDEX_FILE, VectorIndex, load_index
from visavox.retrieval.exact_search import exact_neighbours
from visavox.world.latent_vectors import latent_vectors
from visavox.world.people import make_person
from visavox.world.world_folder import VectorSettings, World

K = 10
N_CLIPS = 2
BLOCK_PEOPLE = 1000
FITTED_PEOPLE = 10_000  # behind the map from voices to faces
ASKING_PEOPLE = 2_000
EFFORTS = {"hnsw": (16, 32, 48, 64, 96, 128), "ivf_pq": (8, 16, 32, 64, 128)}
WORLD = World(n_people=1, n_clips=N_CLIPS, seed=0, layout="embeddings", vectors=VectorSettings(dim=128, nuisance=0.3))


def exact_figures(n: int, dim: int, out: Path, *, n_repeats: int = 7) -> dict[str, Any]:
    """Return milliseconds of exact searches and of a pass over the memory, medians and least.

    Args:
        n: rows.
        dim: numbers of a vector.
        out: folder for the vectors.
        n_repeats: behind each figure.
    """
    path = out / f"random_{n}_{dim}.npy"
    if not path.is_file():
        drawn = np.random.default_rng(0).standard_normal((n, dim), dtype=np.float32)
        np.save(path, _unit(drawn))
    index = INDEXES.build("exact").build(np.load(path, mmap_mode="r"))
    queries = _unit(np.random.default_rng(1).standard_normal((100, dim), dtype=np.float32))
    halves = np.array_split(np.asarray(index.vectors).reshape(-1), 2)
    with ThreadPoolExecutor(2) as pool:
        figures = {"memory_pass_2_threads_ms": _times(lambda: list(pool.map(np.max, halves)), n_repeats)}
    for n_queries in (1, 10, 100):
        asked = queries[:n_queries]
        figures[f"{n_queries}_queries_ms"] = _times(lambda asked=asked: index.search(asked, K), n_repeats)
    some = np.random.default_rng(2).random(n) < 0.1
    figures["1_query_a_tenth_allowed_ms"] = _times(lambda: index.search(queries[:1], K, allowed=some), n_repeats)
    ratio = figures["1_queries_ms"]["median"] / figures["memory_pass_2_threads_ms"]["median"]
    return {"n": n, "dim": dim, **figures, "one_query_in_passes": round(ratio, 2)}


def approximate_figures(n: int, out: Path, spec: dict[str, Any], *, n_repeats: int = 3) -> dict[str, Any]:
    """Return build time, memory, and recall and rate for each effort of an index over faces of the simulated world.

    Args:
        n: rows.
        out: folder for the vectors and the index.
        spec: name and settings of the index.
        n_repeats: behind each rate; the fastest counts, since other work on the machine only slows.
    """
    faces, asked = world_vectors(n, out)
    truth = {side: exact_neighbours(faces, queries, K).rows for side, queries in asked.items()}
    folder = out / f"{'_'.join(str(value) for value in spec.values())}_{n}"
    before_mb = _resident_mb()
    build_s = None
    if not (folder / INDEX_FILE).is_file():
        started = time.perf_counter()
        INDEXES.build(spec).build(faces).save(folder)
        build_s = round(time.perf_counter() - started, 1)
    built_mb = _resident_mb()
    index = load_index(folder)
    rows = [
        {"effort": effort, **{side: _quality(index, asked[side], truth[side], effort, n_repeats) for side in asked}}
        for effort in EFFORTS[index.name]
    ]
    return {
        "n": n,
        "index": spec,
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "build_s": build_s,
        "files_mb": {path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(folder.iterdir())},
        "resident_mb": {"with_vectors": before_mb, "after_building": built_mb, "after_searching": _resident_mb()},
        "efforts": rows,
        "filters": [_filtered(index, asked["voice"][:100], share) for share in (0.5, 0.1, 0.05, 0.02)],
    }


def world_vectors(n: int, out: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return faces of the world (n, 128), and what asks: faces and voices of others, (q, 128); unit rows.

    Drawn once into `out`; later they are read from there.
    """
    names = {name: out / f"world_{n}_{name}.npy" for name in ("gallery", "face", "voice")}
    if not all(path.is_file() for path in names.values()):
        n_gallery = -(-n // N_CLIPS)
        n_people = -(-(n_gallery + ASKING_PEOPLE + FITTED_PEOPLE) // BLOCK_PEOPLE) * BLOCK_PEOPLE
        with ProcessPoolExecutor(2) as pool:
            blocks = list(pool.map(_drawn_block, range(0, n_people, BLOCK_PEOPLE)))
        drawn = {side: np.concatenate([block[side] for block in blocks]) for side in ("voice", "face")}
        first = n_gallery * N_CLIPS
        asking, fitted = slice(first, first + ASKING_PEOPLE * N_CLIPS), slice(first + ASKING_PEOPLE * N_CLIPS, None)
        voices = drawn["voice"].astype(np.float64)
        to_faces = np.linalg.lstsq(voices[fitted], drawn["face"][fitted].astype(np.float64), rcond=1e-6)[0]
        np.save(names["gallery"], _unit(drawn["face"][:n]))
        np.save(names["face"], _unit(drawn["face"][asking]))
        np.save(names["voice"], _unit(voices[asking] @ to_faces))
    asked = {side: np.load(names[side]) for side in ("face", "voice")}
    return np.load(names["gallery"], mmap_mode="r"), asked


def _drawn_block(first: int) -> dict[str, np.ndarray]:
    people = [
        make_person(number, seed=WORLD.seed, population=WORLD.population)
        for number in range(first, first + BLOCK_PEOPLE)
    ]
    return latent_vectors(WORLD, people, first=first)


def _quality(
    index: VectorIndex, queries: np.ndarray, truth: np.ndarray, effort: int, n_repeats: int
) -> dict[str, float]:
    found = index.search(queries, K, effort=effort).rows
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), truth.tolist(), strict=True)])
    best_ms = _times(lambda: index.search(queries, K, effort=effort), n_repeats)["least"]
    return {"recall_at_10": round(float(recall), 4), "queries_a_second": round(1e3 * len(queries) / best_ms)}


def _filtered(index: VectorIndex, queries: np.ndarray, share: float) -> dict[str, float]:
    allowed = np.random.default_rng(3).random(len(index)) < share
    truth = exact_neighbours(index.vectors, queries, K, allowed=allowed).rows
    exact_ms = _times(lambda: exact_neighbours(index.vectors, queries, K, allowed=allowed), 2)["least"]
    own_ms = _times(lambda: index.search(queries, K, allowed=allowed), 2)["least"]
    found = index.search(queries, K, allowed=allowed).rows
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), truth.tolist(), strict=True)])
    return {
        "allowed": share,
        "recall_at_10": round(float(recall), 4),
        "ms_a_query": round(own_ms / len(queries), 3),
        "exact_ms_a_query": round(exact_ms / len(queries), 3),
    }


def _times(work: Callable[[], object], n_repeats: int) -> dict[str, float]:
    work()
    seconds = []
    for _ in range(n_repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return {"median": round(1e3 * statistics.median(seconds), 1), "least": round(1e3 * min(seconds), 1)}


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / lengths).astype(np.float32)


def _resident_mb() -> dict[str, float]:
    """Return the memory of this process, of which file pages can be dropped at any time."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss")}
    return {"own": round(sizes["RssAnon"] / 1e3), "of_files": round(sizes["RssFile"] / 1e3)}


def main() -> None:
    """Measure and print as JSON, with the load of the machine before and after."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("exact", "approximate"))
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=128, help="of exact search; the world's vectors have 128")
    parser.add_argument("--index", default="hnsw", help='name, or JSON: {"name": "hnsw", "links": 32}')
    parser.add_argument("--out", type=Path, required=True, help="folder for vectors and indexes")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    if arguments.what == "exact":
        figures = exact_figures(arguments.n, arguments.dim, arguments.out)
    else:
        named = arguments.index
        spec = json.loads(named) if named.startswith("{") else {"name": named}
        figures = approximate_figures(arguments.n, arguments.out, spec)
    figures["load_before_and_after"] = [round(load, 2), round(os.getloadavg()[0], 2)]
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

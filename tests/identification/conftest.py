"""Made-up people for the tests of identification, and a back-end that notes what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from visavox.identification.backend import Backend
from visavox.identification.samples import Samples
from visavox.registry import BACKENDS

MakeSamples = Callable[..., Samples]


@pytest.fixture
def make_samples() -> MakeSamples:
    """Samples of people "p0", "p1", ...: clips "p0-0", "p0-1", ... around a mean of their own."""

    def make(
        n_people: int,
        n_clips: int,
        *,
        modality: str = "voice",
        dim: int = 12,
        noise: float = 0.3,
        sessions: bool = True,
        n_rows: int = 1,
        seed: int = 0,
    ) -> Samples:
        rng = np.random.default_rng([seed, modality == "face"])
        means = rng.normal(size=(n_people, dim))
        rows = [(p, c, r) for p in range(n_people) for c in range(n_clips) for r in range(n_rows)]
        clips = tuple(f"p{p}-{c}" for p, c, _ in rows)
        return Samples(
            modality,  # type: ignore[arg-type]
            tuple(f"{modality}-{p}-{c}#{r}" for p, c, r in rows),
            clips,
            tuple(f"p{p}" for p, _, _ in rows),
            tuple(f"s{c}" if sessions else "" for _, c, _ in rows),
            np.ones(len(rows)),
            means[[p for p, _, _ in rows]] + noise * rng.normal(size=(len(rows), dim)),
        )

    return make


@dataclass
class Seen:
    """What the spy was given since it was last told to learn."""

    learned: np.ndarray
    enrolled: list[tuple[np.ndarray, np.ndarray]]
    asked: list[np.ndarray]


class SpyBackend(Backend):
    """Scores are products with the mean of a person; everything that comes in is noted."""

    name = "spy"
    fitted = ("rows",)
    seen: list[Seen]

    def __init__(self, *, sign: float = 1.0) -> None:
        self.sign = sign
        self.rows = np.empty((0, 0), dtype=np.float32)

    def learn(self, vectors: np.ndarray, owners: np.ndarray, weights: np.ndarray) -> None:
        self.seen.append(Seen(vectors, [], []))

    def enroll(self, vectors: np.ndarray, owners: np.ndarray, weights: np.ndarray) -> None:
        self.seen[-1].enrolled.append((vectors, owners))
        means = [np.average(vectors[owners == p], axis=0, weights=weights[owners == p]) for p in range(max(owners) + 1)]
        self.rows = np.array(means, dtype=np.float32)

    def person_rows(
        self, vectors: np.ndarray, weights: np.ndarray, others: np.ndarray, of_others: np.ndarray
    ) -> dict[str, np.ndarray]:
        return {"rows": np.average(vectors, axis=0, weights=weights)}

    def scores(self, probes: np.ndarray) -> np.ndarray:
        if self.seen:
            self.seen[-1].asked.append(probes)
        return self.sign * np.asarray(probes @ self.rows.T, dtype=np.float32)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> type[SpyBackend]:
    """The back-end "spy", known to the registry while a test runs; `spy.seen` has an entry for each `learn`."""
    monkeypatch.setitem(BACKENDS._factories, "spy", SpyBackend)
    monkeypatch.setattr(SpyBackend, "seen", [], raising=False)
    return SpyBackend

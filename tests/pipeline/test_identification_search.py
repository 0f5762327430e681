"""Searches: seeded, taken up again where they were killed, and honest about trials that cannot be trained."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError, DataError, MissingDependencyError
from visavox.pipeline.identification_design import NetworkEntry, read_design
from visavox.pipeline.identification_search import FoundOptions, search_options
from visavox.pipeline.identification_settings import IdentifierTraining
from visavox.pipeline.identification_training import DivergedError

SPACE = {"dim": [1, 2, 3, 4], "head": [[8], [8, 4]], "training.learning_rate": {"low": 0.001, "high": 0.1, "log": True}}


def entry(**search: Any) -> NetworkEntry:
    given = {"n_trials": 6, "n_epochs": 2, "space": SPACE, **search}
    values = {"network": {"name": "vit", "dim": 9}, "training": {"n_epochs": 50}, "search": given}
    (found,) = read_design({"tuned": values}).networks()
    return found


class Course:
    """Stands for a training whose figures by epoch are written down: dim -> figures."""

    def __init__(self, courses: Mapping[int, list[float]]) -> None:
        self.courses, self.asked = courses, []

    def __call__(self, spec: Mapping[str, Any], training: IdentifierTraining, report: Any) -> Mapping[str, float]:
        dim = spec["dim"]
        self.asked.append(dim)
        for epoch, value in enumerate(self.courses[dim], start=1):
            report({"epoch": epoch, "validation_top_1": value, "validation_loss": 1 - value})
        return {"validation_top_1": max(self.courses[dim]), "validation_loss": 1 - max(self.courses[dim])}


class Trainer:
    """Stands for a training: the larger `dim`, the better; 3 cannot be trained."""

    def __init__(self, refused: tuple[int, ...] = (), killed_at: int = 0) -> None:
        self.refused, self.killed_at = refused, killed_at
        self.seen: list[tuple[int, int, float]] = []

    def __call__(
        self, spec: Mapping[str, Any], training: IdentifierTraining, report: Callable[[Mapping[str, float]], None]
    ) -> Mapping[str, float]:
        self.seen.append((spec["dim"], training.n_epochs, training.learning_rate))
        if len(self.seen) == self.killed_at:
            raise KeyboardInterrupt
        if spec["dim"] in self.refused:
            raise ConfigError(f"dim {spec['dim']} is not possible.")
        figures = {"validation_top_1": spec["dim"] / 10, "validation_loss": spec["dim"] + 0.0}
        for epoch in (1, 2):
            report({"epoch": epoch, **figures})
        return figures


def search(folder: Path, trainer: Trainer, given: NetworkEntry | None = None, **options: Any) -> FoundOptions:
    return search_options(given or entry(), trainer, seed=options.pop("seed", 0), folder=folder, **options)


def test_the_best_options_replace_those_of_the_network(tmp_path: Path) -> None:
    trainer, seen = Trainer(), []
    found = search(tmp_path, trainer, progress=lambda *p: seen.append(p))
    best = max(trainer.seen)
    assert found.spec["dim"] == best[0] and found.spec["name"] == "vit" and found.spec["head"] in SPACE["head"]
    assert found.training.n_epochs == 50
    assert {epochs for _, epochs, _ in trainer.seen} == {2}
    assert all(0.001 <= rate <= 0.1 for _, _, rate in trainer.seen)
    assert seen[-1] == (6, 6)
    lines = json.loads((tmp_path / "search.json").read_text(encoding="utf-8"))
    assert [line["number"] for line in lines] == list(range(6))
    assert lines[0]["state"] == "complete" and set(lines[0]["options"]) == set(SPACE)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_killed_search_draws_what_a_whole_one_does(tmp_path: Path, sampler: str) -> None:
    whole, first, second = Trainer(), Trainer(killed_at=4), Trainer()
    found = search(tmp_path / "a", whole, entry(sampler=sampler))
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "b", first, entry(sampler=sampler))
    again = search(tmp_path / "b", second, entry(sampler=sampler))
    assert first.seen[:3] + second.seen == whole.seen
    assert again.spec == found.spec and again.training == found.training
    other = Trainer()
    search(tmp_path / "c", other, entry(sampler=sampler), seed=1)
    assert other.seen != whole.seen


def test_loss_is_made_small_and_equal_options_are_trained_once(tmp_path: Path) -> None:
    trainer = Trainer()
    found = search(tmp_path, trainer, entry(measure="loss", space={"dim": [4, 2]}, n_trials=9, sampler="random"))
    assert found.spec["dim"] == 2
    assert len(trainer.seen) == 2 and len(found.trials) == 9


def test_trials_that_cannot_be_trained_are_kept_with_their_reason(tmp_path: Path) -> None:
    found = search(tmp_path, Trainer(refused=(4,)), entry(space={"dim": [3, 4]}, n_trials=8, sampler="random"))
    assert found.spec["dim"] == 3
    assert {line["reason"] for line in found.trials if line["state"] == "fail"} == {"dim 4 is not possible."}
    with pytest.raises(ConfigError, match="No trial of the search of 'tuned' could be trained. dim 4 is not possible."):
        search(tmp_path / "b", Trainer(refused=(4,)), entry(space={"dim": [4]}, n_trials=2))


def test_a_search_of_other_options_is_refused(tmp_path: Path) -> None:
    search(tmp_path, Trainer())
    with pytest.raises(DataError, match="comes from another run: space was"):
        search(tmp_path, Trainer(), entry(space={"dim": [1, 2]}))
    more = search(tmp_path, Trainer(), entry(n_trials=8))
    assert len(more.trials) == 8


def test_without_optuna_the_line_that_installs_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingDependencyError, match=r"Install it: pip install 'visavox\[search\]'"):
        search(tmp_path, Trainer())


@pytest.mark.parametrize("prune", [False, True])
def test_trials_that_go_badly_are_given_up_where_that_is_asked_for(tmp_path: Path, prune: bool) -> None:
    courses = {dim: [0.5, 0.6 + dim / 100] for dim in range(12)} | {dim: [0.1, 0.2] for dim in range(12, 16)}
    trainer = Course(courses)
    given = entry(prune=prune, space={"dim": list(range(16))}, n_trials=16, sampler="random")
    found = search(tmp_path, trainer, given)
    states = {line["state"] for line in found.trials}
    pruned = [line for line in found.trials if line["state"] == "pruned"]
    assert len(found.trials) == 16 and states == ({"complete", "pruned"} if prune else {"complete"})
    for line in pruned:
        assert line["epochs"] == {"1": 0.1} or line["options"]["dim"] < 12  # its second epoch was not waited for
    done = [line for line in found.trials if line["state"] == "complete"]
    best = max(done, key=lambda line: (line["value"], -line["number"]))
    assert (found.best, found.spec["dim"]) == (best["number"], best["options"]["dim"])
    assert best["epochs"] == {str(i): v for i, v in enumerate(courses[found.spec["dim"]], start=1)}


def test_whole_numbers_stay_whole_steps_are_kept_and_no_trial_is_called_twice(tmp_path: Path) -> None:
    seen: list[Any] = []

    def trainer(spec: Mapping[str, Any], training: IdentifierTraining, report: Any) -> Mapping[str, float]:
        seen.append((spec["dim"], spec["share"], training.batch_size))
        return {"validation_top_1": 0.5}

    space = {
        "dim": {"low": 4, "high": 12, "step": 4}, "share": {"low": 0.0, "high": 1.0},
        "training.batch_size": {"low": 2, "high": 64, "log": True},
    }  # fmt: skip
    found = search_options(entry(space=space, n_trials=12, sampler="random"), trainer, seed=0, folder=tmp_path)
    dims, shares, sizes = zip(*seen, strict=True)
    assert set(dims) == {4, 8, 12} and all(isinstance(dim, int) for dim in dims)
    assert all(0 <= share <= 1 for share in shares) and len(set(shares)) == 12
    assert all(isinstance(size, int) and 2 <= size <= 64 for size in sizes)
    assert found.best == 0  # of equals the first
    assert (found.spec["dim"], found.training.batch_size) == (dims[0], sizes[0])


def test_a_search_of_other_clips_is_refused_and_a_finished_one_trains_nothing(tmp_path: Path) -> None:
    first = search(tmp_path, Trainer(), data="one")
    again = Trainer()
    assert search(tmp_path, again, data="one") == first
    assert again.seen == []
    with pytest.raises(DataError, match="comes from another run: data was 'one', is 'two'"):
        search(tmp_path, Trainer(), data="two")


def test_a_loss_that_is_no_number_is_a_failed_trial_and_other_faults_are_not(tmp_path: Path) -> None:
    class Diverging(Trainer):
        def __call__(self, spec: Mapping[str, Any], *words: Any) -> Mapping[str, float]:
            if spec["dim"] == 4:
                raise DivergedError("The loss became nan.")
            return super().__call__(spec, *words)

    found = search(tmp_path / "a", Diverging(), entry(space={"dim": [3, 4]}, n_trials=8, sampler="random"))
    assert found.spec["dim"] == 3 and len(found.trials) == 8
    assert {line["reason"] for line in found.trials if line["state"] == "fail"} == {"The loss became nan."}

    def broken(*_: Any) -> Mapping[str, float]:
        raise DataError("The clips are damaged.")

    with pytest.raises(DataError, match="The clips are damaged."):
        search(tmp_path / "b", broken)  # type: ignore[arg-type]

"""The whole comparison: arenas opened, every method trained with every seed, and a leaderboard for each arena.

    OUT/arenas/NAME/...                      what was prepared, embedded or simulated
    OUT/scores/ARENA/METHOD/seed-0.safetensors
    OUT/leaderboard.json  leaderboard.md  leaderboard.html

A score that is there is not made again, unless its method, budget or data have changed.

Example:
    board = compare_methods(CompareConfig(recipe=Path("recipes/compare-small.yaml")))
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from visavox.errors import ConfigError
from visavox.evaluation.leaderboard import ArenaFacts, Board, Leaderboard, MethodFacts, TrainedOnce, rank
from visavox.evaluation.leaderboard_page import write_leaderboard
from visavox.method_config import CompareConfig
from visavox.pipeline.comparing.arenas import Arena, open_arena
from visavox.pipeline.comparing.compare_recipe import (
    ArenaPlan,
    CompareRecipe,
    MethodPlan,
    own_settings,
    read_compare_recipe,
)
from visavox.pipeline.comparing.method_score import MethodScore, load_score, save_score, score_identity, score_method
from visavox.pipeline.fitting import plan_networks
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.recipe import recipe_name
from visavox.worker_pool import n_processes, stream

SCORES, ARENAS = "scores", "arenas"

Progress = Callable[[int, int], None]
Bar = Callable[[str], AbstractContextManager[Progress]]
_arena: dict[str, Arena] = {}


@dataclass(frozen=True, eq=False)  # a key by itself: its spec is a mapping
class _Job:
    """One training to be done."""

    arena: str
    method: str
    spec: Mapping[str, Any]
    seed: int
    resamples: int
    protocols: tuple[str, ...]
    device: str
    path: Path
    identity: str


def compare_methods(config: CompareConfig, bar: Bar | None = None) -> Leaderboard:
    """Train and measure everything, write the leaderboard, and return it.

    Args:
        config: the recipe and the folder.
        bar: called with the title of each stage; gives a context whose value is called as progress(done, total).

    Raises:
        ConfigError: a wrong recipe, or a folder that is no comparison.
        DataError: an arena cannot be made.
    """
    wanted = {m.name for m in read_compare_recipe(config.recipe, data=config.data, only=config.only).methods}
    recipe = read_compare_recipe(config.recipe, data=config.data)
    out = config.out or Path("runs") / recipe_name(config.recipe)
    _claim(out, recipe, overwrite=config.overwrite)
    arenas = []
    bar = bar or _no_bar
    for plan in recipe.arenas:
        with bar(f"Opening {plan.name}") as progress:
            arenas.append(open_arena(plan, out / ARENAS / plan.name, workers=config.workers, progress=progress))
    jobs = [job for arena in arenas for job in _jobs(recipe, arena, out, Compute.of(config).torch_device)]
    with bar("Training") as progress:
        scores = _scores(jobs, wanted, arenas, n_processes(config.workers), progress)
    recipe = _with_scores(recipe, jobs, scores)
    boards = tuple(_board(recipe, arena, scores) for arena in arenas)
    made = {
        "version": version("visavox"),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "recipe": recipe.name,
        "budget": dict(recipe.budget),
        "seeds": list(recipe.seeds),
        "resamples": recipe.resamples,
        "encoders": {arena.plan.name: dict(arena.encoders) for arena in arenas},
    }
    found = Leaderboard(recipe.name, recipe.about, recipe.reference, boards, made)
    write_leaderboard(found, out)
    return found


def _no_bar(_title: str) -> AbstractContextManager[Progress]:
    return nullcontext(lambda _done, _total: None)


def _with_scores(recipe: CompareRecipe, jobs: list[_Job], scores: list[MethodScore]) -> CompareRecipe:
    """Return the recipe with the methods that have all their scores: `--only` leaves the others to another day."""
    asked, there = (Counter(one.method for one in ones) for ones in (jobs, scores))
    return dataclasses.replace(recipe, methods=tuple(m for m in recipe.methods if there[m.name] == asked[m.name]))


def _claim(out: Path, recipe: CompareRecipe, *, overwrite: bool) -> None:
    """Hold the folder to being new or of this comparison, and clear its scores where they are to be made anew."""
    board = out / "leaderboard.json"
    if board.is_file() and not overwrite:
        try:
            name = json.loads(board.read_text(encoding="utf-8"))["name"]
        except (ValueError, KeyError, TypeError):
            name = recipe.name  # damaged: it is written anew
        if name != recipe.name:
            raise ConfigError(
                f"{out} holds the comparison {name!r}, not {recipe.name!r}. Choose another folder, or replace it with "
                "--overwrite."
            )
    others = [path.name for path in out.iterdir()] if out.is_dir() else []
    if others and not {SCORES, ARENAS} & set(others):
        raise ConfigError(
            f"`out` must be a new or empty folder, or a comparison. {out} holds other files. Choose another."
        )
    if overwrite and (out / SCORES).is_dir():
        shutil.rmtree(out / SCORES)
    out.mkdir(parents=True, exist_ok=True)


def _jobs(recipe: CompareRecipe, arena: Arena, out: Path, device: str) -> Iterator[_Job]:
    for method in recipe.methods:
        spec = recipe.spec(arena.plan, method)
        seeds = recipe.seeds if plan_networks(spec) else recipe.seeds[:1]  # a closed form draws nothing
        for seed in seeds:
            known = score_identity(
                arena, spec, seed=seed, resamples=recipe.resamples, protocols=recipe.protocols, device=device
            )
            path = out / SCORES / arena.plan.name / method.name / f"seed-{seed}.safetensors"
            yield _Job(
                arena.plan.name, method.name, spec, seed, recipe.resamples, recipe.protocols, device, path, known
            )


def _scores(
    jobs: list[_Job], wanted: Collection[str], arenas: list[Arena], n_workers: int, progress: Progress
) -> list[MethodScore]:
    """Return the score of every job, kept or, of the wanted methods, made now."""
    kept = {job: load_score(job.path, identity=job.identity) for job in jobs}
    found = [score for score in kept.values() if score is not None]
    missing = [job for job, score in kept.items() if score is None and job.method in wanted]
    total = len(found) + len(missing)
    progress(len(found), total)
    n_workers = min(n_workers, max(len(missing), 1))
    for score in stream(_train, missing, n_workers=n_workers, initializer=_start, arguments=(arenas,)):
        found.append(score)
        progress(len(found), total)
    return found


def _start(arenas: list[Arena]) -> None:
    _arena.update({arena.plan.name: arena for arena in arenas})


def _train(job: _Job) -> MethodScore:
    score = score_method(
        _arena[job.arena],
        job.spec,
        method=job.method,
        seed=job.seed,
        resamples=job.resamples,
        protocols=job.protocols,
        device=job.device,
    )
    if not score.problem:  # a failure is tried again: its cause may lie outside
        save_score(job.path, score, identity=job.identity)
    return score


def _board(recipe: CompareRecipe, arena: Arena, scores: list[MethodScore]) -> Board:
    here = [score for score in scores if score.arena == arena.plan.name]
    runs = {
        method.name: tuple(
            TrainedOnce(s.seed, s.measures, s.resamples, s.n_parameters, s.train_s, s.problem)
            for s in sorted(here, key=lambda s: s.seed)
            if s.method == method.name
        )
        for method in recipe.methods
    }
    facts = ArenaFacts(
        name=arena.plan.name,
        n_pairs=len(arena.paired.voice),
        n_people=arena.n_people,
        n_trained=min(len(one.train) for one in arena.rounds),
        how=f"{arena.plan.folds} folds"
        if arena.plan.folds
        else f"{arena.plan.test:.0%} of the people kept for the test",
        people_known=not any(name.startswith(("video:", "clip:")) for name in arena.paired.voice.identities),
        predicted_genders=not any(arena.paired.voice.attribute("gender"))
        and not any(arena.paired.face.attribute("gender")),
        ceiling=None if arena.ceiling is None else dict(arena.ceiling.honest),
    )
    methods = {method.name: _facts(recipe, arena.plan, method) for method in recipe.methods}
    return rank(facts, methods, runs, reference=recipe.reference)


def _facts(recipe: CompareRecipe, arena: ArenaPlan, method: MethodPlan) -> MethodFacts:
    spec = recipe.spec(arena, method)
    objectives = [plan.settings.objective for plan in plan_networks(spec)]
    names = dict.fromkeys(found if isinstance(found, str) else str(found["name"]) for found in objectives)
    own = own_settings(spec, {**recipe.budget, **arena.budget})
    return MethodFacts(str(spec["name"]), ", ".join(names), own)

"""Searching for options of a network that names people, with Optuna: on training and validation clips only.

Every trial trains a network of its own for a few epochs with the same seed; trials live in a journal beside the
network, so that a search that was killed goes on where it was. A trial draws with a seed of its own, made of the
search's seed and its number, so that an interrupted search draws what an uninterrupted one would.

Example:
    found = search_options(entry, train_trial, seed=0, folder=Path("run/networks/tuned/search"))
    found.spec, found.training
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.errors import ConfigError, MissingDependencyError
from visavox.persistence import writing
from visavox.pipeline.checkpoints import check_identity
from visavox.pipeline.identification_design import NetworkEntry
from visavox.pipeline.identification_folder import TRIALS
from visavox.pipeline.identification_plan import OF_TRAINING
from visavox.pipeline.identification_settings import IdentifierTraining, SearchSettings
from visavox.pipeline.identification_training import DivergedError

JOURNAL = "journal.log"

Figures = Mapping[str, float]
Report = Callable[[Figures], None]
TrainTrial = Callable[[Mapping[str, Any], IdentifierTraining, Report], Figures]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FoundOptions:
    """What a search chose."""

    spec: Mapping[str, Any]
    """Specification of the network with the best options in it."""
    training: IdentifierTraining
    """Settings of the training, those of the entry with the best options in them."""
    trials: tuple[Mapping[str, Any], ...]
    """One mapping a trial: number, options, state, value, and reason where it failed."""
    best: int
    """Number of the best trial."""


class _Pruned(Exception):  # noqa: N818 - no error
    """A trial is not worth going on with."""


def search_options(
    entry: NetworkEntry,
    train: TrainTrial,
    *,
    seed: int,
    folder: Path,
    data: str = "",
    progress: Progress | None = None,
) -> FoundOptions:
    """Search for the options of a network.

    Args:
        entry: with `search`.
        train: train(spec, training, report) trains one network, calls report with the figures of each epoch, and
            returns those of the epoch that it kept; it raises ConfigError for options that go together badly, and
            DivergedError for those whose loss becomes no number: the trial has failed, and the search goes on.
        seed: of everything that is drawn.
        folder: where trials are kept, and taken up again.
        data: what the clips are: a search that is taken up again must have the same.
        progress: called as progress(trials done, trials).

    Raises:
        MissingDependencyError: Optuna is not installed.
        ConfigError: no trial could be trained; the message says why the last one could not.
        DataError: the folder holds a search with other settings or clips.
    """
    assert entry.search is not None
    settings = entry.search
    optuna = _optuna()
    folder.mkdir(parents=True, exist_ok=True)
    backend = optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name="search",
        direction="maximize" if settings.measure == "top_1" else "minimize",
        pruner=optuna.pruners.MedianPruner() if settings.prune else optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    states = optuna.trial.TrialState
    wanted = _identity(entry, seed, data)
    check_identity(folder / JOURNAL, study.user_attrs.get("identity", wanted), wanted)
    study.set_user_attr("identity", wanted)
    for trial in study.get_trials(deepcopy=False):
        if trial.state == states.RUNNING:  # its process was killed
            study.tell(trial.number, state=states.FAIL)
    while n_done(study, states) < settings.n_trials:
        number = len(study.get_trials(deepcopy=False))
        study.sampler = _sampler(optuna, settings, _trial_seed(seed, n_done(study, states)))
        trial = study.ask()
        options = {name: _suggest(trial, name, values) for name, values in settings.space.items()}
        _do_trial(study, trial, options, (entry, train), states)
        if progress:
            progress(n_done(study, states), settings.n_trials)
        _write_trials(folder, study)
        assert len(study.get_trials(deepcopy=False)) == number + 1
    return _found(entry, study, states)


def _identity(entry: NetworkEntry, seed: int, data: str) -> dict[str, Any]:
    """Return what every trial of a search has in common, as JSON gives it back; more trials may be asked for."""
    assert entry.search is not None
    settings = {name: value for name, value in asdict(entry.search).items() if name != "n_trials"}
    given = {"network": entry.spec, "training": entry.training.as_json(), **settings, "seed": seed, "data": data}
    return dict(json.loads(json.dumps(given)))


def n_done(study: Any, states: Any) -> int:
    """Return how many trials of a study count: all but those whose process was killed."""
    trials = study.get_trials(deepcopy=False)
    return sum(trial.state != states.FAIL or "reason" in trial.user_attrs for trial in trials)


def _do_trial(
    study: Any, trial: Any, options: Mapping[str, Any], task: tuple[NetworkEntry, TrainTrial], states: Any
) -> None:
    """Train the network of a trial and tell the study; a trial with equal options is not trained again."""
    entry, train = task
    assert entry.search is not None
    measure = f"validation_{entry.search.measure}"
    for other in study.get_trials(deepcopy=False, states=(states.COMPLETE,)):
        if other.params == trial.params:
            study.tell(trial, other.value)
            return

    def report(figures: Figures) -> None:
        trial.report(float(figures[measure]), int(figures["epoch"]))
        if trial.should_prune():
            raise _Pruned

    try:
        spec, training = applied(entry, options)
        study.tell(trial, float(train(spec, training, report)[measure]))
    except _Pruned:
        study.tell(trial, state=states.PRUNED)
    except (ConfigError, DivergedError) as error:
        trial.set_user_attr("reason", str(error))
        study.tell(trial, state=states.FAIL)


def applied(
    entry: NetworkEntry, options: Mapping[str, Any], *, trial: bool = True
) -> tuple[dict[str, Any], IdentifierTraining]:
    """Return specification and settings of an entry with some options in them.

    Args:
        entry: with `search`.
        options: of the network, or with "training." before their name.
        trial: take the epochs of a trial instead of those of the training.

    Raises:
        ConfigError: an option of the training is unknown or out of range.
    """
    assert entry.search is not None
    of_training = {n.removeprefix(OF_TRAINING): v for n, v in options.items() if n.startswith(OF_TRAINING)}
    spec = {**entry.spec, **{n: v for n, v in options.items() if not n.startswith(OF_TRAINING)}}
    epochs = {"n_epochs": entry.search.n_epochs} if trial else {}
    training = IdentifierTraining.of({**entry.training.as_json(), **of_training, **epochs}, of=entry.name)
    return spec, training


def _suggest(trial: Any, name: str, values: Any) -> Any:
    """Draw an option; a choice that is a list goes by its JSON, since Optuna keeps plain values only."""
    if isinstance(values, Mapping):
        whole = isinstance(values["low"], int) and isinstance(values["high"], int)
        suggest = trial.suggest_int if whole else trial.suggest_float
        step = {"step": values["step"]} if "step" in values else {}
        return suggest(name, values["low"], values["high"], log=bool(values.get("log")), **step)
    return json.loads(trial.suggest_categorical(name, [json.dumps(value) for value in values]))


def _as_drawn(params: Mapping[str, Any], settings: SearchSettings) -> dict[str, Any]:
    return {n: v if isinstance(settings.space[n], Mapping) else json.loads(v) for n, v in params.items()}


def _found(entry: NetworkEntry, study: Any, states: Any) -> FoundOptions:
    assert entry.search is not None
    trials = study.get_trials(deepcopy=False)
    if not any(trial.state == states.COMPLETE for trial in trials):
        reasons = [trial.user_attrs["reason"] for trial in trials if "reason" in trial.user_attrs]
        raise ConfigError(
            f"No trial of the search of {entry.name!r} could be trained. {reasons[-1] if reasons else ''}"
        )
    best = study.best_trial
    spec, training = applied(entry, _as_drawn(best.params, entry.search), trial=False)
    return FoundOptions(spec, training, tuple(_lines(study)), best.number)


def _lines(study: Any) -> list[dict[str, Any]]:
    lines = []
    for trial in study.get_trials(deepcopy=False):
        options = {name: json.loads(value) if isinstance(value, str) else value for name, value in trial.params.items()}
        line = {"number": trial.number, "options": options, "state": trial.state.name.lower(), "value": trial.value}
        line |= {"epochs": {str(epoch): value for epoch, value in trial.intermediate_values.items()}}
        lines.append(line | dict(trial.user_attrs))
    return lines


def _write_trials(folder: Path, study: Any) -> None:
    with writing(folder / TRIALS) as fresh:
        fresh.write_text(json.dumps(_lines(study), indent=1) + "\n", encoding="utf-8")


def _sampler(optuna: Any, settings: SearchSettings, seed: int) -> Any:
    kind = optuna.samplers.TPESampler if settings.sampler == "tpe" else optuna.samplers.RandomSampler
    return kind(seed=seed)


def _trial_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _optuna() -> Any:
    try:
        optuna = importlib.import_module("optuna")
        importlib.import_module("optuna.storages.journal")
    except ImportError as error:
        raise MissingDependencyError(
            "A search needs Optuna, which is not installed. Install it: pip install 'visavox[search]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna

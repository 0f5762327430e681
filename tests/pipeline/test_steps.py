"""Steps are done once, in order, and final tests only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest

from visavox.config import TrainConfig
from visavox.pipeline import steps as steps_module
from visavox.pipeline.recipe import Step, read_recipe
from visavox.pipeline.steps import TRAININGS, WORK, do_steps

RECIPE = """
steps:
  - embed: {corpus: c, out: first}
  - split: {corpus: c, out: second}
  - evaluate: {pairs: p, out: third, final: true}
"""


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the steps that were really done."""
    names: list[str] = []

    def worker(name: str) -> Callable[[Any, Any], None]:
        def work(config: Any, progress: Any) -> None:
            names.append(name)
            config.out.mkdir(parents=True, exist_ok=True)

        return work

    monkeypatch.setattr(steps_module, "WORK", {name: worker(name) for name in WORK})
    return names


@contextmanager
def no_progress(step: Step) -> Iterator[None]:
    yield None


def go(folder: Path, text: str = RECIPE, *, final: bool = False) -> list[str]:
    (folder / "r.yaml").write_text(text, encoding="utf-8")
    steps = read_recipe(folder / "r.yaml", out=folder, data=None)
    return [line.state for line in do_steps(steps, out=folder, final=final, progress_of=no_progress)]


def test_steps_are_done_in_order_and_then_skipped(tmp_path: Path, done: list[str]) -> None:
    assert go(tmp_path) == ["done", "done", "kept aside"]
    assert go(tmp_path) == ["skipped", "skipped", "kept aside"]
    assert done == ["embed", "split"]


def test_final_tests_are_done_when_asked_for(tmp_path: Path, done: list[str]) -> None:
    go(tmp_path)
    assert go(tmp_path, final=True) == ["skipped", "skipped", "done"]
    assert done == ["embed", "split", "evaluate"]


def test_a_changed_step_and_all_after_it_are_done_again(tmp_path: Path, done: list[str]) -> None:
    go(tmp_path)
    assert go(tmp_path, RECIPE.replace("out: first", "out: first, batch_size: 3")) == ["done", "done", "kept aside"]


def test_a_later_change_leaves_earlier_steps_alone(tmp_path: Path, done: list[str]) -> None:
    go(tmp_path)
    assert go(tmp_path, RECIPE.replace("out: second", "out: second, seed: 3")) == ["skipped", "done", "kept aside"]


def test_a_step_whose_output_is_gone_is_done_again(tmp_path: Path, done: list[str]) -> None:
    go(tmp_path)
    (tmp_path / "first").rmdir()
    assert go(tmp_path)[0] == "done"


def test_a_stamp_that_was_cut_off_counts_as_not_done(tmp_path: Path, done: list[str]) -> None:
    go(tmp_path)
    (tmp_path / ".steps" / "01-embed.json").write_text("{", encoding="utf-8")
    assert go(tmp_path)[0] == "done"


def test_every_step_of_a_recipe_has_its_work() -> None:
    from visavox.pipeline.recipe import STEP_CONFIGS

    assert set(WORK) == set(STEP_CONFIGS)


def test_every_task_of_train_has_what_does_it() -> None:
    assert set(get_args(get_type_hints(TrainConfig)["task"])) == set(TRAININGS)
    assert len(set(TRAININGS.values())) == len(TRAININGS)


@pytest.mark.parametrize("task", list(TRAININGS))
def test_a_training_is_done_by_what_does_its_task(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    stood_in = {name: (lambda config, progress, name=name: asked.append(name)) for name in TRAININGS}
    monkeypatch.setattr(steps_module, "TRAININGS", stood_in)
    WORK["train"](SimpleNamespace(task=task), None)
    assert asked == [task]

"""The training loop: it learns, it repeats itself, and a killed run ends with the same bits."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import visavox.pipeline.training as training
from visavox.batches.pair_batches import Pairs
from visavox.errors import ConfigError, DataError, VisavoxError
from visavox.models.associators.two_tower import TwoTower
from visavox.objectives.base import Objective, TrainingFacts
from visavox.objectives.info_nce import InfoNCE
from visavox.pipeline.checkpoints import STATE_FILE, list_checkpoints
from visavox.pipeline.training import TrainingSettings, scheduled_rate, train_network
from visavox.pipeline.training_log import RunPlace, read_metrics

SETTINGS = TrainingSettings(n_epochs=6, batch_size=16, learning_rate=0.01)


def make_pairs(n: int = 40, *, seed: int = 0, n_people: int | None = None) -> Pairs:
    """Faces of 4 dimensions and voices of 5 that are a fixed map of them, with noise."""
    rng = np.random.default_rng(seed)
    face = rng.normal(size=(n, 4))
    voice = face @ np.random.default_rng(99).normal(size=(4, 5)) + 0.3 * rng.normal(size=(n, 5))
    people = rng.integers(0, n_people, size=n) if n_people else np.arange(n)
    return Pairs.of(voice, face, identities=[f"{seed}-{person}" for person in people])


def make_model(seed: int = 0) -> TwoTower:
    return TwoTower(5, 4, hidden=(16,), output_dim=8, input_dropout=0.1, hidden_dropout=0.2, seed=seed)


def plain(folder: Path, **more: float) -> RunPlace:
    return RunPlace(folder, tensorboard=False, **more)


def assert_same_bits(one: TwoTower, other: TwoTower) -> None:
    for name, array in one.tensors().items():
        np.testing.assert_array_equal(array, other.tensors()[name], err_msg=name)


def differ(one: TwoTower, other: TwoTower) -> bool:
    return any((array != other.tensors()[name]).any() for name, array in one.tensors().items())


def test_it_learns_to_match_people_it_has_not_met() -> None:
    pairs, others = make_pairs(200), make_pairs(60, seed=1)
    model = train_network(make_model(), pairs, replace(SETTINGS, n_epochs=15, batch_size=64))
    similarity = model.similarity(others.voice, others.face)
    assert (similarity.diagonal()[:, None] > similarity).mean() > 0.85
    before = make_model().standardise(pairs.voice, pairs.face).similarity(others.voice, others.face)
    assert (before.diagonal()[:, None] > before).mean() < 0.7


def test_the_loop_equals_the_steps_written_out() -> None:
    """AdamW from its paper, one parameter at a time, on the same batches and the same noise."""
    pairs = make_pairs()
    settings = replace(SETTINGS, n_epochs=2, weight_decay=0.1, schedule="cosine")
    found = train_network(make_model(), pairs, settings)

    model, objective = make_model().standardise(pairs.voice, pairs.face).train(), InfoNCE(0.2)
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence([0, 1]).generate_state(1)[0]))
    named = [*model.named_parameters(), *objective.named_parameters()]
    first = {name: torch.zeros_like(p) for name, p in named}
    second = {name: torch.zeros_like(p) for name, p in named}
    t, n_steps = 0, 2 * 3
    for epoch in (1, 2):
        order = np.random.default_rng([0, epoch]).permutation(40)
        for rows in np.array_split(order, 3):
            rate = 0.01 * (1 + np.cos(np.pi * t / n_steps)) / 2
            t += 1
            voice, face = model(torch.tensor(pairs.voice[rows]), torch.tensor(pairs.face[rows]), generator)
            loss = objective(voice, face)["loss"]
            gradients = torch.autograd.grad(loss, [p for _, p in named])
            with torch.no_grad():
                for (name, p), g in zip(named, gradients, strict=True):
                    decay = 0.0 if name == "log_temperature" else 0.1
                    p *= 1 - rate * decay
                    first[name] = 0.9 * first[name] + 0.1 * g
                    second[name] = 0.999 * second[name] + 0.001 * g * g
                    root = (second[name] / (1 - 0.999**t)).sqrt() + 1e-8
                    p -= rate * first[name] / (1 - 0.9**t) / root
    for name, array in model.tensors().items():
        np.testing.assert_allclose(found.tensors()[name], array, atol=2e-5, err_msg=name)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    pairs = make_pairs()
    one = train_network(make_model(), pairs, SETTINGS)
    torch.rand(7)  # the global generator plays no part
    np.random.default_rng()
    assert_same_bits(one, train_network(make_model(), pairs, SETTINGS))
    assert differ(one, train_network(make_model(), pairs, replace(SETTINGS, seed=1)))


def test_writing_and_watching_do_not_change_the_weights(tmp_path: Path) -> None:
    pairs = make_pairs()
    alone = train_network(make_model(), pairs, SETTINGS)
    watched = train_network(
        make_model(), pairs, SETTINGS, validation=make_pairs(10, seed=1), place=plain(tmp_path / "run")
    )
    assert_same_bits(alone, watched)


def interrupt_at_step(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    forward, calls = InfoNCE.forward, iter(range(10_000))

    def interrupted(self: InfoNCE, *arguments: object, **more: object) -> dict[str, torch.Tensor]:
        if next(calls) == step:
            raise KeyboardInterrupt
        return forward(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(InfoNCE, "forward", interrupted)


@pytest.mark.parametrize("step", [0, 4, 9, 17])
def test_an_interrupted_and_resumed_run_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    pairs, validation = make_pairs(n_people=30), make_pairs(20, seed=1)
    settings = replace(SETTINGS, schedule="cosine", balanced=True, patience_epochs=6)

    def train(folder: Path) -> TwoTower:
        return train_network(make_model(), pairs, settings, validation=validation, place=plain(folder))

    whole = train(tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, step)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "killed")
    assert_same_bits(train(tmp_path / "killed"), whole)

    def story(folder: Path) -> list[dict[str, object]]:
        return [{k: v for k, v in record.items() if k != "seconds"} for record in read_metrics(folder)]

    assert story(tmp_path / "killed") == story(tmp_path / "whole")
    assert len(story(tmp_path / "whole")) == 6


@pytest.mark.slow  # another process has to import torch
def test_a_run_killed_in_the_middle_of_writing_its_state_ends_with_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL, in another process, at the worst moment: the new state is half written."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "import test_training as t\n"
        "import visavox.persistence as persistence\n"
        "save, calls = persistence.save_file, iter(range(100))\n"
        "def half(tensors, path, metadata):\n"
        "    save(tensors, path, metadata)\n"
        "    if next(calls) == 3:\n"
        "        path.write_bytes(path.read_bytes()[:1000])\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "persistence.save_file = half\n"
        "t.train_network(t.make_model(), t.make_pairs(), t.SETTINGS, place=t.plain(Path(sys.argv[1])))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "run"), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(read_metrics(tmp_path / "run")) == 4
    resumed = train_network(make_model(), make_pairs(), SETTINGS, place=plain(tmp_path / "run"))
    assert_same_bits(resumed, train_network(make_model(), make_pairs(), SETTINGS))
    assert [record["epoch"] for record in read_metrics(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]


def test_a_finished_run_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = make_pairs()
    first = train_network(make_model(), pairs, SETTINGS, place=plain(tmp_path))
    lines = (tmp_path / "metrics.jsonl").read_bytes()
    interrupt_at_step(monkeypatch, 0)
    assert_same_bits(train_network(make_model(), pairs, SETTINGS, place=plain(tmp_path)), first)
    assert (tmp_path / "metrics.jsonl").read_bytes() == lines


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": 0.02}, "learning_rate was 0.01, is 0.02"),
        ({"n_epochs": 9}, "n_epochs was 6, is 9"),
        ({"pairs": make_pairs(seed=5)}, "data was"),
        ({"model": make_model(seed=3)}, "associator was"),
    ],
)
def test_a_folder_of_another_run_is_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    train_network(make_model(), make_pairs(), SETTINGS, place=plain(tmp_path))
    pairs, model = change.pop("pairs", make_pairs()), change.pop("model", make_model())
    with pytest.raises(DataError, match=words):
        train_network(model, pairs, replace(SETTINGS, **change), place=plain(tmp_path))  # type: ignore[arg-type]


def test_keeping_checkpoints_may_change_between_kill_and_resume(tmp_path: Path) -> None:
    train_network(make_model(), make_pairs(), SETTINGS, place=plain(tmp_path))
    settings = replace(SETTINGS, checkpoint_every_epochs=1)
    train_network(make_model(), make_pairs(), settings, place=plain(tmp_path))


def test_a_checkpoint_of_every_second_epoch_and_of_the_last(tmp_path: Path) -> None:
    settings = replace(SETTINGS, n_epochs=5, checkpoint_every_epochs=2)
    model = train_network(make_model(), make_pairs(), settings, place=plain(tmp_path))
    found = list_checkpoints(tmp_path)
    assert [checkpoint.step for checkpoint in found] == [6, 12, 15]  # 3 steps an epoch
    last, first = found[-1].load(), found[0].load()
    assert isinstance(last, TwoTower)
    assert isinstance(first, TwoTower)
    assert_same_bits(last, model)
    assert differ(first, model)


def test_the_files_of_a_run_are_the_ones_that_are_documented(tmp_path: Path) -> None:
    settings = replace(SETTINGS, n_epochs=2, checkpoint_every_epochs=2)
    train_network(make_model(), make_pairs(), settings, place=RunPlace(tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["member-0", "metrics.jsonl", "tensorboard"]
    assert sorted(p.name for p in (tmp_path / "member-0").iterdir()) == [STATE_FILE, "step-000006"]
    assert len(list((tmp_path / "tensorboard" / "member-0").iterdir())) == 1


def test_a_line_of_the_log_says_how_training_goes(tmp_path: Path) -> None:
    place = plain(tmp_path, voice_ceiling_positive=0.9539, voice_ceiling_negative=0.899)
    train_network(make_model(), make_pairs(100), SETTINGS, validation=make_pairs(30, seed=1), place=place)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    first, last = lines[0], lines[-1]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert last["step"] == 6 * 7
    assert last["loss"] == pytest.approx((last["voice_to_face_loss"] + last["face_to_voice_loss"]) / 2, rel=1e-5)
    assert last["loss"] < first["loss"] < np.log(16) + 0.5
    assert last["train_positive_similarity"] > last["train_negative_similarity"] + 0.2
    assert last["validation_positive_similarity"] > last["validation_negative_similarity"]
    assert last["validation_matching_score"] > 0.7
    assert 0.01 <= last["temperature"] <= 1
    assert last["temperature"] != 0.2
    assert last["learning_rate"] == 0.01
    assert last["seconds"] > 0
    assert (last["voice_ceiling_positive"], last["voice_ceiling_negative"]) == (0.9539, 0.899)


def scores(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Let validation answer with the given scores, epoch by epoch."""
    answers = iter(values)

    def answer(*_: object) -> object:
        value = next(answers)
        return type("Figures", (), {"matching_score": value})()

    monkeypatch.setattr(training, "pair_figures", answer)


@pytest.mark.parametrize(
    ("values", "best", "n_trained"),
    [
        ([0.5, 0.7, 0.6, 0.6, 0.9, 0.9], 2, 4),  # stops two epochs after the best
        ([0.5, 0.6, 0.55, 0.7, 0.7, 0.7], 4, 6),  # equals do not count as better: the first of them is kept
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 6, 6),
        ([float("nan")] * 6, None, 2),  # never defined: the last epoch is what there is
    ],
)
def test_early_stopping_keeps_the_best_epoch(
    monkeypatch: pytest.MonkeyPatch, values: list[float], best: int | None, n_trained: int
) -> None:
    pairs, validation, epochs = make_pairs(), make_pairs(10, seed=1), []
    scores(monkeypatch, values)
    model = train_network(
        make_model(),
        pairs,
        replace(SETTINGS, patience_epochs=2),
        validation=validation,
        progress=lambda done, _: epochs.append(done),
    )
    assert epochs == list(range(1, n_trained + 1))
    expected = train_network(make_model(), pairs, replace(SETTINGS, n_epochs=best or n_trained))
    assert_same_bits(model, expected)


def test_without_patience_the_last_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = train_network(make_model(), make_pairs(), SETTINGS)
    scores(monkeypatch, [0.9, 0.1, 0.1, 0.1, 0.1, 0.1])
    found = train_network(make_model(), make_pairs(), SETTINGS, validation=make_pairs(10, seed=1))
    assert_same_bits(found, expected)


def test_patience_without_validation_is_refused() -> None:
    with pytest.raises(ConfigError, match="`patience_epochs` needs validation pairs"):
        train_network(make_model(), make_pairs(), replace(SETTINGS, patience_epochs=2))


def test_a_loss_that_is_not_finite_names_the_epoch_and_keeps_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, calls = InfoNCE.forward, iter(range(1000))

    def broken(self: InfoNCE, *arguments: object) -> dict[str, torch.Tensor]:
        found = forward(self, *arguments)  # type: ignore[arg-type]
        return {name: value * float("nan") for name, value in found.items()} if next(calls) == 7 else found

    monkeypatch.setattr(InfoNCE, "forward", broken)
    with pytest.raises(DataError, match=r"nan or infinite in epoch 3 \(seed 0\). Lower `learning_rate`, now 0.01"):
        train_network(make_model(), make_pairs(), SETTINGS, place=plain(tmp_path))
    monkeypatch.undo()
    assert [record["epoch"] for record in read_metrics(tmp_path)] == [1, 2]
    resumed = train_network(make_model(), make_pairs(), SETTINGS, place=plain(tmp_path))
    assert_same_bits(resumed, train_network(make_model(), make_pairs(), SETTINGS))


def test_clips_of_a_person_share_their_target() -> None:
    """Three people of four unrelated clips: only the identities can tell that their faces are positives too."""
    pairs = make_pairs(12)
    pairs = replace(pairs, identity=np.arange(12) // 4)
    settings = replace(SETTINGS, n_epochs=60)

    def train(of: Pairs) -> TwoTower:
        model = TwoTower(5, 4, hidden=(64,), output_dim=8, input_dropout=0, hidden_dropout=0, input_noise=0)
        return train_network(model, of, settings)

    by_person, by_clip = train(pairs), train(replace(pairs, identity=np.arange(12)))
    same = (pairs.identity[:, None] == pairs.identity[None]) & ~np.eye(12, dtype=bool)

    def closeness(model: TwoTower) -> float:
        similarity = model.similarity(pairs.voice, pairs.face)
        return float(similarity[same].mean() - similarity[pairs.allowed()].mean())

    assert closeness(by_person) > closeness(by_clip) + 0.3


def test_balancing_changes_the_weights_only_where_people_repeat() -> None:
    single, repeated = make_pairs(), make_pairs(n_people=5)
    balanced = replace(SETTINGS, balanced=True)
    for name, array in train_network(make_model(), single, balanced).tensors().items():
        np.testing.assert_allclose(array, train_network(make_model(), single, SETTINGS).tensors()[name], atol=1e-4)
    assert differ(train_network(make_model(), repeated, balanced), train_network(make_model(), repeated, SETTINGS))


def test_one_pair_cannot_be_trained_on() -> None:
    with pytest.raises(DataError, match="at least 2 training rows"):
        train_network(make_model(), make_pairs(1), SETTINGS)


def test_two_pairs_and_a_batch_far_larger_can() -> None:
    model = train_network(make_model(), make_pairs(2), replace(SETTINGS, batch_size=400))
    assert np.isfinite(model.similarity(np.ones((1, 5)), np.ones((1, 4)))).all()


def test_a_constant_rate_is_constant_and_a_cosine_falls_from_all_to_nothing() -> None:
    constant, cosine = TrainingSettings(learning_rate=0.5), TrainingSettings(learning_rate=0.5, schedule="cosine")
    assert [scheduled_rate(constant, step, 10) for step in range(10)] == [0.5] * 10
    rates = [scheduled_rate(cosine, step, 10) for step in range(11)]
    assert rates[0] == 0.5
    assert rates[5] == pytest.approx(0.25)
    assert rates[10] == pytest.approx(0)
    assert all(a > b for a, b in itertools.pairwise(rates))


def test_the_defaults_are_those_of_the_reference_results() -> None:
    settings = TrainingSettings()
    assert (settings.n_epochs, settings.batch_size, settings.learning_rate) == (30, 400, 1e-3)
    assert (settings.weight_decay, settings.initial_temperature) == (0.1, 0.2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_epochs", 0),
        ("batch_size", 1),
        ("learning_rate", 0.0),
        ("weight_decay", -0.1),
        ("schedule", "linear"),
        ("initial_temperature", 2.0),
        ("patience_epochs", -1),
        ("checkpoint_every_epochs", -1),
        ("seed", -1),
    ],
)
def test_settings_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"`{name}` must be"):
        TrainingSettings(**{name: value})  # type: ignore[arg-type]


def test_every_setting_has_a_docstring_for_the_help() -> None:
    source = Path(training.__file__).read_text(encoding="utf-8")
    for name in TrainingSettings.__dataclass_fields__:
        declaration = source.index(f"    {name}: ")
        assert source[declaration:].split("\n")[1].strip().startswith('"""'), name


class Recorder(Objective):
    """Half the squared distance of the pairs, and a diary of everything it was shown."""

    takes = "raw"
    needs_labels = True
    extras = ("covariates", "rows")
    wants_all_vectors = True

    def __init__(self) -> None:
        super().__init__()
        self.offset = torch.nn.Parameter(torch.zeros(()))
        self.matrix = torch.nn.Parameter(torch.ones(2, 2))
        self.seen: list[dict[str, Any]] = []
        self.steps: list[int] = []
        self.passes: list[tuple[torch.Size, int]] = []
        self.facts: TrainingFacts | None = None

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:
        self.facts, self.drawn = facts, torch.rand(1, generator=generator)

    def before_step(self, step: int) -> None:
        self.steps.append(step)

    def before_epoch(self, voice: torch.Tensor, face: torch.Tensor, generator: torch.Generator) -> None:
        assert not voice.requires_grad
        self.passes.append((face.shape, generator.initial_seed()))

    def figures(self) -> dict[str, float]:
        return {"n_seen": float(len(self.seen))}

    def forward(
        self,
        voice: torch.Tensor,
        face: torch.Tensor,
        labels: torch.Tensor | None = None,
        weights: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        *,
        covariates: Mapping[str, torch.Tensor],
        rows: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        assert labels is not None
        self.seen.append({"voice": voice, "labels": labels, "rows": rows, **covariates})
        return {"loss": (voice - face).square().sum(dim=1).mean() / 2 + 0 * (self.offset + self.matrix.sum())}


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    objective = Recorder()
    monkeypatch.setattr(TrainingSettings, "build_objective", lambda _: objective)
    return objective


def test_an_objective_is_shown_all_that_it_asks_for(recorder: Recorder, tmp_path: Path) -> None:
    pairs = Pairs.of(
        np.eye(6, 5),
        np.eye(6, 4)[::-1],
        identities=["c", "a", "b", "a", "c", "d"],
        covariates={"gender": ["m", "f", None, "f", "m", "m"]},
    )
    some = pairs.select(np.array([0, 1, 2, 3, 4]))  # without d: identities must still be counted from 0
    train_network(make_model(), some, replace(SETTINGS, n_epochs=2, batch_size=3), place=plain(tmp_path))
    assert recorder.facts == TrainingFacts(
        n_people=3, dim=8, n_rows=5, n_steps=4, n_values={"gender": 2}, people=("a", "b", "c")
    )
    assert recorder.steps == [0, 1, 2, 3]
    assert [shape for shape, _ in recorder.passes] == [(5, 8), (5, 8)]
    assert recorder.passes[0][1] != recorder.passes[1][1]
    for batch in recorder.seen:
        assert [[2, 0, 1, 0, 2][row] for row in batch["rows"]] == batch["labels"].tolist()
        assert [[1, 0, -1, 0, 1][row] for row in batch["rows"]] == batch["gender"].tolist()
    assert sorted(torch.cat([batch["rows"] for batch in recorder.seen[:2]]).tolist()) == [0, 1, 2, 3, 4]
    lengths = torch.linalg.vector_norm(recorder.seen[0]["voice"], dim=1)
    assert (lengths - 1).abs().max() > 0.01  # raw rows, not scaled
    assert [row["n_seen"] for row in read_metrics(tmp_path)] == [2.0, 4.0]


def test_one_pair_a_person_never_shows_a_person_twice_and_draws_anew(recorder: Recorder) -> None:
    pairs = make_pairs(40, n_people=7)
    train_network(make_model(), pairs, replace(SETTINGS, n_epochs=4, one_per_person=True))
    assert [sorted(batch["labels"].tolist()) for batch in recorder.seen] == [list(range(7))] * 4
    assert len({tuple(sorted(batch["rows"].tolist())) for batch in recorder.seen}) == 4
    people = np.unique(pairs.identity, return_inverse=True)[1]
    assert all(people[batch["rows"]].tolist() == batch["labels"].tolist() for batch in recorder.seen)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_other_optimisers_follow_their_rule(recorder: Recorder, optimiser: Any) -> None:
    """Two steps of a linear network, written out from the update rules."""
    pairs = make_pairs(8)
    model = TwoTower(5, 4, hidden=(), output_dim=3, input_dropout=0, input_noise=0)
    settings = replace(SETTINGS, n_epochs=2, optimiser=optimiser, momentum=0.8, weight_decay=0.05)
    first = model.tensors()["voice.layers.0.weight"].astype(np.float64)
    found = train_network(model, pairs, settings).tensors()

    twin = TwoTower(5, 4, hidden=(), output_dim=3, input_dropout=0, input_noise=0)
    twin.standardise(pairs.voice, pairs.face)
    velocity: dict[str, Any] = {name: 0.0 for name, _ in twin.named_parameters()}
    square: dict[str, Any] = dict(velocity)
    for t in (1, 2):
        voice, face = twin.raw(torch.tensor(pairs.voice), torch.tensor(pairs.face))
        twin.zero_grad()
        ((voice - face).square().sum(dim=1).mean() / 2).backward()
        for name, p in twin.named_parameters():
            gradient = p.grad + 0.05 * p.data
            if optimiser == "sgd":
                velocity[name] = 0.8 * velocity[name] + gradient
                p.data -= 0.01 * velocity[name]
            else:
                velocity[name] = 0.9 * velocity[name] + 0.1 * gradient
                square[name] = 0.999 * square[name] + 0.001 * gradient**2
                p.data -= 0.01 * velocity[name] / (1 - 0.9**t) / ((square[name] / (1 - 0.999**t)).sqrt() + 1e-8)
    np.testing.assert_allclose(found["voice.layers.0.weight"], twin.tensors()["voice.layers.0.weight"], atol=1e-5)
    assert np.abs(found["voice.layers.0.weight"] - first).max() > 1e-3


def test_single_numbers_of_an_objective_do_not_decay_and_matrices_do(recorder: Recorder) -> None:
    with torch.no_grad():
        recorder.offset += 1
    train_network(make_model(), make_pairs(), replace(SETTINGS, n_epochs=1, weight_decay=0.5))
    assert recorder.offset.item() == 1
    assert recorder.matrix.max().item() < 1


def test_the_rate_falls_to_a_tenth_at_each_share() -> None:
    settings = replace(SETTINGS, schedule="steps", drop_at=[0.5, 0.75], learning_rate=1.0)
    rates = [scheduled_rate(settings, step, 8) for step in range(8)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_objectives_keep_their_state_when_a_run_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(SETTINGS, objective={"name": "info_nce", "initial_temperature": 0.5}, optimiser="sgd")
    whole = train_network(make_model(), make_pairs(), settings, place=plain(tmp_path / "whole"))
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, 7)
        with pytest.raises(KeyboardInterrupt):
            train_network(make_model(), make_pairs(), settings, place=plain(tmp_path / "killed"))
    assert_same_bits(train_network(make_model(), make_pairs(), settings, place=plain(tmp_path / "killed")), whole)
    assert read_metrics(tmp_path / "killed")[-1]["temperature"] == read_metrics(tmp_path / "whole")[-1]["temperature"]


def test_a_spec_with_options_says_its_own_temperature() -> None:
    assert replace(SETTINGS, initial_temperature=0.3).build_objective().figures()["temperature"] == pytest.approx(0.3)
    spec = {"name": "info_nce", "initial_temperature": 0.7}
    own = replace(SETTINGS, objective=spec, initial_temperature=0.3).build_objective()
    assert own.figures()["temperature"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"objective": "info"}, "info_nce"),
        ({"objective": {"name": "info_nce", "margin": 1}}, "takes no 'margin'"),
        ({"optimiser": "rmsprop"}, "`optimiser` must be one of adamw, adam, sgd"),
        ({"momentum": 1.0}, "`momentum`"),
        ({"drop_at": [0.5]}, "`drop_at` is of the schedule steps"),
        ({"schedule": "steps"}, "`drop_at` is of the schedule steps"),
        ({"schedule": "steps", "drop_at": [1.0]}, "`drop_at` must be a number"),
        ({"one_per_person": 1}, "`one_per_person` must be true or false"),
    ],
)
def test_wrong_settings_of_an_objective_or_an_optimiser_are_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(VisavoxError, match=words):
        replace(SETTINGS, **values)

"""A spec of a recipe becomes the associator that it describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.batches.pair_batches import Pairs
from visavox.errors import ConfigError, UnknownNameError
from visavox.models.associators.base import Associator
from visavox.models.associators.cca import CCA
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.two_tower import TwoTower
from visavox.pipeline import fitting
from visavox.pipeline.fitting import fit_associator, plan_networks
from visavox.pipeline.training import TrainingSettings, train_network
from visavox.pipeline.training_log import RunPlace, read_metrics
from visavox.registry import ASSOCIATORS

RNG = np.random.default_rng(0)
FACE = RNG.normal(size=(30, 4))
PAIRS = Pairs.of(
    FACE @ RNG.normal(size=(4, 5)) + RNG.normal(size=(30, 5)),
    FACE,
    identities=[f"p{i}" for i in RNG.integers(0, 20, 30)],
)
SETTINGS = TrainingSettings(n_epochs=2, batch_size=16, seed=7)
NETWORK: dict[str, Any] = {"name": "two_tower", "hidden": [6], "output_dim": 3}
CLOSED: dict[str, Any] = {"name": "cca", "n_components": 2, "ridge_voice": 3.0}


def assert_same(one: Associator, other: Associator) -> None:
    np.testing.assert_array_equal(one.similarity(PAIRS.voice, FACE), other.similarity(PAIRS.voice, FACE))


def test_a_closed_form_is_fitted_with_the_arguments_of_its_spec() -> None:
    found = fit_associator(CLOSED, PAIRS, SETTINGS)
    assert isinstance(found, CCA)
    assert (found.ridge_voice, found.n_components) == (3.0, 2)
    assert_same(found, CCA(5, 4, n_components=2, ridge_voice=3.0).fit(PAIRS.voice, PAIRS.face))


def test_balancing_reaches_the_closed_form() -> None:
    found = fit_associator(CLOSED, PAIRS, TrainingSettings(balanced=True))
    expected = CCA(5, 4, n_components=2, ridge_voice=3.0)
    assert_same(found, expected.fit(PAIRS.voice, PAIRS.face, weights=PAIRS.balancing_weights()))


def test_one_network_is_trained_with_the_settings_seed() -> None:
    found = fit_associator(NETWORK, PAIRS, SETTINGS)
    assert isinstance(found, TwoTower)
    expected = train_network(TwoTower(5, 4, hidden=[6], output_dim=3, seed=7), PAIRS, SETTINGS)
    assert_same(found, expected)


def test_several_networks_are_an_ensemble_of_following_seeds() -> None:
    found = fit_associator({**NETWORK, "n_members": 3}, PAIRS, SETTINGS)
    assert isinstance(found, Ensemble)
    assert [member.seed for member in found.members] == [7, 8, 9]  # type: ignore[attr-defined]
    assert_same(found.members[0], fit_associator(NETWORK, PAIRS, SETTINGS))
    assert_same(found.members[2], fit_associator({**NETWORK, "seed": 9}, PAIRS, SETTINGS))


def test_a_spec_may_change_any_training_setting() -> None:
    (plan,) = plan_networks({**NETWORK, "n_epochs": 5, "learning_rate": 0.1, "balanced": True}, SETTINGS)
    assert (plan.settings.n_epochs, plan.settings.learning_rate, plan.settings.balanced) == (5, 0.1, True)
    assert plan.settings.batch_size == SETTINGS.batch_size
    assert plan.arguments == {"hidden": [6], "output_dim": 3, "seed": 7}


def test_a_weighted_sum_of_closed_form_and_networks() -> None:
    spec = {"name": "ensemble", "members": [CLOSED, {**NETWORK, "n_members": 2}], "weights": [3, 1]}
    found = fit_associator(spec, PAIRS, SETTINGS)
    closed = fit_associator(CLOSED, PAIRS, SETTINGS).similarity(PAIRS.voice, FACE)
    networks = fit_associator({**NETWORK, "n_members": 2}, PAIRS, SETTINGS).similarity(PAIRS.voice, FACE)
    np.testing.assert_allclose(found.similarity(PAIRS.voice, FACE), 0.75 * closed + 0.25 * networks, atol=1e-6)


def test_networks_of_nested_specs_have_labels_of_their_own() -> None:
    many = {**NETWORK, "n_members": 2}
    spec = {"name": "ensemble", "members": [many, CLOSED, {"name": "ensemble", "members": [NETWORK, many]}]}
    assert [plan.label for plan in plan_networks(spec)] == ["0.0", "0.1", "2.0.0", "2.1.0", "2.1.1"]
    assert plan_networks(CLOSED) == []
    assert [plan.label for plan in plan_networks(many)] == ["0", "1"]


def test_a_name_alone_takes_every_default() -> None:
    assert plan_networks("two_tower")[0].settings == TrainingSettings()


def test_progress_counts_the_epochs_of_all_networks() -> None:
    seen: list[tuple[int, int]] = []
    spec = {"name": "ensemble", "members": [{**NETWORK, "n_epochs": 1}, CLOSED, {**NETWORK, "n_members": 2}]}
    fit_associator(spec, PAIRS, SETTINGS, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_a_run_of_several_networks_writes_one_log_and_resumes_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {**NETWORK, "n_members": 3}
    place = RunPlace(tmp_path / "run", tensorboard=False)
    train, calls = train_network, iter(range(100))

    def interrupted(*arguments: Any, **more: Any) -> TwoTower:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return train(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "train_network", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit_associator(spec, PAIRS, SETTINGS, place=place)
    found = fit_associator(spec, PAIRS, SETTINGS, place=place)
    assert_same(found, fit_associator(spec, PAIRS, SETTINGS))
    lines = [(record["member"], record["epoch"]) for record in read_metrics(tmp_path / "run")]
    assert lines == [("0", 1), ("0", 2), ("1", 1), ("1", 2), ("2", 1), ("2", 2)]


def test_the_result_survives_saving(tmp_path: Path) -> None:
    spec = {"name": "ensemble", "members": [CLOSED, {**NETWORK, "n_members": 2}], "weights": [2, 1]}
    found = fit_associator(spec, PAIRS, SETTINGS)
    found.save_pretrained(tmp_path / "best")
    assert_same(Associator.from_folder(tmp_path / "best"), found)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (5, "must be a name or a mapping with `name`. Got 5"),
        ({"name": "ensemble", "members": [CLOSED, 5]}, "must be a name or a mapping with `name`. Got 5"),
        ({"name": "ensemble", "members": [CLOSED], "weights": 3}, "`weights` must have one number a member, 1. Got 3"),
        ({"name": "ensemble", "members": [CLOSED], "weights": ["a"]}, "`weights` must be a number"),
        ({**NETWORK, "hidden": 5}, "`hidden` must be"),
        ({**NETWORK, "balanced": "no"}, "`balanced` must be true or false. Got 'no'"),
        ({**CLOSED, "ridge_voice": "a"}, "`ridge_voice` must be a number"),
        ("ccb", "Unknown associator 'ccb'. Did you mean 'cca'"),
        ({"ridge_voice": 1}, "An associator needs a `name`"),
        ({**CLOSED, "n_members": 2}, "'cca' takes no 'n_members'"),
        ({**CLOSED, "voice_dim": 5}, "'cca' takes no 'voice_dim'"),
        ({**NETWORK, "hiden": [3]}, "'two_tower' takes no 'hiden'. It takes: .*hidden"),
        ({**NETWORK, "n_members": 0}, "`n_members` must be a whole number of at least 1"),
        ({**NETWORK, "n_epochs": 0}, "`n_epochs` must be"),
        ({"name": "ensemble"}, "An ensemble needs `members`, a list of specs. Got None"),
        ({"name": "ensemble", "members": []}, "An ensemble needs `members`"),
        ({"name": "ensemble", "members": [CLOSED], "weight": [1]}, "'ensemble' takes no 'weight'"),
        ({"name": "ensemble", "members": [CLOSED], "weights": [1, 2]}, r"one number a member, 1. Got \[1, 2\]"),
        ({"name": "ensemble", "members": [{**CLOSED, "x": 1}]}, "'cca' takes no 'x'"),
    ],
)
def test_a_wrong_spec_is_refused_before_anything_is_trained(spec: Any, words: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=words) as error:
        plan_networks(spec, SETTINGS)
    assert "\n" not in str(error.value)


def test_the_callers_spec_is_not_changed() -> None:
    spec = {"name": "ensemble", "members": [dict(CLOSED), {**NETWORK, "n_members": 2}], "weights": [2, 1]}
    before = repr(spec)
    fit_associator(spec, PAIRS, SETTINGS)
    assert repr(spec) == before


def test_an_associator_that_nobody_can_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further plug-in was trained as two towers, whatever its name said; a network now trains as itself."""
    monkeypatch.setitem(ASSOCIATORS._factories, "strange", CCA)
    with pytest.raises(ConfigError, match="Nobody knows how to fit the associator 'strange'"):
        fit_associator("strange", PAIRS, SETTINGS)


def test_a_network_plug_in_is_trained_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow(TwoTower):
        smallest_dims = (2, 2)

        def __init__(self, voice_dim: int, face_dim: int, *, seed: int = 0) -> None:
            super().__init__(voice_dim, face_dim, hidden=(), output_dim=2, seed=seed)

    monkeypatch.setitem(ASSOCIATORS._factories, "narrow", Narrow)
    (plan,) = plan_networks({"name": "narrow", "n_epochs": 3, "objective": "info_nce"})
    assert (plan.factory, plan.settings.n_epochs, dict(plan.arguments)) == (Narrow, 3, {"seed": 0})
    with pytest.raises(ConfigError, match="'narrow' takes no 'hidden'"):
        plan_networks({"name": "narrow", "hidden": [4]})


def test_heads_need_a_corpus() -> None:
    with pytest.raises(ConfigError, match="'heads' is trained with the encoders. Give --corpus"):
        plan_networks("heads")

"""Two networks on a sphere, against a forward pass written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.models.associators.two_tower import Tower, TwoTower

RNG = np.random.default_rng(0)
VOICE, FACE = RNG.normal(size=(40, 5)) * 3 + 1, RNG.normal(size=(40, 4)) - 2


def make(**arguments: object) -> TwoTower:
    given = {"hidden": (7, 6), "output_dim": 3, **arguments}
    return TwoTower(5, 4, **given).standardise(VOICE, FACE)  # type: ignore[arg-type]


def referee(x: np.ndarray, tensors: dict[str, np.ndarray], role: str, n_layers: int) -> np.ndarray:
    """One row at a time, one layer at a time."""
    rows = []
    for row in x:
        h = (row - tensors[f"{role}.mean"]) / tensors[f"{role}.scale"]
        for k in range(n_layers):
            weight, bias = tensors[f"{role}.layers.{k}.weight"], tensors[f"{role}.layers.{k}.bias"]
            h = np.array([sum(w * value for w, value in zip(line, h, strict=True)) for line in weight]) + bias
            if k < n_layers - 1:
                h = np.where(h > 0, h, 0.0)
        rows.append(h / np.sqrt((h**2).sum()))
    return np.array(rows)


@pytest.mark.parametrize("hidden", [(), (7,), (7, 6)])
def test_encoding_equals_the_layers_written_out(hidden: tuple[int, ...]) -> None:
    model = make(hidden=hidden)
    tensors = model.tensors()
    np.testing.assert_allclose(model.encode_voice(VOICE), referee(VOICE, tensors, "voice", len(hidden) + 1), atol=1e-5)
    np.testing.assert_allclose(model.encode_face(FACE), referee(FACE, tensors, "face", len(hidden) + 1), atol=1e-5)


def test_gelu_is_used_where_it_is_asked_for() -> None:
    model = make(hidden=(7,), activation="gelu").eval()
    x = (torch.tensor(VOICE, dtype=torch.float32) - model.voice_tower.mean) / model.voice_tower.scale
    first, last = model.voice_tower.layers
    expected = torch.nn.functional.normalize(last(torch.nn.functional.gelu(first(x)))).detach().numpy()
    np.testing.assert_allclose(model.encode_voice(VOICE), expected, atol=1e-6)
    assert np.abs(model.encode_voice(VOICE) - make(hidden=(7,)).encode_voice(VOICE)).max() > 0.01


def test_forward_equals_encode_when_not_training() -> None:
    model = make().eval()
    voice, face = model(torch.tensor(VOICE, dtype=torch.float32), torch.tensor(FACE, dtype=torch.float32))
    np.testing.assert_allclose(voice.detach().numpy(), model.encode_voice(VOICE), atol=1e-6)
    np.testing.assert_allclose(face.detach().numpy(), model.encode_face(FACE), atol=1e-6)


def test_encoding_is_free_of_noise_and_leaves_the_mode_as_it_was() -> None:
    model = make().train()
    np.testing.assert_array_equal(model.encode_voice(VOICE), model.encode_voice(VOICE))
    assert model.training
    assert model.voice_tower.training


def test_training_passes_differ_and_follow_the_generator() -> None:
    model = make().train()
    x, y = torch.tensor(VOICE, dtype=torch.float32), torch.tensor(FACE, dtype=torch.float32)

    def run(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        voice, face = model(x, y, torch.Generator().manual_seed(seed))
        return voice, face

    assert all(torch.equal(a, b) for a, b in zip(run(1), run(1), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(run(1), run(2), strict=True))


def test_chunks_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    whole = model.encode_voice(VOICE)
    monkeypatch.setattr(TwoTower, "chunk", 7)
    np.testing.assert_allclose(model.encode_voice(VOICE), whole, atol=1e-6)


def test_dropout_keeps_the_mean_and_drops_the_share() -> None:
    tower = Tower((1000, 1), input_dropout=0.2, hidden_dropout=0.0, input_noise=0.0).train()
    x = tower._drop(torch.ones(200, 1000), 0.2, torch.Generator().manual_seed(0))
    assert (x == 0).float().mean().item() == pytest.approx(0.2, abs=0.005)
    assert x.mean().item() == pytest.approx(1.0, abs=0.005)
    assert torch.unique(x).tolist() == pytest.approx([0.0, 1.25])
    tower.eval()
    assert torch.equal(tower._drop(torch.ones(3, 3), 0.9, None), torch.ones(3, 3))


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    tower = Tower((50, 50), input_dropout=0.0, hidden_dropout=0.0, input_noise=0.5).train()
    with torch.no_grad():
        tower.layers[0].weight.copy_(torch.eye(50))
        tower.layers[0].bias.zero_()
    found = tower(torch.zeros(2000, 50), torch.Generator().manual_seed(0))
    assert found.std().item() == pytest.approx(0.5, abs=0.01)


def test_first_weights_follow_the_seed_and_torchs_own_bounds() -> None:
    one, same, other = TwoTower(50, 40, seed=1), TwoTower(50, 40, seed=1), TwoTower(50, 40, seed=2)
    weight = one.tensors()["voice.layers.0.weight"]
    np.testing.assert_array_equal(weight, same.tensors()["voice.layers.0.weight"])
    assert (weight != other.tensors()["voice.layers.0.weight"]).any()
    bound = 1 / np.sqrt(50)
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    assert np.abs(one.tensors()["face.layers.0.bias"]).max() <= 1 / np.sqrt(40)


def test_building_and_training_leave_torchs_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    make().train()(torch.ones(2, 5), torch.ones(2, 4), torch.Generator().manual_seed(0))
    assert torch.equal(before, torch.random.get_rng_state())


def test_both_towers_get_gradient() -> None:
    model = make().train()
    voice, face = model(torch.randn(8, 5), torch.randn(8, 4))
    (voice * face).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_standardisers_are_saved_but_not_trained() -> None:
    model = make()
    assert not any("mean" in name or "scale" in name for name, _ in model.named_parameters())
    np.testing.assert_allclose(model.tensors()["voice.mean"], VOICE.mean(0), rtol=1e-5)
    np.testing.assert_allclose(model.tensors()["face.scale"], FACE.std(0).mean(), rtol=1e-5)


def test_weights_reach_the_standardisers() -> None:
    weights = np.zeros(40)
    weights[:10] = 1
    model = TwoTower(5, 4).standardise(VOICE, FACE, weights=weights)
    np.testing.assert_allclose(model.tensors()["voice.mean"], VOICE[:10].mean(0), rtol=1e-5)


def test_a_standardised_network_does_not_care_for_shift_and_size() -> None:
    model = make()
    moved = TwoTower(5, 4, hidden=(7, 6), output_dim=3).standardise(VOICE * 9 + 4, FACE / 7 - 1)
    np.testing.assert_allclose(moved.similarity(VOICE * 9 + 4, FACE / 7 - 1), model.similarity(VOICE, FACE), atol=1e-4)


def test_the_default_is_the_reference_design() -> None:
    model = TwoTower(256, 128)
    assert model.shapes()["voice.layers.0.weight"] == (256, 256)
    assert model.shapes()["voice.layers.1.weight"] == (64, 256)
    assert model.shapes()["face.layers.0.weight"] == (256, 128)
    assert (model.input_dropout, model.hidden_dropout, model.input_noise) == (0.2, 0.5, 0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"hidden": (0,)}, "`hidden` must be a whole number"),
        ({"output_dim": 0}, "`output_dim` must be"),
        ({"input_dropout": 1.0}, "`input_dropout` must be a number of at least 0 and at most 0.99"),
        ({"hidden_dropout": -0.1}, "`hidden_dropout` must be"),
        ({"input_noise": -1}, "`input_noise` must be"),
        ({"seed": -1}, "`seed` must be"),
        ({"activation": "tanh"}, "`activation` must be one of relu, gelu. Got 'tanh'"),
        ({"mode": "x"}, "`mode` must be one of"),
    ],
)
def test_arguments_out_of_range_are_said(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TwoTower(5, 4, **arguments)  # type: ignore[arg-type]


def test_standardising_with_nan_names_the_row() -> None:
    face = FACE.copy()
    face[3] = np.nan
    with pytest.raises(DataError, match="Face vector in row 3"):
        TwoTower(5, 4).standardise(VOICE, face)

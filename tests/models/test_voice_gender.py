"""The voice gender head: the fit against its definition, the folder, the head of the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from visavox.errors import DataError
from visavox.media.audio import read_voice
from visavox.models import voice_gender
from visavox.models.encoders.ge2e import GE2EEncoder
from visavox.models.voice_gender import VoiceGender, boxed_voice_gender


@pytest.fixture(scope="module")
def voices() -> tuple[np.ndarray, np.ndarray]:
    """(80, 4) embeddings of very different widths, and genders that depend on two of them with some noise."""
    rng = np.random.default_rng(2)
    x = rng.normal(5, 1, (80, 4)) * [0.01, 1, 3, 1]
    return x, (x[:, 0] - 0.05) * 100 + x[:, 1] - 5 + rng.normal(0, 0.7, 80) > 0


@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_the_fit_is_the_minimum_of_the_penalised_log_loss(voices: tuple, penalty: float) -> None:
    x, male = voices
    z = (x - x.mean(axis=0)) / x.std(axis=0)

    def loss(w: np.ndarray) -> float:
        total = 0.5 * penalty * float(w[:4] @ w[:4])
        for row, is_male in zip(z, male, strict=True):
            logit = float(row @ w[:4] + w[4])
            total += np.log1p(np.exp(-logit if is_male else logit))
        return total

    best = minimize(loss, np.zeros(5), tol=1e-8).x
    found = VoiceGender.fit(x, male, penalty=penalty).scores(x)
    np.testing.assert_allclose(found, z @ best[:4] + best[4], atol=2e-3)


def test_a_score_above_zero_is_a_man(voices: tuple) -> None:
    x, male = voices
    assert ((VoiceGender.fit(x, male, penalty=1.0).scores(x) > 0) == male).mean() > 0.8


def test_a_dimension_that_never_varies_is_left_out(voices: tuple) -> None:
    x, male = voices
    wider = np.column_stack([x, np.full(80, 0.0)])
    head = VoiceGender.fit(wider, male)
    assert head.weights[4] == 0
    np.testing.assert_allclose(head.scores(wider), VoiceGender.fit(x, male).scores(x), atol=1e-4)


def test_a_saved_folder_gives_the_same_scores_back(voices: tuple, tmp_path: Path) -> None:
    x, male = voices
    head = VoiceGender.fit(x, male, figures={"n": 3})
    head.save(tmp_path / "head", card="# Card")
    again = VoiceGender.from_folder(tmp_path / "head")
    assert again.figures == {"n": 3}
    np.testing.assert_array_equal(again.scores(x), head.scores(x))
    with pytest.raises(DataError, match="not empty"):
        head.save(tmp_path / "head", card="")


def test_what_cannot_be_learned_from_is_refused(voices: tuple) -> None:
    x, male = voices
    with pytest.raises(DataError, match="Got voices of one gender"):
        VoiceGender.fit(x, np.ones(80, dtype=bool))
    with pytest.raises(DataError, match=r"Got embeddings \(80, 4\) and genders \(79,\)"):
        VoiceGender.fit(x, male[1:])
    with pytest.raises(DataError, match="must be finite"):
        VoiceGender.fit(np.full_like(x, np.inf), male)


@pytest.mark.parametrize("shape", [(4,), (2, 5)])
def test_embeddings_of_another_length_are_refused(voices: tuple, shape: tuple[int, ...]) -> None:
    x, male = voices
    with pytest.raises(DataError, match=r"read from \(4,\) embeddings. Got shape"):
        VoiceGender.fit(x, male).scores(np.zeros(shape))
    assert VoiceGender.fit(x, male).scores(np.zeros((0, 4))).shape == (0,)


def test_a_folder_of_something_else_is_refused(voices: tuple, tmp_path: Path) -> None:
    x, male = voices
    VoiceGender.fit(x, male).save(tmp_path / "head", card="")
    path = tmp_path / "head" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "arguments": {"colour": 1}}))
    with pytest.raises(DataError, match="describes no gender head"):
        VoiceGender.from_folder(tmp_path / "head")
    path.write_text(json.dumps({**config, "arguments": {"n_features": 5}}))
    with pytest.raises(DataError, match="does not fit"):
        VoiceGender.from_folder(tmp_path / "head")
    path.write_text(json.dumps({**config, "kind": "associator"}))
    with pytest.raises(DataError, match="not a saved voice gender head"):
        VoiceGender.from_folder(tmp_path / "head")


def test_the_head_of_the_package_says_how_good_it_is() -> None:
    head = boxed_voice_gender()
    assert head.n_features == 256
    assert head.figures["ikr_gender_accuracy_score"] > 0.9
    assert head.figures["n_ikr"] > 170
    assert np.abs(head.weights).max() > 0.01


def test_the_card_of_the_package_names_data_licence_figures_and_limits() -> None:
    folder = Path(voice_gender.__file__).parents[1] / "pretrained" / "voice_gender"
    card = (folder / "README.md").read_text(encoding="utf-8")
    figure = f"{boxed_voice_gender().figures['ikr_gender_accuracy_score']:.3f}"
    for words in ("AVSpeech", "CC BY-NC 4.0", "predicted", "Not for deciding", "IKR", figure):
        assert words in card
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20_000


def test_real_voices_of_given_gender_are_told_apart(real_data: Path) -> None:
    """Some of the people that the figures of the card come from: their clips are named after their gender."""
    paths = sorted(path for path in (real_data / "ikr" / "voices").iterdir() if path.name[0] in "fm")[::12]
    is_male = boxed_voice_gender().scores(GE2EEncoder().encode([read_voice(path) for path in paths])) > 0
    assert len(paths) > 12
    assert (is_male == np.array([path.name[0] == "m" for path in paths])).mean() > 0.9

"""The GE2E encoder against figures frozen from resemblyzer, and its batched path against the plain one."""

from __future__ import annotations

import importlib.util
import itertools
import math
import pickle
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError, MissingDependencyError
from visavox.models.encoders import ge2e
from visavox.models.encoders.ge2e import GE2EEncoder, normalise_volume, weights_path, window_starts
from visavox.models.mel import mel_frames
from visavox.registry import ENCODERS

FREEZE = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "freeze_ge2e.py"))
REFERENCE = np.load(Path(__file__).parent / "ge2e_reference.npz")
VOICES = {name: FREEZE["voice"](*arguments) for name, arguments in FREEZE["VOICES"].items()}


@pytest.fixture(scope="module")
def encoder() -> GE2EEncoder:
    return GE2EEncoder()


@pytest.fixture(scope="module")
def hidden() -> GE2EEncoder:
    return GE2EEncoder(output="hidden")


def test_embeddings_equal_those_of_resemblyzer(encoder: GE2EEncoder) -> None:
    vectors = encoder.encode(list(VOICES.values()))
    expected = np.stack([REFERENCE[f"{name}_embedding"] for name in VOICES])
    np.testing.assert_allclose(vectors, expected, atol=1e-4)
    assert vectors.dtype == np.float32
    # A test that could not fail: five voices that all look alike.
    similarity = expected @ expected.T
    assert similarity[np.triu_indices(5, 1)].max() < 0.95


def test_the_reference_names_the_packages_that_made_it() -> None:
    versions = dict(v.split("==") for v in REFERENCE["versions"])
    assert versions["resemblyzer"] == "0.1.4"
    assert set(versions) == {"resemblyzer", "librosa", "torch", "numpy", "scipy"}


@pytest.mark.parametrize("name", list(VOICES))
def test_voices_are_cut_into_as_many_windows_as_by_resemblyzer(name: str) -> None:
    assert len(window_starts(len(VOICES[name]))) == REFERENCE[f"{name}_n_windows"]


def test_windows_by_hand() -> None:
    # 25,600 samples fill one window exactly; the next begins at 77 frames = 12,320 samples, and counts from 75 %.
    second = 77 * 160 + round(0.75 * 25_600)
    assert window_starts(1) == [0]
    assert window_starts(25_600) == [0]
    assert window_starts(second - 1) == [0]
    assert window_starts(second) == [0, 77]
    assert window_starts(10 * 16_000) == list(range(0, 848, 77))


def resemblyzer_starts(n_samples: int) -> list[int]:
    """The rule in Resemblyzer's words: steps over all frames, then the last one dropped if it is covered too little."""
    n_frames = math.ceil((n_samples + 1) / 160)
    starts = [frame for frame in range(max(1, n_frames - 160 + 77 + 1)) if frame % 77 == 0]
    covered = (n_samples - 160 * starts[-1]) / (160 * 160)
    return starts[:-1] if covered < 0.75 and len(starts) > 1 else starts


def test_windows_are_those_of_resemblyzers_rule_at_every_length() -> None:
    # Every length near a multiple of a frame, where roundings could differ, and some between.
    for n_samples in range(1, 100_000):
        if n_samples % 160 in (0, 1, 77, 159):
            assert window_starts(n_samples) == resemblyzer_starts(n_samples), n_samples


def test_every_sample_but_the_last_few_lies_in_a_window() -> None:
    for n_samples in range(1, 200_000, 997):
        starts = window_starts(n_samples)
        covered = (starts[-1] + 160) * 160
        assert n_samples - covered < 0.75 * 25_600
        assert all(b - a == 77 for a, b in itertools.pairwise(starts))


def test_a_batch_equals_one_voice_after_another(encoder: GE2EEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    voices = list(VOICES.values())
    one_by_one = np.concatenate([encoder.encode([voice]) for voice in voices])
    np.testing.assert_allclose(encoder.encode(voices), one_by_one, atol=1e-6)
    np.testing.assert_allclose(encoder.encode(voices[::-1])[::-1], one_by_one, atol=1e-6)
    monkeypatch.setattr(ge2e, "MAX_WINDOWS", 3)  # smaller than one voice
    np.testing.assert_allclose(encoder.encode(voices), one_by_one, atol=1e-6)


def plain_lstm(mels: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Pre-ReLU output and the final hidden state of each layer for (frames, 40), gate by gate."""
    weights = torch.load(weights_path(), map_location="cpu", weights_only=True)["model_state"]
    w = {name: value.double().numpy() for name, value in weights.items()}

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    inputs, finals = mels.astype(np.float64), []
    for layer in range(3):
        h, c, outputs = np.zeros(256), np.zeros(256), []
        for x in inputs:
            gates = w[f"lstm.weight_ih_l{layer}"] @ x + w[f"lstm.bias_ih_l{layer}"]
            gates = gates + w[f"lstm.weight_hh_l{layer}"] @ h + w[f"lstm.bias_hh_l{layer}"]
            i, f, g, o = np.split(gates, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            outputs.append(h)
        inputs = np.array(outputs)
        finals.append(h)
    return w["linear.weight"] @ finals[-1] + w["linear.bias"], finals


def test_one_window_equals_a_loop_over_gates(encoder: GE2EEncoder, hidden: GE2EEncoder) -> None:
    voice = VOICES["window"]
    raw, finals = plain_lstm(mel_frames(torch.from_numpy(voice), n_frames=160).numpy())
    positive = np.maximum(raw, 0)
    np.testing.assert_allclose(encoder.encode([voice])[0], positive / np.linalg.norm(positive), atol=1e-5)
    np.testing.assert_allclose(hidden.encode([voice])[0], np.concatenate([raw, *finals]), atol=1e-4)


def test_embeddings_have_unit_length_and_no_negative_value(encoder: GE2EEncoder) -> None:
    vectors = encoder.encode(list(VOICES.values()))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors.min() == 0
    assert encoder.dim == vectors.shape[1] == 256


def test_hidden_is_the_mean_over_windows_and_keeps_what_the_relu_throws_away(hidden: GE2EEncoder) -> None:
    voice = VOICES["five"]
    windows = [voice[start * 160 :] for start in window_starts(len(voice))]
    assert len(windows) > 3
    vector = hidden.encode([voice])[0]
    assert vector.shape == (hidden.dim,) == (1024,)
    assert (vector[:256] < 0).sum() > 50
    network = ge2e._load(weights_path())
    each = network(ge2e._windows(torch.from_numpy(voice)), "hidden").numpy()
    assert each.shape == (len(windows), 1024)
    np.testing.assert_allclose(vector, each.mean(axis=0), atol=1e-5)
    assert np.ptp(each, axis=0).max() > 0.05


def test_quiet_voices_are_raised_and_loud_ones_left_alone(encoder: GE2EEncoder) -> None:
    voice = VOICES["five"]
    assert np.abs(normalise_volume(voice) - voice).max() == 0
    quiet = normalise_volume(voice / 1000)
    assert 20 * np.log10(np.sqrt(np.mean(np.square(quiet, dtype=np.float64)))) == pytest.approx(-30, abs=1e-3)
    np.testing.assert_allclose(encoder.encode([voice / 1000]), encoder.encode([voice / 5000]), atol=1e-4)
    assert not normalise_volume(np.zeros(5, dtype=np.float32)).any()


def test_the_voice_is_not_changed(encoder: GE2EEncoder) -> None:
    voice = VOICES["quiet"].copy()
    encoder.encode([voice])
    np.testing.assert_array_equal(voice, VOICES["quiet"])


@pytest.mark.parametrize("n_samples", [1, 100, 4000])
def test_very_short_voices_and_silence_have_finite_vectors(encoder: GE2EEncoder, n_samples: int) -> None:
    for voice in (VOICES["five"][1000 : 1000 + n_samples], np.zeros(n_samples, dtype=np.float32)):
        vector = encoder.encode([voice])
        assert np.isfinite(vector).all()
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_short_voice_is_followed_by_zeros(encoder: GE2EEncoder) -> None:
    voice = VOICES["seven"][:8000]  # loud enough that the zeros do not let its volume be raised
    padded = np.pad(voice, (0, 25_600 - 8000))
    np.testing.assert_allclose(encoder.encode([voice]), encoder.encode([padded]), atol=1e-6)


def test_an_empty_batch_has_the_right_width(encoder: GE2EEncoder, hidden: GE2EEncoder) -> None:
    assert encoder.encode([]).shape == (0, 256)
    assert hidden.encode([]).shape == (0, 1024)


@pytest.mark.parametrize(
    ("voice", "words"),
    [
        (np.empty(0, dtype=np.float32), r"Voice 1 has \(0,\)"),
        (np.zeros((2, 800), dtype=np.float32), r"Voice 1 has \(2, 800\)"),
        (np.array([0.0, np.nan, np.inf], dtype=np.float32), "Voice 1 holds 2 NaN or infinite samples"),
    ],
)
def test_what_is_no_voice_is_refused_with_its_place(encoder: GE2EEncoder, voice: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        encoder.encode([VOICES["short"], voice])
    assert "\n" not in str(caught.value)


def test_the_registry_builds_it_by_name_and_refuses_other_outputs() -> None:
    assert ENCODERS.build({"name": "ge2e", "output": "hidden"}).dim == 1024
    with pytest.raises(ConfigError, match=r"must be 'embedding' or 'hidden'\. Got 'logits'"):
        ENCODERS.build({"name": "ge2e", "output": "logits"})
    with pytest.raises(ConfigError, match="takes no 'outputs'"):
        ENCODERS.build({"name": "ge2e", "outputs": "hidden"})


def test_the_identifier_tells_the_outputs_apart_and_not_the_devices() -> None:
    assert GE2EEncoder().identifier == "ge2e-1(output='embedding')"
    assert GE2EEncoder(output="hidden").identifier == "ge2e-1(output='hidden')"
    assert GE2EEncoder(device="cuda").identifier == GE2EEncoder().identifier


def test_the_provenance_says_what_the_weights_saw() -> None:
    provenance = GE2EEncoder().provenance
    for name in ("LibriSpeech", "VoxCeleb1 dev", "VoxCeleb2", "voice only"):
        assert name in provenance.training_data
    assert provenance.licence == "Apache-2.0"


def test_it_crosses_into_another_process_without_its_weights(encoder: GE2EEncoder) -> None:
    expected = encoder.encode([VOICES["short"]])
    data = pickle.dumps(encoder)
    assert len(data) < 1000
    np.testing.assert_array_equal(pickle.loads(data).encode([VOICES["short"]]), expected)


def test_resemblyzer_is_found_and_never_imported(encoder: GE2EEncoder) -> None:
    encoder.encode([VOICES["short"]])
    assert "resemblyzer" not in sys.modules


def test_without_resemblyzer_the_error_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"pip install --no-deps -r requirements-offline\.txt"):
        GE2EEncoder().encode([VOICES["short"]])


@pytest.mark.parametrize("content", [b"", b"not weights", pickle.dumps(print, protocol=2), {"model_state": {}}, {}])
def test_damaged_weights_are_one_line(tmp_path: Path, content: bytes | dict[str, object]) -> None:
    if isinstance(content, dict):
        torch.save(content, tmp_path / "pretrained.pt")
    else:
        (tmp_path / "pretrained.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"are damaged .* Install resemblyzer again") as caught:
        ge2e._load(tmp_path / "pretrained.pt")
    assert "\n" not in str(caught.value)


def test_real_voices_of_one_clip_are_nearer_than_those_of_two(encoder: GE2EEncoder, real_data: Path) -> None:
    from visavox.media.audio import read_voice

    paths = sorted((real_data / "avspeech" / "voices").glob("*.opus"))[:24:2]
    halves = [half for path in paths for half in np.array_split(read_voice(path), 2)]
    vectors = encoder.encode(halves)
    similarity = vectors[::2] @ vectors[1::2].T  # (first halves, second halves)
    same = np.diag(similarity).mean()
    other = similarity[~np.eye(len(paths), dtype=bool)].mean()
    assert same > other + 0.15

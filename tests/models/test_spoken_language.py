"""Languages from a tiny model of random weights that is made here; the hub is never asked."""

from __future__ import annotations

import builtins
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visavox.errors import DataError, MissingDependencyError
from visavox.models.spoken_language import MAX_S, SAMPLE_RATE, SpokenLanguage

transformers = pytest.importorskip("transformers")

LANGUAGES = {0: "eng", 1: "deu", 2: "fra"}


def voice(seed: int, seconds: float = 1.5) -> np.ndarray:
    """Noise through a filter of its own, (samples,) float32."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=int(seconds * SAMPLE_RATE))
    return np.convolve(noise, rng.normal(size=40), mode="same").astype(np.float32) * 0.05


@pytest.fixture(scope="module")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a tiny classifier with random weights into a folder of its own."""

    def make(labels: dict[int, str] = LANGUAGES, sampling_rate: int = SAMPLE_RATE) -> Path:
        folder = tmp_path_factory.mktemp("language")
        torch.manual_seed(0)
        config = transformers.Wav2Vec2Config(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            conv_dim=(8, 8),
            conv_stride=(10, 8),
            conv_kernel=(10, 8),
            num_feat_extract_layers=2,
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            classifier_proj_size=8,
            id2label=labels,
            label2id={name: number for number, name in labels.items()},
        )
        network = transformers.Wav2Vec2ForSequenceClassification(config)
        with torch.no_grad():  # weights drawn at random would hear one language everywhere
            heard = torch.from_numpy(np.stack([voice(seed) / voice(seed).std() for seed in range(8)]))
            network.classifier.bias -= network.eval()(heard).logits.mean(dim=0)
        network.save_pretrained(folder)
        transformers.Wav2Vec2FeatureExtractor(sampling_rate=sampling_rate).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="module")
def model(make_model: Callable[..., Path]) -> Path:
    return make_model()


def by_hand(model: Path, samples: np.ndarray) -> str:
    """The same in plain steps: normalise, run the network, take the largest."""
    network = transformers.Wav2Vec2ForSequenceClassification.from_pretrained(model).eval()
    normal = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    with torch.no_grad():
        scores = network(torch.from_numpy(normal[None].astype(np.float32))).logits[0].tolist()
    return LANGUAGES[scores.index(max(scores))]


def test_the_language_is_that_of_the_largest_score(model: Path) -> None:
    spoken = SpokenLanguage(str(model))
    found = [spoken.predict(voice(seed)) for seed in range(12)]
    assert found == [by_hand(model, voice(seed)) for seed in range(12)]
    assert len(set(found)) > 1  # else this could not fail


def test_only_the_first_seconds_are_heard(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_S == 20
    monkeypatch.setattr("visavox.models.spoken_language.MAX_S", 1.0)
    spoken = SpokenLanguage(str(model))
    for seed in range(4):
        long = np.concatenate([voice(seed, 1.0), voice(seed + 50, 3.0)])
        assert spoken.predict(long) == spoken.predict(long[:SAMPLE_RATE])


@pytest.mark.parametrize("n_samples", [1, 200, SAMPLE_RATE - 1])
def test_a_voice_too_short_for_the_network_has_a_language_all_the_same(n_samples: int, model: Path) -> None:
    assert SpokenLanguage(str(model)).predict(voice(0)[:n_samples]) in LANGUAGES.values()


def test_nothing_is_loaded_before_the_first_voice() -> None:
    SpokenLanguage("nobody/nothing")


def test_without_transformers_the_message_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def lacking(name: str, *rest: Any) -> Any:
        if name == "transformers":
            raise ImportError("No module named 'transformers'")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", lacking)
    with pytest.raises(MissingDependencyError, match=r"pip install 'visavox\[hub\]'"):
        SpokenLanguage("any").predict(voice(0))


@pytest.mark.parametrize("name", ["nobody/nothing-of-this-name", "./no/such/folder", "two words"])
def test_a_model_that_cannot_be_had_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match="Check its name and the network") as caught:
        SpokenLanguage(name).predict(voice(0))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_where_the_hub_is_not_reached_one_attempt_is_made_and_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """transformers alone would try for a minute, and print each attempt."""
    asked: list[bool] = []

    def remote(cls: type, name: str, *, local_files_only: bool, **_: Any) -> None:
        asked.append(local_files_only)
        raise OSError("not on the disk")

    def unreachable(name: str, **_: Any) -> str:
        raise FileNotFoundError("the hub was not reached")

    monkeypatch.setattr(transformers.AutoFeatureExtractor, "from_pretrained", classmethod(remote))
    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(DataError, match="FileNotFoundError: the hub was not reached"):
        SpokenLanguage("somebody/some-model").predict(voice(0))
    assert asked == [True]
    assert capfd.readouterr() == ("", "")


def test_a_model_on_the_hub_is_fetched_once_it_is_known_to_be_there(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real = transformers.AutoFeatureExtractor.from_pretrained

    def remote(cls: type, name: str, *, local_files_only: bool, **options: Any) -> Any:
        steps.append("disk" if local_files_only else "hub")
        if local_files_only:
            raise OSError("not on the disk")
        return real(model, **options)

    network = transformers.AutoModelForAudioClassification.from_pretrained
    monkeypatch.setattr(transformers.AutoFeatureExtractor, "from_pretrained", classmethod(remote))
    monkeypatch.setattr(
        transformers.AutoModelForAudioClassification, "from_pretrained", lambda _, **options: network(model, **options)
    )
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: steps.append(f"look for {name}"))
    assert SpokenLanguage("somebody/some-model").predict(voice(3)) == by_hand(model, voice(3))
    assert steps == ["disk", "look for somebody/some-model", "hub"]


def test_a_damaged_folder_is_one_line(make_model: Callable[..., Path]) -> None:
    for name, content in (("config.json", "{"), ("model.safetensors", "no weights"), ("config.json", "{}")):
        folder = make_model()
        (folder / name).write_text(content)
        with pytest.raises(DataError, match="cannot be loaded") as caught:
            SpokenLanguage(str(folder)).predict(voice(0))
        assert "\n" not in str(caught.value)


def test_code_beside_the_weights_is_never_run(make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model()
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "of_my_own",
        "auto_map": {"AutoConfig": "evil.C", "AutoModelForAudioClassification": "evil.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('this was run')\n")
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("nobody is asked"))
    with pytest.raises(DataError, match="cannot be loaded"):
        SpokenLanguage(str(folder)).predict(voice(0))


def test_a_model_of_something_else_is_refused(make_model: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="names LABEL_0, LABEL_1"):
        SpokenLanguage(str(make_model({0: "LABEL_0", 1: "LABEL_1"}))).predict(voice(0))
    with pytest.raises(DataError, match="It hears 8000 Hz"):
        SpokenLanguage(str(make_model(sampling_rate=8000))).predict(voice(0))


def test_a_model_without_its_last_layer_would_guess_and_is_refused(make_model: Callable[..., Path]) -> None:
    """Weights of the pretraining load without complaint, and the classes would be drawn at random."""
    folder = make_model()
    from safetensors.torch import load_file, save_file

    weights = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("classifier")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match="lacks 2 of its weights, classifier.bias"):
        SpokenLanguage(str(folder)).predict(voice(0))

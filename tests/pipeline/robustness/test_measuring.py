"""From a corpus to a report, on drawn people."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.cache import EmbeddingCache
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.evaluation.report import read_report
from visavox.evaluation_config import EvaluateConfig
from visavox.media.audio import read_voice
from visavox.media.degrading.table import MU_LAW
from visavox.media.degrading.telephone import over_telephone
from visavox.method_config import RobustnessConfig
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder
from visavox.pipeline.robustness.measuring import measure_robustness
from visavox.pipeline.tested_people import find_tested_people


@pytest.fixture
def request_of(small_corpus: Path, small_run: Path, small_splits: Path, tmp_path: Path) -> RobustnessConfig:
    return RobustnessConfig(
        out=tmp_path / "r", corpus=small_corpus, model=str(small_run), splits=small_splits, workers=1,
        conditions=("telephone",), resamples=100, device="cpu",
    )  # fmt: skip


def test_figures_are_those_of_the_degraded_files(request_of: RobustnessConfig, small_corpus: Path) -> None:
    report = measure_robustness(request_of)
    assert read_report(request_of.out).sections == report.sections
    request = EvaluateConfig(out=request_of.out, model=request_of.model, corpus=small_corpus, splits=request_of.splits)
    people = find_tested_people(request)
    voice, face, model = people.voice, people.face, people.model
    assert model is not None
    encoder = FrozenEncoder(model.preprocess.voice_encoder, "voice", Compute(device="cpu"))
    heard = [over_telephone(read_voice(_path(small_corpus, key)), mu_law=True) for key in voice.keys]
    scores = model.associator.encode_voice(encoder.encode(heard)) @ face.vectors.T
    own = np.array([[a == b for b in face.clips] for a in voice.clips])
    other = np.array([[a != b for b in face.identities] for a in voice.identities])
    shares = [(row[o] > row[n]).mean() for row, o, n in zip(scores, own, other, strict=True)]
    row = next(r for r in report.sections[1].rows if r[:2] == ("1:2 accuracy, voice → face, all pairs", MU_LAW))
    assert row[2][0] == pytest.approx(np.mean(shares))  # type: ignore[index]
    assert row[5:] == (len(voice), 0)
    clean = report.find(protocol="matching", direction="voice_to_face", group="all", measure="accuracy_1_of_2")
    assert clean is not None
    assert row[3] == clean.value
    assert row[4][0] == pytest.approx(np.mean(shares) - clean.value)  # type: ignore[index]


def _path(corpus: Path, key: str) -> Path:
    with Catalog.open(corpus / CATALOG) as catalog:
        return next(corpus / str(item.path) for item in catalog.items() if item.key == key)


def test_the_report_says_what_was_done_and_a_second_run_is_the_same(request_of: RobustnessConfig) -> None:
    steps: list[tuple[int, int]] = []
    first = measure_robustness(request_of, lambda *step: steps.append(step))
    assert steps[-1] == (8, 8)  # four voices, two lines
    steps.clear()
    second = measure_robustness(request_of, lambda *step: steps.append(step))
    assert steps == []
    assert second.sections == first.sections
    about = first.provenance
    assert about["conditions"] == {"telephone": "300-3400 Hz, 300-3400 Hz, mu-law"}
    assert about["counts"] == {"voices": 4, "faces": 4, "people": 2}
    assert about["encoders"]["voice"]["name"].startswith("ge2e")
    assert "spec" not in about["encoders"]["voice"]
    assert any("made, not recorded" in said for said in about["caveats"])
    assert first.title.startswith("Robustness of ")
    page = (request_of.out / "report.html").read_text(encoding="utf-8")
    assert "At which level half of the lead over chance is lost" in page


def test_degraded_vectors_lie_in_the_report_and_not_in_the_corpus(
    request_of: RobustnessConfig, small_corpus: Path
) -> None:
    before = EmbeddingCache(small_corpus / "cache").counts()
    measure_robustness(dataclasses.replace(request_of, conditions=("eye_bar",)))
    assert EmbeddingCache(small_corpus / "cache").counts() == before
    assert sum(EmbeddingCache(request_of.out / "degraded").counts().values()) == 3 * 4


def test_levels_that_leave_nobody_are_undefined(request_of: RobustnessConfig) -> None:
    report = measure_robustness(dataclasses.replace(request_of, conditions=("length",)))
    section = report.sections[1]
    row = next(r for r in section.rows if r[1] == "10 s")
    assert row[5:] == (0, 4)
    assert "10 s: 4 of 4: it holds less speech." in section.notes


def test_what_is_wrong_with_a_request_is_said_before_the_work(request_of: RobustnessConfig) -> None:
    for wrong, words in (
        ({"resamples": 99}, r"`resamples` must be at least 100\. Got 99\."),
        ({"model": "identity"}, r"`model` must have encoders, since degraded media are encoded anew"),
    ):
        with pytest.raises(ConfigError, match=words):
            measure_robustness(dataclasses.replace(request_of, **wrong))
    with pytest.raises(UnknownNameError, match=r"Unknown condition 'wind'\..* Known: .*babble"):
        measure_robustness(dataclasses.replace(request_of, conditions=("wind",)))
    assert not request_of.out.exists()
    with pytest.raises(DataError, match="a test person must be new to it"):
        measure_robustness(dataclasses.replace(request_of, splits=None))


def test_gender_alone_stands_beside_and_training_people_are_named(request_of: RobustnessConfig) -> None:
    asked = dataclasses.replace(request_of, conditions=("mp3",), subset="train")
    report = measure_robustness(asked)
    alone = report.baseline("gender alone")
    assert alone is not None
    assert {row.key for row in alone.measures} == {row.key for row in report.measures}
    assert report.provenance["caveats"][-1].startswith("The model was trained on these people")

"""Runs of networks and folders of enrolled people to a report, and what is refused on the way."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import ConfigError, DataError
from visavox.evaluation.report import read_report
from visavox.evaluation_config import EvaluateConfig
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.samples import Samples
from visavox.persistence import CONFIG_FILE, write_tensors
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.enrolled_folder import EnrolledFolder
from visavox.pipeline.evaluating import evaluate_model
from visavox.pipeline.identification_evaluating import as_answers, evaluate_identification, folder_name, media_paths
from visavox.pipeline.identification_of_people import AskedFolder, AskedTable
from visavox.pipeline.media_vectors import MediaRecipe

PEOPLE = ("ann", "ben", "cem")
SUBSETS = {"train": 4, "validation": 2, "test": 3}


def write_run(folder: Path, *, by: str = "session", right: float = 3.0) -> Path:
    """A run of one network, as training leaves it, without weights that anybody would load."""
    rng = np.random.default_rng(len(by))
    labels = {subset: np.repeat(np.arange(3), n) for subset, n in SUBSETS.items()}
    place = folder / "networks" / "vit-face"
    place.mkdir(parents=True)
    predictions = {}
    for subset, own in labels.items():
        powers = np.exp(rng.normal(size=(len(own), 3)) + right * np.eye(3)[own])
        predictions[subset] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    write_tensors(place / "predictions.safetensors", predictions, {})
    cost = {"n_parameters": 1000, "macs": 5e4, "latency_ms": 1.5, "file_bytes": 4000}
    told = {"modalities": ["face"], "cost": cost, "spec": {"name": "vit"}}
    (place / "training.json").write_text(json.dumps(told), encoding="utf-8")
    (place / CONFIG_FILE).write_text("{}", encoding="utf-8")
    lines = [{"member": 0, "epoch": e, "loss": 1 / e, "train_top_1": 0.9, "validation_top_1": 0.8} for e in (1, 2)]
    (place / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    published = {"top_1": 0.8, "top_5": None, "n_parameters": None}
    design = {
        "format": "visavox-identification-1", "seed": 0, "split_by": by, "catalog_hash": "abc", "corpus": "world",
        "people": PEOPLE, "clips": {s: [f"{s}{i}" for i in range(len(own))] for s, own in labels.items()},
        "labels": {subset: own.tolist() for subset, own in labels.items()},
        "entries": {"vit-face": {"network": {"name": "vit"}, "published": published, "max_parameters": None}},
    }  # fmt: skip
    (folder / "design.json").write_text(json.dumps(design), encoding="utf-8")
    return folder


def config(model: Path, out: Path, **more: Any) -> EvaluateConfig:
    return EvaluateConfig(model=str(model), out=out, protocol="identification", resamples=100, quiet=True, **more)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "by-session")


def test_a_run_becomes_a_report_through_the_command(run: Path, tmp_path: Path) -> None:
    report = evaluate_model(config(run, tmp_path / "report", next_steps="and then"))
    assert read_report(tmp_path / "report") == report
    assert report.title == "Identification of 3 people on world"
    assert report.provenance["model"] == str(run) and report.provenance["resamples"] == 100
    assert report.next_steps == "and then"
    assert report.sections[0].title == "The table of the original and ours, top-1"


def test_the_other_split_stands_beside_it(run: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path / "by-clip", by="clip", right=6.0)
    report = evaluate_identification(config(run, tmp_path / "report", against=str(other)))
    assert "The leak of the original" in [section.title for section in report.sections]
    assert report.provenance["against"] == str(other)
    with pytest.raises(DataError, match="Both are split by session"):
        evaluate_identification(config(run, tmp_path / "report", against=str(run)))


def test_a_final_test_is_logged_with_its_top_1(run: Path, tmp_path: Path) -> None:
    log = tmp_path / "final.jsonl"
    report = evaluate_identification(config(run, tmp_path / "report", final=True, final_log=log))
    row = json.loads(log.read_text(encoding="utf-8"))
    found = next(m for m in report.measures if (m.group, m.measure) == ("test_by_session", "top_1"))
    assert row["figures"]["vit-face test_by_session top_1"][0] == round(found.value, 4)
    assert (row["protocol"], row["trial_hash"]) == ("identification", report.provenance["trial_hash"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"splits": Path("s")}, "`splits` means nothing to who of the known people it is. Leave --splits out"),
        ({"trials": Path("t")}, "`trials` means nothing"),
        ({"world": Path("w")}, "`world` means nothing"),
        ({"checkpoints": True}, "`checkpoints` means nothing"),
        ({"compare": (Path("c"),)}, "`compare` means nothing"),
        ({"subset": "all"}, "`subset` is of people who are split"),
        ({"analysis": False}, "`analysis` is of pairs of a voice and a face"),
        ({"pairs": Path("p")}, "`pairs` says who asks, and the run .* has test clips of its own"),
        ({"embeddings": Path("e")}, "`embeddings` says who asks"),
        ({"columns": {"person": "who"}}, "`columns` says who asks"),
    ],
)
def test_options_that_mean_nothing_are_refused_in_one_line(
    run: Path, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        evaluate_identification(config(run, tmp_path / "report", **options))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "report").exists()


def test_a_model_that_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`model` must be a run of `train --task identification` or a folder"):
        evaluate_identification(config(tmp_path / "none", tmp_path / "report"))


def test_too_few_resamples_are_refused(run: Path, tmp_path: Path) -> None:
    few = EvaluateConfig(model=str(run), out=tmp_path, protocol="identification", resamples=9)
    with pytest.raises(ConfigError, match="`resamples` must be at least 100. Got 9"):
        evaluate_identification(few)


def test_faces_and_voices_come_from_the_corpus_that_was_trained_on(
    run: Path, small_corpus: Path, tmp_path: Path
) -> None:
    paths = media_paths(small_corpus)
    assert all(key.endswith(("/voice", "/face")) and path.is_file() for key, path in paths.items())
    assert {key.rsplit("/", 1)[1] for key in paths} == {"voice", "face"}
    with pytest.raises(DataError, match="must come from the corpus that was trained on"):
        evaluate_identification(config(run, tmp_path / "report", corpus=small_corpus))
    with pytest.raises(DataError, match="`corpus` must be a folder that `prepare` wrote"):
        media_paths(tmp_path)


def samples(modality: Any, means: np.ndarray, rng: np.random.Generator) -> Samples:
    rows = np.repeat(np.arange(4), 4)
    names = tuple(f"p{i}" for i in rows)
    keys = tuple(f"{modality}{i}" for i in range(16))
    clips, sessions = tuple(f"e{i}" for i in range(16)), tuple(str(i % 4 // 2) for i in range(16))
    return Samples(modality, keys, clips, names, sessions, np.ones(16), means[rows] + 0.2 * rng.normal(size=(16, 12)))


@pytest.fixture
def people(tmp_path: Path) -> tuple[Path, Path]:
    """Four people enrolled by made-up vectors, and the embeddings of new clips of theirs and of two strangers."""
    rng = np.random.default_rng(0)
    means = {"voice": rng.normal(size=(6, 12)), "face": rng.normal(size=(6, 12))}
    enrolled = EnrolledPeople.enroll({m: samples(m, mean, rng) for m, mean in means.items()}, seed=0)  # type: ignore[misc]
    EnrolledFolder(enrolled, MediaRecipe("made", "made")).save(tmp_path / "people")
    who = np.repeat(np.arange(6), 3)
    tables = {
        modality: EmbeddingTable(
            modality=cast(Any, modality),
            encoder="made",
            keys=tuple(f"q{i}/{modality}" for i in range(18)),
            clips=tuple(f"q{i}" for i in range(18)),
            identities=tuple(f"p{i}" for i in who),
            videos=(None,) * 18,
            attributes={},
            vectors=(mean[who] + 0.2 * rng.normal(size=(18, 12))).astype(np.float32),
        )
        for modality, mean in means.items()
    }
    about = {"encoders": {m: {"spec": {"name": "made"}} for m in means}, "catalog_hash": "c"}
    CorpusEmbeddings(tables["voice"], tables["face"], about).save(tmp_path / "embeddings")
    return tmp_path / "people", tmp_path / "embeddings"


def test_enrolled_people_are_asked_about_every_clip(people: tuple[Path, Path], tmp_path: Path) -> None:
    folder, embeddings = people
    report = evaluate_identification(config(folder, tmp_path / "report", embeddings=embeddings))
    assert report.title == "people asked about embeddings"
    rows = {m.direction: m for m in report.measures if m.measure == "top_1"}
    assert {name: row.count for name, row in rows.items()} == {"voice": 12, "face": 12, "both": 12}
    assert rows["both"].value == 1.0
    assert report.provenance["encoders"] == {"voice": "made", "face": "made"}
    assert report.provenance["counts"]["clips"] == {"test": 12, "strangers": 6}
    assert read_report(tmp_path / "report") == report


def test_without_anybody_who_asks_the_request_is_refused(people: tuple[Path, Path], tmp_path: Path) -> None:
    folder, embeddings = people
    with pytest.raises(ConfigError, match="Say who asks the enrolled people: .* Got none"):
        evaluate_identification(config(folder, tmp_path / "report"))
    with pytest.raises(ConfigError, match="Got pairs and embeddings"):
        evaluate_identification(config(folder, tmp_path / "report", pairs=tmp_path, embeddings=embeddings))
    with pytest.raises(ConfigError, match="`against` is another run of networks"):
        evaluate_identification(config(folder, tmp_path / "report", embeddings=embeddings, against="x"))


def test_clips_without_a_voice_are_rows_of_nan() -> None:
    def table(clips: tuple[str, ...], refused: list[bool]) -> AskedTable:
        n = len(clips)
        names, labels = tuple("ann" if c != "z" else "zoe" for c in clips), np.zeros(n, dtype=np.intp)
        said, flags = np.full((n, 2), 0.5, dtype=np.float32), np.array(refused)
        return AskedTable(clips, names, labels, said, np.arange(n, dtype=float), np.full(n, 0.1), flags)

    embedded = SimpleNamespace(about={"catalog_hash": "h"})
    tables = {"voice": table(("b",), [False]), "face": table(("a", "b", "z"), [True, False, True])}
    asked = AskedFolder(("ann", "ben"), cast(Any, tables), cast(Any, embedded), None, 0.02, ())
    found = as_answers(asked, title="t")
    assert found.clips == ("a", "b", "z") and found.true_names == ("ann", "ann", "zoe")
    assert np.isnan(found.probabilities["voice"]).all(axis=1).tolist() == [True, False, True]
    assert found.accepted["voice"].tolist() == [False, True, False]
    assert found.accepted["face"].tolist() == [False, True, False]
    assert found.scores["face"].tolist() == [0.0, 1.0, 2.0] and np.isnan(found.scores["voice"][0])
    assert (found.false_accept, found.catalog_hash, found.title) == (0.02, "h", "t")
    assert found.is_known.tolist() == [True, True, False]


def test_a_folder_is_called_by_its_last_part(tmp_path: Path) -> None:
    assert folder_name(tmp_path / "x" / ".." / "y") == "y"

"""Published lists and embeddings to a report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.__main__ import main
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.published_lists.reading import read_published
from visavox.errors import ConfigError, DataError
from visavox.evaluation.comparison import compare_reports
from visavox.evaluation.report import read_report
from visavox.evaluation_config import EvaluateConfig
from visavox.method_config import TrialsConfig
from visavox.metrics.verification import auc_score, equal_error_rate
from visavox.pipeline.drawing_trials import draw_lists
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.published_evaluation import evaluate_published, list_hash

N = 24  # files of each modality
VOICES = tuple(f"id1000{i % 4}/video{i:06}/{i:05}.wav" for i in range(N))
FACES = tuple(f"Person_{i % 4}/{i:08}.jpg" for i in range(N))


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """Lists as Seeking the Shape of Sound has them, of four people."""
    folder = tmp_path / "lists"
    folder.mkdir()
    rows = [f"id1000{i},Person_{i},{'fm'[i % 2]},Nowhere,dev" for i in range(4)]
    header = "VoxCeleb1_ID,VGGFace1_ID,Gender,Nationality,Set"
    (folder / "vox1_test.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    rng = np.random.default_rng(0)
    match, verify = [], []
    for i in range(N):
        own, wrong = FACES[(i + 4) % N], FACES[(i + int(rng.integers(1, 4))) % N]
        match.append(f"{VOICES[i]} {own} {wrong}")
        verify += [f"{VOICES[i]} {own}", f"{VOICES[i]} {wrong}"]
    (folder / "match_v2f_2_test.txt").write_text("\n".join(match) + "\n", encoding="utf-8")
    (folder / "verify_v2f_test.txt").write_text("\n".join(verify) + "\n", encoding="utf-8")
    (folder / "reterival_v2f_test.txt").write_text(f"{' '.join(VOICES)}\n{' '.join(FACES)}\n", encoding="utf-8")
    return folder


def write_vectors(folder: Path, seed: int = 0, voices=VOICES, faces=FACES, strength: float = 1.0) -> Path:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(4, 6))
    folder.mkdir(exist_ok=True)
    for modality, names in (("voice", voices), ("face", faces)):
        vectors = strength * centres[[VOICES.index(n) % 4 if n in VOICES else FACES.index(n) % 4 for n in names]]
        vectors = vectors + rng.normal(size=vectors.shape)
        people = tuple(f"x{i}" for i in range(len(names)))
        table = EmbeddingTable(modality, "made up", names, names, people, (None,) * len(names), {}, vectors)  # type: ignore[arg-type]
        table.save(folder / f"{modality}.parquet")
    return folder


@pytest.fixture
def config(lists: Path, tmp_path: Path) -> EvaluateConfig:
    return EvaluateConfig(
        protocol="sss",
        lists=lists,
        embeddings=write_vectors(tmp_path / "vectors"),
        model="identity",
        out=tmp_path / "report",
        resamples=100,
    )


def cosine(config: EvaluateConfig, voice: str, face: str) -> float:
    assert config.embeddings is not None
    sides = []
    for modality, name in (("voice", voice), ("face", face)):
        table = EmbeddingTable.load(config.embeddings / f"{modality}.parquet")
        vector = table.vectors[table.keys.index(name)].astype(float)
        sides.append(vector / np.linalg.norm(vector))
    return float(sides[0] @ sides[1])


def test_the_figures_are_those_of_cosines_line_by_line(config: EvaluateConfig) -> None:
    report = evaluate_published(config)
    assert config.lists is not None
    lines = [line.split() for line in (config.lists / "verify_v2f_test.txt").read_text().splitlines()]
    scores = np.array([cosine(config, *line) for line in lines])
    labels = np.array([int(v[6]) == int(f[7]) for v, f in lines])
    auc = report.find(protocol="sss", direction="voice_to_face", group="all", measure="auc")
    assert auc is not None
    assert auc.value == pytest.approx(auc_score(scores, labels), abs=1e-9)
    assert (auc.count, auc.n_people, auc.chance) == (48, 4, 0.5)
    chosen = [cosine(config, v, a) > cosine(config, v, b) for v, a, b in map(str.split, _match(config))]
    match = report.find(protocol="sss", direction="voice_to_face", group="all", measure="accuracy_1_of_2")
    assert match is not None
    assert match.value == pytest.approx(np.mean(chosen))


def _match(config: EvaluateConfig) -> list[str]:
    assert config.lists is not None
    return (config.lists / "match_v2f_2_test.txt").read_text().splitlines()


def test_the_report_says_which_protocol_and_that_others_do_not_compare(config: EvaluateConfig) -> None:
    report = evaluate_published(config)
    assert {m.protocol for m in report.measures} == {"sss"}
    assert report.title == "identity, protocol sss"
    (caveat,) = report.provenance["caveats"]
    assert caveat.startswith("Protocol sss: Seeking the Shape of Sound")
    assert "not comparable" in caveat
    assert report.provenance["counts"] == {"voices": 24, "faces": 24, "people": 4}
    assert report.provenance["trials"] == [
        "match_v2f_2_test: 24", "reterival_v2f_test: 24", "verify_v2f_test: 48"
    ]  # fmt: skip
    assert any("the gallery stays as it is" in note for note in report.notes)
    assert read_report(config.out) == report
    page = (config.out / "report.html").read_text(encoding="utf-8")
    assert "Lists of Seeking the Shape of Sound, voice → face" in page


def test_gender_alone_stands_beside_the_model(config: EvaluateConfig) -> None:
    report = evaluate_published(config)
    (gender,) = report.baselines
    assert (gender.name, gender.note) == ("gender alone", "genders of the identity file")
    assert [m.key for m in gender.measures] == [m.key for m in report.measures]
    right = []
    for line in _match(config):
        voice, _, wrong = line.split()
        right.append(0.5 if int(voice[6]) % 2 == int(wrong[7]) % 2 else 1.0)
    found = next(m for m in gender.measures if m.measure == "accuracy_1_of_2")
    assert found.value == pytest.approx(np.mean(right))


def test_progress_counts_lists_and_models(config: EvaluateConfig) -> None:
    seen: list[tuple[int, int]] = []
    evaluate_published(config, lambda done, total: seen.append((done, total)))
    assert seen == [(i, 6) for i in range(1, 7)]
    seen.clear()
    evaluate_published(replace(config, against="identity"), lambda done, total: seen.append((done, total)))
    assert seen == [(i, 9) for i in range(1, 10)]


def test_a_second_model_is_compared_on_the_same_trials(config: EvaluateConfig) -> None:
    (section,) = evaluate_published(replace(config, against="identity")).sections
    assert section.title == "Compared with identity"
    assert all(row[1] == row[2] and row[3][0] == 0 for row in section.rows)
    questions = [row[0] for row in section.rows]
    assert "AUC, all pairs, voice → face" in questions
    auc = section.rows[questions.index("AUC, all pairs, voice → face")]
    assert (auc[4], auc[5]) == (1.0, 1.0)
    match = section.rows[questions.index("1:2 accuracy, all pairs, voice → face")]
    assert (match[6], match[7]) == ("0 : 0", 1.0)
    for name in ("report.md", "report.html"):
        assert "Compared with identity" in (config.out / name).read_text(encoding="utf-8")
    assert json.loads((config.out / "report.json").read_text())["sections"][0]["title"] == "Compared with identity"


def test_two_protocols_are_never_put_in_one_table(config: EvaluateConfig, tmp_path: Path) -> None:
    evaluate_published(config)
    fame = tmp_path / "fame"
    fame.mkdir()
    lines = [f"k{i} {i % 2} {VOICES[i]} {FACES[i if i % 2 else i + 1]}" for i in range(N - 1)]
    (fame / "English_test.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    other = replace(config, protocol="fame", lists=fame, out=tmp_path / "other")
    evaluate_published(other)
    comparison = compare_reports([config.out, other.out])
    assert "Trials 1 of 2" in comparison.markdown
    assert "Trials 2 of 2" in comparison.markdown
    first, second = comparison.markdown.split("## Trials 2 of 2")
    assert "Lists of Seeking the Shape of Sound" in first
    assert "FAME" not in first
    assert "Lists of FAME" in second
    assert "Seeking" not in second


def test_a_list_and_all_pairs_are_never_put_in_one_table(config: EvaluateConfig, tmp_path: Path) -> None:
    """The same figure by another protocol is a row of its own even where reports do not say what they measured."""
    report = evaluate_published(config)
    blank = tmp_path / "blank"
    ours = json.loads((config.out / "report.json").read_text())
    for row in ours["measures"]:
        row["protocol"] = "verification" if row["measure"] == "auc" else "matching"
    ours["provenance"] = {}
    blank.mkdir()
    (blank / "report.json").write_text(json.dumps(ours), encoding="utf-8")
    text = compare_reports([config.out, blank]).markdown
    assert text.count("AUC") == 2
    for block in text.split("### ")[1:]:
        assert not ("Seeking" in block and "Verification" in block)
    assert report.provenance["trial_hash"]


def test_fame_writes_the_file_of_scores_and_the_equal_error_rate(config: EvaluateConfig, tmp_path: Path) -> None:
    fame = tmp_path / "fame"
    fame.mkdir()
    pairs = [(VOICES[i], FACES[i if i % 2 else (i + 1) % N]) for i in range(N)]
    lines = [f"k{i} {i % 2} {voice} {face}" for i, (voice, face) in enumerate(pairs)]
    (fame / "English_test.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    bare = [f"k{i} {voice} {face}" for i, (voice, face) in enumerate(pairs)]
    (fame / "Urdu_test.txt").write_text("\n".join(bare) + "\n", encoding="utf-8")
    report = evaluate_published(replace(config, protocol="fame", lists=fame))
    scores = np.array([cosine(config, *pair) for pair in pairs])
    eer = next(m for m in report.measures if m.measure == "eer" and m.group == "all_English")
    assert eer.value == pytest.approx(equal_error_rate(scores, np.arange(N) % 2), abs=1e-9)
    undefined = next(m for m in report.measures if m.measure == "eer" and m.group == "all_Urdu")
    assert "the organisers keep the labels" in undefined.note
    written = (config.out / "sub_score_Urdu_test.txt").read_text().splitlines()
    assert written == [f"k{i} {np.sqrt(2 - 2 * score):.6f}" for i, score in enumerate(scores)]
    assert (config.out / "sub_score_English_test.txt").is_file()
    assert any("small where voice and face are of one person" in note for note in report.notes)
    assert report.baselines[0].note == "the lists give no genders"


def test_a_file_that_is_not_at_hand_is_named_with_its_line(config: EvaluateConfig, tmp_path: Path) -> None:
    folder = write_vectors(tmp_path / "few", faces=tuple(name for name in FACES if name != FACES[5]))
    with pytest.raises(DataError) as found:
        evaluate_published(replace(config, embeddings=folder))
    assert "match_v2f_2_test.txt line 2" in str(found.value)
    assert repr(FACES[5]) in str(found.value)
    assert "Embed these files" in str(found.value)
    assert not config.out.exists()


def test_lists_must_be_named(config: EvaluateConfig) -> None:
    with pytest.raises(ConfigError, match="`protocol` sss needs --lists, the folder of its published list files"):
        evaluate_published(replace(config, lists=None))


def test_what_was_left_out_and_first_lines_are_said(config: EvaluateConfig) -> None:
    assert config.lists is not None
    (config.lists / "match_v2f_2_test.txt").rename(config.lists / "match_v2f_2_val.head.txt")
    (config.lists / "else.txt").write_text("x", encoding="utf-8")
    report = evaluate_published(config)
    assert any("first lines of the published ones: match_v2f_2_val.head" in note for note in report.notes)
    assert any("Left out of the folder: 1 file (else.txt:" in note for note in report.notes)
    groups = {m.group for m in report.measures if m.measure == "accuracy_1_of_2"}
    assert groups == {"all_validation"}


def test_the_hash_depends_on_every_trial(config: EvaluateConfig) -> None:
    assert config.lists is not None
    records = read_published("sss", config.lists, None)
    first = list_hash(records)
    assert first == list_hash(read_published("sss", config.lists, None))
    path = config.lists / "verify_v2f_test.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n", encoding="utf-8")
    assert list_hash(read_published("sss", config.lists, None)) != first


def test_the_command_prints_the_figures(config: EvaluateConfig, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--protocol", "sss", "--lists", str(config.lists), "--embeddings", str(config.embeddings)]
    words += ["--model", "identity", "--out", str(config.out), "--resamples", "100", "--final"]
    words += ["--final-log", str(config.out / "log.jsonl")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "identity, protocol sss: 24 voices and 24 faces of 4 people" in said
    assert "verification AUC, voice to face, all:" in said
    row = json.loads((config.out / "log.jsonl").read_text())
    assert row["protocol"] == "sss"
    assert main([*words, "--trials", "x"]) == 2
    assert "`trials` cannot be combined with `protocol` sss" in capsys.readouterr().err


def write_own_vectors(embeddings: Path, folder: Path) -> Path:
    """The small corpus with random vectors of one length, as in one space."""
    tables = CorpusEmbeddings.load(embeddings)
    rng = np.random.default_rng(0)
    folder.mkdir()
    for table in (tables.voice, tables.face):
        made = replace(table, vectors=rng.normal(size=(len(table), 5)).astype(np.float32))
        made.save(folder / f"{table.modality}.parquet")
    return folder


def test_own_lists_in_a_published_format_are_not_passed_off_as_the_published_ones(
    small_corpus: Path, small_embeddings: Path, tmp_path: Path
) -> None:
    """Lists that `visavox trials --format sss` drew were once reported as VoxCeleb1's."""
    draw_lists(TrialsConfig(corpus=small_corpus, out=tmp_path / "own", candidates=(2,), format="sss"))
    vectors = write_own_vectors(small_embeddings, tmp_path / "vectors")
    given = {"embeddings": vectors, "model": "identity", "resamples": 100}
    config = EvaluateConfig(protocol="sss", lists=tmp_path / "own", out=tmp_path / "a", **given)  # type: ignore[arg-type]
    own = evaluate_published(config)
    assert {measure.protocol for measure in own.measures} == {"own_lists_sss"}
    assert own.title.endswith("own lists in the format sss")
    assert "no figures of the published protocol" in own.provenance["caveats"][0]
    assert "VoxCeleb" not in json.dumps(own.provenance["protocol"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subset": "train"}, "`subset` cannot be combined with `protocol` sss"),
        ({"resamples": 5}, "`resamples` must be at least 100. Got 5"),
    ],
)
def test_what_lists_have_no_use_for_is_refused(config: EvaluateConfig, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(config, **change)

"""Faces drawn from voices, from the command's configuration to the report, and what is refused on the way."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from tests.pipeline.drawing.stand_in_judges import StandInJudges

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.evaluate import describe
from visavox.evaluation import reconstruction_collections
from visavox.evaluation.report import read_report
from visavox.evaluation_config import EvaluateConfig
from visavox.media.images import read_image, write_face
from visavox.metrics.frechet_distance import frechet_distance
from visavox.pipeline.drawing import reconstruction_evaluating
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.reconstruction_evaluating import evaluate_reconstruction
from visavox.pipeline.drawing.tested_clips import read_tested_clips
from visavox.pipeline.evaluating import evaluate_model
from visavox.pipeline.frozen_encoder import Compute


def config(corpus: Path, out: Path, **more: Any) -> EvaluateConfig:
    options: dict[str, Any] = {"corpus": corpus, "subset": "all", "resamples": 100, "quiet": True, "samples": 3}
    return EvaluateConfig(out=out, protocol="reconstruction", **{**options, **more})


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges and ears without networks."""
    monkeypatch.setattr(reconstruction_evaluating, "FaceJudges", StandInJudges)

    def heard(clips: Any, **_: Any) -> np.ndarray:
        return np.arange(len(clips)) % 2 == 0

    monkeypatch.setattr(reconstruction_evaluating, "heard_genders", heard)


@pytest.fixture
def folder(small_corpus: Path, tmp_path: Path) -> Path:
    """Another system's pictures: the true faces, darker."""
    place = tmp_path / "drawn"
    place.mkdir()
    clips = read_tested_clips(small_corpus)
    for clip, crop in zip(clips.clips, clips.crops, strict=True):
        write_face(place / f"{clip}.jpg", read_image(crop) // 2)
    return place


def draw(voice: Path, n_samples: int) -> np.ndarray:
    """The same faces for the same voice, whatever is asked."""
    rng = np.random.default_rng(sum(voice.read_bytes()[:4000]))
    return rng.integers(0, 255, size=(8, 16, 16, 3)).astype(np.uint8)[:n_samples]


def test_a_folder_alone_is_judged(light: None, small_corpus: Path, folder: Path, tmp_path: Path) -> None:
    options = config(small_corpus, tmp_path / "report", model="", drawn={"theirs": folder})
    report = evaluate_model(options)
    assert read_report(tmp_path / "report") == report
    assert report.title == f"Faces drawn by theirs on all people of {small_corpus.name}"
    found = report.find(protocol="reconstruction", direction="theirs", group="dlib_all", measure="accuracy_1_of_2")
    assert found is not None and found.value > 0.9 and (found.count, found.n_people) == (16, 8)
    assert report.provenance["model"] == "none" and report.provenance["drawn"] == {"theirs": "drawn"}
    assert [path.name for path in (tmp_path / "report" / "sheets").iterdir()] == ["people-1.jpg"]
    assert "dlib picks the speaker" in describe(report, options)


def test_methods_stand_before_folders_and_controls_behind(
    light: None, small_corpus: Path, folder: Path, tmp_path: Path
) -> None:
    options = config(small_corpus, tmp_path / "report", drawn={"theirs": folder}, training=small_corpus)
    done: list[tuple[int, int]] = []
    report = evaluate_reconstruction(options, lambda *at: done.append(at), drawers={"noise": draw})
    names = list(report.provenance["reconstruction"]["contestants"])
    assert names == ["noise", "theirs", "gender only", "the average face"]
    titles = [section.title for section in report.sections]
    assert {"Which drawer is better", "Do samples differ?", "Learned by heart?"} <= set(titles)
    assert done[-1][0] <= done[-1][1] == 16 * (3 + 1 + 2)
    assert "16 training faces" in "".join(report.sections[-1].notes)


def test_a_contestant_can_be_named_to_compare_with(
    light: None, small_corpus: Path, folder: Path, tmp_path: Path
) -> None:
    options = config(small_corpus, tmp_path / "report", drawn={"theirs": folder}, against="theirs")
    report = evaluate_reconstruction(options, drawers={"noise": draw})
    section = next(s for s in report.sections if s.title == "Which drawer is better")
    assert [row[0] for row in section.rows] == ["noise less theirs"]


def test_a_final_test_is_logged(light: None, small_corpus: Path, folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "final.jsonl"
    options = config(small_corpus, tmp_path / "report", model="", drawn={"theirs": folder}, final=True, final_log=log)
    report = evaluate_reconstruction(options)
    row = json.loads(log.read_text(encoding="utf-8"))
    assert (row["protocol"], row["trial_hash"]) == ("reconstruction", report.provenance["trial_hash"])
    assert "theirs dlib_all accuracy_1_of_2" in row["figures"]


def test_the_judged_face_is_that_of_the_seed_and_samples_share_no_noise(
    small_corpus: Path, tiny_generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    class Pipeline:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def hear(self, voice: Path) -> Any:
            return SimpleNamespace(heard=voice.name)

        def draw_heard(self, heard: str, n: int, *, seed: int) -> Any:
            asked.append((n, seed))
            return SimpleNamespace(pictures=np.full((n, 8, 8, 3), len(asked), np.uint8))

    monkeypatch.setattr(reconstruction_evaluating, "VoiceToFacePipeline", Pipeline)
    options = config(small_corpus, tmp_path, seed=5)
    drawn = reconstruction_evaluating.method_draw(Generator.load(tiny_generator), "decoder", options, Compute())
    one, two = drawn(Path("a.wav"), 3), drawn(Path("b.wav"), 3)
    assert one[:, 0, 0, 0].tolist() == [1, 2, 2] and two.shape == (3, 8, 8, 3)
    assert asked[0] == asked[2] == (1, 5) and asked[1][0] == 3 and asked[1][1] != asked[3][1]
    assert drawn(Path("a.wav"), 1).shape == (1, 8, 8, 3) and asked[-1] == (1, 5)


@pytest.mark.slow
def test_a_generator_draws_and_is_judged(light: None, small_corpus: Path, tiny_generator: Path, tmp_path: Path) -> None:
    options = config(small_corpus, tmp_path / "report", model=str(tiny_generator))
    report = evaluate_model(options)
    name = f"{tiny_generator.name}, decoder"
    assert list(report.provenance["reconstruction"]["contestants"]) == [name, "gender only", "the average face"]
    assert report.provenance["voice_encoder"] == "ge2e"
    again = evaluate_model(config(small_corpus, tmp_path / "again", model=str(tiny_generator)))
    assert again.measures == report.measures
    with pytest.raises(UnknownNameError, match="method"):
        evaluate_model(config(small_corpus, tmp_path / "no", model=str(tiny_generator), methods=("diffusion",)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"resamples": 10}, "`resamples` must be at least 100"),
        ({"samples": 0}, "`samples` must be 1 to 64. Got 0"),
        ({"trials": Path("t")}, "`trials` means nothing to faces that are drawn"),
        ({"embeddings": Path("e")}, "`embeddings` means nothing"),
        ({"world": Path("w")}, "`world` means nothing"),
        ({"drawn": {"gender only": Path("d")}}, "must not name a folder 'gender only'"),
        ({"model": ""}, "Nothing is judged: no model draws"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    options: dict[str, Any], said: str, small_corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=said):
        evaluate_reconstruction(config(small_corpus, tmp_path / "report", **options))


def test_a_training_corpus_without_anybody_who_was_learned_from_is_refused(
    light: None, small_corpus: Path, tiny_generator: Path, tmp_path: Path
) -> None:
    generator = Generator.load(tiny_generator)
    strangers = Generator(**{**vars(generator), "people": frozenset({"somebody"})})
    with pytest.raises(DataError, match="learned from nobody of"):
        reconstruction_evaluating._training(
            config(small_corpus, tmp_path, training=small_corpus),
            strangers,
            StandInJudges(),  # type: ignore[arg-type]
        )


@pytest.mark.slow
def test_the_pictures_of_speech2face_reach_their_reference(real_data: Path, tmp_path: Path) -> None:
    """Known before this project: 82.4 % of all pairs, 68.4 % within a gender, 72 % among the first 10 of 40 people.

    With dlib's own detector the definitions here give 82.4, 68.4 and 71.6; with ours 82.5, 68.5 and 70.9. Only other
    people's pictures are measured: nothing of ours may be chosen on these people.
    """
    people = real_data / "voxceleb"
    options = EvaluateConfig(
        out=tmp_path / "report",
        protocol="reconstruction",
        model="",
        drawn={"Speech2Face": people / "speech2face_outputs"},
        pairs=people,
        resamples=100,
        final=True,
        final_log=tmp_path / "final.jsonl",
        quiet=True,
    )
    report = evaluate_reconstruction(options)
    values = {(m.direction, m.group, m.measure): m for m in report.measures}
    assert values["Speech2Face", "dlib_all", "accuracy_1_of_2"].value == pytest.approx(0.824, abs=0.005)
    assert values["Speech2Face", "dlib_same_gender", "accuracy_1_of_2"].value == pytest.approx(0.684, abs=0.005)
    assert values["Speech2Face", "dlib_people", "recall_at_10"].value == pytest.approx(0.72, abs=0.02)
    shuffled = values["Speech2Face, shuffled voices", "dlib_all", "accuracy_1_of_2"]
    assert shuffled.low < 0.5 < shuffled.high
    assert values["the average face", "dlib_all", "accuracy_1_of_2"].value == 0.5
    assert values["gender only", "dlib_all", "accuracy_1_of_2"].value == pytest.approx(0.74, abs=0.02)


class Peeker:
    """Draws the true face of the clip after whose name the voice file is called."""

    def __init__(self, corpus: Path) -> None:
        clips = read_tested_clips(corpus)
        self.crops = {voice.name: crop for voice, crop in zip(clips.voices, clips.crops, strict=True)}

    def __call__(self, voice: Path, n_samples: int) -> np.ndarray:
        crop = read_image(self.crops[voice.name])
        face = np.asarray(cv2.resize(crop[32:224, 32:224], (32, 32), interpolation=cv2.INTER_AREA))
        return np.stack([face] * n_samples)


def test_a_drawer_that_looks_at_the_true_face_is_caught_by_the_command(
    light: None, small_corpus: Path, tmp_path: Path
) -> None:
    """With another's voice under the name it still draws the true face: right where it cannot have heard it."""
    peeker = Peeker(small_corpus)
    assert len(peeker.crops) == 16  # names are of clips: the test can fail
    report = evaluate_reconstruction(config(small_corpus, tmp_path / "report"), drawers={"peeker": peeker})
    first = report.provenance["caveats"][0]
    assert first.startswith("peeker with shuffled voices is right") and "leaks" in first
    found = report.find(
        protocol="reconstruction", direction="peeker, shuffled voices", group="dlib_all", measure="accuracy_1_of_2"
    )
    assert found is not None and found.low > 0.5


def test_a_drawer_that_hears_is_accused_of_nothing(light: None, small_corpus: Path, tmp_path: Path) -> None:
    report = evaluate_reconstruction(config(small_corpus, tmp_path / "report"), drawers={"noise": draw})
    assert not any("leaks into" in sentence for sentence in report.provenance["caveats"])


def test_earlier_reports_are_laid_beside_this_one(
    light: None, small_corpus: Path, folder: Path, tmp_path: Path
) -> None:
    earlier = config(small_corpus, tmp_path / "earlier", model="", drawn={"theirs": folder})
    evaluate_reconstruction(earlier)
    options = config(small_corpus, tmp_path / "report", compare=(tmp_path / "earlier",))
    evaluate_reconstruction(options, drawers={"noise": draw})
    text = (tmp_path / "report" / "comparison.md").read_text(encoding="utf-8")
    assert "All runs answered the same trials" in text and (tmp_path / "report" / "comparison.html").is_file()
    headings = [line for line in text.splitlines() if line.startswith("###")]
    assert headings[0] == "### Drawn faces, what leads each run"
    assert "### Drawn faces, theirs" not in headings and "### Drawn faces, gender only" in headings


def test_an_earlier_report_that_is_none_is_said_before_anything_is_drawn(small_corpus: Path, tmp_path: Path) -> None:
    def never(voice: Path, n_samples: int) -> np.ndarray:
        raise AssertionError

    options = config(small_corpus, tmp_path / "report", compare=(tmp_path / "gone",))
    with pytest.raises(DataError, match="gone"):
        evaluate_reconstruction(options, drawers={"noise": never})


def test_without_inception_or_with_few_faces_one_line_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(reconstruction_evaluating, "InceptionFeatures", lambda path: opened.append(path) or "open")
    bare, given = config(tmp_path, tmp_path), config(tmp_path, tmp_path, inception=tmp_path / "inception.onnx")
    assert reconstruction_evaluating._inception(bare, 9000) == (
        None, "No FID: it needs Inception's features (--inception) and 2,000 pictures on each side.",
    )  # fmt: skip
    few = reconstruction_evaluating._inception(given, 1999)
    assert few == (None, "No FID: it needs 2,000 pictures on each side. There are 1,999 true faces.")
    assert opened == [tmp_path / "inception.onnx"]  # a wrong file would have been refused
    assert reconstruction_evaluating._inception(given, 2000) == ("open", "")


def test_a_wrong_file_of_inception_is_refused_before_faces_are_looked_at(
    light: None, small_corpus: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "inception.onnx").write_text("none", encoding="utf-8")
    options = config(
        small_corpus, tmp_path / "report", model="", drawn={"theirs": folder}, inception=tmp_path / "inception.onnx"
    )
    with pytest.raises(DataError, match="`inception` must be an ONNX file"):
        evaluate_reconstruction(options)
    assert not (tmp_path / "report" / "report.json").exists()


class Pooling:
    """Stands for Inception: three means of colours."""

    digest = "abc"

    def __init__(self, path: Path) -> None:
        self.path = path

    def encode(self, crops: list[np.ndarray]) -> np.ndarray:
        return np.stack([crop.mean(axis=(0, 1)) for crop in crops])


def test_the_frechet_distance_reaches_the_report(
    light: None, small_corpus: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconstruction_evaluating, "InceptionFeatures", Pooling)
    monkeypatch.setattr(reconstruction_evaluating, "LEAST_PICTURES", 16)
    monkeypatch.setattr(reconstruction_collections, "frechet_distance", partial(frechet_distance, least=16))
    options = config(small_corpus, tmp_path / "report", drawn={"theirs": folder}, inception=tmp_path / "inception.onnx")
    report = evaluate_reconstruction(options, drawers={"noise": draw})
    section = next(s for s in report.sections if s.title == "Like photographs?")
    at = section.columns.index("FID")
    values: dict[str, Any] = {str(row[0]): row[at] for row in section.rows}
    assert values["noise"] > 0 and values["theirs"] > 0 and np.isnan(values["gender only"])
    assert report.provenance["inception"] == "abc" and not any("No FID" in note for note in section.notes)


def test_further_judges_are_named_in_the_report(
    small_corpus: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    class Judges(StandInJudges):
        def __init__(self, *given: Any, further: Any = None, **more: Any) -> None:
            asked.append(further)
            super().__init__(*given, **more)

    monkeypatch.setattr(reconstruction_evaluating, "FaceJudges", Judges)
    monkeypatch.setattr(reconstruction_evaluating, "heard_genders", lambda clips, **_: np.arange(len(clips)) > 3)
    spec = {"second": {"name": "ir50", "seed": 1}}
    options = config(small_corpus, tmp_path / "report", model="", drawn={"theirs": folder}, judges=spec)
    report = evaluate_reconstruction(options)
    assert asked == [spec] and "ir50" in report.provenance["judges"]["second"]


def test_the_subset_stands_in_the_report(
    light: None, small_corpus: Path, small_splits: Path, folder: Path, tmp_path: Path
) -> None:
    options = config(
        small_corpus, tmp_path / "report", model="", drawn={"theirs": folder}, subset="train", splits=small_splits
    )
    assert evaluate_reconstruction(options).provenance["subset"] == "train"
    everybody = config(small_corpus, tmp_path / "all", model="", drawn={"theirs": folder})
    assert evaluate_reconstruction(everybody).provenance["subset"] == "all"

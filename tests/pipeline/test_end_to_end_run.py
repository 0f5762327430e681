"""From a corpus to a model folder: what it holds, what is refused, and how it is resumed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from visavox.__main__ import main
from visavox.config import TrainConfig
from visavox.errors import ConfigError, DataError
from visavox.models.associators.base import Associator
from visavox.pipeline import end_to_end, end_to_end_run
from visavox.pipeline.distributed import Processes
from visavox.pipeline.end_to_end_data import CorpusRows, prepare_media
from visavox.pipeline.end_to_end_run import plan_end_to_end
from visavox.pipeline.frozen_encoder import build_encoder
from visavox.pipeline.model_training import TrainOutcome, train_model
from visavox.pipeline.training_log import read_metrics

SHORT = {"n_epochs": 2, "people_a_batch": 4, "output_dim": 4, "watch_every_epochs": 1, "window_s": 0.3}
Launch = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.usefixtures("tiny_encoders")


@pytest.fixture
def options(small_corpus: Path, small_splits: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "corpus": small_corpus,
        "splits": small_splits,
        "out": tmp_path / "run",
        "voice_encoder": {"name": "tiny_voice"},
        "face_encoder": "tiny_face",
        "end_to_end": SHORT,
        "associator": "heads",
    }


def train(options: dict[str, Any], **changes: Any) -> TrainOutcome:
    return train_model(TrainConfig(**{**options, **changes}))


def test_a_run_holds_a_model_with_encoders_of_its_own(options: dict[str, Any]) -> None:
    outcome = train(options)
    best = options["out"] / "best"
    files = {str(path.relative_to(best)) for path in best.rglob("*") if path.is_file()}
    weights = {f"{m}_encoder/{name}" for m in ("voice", "face") for name in ("config.json", "model.safetensors")}
    assert files == {"config.json", "model.safetensors", "preprocess.json", "people.json", "README.md"} | weights
    preprocess = json.loads((best / "preprocess.json").read_text(encoding="utf-8"))
    assert preprocess["voice_encoder"] == {"name": "tiny_voice", "weights": "voice_encoder"}
    assert preprocess["face_encoder"] == {"name": "tiny_face", "weights": "face_encoder"}
    assert preprocess["match_scale"] == outcome.match_scale > 0
    assert len(json.loads((best / "people.json").read_text(encoding="utf-8"))) == 4
    card = (best / "README.md").read_text(encoding="utf-8")
    assert "encoders trained with it" in card and "frozen" not in card
    assert (outcome.n_pairs, outcome.n_people) == (8, 4)
    assert outcome.n_parameters == 8 * 6 + 8 + 3 * 2 + 8 * 3 + 8 + 2 * (8 + 8) + 2 * (4 * 8 + 4)
    assert set(outcome.accuracies) == {"voice_to_face", "face_to_voice"}


def test_the_saved_model_scores_what_the_run_said(options: dict[str, Any], small_corpus: Path) -> None:
    """Encoders and heads, read back from the folder, on the validation clips, against the run's own figure."""
    outcome = train(options)
    best = options["out"] / "best"
    plan = plan_end_to_end(TrainConfig(**options))
    rows = CorpusRows.read(small_corpus).of_clips(set(plan.clips("validation")))
    corpus = prepare_media(rows, {"voice": "tiny_voice", "face": "tiny_face"})
    tables = [
        side.embed(build_encoder({"name": f"tiny_{m}", "weights": str(best / f"{m}_encoder")}, m))  # type: ignore[arg-type]
        for m, side in (("voice", corpus.voice), ("face", corpus.face))
    ]
    similarity = Associator.from_folder(best).similarity(tables[0].vectors, tables[1].vectors)
    people = np.array(tables[0].identities)
    other = people[:, None] != people
    own = similarity.diagonal()[:, None]
    wins = [((own > similarity) & other)[i].sum() / other[i].sum() for i in range(len(people))]
    assert outcome.accuracies["voice_to_face"] == pytest.approx(np.mean(wins), abs=1e-6)


def test_the_course_of_the_training_is_written_down(options: dict[str, Any]) -> None:
    train(options)
    rows = read_metrics(options["out"])
    assert [row["epoch"] for row in rows] == [1, 2]
    for name in ("loss", "temperature", "train_positive_similarity", "validation_matching_score"):
        assert name in rows[0]
    assert list(options["out"].rglob("events.out.tfevents.*"))
    written = yaml.safe_load((options["out"] / "config.yaml").read_text(encoding="utf-8"))
    assert written["end_to_end"]["n_epochs"] == 2
    assert written["voice_encoder"] == {"name": "tiny_voice"}


def test_base_chooses_on_validation_and_the_card_says_what(options: dict[str, Any]) -> None:
    train(options, associator="base")
    card = (options["out"] / "best" / "README.md").read_text(encoding="utf-8")
    assert "Associator: `" in card and '`"base"`' not in card


def test_the_same_command_again_gives_the_same_model_and_trains_nothing(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    train(options)
    first = {path: path.read_bytes() for path in (options["out"] / "best").rglob("*.safetensors")}
    monkeypatch.setattr(end_to_end._Run, "_train_epoch", lambda self: pytest.fail("trained again"))
    train(options)
    assert {path: path.read_bytes() for path in first} == first
    with pytest.raises(DataError, match="other settings: end_to_end, seed"):
        train(options, seed=3, end_to_end={**SHORT, "n_epochs": 3})


def test_other_validation_people_are_another_run(options: dict[str, Any], tmp_path: Path) -> None:
    train(options)
    splits = json.loads((options["splits"] / "splits.json").read_text(encoding="utf-8"))
    swap = {"validation": "test", "test": "validation"}
    splits["subsets"] = {clip: swap.get(subset, subset) for clip, subset in splits["subsets"].items()}
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    with pytest.raises(DataError, match="other settings: split"):
        train(options, splits=tmp_path / "splits")


def test_checkpoints_are_whole_models(options: dict[str, Any]) -> None:
    train(options, checkpoint_every_epochs=1)
    folders = sorted((options["out"] / "checkpoints").iterdir())
    assert [folder.name for folder in folders] == ["step-000001", "step-000002"]
    for folder in folders:
        assert (folder / "preprocess.json").is_file() and (folder / "face_encoder" / "model.safetensors").is_file()
    last, best = (
        (folder / "voice_encoder" / "model.safetensors").read_bytes()
        for folder in (folders[-1], options["out"] / "best")
    )
    assert last == best
    train(options, overwrite=True)
    assert not (options["out"] / "checkpoints").exists()


def test_clips_beyond_memory_give_the_same_model_and_leave_no_file(options: dict[str, Any], tmp_path: Path) -> None:
    train(options)
    train(options, out=tmp_path / "mapped", end_to_end={**SHORT, "max_memory_gb": 0})
    weights = [
        (run / "best" / "face_encoder" / "model.safetensors").read_bytes()
        for run in (options["out"], tmp_path / "mapped")
    ]
    assert weights[0] == weights[1]
    assert not (tmp_path / "mapped" / "prepared").exists()


def test_each_process_removes_its_own_clips_and_only_the_first_embeds(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one removed what the others were still reading, and the others embedded the corpus for nobody."""
    plan = plan_end_to_end(TrainConfig(**{**options, "end_to_end": {**SHORT, "max_memory_gb": 0}}))
    prepared = options["out"] / "prepared"
    killed = prepared / "process-3"
    killed.mkdir(parents=True)
    first, second = (replace(plan, processes=Alone(rank=rank, count=2)) for rank in (0, 1))
    with end_to_end_run._prepared(first):
        assert not killed.exists()  # of a run that was killed
        with end_to_end_run._prepared(second) as corpus:
            assert sorted(path.name for path in prepared.iterdir()) == ["process-0", "process-1"]
            assert len(corpus.voice.prepared) > 0
        assert [path.name for path in prepared.iterdir()] == ["process-0"]
        assert sorted(path.name for path in (prepared / "process-0").iterdir()) == ["face.bin", "voice.bin"]
    assert not prepared.exists()
    with pytest.raises(KeyboardInterrupt), end_to_end_run._prepared(first):
        raise KeyboardInterrupt
    assert not prepared.exists()
    done: list[str] = []
    monkeypatch.setattr(end_to_end_run, "join_processes", lambda device: second.processes)
    monkeypatch.setattr(end_to_end_run, "_plan", lambda config, processes: second)
    monkeypatch.setattr(end_to_end_run, "train_end_to_end", lambda *a, **more: done.append("trained"))
    monkeypatch.setattr(end_to_end_run, "_embed", lambda *a: pytest.fail("embedded for nobody"))
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        raise InterruptedError

    monkeypatch.setattr("os._exit", end)  # which would end the tests as well
    with pytest.raises(InterruptedError):
        end_to_end_run._follow(second.config)
    assert codes == [0] and done == ["trained"] and not prepared.exists()


class Alone(Processes):
    """A process that says that there are others, and waits for none."""

    def wait(self) -> None: ...

    def leave(self) -> None: ...

    @contextmanager
    def together(self) -> Iterator[None]:
        yield


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"face_encoder": "dlib"}, "'dlib' is frozen and cannot be trained"),
        ({"end_to_end": {"epochs": 3}}, "takes no 'epochs'"),
        ({"associator": "linear"}, "linear"),
        (
            {"end_to_end": {**SHORT, "across_weight": 0}, "patience_epochs": 2},
            "`across_weight` 0 leaves them untrained",
        ),
        ({"end_to_end": {**SHORT, "watch_every_epochs": 3}, "patience_epochs": 2}, "at least `watch_every_epochs`, 3"),
        ({"splits": Path("nowhere")}, "There is no split"),
        ({"end_to_end": {**SHORT, "window_s": 0}}, "window_s"),
        ({"corpus": Path("nowhere")}, "There is no catalog"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    options: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=words):
        train(options, **changes)
    assert not options["out"].exists()


def test_people_with_one_clip_leave_the_folder_free_for_the_remedy(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder was claimed first, so that the setting that the message proposes was refused in it."""
    read = CorpusRows.read

    def first_clips(folder: Path) -> CorpusRows:
        rows = read(folder)
        return rows.of_clips({item.clip for item in rows.items["voice"] if item.clip.endswith("-c0")})

    monkeypatch.setattr(CorpusRows, "read", first_clips)
    with pytest.raises(DataError, match="set it to 0 in `end_to_end`"):
        train(options)
    assert not options["out"].exists()
    alone = {"within_voice_weight": 0, "within_face_weight": 0, "clips_a_person": 1}
    assert train(options, end_to_end={**SHORT, **alone}).n_pairs == 4


def test_a_split_without_validation_people_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    text = (options["splits"] / "splits.json").read_text(encoding="utf-8").replace('"validation"', '"test"')
    read = json.loads(text, object_pairs_hook=dict)
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "splits.json").write_text(json.dumps(read), encoding="utf-8")
    with pytest.raises(ConfigError, match="needs 2 validation people or more"):
        train(options, splits=tmp_path / "s")


def test_a_person_on_two_sides_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    read = json.loads((options["splits"] / "splits.json").read_text(encoding="utf-8"))
    clip = next(clip for clip, side in read["subsets"].items() if side == "train")
    read["subsets"][clip] = "validation"
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "splits.json").write_text(json.dumps(read), encoding="utf-8")
    with pytest.raises(DataError, match="nobody may be in two"):
        train(options, splits=tmp_path / "s")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"embeddings": Path("e")}, "Give either `embeddings`.*Got both"),
        ({"corpus": None, "voice_encoder": None, "face_encoder": None, "end_to_end": {}}, "Got neither"),
        ({"corpus": None, "embeddings": Path("e")}, "`voice_encoder` is of a training from a corpus"),
        ({"splits": None}, "needs --splits"),
        ({"subset": "all"}, "`subset` must be train with a `corpus`. Got 'all'"),
    ],
)
def test_wrong_combinations_are_one_line(options: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TrainConfig(**{**options, **changes})


@pytest.mark.slow
def test_torchrun_writes_and_says_everything_once(
    launch: Launch, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    """Two processes of the command itself; the same command by one process then finds the run finished."""
    words = ["-m", "visavox", "train", "--corpus", str(small_corpus), "--splits", str(small_splits)]
    words += ["--out", str(tmp_path / "run"), "--associator", "heads", "--device", "cpu"]
    words += ["--end-to-end", "{n_epochs: 2, people_a_batch: 4, window_s: 0.3, max_memory_gb: 0}"]
    done = launch(words, elastic=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("8 pairs of 4 people") == 1
    assert len(read_metrics(tmp_path / "run")) == 2
    assert (tmp_path / "run" / "best" / "voice_encoder" / "model.safetensors").is_file()
    assert not (tmp_path / "run" / "prepared").exists()
    state = (tmp_path / "run" / "member-encoders" / "state.safetensors").read_bytes()
    assert main(words[2:]) == 0
    assert (tmp_path / "run" / "member-encoders" / "state.safetensors").read_bytes() == state


@pytest.mark.slow
def test_what_two_processes_cannot_do_is_one_line(
    launch: Launch, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    words = ["-m", "visavox", "train", "--corpus", str(small_corpus), "--splits", str(small_splits)]
    words += ["--out", str(tmp_path / "run"), "--device", "cpu", "--end-to-end", "{epochs: 2}"]
    done = launch(words)
    assert done.returncode == 2
    assert done.stderr.count("visavox: ") == 1 and "takes no 'epochs'" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "run").exists()


def test_an_objective_that_lacks_something_is_refused_before_anything_is_written(options: dict[str, Any]) -> None:
    lacking = {"name": "seeking_shape", "reweight": "paper", "identity_weights": "nowhere.safetensors"}
    with pytest.raises(DataError, match="There is no nowhere.safetensors. Train that run first"):
        train(options, end_to_end={**SHORT, "objective": lacking})
    with pytest.raises(ConfigError, match="looks at all training pairs between the epochs"):
        train(options, end_to_end={**SHORT, "objective": "prototype_contrast"})
    assert not options["out"].exists()


def test_a_published_recipe_runs_and_is_read_back(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of a recipe are lists again when the run's own settings are compared with them."""
    settings = {
        **SHORT,
        "objective": {"name": "seeking_shape", "reweight": "official_code"},
        "heads": {"name": "sss", "output_dim": 4},
        "within_voice_weight": 0,
        "within_face_weight": 0,
        "clips_a_person": 1,
        "one_per_person": True,
        "optimiser": "sgd",
        "schedule": "steps",
        "drop_at": [0.5],
        "window_s": [0.2, 0.3],
        "face_augmentation": {"turn_deg": 15, "turn": 0.5},
    }
    outcome = train(options, end_to_end=settings)
    assert (outcome.n_pairs, outcome.n_people) == (8, 4)
    assert json.loads((options["out"] / "best" / "config.json").read_text(encoding="utf-8"))["name"] == "sss"
    monkeypatch.setattr(end_to_end._Run, "_train_epoch", lambda self: pytest.fail("trained again"))
    train(options, end_to_end=settings)

"""Folders to enrolled people: added, removed, renamed, fitted anew, and what is refused."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.items import Modality
from visavox.errors import ConfigError, DataError
from visavox.identification_config import EnrollConfig
from visavox.media.audio import write_voice
from visavox.persistence import TENSOR_FILE, read_tensors
from visavox.pipeline import enrolling
from visavox.pipeline.corpus_writing import sole_writer
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.enrolled_folder import UNFINISHED, EnrolledFolder
from visavox.pipeline.enrolling import enroll_people
from visavox.pipeline.media_vectors import MediaEncoder

FILES = {"config.json", "model.safetensors", "clips.json", "preprocess.json"}
PEOPLE = tuple(f"w0-person-{number:04d}" for number in range(8))


@pytest.fixture(scope="module")
def made(small_corpus: Path, small_embeddings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People of the small corpus. Read only."""
    out = tmp_path_factory.mktemp("made") / "people"
    enroll_people(EnrollConfig(out=out, corpus=small_corpus, embeddings=small_embeddings))
    return out


@pytest.fixture
def people(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(made, tmp_path / "people")


@pytest.fixture
def clips(small_world: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of pairs of the first people of the small world."""

    def make(n_people: int, *, columns: tuple[str, ...] = ("clip", "person", "session"), name: str = "clips") -> Path:
        folder = tmp_path / name
        with (small_world / "clips.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["person"] in PEOPLE[:n_people]]
        for kind in ("faces", "voices"):
            (folder / kind).mkdir(parents=True)
            for row in rows:
                (path,) = (small_world / kind).glob(f"{row['clip']}.*")
                shutil.copy(path, folder / kind)
        with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        return folder

    return make


def test_a_folder_of_pairs_becomes_people_and_leaves_no_media(clips: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "people"
    config = EnrollConfig(out=out, pairs=clips(3), workers=1)
    outcome = enroll_people(config)
    assert (outcome.n_people, outcome.n_new, outcome.n_known) == (3, 12, 0)
    assert outcome.n_clips == {"voice": 6, "face": 6}
    assert outcome.new_people == PEOPLE[:3]
    assert {path.name for path in out.iterdir()} == FILES
    folder = EnrolledFolder.load(out)
    assert folder.recipe.voice_encoder == config.voice_encoder
    again = enroll_people(config)
    assert (again.n_people, again.n_new, again.n_known, again.new_people) == (3, 0, 12, ())
    assert again.n_clips == {"voice": 6, "face": 6}


def test_a_corpus_and_its_embeddings_make_the_same_people(people: Path, small_embeddings: Path) -> None:
    folder = EnrolledFolder.load(people)
    voices = folder.people.channels["voice"].samples
    assert folder.people.names == PEOPLE
    assert np.array_equal(voices.vectors, CorpusEmbeddings.load(small_embeddings).voice.vectors)
    assert len(set(voices.qualities.tolist())) > 1
    assert folder.recipe.detector == "mtcnn"
    probe: dict[Modality, np.ndarray] = {
        "voice": voices.vectors[:1],
        "face": folder.people.channels["face"].samples.vectors[:1],
    }
    assert folder.people.identify(probe).ranked[0].name == voices.people[0]


def test_a_second_folder_is_added(
    clips: Callable[..., Path], small_corpus: Path, small_embeddings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "people"
    enroll_people(EnrollConfig(out=out, pairs=clips(2), workers=1))
    added = enroll_people(EnrollConfig(out=out, corpus=small_corpus, embeddings=small_embeddings))
    assert added.new_people == PEOPLE[2:]
    assert added.n_people == 8
    assert added.n_known + added.n_new == 32


def test_people_are_removed_and_renamed(people: Path) -> None:
    outcome = enroll_people(
        EnrollConfig(out=people, remove=(PEOPLE[0],), rename={PEOPLE[1]: "Ann", PEOPLE[2]: PEOPLE[3]})
    )
    assert outcome.removed == (PEOPLE[0],)
    assert outcome.n_people == 6
    assert EnrolledFolder.load(people).people.names == ("Ann", *PEOPLE[3:])
    assert all(PEOPLE[0].encode() not in path.read_bytes() for path in people.iterdir())
    assert {path.name for path in people.iterdir()} == FILES


def test_names_that_look_like_numbers_are_names(people: Path) -> None:
    """On the command line {w0-person-0000: 3} and then {3: Ann} hold a number, which no name was compared with."""
    enroll_people(EnrollConfig(out=people, rename={PEOPLE[0]: 3}))
    outcome = enroll_people(EnrollConfig(out=people, rename={3: "Ann"}))  # type: ignore[dict-item]
    assert outcome.renamed == {"3": "Ann"}
    assert EnrolledFolder.load(people).people.names[0] == "Ann"


@pytest.mark.parametrize("asked", [{"remove": ("w0-person-0O01",)}, {"rename": {"w0-person-0O01": "Ann"}}])
def test_a_name_that_nobody_has_gives_the_nearest(people: Path, asked: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"Nobody of the 8 enrolled is called 'w0-person-0O01'\. Did you mean 'w0-p"):
        enroll_people(EnrollConfig(out=people, **asked))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="called 'Zoe'. Check the spelling."):
        enroll_people(EnrollConfig(out=people, remove=("Zoe",)))
    assert EnrolledFolder.load(people).people.names == PEOPLE


def test_the_last_person_stays(people: Path) -> None:
    with pytest.raises(ConfigError, match="Somebody must stay enrolled. Delete the folder instead."):
        enroll_people(EnrollConfig(out=people, remove=PEOPLE))


def test_what_was_learned_stays_until_it_is_fitted_anew(people: Path) -> None:
    enroll_people(EnrollConfig(out=people, remove=(PEOPLE[0],), refit=True, false_accept=0.2, backend="cosine"))
    settings = EnrolledFolder.load(people).people.settings
    assert (settings.false_accept, settings.backend) == (0.2, "cosine")
    enroll_people(EnrollConfig(out=people, refit=True))
    assert EnrolledFolder.load(people).people.settings.false_accept == 0.2
    with pytest.raises(ConfigError, match=r"`false_accept` of .* is 0\.2 until everybody is fitted anew\. Got 0\.3"):
        enroll_people(EnrollConfig(out=people, remove=(PEOPLE[1],), false_accept=0.3))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"voice_encoder": "wavlm_xvector"}, r"`voice_encoder` of .* must be made alike\. Got 'wavlm_xvector'"),
        ({"detector": "dlib_hog"}, r"`detector` of .* is 'mtcnn'"),
        ({"voice_window_s": 2.0}, r"`voice_window_s` of .* is 0\.0.* Leave --voice-window-s out"),
    ],
)
def test_all_enrolled_are_made_alike(people: Path, small_corpus: Path, asked: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        enroll_people(EnrollConfig(out=people, corpus=small_corpus, **asked))  # type: ignore[arg-type]


def test_embeddings_of_another_encoder_are_refused(people: Path, small_embeddings: Path, tmp_path: Path) -> None:
    embedded = CorpusEmbeddings.load(small_embeddings)
    encoders = {**embedded.about["encoders"], "voice": {"spec": {"name": "ge2e", "output": "hidden"}}}
    other = dataclasses.replace(embedded, about={**embedded.about, "encoders": encoders})
    other.save(tmp_path / "other")
    with pytest.raises(
        DataError, match="enrolled by the voice encoder .*ge2e.* Got embeddings of .*hidden.* Embed again"
    ):
        enroll_people(EnrollConfig(out=people, embeddings=tmp_path / "other"))


def test_clips_without_a_person_are_refused_before_any_work(clips: Callable[..., Path], tmp_path: Path) -> None:
    folder, out = clips(2, columns=("clip", "session")), tmp_path / "people"
    with pytest.raises(ConfigError, match=r"Got none that does in .*clips\. Give clips\.csv a column `person`"):
        enroll_people(EnrollConfig(out=out, pairs=folder))
    assert not out.exists()


def test_a_folder_without_a_usable_clip_enrols_nobody(clips: Callable[..., Path], tmp_path: Path) -> None:
    folder = clips(1)
    for path in [*(folder / "faces").iterdir(), *(folder / "voices").iterdir()]:
        path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"is needed\. Got none \(2 face unreadable_image, 2 voice unreadable_audio\)"):
        enroll_people(EnrollConfig(out=tmp_path / "people", pairs=folder, workers=1))
    assert not (tmp_path / "people").exists()


def test_a_person_with_faces_only_is_enrolled_and_said(clips: Callable[..., Path], tmp_path: Path) -> None:
    folder, out = clips(3), tmp_path / "people"
    for path in (folder / "voices").glob(f"{PEOPLE[0]}-*"):
        path.unlink()
        write_voice(path.with_suffix(".flac"), np.zeros(32_000, dtype=np.float32))
    outcome = enroll_people(EnrollConfig(out=out, pairs=folder, workers=1))
    assert outcome.unusable == {"voice": {"silent": 2}}
    assert outcome.unusable_clips == {"voice": {"silent": (f"{PEOPLE[0]}-c0", f"{PEOPLE[0]}-c1")}}
    assert any(PEOPLE[0] in note and "faces only" in note for note in outcome.notes)
    assert EnrolledFolder.load(out).people.modalities_of(PEOPLE[0]) == ("face",)


def test_faces_alone_make_people_too(clips: Callable[..., Path], tmp_path: Path) -> None:
    folder, out = clips(3), tmp_path / "people"
    for path in (folder / "voices").iterdir():
        path.write_bytes(b"nothing")
    outcome = enroll_people(EnrollConfig(out=out, pairs=folder, workers=1))
    assert outcome.n_clips == {"face": 6}
    assert outcome.unusable["voice"] == {"unreadable_audio": 6}


def test_windows_give_a_voice_several_rows(small_corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "people"
    outcome = enroll_people(EnrollConfig(out=out, corpus=small_corpus, voice_window_s=1.6))
    assert outcome.n_clips["voice"] > 16 == outcome.n_clips["face"]
    voices = EnrolledFolder.load(out).people.channels["voice"].samples
    assert len(set(voices.clips)) == 16
    assert any(key.endswith("#1") for key in voices.keys)
    assert EnrolledFolder.load(out).recipe.voice_window_s == 1.6


def test_nobody_is_enrolled_yet(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Nobody is enrolled in .* yet. Enrol people with --pairs"):
        enroll_people(EnrollConfig(out=tmp_path / "people", remove=("Ann",)))
    assert not (tmp_path / "people").exists()


def test_other_files_are_never_touched(small_corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds diary\.txt"):
        enroll_people(EnrollConfig(out=tmp_path, corpus=small_corpus, overwrite=True))


def test_overwriting_forgets_whom_it_held(people: Path, clips: Callable[..., Path]) -> None:
    assert enroll_people(EnrollConfig(out=people, pairs=clips(2), workers=1, overwrite=True)).n_people == 2


def test_two_enrolments_at_once_are_refused(people: Path) -> None:
    (people / UNFINISHED).mkdir()
    with sole_writer(people / UNFINISHED), pytest.raises(DataError, match="is being written by another"):
        enroll_people(EnrollConfig(out=people, remove=(PEOPLE[0],)))


def test_a_stopped_enrolment_goes_on_where_it_was(
    clips: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EnrollConfig(out=tmp_path / "people", pairs=clips(2), workers=1)
    with monkeypatch.context() as patch:
        patch.setattr(enrolling, "embed_clips", interrupted)
        with pytest.raises(KeyboardInterrupt):
            enroll_people(config)
    seen: list[tuple[int, int]] = []
    assert enroll_people(config, lambda done, total: seen.append((done, total))).n_people == 2
    assert seen[0] == (0, 0)  # nothing left to prepare


def interrupt(config: EnrollConfig, monkeypatch: pytest.MonkeyPatch, at: str = "embed_clips") -> None:
    with monkeypatch.context() as patch:
        patch.setattr(enrolling, at, interrupted)
        with pytest.raises(KeyboardInterrupt):
            enroll_people(config)


def test_an_enrolment_that_was_interrupted_and_then_fails_leaves_no_media(
    clips: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was prepared before the interruption was taken for another's, and stayed for good."""
    config = EnrollConfig(out=tmp_path / "people", pairs=clips(2), workers=1)
    interrupt(config, monkeypatch)
    assert enrolling.n_prepared(config.out) > 0
    with pytest.raises(ConfigError, match="sessions"):
        enroll_people(dataclasses.replace(config, sessions=("no such",)))
    assert not config.out.exists()


def test_an_interruption_before_a_clip_is_prepared_leaves_nothing(
    clips: Callable[..., Path], people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, pairs = {path.name for path in people.iterdir()}, clips(2)
    for out in (tmp_path / "new", people):
        interrupt(EnrollConfig(out=out, pairs=pairs, workers=1), monkeypatch, "prepare_clips")
    assert not (tmp_path / "new").exists()
    assert {path.name for path in people.iterdir()} == held


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_probes_take_the_way_of_the_enrolled(people: Path, small_world: Path) -> None:
    folder = EnrolledFolder.load(people)
    voice = sorted((small_world / "voices").iterdir())[0]
    heard = MediaEncoder(folder.recipe).voice(voice)
    samples = folder.people.channels["voice"].samples
    assert float(heard.vectors[0] @ samples.vectors[0]) > 0.999


def learned(folder: Path) -> dict[str, np.ndarray]:
    """Return every array that was saved."""
    return read_tensors(folder / TENSOR_FILE)[0]


@pytest.mark.parametrize("backend", ["cosine", "plda"])
def test_who_is_removed_and_everybody_fitted_anew_was_never_there(
    small_corpus: Path, small_embeddings: Path, tmp_path: Path, backend: str
) -> None:
    """The mean and the projection of everybody rested on who was removed, and "nothing of theirs is kept" was said."""
    source = {"corpus": small_corpus, "embeddings": small_embeddings, "backend": backend}
    for name in ("whole", "kept"):
        enroll_people(EnrollConfig(out=tmp_path / name, **source))  # type: ignore[arg-type]
    table = CorpusEmbeddings.load(small_embeddings)
    others = [t.select(np.array([p != PEOPLE[0] for p in t.identities])) for t in (table.voice, table.face)]
    CorpusEmbeddings(others[0], others[1], table.about).save(tmp_path / "others")
    source["embeddings"] = tmp_path / "others"
    enroll_people(EnrollConfig(out=tmp_path / "fresh", **source))  # type: ignore[arg-type]

    assert not enroll_people(EnrollConfig(out=tmp_path / "kept", remove=(PEOPLE[0],))).refitted
    outcome = enroll_people(EnrollConfig(out=tmp_path / "whole", remove=(PEOPLE[0],), refit=True))
    assert (outcome.removed, outcome.refitted) == ((PEOPLE[0],), True)
    fresh, forgot = learned(tmp_path / "fresh"), learned(tmp_path / "whole")
    assert forgot.keys() == fresh.keys()
    assert all(np.array_equal(forgot[name], fresh[name]) for name in fresh)
    for name in ("config.json", "clips.json"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "fresh" / name).read_text()
    kept = learned(tmp_path / "kept")
    assert any(not np.array_equal(kept[name], fresh[name]) for name in fresh if ".backend." in name)


def test_a_rate_that_cannot_be_promised_is_said_once_with_what_is_lacking(made: Path, people: Path) -> None:
    n = min(len(found) for found in EnrolledFolder.load(made).people.strangers.values())
    notes = enroll_people(EnrollConfig(out=people, rename={PEOPLE[0]: "Ann"})).notes
    (said,) = [note for note in notes if "False accepts" in note]
    assert said.startswith(f"False accepts: asked 0.01, {1 / (n + 1):.3g} used; {n} clips can stand in for strangers")
    assert f"0.01 needs 99. Enrol {99 - n} more and say --refit" in said
    notes = enroll_people(EnrollConfig(out=people, refit=True, false_accept=0.2)).notes
    assert not [note for note in notes if "False accepts" in note]


def test_logistic_is_said_not_to_keep_the_rate(people: Path) -> None:
    notes = enroll_people(EnrollConfig(out=people, refit=True, backend="logistic", false_accept=0.2)).notes
    assert any("logistic takes more strangers" in note and "take plda or cosine" in note for note in notes)


def test_pictures_without_a_face_may_hide_in_embeddings(small_embeddings: Path, tmp_path: Path, made: Path) -> None:
    outcome = enroll_people(EnrollConfig(out=tmp_path / "people", embeddings=small_embeddings))
    assert any(note.startswith("Pictures without a face") and "Give --corpus too" in note for note in outcome.notes)


def test_what_failed_leaves_what_another_run_left_to_go_on_with(people: Path, clips: Callable[..., Path]) -> None:
    (people / UNFINISHED / "another").mkdir(parents=True)
    folder = clips(1)
    for path in [*(folder / "faces").iterdir(), *(folder / "voices").iterdir()]:
        path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="Got none"):
        enroll_people(EnrollConfig(out=people, pairs=folder, workers=1))
    assert {path.name for path in (people / UNFINISHED).iterdir()} == {"another", ".lock"}
    assert EnrolledFolder.load(people).people.names == PEOPLE

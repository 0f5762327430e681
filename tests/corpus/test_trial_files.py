"""Trial lists on disk: round trips, plain tables, manifests, and lists made by hand."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

from visavox.corpus.items import ClipLink
from visavox.corpus.trial_drawing import draw_trials
from visavox.corpus.trial_files import MANIFEST, read_list, read_trials, write_trials
from visavox.corpus.trials import MatchingTrials, RetrievalTrials, TrialSet, VerificationTrials
from visavox.errors import ConfigError, DataError

HASH = "ab" * 32


def corpus(n_people: int = 8) -> list[ClipLink]:
    return [
        ClipLink(f'p{i}, clip "{j}" ü', f"p{i}", f"v{i}-{j}", "mf"[i % 2]) for i in range(n_people) for j in range(2)
    ]


def written(folder: Path, *, seed: int = 0, n_candidates: tuple[int, ...] = (2, 3)) -> TrialSet:
    trials = draw_trials(corpus(), corpus(), seed=seed, n_candidates=n_candidates)
    write_trials(folder, trials, catalog_hash=HASH)
    return trials


def test_writing_and_reading_changes_nothing(tmp_path: Path) -> None:
    trials = written(tmp_path / "trials")
    assert len(trials.lists) == 14 - 2 * 2 + 2 * 2
    assert read_trials(tmp_path / "trials", corpus(), corpus(), catalog_hash=HASH) == trials


def test_skipped_lists_are_remembered(tmp_path: Path) -> None:
    trials = draw_trials(corpus(3), corpus(3), seed=0, n_candidates=[2, 9])
    assert trials.skipped
    write_trials(tmp_path, trials, catalog_hash="")
    assert read_trials(tmp_path, corpus(3), corpus(3)) == trials


def test_the_same_trials_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_manifest_says_how_the_lists_were_made(tmp_path: Path) -> None:
    trials = written(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert (manifest["seed"], manifest["catalog_hash"]) == (0, HASH)
    assert manifest["lists"].keys() == trials.lists.keys()
    for name, entry in manifest["lists"].items():
        assert entry["sha256"] == hashlib.sha256((tmp_path / entry["file"]).read_bytes()).hexdigest()
        assert entry["n_trials"] == len(trials.lists[name].probes)
        assert (entry["direction"], entry["group"]) == (trials.lists[name].direction, trials.lists[name].group)


def test_tables_have_a_plain_header_and_one_trial_a_line(tmp_path: Path) -> None:
    trials = written(tmp_path)
    with (tmp_path / "matching_voice_to_face_all_3.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["probe", "positive", "negative_1", "negative_2"]
    matching = trials.lists["matching_voice_to_face_all_3"]
    assert isinstance(matching, MatchingTrials)
    assert [(row[0], tuple(row[1:])) for row in rows] == list(zip(matching.probes, matching.candidates, strict=True))
    first = {path.name: path.read_text(encoding="utf-8").split("\n")[0] for path in tmp_path.glob("*.csv")}
    assert first["verification_face_to_voice_all.csv"] == "probe,candidate,label"
    assert first["retrieval_voice_to_face.csv"] == "role,clip"


def test_writing_again_removes_the_lists_that_are_no_more_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path, n_candidates=(2, 3))
    (tmp_path / "my_own.csv").write_text("probe,positive,negative_1\n")
    written(tmp_path, n_candidates=(2,))
    names = {path.name for path in tmp_path.iterdir()}
    assert "matching_voice_to_face_all_3.csv" not in names
    assert {"matching_voice_to_face_all_2.csv", "my_own.csv", MANIFEST} <= names


def test_a_folder_without_a_manifest_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There are no trials in .*manifest.json. Run `visavox split`"):
        read_trials(tmp_path, corpus(), corpus())


def test_another_catalog_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(
        DataError, match=r"hash is abababababab, the catalog's is cdcdcdcdcdcd. Run `visavox split` again"
    ):
        read_trials(tmp_path, corpus(), corpus(), catalog_hash="cd" * 32)


@pytest.mark.parametrize("change", ["edit", "delete"])
def test_a_list_that_was_changed_is_refused(change: str, tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "verification_voice_to_face_all.csv"
    if change == "edit":
        path.write_text(path.read_text(encoding="utf-8").replace(",1\n", ",0\n", 1), encoding="utf-8")
    else:
        path.unlink()
    with pytest.raises(DataError, match=r"verification_voice_to_face_all.csv is missing or was changed"):
        read_trials(tmp_path, corpus(), corpus())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"format": "other"}',
        '{"format": "visavox-trials-1"}',
        '{"format": "visavox-trials-1", "lists": 3}',
    ],
)
def test_a_damaged_manifest_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(DataError, match="is no manifest of trials") as caught:
        read_trials(tmp_path, corpus(), corpus())
    assert "\n" not in str(caught.value)


def test_a_manifest_cannot_name_a_file_outside_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "trials"
    written(folder)
    (tmp_path / "outside.csv").write_text("role,clip\n")
    manifest = json.loads((folder / MANIFEST).read_text())
    entry = manifest["lists"]["retrieval_voice_to_face"]
    entry["file"] = "../outside.csv"
    entry["sha256"] = hashlib.sha256(b"role,clip\n").hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"trials/outside.csv is missing"):
        read_trials(folder, corpus(), corpus())


def test_clips_that_are_not_at_hand_are_named_with_their_line(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(DataError, match=r"\.csv line \d+: the clip 'p7, clip"):
        read_trials(tmp_path, corpus(7), corpus(7))


LINKS = [ClipLink("a", "Ann"), ClipLink("b", "Bob"), ClipLink("c", "Cy")]


def by_hand(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "mine.csv"
    path.write_bytes(content.encode())
    return path


def test_a_list_made_by_hand_is_read_by_its_header(tmp_path: Path) -> None:
    path = by_hand(tmp_path, "\ufeffprobe,positive,negative_1\r\na,a,b\r\n\r\nb,b,c\r\n")
    assert read_list(path, LINKS, LINKS, direction="voice_to_face") == MatchingTrials(
        "voice_to_face", "all", ("a", "b"), (("a", "b"), ("b", "c"))
    )
    path = by_hand(tmp_path, "probe,candidate,label\na,a,1\na,b,0\n")
    assert read_list(path, LINKS, LINKS, direction="face_to_voice") == VerificationTrials(
        "face_to_voice", "all", ("a", "a"), ("a", "b"), (True, False)
    )
    path = by_hand(tmp_path, "role,clip\nprobe,a\ngallery,a\ngallery,b\n")
    assert read_list(path, LINKS, LINKS, direction="voice_to_face") == RetrievalTrials(
        "voice_to_face", ("a",), ("a", "b")
    )


def test_lists_with_a_header_only_are_empty(tmp_path: Path) -> None:
    for header in ("probe,positive,negative_1", "probe,candidate,label", "role,clip"):
        found = read_list(by_hand(tmp_path, header + "\n"), LINKS, LINKS, direction="voice_to_face")
        assert found.probes == ()


def test_one_candidate_only_is_no_choice(tmp_path: Path) -> None:
    path = by_hand(tmp_path, "probe,positive\na,a\n")
    with pytest.raises(ConfigError, match=r"`n_candidates` must be at least 2. Got 1 in .*mine.csv"):
        read_list(path, LINKS, LINKS, direction="voice_to_face")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"has the header \(nothing\)"),
        ("voice,face\na,b\n", "has the header voice,face, which is of no trial list"),
        ("probe,positive,negative_2\n", "is of no trial list"),
        ("probe,positive,negative_1\na,a,a\n", "line 2: the negative 'a' must not be of the probe's person"),
        ("probe,positive,negative_1\na,a,b\n\na,a,zoe\n", "line 4: the clip 'zoe' is not among"),
        ("probe,positive,negative_1\na,a\n", "line 2: must have 3 cells"),
    ],
)
def test_a_wrong_list_made_by_hand_is_one_line(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        read_list(by_hand(tmp_path, content), LINKS, LINKS, direction="voice_to_face")


def test_line_numbers_count_line_breaks_inside_names(tmp_path: Path) -> None:
    links = [*LINKS, ClipLink("two\nlines", "Ann")]
    path = by_hand(tmp_path, 'probe,candidate,label\n"two\nlines",a,1\na,b,maybe\n')
    with pytest.raises(DataError, match="line 4: the label must be 1 or 0"):
        read_list(path, links, links, direction="voice_to_face")


def test_a_list_that_is_no_text_or_missing_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(b"probe,positive,negative_1\n\xff\xfe,a,b\n")
    with pytest.raises(DataError, match=r"cannot be read .*UTF-8 CSV"):
        read_list(path, LINKS, LINKS, direction="voice_to_face")
    with pytest.raises(DataError, match="cannot be read"):
        read_list(tmp_path / "none.csv", LINKS, LINKS, direction="voice_to_face")


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "trials").write_text("")
    with pytest.raises(DataError, match="Cannot write the trials"):
        written(tmp_path / "trials")


def test_lists_of_joint_strata_are_read_back(tmp_path: Path) -> None:
    links = [
        ClipLink(f"c{i}", f"p{i}", None, "mf"[i % 2], (("age", str(20 + i)), ("nationality", "UK"))) for i in range(12)
    ]
    groups = ["all", "same_gender_nationality_age", "same_nationality"]
    trials = draw_trials(links, links, seed=0, n_candidates=[2], groups=groups)
    assert "verification_voice_to_face_same_gender_nationality_age" in trials.lists
    person_of = {link.clip: link.identity for link in links}
    write_trials(tmp_path, trials, catalog_hash="", drawn={"per_probe": 3}, person_of=person_of)
    assert read_trials(tmp_path, links, links) == trials
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["drawn"] == {"per_probe": 3}
    usage = manifest["lists"]["matching_voice_to_face_same_nationality_2"]["usage"]
    assert usage["negative_people"] == {"different": 12, "fewest": 3, "most": 3, "mean": 3.0}


def test_a_manifest_with_an_unknown_group_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["lists"]["verification_voice_to_face_all"]["group"] = "same_sex"
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"is no manifest of trials .*`group` must be 'all' or 'same_'.*Got 'same_sex'"):
        read_trials(tmp_path, corpus(), corpus())

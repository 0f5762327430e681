from __future__ import annotations

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import DataError
from visavox.evaluation.contest import build_contest, known_labels, people_codes, sides
from visavox.evaluation.scoring import UndefinedScoresError


def table(modality: str, rows: list[tuple[str, str, str | None]], dim: int = 3, **attributes) -> EmbeddingTable:
    """Rows of (clip, identity, video)."""
    clips, identities, videos = zip(*rows, strict=True) if rows else ((), (), ())
    keys = tuple(f"{clip}/{modality}/{i}" for i, clip in enumerate(clips))
    vectors = np.random.default_rng(len(rows)).normal(size=(len(rows), dim))
    return EmbeddingTable(modality, "e", keys, clips, identities, videos, attributes, vectors)


ROWS = [("a", "Ann", "v1"), ("b", "Ann", "v2"), ("c", "Bob", "v1"), ("d", "Cid", None), ("e", "Dan", None)]


def paired(**attributes):
    return table("voice", ROWS, **attributes), table("face", ROWS, **attributes)


def test_paired_tables_have_their_own_clip_as_positive() -> None:
    contest = build_contest(*paired(), direction="voice_to_face")
    np.testing.assert_array_equal(contest.positives, np.eye(5, dtype=bool))


def test_unpaired_tables_have_everything_of_the_person_as_positive() -> None:
    voice = table("voice", [("x", "Ann", None), ("y", "Bob", None)])
    face = table("face", [("p", "Ann", None), ("q", "Ann", None), ("r", "Bob", None)])
    contest = build_contest(voice, face, direction="voice_to_face")
    assert contest.positives.tolist() == [[True, True, False], [False, False, True]]


def test_by_person_overrides_the_clips() -> None:
    contest = build_contest(*paired(), direction="voice_to_face", by_person=True)
    assert contest.positives[0].tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
def test_negatives_are_other_people_in_other_videos(direction: str) -> None:
    """From the definition, pair by pair."""
    contest = build_contest(*paired(), direction=direction)
    for i, (_, person, video) in enumerate(ROWS):
        for j, (_, other, other_video) in enumerate(ROWS):
            same_video = video is not None and video == other_video
            assert contest.groups[0].negatives[i, j] == (person != other and not same_video)
    assert contest.groups[0].name == "all"


def test_unknown_videos_are_not_the_same_video() -> None:
    assert build_contest(*paired(), direction="voice_to_face").groups[0].negatives[3, 4]


def test_same_gender_negatives_share_a_known_gender() -> None:
    genders = ("f", "f", "m", "m", None)
    contest = build_contest(*paired(gender=genders), direction="voice_to_face")
    everything, group = contest.groups
    assert group.name == "same_gender"
    for i in range(5):
        for j in range(5):
            same = genders[i] is not None and genders[i] == genders[j]
            assert group.negatives[i, j] == (everything.negatives[i, j] and same)


def test_nationality_is_a_group_only_where_it_is_known() -> None:
    nations = ("USA", "USA", "UK", "USA", "USA")
    contest = build_contest(*paired(nationality=nations), direction="voice_to_face")
    assert [group.name for group in contest.groups] == ["all", "same_gender", "same_nationality"]
    assert contest.groups[2].negatives[0].tolist() == [False, False, False, True, True]


def test_without_labels_the_group_says_so() -> None:
    group = build_contest(*paired(), direction="voice_to_face").groups[1]
    assert (group.name, group.note, group.negatives.any()) == ("same_gender", "no gender labels", False)


def test_labels_may_come_from_the_other_table_of_the_person() -> None:
    voice = table("voice", ROWS)
    face = table("face", ROWS, gender=("f", None, "m", None, None))
    assert known_labels(voice, face, "gender") == ["f", "f", "m", None, None]
    assert known_labels(face, voice, "gender") == ["f", "f", "m", None, None]


def test_predicted_labels_are_taken_only_when_none_are_given() -> None:
    guess, given = ("m", "m", "m", "f", "f"), ("f", None, None, None, None)
    voice, face = paired(predicted_gender=guess)
    assert known_labels(voice, face, "gender") == list(guess)
    voice, face = paired(predicted_gender=guess, gender=given)
    assert known_labels(voice, face, "gender") == ["f", "f", None, None, None]


def test_probes_and_gallery_follow_the_direction() -> None:
    voice, face = table("voice", ROWS[:2]), table("face", ROWS)
    forward = build_contest(voice, face, direction="voice_to_face")
    backward = build_contest(voice, face, direction="face_to_voice")
    assert forward.probe_keys == backward.gallery_keys == voice.keys
    assert forward.scores.shape == (2, 5)
    np.testing.assert_array_equal(forward.scores, backward.scores.T)
    np.testing.assert_array_equal(forward.probe_people, backward.gallery_people)


def test_people_are_numbered_by_name_across_both_tables() -> None:
    probes, gallery, n_people = people_codes(["Bob", "Ann", "Bob"], ["Cid", "Ann"])
    assert (probes.tolist(), gallery.tolist(), n_people) == ([1, 0, 1], [2, 0], 3)


def test_a_scorer_with_nothing_to_say_makes_every_group_undefined() -> None:
    def silent(voice, face):
        raise UndefinedScoresError("no gender labels")

    contest = build_contest(*paired(gender=("f",) * 5), direction="voice_to_face", scorer=silent)
    assert [group.note for group in contest.groups] == ["no gender labels"] * 2
    assert not contest.scores.any()


def test_one_pair_alone_has_nobody_to_compete_with() -> None:
    contest = build_contest(table("voice", ROWS[:1]), table("face", ROWS[:1]), direction="voice_to_face")
    assert contest.groups[0].note == "no probe has an allowed negative"


def test_tables_without_a_common_person_have_no_positive() -> None:
    contest = build_contest(table("voice", ROWS[:1]), table("face", ROWS[3:]), direction="voice_to_face")
    assert contest.groups[0].note == "no probe has a positive"


def test_misfits_are_one_line_errors() -> None:
    voice, face = paired()
    with pytest.raises(DataError, match=r"The voice table must hold voices. Got a table of faces"):
        build_contest(face, voice, direction="voice_to_face")
    with pytest.raises(DataError, match="`direction` must be"):
        sides(voice, face, direction="sideways")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="The face table holds no row"):
        build_contest(voice, table("face", []), direction="voice_to_face")
    with pytest.raises(DataError, match=r"Scores must not be NaN. Got 25 of 25"):
        build_contest(voice, face, direction="voice_to_face", scorer=lambda v, f: np.full((5, 5), np.nan))


def test_rows_of_different_folds_never_compete_because_two_models_scored_them() -> None:
    folds = ("0", "0", "1", "1", None)
    contest = build_contest(*paired(fold=folds), direction="voice_to_face")
    plain = build_contest(*paired(), direction="voice_to_face")
    for i in range(5):
        for j in range(5):
            same_fold = folds[i] is not None and folds[i] == folds[j]
            assert contest.groups[0].negatives[i, j] == (plain.groups[0].negatives[i, j] and same_fold)
    np.testing.assert_array_equal(contest.positives, plain.positives)


def test_folds_known_on_one_side_only_change_nothing() -> None:
    voice, face = table("voice", ROWS, fold=("0",) * 5), table("face", ROWS)
    contest = build_contest(voice, face, direction="voice_to_face")
    expected = build_contest(*paired(), direction="voice_to_face").groups[0].negatives
    np.testing.assert_array_equal(contest.groups[0].negatives, expected)

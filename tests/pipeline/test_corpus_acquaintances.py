"""Whom the encoders have met: by the ids of VoxCeleb, by lists that tell them, by our own models' hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.corpus.corpus_audit import Acquaintance, ListFinding
from visavox.corpus.items import MediaItem
from visavox.corpus.people_lists import ListRow, PeopleList
from visavox.pipeline import corpus_acquaintances
from visavox.pipeline.corpus_acquaintances import acquaintances, is_voxceleb1, is_voxceleb1_dev, is_voxceleb2
from visavox.pipeline.voice_face_model import hash_identity


def people(*names: str | None, video: str | None = None) -> list[MediaItem]:
    return [MediaItem(f"{i}/face", str(i), "face", person=name, video=video) for i, name in enumerate(names)]


def met(found: tuple[Acquaintance, ...], model: str) -> Acquaintance:
    (row,) = [row for row in found if row.model == model]
    return row


@pytest.mark.parametrize(
    ("name", "dev", "one", "two"),
    [
        ("id10001", True, True, False),
        ("id11251", True, True, False),
        ("id11252", False, False, False),
        ("id10269", True, True, False),
        ("id10270", False, True, False),
        ("id10309", False, True, False),
        ("id10310", True, True, False),
        ("id00012", False, False, True),
        ("id09272", False, False, True),
        ("id00000", False, False, False),
        ("id1001", False, False, False),
        ("ID10001", False, False, False),
        ("Ann", False, False, False),
    ],
)
def test_ids_belong_to_the_parts_of_voxceleb(name: str, dev: bool, one: bool, two: bool) -> None:
    assert (is_voxceleb1_dev(name), is_voxceleb1(name), is_voxceleb2(name)) == (dev, one, two)


def test_the_development_part_has_1211_people() -> None:
    assert sum(is_voxceleb1_dev(f"id{number:05d}") for number in range(100_000)) == 1211


def test_the_real_lists_agree_on_who_is_for_testing(real_data: Path) -> None:
    rows = (real_data / "lists" / "vox1_meta.csv").read_text(encoding="utf-8").splitlines()[1:]
    for row in rows:
        number, name, *_, part = row.split("\t")
        assert is_voxceleb1(number)
        assert is_voxceleb1_dev(number) == (part == "dev"), name


def test_ge2e_heard_voxceleb_and_dlib_saw_its_first_version() -> None:
    found = acquaintances(people("id10001", "id10270", "id00012", "Ann", None), [], None)
    assert met(found, "ge2e").met == ("id00012", "id10001")
    assert "VoxCeleb1 dev" in met(found, "ge2e").how
    assert "VoxCeleb2" in met(found, "ge2e").how
    assert met(found, "dlib").met == ("id10001", "id10270")
    assert "VGG Face" in met(found, "dlib").how


def test_a_list_that_tells_the_id_of_a_name_is_believed() -> None:
    listed = PeopleList("meta", (ListRow(people=("id10001", "A.B._Sample")), ListRow(people=("Ann",))))
    shared = listed.shared_with({"ab sample", "Ann"}, ())
    found = acquaintances(people("ab sample", "Ann"), [ListFinding("meta", 2, 0, shared)], None)
    assert met(found, "ge2e").met == ("ab sample",)


def test_nobody_known_is_said_to_be_nobody_known() -> None:
    row = met(acquaintances(people("Ann"), [], None), "ge2e")
    assert row.met == ()
    assert row.how == "nobody with an id of VoxCeleb is here, or was named by a list"


def test_the_encoders_of_the_embeddings_are_asked_where_they_are_given() -> None:
    encoders: dict[str, dict[str, Any]] = {
        "voice": {"spec": {"name": "mine"}, "training_data": "VoxCeleb2 (voice only)"},
        "face": {"spec": "other"},
    }
    found = acquaintances(people("id10001", "id00012"), [], encoders)
    assert met(found, "mine").met == ("id00012",)
    assert met(found, "other") == Acquaintance(
        "other", "not known", (), "its training people were never listed, or there were none"
    )


def test_our_own_models_know_their_people_and_videos_by_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        people = frozenset({hash_identity("Ann"), hash_identity("video:v1"), hash_identity("Zoe")})

    monkeypatch.setattr(corpus_acquaintances.VoiceFaceModel, "from_pretrained", classmethod(lambda cls, name: Model()))
    found = acquaintances([*people("Ann", "Bo", video="v2"), *people(None, video="v1")], [], None)
    assert met(found, "the model 'base'").met == ("Ann", "v1")
    assert met(found, "the model 'base'").trained_on.startswith("3 people and videos")


def test_the_models_in_the_box_are_asked() -> None:
    found = acquaintances(people("Ann"), [], None)
    assert {row.model for row in found} == {
        "ge2e",
        "dlib",
        "the model 'base'",
        "the model 'world'",
        "the generator 'portrait'",
    }
    assert met(found, "the model 'base'").met == ()

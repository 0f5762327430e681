"""Enrolled people who change while they are served."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.errors import ConfigError, DataError, MediaError
from visavox.identification_config import EnrollConfig
from visavox.pipeline.enrolling import enroll_people
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.identifying import asked_with
from visavox.pipeline.media_vectors import MediaEncoder, MediaRecipe
from visavox.web.naming import PeopleDesk


@pytest.fixture
def folder(service_settings: Any, tmp_path: Path) -> Path:
    shutil.copytree(service_settings.people, tmp_path / "people")
    return tmp_path / "people"


def desk_of(folder: Path, media: MediaEncoder, made: list[Any]) -> PeopleDesk:
    return PeopleDesk(folder, Compute(), media, lambda media: made.append(media) or "lanes")  # type: ignore[arg-type,func-returns-value,return-value]


def test_the_networks_of_the_model_serve_where_the_recipe_is_the_same(folder: Path, engine: Any) -> None:
    made: list[Any] = []
    same = desk_of(folder, engine.model.media, made)
    assert same.lanes is None and same.media is engine.model.media and not made
    other = desk_of(folder, MediaEncoder(MediaRecipe("ge2e", "dlib", detector="haar")), made)
    assert other.lanes == "lanes" and made == [other.media]
    assert other.media.recipe == same.media.recipe


def test_who_is_taken_out_is_named_no_more(folder: Path, engine: Any) -> None:
    desk = desk_of(folder, engine.model.media, [])
    assert "w0-person-0000" in desk.enrolled().people.names
    enroll_people(EnrollConfig(out=folder, remove=("w0-person-0000",), quiet=True))
    assert "w0-person-0000" not in desk.enrolled().people.names


def test_an_answer_names_the_folder_without_its_place(folder: Path, engine: Any) -> None:
    desk = desk_of(folder, engine.model.media, [])
    asked = [asked_with("face", "f", MediaError("f: no face.", status="no_face"))]
    told = desk.answer(asked, top=3, false_accept=None, combine="scores")
    assert (told.people, told.n_people, told.ranked) == ("people", 8, ())
    with pytest.raises(ConfigError, match="`top` must be at least 1"):
        desk.answer(asked, top=0, false_accept=None, combine="scores")


def test_what_is_no_folder_of_people_is_one_line(tmp_path: Path, engine: Any) -> None:
    with pytest.raises(DataError, match="Make one with: visavox enroll"):
        desk_of(tmp_path / "nothing", engine.model.media, [])

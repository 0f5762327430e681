"""People come, go and are asked for: nobody else's scores change, and the folder answers as memory does."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.identification import enrolled_people
from visavox.identification.enrolled_people import EnrolledPeople, listed
from visavox.identification.enrollment import EnrollmentSettings
from visavox.identification.posterior import Identification, posterior
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import fused_ratios
from visavox.identification.strangers import conformal_p_value
from visavox.identification.templates import probe_vector

MakeSamples = Callable[..., Samples]


def enrolled(make: MakeSamples, *, n_people: int = 10, backend: Any = "cosine", **options: Any) -> EnrolledPeople:
    """People of three voices and faces each; p0 has no face."""
    voices, faces = make(n_people, 3), make(n_people, 3, modality="face", dim=9)
    faces = faces.select(np.array([person != "p0" for person in faces.people]))
    settings = EnrollmentSettings(backend=backend, false_accept=0.1, **options)
    return EnrolledPeople.enroll({"voice": voices, "face": faces}, settings=settings, seed=0)


def probe(people: EnrolledPeople, name: str, *modalities: str) -> dict[Any, np.ndarray]:
    """What a person of that name asks with: all the rows that are enrolled."""
    samples = {m: people.channels[m].samples for m in modalities}  # type: ignore[index]
    return {m: s.vectors[[person == name for person in s.people]] for m, s in samples.items()}


def ratios_of(answer: Identification) -> dict[str, float]:
    return {named.name: named.log_likelihood_ratio for named in answer.ranked}


@pytest.mark.parametrize("backend", ["cosine", "plda"])
@pytest.mark.parametrize("modalities", [("voice",), ("face",), ("voice", "face")])
def test_people_are_known_by_whatever_they_are_asked_with(
    backend: str, modalities: tuple[str, ...], make_samples: MakeSamples
) -> None:
    people = enrolled(make_samples, backend=backend)
    answers = [people.identify(probe(people, name, *modalities)) for name in people.names[1:]]
    assert [answer.ranked[0].name for answer in answers] == list(people.names[1:])
    assert all(answer.modalities == modalities for answer in answers)
    assert all(set(answer.ranked[0].by_modality) == set(modalities) for answer in answers)
    assert sum(answer.name is not None for answer in answers) >= 7


def test_an_answer_is_scores_fused_set_against_strangers_and_turned_into_probabilities(
    make_samples: MakeSamples,
) -> None:
    people = enrolled(make_samples, p_stranger=0.3)
    asked = probe(people, "p4", "voice", "face")
    answer = people.identify(asked, top=100)
    scores = {m: np.full(10, np.nan) for m in ("voice", "face")}
    for m, channel in people.channels.items():
        found = channel.scores(probe_vector(asked[m])[None])[0]
        for name, score in zip(channel.people, found, strict=True):
            scores[m][people.names.index(name)] = score
    ratios = fused_ratios(scores, people.fusions)  # type: ignore[arg-type]
    probabilities, stranger = posterior(ratios, p_stranger=0.3)
    order = np.argsort(-ratios)
    assert [named.name for named in answer.ranked] == [people.names[i] for i in order]
    assert [named.probability for named in answer.ranked] == pytest.approx(probabilities[order].tolist())
    assert answer.p_stranger == pytest.approx(stranger)
    assert sum(named.probability for named in answer.ranked) + answer.p_stranger == pytest.approx(1)
    assert answer.p_value == conformal_p_value(float(ratios.max()), people.strangers[("voice", "face")].scores)
    assert answer.is_stranger == (ratios.max() < answer.threshold) == (answer.p_value > 0.1)
    for named in answer.ranked:
        place = people.names.index(named.name)
        for m in ("voice", "face"):
            if named.name == "p0" and m == "face":
                assert named.by_modality.keys() == {"voice"}
                assert named.log_likelihood_ratio == pytest.approx(named.by_modality["voice"])
            else:
                expected = float(people.fusions[(m,)].ratios(scores)[place])  # type: ignore[index,arg-type]
                assert named.by_modality[m] == pytest.approx(expected)  # type: ignore[index]


def test_the_best_so_many_are_ranked_best_first(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples)
    asked = probe(people, "p3", "voice")
    whole = people.identify(asked, top=10).ranked
    assert [named.log_likelihood_ratio for named in whole] == sorted(
        (named.log_likelihood_ratio for named in whole), reverse=True
    )
    for top in (1, 4, 10, 99):
        assert people.identify(asked, top=top).ranked == whole[:top]


def test_the_rows_of_a_probe_are_averaged_whatever_their_order(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples)
    rows = probe(people, "p3", "voice")["voice"]
    one = people.identify({"voice": rows})
    assert ratios_of(people.identify({"voice": rows[::-1]})) == pytest.approx(ratios_of(one), rel=1e-4)
    assert ratios_of(people.identify({"voice": rows.mean(axis=0)})) == pytest.approx(ratios_of(one), rel=1e-4)


def test_who_is_nobodys_neighbour_is_a_stranger(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples)
    answer = people.identify({m: -probe(people, "p4", m)[m] for m in ("voice", "face")})  # type: ignore[misc]
    assert (answer.is_stranger, answer.name) == (True, None)
    assert answer.p_stranger > 0.5
    assert len(answer.ranked) == 5


def test_strangers_are_accepted_about_as_often_as_was_asked(make_samples: MakeSamples) -> None:
    everybody = make_samples(60, 3, noise=1.0, dim=16, seed=3)
    known = np.array([int(person[1:]) < 20 for person in everybody.people])
    settings = EnrollmentSettings(backend="cosine")
    people = EnrolledPeople.enroll({"voice": everybody.select(known)}, settings=settings)
    strangers = everybody.vectors[~known]  # 120 clips of 40 people
    for asked in (0.1, 0.3):
        accepted = [not people.identify({"voice": row}, false_accept=asked).is_stranger for row in strangers]
        assert abs(np.mean(accepted) - asked) < 4 * math.sqrt(asked * (1 - asked) / 40)


def test_a_rate_that_so_few_strangers_cannot_promise_is_raised_and_said(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples)
    answer = people.identify(probe(people, "p4", "voice"), false_accept=0.001)
    assert answer.false_accept == pytest.approx(1 / 31)
    assert answer.notes == (
        "30 simulated strangers cannot promise a false-accept rate of 0.001: 0.0323 is used. "
        "Enrol more clips for less.",
    )
    assert people.identify(probe(people, "p4", "voice"), false_accept=0.2).notes == ()


def test_without_strangers_the_probability_decides(make_samples: MakeSamples) -> None:
    people = EnrolledPeople.enroll({"voice": make_samples(1, 2)})
    answer = people.identify(probe(people, "p0", "voice"))
    assert math.isnan(answer.p_value)
    assert math.isnan(answer.threshold)
    assert answer.is_stranger == (answer.p_stranger > 0.5)
    assert answer.notes[-1] == (
        "No stranger could be simulated from so few people: the probe is judged by its probability."
    )


@pytest.mark.parametrize(
    ("asked", "options", "error", "words"),
    [
        ({"voice": np.ones(12)}, {"top": 0}, ConfigError, r"^`top` must be at least 1\. Got 0\.$"),
        ({"voice": np.ones(12)}, {"false_accept": 0.0}, ConfigError, "`false_accept` must be above 0 and at most 1"),
        ({"voice": np.ones(12)}, {"false_accept": 1.1}, ConfigError, r"Got 1\.1\."),
        ({}, {}, DataError, r"^Nobody is enrolled with a voice or a face\. Ask with a voice or a face\.$"),
        (
            {"voice": np.ones(11)},
            {},
            DataError,
            "A voice to identify must have 12 numbers, as the enrolled have. Got 11",
        ),
        ({"face": np.full(9, np.nan)}, {}, DataError, "A probe must be finite"),
        ({"face": np.zeros(9)}, {}, DataError, "A probe must not be all zeros"),
        ({"face": np.empty((0, 9))}, {}, DataError, "A probe must have the shape"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    asked: dict[Any, np.ndarray], options: dict[str, Any], error: type[Exception], words: str, make_samples: MakeSamples
) -> None:
    people = enrolled(make_samples, n_people=3)
    with pytest.raises(error, match=words) as caught:
        people.identify(asked, **options)
    assert "\n" not in str(caught.value)


def test_a_modality_that_nobody_has_is_left_out_and_said(make_samples: MakeSamples) -> None:
    people = EnrolledPeople.enroll({"voice": make_samples(5, 2)}, settings=EnrollmentSettings(false_accept=0.2))
    answer = people.identify({"voice": probe(people, "p1", "voice")["voice"], "face": np.ones(4)})
    assert (answer.modalities, answer.ranked[0].name) == (("voice",), "p1")
    assert answer.notes == ("Nobody is enrolled with a face: the face was not compared.",)
    with pytest.raises(DataError, match=r"^Nobody is enrolled with a face\. Ask with a voice\.$"):
        people.identify({"face": np.ones(4)})


def test_the_order_in_which_people_are_enrolled_does_not_matter(make_samples: MakeSamples) -> None:
    samples = make_samples(6, 3)
    order = np.argsort([-int(person[1:]) for person in samples.people], kind="stable")
    one, other = (
        EnrolledPeople.enroll({"voice": s}, settings=EnrollmentSettings(backend={"name": "cosine", "centred": False}))
        for s in (samples, samples.select(order))
    )
    other.fusions = one.fusions  # who is left out together differs, so that calibration does a little
    assert other.names == one.names[::-1]
    answers = [ratios_of(people.identify({"voice": samples.vectors[4]}, top=6)) for people in (one, other)]
    assert answers[0] == pytest.approx(answers[1], rel=1e-5)


def newcomer(make: MakeSamples, name: str = "new", *, seed: int = 5, modality: str = "voice", dim: int = 12) -> Samples:
    made = make(1, 3, modality=modality, dim=dim, seed=seed)
    return Samples(
        made.modality,
        tuple(f"{name} {key}" for key in made.keys),
        tuple(f"{name} {clip}" for clip in made.clips),
        (name,) * 3,
        made.sessions,
        made.qualities,
        made.vectors,
    )


@pytest.mark.parametrize("backend", ["cosine", "plda"])
def test_an_added_person_is_known_and_changes_nobody_elses_ratio(backend: str, make_samples: MakeSamples) -> None:
    people = enrolled(make_samples, backend=backend)
    asked = [probe(people, name, "voice", "face") for name in people.names[1:]]
    before = [ratios_of(people.identify(one, top=99)) for one in asked]
    fresh = {"voice": newcomer(make_samples), "face": newcomer(make_samples, modality="face", dim=9)}
    outcome = people.add(fresh)  # type: ignore[arg-type]
    assert (outcome.people, outcome.n_new, outcome.n_known) == (("new",), 6, 0)
    assert people.names[-1] == "new"
    assert people.modalities_of("new") == ("voice", "face")
    assert people.identify(probe(people, "new", "voice", "face")).ranked[0].name == "new"
    for one, old in zip(asked, before, strict=True):
        after = ratios_of(people.identify(one, top=99))
        del after["new"]
        assert after == pytest.approx(old, rel=1e-6)
    assert set(people.strangers[("voice",)].owners) == set(people.names)


def test_what_is_enrolled_already_is_left_out(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples)
    held = people.channels["voice"].samples
    before = ratios_of(people.identify(probe(people, "p3", "voice")))
    outcome = people.add({"voice": held})
    assert (outcome.people, outcome.n_new, outcome.n_known) == ((), 0, 30)
    assert ratios_of(people.identify(probe(people, "p3", "voice"))) == before
    mixed = held.select([0, 1]).joined(newcomer(make_samples))
    assert people.add({"voice": mixed}).n_known == 2


def test_more_clips_of_somebody_move_that_row_alone(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples)
    asked = probe(people, "p3", "voice")
    before = ratios_of(people.identify(asked, top=99))
    outcome = people.add({"voice": newcomer(make_samples).renamed(["p3"] * 3)})
    assert (outcome.people, outcome.n_new) == ((), 3)
    after = ratios_of(people.identify(asked, top=99))
    assert after.pop("p3") < before.pop("p3") - 0.1
    assert after == pytest.approx(before, rel=1e-6)


def test_what_cannot_be_added_leaves_everything_as_it_was(make_samples: MakeSamples) -> None:
    people = EnrolledPeople.enroll({"voice": make_samples(4, 2)})
    before = ratios_of(people.identify(probe(people, "p3", "voice")))
    with pytest.raises(DataError) as caught:
        people.add({"face": newcomer(make_samples, modality="face")})
    assert str(caught.value) == (
        "Nobody is enrolled with a face, so nothing says what its scores are worth. Enrol everybody again, with faces."
    )
    with pytest.raises(DataError, match=r"Got voices of 12 and voices of 9 numbers\. Use the encoder"):
        people.add({"voice": newcomer(make_samples, dim=9)})
    assert people.names == ("p0", "p1", "p2", "p3")
    assert ratios_of(people.identify(probe(people, "p3", "voice"))) == before


def test_one_person_added_under_another_name_is_said_and_is_no_stranger(
    make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clips of the first name asked the second as strangers, and the threshold rose until nobody was known."""
    monkeypatch.setattr(enrolled_people, "likeness_of", lambda samples, seed: (("p4", "Anna"),))
    samples = make_samples(20, 6, dim=30, noise=0.2)
    again = [i for i, clip in enumerate(samples.clips) if clip in ("p4-3", "p4-4", "p4-5")]
    rest = samples.select([i for i in range(120) if i not in again])
    people = EnrolledPeople.enroll({"voice": rest}, settings=EnrollmentSettings(backend="cosine"))
    before = people.identify(probe(people, "p7", "voice")).threshold
    people.add({"voice": samples.select(again).renamed(["Anna"] * 3)})
    assert people.notes == ("p4 and Anna sound like one person: give both one name with --rename, if they are.",)
    assert people.identify(probe(people, "p7", "voice")).threshold < before + 1
    people.rename({"Anna": "p4"})
    assert people.notes == ()
    assert people.names == rest.names
    assert people.identify(probe(people, "p7", "voice")).threshold < before + 1
    assert people.strangers[("voice",)].owners.count("p4") == 6


def test_merging_names_takes_back_what_they_did_as_strangers_to_each_other(make_samples: MakeSamples) -> None:
    people = EnrolledPeople.enroll({"voice": make_samples(6, 3)}, settings=EnrollmentSettings(backend="cosine"))
    samples = people.channels["voice"].samples
    rows = [i for i, person in enumerate(samples.people) if person == "p2"]
    copies = tuple(f"again {samples.clips[i]}" for i in rows)
    people.add({"voice": Samples("voice", copies, copies, ("Anna",) * 3, ("",) * 3, np.ones(3), samples.vectors[rows])})
    high = people.strangers[("voice",)].scores.max()
    people.rename({"Anna": "p2"})
    found = people.strangers[("voice",)]
    assert found.scores.max() < high - 1
    assert (len(found), found.owners.count("p2")) == (21, 6)


def test_removed_people_leave_no_vector_and_no_name(make_samples: MakeSamples, tmp_path: Path) -> None:
    people = enrolled(make_samples)
    people.alike = (("p1", "p2"), ("p3", "p4"))
    kept = probe(people, "p4", "voice", "face")
    before = ratios_of(people.identify(kept, top=99))
    people.remove(["p2", "p5"])
    assert people.names == ("p0", "p1", "p3", "p4", "p6", "p7", "p8", "p9")
    after = ratios_of(people.identify(kept, top=99))
    assert after == pytest.approx({name: ratio for name, ratio in before.items() if name in after})
    assert people.alike == (("p3", "p4"),)
    people.save(tmp_path / "people")
    for path in (tmp_path / "people").iterdir():
        assert b'"p2' not in path.read_bytes()
        assert b"-2-0#" not in path.read_bytes()  # the keys of p2
    for channel in people.channels.values():
        assert len(channel.samples) == len(channel.people) * 3
    assert all(not {"p2", "p5"} & set(found.owners) for found in people.strangers.values())


def test_added_and_removed_again_is_as_before(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples)
    asked = probe(people, "p4", "voice")
    before = ratios_of(people.identify(asked, top=99))
    people.add({"voice": newcomer(make_samples)})
    people.remove(["new"])
    assert ratios_of(people.identify(asked, top=99)) == before


def test_a_modality_goes_with_the_last_who_had_it(make_samples: MakeSamples) -> None:
    """An empty voice channel stayed, and a probe with both was then judged without any stranger."""
    voices, faces = make_samples(5, 2), make_samples(5, 2, modality="face")
    people = EnrolledPeople.enroll({"voice": voices.select([0, 1]), "face": faces})
    people.remove(["p0"])
    assert (list(people.channels), list(people.fusions), list(people.strangers)) == (["face"], [("face",)], [("face",)])
    answer = people.identify({"voice": voices.vectors[0], "face": faces.vectors[4]})
    assert (answer.modalities, answer.ranked[0].name) == (("face",), "p2")
    assert answer.notes[0] == "Nobody is enrolled with a voice: the voice was not compared."
    assert math.isfinite(answer.p_value)


def test_somebody_must_stay(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples, n_people=3)
    with pytest.raises(ConfigError, match=r"^Somebody must stay enrolled\. Delete the folder instead\.$"):
        people.remove(["p2", "p0", "p1"])
    assert people.names == ("p0", "p1", "p2")


def test_nobody_of_a_name_is_said_before_anything_changes(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples, n_people=3)
    words = r"^Nobody enrolled is called x and y\. `visavox identify` names who is\.$"
    for call in (people.remove, lambda names: people.rename(dict.fromkeys(names, "z"))):
        with pytest.raises(ConfigError, match=words):
            call(["p0", "y", "x"])
    with pytest.raises(ConfigError, match="Nobody enrolled is called x"):
        people.modalities_of("x")
    with pytest.raises(ConfigError, match=r"^A name must not be empty\. Give the new name of each person\.$"):
        people.rename({"p0": "Ann", "p1": ""})
    assert people.names == ("p0", "p1", "p2")


def test_a_new_name_changes_nothing_but_the_name(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples)
    asked = probe(people, "p4", "voice", "face")
    before = people.identify(asked, top=99)
    people.rename({"p4": "Ann"})
    after = people.identify(asked, top=99)
    assert people.names[4] == after.ranked[0].name == "Ann"
    assert [n.probability for n in after.ranked] == [n.probability for n in before.ranked]
    assert after.p_value == before.p_value
    assert "p4" not in people.strangers[("face",)].owners
    assert people.modalities_of("Ann") == ("voice", "face")


def test_two_people_may_change_names_and_a_chain_is_no_merger(make_samples: MakeSamples) -> None:
    """Names were given one after the other: changing two merged both people under one of the names."""
    people = enrolled(make_samples)
    asked = {name: probe(people, name, "voice", "face") for name in ("p3", "p4")}
    people.rename({"p3": "p4", "p4": "p3"})
    assert people.names == ("p0", "p1", "p2", "p4", "p3", "p5", "p6", "p7", "p8", "p9")
    assert people.identify(asked["p3"]).ranked[0].name == "p4"
    assert people.identify(asked["p4"]).ranked[0].name == "p3"
    people.rename({"p4": "p3", "p3": "Ann"})
    assert people.names[3:5] == ("p3", "Ann")
    assert people.identify(asked["p3"]).ranked[0].name == "p3"
    assert all(set(found.owners) <= set(people.names) for found in people.strangers.values())


def test_a_name_that_is_taken_merges_both(make_samples: MakeSamples) -> None:
    people = enrolled(make_samples, backend={"name": "cosine", "centred": False})
    asked = [probe(people, name, "voice") for name in ("p3", "p4", "p6")]
    before = ratios_of(people.identify(asked[2], top=99))
    of_p4 = [ratios_of(people.identify(one, top=99))["p4"] for one in asked]
    people.rename({"p3": "p4"})
    assert len(people.names) == 9
    assert people.channels["voice"].samples.people.count("p4") == 6
    assert ratios_of(people.identify(asked[0], top=99))["p4"] > of_p4[0] + 0.5
    assert [people.identify(one).ranked[0].name for one in asked[1:]] == ["p4", "p6"]
    after = ratios_of(people.identify(asked[2], top=99))
    del before["p3"], before["p4"], after["p4"]
    assert after == pytest.approx(before, rel=1e-6)
    people.rename({"p0": "p5", "p6": "p5"})
    assert len(people.names) == 7
    assert people.modalities_of("p5") == ("voice", "face")


@pytest.mark.parametrize("backend", ["cosine", "plda", "logistic", "auto"])
def test_a_saved_folder_answers_identically(backend: str, make_samples: MakeSamples, tmp_path: Path) -> None:
    people = enrolled(make_samples, n_people=8 if backend == "auto" else 4, backend=backend)
    people.extra["encoders"] = {"voice": {"name": "ge2e"}}
    people.save(tmp_path / "people")
    loaded = EnrolledPeople.load(tmp_path / "people")
    assert (loaded.names, loaded.notes, loaded.extra) == (people.names, people.notes, people.extra)
    rng = np.random.default_rng(0)
    for modalities in (("voice",), ("face",), ("voice", "face")):
        asked = {m: rng.normal(size=(2, people.channels[m].samples.dim)) for m in modalities}  # type: ignore[index]
        assert loaded.identify(asked, top=99) == people.identify(asked, top=99)  # type: ignore[arg-type]
    fresh = {"voice": newcomer(make_samples)}
    people.add(fresh)  # type: ignore[arg-type]
    loaded.add(fresh)  # type: ignore[arg-type]
    asked = {"voice": rng.normal(size=12)}
    assert loaded.identify(asked) == people.identify(asked)  # type: ignore[arg-type]


def test_notes_say_who_has_one_modality_only(make_samples: MakeSamples) -> None:
    voices, faces = make_samples(7, 2), make_samples(7, 2, modality="face")
    people = EnrolledPeople.enroll(
        {"voice": voices.select(range(4, 14)), "face": faces.select(range(2, 14))},
        settings=EnrollmentSettings(backend="cosine"),
    )
    assert people.notes == ("p1 has faces only.",)
    people.add({"voice": voices.select(range(4))})
    assert people.notes == ("p0 has voices only.",)
    assert people.names[-1] == "p0"


@pytest.mark.parametrize(
    ("n", "expected"), [(1, "p0"), (2, "p0 and p1"), (3, "p0, p1 and p2"), (4, "p0, p1, p2 and p3")]
)
def test_names_are_listed_as_a_sentence_has_them(n: int, expected: str) -> None:
    assert listed([f"p{i}" for i in range(n)]) == expected


def test_two_thousand_people_can_be_enrolled_saved_and_asked(make_samples: MakeSamples, tmp_path: Path) -> None:
    samples = make_samples(2000, 2, dim=32)
    people = EnrolledPeople.enroll({"voice": samples}, settings=EnrollmentSettings(false_accept=0.05))
    people.save(tmp_path / "people")
    loaded = EnrolledPeople.load(tmp_path / "people")
    answers = [loaded.identify({"voice": samples.vectors[i]}, top=3) for i in range(0, 4000, 200)]
    assert [answer.ranked[0].name for answer in answers] == [samples.people[i] for i in range(0, 4000, 200)]
    assert all(len(answer.ranked) == 3 for answer in answers)
    loaded.add({"voice": newcomer(make_samples, dim=32)})
    assert loaded.identify(probe(loaded, "new", "voice")).ranked[0].name == "new"

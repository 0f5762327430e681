"""A channel keeps samples, people and rows of its back-end in step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.identification.channel import Channel
from visavox.identification.samples import Samples

MakeSamples = Callable[..., Samples]
PLAIN = {"name": "cosine", "centred": False}


def test_a_fitted_channel_has_a_row_for_each_person_in_order(make_samples: MakeSamples) -> None:
    samples = make_samples(5, 2)
    channel = Channel.fitted(samples, PLAIN)
    assert channel.people == list(samples.names)
    assert (channel.scores(samples.vectors).argmax(axis=1) == np.repeat(np.arange(5), 2)).all()


def test_rows_and_people_must_be_as_many(make_samples: MakeSamples) -> None:
    channel = Channel.fitted(make_samples(3, 2), PLAIN)
    with pytest.raises(DataError, match=r"^A back-end needs a row a person\. Got 3 for 1 people\.$"):
        Channel(channel.samples, channel.backend, ["p0"])


def test_a_probe_of_another_length_names_the_remedy(make_samples: MakeSamples) -> None:
    channel = Channel.fitted(make_samples(3, 2, modality="face"), PLAIN)
    with pytest.raises(DataError) as caught:
        channel.scores(np.ones((1, 5)))
    assert str(caught.value) == (
        "A face to identify must have 12 numbers, as the enrolled have. Got 5. "
        "Use the encoder that they were enrolled with."
    )


def test_a_clip_counts_the_same_however_many_rows_it_has(make_samples: MakeSamples) -> None:
    samples = make_samples(3, 2)
    twice = samples.joined(
        Samples(
            "voice",
            tuple(f"again {key}" for key in samples.keys[:1]),
            samples.clips[:1],
            samples.people[:1],
            samples.sessions[:1],
            samples.qualities[:1],
            samples.vectors[:1],
        )
    )
    plain, doubled = Channel.fitted(samples, PLAIN), Channel.fitted(twice, PLAIN)
    np.testing.assert_allclose(doubled.scores(samples.vectors), plain.scores(samples.vectors), atol=1e-6)


def test_clip_means_are_weighted_and_in_the_order_asked(make_samples: MakeSamples) -> None:
    samples = make_samples(2, 2, n_rows=2)
    qualities = np.tile([1.0, 3.0], 4)
    samples = Samples(
        "voice", samples.keys, samples.clips, samples.people, samples.sessions, qualities, samples.vectors
    )
    found = Channel.fitted(samples, PLAIN).clip_means(["p1-1", "p0-0"])
    v = samples.vectors
    np.testing.assert_allclose(found, [(v[6] + 3 * v[7]) / 4, (v[0] + 3 * v[1]) / 4], rtol=1e-5)


def test_taking_newcomers_and_new_clips_equals_fitting_where_nothing_is_shared(make_samples: MakeSamples) -> None:
    samples = make_samples(5, 3)
    old = samples.select([i for i in range(15) if samples.people[i] in ("p0", "p1", "p3") and i != 1])
    channel = Channel.fitted(old, PLAIN)
    fresh = samples.select([i for i in range(15) if samples.keys[i] not in old.keys])
    channel.take(old.joined(fresh), fresh.names)
    assert channel.people == ["p0", "p1", "p3", "p2", "p4"]
    whole = Channel.fitted(samples, PLAIN)
    found = channel.scores(samples.vectors)[:, [0, 1, 3, 2, 4]]
    np.testing.assert_allclose(found, whole.scores(samples.vectors), atol=1e-6)


@pytest.mark.parametrize(("needs_others", "expected"), [(True, [4, 6, 6]), (False, [0, 0, 0])])
def test_a_newcomer_is_told_from_those_who_have_a_row_where_the_backend_needs_them(
    needs_others: bool, expected: list[int], make_samples: MakeSamples, spy: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spy, "needs_others", needs_others)
    samples = make_samples(4, 2)
    channel = Channel.fitted(samples.select([0, 1, 2, 3]), {"name": "spy"})
    others: list[int] = []
    learn = channel.backend.person_rows

    def noted(vectors: np.ndarray, weights: np.ndarray, rest: np.ndarray, of_rest: np.ndarray) -> dict[str, np.ndarray]:
        others.append(len(rest))
        assert not {row.tobytes() for row in vectors} & {row.tobytes() for row in rest}
        return learn(vectors, weights, rest, of_rest)

    channel.backend.person_rows = noted  # type: ignore[method-assign]
    channel.take(samples, ["p2", "p3", "p0"])
    # p2 meets two people of two clips, p3 those and p2; p0 is learned again against the three others.
    assert others == expected
    assert channel.people == ["p0", "p1", "p2", "p3"]


def test_removed_people_leave_neither_row_nor_sample(make_samples: MakeSamples) -> None:
    samples = make_samples(4, 2)
    channel = Channel.fitted(samples, PLAIN)
    before = channel.scores(samples.vectors)
    channel.remove(frozenset({"p1", "nobody"}))
    assert channel.people == ["p0", "p2", "p3"]
    assert "p1" not in channel.samples.people
    assert len(channel.samples) == 6
    np.testing.assert_array_equal(channel.scores(samples.vectors), before[:, [0, 2, 3]])


def test_a_new_name_changes_nothing_else(make_samples: MakeSamples) -> None:
    samples = make_samples(3, 2)
    channel = Channel.fitted(samples, PLAIN)
    before = channel.scores(samples.vectors)
    channel.rename("p1", "Ann")
    channel.rename("nobody", "Bob")
    channel.rename("p2", "p2")
    assert channel.people == ["p0", "Ann", "p2"]
    assert channel.samples.names == ("p0", "Ann", "p2")
    np.testing.assert_array_equal(channel.scores(samples.vectors), before)


def test_a_name_that_is_enrolled_already_takes_the_samples_of_both(make_samples: MakeSamples) -> None:
    samples = make_samples(3, 2)
    channel = Channel.fitted(samples, PLAIN)
    channel.rename("p0", "p2")
    merged = Channel.fitted(samples.renamed(["p2", "p2", "p1", "p1", "p2", "p2"]), PLAIN)
    assert (channel.people, merged.people) == (["p1", "p2"], ["p2", "p1"])
    np.testing.assert_allclose(channel.scores(samples.vectors), merged.scores(samples.vectors)[:, ::-1], atol=1e-6)

"""Borrowed voices: of faces alike where faces tell something, of anybody where they do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.models.diffusion.conditions import MAX_SEGMENTS, MAX_WINDOWS, MEL_VALUES, Told, nothing_told
from visavox.pipeline.drawing.heard_clips import HeardClips
from visavox.pipeline.drawing.imagined_voices import HEARD_SHARE, ImaginedVoices, best_penalty, ridge

PAIRED, UNPAIRED, DIM = 120, 30, 6
PEOPLE = [f"p{row}" for row in range(PAIRED)]


def heard_of(whole: np.ndarray) -> HeardClips:
    n = len(whole)
    vectors = torch.from_numpy(whole.astype(np.float32))
    known = torch.arange(MAX_WINDOWS)[None].expand(n, -1) < 3
    return HeardClips(
        vectors,
        vectors[:, None].expand(-1, MAX_WINDOWS, -1).clone(),
        known,
        torch.zeros(n, MAX_SEGMENTS, MEL_VALUES),
        torch.zeros(n, MAX_SEGMENTS, dtype=torch.bool),
    )


def world(strength: float) -> tuple[np.ndarray, HeardClips]:
    """Faces whose first feature moves the first number of the voice."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(PAIRED + UNPAIRED, 4)).astype(np.float32)
    whole = rng.normal(size=(PAIRED, DIM))
    whole[:, 0] += strength * features[:PAIRED, 0]
    return features, heard_of(whole)


def fitted(strength: float) -> tuple[np.ndarray, ImaginedVoices]:
    features, heard = world(strength)
    return features, ImaginedVoices.fit(features, heard, PEOPLE, n_donors=8)


def filled(imagined: ImaginedVoices, rows: torch.Tensor, *, seed: int = 0) -> Told:
    unheard = rows >= PAIRED
    told = nothing_told(len(rows), voice_dim=DIM).with_values(voice_known=~unheard)
    return imagined.fill(told, rows, unheard, torch.Generator().manual_seed(seed))


def test_ridge_is_the_least_of_its_sum() -> None:
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    weights = ridge(inputs, targets, 2.0)

    def cost(w: np.ndarray) -> float:
        return float(((inputs @ w - targets) ** 2).sum() + 2.0 * (w**2).sum())

    for _ in range(20):
        assert cost(weights) < cost(weights + 0.01 * rng.normal(size=weights.shape))


def test_faces_that_tell_are_noticed_on_people_held_out() -> None:
    assert fitted(3.0)[1].held_out_score > 0.3
    assert fitted(0.0)[1].held_out_score < 0.05


def test_one_person_is_never_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(12), 10)
    own = rng.normal(size=(12, 40))[
        who
    ]  # a face that gives the person away, and a voice that has nothing to do with it
    voices = rng.normal(size=(12, 3))[who]
    _, by_person = best_penalty(own, voices, [f"p{index}" for index in who], seed=0)
    _, by_clip = best_penalty(own, voices, [f"c{row}" for row in range(120)], seed=0)
    assert by_person < 0.3
    assert by_clip > 0.9


def test_donors_have_faces_alike() -> None:
    features, imagined = fitted(3.0)
    own, of_donors = features[PAIRED:, 0], features[imagined.donors[PAIRED:].numpy(), 0].mean(axis=1)
    assert np.corrcoef(own, of_donors)[0, 1] > 0.9
    assert imagined.donors.shape == (PAIRED + UNPAIRED, 8)


def test_imagined_voices_follow_the_face_and_keep_their_variety() -> None:
    features, imagined = fitted(3.0)
    rows = torch.arange(PAIRED, PAIRED + UNPAIRED).repeat(20)
    told = filled(imagined, rows)
    known = told.voice_known.numpy()
    voice = told.voice.numpy()[known]
    assert np.corrcoef(features[rows.numpy()[known], 0], voice[:, 0])[0, 1] > 0.8
    assert voice[:, 1].std() == pytest.approx(float(imagined.heard.whole[:, 1].std()), rel=0.25)


def test_where_faces_tell_nothing_anybody_is_a_donor_and_nothing_is_moved() -> None:
    rng = np.random.default_rng(1)
    heard = heard_of(rng.normal(size=(PAIRED, DIM)))
    imagined = ImaginedVoices.fit(rng.normal(size=(150, 60)).astype(np.float32), heard, ["one"] * PAIRED)
    assert imagined.held_out_score == 0
    assert imagined.donors.shape == (150, PAIRED)
    told = filled(imagined, torch.full((200,), 140))
    voices = told.voice[told.voice_known]
    assert (torch.cdist(voices, heard.whole).min(dim=1).values < 0.01).all()


def test_a_share_stays_unheard_and_paired_rows_are_left_alone() -> None:
    _, imagined = fitted(3.0)
    rows = torch.tensor([0, PAIRED + 1]).repeat(1000)
    told = filled(imagined, rows)
    assert told.voice_known[0::2].all()
    assert (told.voice[0::2] == 0).all()
    share = float(told.voice_known[1::2].float().mean())
    assert share == pytest.approx(HEARD_SHARE, abs=0.05)
    windows = told.windows_known[1::2][told.voice_known[1::2]].sum(dim=1)
    assert set(windows.tolist()) == {1, 2, 3}


def test_draws_decide_and_nothing_else() -> None:
    _, imagined = fitted(3.0)
    rows = torch.arange(PAIRED, PAIRED + UNPAIRED)
    first, again, other = (filled(imagined, rows, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.voice, again.voice)
    assert not torch.equal(first.voice, other.voice)

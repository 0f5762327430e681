"""The speaker's face among the faces of a video: which one, and its best pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from visavox.errors import MediaError
from visavox.media import speaker_search
from visavox.media.detectors.base import DetectedFace
from visavox.media.face_settings import FaceSettings
from visavox.media.sampled_frame import SampledFrame
from visavox.media.speaker_search import ChosenFace, SpeakerSearch, shortcoming

BOX = FaceSettings(crop="box")
WIDTH, HEIGHT = 640, 360


class RedSquares:
    """A detector for which each patch of red is a face; the points are those of a face that looks at us."""

    name = "red_squares"

    def __init__(self, min_px: int = 1) -> None:
        self.min_px = min_px
        self.sizes: list[tuple[int, int]] = []

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        self.sizes.append(image.shape[:2])
        red = ((image[:, :, 0] > 150) & (image[:, :, 1] < 90)).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(red)
        faces = [
            DetectedFace(float(x), float(y), float(x + w), float(y + h), score=1.0)
            for x, y, w, h, _ in stats[1:]
            if w >= self.min_px
        ]
        return sorted(faces, key=lambda face: -face.width_px)


def frame(index: int, *squares: tuple[int, int, int], texture: float = 60, after_cut: bool = False) -> SampledFrame:
    """A grey picture with a red square for each (x, y, side) of its centre; the blue of a square is its texture."""
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for x, y, side in squares:
        part = image[y - side // 2 : y + side // 2, x - side // 2 : x + side // 2]
        noise = np.random.default_rng(3).uniform(0, texture, part.shape[:2])
        part[:, :, 0], part[:, :, 1], part[:, :, 2] = 240, noise * 0.8, noise
    picture = av.VideoFrame.from_ndarray(image, format="rgb24")
    return SampledFrame(picture, time_s=index / 2, index=index, after_cut=after_cut)


def search(
    frames: Sequence[SampledFrame],
    settings: FaceSettings = BOX,
    *,
    place: Callable[..., tuple[float, float] | None] | None = None,
    detector: RedSquares | None = None,
) -> tuple[ChosenFace, ...]:
    finder = SpeakerSearch(settings, detector or RedSquares(), speaker=place)
    for each in frames:
        finder.look(each)
    return finder.finish()


def at(x: float, y: float, until_s: float = 1.0) -> Callable[..., tuple[float, float] | None]:
    return lambda time_s, *, width_px, height_px: (x * width_px, y * height_px) if time_s <= until_s else None


def refused(frames: Sequence[SampledFrame], settings: FaceSettings = BOX, **options: object) -> tuple[str, str]:
    with pytest.raises(MediaError) as caught:
        search(frames, settings, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return caught.value.status, str(caught.value)


def test_one_face_is_chosen_with_its_figures() -> None:
    (chosen,) = search([frame(i, (300, 180, 100)) for i in range(5)])
    assert chosen.crop.found
    assert chosen.crop.image.shape == (256, 256, 3)
    assert chosen.crop.image[10:-10, 10:-10, 0].min() > 150  # nothing but the red square
    assert chosen.quality["face_width_px"] == pytest.approx(100, abs=5)
    wanted = {"frames_read": 5, "frames_with_face": 5, "n_faces": 1, "n_tracks": 1, "track_share": 1, "face_found": 1}
    assert {name: chosen.quality[name] for name in wanted} == wanted
    assert chosen.quality["best_frame_s"] == chosen.time_s
    assert chosen.quality["sharpness"] == chosen.crop.sharpness
    assert set(chosen.quality) - set(wanted) == {
        *("detector_score", "face_width_px", "sharpness", "brightness", "frontality", "quality_score", "best_frame_s")
    }


def test_the_sharpest_frame_is_the_best_and_the_first_of_equal_ones() -> None:
    textures = [5, 20, 60, 60, 30]
    chosen = search([frame(i, (300, 180, 100), texture=t) for i, t in enumerate(textures)], replace(BOX, n_faces=3))
    assert [face.time_s for face in chosen] == [1.0, 1.5, 2.0]
    scores = [face.quality["quality_score"] for face in chosen]
    assert scores == sorted(scores, reverse=True)


def test_no_more_faces_come_than_there_are_frames_with_it() -> None:
    frames = [frame(0, (300, 180, 100)), frame(1), frame(2, (300, 180, 100)), frame(3)]
    assert [face.time_s for face in search(frames, replace(BOX, n_faces=9))] == [0.0, 1.0]


@pytest.mark.parametrize("max_batch", [1, 3, 32])
def test_the_batch_changes_nothing(max_batch: int) -> None:
    frames = [frame(i, (300 + 5 * i, 180, 100), texture=20 + 9 * (i % 4)) for i in range(8)]
    chosen = search(frames, replace(BOX, n_faces=3, max_batch=max_batch))
    wanted = search(frames, replace(BOX, n_faces=3, max_batch=8))
    assert [face.quality for face in chosen] == [face.quality for face in wanted]
    assert all((a.crop.image == b.crop.image).all() for a, b in zip(chosen, wanted, strict=True))


def test_cutting_early_for_lack_of_room_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [frame(i, (200, 180, 120), (500, 180, 50), texture=20 + 9 * (i % 4)) for i in range(8)]
    wanted = search(frames, replace(BOX, n_faces=3))
    monkeypatch.setattr(speaker_search, "MAX_WAITING_BYTES", 1000)
    chosen = search(frames, replace(BOX, n_faces=3))
    assert [face.quality for face in chosen] == [face.quality for face in wanted]
    assert all((a.crop.image == b.crop.image).all() for a, b in zip(chosen, wanted, strict=True))


def test_what_waits_is_bounded_whatever_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_search, "MAX_WAITING_BYTES", 8 * WIDTH * HEIGHT * speaker_search.BYTES_PER_PIXEL)
    finder = SpeakerSearch(replace(BOX, n_faces=2), RedSquares())
    for i in range(120):  # a new shot every third frame, the face elsewhere
        finder.look(frame(i, (100 + 7 * (i // 3 * 13 % 60), 180, 100), after_cut=i % 3 == 0))
        waiting = [c for best in finder._best.values() for c in best if c.frame is not None]
        assert len(finder._waiting) <= 4
        assert len(waiting) <= 8
        assert len(finder._best) <= speaker_search.KEPT_TRACKS + 4
    assert finder._tracker.n_frames > 110


def test_the_whole_picture_is_made_only_for_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[float] = []
    whole = SampledFrame.full
    monkeypatch.setattr(SampledFrame, "full", lambda self: made.append(self.time_s) or whole(self))
    chosen = search([frame(i, (300, 180, 100), texture=10 + 9 * i) for i in range(6)], replace(BOX, n_faces=2))
    assert sorted(made) == sorted(face.time_s for face in chosen)


def test_faces_that_are_too_small_at_first_are_looked_at_closer() -> None:
    detector = RedSquares(min_px=30)
    (chosen,) = search([frame(i, (300, 180, 50)) for i in range(3)], detector=detector)
    assert detector.sizes[:3] == [(160, 284)] * 3
    assert detector.sizes[3:] == [(360, 640)] * 3
    assert chosen.quality["face_width_px"] == pytest.approx(50, abs=1)


def test_a_small_speaker_beside_a_large_face_is_looked_for_where_the_list_says() -> None:
    frames = [frame(i, (200, 180, 120), (560, 100, 50)) for i in range(4)]
    (chosen,) = search(frames, place=at(560 / 640, 100 / 360), detector=RedSquares(min_px=30))
    assert chosen.quality["face_width_px"] == pytest.approx(50, abs=1)


def test_two_faces_of_about_one_size_are_several() -> None:
    frames = [frame(i, (160, 180, 100), (480, 180, 90)) for i in range(6)]
    status, reason = refused(frames)
    assert status == "several_faces"
    assert "2 people could be the speaker: the second fills 8" in reason


@pytest.mark.parametrize(("x", "width"), [(0.25, 100), (0.7, 90)])
def test_the_place_chooses_between_two(x: float, width: float) -> None:
    (chosen,) = search([frame(i, (160, 180, 100), (480, 180, 90)) for i in range(6)], place=at(x, 0.5))
    assert chosen.quality["face_width_px"] == pytest.approx(width, abs=4)
    assert chosen.quality["n_faces"] == 2


@pytest.mark.parametrize(("side", "share"), [(60, 0.37), (60, 1.0)])
def test_a_face_of_less_than_half_the_area_is_no_rival(side: int, share: float) -> None:
    frames = [frame(i, (160, 180, 100), *[(480, 180, side)] * (i < 8 * share)) for i in range(8)]
    (chosen,) = search(frames)
    assert chosen.quality["face_width_px"] == pytest.approx(100, abs=4)
    assert (chosen.quality["n_faces"], chosen.quality["n_tracks"]) == (2, 2)


def test_a_face_seen_once_is_no_rival_whatever_its_size() -> None:
    frames = [frame(i, (160, 180, 60), *[(450, 180, 300)] * (i == 2)) for i in range(5)]
    (chosen,) = search(frames)
    assert chosen.quality["face_width_px"] == pytest.approx(60, abs=4)
    assert (chosen.quality["n_faces"], chosen.quality["frames_with_face"]) == (1, 5)


def test_somebody_who_comes_back_after_a_cut_is_one_person_and_the_longest_shot_is_taken() -> None:
    frames = [frame(i, (300, 180, 100), after_cut=i in (2, 7), texture=80 if i < 2 else 40) for i in range(10)]
    chosen = search(frames, replace(BOX, n_faces=9))
    assert sorted(face.time_s for face in chosen) == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert (chosen[0].quality["n_tracks"], chosen[0].quality["n_faces"]) == (3, 1)
    assert chosen[0].quality["track_share"] == 0.5


def test_an_interview_is_several_unless_one_is_shown_twice_as_long() -> None:
    def interview(n_first: int) -> list[SampledFrame]:
        places = [(150, 180, 100)] * n_first + [(450, 180, 100)] * 4
        return [frame(i, place, after_cut=i == n_first) for i, place in enumerate(places)]

    assert refused(interview(6))[0] == "several_faces"
    assert search(interview(9))[0].time_s < 4.5


def test_no_face_where_the_list_says_is_said_with_the_distance() -> None:
    status, reason = refused([frame(i, (160, 180, 100)) for i in range(4)], place=at(0.75, 0.5))
    assert status == "speaker_not_found"
    assert "the nearest is 3." in reason
    late = [frame(i, *[(160, 180, 100)] * (i > 3)) for i in range(8)]
    assert refused(late, place=at(0.25, 0.5))[0] == "speaker_not_found"


def test_without_a_known_place_the_dominant_face_is_taken() -> None:
    (chosen,) = search([frame(i, (160, 180, 100)) for i in range(4)], place=at(0.75, 0.5, until_s=-1))
    assert chosen.crop.found


def test_the_place_of_each_frame_follows_the_speaker_across_a_cut() -> None:
    frames = [frame(i, (160, 180, 100), (480, 180, 100), after_cut=i == 2) for i in range(8)]
    places = lambda time_s, *, width_px, height_px: ((160 if time_s < 1 else 480), 180)  # noqa: E731
    (chosen,) = search(frames, place=places)
    assert chosen.time_s >= 1
    assert chosen.quality["track_share"] == 0.75


@pytest.mark.parametrize("n_frames", [0, 1, 5])
def test_a_clip_without_a_face_says_so(n_frames: int) -> None:
    for place in (None, at(0.5, 0.5)):
        status, reason = refused([frame(i) for i in range(n_frames)], place=place)
        assert status == "no_face"
        assert f"in {n_frames} frames" in reason


def test_a_face_that_is_gone_at_once_is_told_from_none_at_all() -> None:
    _, reason = refused([frame(i) if i != 2 else frame(i, (300, 180, 100)) for i in range(6)])
    assert "No face was found in 6 frames that stays for 2; 1 of them shows one." in reason
    assert "No face was found in 6 frames. " in refused([frame(i) for i in range(6)])[1]


def test_a_damaged_picture_is_kept_only_where_there_is_no_other() -> None:
    """What a decoder makes up where bytes are wrong has hard edges, and would pass for the sharpest face."""

    def frames(*damaged: int) -> list[SampledFrame]:
        made = [frame(i, (300, 180, 100), texture=20 + 20 * i) for i in range(4)]
        for index in damaged:
            made[index].is_damaged = True
        return made

    best = search(frames())[0].time_s
    assert best != 0.0
    assert search(frames(round(best * 2)))[0].time_s != best
    assert search(frames(1, 2, 3))[0].time_s == 0.0
    assert search(frames(0, 1, 2, 3))[0].time_s == best


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        (replace(BOX, min_face_px=200.0), "small_face", "px wide, the limit is 200"),
        (replace(BOX, min_sharpness=1e6), "blurred_face", "the limit is 1e"),
        (replace(BOX, min_frontality=1.5), "turned_face", "its frontality is 1.00, the limit is 1.5"),
    ],
)
def test_a_face_beyond_a_limit_is_refused_with_its_figure(settings: FaceSettings, status: str, words: str) -> None:
    found, reason = refused([frame(i, (300, 180, 100)) for i in range(4)], settings)
    assert found == status
    assert words in reason
    assert reason.startswith("The best of 4 pictures of the face is ")


def test_a_frame_within_the_limits_goes_before_a_better_one_beyond() -> None:
    frames = [frame(i, (300, 180, 100), texture=t) for i, t in enumerate((2, 60, 2))]
    sharp = search(frames)[0].crop.sharpness
    chosen = search(frames, replace(BOX, n_faces=3, min_sharpness=sharp / 2))
    assert [face.time_s for face in chosen] == [0.5]


def test_a_frame_that_is_large_enough_goes_before_a_sharper_one_that_is_not() -> None:
    frames = [frame(0, (300, 180, 86), texture=90), frame(1, (300, 180, 100), texture=10)]
    assert search(frames, replace(BOX))[0].time_s == 0.0
    assert search(frames, replace(BOX, min_face_px=95.0))[0].time_s == 0.5


def test_the_limits_are_those_that_are_given() -> None:
    settings = FaceSettings(min_face_px=30, min_sharpness=2, min_frontality=0.2)
    assert shortcoming(settings, 30, 2, 0.2) is None
    failures = [shortcoming(settings, *figures) for figures in ((29, 0, 0), (30, 1.9, 0), (30, 2, 0.1))]
    assert [failure[0] for failure in failures if failure] == ["small_face", "blurred_face", "turned_face"]


def test_the_first_frame_is_cut_about_the_place_without_a_detector() -> None:
    detector = RedSquares()
    frames = [frame(i, (160, 180, 100)) for i in range(3)]
    settings = FaceSettings(crop="first_frame")
    (chosen,) = search(frames, settings, place=at(0.25, 0.5), detector=detector)
    assert detector.sizes == []
    assert chosen.time_s == 0.0
    assert chosen.crop.image[128, 128, 0] > 150  # the red square, 160 px from the left, in the middle
    assert chosen.crop.image[128, 20, 0] < 150
    assert (chosen.quality["face_found"], chosen.quality["frames_read"]) == (0, 1)
    (centred,) = search(frames, settings)
    assert centred.crop.image[128, 128, 0] < 150
    assert refused([], settings)[0] == "no_face"

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from visavox.world.voices import source_filter
from visavox.world.voices.source_filter import (
    BANDWIDTHS_HZ,
    HOP,
    SAMPLE_RATE,
    Samples,
    Source,
    Tracks,
    Tract,
    formant_response,
    glottal_pulses,
    loudness,
    steady_tracks,
)

NEUTRAL = (500.0, 1500.0, 2500.0)
CLEAN = Source(tilt_db_per_octave=8.0, breath=0.0, jitter=0.0, shimmer=0.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def synthesise(tracks: Tracks, source: Source, rng: np.random.Generator, tract: Tract | None = None) -> Samples:
    return source_filter.synthesise(tracks, source, tract or Tract(), rng)


def pitch_hz(voice: np.ndarray, lowest_hz: int = 60) -> float:
    """Pitch by the highest peak of the autocorrelation between `lowest_hz` and 400 Hz, refined by a parabola."""
    middle = voice[4000:12000] - voice[4000:12000].mean()
    correlation = np.correlate(middle, middle, mode="full")[len(middle) - 1 :]
    low, high = SAMPLE_RATE // 400, SAMPLE_RATE // lowest_hz
    lag = low + int(np.argmax(correlation[low:high]))
    before, at, after = correlation[lag - 1 : lag + 2]
    return SAMPLE_RATE / (lag + 0.5 * (before - after) / (before - 2.0 * at + after))


def resonances_hz(voice: np.ndarray, order: int = 16) -> np.ndarray:
    """Formants by linear prediction: angles of the narrow poles, rising."""
    emphasised = lfilter([1.0, -0.95], [1.0], voice[4000:12000].astype(float)) * np.hanning(8000)
    correlation = np.correlate(emphasised, emphasised, mode="full")[7999 : 7999 + order + 1]
    poles = np.roots(np.concatenate([[1.0], -solve_toeplitz(correlation[:-1], correlation[1:])]))
    poles = poles[(poles.imag > 0.0) & (np.abs(poles) > 0.88)]
    return np.sort(np.angle(poles)) * SAMPLE_RATE / (2.0 * np.pi)


@pytest.mark.parametrize("f0_hz", [80.0, 118.3, 205.0, 310.0])
def test_the_pitch_of_the_output_is_the_one_asked_for(f0_hz: float) -> None:
    voice = synthesise(steady_tracks(1.0, f0_hz=f0_hz, formants_hz=NEUTRAL), CLEAN, rng())
    assert pitch_hz(voice) == pytest.approx(f0_hz, rel=0.005)


def test_the_pitch_survives_jitter_shimmer_and_breath() -> None:
    rough = Source(breath=0.3, jitter=0.015, shimmer=0.1)
    voice = synthesise(steady_tracks(1.0, f0_hz=140.0, formants_hz=NEUTRAL), rough, rng())
    assert pitch_hz(voice, lowest_hz=90) == pytest.approx(140.0, rel=0.02)


@pytest.mark.parametrize("formants", [NEUTRAL, (730.0, 1090.0, 2440.0), (300.0, 2290.0, 3010.0)])
def test_the_formants_of_the_output_are_those_asked_for(formants: tuple[float, float, float]) -> None:
    voice = synthesise(steady_tracks(1.0, f0_hz=90.0, formants_hz=formants), CLEAN, rng())
    found = resonances_hz(voice)
    for wanted in (*formants, 4500.0):
        assert np.abs(found - wanted).min() < max(45.0, 0.05 * wanted)


@pytest.mark.parametrize("fourth_hz", [3200.0, 3500.0, 3900.0])
def test_the_high_formants_of_the_output_are_those_of_the_tract(fourth_hz: float) -> None:
    tract = Tract(high_formants_hz=(fourth_hz, 4600.0, 5600.0))
    tracks = steady_tracks(1.0, f0_hz=90.0, formants_hz=NEUTRAL)
    found = resonances_hz(synthesise(tracks, CLEAN, rng(), tract))
    for wanted in tract.high_formants_hz[:2]:
        assert np.abs(found - wanted).min() < 0.03 * wanted


def test_a_longer_vocal_tract_lowers_every_formant() -> None:
    found = []
    for scale in (1.0, 0.85):
        first, second, third = (scale * value for value in NEUTRAL)
        tracks = steady_tracks(1.0, f0_hz=90.0, formants_hz=(first, second, third))
        tract = Tract(high_formants_hz=(3500.0 * scale, 4500.0 * scale, 5500.0 * scale))
        found.append(resonances_hz(synthesise(tracks, CLEAN, rng(), tract))[:3])
    assert found[1] / found[0] == pytest.approx(np.full(3, 0.85), abs=0.04)


def test_damping_fills_the_valleys_between_the_formants() -> None:
    """Depth of the valley at 4 kHz below the peaks at 3.5 and 4.5 kHz, in the comb of the harmonics."""

    def depth_db(damping: float) -> float:
        tracks = steady_tracks(1.0, f0_hz=100.0, formants_hz=NEUTRAL)
        voice = synthesise(tracks, CLEAN, rng(), Tract(damping=damping))[3200:12800]
        level = 20.0 * np.log10(np.abs(np.fft.rfft(voice * np.hanning(len(voice)))))
        harmonic = [level[round(hz * 0.6) - 3 : round(hz * 0.6) + 4].max() for hz in (3500, 4000, 4500)]
        return float(0.5 * (harmonic[0] + harmonic[2]) - harmonic[1])

    assert depth_db(0.8) > depth_db(1.2) + 2.0 > depth_db(2.0) + 4.0


def test_formant_response_is_that_of_the_recursive_filter() -> None:
    """Slow referee: the impulse response of six two-pole filters in series, transformed."""
    centres = (*NEUTRAL, 3500.0, 4500.0, 5500.0)
    impulse = np.zeros(8000)
    impulse[0] = 1.0
    for centre, width in zip(centres, (70.0, 90.0, 130.0, 190.0, 260.0, 350.0), strict=True):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        a = [1.0, -2.0 * radius * np.cos(2.0 * np.pi * centre / SAMPLE_RATE), radius**2]
        impulse = lfilter([sum(a)], a, impulse)
    frequency = np.fft.rfftfreq(8000, 1.0 / SAMPLE_RATE)
    response = formant_response(np.array([centres]), np.array(BANDWIDTHS_HZ), frequency)
    assert np.allclose(response[0], np.fft.rfft(impulse), atol=1e-6)
    assert response[0, 0] == pytest.approx(1.0)


def test_a_voice_is_the_recursive_filter_on_what_enters_the_tract() -> None:
    """Slow referee of the frames: with formants at rest, they are one filter over the whole signal."""
    tracks = steady_tracks(0.5, f0_hz=110.0, formants_hz=NEUTRAL)
    filtered = source_filter._at_the_glottis(tracks, CLEAN, rng()).astype(float)
    for centre, width in zip((*NEUTRAL, 3500.0, 4500.0, 5500.0), BANDWIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        a = [1.0, -2.0 * radius * np.cos(2.0 * np.pi * centre / SAMPLE_RATE), radius**2]
        filtered = lfilter([sum(a)], a, filtered)
    voice = synthesise(tracks, CLEAN, rng())
    expected = filtered * 0.1 / loudness(filtered.astype(np.float32))
    assert np.abs(voice - expected).max() < 0.01 * np.abs(expected).max()


def test_there_is_one_pulse_for_each_period_at_its_place() -> None:
    phase = np.cumsum(np.full(1600, 100.0)) / SAMPLE_RATE
    pulses = glottal_pulses(phase, CLEAN, rng())
    peaks = np.nonzero(pulses > 0.6)[0]
    assert np.diff(peaks).tolist() == [160] * (len(peaks) - 1)
    assert len(peaks) in (9, 10)
    assert pulses.sum() == pytest.approx(10.0, abs=0.6)


def test_jitter_and_shimmer_have_the_asked_size() -> None:
    phase = np.cumsum(np.full(20 * SAMPLE_RATE, 50.0)) / SAMPLE_RATE
    pulses = glottal_pulses(phase, Source(jitter=0.02, shimmer=0.1), rng())
    near = np.array([np.arange(320 * k - 41, 320 * k + 40) for k in range(1, 990)])
    centre = (pulses[near] * near).sum(axis=1) / pulses[near].sum(axis=1)
    assert (centre - near.mean(axis=1)).std() / 320.0 == pytest.approx(0.02, rel=0.15)
    assert pulses[near].sum(axis=1).std() == pytest.approx(0.1, rel=0.15)


@pytest.mark.parametrize(("low", "high"), [(6.0, 10.0), (10.0, 14.0)])
def test_more_tilt_takes_away_high_frequencies(low: float, high: float) -> None:
    def brightness(tilt: float) -> float:
        tracks = steady_tracks(0.6, f0_hz=110.0, formants_hz=NEUTRAL)
        power = np.abs(np.fft.rfft(synthesise(tracks, replace(CLEAN, tilt_db_per_octave=tilt), rng()))) ** 2
        edge = round(2000.0 * len(power) * 2 / SAMPLE_RATE)
        return float(power[edge:].sum() / power.sum())

    assert brightness(low) > 2.0 * brightness(high)


def test_breath_makes_the_voice_less_periodic() -> None:
    def periodicity(breath: float) -> float:
        tracks = steady_tracks(0.8, f0_hz=100.0, formants_hz=NEUTRAL)
        voice = synthesise(tracks, replace(CLEAN, breath=breath), rng())
        return float(np.corrcoef(voice[2000:10000], voice[2160:10160])[0, 1])

    assert periodicity(0.0) > 0.99 > periodicity(0.3) > periodicity(1.0)


def test_hiss_lies_around_its_centre() -> None:
    tracks = steady_tracks(0.6, f0_hz=100.0, formants_hz=NEUTRAL)
    n = len(tracks.f0_hz)
    hiss = replace(tracks, voicing=np.zeros(n), frication=np.ones(n), frication_hz=np.full(n, 5000.0))
    power = np.abs(np.fft.rfft(synthesise(hiss, CLEAN, rng()))) ** 2
    frequency = np.fft.rfftfreq(2 * len(power) - 2, 1.0 / SAMPLE_RATE)
    assert (power * frequency).sum() / power.sum() == pytest.approx(5000.0, rel=0.1)


def test_silence_stays_silent_and_the_loudness_is_fixed() -> None:
    tracks = steady_tracks(0.5, f0_hz=100.0, formants_hz=NEUTRAL)
    silent = replace(tracks, voicing=np.zeros_like(tracks.voicing))
    assert (synthesise(silent, CLEAN, rng()) == 0.0).all()
    voice = synthesise(tracks, CLEAN, rng())
    assert voice.dtype == np.float32 and voice.shape == (len(tracks.f0_hz) * HOP,)
    loud = voice[np.abs(voice) > np.median(np.abs(voice))]
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(0.1, rel=0.02)


def test_the_same_generator_gives_the_same_voice() -> None:
    tracks = steady_tracks(0.3, f0_hz=100.0, formants_hz=NEUTRAL)
    first, second = (synthesise(tracks, Source(), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)


def test_sounds_come_out_when_they_were_asked_for() -> None:
    """A hiss from 0.2 to 0.3 s: hardly anything before or after, but for the edges of the windows."""
    tracks = steady_tracks(0.5, f0_hz=100.0, formants_hz=NEUTRAL)
    time_s = np.arange(len(tracks.f0_hz)) * HOP / SAMPLE_RATE
    hiss = np.where((time_s >= 0.2) & (time_s < 0.3), 1.0, 0.0)
    voice = synthesise(replace(tracks, voicing=0.0 * hiss, frication=hiss), CLEAN, rng())
    power = voice.astype(float) ** 2
    moment_s = (power * np.arange(len(power))).sum() / power.sum() / SAMPLE_RATE
    assert moment_s == pytest.approx(0.25, abs=0.006)
    inside = slice(round(0.19 * SAMPLE_RATE), round(0.31 * SAMPLE_RATE))
    assert power[inside].sum() > 0.995 * power.sum()


def test_the_pitch_follows_its_track() -> None:
    tracks = steady_tracks(2.0, f0_hz=100.0, formants_hz=NEUTRAL)
    n = len(tracks.f0_hz)
    rising = replace(tracks, f0_hz=np.where(np.arange(n) < n // 2, 100.0, 160.0))
    voice = synthesise(rising, CLEAN, rng())
    assert pitch_hz(voice[:SAMPLE_RATE]) == pytest.approx(100.0, rel=0.01)
    assert pitch_hz(voice[SAMPLE_RATE:]) == pytest.approx(160.0, rel=0.01)


def test_formants_follow_their_track() -> None:
    tracks = steady_tracks(2.0, f0_hz=90.0, formants_hz=NEUTRAL)
    formants = tracks.formants_hz.copy()
    formants[len(formants) // 2 :, 0] = 750.0
    voice = synthesise(replace(tracks, formants_hz=formants), CLEAN, rng())
    before, after = (resonances_hz(half)[0] for half in (voice[:SAMPLE_RATE], voice[SAMPLE_RATE:]))
    assert before == pytest.approx(500.0, abs=45.0)
    assert after == pytest.approx(750.0, abs=45.0)


def test_aspiration_passes_through_the_formants_without_pitch() -> None:
    tracks = steady_tracks(1.0, f0_hz=100.0, formants_hz=(800.0, 1500.0, 2500.0))
    whisper = replace(tracks, voicing=0.0 * tracks.voicing, aspiration=tracks.voicing)
    voice = synthesise(whisper, CLEAN, rng())
    assert np.abs(resonances_hz(voice) - 800.0).min() < 60.0
    assert np.corrcoef(voice[2000:10000], voice[2160:10160])[0, 1] < 0.3


def test_the_loudness_of_a_track_does_not_change_that_of_the_voice() -> None:
    tracks = steady_tracks(0.5, f0_hz=120.0, formants_hz=NEUTRAL)
    whole = synthesise(tracks, CLEAN, rng())
    half = synthesise(replace(tracks, voicing=0.5 * tracks.voicing), CLEAN, rng())
    assert half == pytest.approx(whole, abs=1e-5)


def test_pulses_between_samples_are_placed_between_samples() -> None:
    """At 150.5 Hz a period is 106.3 samples: the pulses must be that far apart, not 106."""
    phase = np.cumsum(np.full(SAMPLE_RATE, 150.5)) / SAMPLE_RATE
    pulses = glottal_pulses(phase, CLEAN, rng())
    centres = []
    for k in range(1, 145):
        middle = round(k * SAMPLE_RATE / 150.5) - 1
        near = np.arange(middle - 20, middle + 21)
        centres.append((pulses[near] * near).sum() / pulses[near].sum())
    assert np.diff(centres) == pytest.approx(np.full(143, SAMPLE_RATE / 150.5), abs=0.05)


def test_steady_tracks_hold_what_they_were_given() -> None:
    tracks = steady_tracks(0.1, f0_hz=222.0, formants_hz=NEUTRAL)
    assert tracks.f0_hz.tolist() == [222.0] * 20
    assert tracks.formants_hz.shape == (20, 3)
    assert tracks.voicing.min() == 1.0 and tracks.frication.max() == tracks.aspiration.max() == 0.0


def test_a_track_shorter_than_a_period_is_silent_but_no_error() -> None:
    voice = synthesise(steady_tracks(0.005, f0_hz=60.0, formants_hz=NEUTRAL), CLEAN, rng())
    assert voice.shape == (HOP,) and np.isfinite(voice).all()


@pytest.mark.parametrize("openness_db", [-6.0, 4.0])
def test_an_open_glottis_raises_the_first_harmonic_alone(openness_db: float) -> None:
    def harmonics_db(source: Source) -> np.ndarray:
        voice = synthesise(steady_tracks(1.0, f0_hz=200.0, formants_hz=NEUTRAL), source, rng())[3200:12800]
        level = 20.0 * np.log10(np.abs(np.fft.rfft(voice * np.hanning(len(voice)))))
        return np.array([level[round(k * 200.0 * 0.6) - 3 : round(k * 200.0 * 0.6) + 4].max() for k in (1, 3, 5)])

    change = harmonics_db(replace(CLEAN, openness_db=openness_db)) - harmonics_db(CLEAN)
    assert change[0] - change[1] == pytest.approx(openness_db, abs=1.0)
    assert change[2] == pytest.approx(change[1], abs=0.3)


def periods_of(voice: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and peaks of successive periods, by the highest sample of a low-passed voice around each."""
    low = lfilter([1.0], [1.0, -0.9], voice.astype(float))
    places, at = [], int(np.argmax(low[1600 : 1600 + period])) + 1600
    while at + 2 * period < len(voice) - 1600:
        start = at + period - period // 4
        at = start + int(np.argmax(low[start : start + period // 2]))
        before, here, after = low[at - 1 : at + 2]
        places.append((at + 0.5 * (before - after) / (before - 2.0 * here + after), here))
    table = np.array(places)
    return np.diff(table[:, 0]), table[:, 1]


def test_jitter_and_shimmer_of_the_output_grow_as_asked() -> None:
    tracks = steady_tracks(3.0, f0_hz=100.0, formants_hz=(700.0, 1200.0, 2500.0))
    jitter, shimmer = [], []
    for asked in (0.005, 0.01, 0.02):
        lengths, _ = periods_of(synthesise(tracks, replace(CLEAN, jitter=asked), rng()), 160)
        jitter.append(lengths.std() / lengths.mean())
    for asked in (0.05, 0.1, 0.2):
        _, peaks = periods_of(synthesise(tracks, replace(CLEAN, shimmer=asked), rng()), 160)
        shimmer.append(peaks.std() / peaks.mean())
    # Two pulses move at both ends of a period, each on its own.
    assert jitter == pytest.approx([0.005 * 2**0.5, 0.01 * 2**0.5, 0.02 * 2**0.5], rel=0.25)
    assert shimmer == pytest.approx([0.05, 0.1, 0.2], rel=0.3)


def test_the_loudness_is_that_of_the_loud_half() -> None:
    assert loudness(np.array([0.0, 0.1, 0.3, -0.4], dtype=np.float32)) == pytest.approx((0.125) ** 0.5)
    assert loudness(np.zeros(5, dtype=np.float32)) == 0.0
    assert loudness(np.full(5, 0.5, dtype=np.float32)) == 0.0  # nothing is louder than the rest


def test_frames_add_up_to_the_signal() -> None:
    signal = rng().standard_normal(1777).astype(np.float32)
    frames = np.zeros((len(source_filter._frames(signal)), 960), dtype=np.float32)
    frames[:, :320] = source_filter._frames(signal)
    assert source_filter._overlap_add(frames, len(signal)) == pytest.approx(signal, abs=1e-6)


def test_overlapping_frames_are_added_up_to_their_end() -> None:
    frames = rng().standard_normal((7, 960)).astype(np.float32)
    total = np.zeros(160 * 7 + 960)
    for index, frame in enumerate(frames):
        total[160 * index : 160 * index + 960] += frame
    assert source_filter._overlap_add(frames, 900) == pytest.approx(total[160:1060], abs=1e-5)

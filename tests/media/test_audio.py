"""Every container, rate, depth and channel count becomes the same 16 kHz mono voice."""

from __future__ import annotations

import resource
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from visavox.errors import DataError, MediaError
from visavox.media.audio import (
    BLOCK_VALUES,
    LOUDEST_LEVEL,
    SAMPLE_RATE,
    Voice,
    read_voice,
    voice_blocks,
    voice_quality,
    write_voice,
)


def tone(seconds: float = 1.0, rate: int = SAMPLE_RATE, level: float = 0.5, hz: float = 440.0) -> Voice:
    """A tone whose pitch rises by 100 Hz a second, so that a shift in time is a difference."""
    time_s = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * (hz * time_s + 50 * time_s**2))).astype(np.float32)


def assert_same_sound(voice: Voice, expected: Voice, *, tolerance: float) -> None:
    """Equal but for the first 20 and the last 60 ms, where resamplers and codecs ring."""
    assert voice.dtype == np.float32
    assert voice.ndim == 1
    assert abs(len(voice) - len(expected)) <= 0.06 * SAMPLE_RATE
    n = min(len(voice), len(expected))
    np.testing.assert_allclose(voice[320 : n - 960], expected[320 : n - 960], atol=tolerance)


def write_with_av(path: Path, sound: Voice, rate: int, *, audio: str | None, video: str | None = None) -> None:
    """A file of ffmpeg's: sound, a moving picture, or both."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(video, rate=25) if video else None
        if pictures:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sounds = container.add_stream(audio, rate=rate, layout="mono") if audio else None
        for i in range(25 if pictures else 0):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * i, dtype=np.uint8), format="rgb24")
            container.mux(pictures.encode(frame))
        if pictures:
            container.mux(pictures.encode())
        if sounds:
            if not sounds.codec_context.is_open:
                sounds.codec_context.open()
            size = sounds.codec_context.frame_size or 1024
            convert = av.AudioResampler(format=sounds.format, layout="mono", rate=rate, frame_size=size)
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, 0
            for part in [*convert.resample(frame), *convert.resample(None)]:
                container.mux(sounds.encode(part))
            container.mux(sounds.encode())


# (suffix, subtype, largest difference): 8 bits step by 1/128; the lossy ones are only near.
SOUNDFILE_KINDS = [
    ("wav", "PCM_U8", 0.015),
    ("wav", "PCM_16", 1e-3),
    ("wav", "PCM_24", 1e-3),
    ("wav", "PCM_32", 1e-3),
    ("wav", "FLOAT", 1e-3),
    ("wav", "DOUBLE", 1e-3),
    ("wav", "ULAW", 0.03),
    ("flac", "PCM_16", 1e-3),
    ("flac", "PCM_24", 1e-3),
    ("aiff", "PCM_16", 1e-3),
    ("ogg", "VORBIS", 0.08),
    ("ogg", "OPUS", 0.1),
    ("mp3", "MPEG_LAYER_III", 0.07),
]


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize(("suffix", "subtype", "tolerance"), SOUNDFILE_KINDS)
def test_every_kind_of_file_gives_the_same_voice(
    tmp_path: Path, suffix: str, subtype: str, tolerance: float, rate: int
) -> None:
    path = tmp_path / f"voice.{suffix}"
    soundfile.write(path, tone(rate=rate), rate, subtype=subtype)
    assert_same_sound(read_voice(path), tone(), tolerance=tolerance)


@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100, 96_000])
def test_other_rates_are_resampled(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "voice.wav"
    soundfile.write(path, tone(rate=rate), rate, subtype="FLOAT")
    voice = read_voice(path)
    assert len(voice) == SAMPLE_RATE
    assert_same_sound(voice, tone(), tolerance=1e-3)


def test_what_16_khz_cannot_hold_is_filtered_out_and_does_not_fold(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whistle.wav", tone(rate=44_100, hz=12_000), 44_100)
    assert np.abs(read_voice(tmp_path / "whistle.wav")[500:-500]).max() < 1e-3


@pytest.mark.parametrize(
    ("name", "audio", "video", "tolerance"),
    [
        ("voice.m4a", "aac", None, 0.1),
        ("voice.mka", "libopus", None, 0.08),
        ("voice.mp4", "aac", "libx264", 0.1),
        ("voice.mpg", "mp2", "mpeg1video", 0.06),
        ("voice.webm", "libopus", "libvpx", 0.08),
        ("voice.avi", "pcm_s16le", "mpeg4", 1e-3),
    ],
)
def test_the_sound_of_films_and_of_what_soundfile_does_not_know(
    tmp_path: Path, name: str, audio: str, video: str | None, tolerance: float
) -> None:
    path = tmp_path / name
    rate = 48_000
    write_with_av(path, tone(rate=rate), rate, audio=audio, video=video)
    voice = read_voice(path)
    # Codecs put up to 60 ms of silence in front that some containers do not note: line the two up.
    shift = int(np.argmax(np.correlate(voice, tone()[:8000], mode="valid")))
    assert shift <= 0.06 * SAMPLE_RATE
    assert_same_sound(voice[shift:], tone(), tolerance=tolerance)


def test_stereo_is_the_mean_of_its_channels(tmp_path: Path) -> None:
    left, right = tone(), tone(hz=900)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, right], axis=1), SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_voice(tmp_path / "stereo.wav"), (left + right) / 2, atol=1e-6)


def test_ffmpeg_mixes_stereo_as_soundfile_does(tmp_path: Path) -> None:
    left, right = tone(), tone(hz=900)
    with av.open(str(tmp_path / "stereo.mka"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=SAMPLE_RATE, layout="stereo")
        both = np.stack([left, right], axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(both, format="flt", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        container.mux([*stream.encode(frame), *stream.encode()])
    np.testing.assert_allclose(read_voice(tmp_path / "stereo.mka"), (left + right) / 2, atol=1e-6)


def test_a_file_longer_than_one_block_is_joined_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "long.wav", tone(3.0, 44_100), 44_100, subtype="FLOAT")
    whole = read_voice(tmp_path / "long.wav")
    monkeypatch.setattr("visavox.media.audio.BLOCK_SAMPLES", 1000)
    np.testing.assert_allclose(read_voice(tmp_path / "long.wav"), whole, atol=1e-6)


@pytest.mark.parametrize("name", ["voice.wav", "voice.mka"])
@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 1.0), (0.5, 1.25), (1.5, None), (None, 0.75), (1.5, 99.0)])
def test_a_segment_is_the_same_stretch_of_the_whole(
    tmp_path: Path, name: str, start_s: float | None, end_s: float | None
) -> None:
    sound = tone(2.0)
    if name.endswith("wav"):
        soundfile.write(tmp_path / name, sound, SAMPLE_RATE, subtype="FLOAT")
    else:
        write_with_av(tmp_path / name, sound, SAMPLE_RATE, audio="flac")
    expected = sound[int(SAMPLE_RATE * (start_s or 0)) : int(SAMPLE_RATE * min(end_s or 2.0, 2.0))]
    voice = read_voice(tmp_path / name, start_s=start_s, end_s=end_s)
    # Matroska notes times in whole milliseconds, 16 samples.
    assert abs(len(voice) - len(expected)) <= (0 if name.endswith("wav") else 16)
    n = min(len(voice), len(expected))
    np.testing.assert_allclose(voice[:n], expected[:n], atol=1e-3 if name.endswith("wav") else 0.2)


@pytest.mark.parametrize(("name", "codec"), [("long.mpg", "mp2"), ("long.m4a", "aac"), ("long.mka", "flac")])
def test_a_late_segment_is_sought_and_complete(tmp_path: Path, name: str, codec: str) -> None:
    write_with_av(
        tmp_path / name,
        tone(14.0, 48_000),
        48_000,
        audio=codec,
        video="mpeg1video" if name.endswith("mpg") else None,
    )
    whole, part = read_voice(tmp_path / name), read_voice(tmp_path / name, start_s=11.0, end_s=12.0)
    assert abs(len(part) - SAMPLE_RATE) <= 16
    shift = int(np.argmax(np.correlate(whole, part, mode="valid"))) - 11 * SAMPLE_RATE
    assert abs(shift) <= 0.06 * SAMPLE_RATE
    aligned = whole[11 * SAMPLE_RATE + shift :][: len(part)]
    np.testing.assert_allclose(part[320:-320], aligned[320:-320], atol=0.02)


@pytest.mark.parametrize(("start_s", "end_s"), [(5.0, 6.0), (1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (float("nan"), 1.0)])
def test_a_segment_behind_the_end_or_of_no_length_has_its_status(tmp_path: Path, start_s: float, end_s: float) -> None:
    soundfile.write(tmp_path / "voice.wav", tone(), SAMPLE_RATE)
    with pytest.raises(MediaError, match="Correct the times") as caught:
        read_voice(tmp_path / "voice.wav", start_s=start_s, end_s=end_s)
    assert caught.value.status == ("past_the_end" if start_s == 5 else "invalid_time")


@pytest.mark.parametrize(
    "name", ["-voice.wav", "a voice.wav", "http:voice.wav", "voice.raw", "voice", "voice.mp4", "Stimme é.wav"]
)
def test_the_content_decides_and_not_the_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "voice.wav", tone(), SAMPLE_RATE)
    (tmp_path / "voice.wav").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(read_voice(name)) == SAMPLE_RATE


def test_ffmpeg_takes_names_that_look_like_options_or_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-voice.m4a", "http:voice.m4a"):
        write_with_av(tmp_path / "voice.m4a", tone(rate=48_000), 48_000, audio="aac")
        (tmp_path / "voice.m4a").rename(name)
        assert len(read_voice(name)) > 10_000


def write_wav(path: Path, content: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(content)


def test_bad_files_have_a_status_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not a sound\n", encoding="utf-8")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    write_wav(tmp_path / "no samples.wav", b"")
    write_with_av(tmp_path / "silent film.mp4", tone(), 48_000, audio=None, video="libx264")
    soundfile.write(tmp_path / "nan.wav", np.array([0.1, np.nan, 0.2]), SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "inf.wav", np.array([0.1, np.inf, 0.2]), SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "int.wav", 32767 * tone(), SAMPLE_RATE, subtype="FLOAT")
    for name, status in [
        ("nowhere.wav", "missing_file"),
        ("empty.wav", "empty_file"),
        ("text.wav", "unreadable_audio"),
        ("noise.mp4", "unreadable_audio"),
        ("no samples.wav", "empty_audio"),
        ("silent film.mp4", "no_audio_stream"),
        ("nan.wav", "unreadable_audio"),
        ("inf.wav", "unreadable_audio"),
        ("int.wav", "unreadable_audio"),
    ]:
        with pytest.raises(MediaError) as caught:
            read_voice(tmp_path / name)
        assert caught.value.status == status, name
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "PCM_16"), ("flac", "PCM_16"), ("ogg", "OPUS"), ("mp3", None)])
def test_a_file_cut_short_gives_its_beginning_or_an_error_with_a_status(
    tmp_path: Path, suffix: str, subtype: str | None
) -> None:
    path = tmp_path / f"voice.{suffix}"
    soundfile.write(path, tone(4.0), SAMPLE_RATE, subtype=subtype)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    voice = read_voice(path)
    assert 0.8 * SAMPLE_RATE < len(voice) < 3.2 * SAMPLE_RATE
    assert_same_sound(voice[: len(voice) - 2000], tone(4.0)[: len(voice) - 2000], tolerance=0.1)


def test_damage_in_the_middle_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "voice.m4a"
    write_with_av(path, tone(4.0, 48_000), 48_000, audio="aac")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 300] = np.random.default_rng(1).bytes(300)
    path.write_bytes(bytes(content))
    assert 3.5 * SAMPLE_RATE < len(read_voice(path)) < 4.5 * SAMPLE_RATE


def test_overshoot_is_clipped_and_loud_float_files_are_kept_up_to_the_limit(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", tone(level=0.99 * LOUDEST_LEVEL), SAMPLE_RATE, subtype="FLOAT")
    voice = read_voice(tmp_path / "loud.wav")
    assert voice.max() == 1.0
    assert voice.min() == -1.0


def test_silence_is_returned_as_it_is(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(1600), SAMPLE_RATE)
    assert not read_voice(tmp_path / "silence.wav").any()


def test_writing_and_reading_changes_nothing_that_16_bits_can_hold(tmp_path: Path) -> None:
    voice = (np.arange(-32768, 32768, 7) / 32768).astype(np.float32)
    write_voice(tmp_path / "a.flac", voice)
    again = read_voice(tmp_path / "a.flac")
    np.testing.assert_array_equal(again, voice)
    write_voice(tmp_path / "b.flac", again)
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()
    assert soundfile.info(tmp_path / "a.flac").subtype == "PCM_16"


def test_writing_clips_what_lies_beyond_full_scale_without_wrapping(tmp_path: Path) -> None:
    write_voice(tmp_path / "a.flac", np.array([1.0, 1.5, -1.5, -1.0], dtype=np.float32))
    np.testing.assert_allclose(read_voice(tmp_path / "a.flac"), [1, 1, -1, -1], atol=1e-4)


@pytest.mark.parametrize("voice", [np.empty(0), np.zeros((2, 5)), np.array([0.0, np.nan])])
def test_what_is_no_voice_is_not_written(tmp_path: Path, voice: Voice) -> None:
    with pytest.raises(DataError, match="finite array of shape"):
        write_voice(tmp_path / "a.flac", voice)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_error_of_the_disk_and_leaves_no_half_voice(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 20_000).astype(np.float32)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_voice(tmp_path / "a.flac", noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_quality_of_a_sine_is_3_db_below_full_scale() -> None:
    quality = voice_quality(tone(2.0, level=1.0))
    assert quality["loudness_db"] == pytest.approx(-3.01, abs=0.01)
    assert quality["duration_s"] == 2.0
    # A sine spends acos(0.999) / (pi / 2) of its time beyond 0.999.
    assert quality["clipped_rate"] == pytest.approx(np.arccos(0.999) / (np.pi / 2), abs=0.003)


def test_quality_of_silence_and_of_a_clipped_voice() -> None:
    assert voice_quality(np.zeros(800, dtype=np.float32)) == {
        "loudness_db": -120.0,
        "clipped_rate": 0.0,
        "duration_s": 0.05,
    }
    assert voice_quality(np.array([0.0, 1.0, 0.0, -1.0], dtype=np.float32))["clipped_rate"] == 0.5
    # Squares of such samples vanish in float32.
    assert voice_quality(np.full(9, 1e-30, dtype=np.float32))["loudness_db"] == -120.0


def test_real_opus_voices_have_the_length_that_their_table_gives(real_data: Path) -> None:
    lines = (real_data / "avspeech" / "clips.csv").read_text(encoding="utf-8").splitlines()
    columns = lines[0].split(",")
    for line in lines[1:30]:
        row = dict(zip(columns, line.split(","), strict=True))
        voice = read_voice(real_data / "avspeech" / "voices" / f"{row['clip']}.opus")
        assert len(voice) / SAMPLE_RATE == pytest.approx(float(row["voice_s"]), abs=0.05)
        assert voice_quality(voice)["loudness_db"] > -60


def test_real_videos_give_their_sound_or_say_why_not(real_data: Path) -> None:
    videos = real_data / "videos"
    for path in [*sorted((videos / "grid").glob("*.mpg"))[:3], *sorted((videos / "wild").glob("*.mp4"))[:2]]:
        voice = read_voice(path)
        assert 2.5 * SAMPLE_RATE < len(voice) < 8 * SAMPLE_RATE
        assert voice_quality(voice)["loudness_db"] > -40
    assert voice_quality(read_voice(videos / "edge" / "silent_audio.mp4"))["loudness_db"] < -70
    for name, status in [
        ("no_audio_stream.mp4", "no_audio_stream"),
        ("truncated.mp4", "unreadable_audio"),
        ("not_a_video.mp4", "unreadable_audio"),
        ("empty.mp4", "empty_file"),
    ]:
        with pytest.raises(MediaError) as caught:
            read_voice(videos / "edge" / name)
        assert caught.value.status == status


@pytest.mark.parametrize("margin_s", [5.0, 0.5])
def test_a_segment_of_a_real_video_is_the_same_stretch_of_its_whole(
    real_data: Path, monkeypatch: pytest.MonkeyPatch, margin_s: float
) -> None:
    """Sought without a margin, these lack their first 45 ms; with one of 5 s, clips of 3 s are not sought at all."""
    monkeypatch.setattr("visavox.media.audio.SEEK_MARGIN_S", margin_s)
    path = sorted((real_data / "videos" / "grid").glob("*.mpg"))[0]
    whole, part = read_voice(path), read_voice(path, start_s=1.0, end_s=2.0)
    assert abs(len(part) - SAMPLE_RATE) < 50
    best = int(np.argmax(np.correlate(whole, part, mode="valid")))
    assert abs(best - SAMPLE_RATE) < 0.03 * SAMPLE_RATE


@pytest.mark.parametrize(("rate", "channels"), [(1, 1), (16_000, 100)])
def test_a_header_that_makes_up_a_rate_or_channels_fills_no_memory(tmp_path: Path, rate: int, channels: int) -> None:
    """A wav of a megabyte said one sample a second, and its first block was resampled to sixteen gigabytes."""
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * channels * (3000 if rate == 1 else 200_000)))
    sizes = [len(block) for _, block in zip(range(3), voice_blocks(tmp_path / "voice.wav"), strict=False)]
    assert 0 < max(sizes) * channels <= 2 * BLOCK_VALUES  # the resampler holds some back and gives it later

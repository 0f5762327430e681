"""Every degradation with its levels, and the choice among them by name.

Example:
    >>> [chosen.name for chosen in choose(["noise", "blur"])]
    ['white_noise', 'babble', 'blur']
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from visavox.errors import ConfigError, UnknownNameError
from visavox.media.degrading.base import Degradation, Means, Media
from visavox.media.degrading.blur import blur_face
from visavox.media.degrading.codec import through_codec
from visavox.media.degrading.jpeg import compress_face
from visavox.media.degrading.length import first_speech
from visavox.media.degrading.light import expose_face
from visavox.media.degrading.loudness import clip_peaks, turn_down
from visavox.media.degrading.noise import add_babble, add_white_noise
from visavox.media.degrading.occlusion import hide_eyes, hide_from_below
from visavox.media.degrading.pose import tilt_face, turn_face
from visavox.media.degrading.resolution import reduce_face
from visavox.media.degrading.reverberation import add_reverberation
from visavox.media.degrading.telephone import over_telephone

BAND, MU_LAW = "300-3400 Hz", "300-3400 Hz, mu-law"
SNR = "signal-to-noise ratio"
RATE = "bit rate"


def _white(voice: Media, snr_db: float, means: Means) -> Media:
    return add_white_noise(voice, snr_db=snr_db, rng=means.rng)


def _babble(voice: Media, snr_db: float, means: Means) -> Media:
    return add_babble(voice, snr_db=snr_db, rng=means.rng, others=means.others)


def _codec(voice: Media, kbit_s: float, _: Means, *, codec: str) -> Media:
    return through_codec(voice, codec=codec, kbit_s=kbit_s)


def _telephone(voice: Media, line: str, _: Means) -> Media:
    return over_telephone(voice, mu_law=line == MU_LAW)


def _room(voice: Media, rt60_s: float, means: Means) -> Media:
    return add_reverberation(voice, rt60_s=rt60_s, rng=means.rng)


def _dark(face: Media, stops: float, _: Means) -> Media:
    return expose_face(face, stops=-stops)


def _plain(function: Any, argument: str, media: Media, level: float, _: Means) -> Media:
    """A function of the media and one number."""
    result: Media = function(media, **{argument: level})
    return result


def _codec_row(name: str, rates: tuple[float, ...], what: str) -> Degradation:
    about = f"Encoded as {what} at 16 kHz, decoded and put back in step."
    return Degradation(name, "codec", "voice", "kbit/s", rates, partial(_codec, codec=name), about, RATE)


DEGRADATIONS: tuple[Degradation, ...] = (
    Degradation(
        "white_noise", "noise", "voice", "dB", (20.0, 10.0, 5.0, 0.0), _white,
        "Gaussian noise with a flat spectrum; the ratio is that of mean powers over the whole recording.", SNR,
    ),
    Degradation(
        "babble", "noise", "voice", "dB", (20.0, 10.0, 5.0, 0.0), _babble,
        "Six other people of the corpus talk at once, equally loud.", SNR,
    ),
    _codec_row("mp3", (64.0, 32.0, 16.0), "MP3 (MPEG-2 Layer III, LAME)"),
    _codec_row("opus", (24.0, 12.0, 6.0), "Opus (libopus)"),
    _codec_row("aac", (64.0, 32.0, 16.0), "AAC-LC (ffmpeg's encoder)"),
    Degradation(
        "telephone", "telephone", "voice", "", (BAND, MU_LAW), _telephone,
        "A narrow-band line: 300 to 3,400 Hz at 8 kHz, without and with the 8 bits of mu-law.", "line",
    ),
    Degradation(
        "reverberation", "reverberation", "voice", "s", (0.3, 0.6, 1.0), _room,
        "A made-up room: echoes that fall by 60 dB in this time, together as strong as the direct sound.",
        "RT60", clean=0.0,
    ),
    Degradation(
        "length", "length", "voice", "s", (10.0, 5.0, 3.0, 2.0, 1.0, 0.5), partial(_plain, first_speech, "speech_s"),
        "From the first word until so much speech has been heard. Clips with less speech are left out, so that each "
        "level has its own people; the clean figure beside it is of the same clips in full.", "speech",
    ),
    Degradation(
        "quiet", "loudness", "voice", "dB", (20.0, 40.0, 60.0), partial(_plain, turn_down, "by_db"),
        "Turned down and stored in 16 bits.", "turned down by", clean=0.0,
    ),
    Degradation(
        "clipping", "loudness", "voice", "dB", (6.0, 12.0, 20.0, 30.0), partial(_plain, clip_peaks, "over_db"),
        "The largest peak would stand so far above full scale; all that passes it is cut off.", "peak above full scale",
    ),
    Degradation(
        "blur", "blur", "face", "px", (1.0, 2.0, 4.0, 8.0), partial(_plain, blur_face, "sigma_px"),
        "A Gaussian; pixels are those of a face 112 px wide.", "standard deviation", clean=0.0,
    ),
    Degradation(
        "resolution", "resolution", "face", "px", (64.0, 32.0, 16.0, 8.0), partial(_plain, reduce_face, "face_px"),
        "Made smaller by area averages and enlarged again by cubic interpolation.", "pixels across the face",
    ),
    Degradation(
        "tilt", "pose", "face", "degrees", (10.0, 20.0, 45.0, 90.0), partial(_plain, tilt_face, "angle_deg"),
        "Turned in the plane of the picture, as a missing alignment leaves it.", "angle", clean=0.0,
    ),
    Degradation(
        "turn", "pose", "face", "degrees", (15.0, 30.0, 45.0, 60.0), partial(_plain, turn_face, "angle_deg"),
        "An approximation: the crop as a flat photo that is turned about its vertical middle line. A real head would "
        "hide half of itself, so that this is a lower bound on what turning costs.", "angle of a flat photo", clean=0.0,
    ),
    Degradation(
        "eye_bar", "occlusion", "face", "px", (6.0, 12.0, 24.0), partial(_plain, hide_eyes, "height_px"),
        "A grey bar over both eyes; pixels are those of a face 112 px wide.", "height of the bar", clean=0.0,
    ),
    Degradation(
        "lower_face", "occlusion", "face", "of the face", (0.25, 0.5, 0.75), partial(_plain, hide_from_below, "share"),
        "Grey from below, as a mask: a quarter hides the mouth, a half the nose as well.", "hidden share", clean=0.0,
    ),
    Degradation(
        "jpeg", "jpeg", "face", "", (50.0, 20.0, 10.0, 5.0), partial(_plain, compress_face, "quality"),
        "Compressed once more with half the chroma resolution; libjpeg's quality, which is no physical unit.",
        "quality",
    ),
    Degradation(
        "dark", "brightness", "face", "stops", (1.0, 2.0, 3.0, 4.0), _dark,
        "Half the light a stop, 8 bits.", "underexposed by", clean=0.0,
    ),
    Degradation(
        "bright", "brightness", "face", "stops", (1.0, 2.0, 3.0), partial(_plain, expose_face, "stops"),
        "Twice the light a stop; what passes full scale is white.", "overexposed by", clean=0.0,
    ),
)  # fmt: skip
"""In the order of reports."""

CONDITIONS: tuple[str, ...] = tuple(dict.fromkeys(row.condition for row in DEGRADATIONS))
"""Names of conditions; each holds one degradation or more."""


def find(name: str) -> Degradation:
    """Return one degradation by its own name.

    Raises:
        UnknownNameError: there is none.
    """
    for row in DEGRADATIONS:
        if row.name == name:
            return row
    raise UnknownNameError("degradation", name, [row.name for row in DEGRADATIONS])


def choose(names: Sequence[str]) -> tuple[Degradation, ...]:
    """Return the degradations of some conditions, in the order of the table.

    Args:
        names: of conditions or of single degradations; none chooses all.

    Raises:
        UnknownNameError: a name is neither; the message holds the list.
        ConfigError: a name is given twice.
    """
    known = [*CONDITIONS, *(row.name for row in DEGRADATIONS)]
    for name in names:
        if name not in known:
            raise UnknownNameError("condition", name, known)
        if list(names).count(name) > 1:
            raise ConfigError(f"A condition must be named once. Got {name!r} {list(names).count(name)} times.")
    return tuple(row for row in DEGRADATIONS if not names or row.name in names or row.condition in names)

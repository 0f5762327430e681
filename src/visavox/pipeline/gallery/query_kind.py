"""Is a file a voice or a face? Its content says so, not its name; a video is both, and is asked about.

Example:
    query_kind(Path("voice.wav"))       # "voice"
"""

from __future__ import annotations

from pathlib import Path

from visavox.corpus.items import Modality
from visavox.errors import ConfigError, MediaError
from visavox.media.audio import voice_blocks
from visavox.media.files import check_file
from visavox.media.images import read_image
from visavox.media.video import is_video

NO_PICTURE = {"unreadable_image"}


def query_kind(path: Path) -> Modality:
    """Return what a file is.

    Raises:
        ConfigError: a video.
        MediaError: neither a picture nor a sound, or it cannot be read; `status` says which.
    """
    if is_video(path):
        raise ConfigError(
            f"{path} is a video, which has a face and a voice. Say which is meant with --query-modality face or voice."
        )
    check_file(path, "query")
    try:
        read_image(path)
        return "face"
    except MediaError as error:
        if error.status == "image_too_large":
            return "face"  # the reader will say so again
        if error.status not in NO_PICTURE:
            raise
    try:
        next(voice_blocks(path), None)
        return "voice"
    except MediaError as error:
        if error.status in ("empty_audio", "past_the_end"):
            return "voice"
        raise MediaError(
            f"{path}: a query must be a sound or a picture. Its content is neither that can be read. Convert it to WAV "
            "or JPEG.",
            status="unreadable_query",
        ) from error

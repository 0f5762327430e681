"""What YouTube and other sites say becomes a status: the texts are theirs and yt-dlp's, as users reported them."""

from __future__ import annotations

import pytest
import yt_dlp.utils
from yt_dlp.networking.exceptions import HTTPError, TransportError

from visavox.corpus.statuses import STATUSES
from visavox.media.fetching.site_errors import PATTERNS, REMEDY, site_failure, site_words, status_of_message
from visavox.media.fetching.web_errors import PassingError, UnreachedError

MESSAGES = {
    "private": [
        "Private video. Sign in if you've been granted access to this video. Use --cookies-from-browser",
        "This video is private",
        "Video unavailable. This video is private",
        "Join this channel to get access to members-only content like this video, and other exclusive perks.",
        "This video is available to this channel's members on level: Fans (or any higher level).",
        "This video is only available for registered users",
        "This video requires payment to watch.",
        "This video is only available to Music Premium members",
        "This video is only available for subscribers",
        "You need to log in to access this content",
        "Unable to download webpage: HTTP Error 403: Forbidden (caused by <HTTPError 403: Forbidden>)",
        "This video is protected by a password, use the --video-password option",
    ],
    "removed": [
        "Video unavailable",
        "Video unavailable. This video has been removed by the uploader",
        "This video has been removed by the uploader",
        "Video unavailable. This video is no longer available because the YouTube account associated with this video "
        "has been terminated.",
        "This video has been removed for violating YouTube's Terms of Service",
        "This video has been removed for violating YouTube's policy on nudity or sexual content.",
        "Video unavailable. This video is no longer available due to a copyright claim by Someone",
        "This video is no longer available because the uploader has closed their YouTube account.",
        "Video unavailable. This video is not available",
        "This video isn't available anymore",
        "This video does not exist.",
        "Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404: Not Found>)",
        "Unable to download webpage: HTTP Error 410: Gone",
    ],
    "region": [
        "The uploader has not made this video available in your country",
        "Video unavailable. The uploader has not made this video available in your country",
        "Video unavailable. This video contains content from WMG, who has blocked it in your country on copyright "
        "grounds",
        "This video is not available in your country",
        "This video is not available from your location due to geo restriction",
        "This video is either unavailable in your region or is DRM protected",
        "Unable to download webpage: HTTP Error 451: Unavailable For Legal Reasons",
    ],
    "age": [
        "Sign in to confirm your age. This video may be inappropriate for some users. Use --cookies-from-browser",
        "Sign in to confirm your age",
        "This video is age-restricted and only available on YouTube",
        "This video is only available for age verified users or after 22:00",
    ],
    "not_a_video": [
        "This live event will begin in 3 hours.",
        "Premieres in 2 days",
        "This live stream recording is not available.",
        "The channel is not currently live",
        "This video is DRM protected",
        "No video formats found!",
        "This article does not have a video.",
    ],
    "unsupported_address": [
        "Unsupported URL: https://example.org/",
        "Incomplete YouTube ID abc. URL https://www.youtube.com/watch?v=abc looks truncated.",
        "'abc' is not a valid URL. Set --default-search",
    ],
    "network": [
        "Sign in to confirm you’re not a bot. Use --cookies-from-browser or --cookies for the authentication.",
        "Sign in to confirm you're not a bot. This helps protect our community. Learn more",
        "This content isn't available, try again later. The current session has been rate-limited by YouTube for up "
        "to an hour.",
        "Video unavailable. This content isn’t available, try again later",
        "Unable to download API page: HTTP Error 429: Too Many Requests",
        "Unable to download webpage: <urlopen error [Errno -3] Temporary failure in name resolution>",
        "Unable to download webpage: HTTPSConnection(host='www.youtube.com', port=443): Failed to resolve",
        "Unable to download API page: The read operation timed out",
        "Unable to download webpage: ('Connection aborted.', RemoteDisconnected('Remote end closed'))",
        "Unable to download webpage: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
        "Unable to download webpage: HTTP Error 503: Service Unavailable",
        "Failed to extract any player response",
    ],
}
TEXTS = [(status, text) for status, texts in MESSAGES.items() for text in texts]


def raised(error: yt_dlp.utils.ExtractorError) -> yt_dlp.utils.DownloadError:
    """Return the error as `YoutubeDL` raises it."""
    return yt_dlp.utils.DownloadError(f"ERROR: {error}", (type(error), error, None))


@pytest.mark.parametrize(("status", "text"), TEXTS)
def test_every_text_has_its_status(status: str, text: str) -> None:
    error = yt_dlp.utils.ExtractorError(text, expected=True, video_id="-abcdefghij", ie="youtube")
    assert status_of_message(str(error)) == status
    failure = site_failure(raised(error), "youtube:-abcdefghij")
    assert failure.status == status
    assert str(failure).startswith("youtube:-abcdefghij: ")
    assert str(failure).isprintable()
    assert "ERROR" not in str(failure)
    assert "[youtube]" not in str(failure)


def test_only_failures_of_the_connection_are_tried_again_in_this_run() -> None:
    for status, text in TEXTS:
        failure = site_failure(yt_dlp.utils.DownloadError(text), "v")
        turned_away = any(word in text.lower() for word in ("not a bot", "try again later", "429", "not a bot"))
        assert isinstance(failure, PassingError) == (status == "network" and not turned_away), text


@pytest.mark.parametrize(
    ("words", "is_reached"),
    [
        ("Failed to resolve 'www.youtube.com' ([Errno -2] Name or service not known)", False),
        ("<urlopen error [Errno 101] Network is unreachable>", False),
        ("[Errno 111] Connection refused", False),
        ("Connection reset by peer", True),
        ("The read operation timed out", True),
        ("HTTP Error 503: Service Unavailable", True),
    ],
)
def test_a_site_that_is_not_there_differs_from_one_that_breaks_off(words: str, is_reached: bool) -> None:
    failure = site_failure(yt_dlp.utils.DownloadError(f"ERROR: [youtube] abc: {words}"), "v")
    assert isinstance(failure, PassingError)
    assert isinstance(failure, UnreachedError) != is_reached


def test_every_status_is_known_and_permanent_ones_have_a_remedy() -> None:
    for status in {status for status, _ in PATTERNS}:
        assert status in STATUSES
        assert STATUSES[status].is_transient == (status not in REMEDY)


def test_the_class_of_an_error_counts_where_its_words_say_nothing() -> None:
    region = yt_dlp.utils.GeoRestrictedError("Nope")
    assert site_failure(raised(region), "v").status == "region"
    lost = yt_dlp.utils.ExtractorError("Nope", cause=TransportError("x"))
    assert isinstance(site_failure(raised(lost), "v"), PassingError)


@pytest.mark.parametrize(("code", "status"), [(403, "private"), (410, "removed"), (451, "region"), (418, "network")])
def test_a_code_counts_where_the_words_say_nothing(code: int, status: str) -> None:
    class Response:
        reason = "x"

        def __init__(self) -> None:
            self.status = code

    failed = yt_dlp.utils.ExtractorError("Nope", cause=HTTPError(Response()))
    # Without the words that it adds itself.
    failed.args = ("Nope",)
    error = yt_dlp.utils.DownloadError("ERROR: Nope", (type(failed), failed, None))
    assert site_failure(error, "v").status == status


def test_a_page_that_yt_dlp_cannot_read_is_kept_for_a_newer_one() -> None:
    for error in (yt_dlp.utils.ExtractorError("Unable to extract yt initial data"), KeyError("videoDetails")):
        failure = site_failure(error, "v")
        assert failure.status == "network"
        assert not isinstance(failure, PassingError)
        assert "pip install --upgrade yt-dlp" in str(failure)


def test_what_yt_dlp_adds_is_left_out() -> None:
    error = yt_dlp.utils.ExtractorError("Strange", video_id="-abcdefghij", ie="youtube")
    assert "report" in str(error)
    assert site_words(f"ERROR: {error}") == "Strange"
    assert site_words("\x1b[0;31mERROR:\x1b[0m two\nlines") == "two lines"
    assert site_words("") == "no reason given"
    assert len(site_words("x" * 10_000)) == 300

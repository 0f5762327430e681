"""What yt-dlp's errors mean: its messages, and those of the sites that it passes on, as statuses of a clip.

Example:
    >>> status_of_message("ERROR: [youtube] aaaaaaaaaaa: Private video. Sign in if you've been granted access")
    'private'
    >>> status_of_message("This live event will begin in 2 hours.") is None
    False
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from visavox.errors import MediaError, one_line
from visavox.media.fetching.web_errors import STATUS_OF_CODE, PassingError, UnreachedError

MAX_WORDS = 300  # characters of a site's message

PATTERNS: tuple[tuple[str, str], ...] = (
    # What asks us to prove that we are no machine, or to wait, comes first: it mentions signing in as well.
    ("network", r"not a bot|captcha|rate.?limit|try again later|too many requests|http error 429|your ip address"),
    ("age", r"confirm your age|verify your age|age.?restricted|inappropriate for some users|age.?verifi"),
    (
        "region",
        r"(in|from) (your|this) (current )?(country|region|location)|geo.?restrict|geo.?block|http error 451"
        r"|in certain (countries|regions)",
    ),
    (
        "private",
        r"\bprivate\b|granted access|members.only|for (premium )?members|to this channel's members|join this channel"
        r"|regist|subscri|purchase|payment|\brent|\bpaid\b|premium|log.?in|logged.?in|sign in|not authorized"
        r"|only available for|password|do(es)? not have access|--cookies|http error 40[123]\b",
    ),
    (
        "not_a_video",
        r"live event|premieres? (in|will)|offline|not currently live|\bdrm\b|no video\b|no formats|not a video"
        r"|(not|n't) (have|contain) (a|any) video|(live ?stream|live) has ended|recording is not available|no media",
    ),
    (
        "network",
        r"timed? ?out|connection|temporary failure|name resolution|getaddrinfo|name or service|failed to resolve"
        r"|certificate|\bssl|bytes read|remote end closed|http error 5\d\d|http error 40[58]|network|proxy"
        r"|failed to extract any player|unable to connect|urlopen error|incompleteread|service unavailable",
    ),
    (
        "removed",
        r"unavailable|no longer available|not available|isn't available|removed|terminated|closed|deleted|expired"
        r"|does ?n.t exist|not exist|copyright|not found|http error (404|410)|taken down|violat",
    ),
    ("unsupported_address", r"unsupported url|not a valid url|invalid url|truncated|incomplete .* id|no suitable"),
)
"""Statuses and what speaks for them, in lower case; the first that fits counts."""
UNREACHED = (
    r"failed to resolve|name resolution|name or service|getaddrinfo|nodename nor servname|network is unreachable"
    r"|no route to host|connection refused|actively refused"
)
"""What speaks for a host that was not reached at all."""
REMEDY = {
    "private": "Give --cookies of an account that may see it.",
    "age": "Give --cookies of an account of age.",
    "removed": "Drop the row.",
    "region": "Drop the row, or fetch it where it is shown.",
    "not_a_video": "Drop the row.",
    "unsupported_address": "Correct the list.",
}


def status_of_message(message: str) -> str | None:
    """Return the status that a message of yt-dlp speaks for; None where it says nothing known."""
    words = message.lower().replace("’", "'")
    return next((status for status, pattern in PATTERNS if re.search(pattern, words)), None)


def site_failure(error: BaseException, shown: str) -> MediaError:
    """Return the error of a clip for an error of yt-dlp.

    Args:
        error: usually a `yt_dlp.utils.DownloadError`.
        shown: the address, for the message.

    Returns:
        A `PassingError` where a connection failed; status `network` without another try in this run where the site
        takes us for a machine, and where yt-dlp could not read its page, since a newer yt-dlp may.
    """
    causes = list(_causes(error))
    words = site_words(str(error))
    code = next((c.status for c in causes if isinstance(getattr(c, "status", None), int)), None)
    status = status_of_message(words)
    if any(type(c).__name__ == "GeoRestrictedError" for c in causes):
        status = "region"
    if status is None and isinstance(code, int):
        status = STATUS_OF_CODE.get(code, "network")
    if status is None and any(type(c).__name__ in ("TransportError", "SSLError", "ProxyError") for c in causes):
        status = "network"
    if status == "network" and not re.search(PATTERNS[0][1], words.lower().replace("’", "'")):
        kind = UnreachedError if re.search(UNREACHED, words.lower()) else PassingError
        return kind(f"{shown}: the site was not reached ({words}). Run prepare again.")
    if status == "network":
        return MediaError(
            f"{shown}: the site turned us away ({words}). Wait, fetch fewer a minute (--requests-per-minute) or give "
            "--cookies, and run prepare again.",
            status="network",
        )
    if status is None:
        return MediaError(
            f"{shown}: yt-dlp could not read the page ({words}). Update it (pip install --upgrade yt-dlp) and run "
            "prepare again.",
            status="network",
        )
    return MediaError(f"{shown}: {words}. {REMEDY[status]}", status=status)


def site_words(message: str) -> str:
    """Return what a message says, without what yt-dlp adds: colours, its own advice, a request for a bug report.

    Example:
        >>> site_words("ERROR: [youtube] abc: Video unavailable; please report this issue on  https://... Confirm")
        'Video unavailable'
    """
    words = re.sub(r"\x1b\[[0-9;]*m", "", message)
    words = re.sub(r"^\s*ERROR:\s*", "", words)
    words = re.sub(r"^\[[\w:+.-]+\]\s*(\S+:\s+)?", "", words)
    words = re.sub(r" \(caused by .*", "", words)
    words = re.split(r"; please report this issue on|\. Use --cookies|\. See {2}https?://", words)[0]
    words = one_line(" ".join(words.split())).rstrip(". ")
    return words[:MAX_WORDS] or "no reason given"


def _causes(error: BaseException) -> Iterator[Any]:
    """Yield an error and all that it names as its cause, each once."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        info = getattr(one, "exc_info", None) or (None, None, None)
        waiting += [info[1], getattr(one, "cause", None), one.__cause__]

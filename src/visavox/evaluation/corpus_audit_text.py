"""The audit of a corpus in words: a headline, and a page of Markdown to read in a terminal or keep with the data.

The same findings with pictures are `visavox.evaluation.corpus_audit_page`, which takes its words from here.

Example:
    >>> from visavox.corpus.alike_pairs import AlikePairs
    >>> empty = CorpusAudit("c", 2, 0, 4, 4, 4, AlikePairs((), {"same_face": 0}, {}, 0), (), (), (), (), None)
    >>> headline(empty)
    'Nobody and nothing was found under two names.'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from visavox.corpus.alike_pairs import MIN_MEAN_COSINE, AlikePair
from visavox.corpus.audit import AuditThresholds
from visavox.corpus.corpus_audit import VERDICTS, Acquaintance, CorpusAudit, ListFinding
from visavox.errors import one_line

MAX_LINES = 50  # of a kind; audit.json holds all
KIND_WORDS = {
    "same_face": "identical face files",
    "same_voice": "identical voice files",
    "near_face_hash": "pictures that are nearly the same",
    "near_face": "faces that look alike",
    "near_voice": "voices that sound alike",
    "near_both": "faces and voices that are both rather alike",
}
SPELLING_REMEDY = "Give them one spelling, or a split takes them for two people."
VIDEO_REMEDY = "Two people may talk in one video; look whether each face goes with the right voice."
LIST_REMEDY = (
    "Leave these out of what you train on if it is a test list, or out of what you test on if it is a training list."
)
MET_REMEDY = "Do not test on people whom a model learned from: it knows them better than strangers."


def headline(found: CorpusAudit) -> str:
    """Return the outcome in a sentence, with its full stop."""
    parts = []
    if found.n_certain:
        parts.append(counted(found.n_certain, "certain finding"))
    if found.n_to_look_at:
        parts.append(f"{counted(found.n_to_look_at, 'finding')} to look at")
    if found.n_shared:
        entries = "entry" if found.n_shared == 1 else "entries"
        parts.append(f"{found.n_shared:,} {entries} shared with the given lists")
    return f"{', '.join(parts)}." if parts else "Nobody and nothing was found under two names."


def counted(number: int, thing: str) -> str:
    """Return "1 pair", "2 pairs", "1,000 pairs".

    Example:
        >>> counted(1, "pair"), counted(1200, "pair")
        ('1 pair', '1,200 pairs')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def size_words(found: CorpusAudit) -> str:
    """Return what was looked at: "31 people, 186 clips with 186 faces and 186 voices"."""
    people = f"{found.n_people:,} people" if found.n_people != 1 else "1 person"
    named = [people] if found.n_people else []
    named += [counted(found.n_videos, "video")] if found.n_videos else []
    media = f"{counted(found.n_faces, 'face')} and {counted(found.n_voices, 'voice')}"
    return ", ".join([*named, f"{counted(found.n_clips, 'clip')} with {media}"])


def looked_for(found: CorpusAudit) -> list[tuple[str, str]]:
    """Return what was looked for among all pairs, and how many there were, as rows of two texts."""
    limits = found.thresholds
    bounds = {
        "near_face_hash": f", {limits.max_hash_distance} bits of 64 apart at most",
        "near_face": f", cosine {limits.min_face_cosine:g} or more",
        "near_voice": f", cosine {limits.min_voice_cosine:g} or more",
        "near_both": f", mean cosine {MIN_MEAN_COSINE:g} or more",
    }
    rows = []
    for kind, count in found.alike.counts.items():
        said = counted(count, "pair")
        if kind == "near_face_hash" and found.alike.n_dismissed:
            said += f", {found.alike.n_dismissed:,} of them two people by their face embeddings"
        rows.append((f"{KIND_WORDS[kind]}{bounds.get(kind, '')}", said))
    rows.append(("one name in several spellings", counted(len(found.spellings), "name")))
    if found.n_videos:
        rows.append(("videos listed under several people", counted(len(found.shared_videos), "video")))
    return rows


def pair_words(pair: AlikePair, limits: AuditThresholds) -> list[tuple[str, bool]]:
    """Return what a pair has in common, and of each whether it is what made the pair suspicious."""
    said = [(f"{kind} file identical", True) for kind in pair.same_bytes]
    both = pair.verdict in ("one_recording", "alike_both")
    if pair.hash_distance is not None and "face" not in pair.same_bytes:
        close = pair.hash_distance <= limits.max_hash_distance
        said.append((f"pictures {counted(pair.hash_distance, 'bit')} of 64 apart", close))
    if pair.face_cosine is not None and "face" not in pair.same_bytes:
        said.append((f"faces {pair.face_cosine:.2f}", both or pair.face_cosine >= limits.min_face_cosine))
    if pair.voice_cosine is not None and "voice" not in pair.same_bytes:
        said.append((f"voices {pair.voice_cosine:.2f}", both or pair.voice_cosine >= limits.min_voice_cosine))
    return said


def owner_words(person: str | None, video: str | None) -> str:
    """Return whose clip it is said to be: the person, else the video."""
    if person:
        return f"{person}, video {video}" if video else person
    return f"video {video}" if video else "nobody named"


def list_words(finding: ListFinding) -> str:
    """Return what is shared with a list, in a sentence without its full stop."""
    shared = finding.shared
    found = [
        counted(len(names), thing)
        for names, thing in ((shared.people, "name"), (shared.videos, "video"), (shared.digests, "identical file"))
        if names
    ]
    size = [f"{finding.n_people:,} people"] if finding.n_people else []
    size += [counted(finding.n_videos, "video")] if finding.n_videos else []
    return f"{', '.join(found) or 'nothing'} shared, of {' and '.join(size) or 'an empty list'}"


def met_words(row: Acquaintance) -> str:
    """Return what a model has met, in a sentence without its full stop."""
    met = f"has met {len(row.met):,} of them" if row.met else "has met nobody here, as far as is known"
    return f"{met} ({row.how})" if row.how else met


def corpus_audit_text(found: CorpusAudit) -> str:
    """Return the audit as Markdown; names of the corpus are quoted as they are, on one line each."""
    lines = [f"# Audit of {_plain(found.corpus)}", "", headline(found), "", f"Looked at {size_words(found)}.", ""]
    lines += ["| looked for | found |", "|---|---|"]
    lines += [f"| {what} | {count} |" for what, count in looked_for(found)]
    for verdict, about in VERDICTS.items():
        pairs = [pair for pair in found.alike.pairs if pair.verdict == verdict]
        if pairs:
            lines += ["", f"## {about.title}: {counted(len(pairs), 'pair')}", "", f"{about.meaning} {about.remedy}", ""]
            lines += _some([_pair_line(pair, found) for pair in pairs])
    if found.spellings:
        lines += ["", "## One name in several spellings", "", SPELLING_REMEDY, ""]
        lines += _some([f"- {', '.join(map(_plain, names))}" for names in found.spellings])
    if found.shared_videos:
        lines += ["", "## Videos listed under several people", "", VIDEO_REMEDY, ""]
        lines += _some([f"- {_plain(v.video)}: {', '.join(map(_plain, v.people))}" for v in found.shared_videos])
    if found.lists:
        lines += ["", "## Shared with given lists", "", LIST_REMEDY, ""]
        for finding in found.lists:
            lines += [f"- {_plain(finding.name)}: {list_words(finding)}{_names(finding)}"]
    lines += ["", "## What the models have met", "", MET_REMEDY, ""]
    lines += [f"- {row.model}, trained on {row.trained_on}: {met_words(row)}" for row in found.acquaintances]
    if found.sides is not None:
        lines += ["", "## Two sides of the split", "", f"{found.sides.summary()}."]
    if found.not_checked:
        lines += ["", "## Not checked", ""]
        lines += [f"- {_plain(what)}: {_plain(why)}" for what, why in found.not_checked.items()]
    return "\n".join([*lines, ""])


def _pair_line(pair: AlikePair, found: CorpusAudit) -> str:
    owners = [owner_words(pair.person_a, pair.video_a), owner_words(pair.person_b, pair.video_b)]
    said = ", ".join(words for words, _ in pair_words(pair, found.thresholds))
    return f"- {_plain(pair.a)} ({_plain(owners[0])}) and {_plain(pair.b)} ({_plain(owners[1])}): {said}"


def _names(finding: ListFinding) -> str:
    names = [match.name for match in (*finding.shared.people, *finding.shared.videos)]
    if not names:
        return ""
    more = f" and {len(names) - MAX_LINES:,} more" if len(names) > MAX_LINES else ""
    return f": {', '.join(_plain(name) for name in names[:MAX_LINES])}{more}"


def _some(lines: Sequence[str]) -> Iterable[str]:
    more = [f"- and {len(lines) - MAX_LINES:,} more, in audit.json"] if len(lines) > MAX_LINES else []
    return [*lines[:MAX_LINES], *more]


def _plain(text: str) -> str:
    """Return a name on one line, without what Markdown would take for a mark."""
    return one_line(text).replace("|", "\\|").replace("`", "'")

"""Trial lists on disk: one CSV file a list and a `manifest.json` that says how they were made.

The tables have a header and nothing else, so that any tool reads them:

    matching      probe,positive,negative_1,...      one trial a line
    verification  probe,candidate,label              label 1: one person
    retrieval     role,clip                          role "probe" or "gallery"

Reading checks each line against the clips at hand, so that a list made elsewhere is either right or refused.

Example:
    >>> import tempfile
    >>> from visavox.corpus.trial_drawing import draw_trials
    >>> links, folder = [ClipLink(f"c{i}", identity=f"p{i}") for i in range(4)], tempfile.mkdtemp()
    >>> trials = draw_trials(links, links, seed=0, n_candidates=[2])
    >>> write_trials(folder, trials, catalog_hash="00")
    >>> read_trials(folder, links, links, catalog_hash="00").lists == trials.lists
    True
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.items import ClipLink
from visavox.corpus.trial_rules import RETRIEVAL_HEADER, VERIFICATION_HEADER, TrialRules
from visavox.corpus.trial_strata import group_attributes
from visavox.corpus.trial_usage import usage_of
from visavox.corpus.trials import (
    DIRECTIONS,
    Direction,
    Group,
    MatchingTrials,
    RetrievalTrials,
    Trials,
    TrialSet,
    VerificationTrials,
)
from visavox.errors import ConfigError, DataError

FORMAT = "visavox-trials-1"
MANIFEST = "manifest.json"

Name = TypeVar("Name", bound=str)


def write_trials(
    folder: str | Path,
    trials: TrialSet,
    *,
    catalog_hash: str,
    drawn: Mapping[str, Any] | None = None,
    person_of: Mapping[str, str] | None = None,
) -> None:
    """Write one CSV file for each list, and last the manifest with counts and the SHA-256 of each file.

    Args:
        folder: created when missing; lists of an earlier manifest that are no more are deleted.
        trials: what to write.
        catalog_hash: hash of the corpus, to be compared when the lists are read.
        drawn: what else the manifest is to say of how they were drawn.
        person_of: from clip to person, so that the manifest says how evenly people are used, and not clips alone.

    Raises:
        DataError: the folder cannot be written.
    """
    folder = Path(folder)
    described: dict[str, Any] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, one in trials.lists.items():
            content = _csv_bytes(one)
            with atomic_file(folder / f"{name}.csv", what="trials") as temporary:
                temporary.write_bytes(content)
            described[name] = {
                "file": f"{name}.csv",
                "direction": one.direction,
                "group": one.group,
                "n_trials": len(one.probes),
                "n_skipped_probes": one.n_skipped_probes,
                "sha256": hashlib.sha256(content).hexdigest(),
                "usage": usage_of(one, person_of),
            }
        # Without this a list of another seed could stay behind and be taken for one of these.
        for stale in listed_files(folder) - {entry["file"] for entry in described.values()}:
            (folder / stale).unlink(missing_ok=True)
        manifest = {
            "format": FORMAT,
            "seed": trials.seed,
            "catalog_hash": catalog_hash,
            "lists": described,
            "skipped": dict(trials.skipped),
            **({"drawn": dict(drawn)} if drawn else {}),
        }
        with atomic_file(folder / MANIFEST, what="manifest") as temporary:
            temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    except OSError as e:
        raise DataError(f"Cannot write the trials to {folder}: {e}. Free space or choose another folder.") from e


def read_trials(
    folder: str | Path,
    voices: Iterable[ClipLink],
    faces: Iterable[ClipLink],
    *,
    catalog_hash: str | None = None,
) -> TrialSet:
    """Read what `write_trials` wrote and check it against the clips at hand.

    Args:
        folder: holds `manifest.json`.
        voices: links of the voices at hand.
        faces: links of the faces at hand.
        catalog_hash: hash of the corpus at hand; None skips the comparison.

    Raises:
        DataError: no manifest, a file that is missing or was changed, another corpus, or a line that names a clip
            that is not there or breaks a rule.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(f"There are no trials in {folder}: it has no {MANIFEST}. Run `visavox split` first.")
    sides = {"voice": list(voices), "face": list(faces)}
    lists: dict[str, Trials] = {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise ValueError(f"its format is {manifest['format']!r}, and {FORMAT!r} is needed")
        if catalog_hash is not None and manifest["catalog_hash"] != catalog_hash:
            raise DataError(
                f"{path} was made for another corpus: its catalog hash is {manifest['catalog_hash'][:12] or 'empty'}, "
                f"the catalog's is {catalog_hash[:12]}. Run `visavox split` again, or name the right corpus."
            )
        for name, entry in manifest["lists"].items():
            file = folder / Path(entry["file"]).name
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != entry["sha256"]:
                raise DataError(
                    f"{file} is missing or was changed since {MANIFEST} was written. Run `visavox split` again."
                )
            direction = _one_of(DIRECTIONS, entry["direction"])
            probes, others = ("voice", "face") if direction == "voice_to_face" else ("face", "voice")
            lists[name] = read_list(
                file,
                sides[probes],
                sides[others],
                direction=direction,
                group=_known_group(entry["group"]),
                n_skipped_probes=int(entry["n_skipped_probes"]),
            )
        return TrialSet(int(manifest["seed"]), lists, dict(manifest["skipped"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise DataError(f"{path} is no manifest of trials ({e!r}). Run `visavox split` again.") from e


def read_list(
    path: str | Path,
    probes: Iterable[ClipLink],
    candidates: Iterable[ClipLink],
    *,
    direction: Direction,
    group: Group = "all",
    n_skipped_probes: int = 0,
) -> Trials:
    """Read one list; its header says of which kind it is.

    Args:
        path: the CSV file.
        probes: links of the clips that may be probes.
        candidates: links of the clips that may be candidates.
        direction: the probe's modality first.
        group: what to note as the group; with "same_gender" the genders are checked, and so on.
        n_skipped_probes: what to note as such.

    Raises:
        ConfigError: matching trials of one candidate only.
        DataError: no such file, an unknown header, or a line that is wrong; the message names the line.
    """
    path = Path(path)
    lines = _lines(path)
    _, header = next(lines, (1, []))
    checked = TrialRules(path, {link.clip: link for link in probes}, {link.clip: link for link in candidates}, group)
    if header == VERIFICATION_HEADER:
        pairs = [checked.pair(line, cells) for line, cells in lines]
        first, second, labels = zip(*pairs, strict=True) if pairs else ((), (), ())
        return VerificationTrials(direction, group, first, second, labels, n_skipped_probes)
    if header == RETRIEVAL_HEADER:
        roles = [checked.role(line, cells) for line, cells in lines]
        wanted = tuple(clip for role, clip in roles if role == "probe")
        gallery = tuple(clip for role, clip in roles if role == "gallery")
        return RetrievalTrials(direction, wanted, gallery, n_skipped_probes=n_skipped_probes)
    n_candidates = len(header) - 1
    if header != _matching_header(n_candidates):
        raise DataError(
            f"{path} has the header {','.join(header) or '(nothing)'}, which is of no trial list. Use "
            "'probe,positive,negative_1,...', 'probe,candidate,label' or 'role,clip'."
        )
    if n_candidates < 2:
        raise ConfigError(
            f"`n_candidates` must be at least 2. Got {n_candidates} in {path}. Add a column negative_1 to each trial."
        )
    rows = [checked.trial(line, cells, n_candidates) for line, cells in lines]
    return MatchingTrials(
        direction, group, tuple(row[0] for row in rows), tuple(row[1:] for row in rows), n_skipped_probes
    )


def _matching_header(n_candidates: int) -> list[str]:
    return ["probe", "positive", *(f"negative_{i}" for i in range(1, n_candidates))]


def _csv_bytes(trials: Trials) -> bytes:
    rows: Iterable[Sequence[object]]
    if isinstance(trials, MatchingTrials):
        header = _matching_header(trials.n_candidates)
        rows = [(probe, *row) for probe, row in zip(trials.probes, trials.candidates, strict=True)]
    elif isinstance(trials, VerificationTrials):
        header = VERIFICATION_HEADER
        rows = list(zip(trials.probes, trials.candidates, map(int, trials.labels), strict=True))
    else:
        header = RETRIEVAL_HEADER
        rows = [*(("probe", clip) for clip in trials.probes), *(("gallery", clip) for clip in trials.gallery)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Iterate over (number of the first line, cells), blank lines skipped.

    Raises:
        DataError: no such file, not UTF-8, or no CSV.
    """
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise DataError(f"{path} line {line} cannot be read ({e}). Give a UTF-8 CSV file.") from e


def listed_files(folder: Path) -> set[str]:
    """Return the files that the manifest of the folder lists; none if there is no readable manifest."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = [*(entry["file"] for entry in manifest["lists"].values()), *manifest.get("files", {})]
        return {Path(file).name for file in files}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _known_group(text: str) -> Group:
    try:
        group_attributes(text)
    except ConfigError as e:
        raise ValueError(str(e)) from e
    return text


def _one_of(known: tuple[Name, ...], text: str) -> Name:
    for name in known:
        if name == text:
            return name
    raise ValueError(f"{text!r} is not one of {', '.join(known)}")

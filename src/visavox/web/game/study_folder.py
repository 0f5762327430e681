"""The folder of a study: its plan, the links of its participants, the text they agree to, and their answers.

    study/  plan.json       who hears what, and by which pool
            links.csv       number of each participant and the secret end of the link: give each to one person
            consent.md      the text of the first page, to be edited before anybody is let in
            turns.sqlite    answers (`visavox.web.game.turn_log`)

Example:
    made = make_study(GameStudyConfig(pool=Path("pool"), out=Path("study"), participants=20, trials=40))
    study = Study.load(Path("study"), pool)
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from visavox.corpus.atomic_file import atomic_file
from visavox.errors import ConfigError, DataError
from visavox.game_config import GameStudyConfig
from visavox.pipeline.gallery.telling import counted
from visavox.pipeline.game_pool_folder import GamePool
from visavox.pipeline.study_plan import PlannedTurn, plan_study
from visavox.web.game.consent import UNEDITED, Block, consent_template, read_consent
from visavox.web.game.turn_log import TurnLog

logger = logging.getLogger(__name__)

FORMAT = "visavox-study-1"
PLAN, LINKS, CONSENT, TURNS = "plan.json", "links.csv", "consent.md", "turns.sqlite"
COLUMNS = ("participant", "link")
TOKEN_BYTES = 18  # of a link: 144 bits, which nobody guesses
MAKE = "Make one with: visavox game study POOL --out"

Plan = tuple[tuple[PlannedTurn, ...], ...]


@dataclass(frozen=True)
class StudyOutcome:
    """What `game study` made."""

    study: Path
    """Folder of the study."""
    pool: Path
    """Whom it shows."""
    participants: int
    """Links."""
    turns: int
    """Turns of each participant, attention checks aside."""
    attention: int
    """Attention checks of each participant."""
    pairs: int
    """Different pairs of a voice and a face beside its own."""
    shown: tuple[int, int]
    """Least and most often that a pair is shown."""
    same_gender: float | None
    """Share of turns whose faces are of one gender; None where genders are not known."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        least, most = self.shown
        often = counted(least, "time") if least == most else f"{least} or {most} times"
        lines = [
            f"{self.study}: {counted(self.participants, 'participant')}, {counted(self.turns, 'turn')} and "
            f"{counted(self.attention, 'attention check')} each",
            f"{counted(self.pairs, 'pair')}, each shown {often}",
        ]
        if self.same_gender is not None:
            lines.append(f"{100 * self.same_gender:.0f} % of the turns show two faces of one gender")
        lines += [
            f"Edit {self.study / CONSENT}, which participants agree to. Their links are in {self.study / LINKS}: put "
            "the address of your server before each.",
            f"Let them in with: visavox game play --pool {self.pool} --study {self.study}",
        ]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Study:
    """A study that participants may take part in."""

    plan: Plan
    """Turns of each participant, number 1 first."""
    numbers: Mapping[str, int]
    """Secret end of a link -> number of the participant, from 1."""
    title: str
    """Heading of the consent page."""
    consent: tuple[Block, ...]
    """What is below it."""
    digest: str
    """Of the plan: sessions of another plan in the same log are not ours."""
    log: TurnLog
    """Where answers go."""

    @classmethod
    def load(cls, folder: Path, pool: GamePool) -> Self:
        """Read a study, and check that it is of this pool.

        Raises:
            DataError: there is no study, it is damaged, or it was planned for another pool.
        """
        try:
            text = (folder / PLAN).read_text(encoding="utf-8")
            about = json.loads(text)
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']!r}, not {FORMAT!r}")
            plan = tuple(tuple(PlannedTurn(**turn) for turn in turns) for turns in about["plan"])
            if about["pool"] != pool_digest(pool):
                raise DataError(
                    f"The study {folder} was planned for another pool than {pool.folder}. Give its pool with --pool."
                )
            numbers = _read_links(folder / LINKS, len(plan))
            words = (folder / CONSENT).read_text(encoding="utf-8-sig")
            title, consent = read_consent(words)
            if UNEDITED in words:
                logger.warning("%s still says %r: participants will read it. Edit it.", folder / CONSENT, UNEDITED)
        except FileNotFoundError as error:
            raise DataError(f"{folder} is no study: {Path(error.filename).name} is missing. {MAKE}") from error
        except NotADirectoryError as error:
            raise DataError(f"{folder} is no folder of a study. {MAKE}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"The study {folder} is damaged ({error}). Plan it again.") from error
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return cls(plan, numbers, title, consent, digest, TurnLog.open(folder / TURNS))


def make_study(config: GameStudyConfig) -> StudyOutcome:
    """Plan a study and write its folder.

    Raises:
        ConfigError: sizes that have no balanced plan, or the folder holds a study.
        DataError: the pool cannot be used, the folder holds answers, or cannot be written.
    """
    pool = GamePool.load(config.pool)
    _make_room(config)
    plan = plan_study(
        pool.genders,
        participants=config.participants,
        trials=config.trials,
        same_gender=config.same_gender,
        attention=config.attention,
        seed=config.seed,
    )
    about = {
        "format": FORMAT,
        "pool": pool_digest(pool),
        "model": pool.model,
        "participants": config.participants,
        "trials": config.trials,
        "same_gender": config.same_gender,
        "attention": config.attention,
        "seed": config.seed,
        "plan": [[asdict(turn) for turn in turns] for turns in plan],
    }
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((number + 1, f"/study/{secrets.token_urlsafe(TOKEN_BYTES)}") for number in range(len(plan)))
    texts = {
        CONSENT: consent_template(config.title, n_turns=config.trials + config.attention),
        LINKS: rows.getvalue(),
        PLAN: json.dumps(about, ensure_ascii=False) + "\n",  # last: without it there is no study
    }
    for name, text in texts.items():
        with atomic_file(config.out / name, what="study") as file:
            file.write_text(text, encoding="utf-8")
            if name == LINKS:
                file.chmod(0o600)  # who can read it can answer for everybody
    TurnLog.open(config.out / TURNS).add_items(pool.genders)
    return _outcome(config, pool, plan)


def pool_digest(pool: GamePool) -> str:
    """Return a short text that differs when a pool has other people, or another model."""
    return hashlib.sha256("\n".join([pool.model, *sorted(pool.genders)]).encode()).hexdigest()[:16]


def _make_room(config: GameStudyConfig) -> None:
    if not (config.out / PLAN).exists():
        return
    if not config.overwrite:
        raise ConfigError(f"{config.out} holds a study. Choose another --out, or replace it with --overwrite.")
    turns = config.out / TURNS
    if turns.exists():
        if TurnLog.open(turns).turns(answered_only=True):
            raise DataError(f"The study {config.out} has answers already, and is not replaced. Choose another --out.")
        for left in (turns, *config.out.glob(f"{TURNS}-*")):
            left.unlink(missing_ok=True)


def _read_links(path: Path, n_participants: int) -> dict[str, int]:
    """Secret end of each link -> number of the participant."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = {row["link"].strip().rsplit("/", 1)[-1]: int(row["participant"]) for row in rows}
    if len(numbers) != len(rows) or set(numbers.values()) != set(range(1, n_participants + 1)) or "" in numbers:
        raise ValueError(f"{path.name} must hold one link for each of the {n_participants} participants")
    return numbers


def _outcome(config: GameStudyConfig, pool: GamePool, plan: Sequence[Sequence[PlannedTurn]]) -> StudyOutcome:
    turns = [turn for turns in plan for turn in turns if turn.kind == "study"]
    counts = Counter(turn.pair for turn in turns).values()
    genders: Mapping[str, Any] = pool.genders
    same = None
    if None not in genders.values():
        same = sum(genders[turn.true_item] == genders[turn.false_item] for turn in turns) / len(turns)
    shown = (min(counts), max(counts))
    return StudyOutcome(config.out, config.pool, len(plan), config.trials, config.attention, len(counts), shown, same)

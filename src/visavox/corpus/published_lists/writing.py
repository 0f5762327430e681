r"""Records to the files of their protocol: what is read back is equal to what was written.

Example:
    >>> import numpy as np
    >>> pairs = PublishedVerification(
    ...     protocol="fame", name="English_test", direction="voice_to_face", group="all", keys=("a1",), labels=None,
    ...     probes=np.array([0]), candidates=np.array([0]), probe_names=("voices/1.wav",),
    ...     candidate_names=("faces/1.jpg",), probe_people=np.array([-1]), candidate_people=np.array([-1]),
    ... )
    >>> published_texts([pairs])
    {'English_test.txt': 'a1 voices/1.wav faces/1.jpg\n'}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.published_lists import fame, pins, sss
from visavox.corpus.published_lists.identities import NAMES, identities_of, identity_texts
from visavox.corpus.published_lists.records import (
    AnyPublished,
    PublishedMatching,
    PublishedRetrieval,
    PublishedVerification,
)
from visavox.errors import ConfigError

IDENTITIES = {"sss": "vox1_test.csv", "pins": NAMES[0]}


def write_published(folder: str | Path, records: Sequence[AnyPublished]) -> tuple[Path, ...]:
    """Write the lists and the identity file that labels them; return the files.

    Raises:
        ConfigError: a list that its protocol cannot hold.
        DataError: the folder cannot be written.
    """
    folder = Path(folder)
    texts = published_texts(records)
    for name, text in texts.items():
        with atomic_file(folder / name, what="list") as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    return tuple(folder / name for name in texts)


def published_texts(records: Sequence[AnyPublished]) -> dict[str, str]:
    """Return the content of each file by its name: one a list, and the identity file where the protocol has one.

    Raises:
        ConfigError: a list that its protocol cannot hold, or lists of several protocols.
    """
    protocols = {record.protocol for record in records}
    if len(protocols) > 1:
        raise ConfigError(
            f"Lists of one protocol go into a folder. Got {', '.join(sorted(protocols))}. Write each apart."
        )
    texts: dict[str, str] = {}
    for record in records:
        texts.update(_texts_of(record))
    for protocol in protocols & IDENTITIES.keys():
        texts.update(identity_texts(identities_of(records), IDENTITIES[protocol]))
    return texts


def file_of(record: AnyPublished) -> str:
    """Return the name of the file of a list; of a search by PINs the file of its probes."""
    if isinstance(record, PublishedRetrieval) and record.protocol == "pins":
        return f"{record.name.partition('_to_')[0]}.csv"
    return (
        f"{record.name}.csv"
        if record.protocol == "pins" and isinstance(record, PublishedMatching)
        else f"{record.name}.txt"
    )


def _texts_of(record: AnyPublished) -> dict[str, str]:
    if record.protocol == "sss":
        return {file_of(record): sss.text_of(record)}
    if record.protocol == "fame":
        if not isinstance(record, PublishedVerification):
            raise ConfigError(f"FAME has lists of pairs only. Got {record.name}. Give another --format.")
        return {file_of(record): fame.text_of(record)}
    if isinstance(record, PublishedVerification):
        return {file_of(record): pins.verification_text(record)}
    if not isinstance(record, PublishedRetrieval):
        return {file_of(record): sss.text_of(record)}
    first, _, second = record.name.partition("_to_")
    sides = (
        (first, record.probe_names, record.probe_people),
        (second, record.gallery_names, record.gallery_people),
    )
    return {
        f"{name}.csv": pins.gallery_text(names, people, record.people_names, name[:3]) for name, names, people in sides
    }

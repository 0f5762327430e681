"""Records to files: what is read back equals what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from visavox.corpus.published_lists.reading import read_published
from visavox.corpus.published_lists.records import Protocol
from visavox.corpus.published_lists.writing import file_of, published_texts, write_published
from visavox.errors import ConfigError

Put = Callable[[str, str | bytes], Path]
Samples = Mapping[str, Mapping[str, str]]


@pytest.mark.parametrize("protocol", ["sss", "pins", "fame"])
def test_writing_and_reading_changes_nothing(protocol: Protocol, samples: Samples, put: Put, tmp_path: Path) -> None:
    for name, content in samples[protocol].items():
        put(f"old/{name}", content)
    records = read_published(protocol, tmp_path / "old", None)
    written = write_published(tmp_path / "new", records)
    assert {path.name for path in written} == samples[protocol].keys()
    assert read_published(protocol, tmp_path / "new", None) == records
    for record in records:
        file = file_of(record)
        if not file.startswith("veriflist"):  # the numbers of invented ids differ
            assert (tmp_path / "new" / file).read_bytes() == (tmp_path / "old" / file).read_bytes()


def test_two_protocols_do_not_go_into_one_folder(samples: Samples, put: Put, tmp_path: Path) -> None:
    for protocol in ("sss", "fame"):
        for name, content in samples[protocol].items():
            put(f"{protocol}/{name}", content)
    mixed = [*read_published("sss", tmp_path / "sss", None), *read_published("fame", tmp_path / "fame", None)]
    with pytest.raises(ConfigError, match="Lists of one protocol go into a folder. Got fame, sss. Write each apart"):
        published_texts(mixed)


def test_fame_has_pairs_only(samples: Samples, put: Put, tmp_path: Path) -> None:
    for name, content in samples["sss"].items():
        put(name, content)
    match = next(record for record in read_published("sss", tmp_path, None) if record.name.startswith("match"))
    renamed = type(match)(**{**vars(match), "protocol": "fame"})
    with pytest.raises(ConfigError, match="FAME has lists of pairs only. Got match_v2f_2_test"):
        published_texts([renamed])


def test_nothing_gives_no_file() -> None:
    assert published_texts([]) == {}

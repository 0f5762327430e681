"""A corpus with planted twins to audit.json, audit.md and audit.html."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import Attribute, MediaItem
from visavox.corpus.near_duplicates import difference_hash
from visavox.corpus_config import CorpusAuditConfig
from visavox.errors import DataError
from visavox.manage import as_json
from visavox.media.images import read_image
from visavox.pipeline.corpus_auditing import CorpusAudited, audit_corpus
from visavox.pipeline.embedding import CorpusEmbeddings


def audit(corpus: Path, **options: Any) -> tuple[CorpusAudited, dict[str, Any], str]:
    """Audit and return the outcome, audit.json and audit.html."""
    found = audit_corpus(CorpusAuditConfig(corpus=corpus, **options))
    folder = found.page.parent
    return (
        found,
        json.loads((folder / "audit.json").read_text(encoding="utf-8")),
        found.page.read_text(encoding="utf-8"),
    )  # fmt: skip


def copied(corpus: Path, out: Path) -> Path:
    shutil.copytree(corpus, out)
    return out


def add_twin(corpus: Path, name: str, *, person: str, video: str | None, recompressed: bool = False) -> str:
    """Add a copy of the first clip under another name; return that of the first clip."""
    with Catalog.open(corpus / CATALOG, readonly=False) as catalog:
        clip, items = next((key, list(group)) for key, group in itertools.groupby(catalog.items(), lambda i: i.clip))
        catalog.add_clip([_twin(corpus, item, name, person, video, recompressed=recompressed) for item in items])
    return clip


def _twin(corpus: Path, item: MediaItem, name: str, person: str, video: str | None, *, recompressed: bool) -> MediaItem:
    path = Path(str(item.path)).with_stem(name)
    if recompressed and item.modality == "face":
        Image.open(corpus / str(item.path)).resize((128, 128)).resize((256, 256)).save(corpus / path, quality=50)
    else:
        shutil.copy(corpus / str(item.path), corpus / path)
    digest = hashlib.sha256((corpus / path).read_bytes()).hexdigest() if recompressed else item.digest
    if recompressed and item.modality == "voice":
        digest = "0" * 64  # as of a voice that was compressed again
    return dataclasses.replace(
        item, key=f"{name}/{item.modality}", clip=name, person=person, video=video, path=str(path), digest=digest
    )  # fmt: skip


def test_a_clean_corpus_is_said_to_be_clean(small_corpus: Path, tmp_path: Path) -> None:
    found, written, page = audit(small_corpus, out=tmp_path / "audit")
    assert found.headline == "Nobody and nothing was found under two names."
    assert (found.n_certain, found.n_to_look_at, found.pairs) == (0, 0, {})
    assert found.describe().splitlines()[0] == found.headline
    assert written["alike"]["counts"] == {"same_voice": 0, "same_face": 0, "near_face_hash": 0}
    assert (written["n_people"], written["n_clips"], written["format"]) == (8, 16, "visavox-corpus-audit-1")
    assert found.headline in page
    assert {path.name for path in (tmp_path / "audit").iterdir()} == {"audit.json", "audit.md", "audit.html"}


def test_without_a_folder_the_audit_lies_in_the_corpus(small_corpus: Path, tmp_path: Path) -> None:
    corpus = copied(small_corpus, tmp_path / "corpus")
    assert audit(corpus)[0].page == corpus / "audit" / "audit.html"


def test_one_recording_under_two_names_is_certain(small_corpus: Path, tmp_path: Path) -> None:
    corpus = copied(small_corpus, tmp_path / "corpus")
    clip = add_twin(corpus, "twin", person="Somebody Else", video="another")
    found, written, page = audit(corpus)
    assert found.pairs == {"two_names": 1}
    (pair,) = written["alike"]["pairs"]
    assert {pair["a"], pair["b"]} == {clip, "twin"}
    assert pair["hash_distance"] == 0
    assert "One recording, two people: 1 pair" in page
    assert page.count("data:image/jpeg") == page.count("<audio") == 2
    assert found.n_certain == written["n_certain"] == 1
    assert "  1 x two names" in found.describe()
    assert "keep it with the corpus" in found.describe()


def test_a_picture_that_was_compressed_again_is_found_by_its_hash(small_corpus: Path, tmp_path: Path) -> None:
    corpus = copied(small_corpus, tmp_path / "corpus")
    clip = add_twin(corpus, "twin", person="Somebody Else", video="another", recompressed=True)
    found, written, _ = audit(corpus)
    assert found.pairs == {"alike_face": 1}
    (pair,) = written["alike"]["pairs"]
    with Catalog.open(corpus / CATALOG) as catalog:
        one, other = (
            difference_hash(read_image(corpus / str(item.path)))
            for item in (*catalog.find(f"{clip}/face"), *catalog.find("twin/face"))
        )
    assert pair["hash_distance"] == (one ^ other).bit_count() <= 2


def test_embeddings_and_a_split_are_used_where_given(
    small_corpus: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    plain, written, _ = audit(small_corpus, out=tmp_path / "a")
    assert written["sides"] is None
    assert any("no embeddings were given" in why for why in plain.not_checked.values())
    assert "two sides of a split" in plain.not_checked
    full, written, page = audit(small_corpus, out=tmp_path / "b", embeddings=small_embeddings, splits=small_splits)
    assert set(written["alike"]["counts"]) == {
        "same_voice", "same_face", "near_face_hash", "near_face", "near_voice", "near_both",
    }  # fmt: skip
    assert written["sides"]["counts"]["person"] == 0
    assert not any("given" in why for what, why in full.not_checked.items() if what != "lists")
    assert "Two sides of the split" in page


def test_a_split_edited_by_hand_is_certain(small_corpus: Path, small_splits: Path, tmp_path: Path) -> None:
    splits = copied(small_splits, tmp_path / "splits")
    edited = json.loads((splits / "splits.json").read_text(encoding="utf-8"))
    sides = edited["subsets"]
    moved = next(clip for clip, side in sides.items() if side == "test")
    sides[moved] = "train"
    (splits / "splits.json").write_text(json.dumps(edited), encoding="utf-8")
    found, written, page = audit(small_corpus, out=tmp_path / "audit", splits=splits)
    errors = [finding for finding in written["sides"]["findings"] if finding["level"] == "error"]
    assert {finding["kind"] for finding in errors} == {"person"}
    assert found.n_certain == len(errors) > 0
    assert found.headline.startswith(f"{len(errors)} certain finding")
    assert moved in page


def test_lists_of_people_and_other_corpora_are_compared(small_corpus: Path, tmp_path: Path) -> None:
    with Catalog.open(small_corpus / CATALOG) as catalog:
        person = str(next(catalog.items()).person)
    listed = tmp_path / "test people.txt"
    listed.write_text(f"{person.upper().replace('_', ' ')}\nSomebody Else\n", encoding="utf-8")
    found, written, page = audit(small_corpus, out=tmp_path / "audit", against=(listed, small_corpus / CATALOG))
    first, second = written["lists"]
    assert [match["name"] for match in first["shared"]["people"]] == [person]
    assert len(second["shared"]["people"]) == 8
    assert len(second["shared"]["digests"]) == 32
    assert found.n_shared == 1 + 8 + 32 + len(second["shared"]["videos"])
    assert person in page
    assert "test people.txt: 1 name shared, of 2 people" in page
    assert "digest" not in json.dumps([match["row"] for match in second["shared"]["people"] if match["row"]["people"]])


def test_people_who_go_by_an_id_are_found_by_their_name_too(small_corpus: Path, tmp_path: Path) -> None:
    """VoxCeleb's people are ids, and the lists of other face sets hold their names."""
    corpus = copied(small_corpus, tmp_path / "corpus")
    with Catalog.open(corpus / CATALOG, readonly=False) as catalog:
        first, *others = sorted({str(item.person) for item in catalog.items()})
        for person, name in ((first, Attribute("Zoë_Ann-Lee")), (others[0], Attribute("Bob Roe", "guess"))):
            keys = [item.key for item in catalog.items() if item.person == person]
            catalog.set_attributes("name", dict.fromkeys(keys, name))
    listed = tmp_path / "list.tsv"
    for text, listed_as in {
        "name\nzoe ann lee\nBob Roe\n": "zoe ann lee",
        f"person\tname\n{first}\tZoe Ann Lee\n": None,  # in one row under both: counted once
    }.items():
        listed.write_text(text, encoding="utf-8")
        found, written, _ = audit(corpus, out=tmp_path / "audit", against=(listed,))
        (match,) = written["lists"][0]["shared"]["people"]
        assert match["name"] == first
        assert match["listed"] == (listed_as or match["listed"])
        assert (found.n_shared, written["n_people"]) == (1, 8)


def test_a_wrong_list_is_noticed_before_anything_is_read(small_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no list"):
        audit(small_corpus, out=tmp_path / "audit", against=(tmp_path / "none.csv",))
    assert not (tmp_path / "audit").exists()


def test_what_cannot_be_read_is_counted_and_shown_as_missing(small_corpus: Path, tmp_path: Path) -> None:
    corpus = copied(small_corpus, tmp_path / "corpus")
    add_twin(corpus, "twin", person="Somebody Else", video=None)
    (corpus / "faces" / "twin.jpg").write_bytes(b"no picture")
    (corpus / "voices" / "twin.flac").unlink()
    found, _, page = audit(corpus)
    assert found.not_checked["faces"] == "1 stored face cannot be read, twin/face for one"
    assert "No image: unreadable image" in page
    assert "No voice: missing file" in page
    assert found.pairs == {"two_names": 1}


def test_other_peoples_embeddings_and_splits_are_refused(
    small_corpus: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    corpus = copied(small_corpus, tmp_path / "corpus")
    add_twin(corpus, "twin", person="Somebody Else", video=None, recompressed=True)
    found, _, _ = audit(corpus, embeddings=small_embeddings)
    assert found.not_checked["1 face"].startswith("without an embedding")
    with pytest.raises(DataError, match="was made for another corpus"):
        audit(corpus, splits=small_splits)
    embedded = CorpusEmbeddings.load(small_embeddings)
    renamed = [dataclasses.replace(t, keys=tuple(f"x{key}" for key in t.keys)) for t in (embedded.voice, embedded.face)]
    CorpusEmbeddings(renamed[0], renamed[1], embedded.about).save(tmp_path / "other")
    with pytest.raises(DataError, match="it is of another corpus"):
        audit(small_corpus, out=tmp_path / "audit", embeddings=tmp_path / "other")


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    Catalog.create(tmp_path / CATALOG, {}).close()
    with pytest.raises(DataError, match="holds no usable clip"):
        audit(tmp_path)


def test_the_outcome_is_json_and_names_of_any_kind_are_written(small_corpus: Path, tmp_path: Path) -> None:
    corpus = copied(small_corpus, tmp_path / "corpus")
    name = '<b>"Zoë"</b>\n| \udcff'.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    add_twin(corpus, "twin", person=name, video=None)
    found, _, page = audit(corpus)
    assert json.loads(json.dumps(as_json(found)))["pairs"] == {"two_names": 1}
    assert '<b>"Zoë' not in page
    assert "&lt;b&gt;" in page
    text = found.page.with_suffix(".md").read_text(encoding="utf-8")
    assert "\\n\\|" in text

"""Train the head that hears gender in a voice, on AVSpeech, and write its folder into the package.

    python scripts/train_voice_gender.py DATA WORK

DATA holds avspeech/ and ikr/. Nobody wrote down who is a man in AVSpeech, so the labels are what the attribute heads
(scripts/train_face_attributes.py) see in the faces of the same clips, less the fifth that they are least sure of. The
people of IKR, whose genders are given, are never learned from; the accuracies on them go into the card. WORK keeps
the corpora: the first run takes about two minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from visavox.config import EmbedConfig
from visavox.corpus.pairing import match_clips
from visavox.corpus.splits import make_folds
from visavox.corpus_config import PrepareConfig
from visavox.models.face_attributes import GENDER, boxed_face_attributes
from visavox.models.voice_gender import PENALTY, VoiceGender
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.embedding import CorpusEmbeddings, embed_corpus

FOLDER = Path(__file__).parents[1] / "src" / "visavox" / "pretrained" / "voice_gender"
N_FOLDS = 5
DROPPED = 0.2  # of the voices: those whose faces are nearest to the border between the genders

CARD = """---
license: cc-by-nc-4.0
tags: [voice-gender]
---

# Voice gender head

One logistic regression from the embedding of the encoder `ge2e` (256 numbers) to the log odds of a man's voice.
`visavox.models.voice_gender` reads it. Reports use it where no genders are given.

**Data.** {n_learned:,} voices of AVSpeech test videos. Their labels were predicted from the faces of the same clips
(`pretrained/face_attributes`); the fifth that the face predictor was least sure of was left out. L2 penalty
{penalty:g}. The weights are under CC BY-NC 4.0, as are those of the face predictor.

| measured on | figure | value | count |
|---|---|---|---|
| AVSpeech, {n_folds} folds by video | agreement with the face | {agreement_rate:.3f} | {n_learned:,} voices |
| AVSpeech, the uncertain fifth, not learned from | the same | {uncertain_agreement_rate:.3f} | {n_uncertain:,} voices |
| IKR, given genders, never learned from | accuracy | {ikr_gender_accuracy_score:.3f} | {n_ikr:,} voices of \
{n_ikr_people} people |
| of these, women | accuracy | {ikr_women_accuracy_score:.3f} | {n_ikr_women:,} voices |
| of these, men | accuracy | {ikr_men_accuracy_score:.3f} | {n_ikr_men:,} voices |

**Limits.** Two genders, as a predictor saw them in faces: it repeats that predictor's errors, and it says how a voice
sounds, not who somebody is. Children's voices, singing and telephone sound were not measured. Not for deciding
anything about a person.
"""


def embedded(data: Path, work: Path) -> CorpusEmbeddings:
    """Return the embeddings of a folder of pairs, with features that the attribute heads read."""
    views = list(boxed_face_attributes().views)
    face = {"name": "dlib", "output": "pooled", "flip": True, "views": views}
    build_corpus(PrepareConfig(root=data, out=work / "corpus"))
    return embed_corpus(EmbedConfig(corpus=work / "corpus", out=work / "embeddings", face_encoder=face))


def agreement(corpus: CorpusEmbeddings, rows: np.ndarray, embeddings: np.ndarray, male: np.ndarray) -> float:
    """Return how often heads that learned from other videos agree with the labels."""
    links = corpus.voice.select(rows).links()
    by_clip = make_folds(links, N_FOLDS, seed=0)
    folds = np.array([by_clip[link.clip] for link in links])
    right = [
        (VoiceGender.fit(embeddings[folds != fold], male[folds != fold]).scores(embeddings[folds == fold]) > 0)
        == male[folds == fold]
        for fold in range(N_FOLDS)
    ]
    return float(np.concatenate(right).mean())


def main() -> None:
    """Embed, label, fit, measure, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    arguments = parser.parse_args()
    training, test = (embedded(arguments.data / name, arguments.work / name) for name in ("avspeech", "ikr"))
    voice_rows, face_rows = match_clips(training.voice, training.face)
    voices = training.voice.vectors[voice_rows]
    seen = boxed_face_attributes().predict(training.face.vectors[face_rows])[GENDER]
    male, sure = seen > 0, np.abs(seen) >= np.quantile(np.abs(seen), DROPPED)
    head = VoiceGender.fit(voices[sure], male[sure])
    given = np.array(test.voice.attribute("gender")) == "m"
    right = (head.scores(test.voice.vectors) > 0) == given
    head.figures = {
        "n_learned": int(sure.sum()),
        "agreement_rate": agreement(training, voice_rows[sure], voices[sure], male[sure]),
        "n_uncertain": int((~sure).sum()),
        "uncertain_agreement_rate": float(((head.scores(voices[~sure]) > 0) == male[~sure]).mean()),
        "n_ikr": len(given),
        "n_ikr_people": len(set(test.voice.identities)),
        "ikr_gender_accuracy_score": float(right.mean()),
        "n_ikr_women": int((~given).sum()),
        "ikr_women_accuracy_score": float(right[~given].mean()),
        "n_ikr_men": int(given.sum()),
        "ikr_men_accuracy_score": float(right[given].mean()),
    }
    head.save(FOLDER, card=CARD.format(penalty=PENALTY, n_folds=N_FOLDS, **head.figures), overwrite=True)
    for name, value in head.figures.items():
        sys.stdout.write(f"{name} {value:g}\n")


if __name__ == "__main__":
    main()

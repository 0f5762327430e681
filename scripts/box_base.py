"""Puts a trained model into the box: src/visavox/pretrained/base, with a card that tells its measured results.

    python scripts/box_base.py RUN EMBEDDINGS HELD_OUT_REPORT [FINAL_REPORT]

RUN is a run of `visavox train --subset all` on EMBEDDINGS, the reports are folders that `visavox evaluate` wrote: over
the held-out folds of the same configuration, and on people kept aside.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from visavox.evaluation.record import Report
from visavox.evaluation.report import read_report
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.model_card import CardFacts, model_card
from visavox.pipeline.voice_face_model import VoiceFaceModel

BOX = Path(__file__).parents[1] / "src/visavox/pretrained/base"
TOLD = {
    "accuracy_1_of_2": "1:2 matching",
    "auc": "verification AUC",
    "eer": "EER",
    "map": "mAP",
    "recall_at_10": "R@10",
}
UNITS = {"matching": "probes", "retrieval": "probes", "verification": "pairs"}
LIMITS = (
    "Internet video of adults facing a camera, mostly in English; other languages and children are untested.",
    "Learned on 961 pairs only. Where people are alike in age, language and recording it knows little beyond gender: "
    "see the 31 studio speakers of IKR above.",
    "The face side reads gender, age and appearance groups on purpose (linear heads learned on UTKFace); it inherits "
    "the labels and the gaps of that collection.",
    "Best at choosing a face for a voice; choosing a voice for a face is about one point worse.",
)


def main(run: str, embeddings: str, *reports: str) -> None:
    model = VoiceFaceModel.from_pretrained(run)
    embedded = CorpusEmbeddings.load(Path(embeddings))
    config = yaml.safe_load((Path(run) / "config.yaml").read_text(encoding="utf-8"))
    clips = set(embedded.voice.clips) & set(embedded.face.clips)
    people = {i for i, clip in zip(embedded.voice.identities, embedded.voice.clips, strict=True) if clip in clips}
    facts = CardFacts(
        name="base",
        associator=config["associator"],
        n_parameters=model.associator.n_parameters,
        n_pairs=len(clips),
        n_people=len(people),
        data="AVSpeech test videos shown by the authors of Speech2Face",
        encoders=embedded.about["encoders"],
        match_scale=model.preprocess.match_scale,
        pair_line=pair_line(model),
        licence="CC BY-NC 4.0, for research, since the training data is",
        results=[line for report in reports for line in result_lines(read_report(report))],
        limits=LIMITS,
    )
    model.save_pretrained(BOX, card=model_card(facts), overwrite=True)
    size = sum(path.stat().st_size for path in BOX.iterdir())
    print(json.dumps({"box": str(BOX.name), "bytes": size, "pairs": len(clips), "people": len(people)}))


def pair_line(model: VoiceFaceModel) -> tuple[float, float] | None:
    """Return slope and intercept from a similarity to the log likelihood ratio of a pair; None if not fitted."""
    slope, intercept = model.preprocess.pair_slope, model.preprocess.pair_intercept
    return None if slope is None or intercept is None else (slope, intercept)


def result_lines(report: Report) -> list[str]:
    """Return the main figures of a report as lines of a card."""
    counts = report.provenance["counts"]
    lines = [f"On {report.provenance['corpus']} ({counts['voices']} voices, {counts['people']} people or videos):", ""]
    for measure in report.measures:
        twice = measure.protocol == "verification" and measure.direction == "face_to_voice"  # the same pairs
        if measure.measure in TOLD and measure.value == measure.value and not twice:
            unit = UNITS[measure.protocol]
            value, low, high, chance = (100 * v for v in (measure.value, measure.low, measure.high, measure.chance))
            lines.append(
                f"- {TOLD[measure.measure]}, {measure.direction.replace('_', ' ')}, {measure.group.replace('_', ' ')}: "
                f"{value:.1f} % ({low:.1f} to {high:.1f}), chance {chance:.1f} %, {measure.count} {unit}"
            )
    return [*lines, ""]


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])

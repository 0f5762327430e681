"""Puts a trained generator into the box: src/visavox/pretrained/portrait, with a card that tells its measured results.

    python scripts/box_portrait.py DECODER_RUN DIFFUSION_RUN FINAL_REPORT

DECODER_RUN and DIFFUSION_RUN are the runs of `recipes/portrait.yaml`; the report is the folder that its last step
wrote, on people kept aside.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

from visavox.evaluation.record import Report, Section
from visavox.evaluation.report import read_report
from visavox.pipeline.drawing.generator_folder import Generator

BOX = Path(__file__).parents[1] / "src/visavox/pretrained/portrait"
LICENCE = "CC BY-NC 4.0"
DATA = "AVSpeech test videos shown by the authors of Speech2Face; UTKFace at 64 px"
MOST_BYTES = 25_000_000
HEAD = """---
license: cc-by-nc-4.0
tags: [voice-to-face, image-generation]
---

# Visavox generator `portrait`

Draws faces that go with a voice: guesses of 64 px, or 128 px by diffusion. A voice tells the gender of a speaker and a
little of age and origin; the rest of a picture is invented. It is for research with voices of people who agreed or of
published corpora, and for teaching. It is not for finding out who somebody is, and no evidence of anything. What it
draws is marked as a guess in the file and on the sheet.

Licence: CC BY-NC 4.0, since the collections it was trained on are for non-commercial research.

**Data.** {data}. {n_people} people or
videos with voice and face, {n_labelled} labelled faces of people of 16 years and more without voices. The frozen voice
encoder, GE2E, was trained elsewhere, on VoxCeleb among others: it may have heard the people tested below. dlib, which
judges below, was in no loss, target or choice: the face encoder, the autoencoder and both ways of drawing were trained
by pixels and labels, and every choice was made on held-out people of the training data by our own face encoder. dlib's
five landmarks place the crops.
"""
FAILS = """## Where it fails

- Hair, beards, glasses, skin and light are hardly in a voice: they are those of such faces in the training data.
- A voice that is high for a man or low for a woman is drawn as the other gender. Children were not learned from.
- People unlike those of the training data are drawn like those of it; origins that are rare there, worst.
- Noise, music, two speakers or less than two seconds of speech give a face close to the mean, or a wrong one.
- The decoder's expected face is smooth, as a mean is. Diffusion's faces are sharper and agree with the voice less; now
  and then one is distorted.
"""


def main(decoder_run: str, diffusion_run: str, report: str) -> None:
    made = Generator.load(diffusion_run)
    stages = {name: figures_of(Path(decoder_run), name) for name in ("faces", "predictor", "guidance")}
    card = "\n".join(
        [
            HEAD.format(data=DATA, n_people=f"{stages['predictor']['n_people']:,}", n_labelled=labelled(made.folder)),
            "## Held-out people of the training data (on these the guidance was chosen)",
            "",
            *held_out_lines(stages),
            "",
            *result_lines(read_report(report)),
            "## Method diffusion",
            "",
            *part_lines(made.folder / "README.md"),
            "",
            FAILS,
        ]
    )
    shutil.rmtree(BOX, ignore_errors=True)
    shutil.copytree(made.folder, BOX)
    dataclasses.replace(made, folder=BOX).save(card=card)
    encoder = BOX / "face_encoder" / "config.json"
    told = json.loads(encoder.read_text(encoding="utf-8"))
    told["arguments"] |= {"training_data": DATA, "licence": LICENCE}
    encoder.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in BOX.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        raise SystemExit(f"The box may take {MOST_BYTES:,} bytes. Got {size:,}.")
    print(json.dumps({"box": BOX.name, "bytes": size, "methods": made.methods}))


def figures_of(run: Path, stage: str) -> dict[str, float]:
    """Return the figures of a stage of the decoder's run."""
    found: dict[str, float] = json.loads((run / "stages" / f"{stage}.json").read_text(encoding="utf-8"))["figures"]
    return found


def labelled(generator: Path) -> str:
    """Return how many labelled faces the card of the diffusion run names."""
    text = (generator / "README.md").read_text(encoding="utf-8")
    return f"{int(text.split('face and voice, and ')[1].split(' labelled')[0]):,}"


def held_out_lines(stages: dict[str, dict[str, float]]) -> list[str]:
    """Return what the runs measured on people and faces that were not learned from."""
    faces, predictor, guidance = (stages[name] for name in ("faces", "predictor", "guidance"))
    chosen = next(row for row in guidance["rows"] if row["guidance"] == guidance["guidance"])  # type: ignore[attr-defined]
    return [
        f"- labelled faces: gender {100 * faces['gender_accuracy']:.1f} %, age within {faces['age_error']:.1f} years, "
        f"race {100 * faces['race_accuracy']:.1f} %; pixels within {255 * faces['held_out_l1']:.1f} of 255",
        f"- voice to face feature: {100 * predictor['validation_explained']:.1f} % of the variance; 1:2 "
        f"{100 * predictor['validation_matched']:.1f} % by our own features",
        f"- decoder at guidance {guidance['guidance']:g}: 1:2 {100 * chosen['matched']:.1f} %, within one gender "
        f"{100 * chosen['matched_same_gender']:.1f} %, {guidance['n_clips']} clips, by our own features",
    ]


def result_lines(report: Report) -> list[str]:
    """Return the tables of a report as Markdown."""
    counts = report.provenance["counts"]
    lines = [f"## Tested once on {counts['people']} people kept aside ({report.provenance['corpus']})", ""]
    wanted = ("Whose face is it, asked dlib", "Gender, race and age", "Like photographs?", "Learned by heart?")
    for section in report.sections:
        if section.title in wanted:
            lines += [f"**{section.title}**", "", *table_lines(section), ""]
    return lines


def table_lines(section: Section) -> list[str]:
    """Return a table as Markdown; shares in percent, with their intervals."""
    lines = ["| " + " | ".join(section.columns) + " |", "|" + "---|" * len(section.columns)]
    for row in section.rows:
        cells = []
        for name, cell in zip(section.columns, row, strict=True):
            factor = 100 if name.endswith(" %") else 1
            if isinstance(cell, tuple):
                value, low, high = (factor * part for part in cell)
                cells.append("-" if value != value else f"{value:.1f} ({low:.1f} to {high:.1f})")
            elif isinstance(cell, float):
                cells.append("-" if cell != cell else f"{factor * cell:.3g}")
            else:
                cells.append(str(cell))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def part_lines(card: Path) -> list[str]:
    """Return what the card of the diffusion run says of its parts."""
    text = card.read_text(encoding="utf-8").split("## Method diffusion\n", 1)[1]
    facts, table = ([line for line in text.splitlines() if line.startswith(mark)] for mark in ("- ", "|"))
    return [*facts, "", *table]


if __name__ == "__main__":
    main(*sys.argv[1:])

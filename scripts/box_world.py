"""Puts a model of simulated people into the box: src/visavox/pretrained/world, with a card that tells its results.

    visavox run recipes/world-model.yaml --out world-model
    python scripts/box_world.py world-model ["a further line of results" ...]

The encoders that were trained with it go with it, under Apache-2.0 like the code: no real person is in their training.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from box_base import pair_line, result_lines

from visavox.evaluation.report import read_report
from visavox.pipeline.frozen_encoder import build_encoder
from visavox.pipeline.model_card import CardFacts, model_card
from visavox.pipeline.voice_face_model import VoiceFaceModel

BOX = Path(__file__).parents[1] / "src/visavox/pretrained/world"
LICENCE = "Apache-2.0"
LIMITS = (
    "Knows drawn faces and synthesised voices of the simulated world only; of real people it knows nothing.",
    "The figures above are of people who were drawn from the same generative model as the training people.",
)


def main(folder: str) -> None:
    run = Path(folder)
    model = VoiceFaceModel.from_pretrained(run / "runs/world")
    world = json.loads((run / "world/world.json").read_text(encoding="utf-8"))
    subsets = json.loads((run / "splits/splits.json").read_text(encoding="utf-8"))["subsets"]
    clips = [clip for clip, subset in subsets.items() if subset == "train"]
    data = f"simulated world, seed {world['seed']}, {world['n_people']} people (recipes/world-model.yaml)"
    report = read_report(run / "evaluation")
    shares = [
        f"- share of the knowable, 1:2, {m.direction.replace('_', ' ')}, {m.group.replace('_', ' ')}: "
        f"{100 * m.value:.1f} % ({100 * m.low:.1f} to {100 * m.high:.1f})"
        for m in report.measures
        if m.protocol == "knowable"
    ]
    encoders = {side: build_encoder(getattr(model.preprocess, f"{side}_encoder"), side) for side in ("voice", "face")}
    facts = CardFacts(
        name="world",
        associator=model.associator.spec,
        n_parameters=model.associator.n_parameters
        + sum(getattr(encoder, "n_parameters", 0) for encoder in encoders.values()),
        n_pairs=len(clips),
        n_people=len({clip.rsplit("-c", 1)[0] for clip in clips}),
        data=data,
        encoders={
            side: {
                "spec": {"name": encoder.name, "weights": f"{side}_encoder"},
                "weights": f"this folder, {side}_encoder/",
                "training_data": data,
                "licence": LICENCE,
            }
            for side, encoder in encoders.items()
        },
        match_scale=model.preprocess.match_scale,
        pair_line=pair_line(model),
        trained_encoders=True,
        licence=LICENCE,
        results=[*result_lines(report), *shares, *sys.argv[2:]],
        limits=LIMITS,
    )
    model.save_pretrained(BOX, card=model_card(facts), overwrite=True)
    for side in ("voice_encoder", "face_encoder"):
        about = BOX / side / "config.json"
        told = json.loads(about.read_text(encoding="utf-8"))
        told["arguments"].update(training_data=data, licence=LICENCE)
        about.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"box": BOX.name, "bytes": sum(p.stat().st_size for p in BOX.rglob("*") if p.is_file())}))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])

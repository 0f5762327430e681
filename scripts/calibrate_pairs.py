"""Fits what the similarity of one voice and one face is worth, on people a model has not met, into its folder.

    python scripts/calibrate_pairs.py MODEL EMBEDDINGS

MODEL is a model folder, EMBEDDINGS a folder that `visavox embed` wrote with its encoders. `visavox train` does this by
itself; the script is for a model that was boxed before it did. That of `world`:

    visavox simulate --people 300 --clips 2 --clip-s 3 --ceiling-g 0.98 --ceiling-mixed 0.998 --seed 2000 --out world
    visavox prepare --root world --source videos --frames-per-s 1 --out corpus
    visavox embed --corpus corpus --out embeddings --voice-encoder '{name: voice_cnn, weights: MODEL/voice_encoder}' \
        --face-encoder '{name: face_cnn, weights: MODEL/face_encoder}'
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from visavox.evaluation.calibration import fit_pair_calibration
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.paired_tables import PairedTables
from visavox.pipeline.voice_face_model import PREPROCESS, VoiceFaceModel, overlap


def main(folder: str, embeddings: str) -> None:
    model = VoiceFaceModel.from_pretrained(folder)
    paired = PairedTables.of(CorpusEmbeddings.load(Path(embeddings)))
    known = overlap(model, paired.voice.identities)
    if known:
        raise SystemExit(f"The model was trained on {len(known)} of these people, {known[0]} for instance.")
    pairs = paired.pairs()
    line = fit_pair_calibration([(model.associator.similarity(pairs.voice, pairs.face), pairs.allowed())])
    path = Path(folder) / PREPROCESS
    told = json.loads(path.read_text(encoding="utf-8"))
    told |= {"pair_slope": float(line.slope), "pair_intercept": float(line.intercept)}
    path.write_text(json.dumps(told, indent=2), encoding="utf-8")
    print(json.dumps({"pairs": len(pairs), "slope": line.slope, "intercept": line.intercept}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])

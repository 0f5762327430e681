"""The clips that a network names most wrongly: face, voice, who it is and who was named, to look at and listen to.

Media are read and made small by `visavox.evaluation.strips`; a file that is missing becomes a reason.

Example:
    >>> clip = HardClip("c7", "ann", "ben", 0.9, 0.05, 3, "c2")
    >>> round(clip.p_named - clip.p_true, 2)
    0.85
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.errors import ConfigError
from visavox.evaluation.chart import escaped
from visavox.evaluation.identification_record import Experiment
from visavox.evaluation.protocols.identification import asked_rows
from visavox.evaluation.strips import FACE_PX, MAX_STRIPS, Embedded, embed_face, embed_voice


@dataclass(frozen=True)
class HardClip:
    """A test clip that was named wrongly."""

    clip: str
    true_name: str
    named: str
    """Who was said to be the most likely."""
    p_named: float
    """Probability of the one named."""
    p_true: float
    """Probability of the right one."""
    rank: int
    """Place of the right one, 2 or more."""
    named_clip: str = ""
    """A clip of the one named that the network learned from, where there is one."""
    face_path: str | None = None
    voice_path: str | None = None
    named_face_path: str | None = None


def pick_hard_clips(
    experiment: Experiment, name: str, *, paths: Mapping[str, str | Path], n_clips: int = MAX_STRIPS
) -> tuple[HardClip, ...]:
    """Chooses the test clips whose wrong name is surest, at most two of a person, the worst first.

    Args:
        experiment: what every contender said.
        name: of the contender.
        paths: "CLIP/voice" and "CLIP/face" -> file; what is absent is shown as a grey box.
        n_clips: most clips, 0 to 12.

    Raises:
        ConfigError: `n_clips` outside its range.
    """
    if not 0 <= n_clips <= MAX_STRIPS:
        raise ConfigError(f"`n_clips` must lie between 0 and {MAX_STRIPS}. Got {n_clips}.")
    contender = next(c for c in experiment.contenders if c.name == name)
    probabilities, labels = asked_rows(experiment, contender, "test")
    asked = np.flatnonzero(~np.isnan(np.asarray(contender.probabilities["test"])).any(axis=1))
    clips = [experiment.clips["test"][i] for i in asked]
    best = probabilities.argmax(axis=1)
    mine = probabilities[np.arange(len(labels)), labels]
    lead = probabilities[np.arange(len(labels)), best] - mine
    learned = _first_clips(experiment)
    chosen: list[HardClip] = []
    n_of: dict[int, int] = {}
    for i in np.argsort(-lead, kind="stable"):
        own, named = int(labels[i]), int(best[i])
        if len(chosen) == n_clips or lead[i] <= 0:
            break
        if n_of.get(own, 0) == 2:
            continue
        n_of[own] = n_of.get(own, 0) + 1
        like = learned.get(named, "")
        chosen.append(
            HardClip(
                clips[i],
                experiment.people[own],
                experiment.people[named],
                float(probabilities[i, named]),
                float(mine[i]),
                int((probabilities[i] > mine[i]).sum()) + 1,
                like,
                _path(paths, f"{clips[i]}/face"),
                _path(paths, f"{clips[i]}/voice"),
                _path(paths, f"{like}/face"),
            )
        )
    return tuple(chosen)


def _first_clips(experiment: Experiment) -> dict[int, str]:
    """A clip of each person to learn from: the first."""
    found: dict[int, str] = {}
    clips, labels = experiment.clips.get("train", ()), experiment.labels.get("train", np.empty(0, np.intp))
    for clip, label in zip(clips, labels, strict=True):
        found.setdefault(int(label), clip)
    return found


def _path(paths: Mapping[str, str | Path], key: str) -> str | None:
    return str(paths[key]) if key in paths else None


def hard_clips_html(clips: Sequence[HardClip]) -> str:
    """Returns the clips as a list of HTML cards, "" without clips."""
    items = "".join(_card(clip) for clip in clips)
    return f'<ul class="strips">{items}</ul>' if items else ""


def _card(clip: HardClip) -> str:
    voice = embed_voice(clip.voice_path)
    if voice.uri is None:
        sound = f'<div class="missing voice">No voice: {escaped(voice.reason)}</div>'
    else:
        label = escaped(f"Voice of {clip.clip}")
        sound = f'<audio controls preload="metadata" src="{voice.uri}" aria-label="{label}"></audio>'
    faces = _face(clip.true_name, f"this clip; {_percent(clip.p_true)}, place {clip.rank}", embed_face(clip.face_path))
    said = f"{_percent(clip.p_named)}; as in {clip.named_clip}" if clip.named_clip else _percent(clip.p_named)
    faces += _face(clip.named, said, embed_face(clip.named_face_path))
    return (
        f'<li class="strip"><p>Is <b class="right">{escaped(clip.true_name)}</b> named '
        f'<b class="wrong">{escaped(clip.named)}</b></p>{sound}<p class="clip">{escaped(clip.clip)}</p>'
        f'<div class="pair">{faces}</div></li>'
    )


def _face(name: str, said: str, embedded: Embedded) -> str:
    if embedded.uri is None:
        image = f'<div class="missing">No image: {escaped(embedded.reason)}</div>'
    else:
        image = f'<img src="{embedded.uri}" alt="{escaped(f"face of {name}")}" width="{FACE_PX}" height="{FACE_PX}">'
    return f'<div>{image}<dl><dt>{escaped(name)}</dt><dd class="clip">{escaped(said)}</dd></dl></div>'


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"

"""A face, a voice or both to a name, by a network that was trained on the people it knows.

The network of a run of `train --task identification` stands for a folder of enrolled people. It names one of those it
was trained on, whoever asks: it knows no strangers, and nobody can be added. Files become what it was trained on: the
mel image of 3.5 s of the voice, and the aligned crop of the largest face in the network's own size.

Example:
    outcome = ask_network(IdentifyConfig(people=Path("run/networks/fused"), face=Path("a.jpg"), voice=Path("a.wav")))
    outcome.ranked[0].name
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from visavox.errors import ConfigError, MediaError
from visavox.identification_config import IdentifyConfig
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.face_crop import crop_face
from visavox.media.images import read_image
from visavox.media.speech import SpeechDetector, speech_seconds
from visavox.media.video import is_video, sample_frames
from visavox.media.voice_lengths import fixed_length
from visavox.models.identifiers.base import Identifier
from visavox.models.mel_image import VOICE_SAMPLES, mel_images
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.identification_folder import load_identifier
from visavox.pipeline.identification_outcome import AskedWith, Candidate, IdentificationOutcome, speech_note
from visavox.pipeline.media_vectors import check_named_speech
from visavox.registry import DETECTORS

NO_STRANGERS = "a network names one of the people it was trained on, whoever asks"
DETECTOR, MIN_SPEECH_S = "mtcnn", 0.5  # as `prepare` has them unless it is told otherwise


def ask_network(config: IdentifyConfig) -> IdentificationOutcome:
    """Return whom a network names.

    Raises:
        ConfigError: a modality that the network needs is not given.
        DataError: the folder holds no network, or a damaged one.
    """
    network, people = load_identifier(config.people)
    given = {"voice": config.voice, "face": config.face}
    for modality in network.modalities:
        if given[modality] is None:
            raise ConfigError(
                f"The network {config.people.name!r} needs a {' and a '.join(network.modalities)}. Got no {modality}. "
                f"Give --{modality} too, or take a network of the other modality."
            )
    notes = [NO_STRANGERS]
    notes += [
        f"the network takes no {modality}: {path} was not used"
        for modality, path in given.items()
        if path is not None and modality not in network.modalities
    ]
    compute = Compute.of(config)
    media, asked = _media(network, config)
    ranked: tuple[Candidate, ...] = ()
    if len(media) == len(network.modalities):
        device = compute.torch_device
        with torch.inference_mode():
            logits = network.to(device)(**{name: tensor.to(device) for name, tensor in media.items()})[0]
            shares = logits.double().softmax(dim=0).cpu().numpy()
        best = np.argsort(-shares, kind="stable")[: config.top]
        ranked = tuple(Candidate(people[i], float(shares[i])) for i in best.tolist())
    return IdentificationOutcome(str(config.people), len(people), asked, ranked, None, None, None, None, tuple(notes))


def mel_of_file(path: Path) -> tuple[Tensor, float]:
    """Return the mel image of a voice, of shape (1, 1, 128, 110), float32 in [0, 1], and its seconds of speech.

    Raises:
        MediaError: unreadable, silent, or too little speech; `status` says which.
    """
    samples = read_voice(path)
    segments = SpeechDetector().segments(samples)
    check_named_speech(path, samples, segments, min_speech_s=MIN_SPEECH_S)
    fixed = fixed_length(samples, VOICE_SAMPLES / SAMPLE_RATE)
    return mel_images(torch.from_numpy(fixed)[None]), speech_seconds(segments)


def picture_of_file(path: Path, *, face_px: int) -> tuple[Tensor, str]:
    """Return the crop of the largest face, of shape (1, 3, face_px, face_px), float32 in [0, 1], and a note.

    Raises:
        MediaError: unreadable, or no face found; `status` says which.
    """
    detector = DETECTORS.build(DETECTOR)
    images = sample_frames(path, 1) if is_video(path) else [read_image(path)]
    crop = crop_face(images[0], detector)
    if not crop.found:
        raise MediaError(
            f"No face found in {path} by {DETECTOR}. Give a larger or clearer picture of the face.", status="no_face"
        )
    how = cv2.INTER_AREA if face_px <= crop.image.shape[0] else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(crop.image, (face_px, face_px), interpolation=how), dtype=np.float32) / 255
    note = f"{crop.n_faces} faces found; the largest was taken" if crop.n_faces > 1 else ""
    return torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous(), note


def _media(network: Identifier, config: IdentifyConfig) -> tuple[Mapping[str, Tensor], tuple[AskedWith, ...]]:
    media: dict[str, Tensor] = {}
    asked = []
    for modality in network.modalities:
        path = config.voice if modality == "voice" else config.face
        assert path is not None
        try:
            if modality == "voice":
                media[modality], speech_s = mel_of_file(path)
                asked.append(AskedWith(modality, str(path), "ok", speech_note(speech_s), speech_s=speech_s))
            else:
                media[modality], note = picture_of_file(path, face_px=network.face_px or 256)
                asked.append(AskedWith(modality, str(path), "ok", note))
        except MediaError as error:
            asked.append(AskedWith(modality, str(path), error.status, str(error)))
    return media, tuple(asked)

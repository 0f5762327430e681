"""Small lists of invented people, written as the publishers write theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from visavox.corpus.published_lists.identities import Identities, read_identities

META = (
    "VoxCeleb1_ID,VGGFace1_ID,Gender,Nationality,Set\r\n"
    "id90001,Ann_Lee,f,UK,dev\r\n"
    "id90002,Bob_Ray,m,USA,test\r\n"
    "id90003,Cy_Dunn,m,,none\r\n"
)
VOICES = "id90001/v/1.wav id90002/w/1.wav"
HEADER = "id,voice-speaker-id,face-speaker-id,label,voice-path,face-path"
MATCH = (
    "id90001/v/1.wav Ann_Lee/1.jpg Bob_Ray/1.jpg\n"
    "id90001/v/1.wav Ann_Lee/2.jpg Cy_Dunn/1.jpg\n"
    "id90002/w/1.wav Bob_Ray/1.jpg Ann_Lee/1.jpg\n"
)
SAMPLES = {
    "sss": {
        "vox1_test.csv": META,
        "match_v2f_2_test.txt": MATCH,
        "verify_g_f2v_test.txt": "Ann_Lee/1.jpg id90001/v/1.wav\nAnn_Lee/1.jpg id90002/w/1.wav\n",
        "reterival_v2f_test.txt": f"{VOICES}\nBob_Ray/1.jpg Ann_Lee/1.jpg Bob_Ray/2.jpg Cy_Dunn/1.jpg\n",
    },
    "pins": {
        "vox1_meta.csv": META.replace(",", "\t"),
        "identity_splits.txt": "Ann_Lee 4\nBob_Ray 1\n",
        "matching_v2f_U.csv": MATCH,
        "veriflist_test_GN_seenheard.txt": f"{HEADER}\n"
        "1,80001,80001,1,Ann_Lee/abc-_fghijk_0000012.wav,Ann_Lee/ytube/0007400.jpg\n"
        "2,80001,80002,0,Ann_Lee/abc-_fghijk_0000012.wav,Bob_Ray/other/0000001.jpg\n",
        "wav_20k.csv": "VoxCeleb1 ID\twav\nid90001\tid90001/v/1.wav\nid90002\tid90002/w/1.wav\n",
        "jpg_20k.csv": "VoxCeleb1 ID\tjpg\nid90002\tBob_Ray/1.6/w/1.jpg\nid90001\tAnn_Lee/1.6/v/1.jpg\n",
    },
    "fame": {
        "English_test.txt": "k1 voices/1.wav faces/1.jpg\nk2 voices/1.wav faces/2.jpg\n",
        "Urdu_test.txt": "k1 1 voices/id001/1.wav faces/id001/1.jpg\nk2 0 voices/id001/1.wav faces/id002/2.jpg\n",
    },
}


@pytest.fixture
def samples() -> Mapping[str, Mapping[str, str]]:
    """Content of the files of each protocol, by its name and theirs."""
    return SAMPLES


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file of the folder and return its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def people(put: Callable[[str, str | bytes], Path]) -> Identities:
    """Ann, Bob and Cy."""
    return read_identities([put("vox1_test.csv", META)])

"""Who is most like whom, from embeddings: the people among whom hard negatives are drawn.

A person is the mean of the unit vectors of his rows, made a unit vector again; alike is the cosine. The vectors are of
one encoder and one modality, the candidates': a hard negative is a face that looks like the right one, or a voice that
sounds like it, whatever a voice-face model makes of them.

Example:
    >>> vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> names = ("Ann", "Bob", "Cy")
    >>> table = EmbeddingTable("face", "e", names, names, names, (None,) * 3, {}, vectors)
    >>> nearest_people(table)["Ann"]
    ('Bob', 'Cy')
"""

from __future__ import annotations

import numpy as np

from visavox.corpus.embeddings import EmbeddingTable

BLOCK = 2048  # people whose cosines to all others are computed at once
MAX_NEAREST = 1000
"""How many of the nearest people are kept: strata and shared videos leave out some of them."""


def nearest_people(table: EmbeddingTable, n_nearest: int = MAX_NEAREST) -> dict[str, tuple[str, ...]]:
    """Return the most alike other people of each, the nearest first; equals are in the order of their names.

    Args:
        table: embeddings; a row of zeros counts for nothing.
        n_nearest: how many to keep, 1 or more.

    Returns:
        From each person of the table to at most `n_nearest` others. It does not depend on the order of rows.
    """
    names, codes = np.unique(np.array(table.identities, dtype=object), return_inverse=True)
    order = np.argsort(np.array(table.keys, dtype=object), kind="stable")  # sums of floats depend on their order
    lengths = np.linalg.norm(table.vectors, axis=1, keepdims=True)
    unit = np.divide(table.vectors, lengths, out=np.zeros_like(table.vectors), where=lengths > 0).astype(np.float64)
    means = np.zeros((len(names), table.dim))
    np.add.at(means, codes[order], unit[order])  # (people, dim)
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    means = np.divide(means, norms, out=np.zeros_like(means), where=norms > 0)
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(names), BLOCK):
        cosines = (means[start : start + BLOCK] @ means.T).round(9)  # (block, people); rounding makes equals equal
        for row, values in enumerate(cosines, start=start):
            ranked = np.argsort(-values, kind="stable")
            found[str(names[row])] = tuple(str(names[i]) for i in ranked[: n_nearest + 1].tolist() if i != row)[
                :n_nearest
            ]
    return found

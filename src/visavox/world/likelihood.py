"""Are this voice and this face of one person? The log likelihood ratio, in closed form.

The ratio compares the probability of what both show if they are of one person with that if they are of two. Nothing
that sees only the two can decide better than by this number (Neyman and Pearson, 1933), so that its rates of success
are the ceilings of `visavox.world.ceiling`. It is a sum of independent parts: one for the shown sex, one for each
shared dimension, and, where shortcuts are used, one for each planted trait and one for the recording. It knows the
true numbers of the world and is not learned; what a model can draw from pixels and samples is another matter.

Example:
    >>> population = Population(correlations=(0.6, 0, 0, 0, 0, 0), face_reliability=0.9, voice_reliability=0.9)
    >>> alike = ShownArrays(sex=np.zeros(1, np.int8), shared=np.array([[1.0, 0, 0, 0, 0, 0]]))
    >>> round(float(log_likelihood_ratio(alike, alike, population)[0, 0]), 4)  # log(2 * 0.82) + 0.2231 + 0.375
    1.0928
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError
from visavox.world.people import Shown
from visavox.world.population import CATEGORIES, Population, Trait

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]

SEX_CODES = {"f": 0, "m": 1}


@dataclass(frozen=True)
class ShownArrays:
    """What the voices, or the faces, of n people show, as arrays."""

    sex: Integers
    """(n,) int, the shown sex: 0 female, 1 male."""
    shared: Floats
    """(n, n_dimensions) float64, standard normal."""
    nationality: Integers | None = None
    """(n,) int, shown category of `CATEGORIES["nationality"]`; None: not known."""
    language: Integers | None = None
    """(n,) int, shown category of `CATEGORIES["language"]`; None: not known."""
    session: Floats | None = None
    """(n,) float64, standard normal, what the recording left: `Session.sound` or `Session.picture`; None: not known."""

    @classmethod
    def of(cls, shown: Sequence[Shown], *, session: Sequence[float] | None = None) -> ShownArrays:
        """Return what voices, or faces, show as arrays, in their order.

        Args:
            shown: `person.voice` or `person.face` of each person.
            session: what the recording left in each; None: not known.
        """
        return cls(
            sex=np.array([SEX_CODES[one.sex] for one in shown], dtype=np.int8),
            shared=np.array([one.shared for one in shown], dtype=np.float64),
            nationality=np.array([one.nationality for one in shown], dtype=np.int8),
            language=np.array([one.language for one in shown], dtype=np.int8),
            session=None if session is None else np.array(session, dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.sex)

    def select(self, rows: slice | Integers) -> ShownArrays:
        """Return the people of these rows."""
        return ShownArrays(
            sex=self.sex[rows],
            shared=self.shared[rows],
            nationality=None if self.nationality is None else self.nationality[rows],
            language=None if self.language is None else self.language[rows],
            session=None if self.session is None else self.session[rows],
        )


def log_likelihood_ratio(
    voice: ShownArrays,
    face: ShownArrays,
    population: Population,
    *,
    shortcuts: bool = False,
    same_session: bool = False,
    shown_sex: bool = True,
) -> Floats:
    """Return the log likelihood ratio "same person" against "two people" of every voice with every face.

    Args:
        voice: n_voices of them.
        face: n_faces of them.
        population: the world they come from.
        shortcuts: also use the planted traits, nationality and language.
        same_session: with `shortcuts`, also use the recording: "same person" then means one session as well, as for
            voice and face of one clip.
        shown_sex: use the shown sex; False: for who knows that all are of one sex, to whom it tells nothing.

    Returns:
        (n_voices, n_faces) float64 in nats; above 0 speaks for one person. With a reliability, or a leak, of 1 what
        disagrees is -inf.

    Raises:
        ConfigError: a part is to be used that voice or face do not hold.

    Ties and edges:
        All correlations 0: the ratio takes the few values of its tables exactly, so that equal evidence ties.

    Source: a canonical correlation rho of standard normal v, f gives
        -log(1 - rho^2) / 2 - (rho^2 v^2 + rho^2 f^2 - 2 rho v f) / (2 (1 - rho^2)),
        the log of the bivariate over the product of the univariate densities.
    """
    v, f, rho = _gaussian_parts(voice, face, population, recording=shortcuts and same_session)
    precision = 1.0 / (1.0 - rho**2)
    half = rho**2 * precision / 2.0
    ratio: Floats = (v * (rho * precision)) @ f.T  # (n_voices, n_faces)
    ratio -= (v**2 @ half)[:, np.newaxis]
    ratio += 0.5 * np.log(precision).sum() - f**2 @ half
    for a, b, table in _tables(voice, face, population, shown_sex=shown_sex, shortcuts=shortcuts):
        ratio += np.take(table[a], b, axis=1)
    return ratio


def paired_log_likelihood_ratio(
    voice: ShownArrays,
    face: ShownArrays,
    population: Population,
    *,
    shortcuts: bool = False,
    same_session: bool = False,
    shown_sex: bool = True,
) -> Floats:
    """Return the log likelihood ratio of each voice with the face of the same row.

    Args:
        voice: n of them.
        face: n of them.
        population: the world they come from.
        shortcuts: as in `log_likelihood_ratio`.
        same_session: as in `log_likelihood_ratio`.
        shown_sex: as in `log_likelihood_ratio`.

    Returns:
        (n,) float64, the diagonal of `log_likelihood_ratio`.

    Raises:
        ConfigError: a part is to be used that voice or face do not hold, or their lengths differ.
    """
    if len(voice) != len(face):
        raise ConfigError(f"Pairs need as many voices as faces. Got {len(voice)} and {len(face)}.")
    v, f, rho = _gaussian_parts(voice, face, population, recording=shortcuts and same_session)
    precision = 1.0 / (1.0 - rho**2)
    spread = (rho * v) ** 2 + (rho * f) ** 2 - 2.0 * rho * v * f
    ratio: Floats = 0.5 * np.log(precision).sum() - (spread * precision).sum(axis=1) / 2.0
    for a, b, table in _tables(voice, face, population, shown_sex=shown_sex, shortcuts=shortcuts):
        ratio += table[a, b]
    return ratio


def agreement_table(agreement: float, n_categories: int) -> Floats:
    """Return the log likelihood ratio of every shown category of a voice with every one of a face.

    Args:
        agreement: probability that voice and face of one person show the same category, 0 to 1. Two people agree with
            probability 1 / `n_categories`.
        n_categories: equally frequent categories, 2 or more.

    Returns:
        (n_categories, n_categories) float64 in nats; -inf where one person cannot show the two.

    Example:
        >>> agreement_table(0.75, 2).round(4).tolist()
        [[0.4055, -0.6931], [-0.6931, 0.4055]]
    """
    others = n_categories * (1.0 - agreement) / (n_categories - 1)
    ratio = np.where(np.eye(n_categories, dtype=bool), n_categories * agreement, others)
    with np.errstate(divide="ignore"):
        table: Floats = np.log(ratio)
    return table


def _gaussian_parts(
    voice: ShownArrays, face: ShownArrays, population: Population, *, recording: bool
) -> tuple[Floats, Floats, Floats]:
    """Return the normal numbers of the voices and of the faces, (n, d) each, and their correlations (d,)."""
    rho = np.asarray(population.correlations)
    if not recording:
        return voice.shared, face.shared, rho
    columns = []
    for name, side in (("voices", voice), ("faces", face)):
        if side.session is None:
            raise ConfigError(f"`same_session` needs what the recording left in the {name}. Got none. Give `session`.")
        columns.append(np.column_stack([side.shared, side.session]))
    return columns[0], columns[1], np.append(rho, population.leaks.recording)


def _tables(
    voice: ShownArrays, face: ShownArrays, population: Population, *, shown_sex: bool, shortcuts: bool
) -> Iterator[tuple[Integers, Integers, Floats]]:
    """Yield categories of the voices, categories of the faces, and their table, for each trait that is used."""
    if shown_sex:
        yield voice.sex, face.sex, agreement_table(population.sex_agreement, 2)
    if not shortcuts:
        return
    sides: dict[Trait, tuple[Integers | None, Integers | None]] = {
        "nationality": (voice.nationality, face.nationality),
        "language": (voice.language, face.language),
    }
    for trait, (a, b) in sides.items():
        if a is None or b is None:
            raise ConfigError(f"`shortcuts` needs the {trait} that voice and face show. Got none.")
        yield a, b, agreement_table(population.category_agreement(trait), len(CATEGORIES[trait]))

"""Gender, age and race as annotators saw them, read linearly from the pooled features of dlib's face network.

Linear heads, nothing more: a ridge regression on labelled faces. They give an associator a few directions that voices
tell too, and a report a gender where none is given. The labels are what annotators saw in a photo, not who somebody
is; the heads are not for deciding anything about a person.

Example:
    >>> rng = np.random.default_rng(0)
    >>> features = rng.normal(size=(200, 4))
    >>> heads = FaceAttributes.fit(features, {"age": 40 + 10 * features[:, 1]}, views=("chip",), ridge=0.0)
    >>> bool(np.allclose(heads.predict(features)["age"], 40 + 10 * features[:, 1], atol=1e-3))
    True
    >>> heads.standardised(features).shape
    (200, 1)
"""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from visavox.errors import DataError
from visavox.persistence import check_tensors, load_folder, save_folder

KIND, NAME = "attribute heads", "face_attributes"
RIDGE = 100.0  # chosen on held-out faces
GENDER = "gender"  # above 0: male
AGE = "age"  # years
RACES = ("white", "black", "asian", "indian", "other")  # UTKFace's codes 0 to 4; scores, the largest wins


class FaceAttributes:
    """Linear heads on the pooled features of one or more views of a face crop.

    Args:
        names: of the attributes, in the order of the columns: "gender" (above 0: male), "age" (years), and races.
        views: of `visavox.models.encoders.dlib.VIEWS`, in the order in which their features stand.
        n_features: length of a feature vector, a multiple of the number of views.
        figures: what was measured on faces that were not learned from: accuracies (0 to 1) and counts, by name.

    Attributes:
        weights: (n_features, n_attributes) float32.
        intercept: (n_attributes,) float32.
        mean, deviation: (n_attributes,) float32, of the predictions on the faces that were learned from.
        feature_deviation: (1,) float32, mean standard deviation of the features there.
    """

    def __init__(
        self,
        *,
        names: Sequence[str],
        views: Sequence[str],
        n_features: int,
        figures: Mapping[str, float] | None = None,
    ) -> None:
        """Store the arguments; every prediction is 0 until `fit` or `from_folder`."""
        self.names = tuple(names)
        self.views = tuple(views)
        self.n_features = n_features
        self.figures = dict(figures or {})
        self.weights = np.zeros((n_features, len(self.names)), dtype=np.float32)
        self.intercept = np.zeros(len(self.names), dtype=np.float32)
        self.mean = np.zeros(len(self.names), dtype=np.float32)
        self.deviation = np.ones(len(self.names), dtype=np.float32)
        self.feature_deviation = np.ones(1, dtype=np.float32)

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        targets: Mapping[str, np.ndarray],
        *,
        views: Sequence[str],
        ridge: float = RIDGE,
        figures: Mapping[str, float] | None = None,
    ) -> FaceAttributes:
        """Return heads that predict the targets with the least squared error plus `ridge` times the squared weights.

        The features of each view are centred and divided by the mean of their standard deviations first, so `ridge`
        counts in faces: 100 pulls as much as 100 faces do along a direction of average spread.

        Args:
            features: (n, n_features), the views one behind the other, equally long.
            targets: name -> (n,) numbers: gender as -1 (female) and 1 (male), age in years, races as 0 and 1.
            views: names of the views, in order.
            ridge: 0 or more.
            figures: kept with the heads.

        Raises:
            DataError: the lengths do not fit, or a number is not finite.
        """
        wanted = np.column_stack([np.asarray(target, dtype=np.float64) for target in targets.values()])
        if features.ndim != 2 or len(features) != len(wanted) or len(features) < 2 or features.shape[1] % len(views):
            raise DataError(
                f"Attributes need two or more rows of features, as many of targets, and views of equal length. "
                f"Got features {features.shape}, targets {wanted.shape} and {len(views)} views."
            )
        if not (np.isfinite(features).all() and np.isfinite(wanted).all()):
            raise DataError("Features and targets of attributes must be finite. Leave out the faces without labels.")
        x = features.astype(np.float64)
        x_mean, spread = x.mean(axis=0), x.std(axis=0)
        scale = np.repeat(spread.reshape(len(views), -1).mean(axis=1), x.shape[1] // len(views))  # (n_features,)
        z = (x - x_mean) / scale
        normal = z.T @ z + ridge * np.eye(x.shape[1])
        weights = np.linalg.solve(normal, z.T @ (wanted - wanted.mean(axis=0))) / scale[:, np.newaxis]
        heads = cls(names=tuple(targets), views=views, n_features=x.shape[1], figures=figures)
        heads.weights = weights.astype(np.float32)
        heads.intercept = (wanted.mean(axis=0) - x_mean @ weights).astype(np.float32)
        found = heads._scores(features)
        heads.mean, heads.deviation = found.mean(axis=0), found.std(axis=0)
        heads.feature_deviation = np.array([spread.mean()], dtype=np.float32)
        return heads

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return name -> (n,) float32: gender above 0 for male, age in years, a score for each race.

        Args:
            features: (n, n_features) of the views, one behind the other.

        Raises:
            DataError: the features have another length.
        """
        return dict(zip(self.names, self._scores(features).T, strict=True))

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """Return (n, n_attributes) float32: mean 0, and the mean standard deviation of the features as deviation.

        Mean and deviations are those of the faces that were learned from, so an attribute is as loud as an average
        feature, and a gain can be given in these units.

        Raises:
            DataError: the features have another length.
        """
        return np.asarray((self._scores(features) - self.mean) / self.deviation * self.feature_deviation)

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that change with any learned number."""
        digest = hashlib.sha256()
        for name, array in sorted(self._tensors().items()):
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:8]

    def save(self, folder: Path | str, *, card: str, overwrite: bool = False) -> None:
        """Write config.json, model.safetensors and the card README.md."""
        arguments = {
            "names": list(self.names),
            "views": list(self.views),
            "n_features": self.n_features,
            "figures": self.figures,
        }
        save_folder(
            folder,
            kind=KIND,
            name=NAME,
            arguments=arguments,
            tensors=self._tensors(),
            extra_files={"README.md": card},
            overwrite=overwrite,
        )

    @classmethod
    def from_folder(cls, folder: Path | str) -> FaceAttributes:
        """Return the heads that `save` wrote.

        Raises:
            DataError: the folder is missing, damaged, or holds something else.
        """
        saved = load_folder(folder, kind=KIND)
        try:
            heads = cls(**saved.arguments)
        except TypeError as error:
            raise DataError(f"{folder}/config.json describes no attribute heads: {error}. Save them again.") from error
        shapes = {name: array.shape for name, array in heads._tensors().items()}
        check_tensors(saved.tensors, shapes, owner=NAME)
        for name, array in saved.tensors.items():
            setattr(heads, name, array.astype(np.float32))
        return heads

    def _tensors(self) -> dict[str, np.ndarray]:
        names = ("weights", "intercept", "mean", "deviation", "feature_deviation")
        return {name: getattr(self, name) for name in names}

    def _scores(self, features: np.ndarray) -> np.ndarray:
        if features.ndim != 2 or features.shape[1] != self.n_features:
            raise DataError(
                f"Attributes are read from ({self.n_features},) features of the views {', '.join(self.views)}. "
                f"Got shape {features.shape}."
            )
        return np.asarray(features.astype(np.float32) @ self.weights + self.intercept)


@lru_cache(maxsize=1)
def boxed_face_attributes() -> FaceAttributes:
    """Return the heads that come with the package, loaded once a process.

    Raises:
        DataError: their folder is missing or damaged.
    """
    box: Any = importlib.resources.files("visavox") / "pretrained" / NAME
    return FaceAttributes.from_folder(Path(str(box)))

"""Where installed packages keep the weight files that they carry.

Some packages on the package index are used here only for the files inside them: face detection networks, dlib's
face descriptor and shape predictor. They are found on disk and read in place; the packages themselves are never
imported, because some of them do not import beside a current torch.

Example:
    >>> carried_file("numpy", "version.py").name
    'version.py'
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from visavox.errors import MissingDependencyError

INSTALL_LINE = "pip install --no-deps -r requirements-offline.txt"


def carried_file(package: str, *parts: str) -> Path:
    """Return the path of a file inside an installed package, without importing the package.

    Args:
        package: top-level name of the package, "face_recognition_models" for instance.
        parts: folders and file name below the package's folder.

    Raises:
        MissingDependencyError: the package is not installed, or lacks the file; the message holds the line that
            installs it.
    """
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    for folder in folders:
        path = Path(folder, *parts)
        if path.is_file():
            return path
    problem = f"has no file {'/'.join(parts)!r}" if folders else "is not installed"
    raise MissingDependencyError(f"The package {package!r} {problem}. Install it with: {INSTALL_LINE}")

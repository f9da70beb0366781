"""What a path leads to that a user has named.

A folder that may not be looked into (a home, say, which the service does not see) hides what is in it: that counts as
not there, and whoever opens it nevertheless is told why. `Path.is_file` raises PermissionError instead.
"""

import os
from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether a file can be seen at `path`."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether a folder can be seen at `path`."""
    return os.path.isdir(path)  # noqa: PTH112

"""Every error that fer_pi raises on purpose.

    FerPiError
    ├── ConfigError (ValueError)        a setting that cannot be used; exit 78
    ├── ModelError (ValueError)         a model file that is missing, altered or of another shape; exit 78
    ├── InputError (ValueError)         a picture, video, folder or data set that cannot be used; exit 66
    └── DeviceError (OSError)           hardware, or the library that drives it, is missing, busy or gone; exit 69
        ├── CameraError                 a camera that cannot be opened or has stopped
        └── OutputError                 a light, a screen or a file that cannot be driven

Each message names the thing, the value and the remedy. A library's own error is translated where the
library is called, with ``raise ... from error``, so callers need to know only this file.
"""


class FerPiError(Exception):
    """The root; its message is fit to be shown to a user as it stands."""

    exit_code = 70
    """Exit status of the command that ends with it (BSD sysexits)."""


class ConfigError(FerPiError, ValueError):
    """A setting that cannot be used; `problems` holds one line for each complaint."""

    exit_code = 78

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ModelError(FerPiError, ValueError):
    """A model file that is missing, truncated, altered or of another shape."""

    exit_code = 78


class InputError(FerPiError, ValueError):
    """A picture, video, folder or data set that cannot be used."""

    exit_code = 66


class DeviceError(FerPiError, OSError):
    """Hardware, or the library that drives it, is missing, busy or gone."""

    exit_code = 69


class CameraError(DeviceError):
    """A camera that cannot be opened, or that has stopped giving frames."""


class OutputError(DeviceError):
    """A light, a screen or a file that cannot be driven."""


def laboratory_needs(package: str) -> str:
    """What to say where a Python package of the extra `train` is not installed."""
    return f"needs the Python package '{package}': pip install '.[train]' in a copy of fer_pi's repository"

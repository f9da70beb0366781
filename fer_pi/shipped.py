"""Where the files lie that travel with the package: the models and the default configuration."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """The path of `name` ("config.yaml", "models/emotion") in an installed wheel or in a checkout."""
    installed = _PACKAGE / name
    return installed if installed.exists() else _PACKAGE.parent / name

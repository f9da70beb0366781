"""Options that several commands share: the configuration, and the folders of the service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fer_pi.shipped import shipped

Command = TypeVar("Command", bound=Callable[..., Any])

SYSTEM_CONFIG = Path("/etc/fer-pi/config.yaml")
STATE = Path("/var/lib/fer-pi")
"""The service's StateDirectory."""
RUNTIME = Path("/run/fer-pi")
"""The service's RuntimeDirectory."""


def config_option(command: Command) -> Command:
    """The option --config; without it /etc/fer-pi/config.yaml, or the shipped defaults where that does not exist."""
    return click.option(
        "-c",
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        default=lambda: SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else shipped("config.yaml"),
        help=f"Configuration.  [default: {SYSTEM_CONFIG}, else the shipped one]",
    )(command)


def state_option(default: Path | None, what: str) -> Callable[[Command], Command]:
    """The option --state-dir; `what` says what lies there."""
    return _folder("--state-dir", "STATE_DIRECTORY", default, what)


def runtime_option(default: Path | None, what: str) -> Callable[[Command], Command]:
    """The option --runtime-dir; `what` says what lies there."""
    return _folder("--runtime-dir", "RUNTIME_DIRECTORY", default, what)


def _folder(name: str, variable: str, default: Path | None, what: str) -> Callable[[Command], Command]:
    """A folder that systemd names to its service in `variable`."""
    shown = "${variable}, else none" if default is None else str(default)
    return click.option(
        name,
        type=click.Path(path_type=Path, file_okay=False),
        envvar=variable if default is None else None,
        default=default,
        help=f"{what}  [default: {shown.format(variable=variable)}]",
    )

"""Is this configuration good, and which cameras are there: looked at without running anything."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from fer_pi.chain import open_chain
from fer_pi.config_choice import ConfigFiles
from fer_pi.errors import InputError
from fer_pi.sources.listing import found_cameras


def check_config(path: Path, remember: Path | None = None) -> None:
    """Print what `path` sets up; if it can be used, `remember` is a folder to keep it in as the last good one.

    Raises ConfigError or ModelError for what cannot be used, InputError for a folder that cannot be written.
    """
    files = ConfigFiles(path, state=remember)
    choice = files.at_reload()
    config = choice.config
    chain = open_chain(config)
    click.echo(f"{path}: good")
    click.echo(f"camera      {config.camera.kind}")
    click.echo(f"detector    {chain.attention}")
    click.echo(f"classifier  {chain.classifier}")
    for output in config.outputs:
        pins = ", ".join(f"{what} GPIO{pin}" for pin, what in output.pins())
        click.echo(f"output      {output.kind}{f': {pins}' if pins else ''}")
    if remember and not files.keep(choice):
        raise InputError(f"{remember}: {path.name} could not be kept there; may it be written, and is there room?")


def print_cameras(as_json: bool) -> None:
    """List what is plugged in, with formats; a line that says what to do if there is nothing."""
    found = found_cameras()
    if as_json:
        click.echo(json.dumps([asdict(node) for node in found], indent=2, default=str))
    elif not found:
        click.echo("no camera found; plug one in, or check its cable, then call this again")
    for node in found if not as_json else ():
        click.echo(str(node))

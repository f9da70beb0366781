"""The commands for whoever looks after an appliance: how is it, what is wrong, does it light up, what does it see."""

import os
import sys
import time
from pathlib import Path

import click

from fer_pi.cli_options import RUNTIME, STATE, config_option, runtime_option, state_option
from fer_pi.errors import InputError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C.")
@runtime_option(RUNTIME, "Where the running appliance tells how it is.")
def status(as_json: bool, watch: bool, runtime_dir: Path) -> None:
    """How the running appliance is doing.

    Mood, rates, latency, camera, outputs, temperature and power supply, and the configuration in use. Ends with status
    0 if it runs, and with 3 if it does not, or hangs.
    """
    from fer_pi.status_view import show_status

    sys.exit(show_status(runtime_dir, as_json=as_json, watch=watch))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@state_option(STATE, "Where the appliance keeps what outlasts a restart.")
@config_option
def doctor(as_json: bool, state_dir: Path, config_path: Path) -> None:
    """Look at all that must be right, and say how to cure what is not.

    Ends with status 69 when hardware is missing, 1 when something else cannot work, else 0.
    """
    from fer_pi.checks import exit_status
    from fer_pi.doctor import findings, print_findings

    found = list(findings(config_path, state_dir, os.environ))
    print_findings(found, as_json)
    sys.exit(exit_status(found))


@click.group()
def privacy() -> None:
    """Close the camera, or open it again; it stays so over a restart."""


@privacy.command("on")
@state_option(STATE, "Where the appliance keeps what outlasts a restart.")
@runtime_option(RUNTIME, "Where the running appliance tells how it is.")
def privacy_on(state_dir: Path, runtime_dir: Path) -> None:
    """Close the camera now, and keep it closed until it is opened again."""
    _switch(state_dir, runtime_dir, True)


@privacy.command("off")
@state_option(STATE, "Where the appliance keeps what outlasts a restart.")
@runtime_option(RUNTIME, "Where the running appliance tells how it is.")
def privacy_off(state_dir: Path, runtime_dir: Path) -> None:
    """Open the camera again."""
    _switch(state_dir, runtime_dir, False)


@privacy.command("status")
@runtime_option(RUNTIME, "Where the running appliance tells how it is.")
def privacy_status(runtime_dir: Path) -> None:
    """Whether the camera is closed."""
    from fer_pi.privacy_command import answer

    click.echo(answer(runtime_dir))


def _switch(state_dir: Path, runtime_dir: Path, on: bool) -> None:
    from fer_pi.privacy_command import switch

    click.echo(switch(state_dir, runtime_dir, on))


@click.group()
def leds() -> None:
    """Try the LEDs that the configuration names."""


@leds.command("test")
@click.option("--seconds", type=click.FloatRange(0.2, 60), default=2.0, show_default=True, help="For each.")
@config_option
def leds_test(seconds: float, config_path: Path) -> None:
    """Show every mood and every state on the configured LEDs.

    Stop the service first, for it has their pins.
    """
    _try_out(config_path, ("rgb_led", "emotion_leds"), seconds)


@click.group()
def screen() -> None:
    """Try the screens that the configuration names."""


@screen.command("test")
@click.option("--seconds", type=click.FloatRange(0.2, 60), default=2.0, show_default=True, help="For each.")
@config_option
def screen_test(seconds: float, config_path: Path) -> None:
    """Show every mood and every state on the configured screens.

    Stop the service first, for it has the display.
    """
    _try_out(config_path, ("screen",), seconds)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_option(STATE, "Where the privacy switch is.")
@runtime_option(RUNTIME, "Where the running appliance tells how it is.")
@config_option
def snapshot(file: Path, yes: bool, state_dir: Path, runtime_dir: Path, config_path: Path) -> None:
    """Save one picture of the camera to FILE (.jpg, .png); asks first.

    To see where the camera looks. Nothing else saves a whole picture of the camera. The service must be stopped, and
    privacy off.
    """
    from fer_pi.config import load_config
    from fer_pi.snapshot import save_snapshot

    config = load_config(config_path)
    if not yes:
        again = " (the file there is replaced)" if file.exists() else ""
        click.confirm(f"Save a picture of everybody in front of the camera to {file}{again}?", abort=True)
    save_snapshot(file, config, state_dir, runtime_dir)
    click.echo(f"{file}: saved; delete it when you have seen enough")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--emotion",
    "emotions",
    multiple=True,
    help="Only this one, such as anger; may be repeated.  [default: all eight]",
)
@click.option("--count", type=click.IntRange(1, 999), default=20, show_default=True, help="Faces of each emotion.")
@click.option(
    "--countdown", type=click.FloatRange(0, 60), default=4.0, show_default=True, help="Seconds before each emotion."
)
@click.option("--add", is_flag=True, help="Put them beside what DIR holds already; nothing there is replaced.")
@state_option(STATE, "Where the privacy switch is.")
@runtime_option(RUNTIME, "Where the running appliance tells how it is.")
@config_option
def collect(
    folder: Path,
    emotions: tuple[str, ...],
    count: int,
    countdown: float,
    add: bool,
    state_dir: Path,
    runtime_dir: Path,
    config_path: Path,
) -> None:
    """Record your own labelled faces into DIR; asks first.

    From the configured camera, into a folder for each emotion. Only crops of a single face are saved, as `fer-pi train
    emotion` reads them. The service must be stopped, and privacy off.
    """
    from fer_pi import collect as collecting
    from fer_pi.config import load_config
    from fer_pi.snapshot import camera_at_hand
    from fer_pi.types import CROP_SIZE, EMOTIONS, Emotion
    from fer_pi.vision.detector import open_detector

    if unknown := set(emotions) - {emotion.value for emotion in EMOTIONS}:
        raise click.BadParameter(f"{min(unknown)!r} is none of {', '.join(EMOTIONS)}", param_hint="--emotion")
    config = load_config(config_path)
    collecting.check_folder(folder, add=add)
    click.confirm(collecting.CONSENT.format(size=CROP_SIZE, folder=folder), abort=True)
    detector = open_detector(collecting.seeing_several(config.detector))
    with camera_at_hand(config, state_dir, runtime_dir) as camera:
        saved = collecting.collect(
            folder,
            camera,
            detector,
            [Emotion(name) for name in dict.fromkeys(emotions)] or EMOTIONS,
            count=count,
            session=time.strftime("%Y%m%d-%H%M%S"),
            countdown_s=countdown,
            tell=_tell,
        )
    if not any(saved.values()):
        raise InputError("no face was saved: let one face look into the camera, in good light and near enough")
    click.echo(f"{folder}: faces saved: {sum(saved.values())}; `fer-pi dataset check {folder}` looks them over")


def _tell(text: str, lasting: bool) -> None:
    """A line on the terminal; one that does not last is written over, and left out where nobody watches."""
    if sys.stdout.isatty():
        click.echo(f"\r\x1b[K{text}", nl=lasting)
    elif lasting:
        click.echo(text)


def _try_out(config_path: Path, kinds: tuple[str, ...], seconds: float) -> None:
    from fer_pi.config import load_config
    from fer_pi.try_out import try_out

    try_out(load_config(config_path), kinds, seconds, click.echo)


ALL = (status, doctor, privacy, leds, screen, snapshot, collect)
"""For the group of all commands."""

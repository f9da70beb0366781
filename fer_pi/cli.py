"""The command `fer-pi`: what to do, what to show of it, and how errors end."""

import json
import os
import sys
from pathlib import Path

import click

from fer_pi import __version__, cli_appliance
from fer_pi.cli_logging import hush_ffmpeg, log_to_stderr
from fer_pi.cli_options import STATE, config_option, runtime_option, state_option
from fer_pi.errors import FerPiError, laboratory_needs
from fer_pi.registry import resolve
from fer_pi.shipped import shipped

LATER = {
    "train": {
        "emotion": "fer_pi.training.emotion.commands:train_emotion",
        "detector": "fer_pi.training.detector.commands:train_detector",
        "classical": "fer_pi.training.classical.commands:train_classical",
    },
    "evaluate": {
        "emotion": "fer_pi.training.emotion.commands:evaluate_emotion",
        "detector": "fer_pi.training.detector.commands:evaluate_detector",
    },
    "dataset": {
        "check": "fer_pi.training.dataset.commands:check_dataset",
    },
}
"""Commands of the laboratory, imported when they are called: they need the extra `train`."""


class Laboratory(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(LATER[str(self.name)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        reference = LATER[str(self.name)].get(cmd_name)
        if reference is None:
            return None
        try:
            command: click.Command = resolve(reference)
        except ModuleNotFoundError as error:
            return _refusal(cmd_name, _missing(error))  # so that --help still lists it
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _missing(error) from error


def _missing(error: ModuleNotFoundError) -> click.ClickException:
    """What to do about a library of the laboratory that is not installed; one of ours is a fault, and raised."""
    if (error.name or "").startswith("fer_pi"):
        raise error
    return click.ClickException(f"this {laboratory_needs(str(error.name))}")


def _refusal(name: str, error: click.ClickException) -> click.Command:
    """A command that only says why it cannot be run."""

    def refuse(_: tuple[str, ...]) -> None:
        raise error

    # Whatever its options are, it cannot know them.
    anything = {"ignore_unknown_options": True}
    words = click.Argument(["_"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(name, anything, params=[words], callback=refuse, help=error.message, add_help_option=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fer-pi")
@click.option("-v", "--verbose", count=True, help="Say more; twice for every detail.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what is wrong.")
def commands(verbose: int, quiet: bool) -> None:
    """The mood in front of a camera, shown by a light and a screen, in real time.

    \b
    fer-pi demo                        see it work, with nothing plugged in
    fer-pi run                         be the appliance: camera, light, screen
    fer-pi analyze holiday.mp4 --json  what is in pictures and videos
    fer-pi check                       is this configuration good?
    fer-pi status                      how is the running appliance?
    fer-pi doctor                      what is wrong, and what to do?

    No picture is stored or sent anywhere unless you ask for exactly that.
    """
    log_to_stderr(verbose, quiet)


@commands.command()
@config_option
@click.option("--card", type=click.Path(path_type=Path), help="A file that, where it exists, is used instead.")
@state_option(
    None,
    "For the last good configuration, used when a new one is bad, and the privacy switch (else that of the service).",
)
@runtime_option(None, "For what `fer-pi status` tells.")
@click.option(
    "--sysfs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/sys"),
    help="Where heat and power supply are read, for tries with made-up ones.  [default: /sys]",
)
def run(config_path: Path, card: Path | None, state_dir: Path | None, runtime_dir: Path | None, sysfs: Path) -> None:
    """Be the appliance: show the mood until stopped.

    Ctrl-C and SIGTERM stop it, SIGHUP has it read the configuration anew.
    """
    from fer_pi.device.first_light import FirstLight
    from fer_pi.device.privacy import check_visible

    switch_dir = state_dir or STATE
    check_visible(switch_dir)
    # What follows takes seconds to load.
    light = FirstLight(state_dir, card if card and card.exists() else config_path, runtime_dir)

    from fer_pi.config_choice import ConfigFiles
    from fer_pi.service import serve

    files = ConfigFiles(config_path, card, state_dir)
    serve(files, switch_dir, runtime_dir, os.environ.get("NOTIFY_SOCKET"), sysfs, light)


@commands.command()
@click.option(
    "--seconds", type=click.FloatRange(min=0.5), help="End after this much of the scene.  [default: all of it]"
)
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where demo.mp4 and demo.png go.  [default: here]",
)
def demo(seconds: float | None, folder: Path) -> None:
    """Run the whole chain on an embedded scene, no hardware needed.

    Shows the mood and the colour of the light in the terminal and leaves demo.mp4 and demo.png.
    """
    from fer_pi.demo import run_demo

    run_demo(folder, seconds)


@commands.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON line a frame on standard output.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="A table, one row a face.")
@click.option("--video", type=click.Path(path_type=Path, dir_okay=False), help="A video with the overlay (.mp4).")
@config_option
def analyze(
    inputs: tuple[Path, ...], as_json: bool, csv_file: Path | None, video: Path | None, config_path: Path
) -> None:
    """What is seen in INPUTS: pictures, videos, and folders of either.

    The frames of a video are followed in time; separate pictures know nothing of each other. Without --json a summary
    of each input is printed.
    """
    from fer_pi import analyze as analysis
    from fer_pi.analyze_view import Progress, print_summary
    from fer_pi.chain import open_chain, unhurried
    from fer_pi.config import load_config

    files = analysis.inputs_in(inputs)
    chain = open_chain(unhurried(load_config(config_path)))
    with Progress(files) as progress:
        errors = analysis.analyze(
            files,
            chain,
            json_lines=sys.stdout if as_json else None,
            csv_file=csv_file,
            video=video,
            on_reading=progress.advance,
        )
    if progress.tallies and not as_json:
        print_summary(progress.tallies)
    for error in errors:
        click.echo(f"fer-pi: {error}", err=True)
    if errors:
        sys.exit(errors[0].exit_code)


@commands.command()
@click.argument("video", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--seconds", type=click.FloatRange(min=1), default=5.0, show_default=True, help="Length of each part.")
@click.option(
    "--threads", type=click.IntRange(1, 16), help="Threads of detector and classifier.  [default: as configured]"
)
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
@config_option
def bench(video: Path | None, seconds: float, threads: int | None, as_json: bool, config_path: Path) -> None:
    """Measure every stage, on VIDEO or on the embedded scene.

    First as fast as it goes, for the cost of each stage, then at 30 frames a second, for the age of the mood.
    """
    from fer_pi.bench import measure, print_table
    from fer_pi.chain import with_threads
    from fer_pi.config import load_config

    config = load_config(config_path)
    figures = measure(with_threads(config, threads) if threads else config, video, seconds)
    if as_json:
        click.echo(json.dumps(figures, indent=2))
    else:
        print_table(figures)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def cameras(as_json: bool) -> None:
    """List the cameras that are plugged in, with their formats."""
    from fer_pi.check import print_cameras

    print_cameras(as_json)


@commands.command()
@click.option(
    "--write-errors", is_flag=True, help="Write the mistakes into a file beside it; remove that if there are none."
)
@click.option(
    "--remember",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="If it is good, keep it in this folder, the appliance's state, as the last good one.",
)
@config_option
def check(write_errors: bool, remember: Path | None, config_path: Path) -> None:
    """Check the configuration and all that it names.

    Says what would run, or ends with status 78 and each mistake with its place in the file.
    """
    from fer_pi.check import check_config
    from fer_pi.config_choice import write_complaints

    try:
        check_config(config_path, remember)
    except FerPiError as error:
        if write_errors:
            write_complaints(config_path, error if config_path.exists() else None)
        raise
    if write_errors:
        write_complaints(config_path, None)


@commands.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@click.option("--default", "want_default", is_flag=True, help="The shipped file with all its comments, to start from.")
@config_option
def show(want_default: bool, config_path: Path) -> None:
    """Print the settings in force, defaults filled in, as YAML."""
    import yaml

    from fer_pi.config import load_config

    if want_default:
        click.echo(shipped("config.yaml").read_text(encoding="utf-8"), nl=False)
        return
    settings = load_config(config_path).model_dump(mode="json")
    click.echo(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), nl=False)


@config.command()
def schema() -> None:
    """Print the JSON schema of config.yaml, for editors."""
    from fer_pi.config import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@commands.group(cls=Laboratory)
def train() -> None:
    """Train a model on your own data."""


@commands.group(cls=Laboratory)
def evaluate() -> None:
    """Measure a model on labelled data."""


@commands.group(cls=Laboratory)
def dataset() -> None:
    """Look over labelled data before training on it."""


for command in cli_appliance.ALL:
    commands.add_command(command)


def main() -> None:
    """The entry point: a user's mistake ends in one clear message and the status of its kind, never a traceback."""
    hush_ffmpeg()
    try:
        commands.main(standalone_mode=False)  # a reader that has gone (| head) is click's, quietly
    except click.exceptions.Abort:
        sys.exit(130)
    except click.UsageError as error:
        error.show()
        sys.exit(64)
    except click.ClickException as error:
        error.show()
        sys.exit(69)
    except FerPiError as error:
        for line in str(error).splitlines():
            click.echo(f"fer-pi: {line}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

"""The command `fer-pi dataset check`."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TextColumn
from rich.table import Table

from fer_pi.errors import InputError, laboratory_needs
from fer_pi.training.dataset.check import check
from fer_pi.types import EMOTIONS

COLORS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


@click.command("check")
@click.argument("data", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--report",
    "report_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.html and report.json; the page holds pictures of DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check_dataset(data: Path, report_folder: Path | None, as_json: bool) -> None:
    """Look over the data set in DIR before training on it: counts, sizes, broken files, look-alikes, balance.

    DIR holds train.npz and valid.npz (FER+), train/ and validation/ with a folder for each emotion, or a csv that
    names pictures. Ends with status 66 if something is wrong that training would refuse or that would mislead.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.completed:,} pictures"),)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        figures, contents, pairs = check(data, lambda: bar.advance(task))
    page = None
    if report_folder is not None:
        try:
            from fer_pi.training.dataset.page import write_page
        except ModuleNotFoundError as error:
            raise click.ClickException(f"--report {laboratory_needs(str(error.name))}") from error

        page = write_page(report_folder, figures, contents, pairs)
    if as_json:
        click.echo(json.dumps(figures))
    else:
        _print(figures)
        if page is not None:
            click.echo(f"report: {page}")
    if figures["errors"]:
        sys.exit(InputError.exit_code)


def _print(figures: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(figures['data'])}[/]: {figures['layout']}")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    parts = figures["parts"]
    for name in parts:
        table.add_column(escape(name), justify="right")
    table.add_row("pictures", *(f"{part['pictures']:,}" for part in parts.values()))
    for emotion in EMOTIONS:
        table.add_row(emotion.value, *(f"{part['labels'][emotion.value]:,}" for part in parts.values()))
    table.add_row("no label", *(f"{part['unlabelled']:,}" for part in parts.values()))
    table.add_row(
        "size, median", *(f"{part['width']['median']} x {part['height']['median']}" for part in parts.values())
    )
    table.add_row("look-alikes", *(f"{part['look_alikes']:,}" for part in parts.values()))
    console.print(table)
    for finding in figures["findings"]:
        console.print(f"[{COLORS[finding['level']]}]{finding['level']}[/] {escape(finding['text'])}")
        for example in finding["examples"]:
            console.print(f"    {escape(example)}", style="dim")
    console.print("nothing that training would refuse" if not figures["errors"] else f"errors: {figures['errors']}")

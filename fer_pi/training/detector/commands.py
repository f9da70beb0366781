"""The commands `fer-pi train detector` and `fer-pi evaluate detector`."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from fer_pi.errors import laboratory_needs
from fer_pi.training.detector.evaluate import SHRUNK_PX
from fer_pi.training.detector.labels.formats import read_labels
from fer_pi.vision.detector_input import parse_size

log = logging.getLogger(__name__)

SHIPPED = Path("shipped")
"""What --model calls the model that comes with fer-pi."""


class _Size(click.ParamType[str]):
    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


@click.command("detector")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the finished model."
)
@click.option(
    "--extra",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Further folders like DATA, for training only (tight crops, say).",
)
@click.option(
    "--background",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder of pictures that show no face, your own rooms, say. May be repeated.",
)
@click.option("--epochs", type=click.IntRange(1, 100_000), help="Passes of 8,192 scenes.  [default: 40]")
@click.option("--quick", is_flag=True, help="A first look in minutes: 3 epochs of 2,048 scenes.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stood.")
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    help="Checkpoint whose weights to start from; its net may be narrower.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 1, min_open=True),
    help="Highest learning rate.  [default: 0.03; with --start take less]",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed on a CPU gives the same net."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Least confidence, put into the manifest.  [default: chosen on empty pictures set aside]",
)
@click.option("--threads", type=click.IntRange(1, 64), help="CPU threads.  [default: all]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--checkpoint-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the run is kept.  [default: OUT/run]",
)
def train_detector(
    data: Path,
    out: Path,
    extra: tuple[Path, ...],
    background: tuple[Path, ...],
    epochs: int | None,
    quick: bool,
    resume: bool,
    start: Path | None,
    rate: float | None,
    seed: int,
    threshold: float | None,
    threads: int | None,
    device: str,
    checkpoint_dir: Path | None,
) -> None:
    """Train a face detector on DATA (faces.csv and images/) and export it as ONNX with manifest and card.

    Rows of split val only judge the result, through the class that runs on the Pi.
    """
    from fer_pi.training.detector.product import make_model
    from fer_pi.training.detector.train import Recipe

    recipe = Recipe(seed=seed, epochs=3, scenes=2048, warmup=50) if quick else Recipe(seed=seed)
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    if rate is not None:
        recipe = replace(recipe, learning_rate=rate)
    report = make_model(
        data,
        extra,
        out,
        recipe,
        background=background,
        folder=checkpoint_dir or out / "run",
        resume=resume,
        start=start,
        threshold=threshold,
        threads=threads,
        device=device,
        say=click.echo,
    )
    if report:
        click.echo(as_text([report]))


@click.command("detector")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--model",
    "models",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Model to measure: ours, YuNet, Res10 or Haar; several stand side by side. 'shipped' means the one that comes"
    " with fer-pi.  [default: shipped]",
)
@click.option("--size", type=_Size(), default="320x240", show_default=True, help="The net's input.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Least confidence.  [default: each model's own]",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="val",
    show_default=True,
    help="Which pictures; those of no split are always taken.",
)
@click.option(
    "--face-class",
    multiple=True,
    help="Class that is a face, where the data names several (YOLO, VOC, COCO).  [default: face, or the only one]",
)
@click.option(
    "--report",
    "report_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.html and report.json: the table, plots, and the false boxes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as in report.json.")
def evaluate_detector(
    data: Path,
    models: tuple[Path, ...],
    size: str,
    threshold: float | None,
    split: str,
    face_class: tuple[str, ...],
    report_folder: Path | None,
    as_json: bool,
) -> None:
    """Average precision, recall by size, false boxes, landmark error and time of detectors on DATA.

    DATA is a folder with faces.csv, or with YOLO, Pascal VOC or COCO labels. Sizes are the shorter side of a face in
    pixels at the net's input. The figures come from the very classes that run on the Pi. Small faces are few in most
    data, so a second pass shrinks every picture until its largest face has 15 pixels. The page of --report holds
    pictures of DATA.
    """
    try:
        from fer_pi.training.detector.lab_report import full_figures, judged, write_page
    except ModuleNotFoundError as error:
        raise click.ClickException(f"this {laboratory_needs(str(error.name))}") from error
    pictures = [picture for picture in read_labels(data, face_class) if picture.split in (split, "")]
    chosen = [None if model == SHIPPED else model for model in models or (SHIPPED,)]
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("measuring", total=3 * len(pictures) * len(chosen))
        results = [judged(model, pictures, size, threshold, lambda: bar.advance(task)) for model in chosen]
    figures = full_figures(results, data.resolve().name, split, size)
    page = None
    if report_folder is not None:
        try:
            page = write_page(report_folder, figures, results)
        except ModuleNotFoundError as error:
            raise click.ClickException(f"--report {laboratory_needs(str(error.name))}") from error
    click.echo(json.dumps(figures) if as_json else as_text(figures["models"]))
    if page is not None and not as_json:
        click.echo(f"report: {page}")


def as_text(models: Sequence[dict[str, Any]]) -> str:
    """A table for people, one column a model."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f} %"

    def plain(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    first = models[0]
    rows = [("", [one.get("title", "") for one in models])] if len(models) > 1 else []
    if "ap" in first:
        rows += [
            ("AP, IoU 0.5 to 0.95", [percent(one["ap"]) for one in models]),
            ("AP, IoU 0.5", [percent(one["ap50"]) for one in models]),
        ]
    rows += [
        (f"recall, 20 px or more ({first['faces']['20+']})", [percent(one["recall"]["20+"]) for one in models]),
        (f"recall, 12 to 20 px ({first['faces']['12-20']})", [percent(one["recall"]["12-20"]) for one in models]),
        (f"recall, shrunk to {SHRUNK_PX:g} px", [percent(one["recall_shrunk"]) for one in models]),
        ("false boxes, empty picture", [plain(one["false_boxes_per_picture"], 4) for one in models]),
        ("landmark error, mean", [percent(one["landmark_error"]) for one in models]),
        ("landmark error, median", [percent(one["landmark_error_median"]) for one in models]),
        ("ms a picture, median", [plain(one["ms"], 2) for one in models]),
    ]
    head = f"{first['pictures']} pictures, {first['empty_pictures']} of them without a face"
    return "\n".join([head, *(f"{name:<28}" + "".join(f"{cell:>14}" for cell in cells) for name, cells in rows)])

"""The commands `fer-pi train detector` and `fer-pi evaluate detector`."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from fer_pi.training.detector.evaluate import SHRUNK_PX, measure
from fer_pi.training.detector.labels.formats import read_labels
from fer_pi.vision.detector import DetectorOptions, parse_size

log = logging.getLogger(__name__)

THRESHOLD = 0.5


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
@click.option("--epochs", type=click.IntRange(1, 100_000), help="Passes of 8,192 scenes.  [default: 40]")
@click.option("--quick", is_flag=True, help="A first look in minutes: 3 epochs of 2,048 scenes.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stood.")
@click.option("--start", type=click.Path(path_type=Path), help="Checkpoint whose weights to start from.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed on a CPU gives the same net."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=THRESHOLD,
    show_default=True,
    help="Least confidence, put into the manifest.",
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
    epochs: int | None,
    quick: bool,
    resume: bool,
    start: Path | None,
    seed: int,
    threshold: float,
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
    report = make_model(
        data,
        extra,
        out,
        recipe if epochs is None else replace(recipe, epochs=epochs),
        folder=checkpoint_dir or out / "run",
        resume=resume,
        start=start,
        threshold=threshold,
        threads=threads,
        device=device,
        say=click.echo,
    )
    if report:
        click.echo(as_text(report))


@click.command("detector")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--model", type=click.Path(path_type=Path), help="Another model than the shipped one; also YuNet, Res10 or Haar."
)
@click.option("--size", type=_Size(), default="320x240", show_default=True, help="The net's input.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Least confidence.  [default: the model's own]",
)
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate_detector(
    data: Path, model: Path | None, size: str, threshold: float | None, split: str, as_json: bool
) -> None:
    """Recall by size, false boxes, landmark error and time of a detector on DATA.

    Sizes are the shorter side of a face in pixels at the net's input. The figures come from the very class that
    runs on the Pi. Small faces are few in most data, so a second pass shrinks every picture until its largest
    face has 15 pixels.
    """
    pictures = [picture for picture in read_labels(data) if picture.split == split]
    options = DetectorOptions(model=model, size=size, threshold=threshold)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("measuring", total=2 * len(pictures))
        figures = measure(pictures, options, lambda: bar.advance(task))
    click.echo(json.dumps(figures) if as_json else as_text(figures))


def as_text(figures: dict[str, Any]) -> str:
    """The report for people."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f} %"

    false = figures["false_boxes_per_picture"]
    mean, median = percent(figures["landmark_error"]), percent(figures["landmark_error_median"])
    small = percent(figures["recall_shrunk"])
    return "\n".join(
        [
            f"detector              {figures['detector']}",
            f"pictures              {figures['pictures']}, {figures['empty_pictures']} of them without a face",
            f"recall, 20 px or more {percent(figures['recall']['20+'])} of {figures['faces']['20+']}",
            f"recall, 12 to 20 px   {percent(figures['recall']['12-20'])} of {figures['faces']['12-20']}",
            f"recall, shrunk        {small} (every picture's largest face made {SHRUNK_PX:g} px)",
            f"false boxes           {'-' if false is None else f'{false:.4f}'} a picture without a face",
            f"landmark error        {mean} of the eye distance, median {median}",
            f"time                  {figures['ms']:.2f} ms a picture, median",
        ]
    )

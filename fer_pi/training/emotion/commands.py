"""The commands `fer-pi train emotion` and `fer-pi evaluate emotion`."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click
from click.core import ParameterSource

from fer_pi.errors import laboratory_needs
from fer_pi.training.emotion.conditions import CONDITIONS
from fer_pi.training.emotion.data import load_faces
from fer_pi.training.emotion.evaluate import answers, as_text, judged, report
from fer_pi.training.emotion.robustness import as_text as robustness_text
from fer_pi.training.emotion.robustness import robustness
from fer_pi.vision.classifier import ClassifierOptions, EmotionClassifier

log = logging.getLogger(__name__)

QUICK_EPOCHS = 8
SHIPPED = "shipped"
"""As --finetune's MODEL: the model that comes with fer_pi."""
NEW_MODEL_ONLY = (
    *("epochs", "net", "teachers", "unlabelled", "rate", "start", "detector", "twins"),
    *("quick", "resume", "device", "checkpoint_dir"),
)
"""Parameters that --finetune has no use for."""


@click.command("emotion")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the finished model."
)
@click.option(
    "--epochs",
    type=click.IntRange(1, 10_000),
    help="Passes over the faces.  [default: 64; recogniser: 27, faceres: 12]",
)
@click.option(
    "--net",
    type=click.Choice(["pi", "light", "teacher", "recogniser", "faceres", "tiny"]),
    default="pi",
    show_default=True,
    help="How large a net.",
)
@click.option(
    "--teacher",
    "teachers",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Checkpoint to learn from as well; may be repeated.",
)
@click.option(
    "--unlabelled",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder of photographs; the teachers' opinion of the faces in them is learnt too. May be repeated.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 1, min_open=True),
    help="Highest learning rate; lower it with --start.  [default: 0.1; recogniser: 0.0006, faceres: 0.00015]",
)
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    help="Checkpoint whose weights to start from; for 'recogniser' and 'faceres' a folder of published weights.",
)
@click.option(
    "--detector",
    type=click.Path(path_type=Path, exists=True),
    help="Detector model; each face is then also shown as detector and alignment cut it.",
)
@click.option(
    "--twins",
    type=click.Choice(["refuse", "leave-out", "allow"]),
    default="refuse",
    show_default=True,
    help="What to do about training pictures whose photograph stands in the validation part too.",
)
@click.option(
    "--finetune",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value=SHIPPED,
    metavar="[MODEL]",
    help="Adapt the shipped model, or MODEL, to the faces in DATA (a few dozen do), instead of training a new one.",
)
@click.option(
    "--others",
    type=click.Path(path_type=Path),
    help="With --finetune: crops of many other people, unlabelled, or an .npz of FER+, so that they are not forgotten.",
)
@click.option("--quick", is_flag=True, help=f"A usable model in minutes: {QUICK_EPOCHS} epochs.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stood.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed on a CPU gives the same net.")
@click.option("--threads", type=click.IntRange(1, 64), help="CPU threads.  [default: all]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--checkpoint-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the run is kept.  [default: OUT-run]",
)
@click.pass_context
def train_emotion(
    context: click.Context,
    data: Path,
    out: Path,
    epochs: int | None,
    rate: float | None,
    net: str,
    teachers: tuple[Path, ...],
    unlabelled: tuple[Path, ...],
    start: Path | None,
    detector: Path | None,
    twins: Literal["refuse", "leave-out", "allow"],
    finetune: Path | None,
    others: Path | None,
    quick: bool,
    resume: bool,
    seed: int,
    threads: int | None,
    device: str,
    checkpoint_dir: Path | None,
) -> None:
    """Train an emotion model on DATA and export it as a checked int8 .tflite.

    DATA holds train.npz and valid.npz (FER+), or train/ and validation/ with a folder of pictures for each emotion.
    A part of the training faces is set aside to watch the run and to calibrate; valid only judges the result.
    With --finetune DATA may be what `fer-pi collect` recorded; --out is written only if the model got better.
    """
    if finetune is not None:
        if idle := _given(context, NEW_MODEL_ONLY):
            raise click.UsageError(f"--finetune does not go with {', '.join(idle)}: only a new model has use for that")
        _finetune(data, out, None if str(finetune) == SHIPPED else finetune, others, seed, threads)
        return
    if others is not None:
        raise click.UsageError("--others goes with --finetune")
    from fer_pi.training.emotion.product import make_model
    from fer_pi.training.emotion.train import usual_recipe

    recipe = replace(usual_recipe(net), seed=seed)
    recipe = replace(recipe, epochs=epochs or (QUICK_EPOCHS if quick else recipe.epochs), rate=rate or recipe.rate)
    with progress_bar(recipe.epochs) as (on_plan, on_step, on_epoch):
        figures = make_model(
            data,
            out,
            recipe,
            checkpoint=(checkpoint_dir or Path(f"{out}-run")) / "emotion.ckpt",
            teachers=teachers,
            start=start,
            detector=detector,
            unlabelled=unlabelled,
            resume=resume,
            threads=threads,
            device=device,
            shared="leave out" if twins == "leave-out" else twins,
            on_plan=on_plan,
            on_step=on_step,
            on_epoch=on_epoch,
        )
    click.echo(as_text(f"{out}: int8 on the validation faces", figures))


def _given(context: click.Context, names: tuple[str, ...]) -> list[str]:
    """Those of the parameters that stand on the command line, as they are written there."""
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in names and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]


def _finetune(data: Path, out: Path, model: Path | None, others: Path | None, seed: int, threads: int | None) -> None:
    import torch
    from rich.progress import Progress

    from fer_pi.training.emotion.adapt import Gently
    from fer_pi.training.emotion.personalise import personalise

    if threads is not None:
        torch.set_num_threads(threads)
    settings = Gently(seed=seed)
    with Progress(transient=True) as bar:
        task = bar.add_task("adapting", total=settings.steps)
        figures = personalise(data, out, settings, model=model, others=others, on_step=lambda: bar.advance(task))
    click.echo(
        f"{out}: {figures['learnt']} faces learnt; of {figures['aside']} set aside {figures['before']:.1%} were right"
        f" before, {figures['after']:.1%} are now (log loss down by {figures['gain']:.3f}"
        f" +- {figures['gain_error']:.3f})"
    )
    if figures["alike"]:
        click.echo(
            f"WARNING: {figures['alike']} of the {figures['aside']} faces set aside look like learnt ones, so that they"
            " hardly tell how it fares later: record a second session on another day (`fer-pi collect`), into"
            f" {data / 'validation'}, and run this again"
        )
    agreement = figures["agreement_on_others"]
    if agreement is None:
        click.echo("what it forgot of other people is not known: --others FACES teaches it to remember, and tells")
    else:
        click.echo(f"on other people's faces it says what it said before on {agreement:.1%}")


@click.command("emotion")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path), help="Folder or file of another model than the shipped one.")
@click.option(
    "--protocol",
    type=click.Choice(["majority", "top", "all"]),
    default="majority",
    show_default=True,
    help="Which label counts where several people voted: one with over half of the votes, or the first of them.",
)
@click.option("--robustness", "with_robustness", is_flag=True, help="Also under blur, noise, darkness ... (majority).")
@click.option(
    "--report",
    "report_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.html and report.json: all figures, plots, slices, the worst mistakes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate_emotion(
    data: Path, model: Path | None, protocol: str, with_robustness: bool, report_folder: Path | None, as_json: bool
) -> None:
    """Accuracy, F1 and calibration of an emotion model on the validation part of DATA.

    The figures come from the very class and the very crops' normalisation that run on the Pi. The page of --report
    holds faces of DATA.
    """
    faces = load_faces(data, "valid")
    classifier = EmotionClassifier(ClassifierOptions(model=model))
    said = answers(classifier, faces)
    majority, top = (report(judged(said, faces, name)) for name in ("majority", "top"))
    figures: dict[str, Any] = top if protocol == "top" else majority
    if faces.voted:
        figures = figures | {"protocols": {"majority": majority, "top": top}}
    page = None
    with steps_shown() as step:
        if report_folder is not None:
            from fer_pi.training.emotion.frame import face_detector

            try:
                from fer_pi.training.emotion.lab_report import full_figures, write_page
            except ModuleNotFoundError as error:
                raise click.ClickException(f"--report {laboratory_needs(str(error.name))}") from error

            full = full_figures(
                faces, said, classifier, model=model, data=data.resolve().name, detect=face_detector(), step=step
            )
            page = write_page(report_folder, full, faces)
            figures |= {"robustness": full["robustness"]} if with_robustness else {}
        elif with_robustness:
            done = step("bad pictures", len(CONDITIONS))
            figures |= {"robustness": robustness(classifier, faces, "majority", clean=said, on_done=done)}
    if as_json:
        click.echo(json.dumps(figures))
        return
    if not faces.voted:
        click.echo(as_text(str(data), majority))
    if faces.voted and protocol in ("majority", "all"):
        click.echo(as_text("majority of the votes", majority))
    if faces.voted and protocol in ("top", "all"):
        click.echo(as_text("top vote", top))
    if with_robustness:
        click.echo(robustness_text(figures["robustness"]))
    if page is not None:
        click.echo(f"report: {page}")


@contextmanager
def progress_bar(epochs: int) -> Iterator[tuple[Any, Any, Any]]:
    """A bar with the time left, and the three functions that feed it: steps planned, a step done, an epoch done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns) as bar:
        task = bar.add_task("", total=float(epochs))
        steps = 1

        def on_plan(steps_an_epoch: int, epochs_done: int) -> None:
            nonlocal steps
            steps = steps_an_epoch
            bar.update(task, completed=epochs_done)

        def on_epoch(progress: Any) -> None:
            text = f"loss {progress.loss:.3f}, right {progress.accuracy:.1%}"
            bar.update(task, completed=progress.epoch, description=text)

        yield on_plan, lambda: bar.advance(task, 1 / steps), on_epoch


@contextmanager
def steps_shown() -> Iterator[Callable[[str, int], Callable[[], None]]]:
    """A bar on standard error for what takes long; to be told what comes and in how many steps, then called at each."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:

        def step(title: str, steps: int) -> Callable[[], None]:
            task = bar.add_task(title, total=steps)
            return lambda: bar.advance(task)

        yield step

"""The command `fer-pi train classical`."""

import json
from pathlib import Path

import click
from rich.console import Console

from fer_pi.training.emotion.commands import steps_shown
from fer_pi.vision.classifier import ClassifierOptions, EmotionClassifier


@click.command("classical")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--shape-predictor",
    type=click.Path(path_type=Path),
    help="dlib's model of 68 points (.dat), with dlib installed; without it shape means our detector's five points.",
)
@click.option(
    "--most-faces",
    type=click.IntRange(min=50),
    default=6000,
    show_default=True,
    help="Most faces that SVM and forest learn from, drawn at random: their time grows faster than the number.",
)
@click.option("--model", type=click.Path(path_type=Path), help="Another net to compare with than the shipped one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train_classical(
    data: Path, shape_predictor: Path | None, most_faces: int, model: Path | None, as_json: bool
) -> None:
    """Compare classical classifiers with the net on DATA, by cross-validation and on the validation part.

    Features are the face's shape (distances, angles, ellipses) and histograms of oriented gradients; classifiers are
    SVM, logistic regression, LDA and a random forest. Only faces on which a majority agrees count. Nothing is saved.
    """
    import sklearn  # noqa: F401 missing, it is named before minutes of work

    from fer_pi.training.classical.contest import as_tables, compare, labelled_faces
    from fer_pi.training.classical.features import dlib_predictor

    predictor = None if shape_predictor is None else dlib_predictor(shape_predictor)
    net = EmotionClassifier(ClassifierOptions(model=model))
    train, valid = labelled_faces(data)
    with steps_shown() as step:
        result = compare(train, valid, net=net, predictor=predictor, most_faces=most_faces, step=step)
    if as_json:
        click.echo(json.dumps({"data": data.resolve().name, **result}))
    else:
        Console(highlight=False, soft_wrap=True).print(as_tables(result))

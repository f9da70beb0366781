"""One command from data to a checked int8 model: its figures, its card, and what it leaves when it fails."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from fer_pi.errors import FerPiError, InputError
from fer_pi.shipped import shipped
from fer_pi.testing.labelled_faces import two_mouths, voted, write_archives, write_folders
from fer_pi.training.emotion.data import (
    NO_LABEL,
)
from fer_pi.training.emotion.evaluate import Judged, expected_calibration_error, fitted_temperature, judged, report
from fer_pi.types import EMOTIONS

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
pytest.importorskip("sklearn", reason="evaluation needs scikit-learn (the extra 'train')")


from fer_pi.training.emotion import frame
from fer_pi.training.emotion.card import card_text
from fer_pi.training.emotion.commands import evaluate_emotion, train_emotion


def run(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_report_counts_as_by_hand() -> None:
    said = np.full((4, 8), 0.05)
    said[[0, 1, 2, 3], [0, 0, 1, 1]] = 0.65
    figures = report(Judged(said, np.array([0, 1, 1, 1])))
    assert figures["samples"] == 4
    assert figures["accuracy"] == 0.75
    assert figures["per_class"]["happiness"] == {
        "precision": 1.0,
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(0.8),
        "support": 3,
    }
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert figures["ece"] == pytest.approx(0.1)


def test_calibration_error_is_nil_for_a_classifier_that_is_as_right_as_it_says() -> None:
    said = np.full((10, 8), 0.2 / 7)
    said[:, 2] = 0.8
    assert expected_calibration_error(Judged(said, np.array([2] * 8 + [3] * 2))) == pytest.approx(0)


def test_the_fitted_temperature_undoes_a_known_one() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, (4000, 8))
    powers = np.exp(logits)
    labels = np.array([rng.choice(8, p=row / row.sum()) for row in powers])
    assert fitted_temperature(logits * 3, labels) == pytest.approx(3, rel=0.07)


def test_a_protocol_without_any_label_is_an_error() -> None:
    faces = replace(voted(4), majority=np.full(4, NO_LABEL))
    with pytest.raises(InputError, match="majority"):
        judged(np.full((4, 8), 1 / 8), faces, "majority")


def test_a_detector_that_finds_the_template_gives_the_picture_back_unmoved() -> None:
    from fer_pi.types import Box, Face
    from fer_pi.vision.align import TEMPLATE

    images, _ = two_mouths(3)
    images = np.stack([cv2.GaussianBlur(image, (0, 0), 2) for image in images])
    points = tuple((3 * (x + 24.5) - 0.5, 3 * (y + 24.5) - 0.5) for x, y in TEMPLATE)
    face = Face(Box(100, 90, 90, 110), points, 0.9)
    crops, found = frame.recropped(images, lambda picture: [face])
    assert found.all()
    assert np.abs(crops.astype(int) - images)[:, 2:-2, 2:-2].mean() < 2
    measured = frame.measure(images, lambda picture: [face])
    np.testing.assert_allclose(frame.template(measured)[0], TEMPLATE, atol=0.01)
    assert not frame.recropped(images, lambda picture: [])[1].any()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    pytest.importorskip("litert_torch", reason="exporting needs litert-torch (the extra 'train')")
    pytest.importorskip("ai_edge_quantizer", reason="quantising needs ai-edge-quantizer (the extra 'train')")
    folder = tmp_path_factory.mktemp("made")
    write_archives(folder / "data")
    arguments = (
        folder / "data",
        "--out",
        folder / "model",
        "--net",
        "tiny",
        "--epochs",
        2,
        "--device",
        "cpu",
        "--threads",
        1,
    )
    return folder, run(train_emotion, *arguments)


def test_one_command_leaves_a_model_that_the_evaluation_takes(made: tuple[Path, Result]) -> None:
    folder, result = made
    assert result.exit_code == 0, result.output
    assert {file.name for file in (folder / "model").iterdir()} == {"emotion.tflite", "manifest.json", "card.md"}
    assert (folder / "model-run" / "emotion.ckpt").is_file()
    judgement = run(evaluate_emotion, folder / "data", "--model", folder / "model", "--json")
    assert judgement.exit_code == 0, judgement.output
    figures = json.loads(judgement.output)
    manifest = json.loads((folder / "model" / "manifest.json").read_text())
    assert figures["samples"] == 40
    assert set(figures["per_class"]) == {emotion.value for emotion in EMOTIONS}
    assert set(figures["protocols"]) == {"majority", "top"}
    assert figures["accuracy"] == manifest["training"]["metrics"]["int8"]["majority"]["accuracy"]


@pytest.mark.parametrize("other", ["--teacher", "--start", "--detector"])
def test_a_run_is_not_resumed_with_what_another_run_was_given(made: tuple[Path, Result], other: str) -> None:
    folder, _ = made
    given = shipped("models/detector") if other == "--detector" else folder / "model-run" / "emotion.ckpt"
    fixed = ("--net", "tiny", "--epochs", 2, "--device", "cpu", "--threads", 1, "--resume")
    result = run(train_emotion, folder / "data", "--out", folder / "model", *fixed, other, given)
    assert isinstance(result.exception, InputError)
    assert f"{other[2:]}" in str(result.exception) and "_sha256" in str(result.exception)
    assert "start without --resume" in str(result.exception)


def card(**config: Any) -> str:
    """The card of a model trained so."""
    manifest = json.loads(shipped("models/emotion/manifest.json").read_text())
    manifest["training"]["config"] |= {"teachers": [], "twins": "refuse", "judges": "valid"} | config
    return " ".join(card_text(manifest, voted=True).split())


def test_the_card_tells_whether_shared_photographs_taught(made: tuple[Path, Result]) -> None:
    manifest = json.loads((made[0] / "model" / "manifest.json").read_text())
    assert manifest["training"]["config"]["twins"] == "refuse"
    assert "validation part too were left out" in card(twins="leave out")
    allowed = card(twins="allow")
    assert "left out" not in allowed and "taught as well" in allowed and "neither taught nor tuned" not in allowed


def test_the_card_tells_who_judged(made: tuple[Path, Result], tmp_path: Path) -> None:
    assert "neither taught nor tuned anything" in (made[0] / "model" / "card.md").read_text()
    data, out = write_folders(tmp_path / "data", ("sad", "happy"), 200), tmp_path / "model"
    result = run(train_emotion, data, "--out", out, "--net", "tiny", "--epochs", 1, "--device", "cpu", "--threads", 1)
    assert result.exit_code == 0, result.output
    told = (out / "card.md").read_text()
    assert "neither taught" not in told and "chose the temperature" in told and "validation part too" not in told


def test_the_card_tells_what_a_net_began_with() -> None:
    assert "no pre-trained weights" in card()
    published = card(net="recogniser", start="model", published=True)
    assert "meant as a teacher (`fer_pi/training/emotion/recogniser.py`)" in published and "3x3" not in published
    assert "from the weights of dlib's face recognition net" in published
    assert "earlier run" not in published and "no pre-trained" not in published
    taught = card(teachers=["a.ckpt (recogniser)", "b.ckpt (faceres)", "c.ckpt (light)"])
    assert (
        "the recogniser with the weights of dlib's" in taught and "and the faceres with the weights of HSE's" in taught
    )
    assert "None of these weights are in this model" in taught and "their own cards" not in taught
    for earlier in ({"start": "first.ckpt"}, {"teachers": ["first.ckpt (light)"]}):
        assert "their own cards tell" in card(**earlier) and "no pre-trained" not in card(**earlier)


def test_the_card_states_the_figures_of_the_manifest(made: tuple[Path, Result]) -> None:
    folder, _ = made
    manifest = json.loads((folder / "model" / "manifest.json").read_text())
    card = (folder / "model" / "card.md").read_text()
    assert f"{manifest['training']['metrics']['int8']['majority']['accuracy']:.2%}" in card
    assert manifest["sha256"] in card


@pytest.mark.parametrize("protocol", ["majority", "top", "all"])
def test_the_evaluation_prints_a_table_for_people(made: tuple[Path, Result], protocol: str) -> None:
    folder, _ = made
    result = run(evaluate_emotion, folder / "data", "--model", folder / "model", "--protocol", protocol)
    assert result.exit_code == 0, result.output
    assert result.output.count("macro-F1") == (2 if protocol == "all" else 1)


def test_a_run_that_fails_leaves_nothing_in_the_folder_of_the_model(tmp_path: Path) -> None:
    write_folders(tmp_path / "data", ("sad", "happy"), 3)
    result = run(train_emotion, tmp_path / "data", "--out", tmp_path / "model", "--quick")
    assert isinstance(result.exception, FerPiError)
    assert not (tmp_path / "model").exists()

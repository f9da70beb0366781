"""The detector report: average precision as COCO defines it, false boxes told from ignored ones, one page for all."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from fer_pi.errors import InputError
from fer_pi.shipped import shipped
from fer_pi.sources import demo
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.evaluate import FalseBox, evaluate
from fer_pi.types import Box, Face, Image

pytest.importorskip("pycocotools", reason="average precision needs pycocotools (the extra 'train')")

from fer_pi.training.detector.commands import evaluate_detector
from fer_pi.training.detector.lab_report import SHEET_PX, cut_out, judged
from fer_pi.training.detector.precision import average_precision

SIZE = (320, 240)


def picture(
    folder: Path, number: int, boxes: Sequence[Sequence[float]], ignored: Sequence[bool] = ()
) -> LabelledPicture:
    """A grey picture of 320 x 240, whose mean grey is its number, with labels."""
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), np.full((240, 320), number, np.uint8))
    return LabelledPicture(
        path,
        path.name,
        "val",
        "",
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full((len(boxes), 5, 2), np.nan, np.float32),
        np.array(ignored or [False] * len(boxes), bool),
    )


class _Says:
    """A detector that knows what to say of the picture of each grey."""

    def __init__(self, *answers: Sequence[tuple[float, Sequence[float]]]) -> None:
        self._answers = answers

    def detect(self, gray: Image) -> list[Face]:
        return [Face(Box(*box), (), confidence) for confidence, box in self._answers[int(gray[0, 0])]]


A, B, FAR = (10, 10, 40, 40), (100, 10, 40, 40), (200, 150, 40, 40)


def test_every_face_and_nothing_else_is_an_average_precision_of_one(tmp_path: Path) -> None:
    pictures = [picture(tmp_path, 0, [A]), picture(tmp_path, 1, [B]), picture(tmp_path, 2, [])]
    figures = average_precision(_Says([(0.9, A)], [(0.8, B)], []), pictures, SIZE)
    assert figures["ap"] == figures["ap50"] == figures["ar100"] == pytest.approx(1)
    assert figures["ap_by_size"]["20 to 48 px"] == pytest.approx(1) and figures["ap_by_size"]["96 px and more"] is None
    assert set(figures["curve"]["precision"]) == {1.0} and len(figures["curve"]["recall"]) == 101


def test_a_missed_face_and_a_surer_false_box_cost_what_coco_says(tmp_path: Path) -> None:
    pictures = [picture(tmp_path, 0, [A]), picture(tmp_path, 1, [B])]
    missed = average_precision(_Says([(0.9, A)], []), pictures, SIZE)
    assert missed["ap50"] == pytest.approx(51 / 101)  # recalls 0 to 0.5 of 101 have precision 1
    wrong = average_precision(_Says([(0.5, A), (0.9, FAR)], [(0.4, B)]), pictures, SIZE)
    assert wrong["ap50"] == pytest.approx(2 / 3)  # false, right, right: at best 2 of 3 at every recall
    nothing = average_precision(_Says([], []), pictures, SIZE)
    assert nothing["ap50"] == 0 and nothing["ar100"] == 0


def test_a_loose_box_counts_up_to_its_iou(tmp_path: Path) -> None:
    shifted = (10 + 40 * 0.22 / 1.78, 10, 40, 40)  # IoU 0.78
    figures = average_precision(_Says([(0.9, shifted)]), [picture(tmp_path, 0, [A])], SIZE)
    assert figures["ap50"] == figures["ap75"] == pytest.approx(1)
    assert figures["ap"] == pytest.approx(0.6), "right at 0.5, 0.55 .. 0.75 of ten"


def test_without_a_face_there_is_no_average_precision(tmp_path: Path) -> None:
    figures = average_precision(_Says([(0.9, A)]), [picture(tmp_path, 0, [])], SIZE)
    assert figures["ap"] is None and figures["ap50"] is None and figures["curve"]["recall"] == []


def test_a_box_on_an_ignored_face_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    pictures = [picture(tmp_path, 0, [A, B], [False, True])]
    says = _Says([(0.5, A), (0.9, B), (0.3, FAR)])
    assert average_precision(says, pictures, SIZE)["ap50"] == pytest.approx(1)
    tally = evaluate(says, pictures, SIZE)
    assert [one.face.box.left for one in tally.false_boxes] == [FAR[0]] and tally.recall(0) == (1.0, 1)
    assert tally.report()["false_boxes_per_picture"] is None, "it counts on pictures without a face only"


def test_a_false_box_is_shown_in_the_middle_of_its_surroundings(tmp_path: Path) -> None:
    for box in ((300.0, 220.0, 60.0, 60.0), (0.0, 0.0, 320.0, 240.0), (5.0, 5.0, 0.0, 4.0)):
        shown = cut_out(FalseBox(picture(tmp_path, 90, []), Face(Box(*box), (), 0.9)))
        assert shown.shape == (SHEET_PX, SHEET_PX) and shown[0, 0] == 90
        assert shown[SHEET_PX // 4 : 3 * SHEET_PX // 4 + 1].max() == 255


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A real face as YOLO has it, and two pictures without one, whose name is markup."""
    folder = tmp_path / "a<b>"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    photograph = cv2.imread(str(Path(demo.__file__).parent / "demo_faces" / "hopper.jpg"), cv2.IMREAD_GRAYSCALE)
    assert photograph is not None
    height, width = photograph.shape
    cv2.imwrite(str(folder / "images" / "face.png"), photograph)
    left, top, w, h = 138, 83, 138, 178
    (folder / "labels" / "face.txt").write_text(
        f"0 {(left + w / 2) / width} {(top + h / 2) / height} {w / width} {h / height}\n"
    )
    for n in range(2):
        noise = np.random.default_rng(n).integers(0, 256, (120, 160)).astype(np.uint8)
        cv2.imwrite(str(folder / "images" / f"{n}<i>.png"), noise)
    return folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(evaluate_detector, [str(argument) for argument in arguments])


def test_several_models_stand_in_one_table_one_page_and_one_json(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="reports need matplotlib (the extra 'train')")
    pytest.importorskip("jinja2", reason="reports need jinja2 (the extra 'train')")
    report = tmp_path / "report"
    models = ("--model", "shipped", "--model", shipped("models/detector"))
    result = invoke(data, *models, "--report", report, "--threshold", 0.05)
    assert result.exit_code == 0, result.output
    header = next(line for line in result.stdout.splitlines() if "fer_pi 1" in line)
    assert header.split() == ["fer_pi", "1", "fer_pi", "2"]
    figures = json.loads((report / "report.json").read_text())
    first, second = figures["models"]
    assert first["sha256"] == second["sha256"] and first["pictures"] == 3 and first["empty_pictures"] == 2
    assert first["ap50"] == second["ap50"] and first["faces"]["20+"] == 1
    assert str(tmp_path) not in json.dumps(figures), "no path of this machine"
    page = (report / "report.html").read_text()
    assert not re.search(r"""(?:src|href)=["'](?!data:)|@import|url\((?!["']?data:)""", page), "nothing is fetched"
    assert "a&lt;b&gt;" in page and "<i>.png" not in page
    assert page.count('class="plot"') == 2 and page.count("False boxes of") == 2


def test_the_shipped_detector_finds_grace_hopper(data: Path) -> None:
    result = invoke(data, "--json")
    assert result.exit_code == 0, result.output
    (model,) = json.loads(result.stdout.splitlines()[-1])["models"]
    assert model["title"] == "fer_pi" and model["recall"]["20+"] == 1.0 and model["ap50"] > 0.99


def test_without_pycocotools_the_command_names_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "fer_pi.training.detector.lab_report")
    monkeypatch.delitem(sys.modules, "fer_pi.training.detector.precision")
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    monkeypatch.delitem(sys.modules, "pycocotools.coco")
    result = invoke(data)
    assert result.exit_code == 1 and "pip install '.[train]'" in result.output and "pycocotools" in result.output


def test_no_picture_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no picture of this split"):
        judged(None, [], "320x240")

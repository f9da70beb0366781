"""The emotion report: figures that agree with the definitions, slices that cover, one page that stands alone."""

import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.training.emotion.data import Faces, faces_from_votes
from fer_pi.training.emotion.evaluate import Judged
from fer_pi.types import EMOTIONS, Box, Face, Image

pytest.importorskip("sklearn", reason="evaluation needs scikit-learn (the extra 'train')")
pytest.importorskip("matplotlib", reason="reports need matplotlib (the extra 'train')")
pytest.importorskip("jinja2", reason="reports need jinja2 (the extra 'train')")

from fer_pi.training.emotion import plots
from fer_pi.training.emotion.commands import evaluate_emotion
from fer_pi.training.emotion.conditions import CONDITIONS
from fer_pi.training.emotion.measures import by_slice, interval, measures, protocols, worst_mistakes
from fer_pi.training.emotion.robustness import robustness
from fer_pi.training.emotion.slices import light, pose, slices
from fer_pi.training.page import write_report
from fer_pi.types import Scores
from fer_pi.vision.align import normalized


def made_faces(count: int = 60, seed: int = 0) -> Faces:
    """Blurs of grey with votes for the first three emotions in turn; every tenth is disputed."""
    rng = np.random.default_rng(seed)
    images = np.kron(rng.uniform(20, 235, (count, 6, 6)), np.ones((8, 8))) + rng.normal(0, 4, (count, 48, 48))
    votes = np.zeros((count, 10), np.uint8)
    votes[np.arange(count), np.arange(count) % 3] = 8
    votes[::10, 4] = 8
    return faces_from_votes(np.clip(images, 0, 255).astype(np.uint8), votes)


def answers_to(faces: Faces, right: float, seed: int = 0) -> NDArray[Any]:
    """(N, 8) probabilities whose top is the first vote in about the share `right` of the faces."""
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.full(8, 0.5), len(faces))
    meant = np.where(rng.random(len(faces)) < right, faces.top, rng.integers(0, 8, len(faces)))
    said[np.arange(len(faces)), meant] += 1.5
    return np.asarray(said / said.sum(axis=1, keepdims=True))


class _Sees:
    """Answers by the mean of the normalised crop's upper half, so that spoiling the crop matters."""

    def __init__(self) -> None:
        self.seen: list[NDArray[Any]] = []

    def classify(self, crops: list[Image]) -> list[Scores]:
        self.seen.append(np.array(crops))
        return [Scores.of(np.eye(8)[int(crop[:32].mean()) % 3] * 0.93 + 0.01) for crop in crops]


def test_the_figures_are_those_of_their_definitions() -> None:
    said = np.full((5, 8), 0.02)
    said[[0, 1, 2, 3, 4], [0, 0, 0, 1, 0]] = 0.86
    figures = measures(Judged(said, np.array([0, 0, 0, 1, 1])))
    assert figures["accuracy"] == 0.8
    assert figures["balanced_accuracy"] == 0.75  # recalls 1 and 1/2
    assert figures["confusion"]["counts"][1][:3] == [1, 1, 0]
    assert figures["log_loss"] == pytest.approx(-(4 * np.log(0.86) + np.log(0.02)) / 5)
    assert set(figures["roc"]) == {"neutral", "happiness"}
    assert figures["roc"]["happiness"]["auc"] == pytest.approx(0.75)
    (step,) = figures["reliability"]
    assert (step["samples"], step["accuracy"]) == (5, 0.8)
    assert step["from"] < 0.86 < step["to"]
    assert step["confidence"] == pytest.approx(0.86)


def test_coverage_falls_as_more_confidence_is_asked_and_starts_with_everybody() -> None:
    faces = made_faces(300)
    figures = protocols(answers_to(faces, 0.8), faces)["top"]
    levels, curve = figures["coverage"]["levels"], figures["coverage"]["curve"]
    shares = [level["coverage"] for level in levels]
    assert shares[0] == 1 and shares == sorted(shares, reverse=True)
    assert levels[0]["accuracy"] == figures["accuracy"]
    assert curve["coverage"][-1] == 1 and curve["accuracy"][-1] == pytest.approx(figures["accuracy"], abs=1e-4)
    assert curve["confidence"] == sorted(curve["confidence"], reverse=True)


def test_the_interval_of_a_share_is_wilson_s() -> None:
    assert interval(8, 10) == pytest.approx([0.490, 0.943], abs=2e-3)  # Brown, Cai & DasGupta 2001
    assert interval(0, 0) == [0, 1]
    assert interval(5, 5)[1] == 1


def test_the_worst_mistakes_are_wrong_and_the_surest_first() -> None:
    faces = made_faces()
    said = np.full((60, 8), 0.01)
    said[np.arange(60), faces.top] = 0.93
    said[[7, 22]] = 0.01
    said[7, 3], said[22, 3], said[22, faces.top[22]] = 0.93, 0.6, 0.34
    said[20, :] = np.eye(8)[6]  # disputed: has no majority
    worst = worst_mistakes(said, faces, "majority", 5)
    assert [(one["face"], one["answer"]) for one in worst] == [(7, "sadness"), (22, "sadness")]
    assert worst[0]["people"] == {EMOTIONS[7 % 3].value: 1.0}
    assert [one["face"] for one in worst_mistakes(said, faces, "top", 5)] == [20, 7, 22]
    assert len(worst_mistakes(said, faces, "top", 1)) == 1


def test_every_condition_spoils_the_raw_picture_before_the_normalisation_of_the_pi() -> None:
    faces, classifier = made_faces(), _Sees()
    clean = np.array([scores.probabilities for scores in classifier.classify(list(normalized(faces.images)))])
    done: list[int] = []
    figures = robustness(classifier, faces, "majority", clean=clean, on_done=lambda: done.append(1))  # type: ignore[arg-type]
    assert list(figures["conditions"]) == [condition.name for condition in CONDITIONS]
    assert len(done) == len(CONDITIONS)
    for condition, seen in zip(CONDITIONS, classifier.seen[1:], strict=True):
        np.testing.assert_array_equal(seen, normalized(condition.change(faces.images, figures["seed"])))
    for row in figures["conditions"].values():
        assert row["points_lost"] == pytest.approx(100 * (figures["clean"] - row["accuracy"]))
        assert row["within"] == (row["points_lost"] <= row["most_lost"])


def turned_face(picture: Image) -> list[Face]:
    """A face in the middle of a padded picture, its nose towards one side, tilted by about 11 degrees."""
    if picture.mean() < 110:
        return []
    points = ((120.0, 120.0), (170.0, 130.0), (162.0, 150.0), (120.0, 180.0), (166.0, 190.0))
    return [Face(Box(100, 95, 90, 110), points, 0.9)]


def test_slices_part_the_faces_that_have_a_label() -> None:
    faces = made_faces(200)
    said = answers_to(faces, 0.7)
    table = slices(said, faces, "majority", turned_face)
    labelled = int((faces.majority >= 0).sum())
    assert list(table) == ["brightness", "contrast", "sharpness", "size", "turn", "tilt", "found by the detector"]
    for name in ("brightness", "contrast", "sharpness", "found by the detector"):
        assert sum(row["samples"] for row in table[name]) == labelled, name
    found = table["found by the detector"][0]["samples"]
    assert 0 < found < labelled
    for name in ("size", "turn", "tilt"):
        assert sum(row["samples"] for row in table[name]) == found, name
    assert set(slices(said, faces, "majority", None)) == {"brightness", "contrast", "sharpness"}


def test_light_and_pose_are_measured_in_the_pixels_of_the_crop() -> None:
    faces = made_faces()
    bright = replace(faces, images=np.full_like(faces.images, 200))
    assert light(bright)["brightness"] == pytest.approx(200)
    assert light(bright)["sharpness"].max() == 0
    found = pose(bright, turned_face)
    assert found["size"] == pytest.approx(30)  # 90 px of a picture enlarged three times
    assert found["tilt"] == pytest.approx(np.degrees(np.arctan2(10, 50)))
    assert (found["turn"] > 0.5).all()
    assert np.isnan(pose(replace(bright, images=np.zeros_like(faces.images)), turned_face)["size"]).all()


def test_a_slice_without_labels_has_no_accuracy() -> None:
    faces = made_faces()
    assert by_slice(answers_to(faces, 1), faces, "majority", np.zeros(60, bool))["accuracy"] is None


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures = 0
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        self.pictures += tag == "img"
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    faces = made_faces()
    votes = np.zeros((60, 10), np.uint8)
    votes[np.arange(60), np.arange(60) % 3] = 8
    np.savez(tmp_path / "valid.npz", images=faces.images, votes=votes)
    return tmp_path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(evaluate_emotion, [str(argument) for argument in arguments])


def test_the_command_writes_one_page_that_needs_nothing_else_and_the_same_figures_as_json(archive: Path) -> None:
    result = run(archive, "--report", archive / "a" / "report", "--json")
    assert result.exit_code == 0, result.output
    page = (archive / "a" / "report" / "report.html").read_text()
    figures = json.loads((archive / "a" / "report" / "report.json").read_text())
    assert sorted(file.name for file in (archive / "a" / "report").iterdir()) == ["report.html", "report.json"]
    parser = _Links()
    parser.feed(page)
    assert not parser.open
    assert all(link.startswith("data:image/") for link in parser.links), [link[:60] for link in parser.links]
    wrong = round(60 * (1 - figures["protocols"]["majority"]["accuracy"]))
    assert len(figures["mistakes"]) == min(50, wrong)
    assert parser.pictures == 6 + 1 + len(CONDITIONS) + len(figures["mistakes"])
    assert f"{100 * figures['protocols']['majority']['accuracy']:.1f} %" in page
    assert figures["data"]["name"] == archive.name
    assert str(archive) not in page
    printed = json.loads(result.stdout.strip().splitlines()[-1])
    assert printed["accuracy"] == figures["protocols"]["majority"]["accuracy"]
    assert "robustness" not in printed


def test_robustness_can_be_had_without_a_report(archive: Path) -> None:
    printed = json.loads(run(archive, "--robustness", "--json").stdout.strip().splitlines()[-1])
    assert set(printed["robustness"]["conditions"]) == {condition.name for condition in CONDITIONS}
    assert printed["robustness"]["clean"] == printed["accuracy"]
    assert "points lost" in run(archive, "--robustness").output


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
def test_without_a_library_for_reports_the_command_names_it(
    archive: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("fer_pi.training.page", "fer_pi.training.emotion.lab_report", "fer_pi.training.emotion.plots"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    result = run(archive, "--report", archive / "report")
    assert result.exit_code == 1
    assert f"'{package}': pip install '.[train]'" in result.output


def test_a_report_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="name another folder"):
        write_report(tmp_path / "file" / "x", "base.html", {})


def test_what_a_data_set_is_called_cannot_become_markup(archive: Path) -> None:
    odd = archive / "a<b onload=x>"
    odd.mkdir()
    (archive / "valid.npz").rename(odd / "valid.npz")
    assert run(odd, "--report", archive / "report").exit_code == 0
    page = (archive / "report" / "report.html").read_text()
    assert "a&lt;b onload=x&gt;" in page and "<b onload" not in page


def test_every_emotion_s_ink_reads_on_white_and_differs_from_the_others() -> None:
    inks = [plots.ink(emotion) for emotion in EMOTIONS]
    assert len(set(inks)) == len(EMOTIONS)
    for color in inks:
        assert re.fullmatch("#[0-9a-f]{6}", color)
        red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 130

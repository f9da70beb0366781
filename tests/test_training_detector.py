"""Detector training: targets, losses, export, and runs that resume."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from fer_pi.errors import FerPiError, InputError
from fer_pi.testing.labelled_boxes import drawn_face, row_of, write_data, write_drawn_faces
from fer_pi.training.detector.labels.formats import read_labels
from fer_pi.types import Box, Face, Image

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
pytest.importorskip("onnx", reason="the export needs onnx (the extra 'train')")

import torch

from fer_pi.training.detector import loss as losses_module
from fer_pi.training.detector import product
from fer_pi.training.detector import train as training
from fer_pi.training.detector.commands import evaluate_detector, train_detector
from fer_pi.training.detector.evaluate import evaluate, shrunk
from fer_pi.training.detector.export import export
from fer_pi.training.detector.muon import nearest_orthogonal
from fer_pi.training.detector.net import FaceNet, NetShape, cells, decode, flatten
from fer_pi.training.detector.teacher import write_data as write_taught
from fer_pi.training.detector.train import CHECKPOINT, Recipe
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions

SMALL = NetShape(stem=(2, 4), width=(8, 8, 8), depth=(0, 1, 1, 1))
QUICK = Recipe(epochs=2, scenes=8, batch=4, size=64, warmup=2, shape=SMALL)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other on a busy machine make these tiny nets slow, and sums depend on them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_drawn_faces(tmp_path / "data")


def targets_of(
    *boxes: tuple[float, ...], ignored: tuple[bool, ...] | None = None, picture: int = 0
) -> losses_module.Targets:
    """Faces of one picture; landmarks at their middles."""
    values = torch.tensor(boxes, dtype=torch.float32)
    return losses_module.Targets(
        torch.full((len(boxes),), picture),
        values,
        values[:, None, :2].expand(-1, 5, 2).clone(),
        torch.tensor(ignored or (False,) * len(boxes)),
    )


def test_every_face_gets_a_cell_near_its_middle_and_no_cell_two_faces() -> None:
    where = cells(128, 128)
    targets = targets_of((20, 20, 12, 14), (26, 22, 12, 14), (60, 60, 50, 60), (70, 64, 110, 120))
    flat = torch.zeros(1, len(where), 15)
    logits, boxes, _ = decode(flat, where)
    face, picture, cell = losses_module.assign(logits, boxes, targets, 128, 128)
    assert set(face.tolist()) == {0, 1, 2, 3} and set(picture.tolist()) == {0}
    assert len(set(cell.tolist())) == len(cell)
    reach = 1.5 * where[cell, 2:] + 1e-3
    assert ((where[cell, :2] - targets.boxes[face, :2]).abs() <= reach).all()


def test_cells_within_an_ignored_box_cost_nothing() -> None:
    where = cells(64, 64)
    flat = torch.zeros(1, len(where), 15)
    flat[0, (where[:, :2] < 32).all(1), 0] = 5.0  # false alarms in the top left quarter
    flat[0, (where[:, :2] >= 32).any(1), 0] = -20.0
    shown = losses_module.losses(flat, where, targets_of((48, 48, 10, 10)), 64, 64)
    hidden = losses_module.losses(
        flat, where, targets_of((48, 48, 10, 10), (16, 16, 32, 32), ignored=(False, True)), 64, 64
    )
    assert hidden.score < 0.2 * shown.score


def test_faces_without_landmarks_teach_boxes_only_and_a_batch_without_faces_teaches_background() -> None:
    where = cells(64, 64)
    flat = torch.zeros(2, len(where), 15, requires_grad=True)
    targets = targets_of((30, 30, 20, 24))
    targets.points[:] = math.nan
    parts = losses_module.losses(flat, where, targets, 64, 64)
    assert parts.points.item() == 0 and math.isfinite(parts.total.item()) and parts.box.item() > 0
    empty = losses_module.Targets(
        torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4), torch.zeros(0, 5, 2), torch.zeros(0, dtype=torch.bool)
    )
    parts = losses_module.losses(flat, where, empty, 64, 64)
    total: Any = parts.total
    total.backward()
    assert parts.box.item() == 0 and parts.score.item() > 0 and flat.grad is not None


def test_a_cell_weighs_more_where_a_face_has_few() -> None:
    where = cells(128, 128)
    flat = torch.zeros(1, len(where), 15)
    flat[..., 3:5] = 1.1  # boxes of three strides
    flat.requires_grad_()
    targets = targets_of((20, 20, 12, 14), (76, 76, 90, 100))
    total: Any = losses_module.losses(flat, where, targets, 128, 128).score
    total.backward()
    assert flat.grad is not None
    logits, boxes, _ = decode(flat.detach(), where)
    face, _, cell = losses_module.assign(logits, boxes, targets, 128, 128)
    short = 0.5 * losses_module.giou(boxes[0, cell], targets.boxes[face])[0]  # of what is aimed at
    weight = -flat.grad[0, cell, 0] * len(face) / short**3
    for number in (0, 1):
        mine = face == number
        torch.testing.assert_close(weight[mine], (4 / mine.sum()).sqrt().expand(int(mine.sum())), rtol=0.02, atol=0.0)
    assert (face == 0).sum() < (face == 1).sum()


def test_giou_is_iou_less_the_empty_part_of_the_hull() -> None:
    a, b = torch.tensor([[5.0, 5, 10, 10]]), torch.tensor([[15.0, 5, 10, 10]])
    iou, giou = losses_module.giou(a, b)
    assert iou.item() == 0 and giou.item() == 0
    iou, giou = losses_module.giou(a, torch.tensor([[10.0, 5, 10, 10]]))
    assert iou.item() == pytest.approx(1 / 3) and giou.item() == pytest.approx(1 / 3)


def test_muon_steps_along_orthogonal_matrices() -> None:
    torch.manual_seed(0)
    for shape in ((16, 72), (72, 16)):
        values = torch.linalg.svdvals(nearest_orthogonal(torch.randn(shape)))
        assert values.min() > 0.5 and values.max() < 1.4


@pytest.mark.parametrize("shape", [(96, 128), (112, 80)], ids=["even", "odd rows and columns at stride 16"])
def test_the_exported_net_says_in_opencv_what_it_says_in_torch(shape: tuple[int, int], tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = FaceNet(NetShape()).train()
    with torch.no_grad():
        for _ in range(4):
            net(torch.randn(4, 1, 96, 96))
        heads: Any = net.heads
        for head in heads:
            head.weight.mul_(20)
    net.eval()
    file = export(net, tmp_path, 0.5, {})
    model = open_detector(DetectorOptions(model=file))
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    with torch.no_grad():
        wanted = net((torch.from_numpy(image)[None, None].float() - 128) / 128)
    for ours, theirs in zip(wanted, model._run(image), strict=True):  # type: ignore[attr-defined]
        assert np.abs(ours[0].numpy() - theirs).max() < 0.02 * float(ours.abs().max())


def test_the_detector_decodes_as_training_does(tmp_path: Path) -> None:
    torch.manual_seed(2)
    net = FaceNet(SMALL).eval()
    image = np.random.default_rng(0).integers(0, 256, (64, 96)).astype(np.uint8)
    seen = (torch.from_numpy(image)[None, None].float() - 128) / 128
    heads: Any = net.heads
    with torch.no_grad():
        for head in heads:
            head.weight.mul_(20)
        for head, said in zip(heads, net(seen), strict=True):
            head.bias[0] -= said[:, 0].median()  # half of the cells above the threshold
    model: Any = open_detector(DetectorOptions(model=export(net, tmp_path, 0.5, {})))
    maps = model._run(image)
    above = np.flatnonzero(np.concatenate([values[0].ravel() for values in maps]) > 0)
    rows = dict(zip(above.tolist(), model._survivors(maps), strict=True))
    with torch.no_grad():
        flat = flatten(net(seen))
    logits, boxes, points = (values[0].numpy() for values in decode(flat, cells(64, 96)))
    sure = np.flatnonzero(logits > 0.01).tolist()  # nearer to 0 a cell may fall either way: the export rounds weights
    assert 10 < len(sure) <= len(rows) and min(logits[cell] for cell in rows) > -0.01
    found = np.stack([rows[cell] for cell in sure])
    corner, size = boxes[sure, :2] - boxes[sure, 2:] / 2, boxes[sure, 2:]
    wanted = np.concatenate([1 / (1 + np.exp(-logits[sure, None])), corner, size, points[sure].reshape(-1, 10)], axis=1)
    assert np.allclose(found, wanted, atol=0.01)


class _Known:
    """A detector that says the same of every picture."""

    def __init__(self, *faces: Face) -> None:
        self._faces = list(faces)

    def detect(self, gray: Image) -> list[Face]:
        return self._faces


def test_evaluation_counts_found_missed_and_false_boxes(data: Path) -> None:
    pictures = [p for p in read_labels(data) if p.split == "val"]
    x, y, w, h = pictures[0].boxes[0].tolist()
    points = pictures[0].points[0] + np.array([0.05 * (pictures[0].points[0, 1, 0] - pictures[0].points[0, 0, 0]), 0])
    right = Face(Box(x, y, w, h), tuple(map(tuple, points.tolist())), 0.9)
    report = evaluate(_Known(right, replace(right, confidence=0.5)), [pictures[0], pictures[3]], (320, 240)).report()
    assert report["recall"]["20+"] == 1.0 and report["faces"]["20+"] == 1
    assert report["landmark_error"] == pytest.approx(0.05, abs=1e-3)
    assert report["false_boxes_per_picture"] == 2.0
    missed = evaluate(_Known(), [pictures[0], pictures[3]], (320, 240)).report()
    assert (
        missed["recall"]["20+"] == 0.0 and missed["false_boxes_per_picture"] == 0.0 and missed["landmark_error"] is None
    )


def test_shrinking_brings_the_largest_face_to_the_size_wanted(data: Path) -> None:
    picture = read_labels(data)[0]
    gray = cv2.imread(str(picture.path), cv2.IMREAD_GRAYSCALE)
    assert gray is not None
    _, boxes, points = shrunk(
        np.asarray(gray, np.uint8), picture.boxes, picture.points, picture.ignored, (320, 240), 15.0
    )
    assert min(boxes[0, 2:]) * 240 / 96 == pytest.approx(15, rel=0.02)
    assert (points[0] > boxes[0, :2]).all() and (points[0] < boxes[0, :2] + boxes[0, 2:]).all()


def weights_of(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / CHECKPOINT, weights_only=False)["ema"]
    return state


def run_epochs(
    recipe: Recipe, data: Path, folder: Path, *, stop_after: int | None = None, resume: bool = False
) -> None:
    """Train as the command does; `stop_after` raises after that many epochs, as a kill would."""
    pictures = [p for p in read_labels(data) if p.split == "train"]
    digest = product.labels_sha256(pictures)
    path = folder / CHECKPOINT
    run = training.resumed(recipe, "cpu", digest, path) if resume else training.started(recipe, "cpu", digest)

    def report(_: str) -> None:
        if run.epoch == stop_after:
            raise KeyboardInterrupt

    training.train(run, pictures, [], folder, "cpu", report)


def test_a_run_that_was_killed_resumes_to_the_same_net(data: Path, tmp_path: Path) -> None:
    run_epochs(QUICK, data, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_epochs(QUICK, data, tmp_path / "broken", stop_after=1)
    run_epochs(QUICK, data, tmp_path / "broken", resume=True)
    whole, broken = weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken")
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_resuming_with_another_recipe_or_from_nothing_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="start without --resume"):
        run_epochs(QUICK, data, tmp_path, resume=True)
    run_epochs(replace(QUICK, epochs=1), data, tmp_path)
    with pytest.raises(InputError, match="learning_rate"):
        run_epochs(replace(QUICK, epochs=1, learning_rate=0.5), data, tmp_path, resume=True)


def made_model(data: Path, folder: Path, **given: Any) -> dict[str, Any]:
    """The manifest of a model made of `data` in `folder`."""
    product.make_model(data, [], folder / "model", QUICK, folder=folder / "run", device="cpu", **given)
    manifest: dict[str, Any] = json.loads((folder / "model" / "manifest.json").read_text())
    return manifest


def test_resuming_with_other_data_is_refused_and_starting_from_its_weights_is_not(data: Path, tmp_path: Path) -> None:
    made_model(data, tmp_path, threshold=0.5)
    made_model(data, tmp_path, threshold=0.5, resume=True)
    rows = list(csv.reader((data / "faces.csv").read_text().splitlines()))[1:]
    write_data(data, rows[:-1])
    made_model(data, tmp_path, threshold=0.5, resume=True)  # what judges does not matter
    for changed in (rows[1:], [*rows[:-2], row_of("14.png", "face", box=(10, 10, 20, 20)), rows[-1]]):
        write_data(data, changed)
        with pytest.raises(InputError, match=r"other settings \(data: '.*' then, '.*' now\); start without --resume"):
            made_model(data, tmp_path, threshold=0.5, resume=True)
    old = tmp_path / "old.ckpt"
    content = torch.load(tmp_path / "run" / CHECKPOINT, weights_only=False)
    del content["config"]["data"]  # as checkpoints were before
    torch.save(content, old)
    manifest = made_model(data, tmp_path / "other", threshold=0.5, start=old)
    assert "weights of an earlier" in manifest["training"]["note"]


def test_the_threshold_is_chosen_on_empty_pictures_only_if_they_are_enough(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    aside = [picture for picture in read_labels(data) if picture.empty] * 12
    monkeypatch.setattr(product, "teaching", lambda pictures: (pictures, aside))
    monkeypatch.setattr(product, "false_confidences", lambda net, pictures: [[0.61], [0.72], *([[]] * 50)])
    manifest = made_model(data, tmp_path / "few", say=said.append)
    assert manifest["threshold"] == product.THRESHOLD == 0.5
    why = "The threshold of 0.5 was not chosen on this data: 48 empty pictures were set aside, 50 are needed"
    assert why in said[-1] and why in manifest["training"]["note"]
    assert why in (tmp_path / "few" / "model" / "card.md").read_text()
    aside += aside[:4]
    manifest = made_model(data, tmp_path / "enough", say=said.append)
    assert manifest["threshold"] == 0.61 and "was chosen on 52 empty pictures" in manifest["training"]["note"]
    assert made_model(data, tmp_path / "given", threshold=0.4)["threshold"] == 0.4


def test_the_learning_rate_rises_then_falls_to_a_hundredth() -> None:
    recipe = Recipe(warmup=10)
    rates = [recipe.rate(step, 100) for step in range(100)]
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert recipe.rate(100, 100) == pytest.approx(0.01 * recipe.learning_rate)


def test_learning_one_batch_by_heart_brings_the_loss_down() -> None:
    rng = np.random.default_rng(0)
    images, boxes, points = zip(*(drawn_face(64, rng) for _ in range(4)), strict=True)
    run = training.started(replace(QUICK, learning_rate=0.03), "cpu")
    batch = (torch.from_numpy(np.stack(images))[:, None].float() - 128) / 128
    values = torch.tensor(boxes)
    values[:, :2] += values[:, 2:] / 2
    targets = losses_module.Targets(
        torch.arange(4), values, torch.tensor(points).reshape(4, 5, 2), torch.zeros(4, dtype=torch.bool)
    )
    where = cells(64, 64)
    history = []
    for _ in range(60):
        total: Any = losses_module.losses(flatten(run.net(batch)), where, targets, 64, 64).total
        run.optimizer.zero_grad()
        total.backward()
        run.optimizer.step()
        history.append(float(total.detach()))
    assert history[-1] < 0.4 * history[0]


def test_training_without_a_face_is_refused(data: Path, tmp_path: Path) -> None:
    write_data(data, [row_of("13.png", "none"), row_of("14.png", "none")])
    with pytest.raises(InputError, match="holds no face"):
        run_epochs(QUICK, data, tmp_path)


def invoke(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_commands_train_export_and_evaluate(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "Recipe", lambda **given: replace(QUICK, **{k: given[k] for k in ("seed",)}))
    out = tmp_path / "model"
    result = invoke(train_detector, data, "--out", out, "--quick", "--threads", 1, "--device", "cpu", "--seed", 4)
    assert result.exit_code == 0, result.output
    assert "epoch 2/2" in result.output and "min left" in result.output and "recall, 20 px or more" in result.output
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["kind"] == "detector" and manifest["training"]["seed"] == 4
    assert set(manifest["training"]["metrics"]) == {"320x240", "160x120"}
    assert str(tmp_path) not in (out / "manifest.json").read_text() + (out / "card.md").read_text()
    assert "fer-pi evaluate detector" in (out / "card.md").read_text()
    pytest.importorskip("pycocotools", reason="evaluation needs pycocotools (the extra 'train')")
    result = invoke(evaluate_detector, data, "--model", out, "--json", "--threshold", 0.01)
    assert result.exit_code == 0, result.output
    (figures,) = json.loads(result.stdout.splitlines()[-1])["models"]
    assert figures["pictures"] == 4 and set(figures["recall"]) == {"12-20", "20+"} and figures["empty_pictures"] == 1
    assert 0 <= figures["recall"]["20+"] <= 1 and figures["false_boxes_per_picture"] >= 0 and figures["ms"] > 0


def test_the_commands_refuse_what_cannot_be(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="evaluation needs pycocotools (the extra 'train')")
    for size in ("0x240", "33x33", "5000x5000", "big"):
        assert invoke(evaluate_detector, data, "--size", size).exit_code == 2
    result = invoke(evaluate_detector, tmp_path / "nowhere")
    assert isinstance(result.exception, FerPiError) and "faces.csv" in str(result.exception)
    write_data(data, [row_of("13.png", "none")])
    result = invoke(evaluate_detector, data)
    assert isinstance(result.exception, InputError) and "no picture of this split" in str(result.exception)


class _Middle:
    """A teacher that finds one face in the middle half of every picture, from a given side on."""

    def detect(self, gray: Image) -> list[Face]:
        h, w = gray.shape
        points = ((0.4 * w, 0.4 * h), (0.6 * w, 0.4 * h), (0.5 * w, 0.5 * h), (0.4 * w, 0.6 * h), (0.6 * w, 0.6 * h))
        return [Face(Box(0.25 * w, 0.25 * h, 0.5 * w, 0.5 * h), points, 0.7)] if gray.mean() > 50 else []


def test_a_teacher_makes_data_of_crops_that_training_can_read(tmp_path: Path) -> None:
    images = np.stack([np.full((48, 48), 100, np.uint8), np.zeros((48, 48), np.uint8)])
    np.savez(tmp_path / "crops.npz", images=images)
    (tmp_path / "folder").mkdir()
    cv2.imwrite(str(tmp_path / "folder" / "a.png"), np.full((60, 40), 200, np.uint8))
    assert write_taught(_Middle(), [tmp_path / "crops.npz", tmp_path / "folder"], tmp_path / "out") == 2
    first, second = read_labels(tmp_path / "out")
    assert first.group == "crops" and second.group == "folder"
    assert first.boxes[0] == pytest.approx([8, 8, 32, 32], abs=0.2)  # half of 64, less the rim of 8 around 48
    assert first.points[0, 2] == pytest.approx([24, 24], abs=0.2)
    with pytest.raises(InputError, match="neither a folder nor"):
        write_taught(_Middle(), [tmp_path / "nothing.npz"], tmp_path / "out")

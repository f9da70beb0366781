"""What the detector learns from: pictures by weight, empty ones that fool it, wider nets that begin as narrow ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_pi.errors import InputError
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.sampling import UNSURE, drawn, teaching, weights

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
pytest.importorskip("onnx", reason="the export needs onnx (the extra 'train')")

import torch

from fer_pi.training.detector.empty import false_confidences, lowest_threshold
from fer_pi.training.detector.grow import grown
from fer_pi.training.detector.loss import Targets
from fer_pi.training.detector.net import FaceNet, NetShape
from fer_pi.training.detector.train import mirrored

SMALL = NetShape(stem=(2, 4), width=(8, 8, 8), depth=(0, 1, 1, 1), heads=(1, 1, 1))


def picture(name: str, sides: tuple[float, ...] = (), *, group: str = "", kin: str = "") -> LabelledPicture:
    """A picture with square faces of the given sides."""
    boxes = np.array([[0, 0, side, side] for side in sides], np.float32).reshape(-1, 4)
    points = np.full((len(sides), 5, 2), np.nan, np.float32)
    return LabelledPicture(Path(name), name, "train", group, boxes, points, np.zeros(len(sides), bool), kin)


def test_crowds_weigh_more_look_alikes_less_and_empty_pictures_that_fool_the_net_most() -> None:
    pictures = [
        picture("one", (90,)),
        picture("crowd", (12, 12, 12, 90)),
        picture("throng", (12,) * 40),
        *(picture(f"film {n}", (90,), kin="film") for n in range(16)),
        picture("empty"),
        picture("fooling"),
    ]
    one, crowd, throng, film, *_, empty, fooling = weights(pictures, [0.0] * 20 + [0.8]).tolist()
    assert (one, empty, film) == (1, 1, 0.5)
    assert crowd == pytest.approx(1.9) and throng == 4
    assert fooling == pytest.approx(5)


def test_pictures_are_drawn_as_often_as_their_weight_asks_to_within_one() -> None:
    wanted = np.array([0.5, 3.0, 0.0, 1.5])
    for seed in range(5):
        counts = np.bincount(drawn(wanted, 100, np.random.default_rng(seed)), minlength=4)
        assert counts.sum() == 100 and counts[2] == 0
        assert (np.abs(counts - wanted * 20) < 1).all()
    assert drawn(wanted, 50, np.random.default_rng(1)) == drawn(wanted, 50, np.random.default_rng(1))
    assert drawn(wanted, 0, np.random.default_rng(1)) == []


def test_empty_pictures_of_peopled_sets_teach_nothing_if_others_were_gathered_to_be_empty() -> None:
    faces, overlooked = picture("a", (30,), group="people"), picture("b", group="people")
    scenes = [picture(f"scene {n}", group="scenes") for n in range(200)]
    kept, aside = teaching([faces, overlooked, *scenes])
    assert faces in kept and overlooked not in kept and overlooked not in aside
    assert len(kept) + len(aside) == 201 and 10 < len(aside) < 40
    kept, aside = teaching([faces, overlooked])
    assert overlooked in [*kept, *aside], "there is no better one"


def test_a_kin_is_set_aside_whole() -> None:
    films = [picture(f"{film}-{n}", kin=f"film {film}") for film in range(60) for n in range(3)]
    _, aside = teaching(films)
    kin = [one.kin for one in aside]
    assert kin and all(kin.count(name) == 3 for name in kin)


def test_the_threshold_is_the_lowest_that_so_many_false_boxes_pass() -> None:
    found = [[0.9, 0.41], [], [0.613], *([[]] * 97)]
    for most, threshold in ((0.0, 0.9), (0.01, 0.62), (0.02, 0.41), (0.03, UNSURE)):
        assert lowest_threshold(found, most) == pytest.approx(threshold)
        assert sum(value > threshold for one in found for value in one) <= most * 100


def test_a_net_that_sees_faces_everywhere_is_found_out_and_stays_as_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = FaceNet(SMALL)
    heads: Any = net.heads
    with torch.no_grad():
        for head in heads:
            head.bias[0] = 3.0
    cv2.imwrite(str(tmp_path / "a.png"), np.full((96, 96), 80, np.uint8))
    empty = replace(picture("a"), path=tmp_path / "a.png")
    (found,) = false_confidences(net.train(), [empty])
    assert found and min(found) > 0.9 and net.training
    with torch.no_grad():
        for head in heads:
            head.bias[0] = -9.0
    assert false_confidences(net, [empty]) == [[]]


def trained_a_little(shape: NetShape) -> FaceNet:
    """A net whose norms and heads are no longer those of a new one."""
    net = FaceNet(shape).train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(4, 1, 64, 64))
        heads: Any = net.heads
        for head in heads:
            head.weight.mul_(30)
    return net.eval()


def test_a_wider_net_begins_with_the_answers_of_the_narrow_one_and_all_of_it_can_learn() -> None:
    torch.manual_seed(0)
    narrow = trained_a_little(SMALL)
    shape = NetShape(stem=(2, 6), width=(12, 10, 8), depth=(0, 1, 1, 1), halving=(3, 3, 2, 3, 3), heads=(3, 1, 1))
    wide = FaceNet(shape)
    wide.load_state_dict(grown(narrow.state_dict(), wide.state_dict(), Path("narrow.ckpt")))
    image = torch.randn(2, 1, 64, 96)
    with torch.no_grad():
        for ours, theirs in zip(wide.eval()(image), narrow(image), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)
    before = {name: value.clone() for name, value in wide.named_parameters()}
    optimizer = torch.optim.SGD(wide.parameters(), 0.1)
    for _ in range(2):  # what listens to the added channels learns first, they themselves a step later
        total: Any = sum(found.square().mean() for found in wide.train()(image))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    for name, value in wide.named_parameters():
        moved = (value - before[name]).flatten(1) if value.ndim > 1 else (value - before[name])[:, None]
        assert (moved.abs().amax(1) > 0).all(), name


def test_a_net_does_not_shrink_nor_take_another_nets_layers() -> None:
    wide, narrow = FaceNet(NetShape(stem=(2, 4), width=(12, 8, 8), depth=(0, 1, 1, 1))), FaceNet(SMALL)
    with pytest.raises(InputError, match=r"wide\.ckpt: .* too large for"):
        grown(wide.state_dict(), narrow.state_dict(), Path("wide.ckpt"))
    deep = FaceNet(replace(SMALL, depth=(0, 2, 1, 1)))
    with pytest.raises(InputError, match="weights of another net"):
        grown(deep.state_dict(), narrow.state_dict(), Path("deep.ckpt"))


def test_a_mirrored_batch_keeps_the_subjects_right_on_its_right() -> None:
    images = torch.arange(2 * 8 * 8, dtype=torch.uint8).reshape(2, 1, 8, 8)
    points = torch.tensor([[[2.0, 3], [5, 3], [3.5, 4], [2.5, 6], [4.5, 6]]])
    batch = Targets(torch.tensor([1]), torch.tensor([[3.0, 4, 4, 6]]), points, torch.tensor([False]))
    seen, targets = mirrored(images, batch)
    assert torch.equal(seen[..., 0], images[..., 7])
    assert targets.boxes.tolist() == [[5, 4, 4, 6]]
    assert targets.points[0].tolist() == [[3, 3], [6, 3], [4.5, 4], [3.5, 6], [5.5, 6]]
    again, back = mirrored(seen, targets)
    assert torch.equal(again, images) and torch.equal(back.points, points) and torch.equal(back.boxes, batch.boxes)

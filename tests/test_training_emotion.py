"""Emotion training: honest data in, one command, a checked int8 model out; interrupted or not, the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from fer_pi.errors import FerPiError, InputError
from fer_pi.shipped import shipped
from fer_pi.training.emotion.data import (
    NO_LABEL,
    Faces,
    faces_from_votes,
    load_faces,
    sampling_weights,
)
from fer_pi.training.emotion.evaluate import Judged, expected_calibration_error, fitted_temperature, judged, report
from fer_pi.types import EMOTIONS
from fer_pi.vision.align import normalized

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
pytest.importorskip("sklearn", reason="evaluation needs scikit-learn (the extra 'train')")

import torch
from torch import nn

from fer_pi.training.emotion import frame
from fer_pi.training.emotion import train as training
from fer_pi.training.emotion.augment import Strength, augmented, mixed, prepared
from fer_pi.training.emotion.card import card_text
from fer_pi.training.emotion.commands import evaluate_emotion, train_emotion
from fer_pi.training.emotion.net import build, folded, multiply_adds
from fer_pi.training.emotion.split import split_by_photograph, split_data


def pictures(count: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two kinds of made-up faces that differ in the mouth, (N, 48, 48), and which is which (0 or 1)."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(count) % 2
    images = rng.normal(0, 12, (count, 48, 48)) + rng.uniform(60, 150, (count, 1, 1))
    images += 30 * np.kron(rng.normal(0, 1, (count, 6, 6)), np.ones((8, 8)))
    for image, kind in zip(images, kinds, strict=True):
        image[12:18, 10:18] -= 60
        image[12:18, 30:38] -= 60
        image[32:38, 12:36] += 90 if kind else -90
    return np.clip(images, 0, 255).astype(np.uint8), kinds


def voted(count: int, seed: int = 0) -> Faces:
    images, kinds = pictures(count, seed)
    votes = np.zeros((count, 10), np.uint8)
    votes[np.arange(count), kinds] = 10
    return faces_from_votes(images, votes)


def write_archives(folder: Path, train: int = 200, valid: int = 40) -> Path:
    folder.mkdir(exist_ok=True)
    for name, count, seed in (("train", train, 1), ("valid", valid, 2)):
        images, kinds = pictures(count, seed)
        votes = np.zeros((count, 10), np.uint8)
        votes[np.arange(count), kinds] = 10
        np.savez(folder / f"{name}.npz", images=images, votes=votes)
    return folder


def write_folders(root: Path, names: tuple[str, str], count: int = 8, seed: int = 0) -> Path:
    images, kinds = pictures(count, seed)
    for index, (image, kind) in enumerate(zip(images, kinds, strict=True)):
        folder = root / names[kind]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{index}.png"), image)
    return root


def run(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


# --- data ---------------------------------------------------------------------------------------------------------


def test_a_single_vote_counts_for_nothing_and_more_than_half_makes_a_majority() -> None:
    votes = np.array(
        [
            [6, 0, 0, 3, 1, 0, 0, 0, 0, 0],  # neutral: 6 of 9
            [4, 4, 2, 0, 0, 0, 0, 0, 0, 0],  # no majority, the first on a tie
            [0, 2, 0, 0, 0, 0, 0, 0, 8, 0],  # unknown
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],  # nothing left
            [0, 0, 0, 0, 0, 0, 0, 5, 5, 0],  # exactly half is no majority
        ],
        np.uint8,
    )
    faces = faces_from_votes(np.zeros((5, 48, 48), np.uint8), votes)
    assert faces.majority.tolist() == [0, NO_LABEL, NO_LABEL, NO_LABEL, NO_LABEL]
    assert faces.top.tolist() == [0, 0, NO_LABEL, NO_LABEL, 7]
    np.testing.assert_allclose(faces.targets[0], [6 / 9, 0, 0, 3 / 9, 0, 0, 0, 0])
    np.testing.assert_allclose(faces.weights, [1, 1, 0.2, 0, 0.5])
    assert np.isfinite(faces.targets).all()


@pytest.mark.parametrize("names", [("angry", "happy"), ("Anger", "HAPPINESS"), ("fearful", "Disgusted")])
def test_folders_may_bear_the_names_of_fer2013_or_fer_plus_in_any_capitals(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    meant = {"a": "anger", "h": "happiness", "f": "fear", "d": "disgust"}
    write_folders(tmp_path / "Train", names)
    write_folders(tmp_path / "validation", names, 4)
    faces = load_faces(tmp_path, "train")
    assert len(faces) == 8
    assert {EMOTIONS[index].value for index in faces.top} == {meant[name[0].lower()] for name in names}
    assert len(load_faces(tmp_path, "valid")) == 4


def test_pictures_in_folders_of_any_size_and_colour_become_grey_crops(tmp_path: Path) -> None:
    for name, shape in (("sad", (200, 150, 3)), ("fear", (20, 30, 4))):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a picture.PNG".lower()), np.full(shape, 90, np.uint8))
    faces = load_faces(tmp_path, "valid")
    assert faces.images.shape == (2, 48, 48)
    np.testing.assert_allclose(faces.images, 90, atol=1)


def test_broken_pictures_are_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_folders(tmp_path, ("sad", "happy"))
    (tmp_path / "sad" / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "sad" / "empty.jpg").write_bytes(b"")
    assert len(load_faces(tmp_path, "train")) == 8
    assert "broken.png" in caplog.text
    assert "2 of 10 pictures" in caplog.text


def broken_set(tmp_path: Path, case: str) -> Path:
    if case == "missing":
        return tmp_path / "nowhere"
    if case == "empty":
        return tmp_path
    if case == "not an archive":
        (tmp_path / "train.npz").write_bytes(b"PK nonsense")
    if case == "other arrays":
        np.savez(tmp_path / "train.npz", x=np.zeros(3))
    if case == "other size":
        np.savez(tmp_path / "train.npz", images=np.zeros((3, 64, 64), np.uint8), votes=np.zeros((3, 10)))
    if case == "other votes":
        np.savez(tmp_path / "train.npz", images=np.zeros((3, 48, 48), np.uint8), votes=np.zeros((3, 8)))
    if case == "no faces":
        np.savez(tmp_path / "train.npz", images=np.zeros((0, 48, 48), np.uint8), votes=np.zeros((0, 10)))
    if case == "pickled":
        np.savez(tmp_path / "train.npz", images=np.array([{}], dtype=object), votes=np.zeros((1, 10)))
    if case in ("unknown name", "empty class", "all broken", "only validation"):
        write_folders(tmp_path / ("validation" if case == "only validation" else "train"), ("sad", "happy"))
    if case == "unknown name":
        (tmp_path / "train" / "hapiness").mkdir()
    if case == "numbers":
        write_folders(tmp_path / "train", ("0", "3"))
    if case == "csv":
        (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage")
    if case == "empty class":
        (tmp_path / "train" / "fear").mkdir()
    if case == "all broken":
        for file in tmp_path.rglob("*.png"):
            file.write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("case", "word"),
    [
        ("missing", "no such folder"),
        ("empty", "neither train.npz nor a folder for each emotion"),
        ("not an archive", "not a FER\\+ archive"),
        ("other arrays", "needs the arrays"),
        ("other size", "must be uint8"),
        ("other votes", "one column for each"),
        ("no faces", "no faces"),
        ("pickled", "not a FER\\+ archive"),
        ("unknown name", "did you mean 'happiness'"),
        ("empty class", "fear: holds no pictures"),
        ("numbers", "give the folder its emotion's name"),
        ("csv", "fer2013.csv cannot be trained on"),
        ("all broken", "none of its 8 pictures"),
        ("only validation", "the train part is missing"),
    ],
)
def test_a_data_set_that_cannot_be_used_says_why(tmp_path: Path, case: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        load_faces(broken_set(tmp_path, case), "train")


def test_pictures_of_one_photograph_stay_on_one_side_of_the_split() -> None:
    images, _ = pictures(120)
    twins = np.concatenate([images, images[:, :, ::-1], np.clip(images.astype(int) + 9, 0, 255).astype(np.uint8)])
    faces = replace(voted(360), images=twins, top=np.tile(np.arange(120), 3))
    train, aside = split_by_photograph(faces, 0.3, seed=1)
    assert len(aside) > 30
    assert len(train) + len(aside) == 360
    assert not set(train.top.tolist()) & set(aside.top.tolist())


def shared_set(folder: Path) -> Path:
    """Ten validation pictures stand in the training part too: moved by 4 pixels, half of them mirrored, darker."""
    write_archives(folder)
    with np.load(folder / "train.npz") as train, np.load(folder / "valid.npz") as valid:
        moved = np.roll(valid["images"][:10], (4, -2), axis=(1, 2)) // 2
        moved[5:] = moved[5:, :, ::-1]
        images = np.concatenate([train["images"], moved])
        votes = np.concatenate([train["votes"], valid["votes"][:10]])
    np.savez(folder / "train.npz", images=images, votes=votes)
    return folder


def test_photographs_shared_with_the_validation_part_are_refused_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"10 of 210 training pictures .* 10 of 40 pictures") as raised:
        split_data(shared_set(tmp_path), "refuse")
    assert str(raised.value).count(" = valid.npz[") == 5
    assert "--twins leave-out" in str(raised.value)


def test_shared_photographs_are_left_out_of_training_or_allowed_when_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared_set(tmp_path)
    faces, aside, judges = split_data(tmp_path, "leave out")
    assert (len(faces) + len(aside), len(judges)) == (200, 40)
    learnt = {int(name[10:-1]) for name in (*faces.names, *aside.names)}
    assert learnt == set(range(200))
    faces, aside, _ = split_data(tmp_path, "allow")
    assert len(faces) + len(aside) == 210
    assert "figures on it flatter" in caplog.text


def test_an_emotion_that_only_the_validation_part_has_is_refused(tmp_path: Path) -> None:
    write_folders(tmp_path / "train", ("sad", "happy"), 60)
    write_folders(tmp_path / "test", ("sad", "fear"), 20, seed=3)
    with pytest.raises(InputError, match="faces for fear, the training part has none"):
        split_data(tmp_path)


def test_a_long_chain_of_look_alikes_is_learnt_from_rather_than_set_aside(tmp_path: Path) -> None:
    """Else one draw could set a third of the faces aside, all of them dim."""
    images, _ = pictures(120)
    images[:40] = images[0]
    faces = replace(voted(120), images=images, top=np.arange(120))
    for seed in range(8):
        train, _ = split_by_photograph(faces, 0.3, seed)
        assert set(range(40)) <= set(train.top.tolist())


@pytest.mark.parametrize(("count", "names"), [(3, ("sad", "happy")), (80, ("sad", "sad"))], ids=["tiny", "one class"])
def test_too_little_to_train_on_is_refused(tmp_path: Path, count: int, names: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="training needs at least"):
        split_data(write_folders(tmp_path, names, count))


def test_rare_emotions_are_drawn_more_often_but_not_as_often_as_common_ones() -> None:
    targets = np.eye(8, dtype=np.float32)[[0] * 99 + [5]]
    drawn = sampling_weights(targets, np.ones(100, np.float32), 0.5)
    assert drawn.sum() == pytest.approx(1)
    assert drawn[99] / drawn[0] == pytest.approx(99**0.5)


# --- augmentation and net -----------------------------------------------------------------------------------------


def test_augmentation_keeps_shape_and_range_and_depends_on_the_seed_alone() -> None:
    images, _ = pictures(64)
    strong = Strength(
        small_share=0.9, blur_share=0.9, noise_share=0.9, jpeg_share=0.9, erase_share=0.9, cover_share=0.5
    )
    first, second, other = (augmented(images, strong, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == (64, 1, 48, 48)
    assert float(first.abs().max()) <= 128 / 52 + 1e-6
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_without_any_strength_a_face_is_only_mirrored() -> None:
    images, _ = pictures(8)
    none = Strength(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    changed = augmented(images, none, torch.Generator().manual_seed(1))
    plain, mirrored = prepared(images), prepared(images).flip(3)
    as_they_were = [bool(torch.isclose(c, p, atol=0.05).all()) for c, p in zip(changed, plain, strict=True)]
    turned = [bool(torch.isclose(c, m, atol=0.05).all()) for c, m in zip(changed, mirrored, strict=True)]
    assert all(a != b for a, b in zip(as_they_were, turned, strict=True))
    assert any(as_they_were) and any(turned)


def test_training_faces_go_through_the_normalisation_of_the_pi() -> None:
    images, _ = pictures(4)
    np.testing.assert_array_equal(prepared(images)[:, 0].numpy(), (normalized(images).astype(np.float32) - 128) / 52)


def test_mixed_targets_are_still_distributions() -> None:
    faces = voted(32)
    images, targets = mixed(prepared(faces.images), torch.from_numpy(faces.targets), torch.Generator())
    assert images.shape == (32, 1, 48, 48)
    np.testing.assert_allclose(targets.sum(dim=1), 1, atol=1e-6)
    assert ((targets > 0.01) & (targets < 0.99)).any()


def test_the_shipped_shape_keeps_to_its_budget() -> None:
    assert multiply_adds(build("pi")) <= 25_000_000
    assert multiply_adds(build("light")) <= 25_000_000


def test_folding_the_batch_norms_changes_nothing_but_their_number() -> None:
    torch.manual_seed(3)
    net = build("tiny")
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_()
    net.eval()
    x = torch.randn(5, 1, 48, 48)
    plain = folded(net)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in plain.modules())
    torch.testing.assert_close(plain(x), net(x), atol=1e-4, rtol=1e-4)


# --- the loop -----------------------------------------------------------------------------------------------------

RECIPE = training.Recipe(net="tiny", epochs=3, batch=32, rate=0.1, ema=0.9, seed=5)


def weights_of(net: torch.nn.Module) -> list[torch.Tensor]:
    return list(net.state_dict().values())


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    torch.set_num_threads(1)
    return training.train(voted(160), voted(40, 9), RECIPE, tmp_path_factory.mktemp("run") / "run.ckpt")


def test_the_same_seed_gives_the_same_net(unbroken: nn.Module, tmp_path: Path) -> None:
    again = training.train(voted(160), voted(40, 9), RECIPE, tmp_path / "run.ckpt")
    other = training.train(voted(160), voted(40, 9), replace(RECIPE, seed=6), tmp_path / "other.ckpt")
    assert all(torch.equal(a, b) for a, b in zip(weights_of(again), weights_of(unbroken), strict=True))
    assert not torch.equal(weights_of(other)[0], weights_of(unbroken)[0])


class Killed(Exception):
    """Stands for a power cut."""


@pytest.mark.parametrize("at_step", [5, 10, 11])
def test_a_run_that_was_killed_resumes_to_the_same_net(unbroken: nn.Module, tmp_path: Path, at_step: int) -> None:
    steps = iter(range(1, 100))

    def kill() -> None:
        if next(steps) == at_step:
            raise Killed

    with pytest.raises(Killed):
        training.train(voted(160), voted(40, 9), RECIPE, tmp_path / "run.ckpt", on_step=kill)
    resumed = training.train(voted(160), voted(40, 9), RECIPE, tmp_path / "run.ckpt", resume=at_step > 5)
    assert all(torch.equal(a, b) for a, b in zip(weights_of(resumed), weights_of(unbroken), strict=True))


def test_resuming_with_other_settings_or_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    training.train(voted(160), voted(40, 9), replace(RECIPE, epochs=1), path)
    with pytest.raises(InputError, match="epochs: 1 then, 2 now"):
        training.train(voted(160), voted(40, 9), replace(RECIPE, epochs=2), path, resume=True)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        training.train(voted(160), voted(40, 9), RECIPE, path, resume=True)
    with pytest.raises(InputError, match="no checkpoint here"):
        training.train(voted(160), voted(40, 9), RECIPE, tmp_path / "none.ckpt", resume=True)


def test_a_run_may_start_from_the_weights_of_another_if_the_nets_are_alike(unbroken: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    still = replace(RECIPE, epochs=1, rate=0.0)
    net = training.train(voted(160), voted(40, 9), still, path, start=unbroken)
    for ours, theirs in zip(net.parameters(), unbroken.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(next(training.restored(path).parameters()), next(net.parameters()))
    with pytest.raises(InputError, match="not those of a net 'pi'"):
        training.train(voted(160), voted(40, 9), replace(still, net="pi"), path, start=unbroken)


def test_teachers_are_listened_to(unbroken: nn.Module, tmp_path: Path) -> None:
    """With teachers' share at 1 the votes no longer matter: turned votes give the same net."""
    faces = voted(160)
    turned = replace(faces, targets=np.roll(faces.targets, 1, axis=1))
    settings = replace(RECIPE, epochs=1, teaching=1.0, rare_power=0.0)
    one, other = (
        training.train(data, voted(40, 9), settings, tmp_path / "run.ckpt", teachers=(unbroken,))
        for data in (faces, turned)
    )
    assert all(torch.equal(a, b) for a, b in zip(weights_of(one), weights_of(other), strict=True))


def test_recrops_are_shown_in_their_share(tmp_path: Path) -> None:
    """With a share of 1 the faces as the data set cut them are never seen."""
    faces, recrops = voted(160), voted(160, 4).images
    blank = replace(faces, images=np.zeros_like(faces.images))
    settings = replace(RECIPE, epochs=1, recrop_share=1.0)
    one, other = (
        training.train(data, voted(40, 9), settings, tmp_path / "run.ckpt", recrops=recrops) for data in (faces, blank)
    )
    assert all(torch.equal(a, b) for a, b in zip(weights_of(one), weights_of(other), strict=True))


def test_the_net_learns_what_can_be_learnt(tmp_path: Path) -> None:
    """Two mouths, two emotions: a few epochs tell them apart."""
    aside = voted(60, 9)
    mild = Strength(angle_deg=5, log_scale=0.05, shift=0.03, erase_share=0, cover_share=0)
    net = training.train(voted(320), aside, replace(RECIPE, epochs=8, strength=mild), tmp_path / "run.ckpt")
    assert (training.logits(net, aside.images).argmax(axis=1) == aside.majority).mean() > 0.9


# --- figures ------------------------------------------------------------------------------------------------------


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


# --- the crop's frame ---------------------------------------------------------------------------------------------


def test_a_detector_that_finds_the_template_gives_the_picture_back_unmoved() -> None:
    from fer_pi.types import Box, Face
    from fer_pi.vision.align import TEMPLATE

    images, _ = pictures(3)
    images = np.stack([cv2.GaussianBlur(image, (0, 0), 2) for image in images])
    points = tuple((3 * (x + 24.5) - 0.5, 3 * (y + 24.5) - 0.5) for x, y in TEMPLATE)
    face = Face(Box(100, 90, 90, 110), points, 0.9)
    crops, found = frame.recropped(images, lambda picture: [face])
    assert found.all()
    assert np.abs(crops.astype(int) - images)[:, 2:-2, 2:-2].mean() < 2
    measured = frame.measure(images, lambda picture: [face])
    np.testing.assert_allclose(frame.template(measured)[0], TEMPLATE, atol=0.01)
    assert not frame.recropped(images, lambda picture: [])[1].any()


# --- the commands -------------------------------------------------------------------------------------------------


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
    assert "from the weights of dlib's face recognition net" in published
    assert "earlier run" not in published and "no pre-trained" not in published
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

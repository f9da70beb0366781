"""A finished model can be read back, taught a few faces of one's own, and is replaced only by a better one."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from fer_pi.errors import InputError, ModelError
from fer_pi.training.emotion.data import Faces, faces_from_votes
from fer_pi.types import EMOTIONS, Emotion

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
pytest.importorskip("sklearn", reason="evaluation needs scikit-learn (the extra 'train')")
pytest.importorskip("litert_torch", reason="exporting needs litert-torch (the extra 'train')")
pytest.importorskip("ai_edge_quantizer", reason="quantising needs ai-edge-quantizer (the extra 'train')")

import torch

from fer_pi.training.emotion import train as training
from fer_pi.training.emotion.adapt import Gently, adapted, between
from fer_pi.training.emotion.augment import prepared
from fer_pi.training.emotion.commands import train_emotion
from fer_pi.training.emotion.net import EmotionNet, build, folded
from fer_pi.training.emotion.personalise import judges, other_faces, own_faces, parted, personalise
from fer_pi.training.emotion.product import export_model
from fer_pi.training.emotion.quantize import float_tflite
from fer_pi.training.emotion.reading_back import float_net
from fer_pi.vision.align import normalized
from fer_pi.vision.classifier import ClassifierOptions, EmotionClassifier

QUICK = Gently(steps=60, rate=0.2)


def pictures(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Two kinds of made-up faces that differ in the mouth, and which is which."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(90, 150, (count, 1, 1)) + 25 * np.kron(rng.normal(0, 1, (count, 8, 8)), np.ones((6, 6)))
    kinds = np.arange(count) % 2
    images[:, 32:38, 12:36] += np.where(kinds, 90, -90)[:, None, None]
    return np.clip(images, 0, 255).astype(np.uint8), kinds


def voted(count: int, seed: int, emotions: tuple[int, int] = (0, 1), votes: int = 10) -> Faces:
    """The two kinds as two emotions; of ten votes those that are left see sadness or anger."""
    images, kinds = pictures(count, seed)
    table = np.zeros((count, 10), np.uint8)
    table[np.arange(count), np.array((3, 4))[kinds]] = 10 - votes
    table[np.arange(count), np.array(emotions)[kinds]] = votes
    return faces_from_votes(images, table)


def write_faces(folder: Path, emotions: tuple[Emotion, Emotion], count: int, seed: int = 5) -> Path:
    """As `fer-pi collect` leaves them."""
    images, kinds = pictures(count, seed)
    for number, (image, kind) in enumerate(zip(images, kinds, strict=True)):
        file = folder / emotions[kind].value / f"20260101-{number:03}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), image)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path]:
    """A tiny net that sees neutral, or else sadness, and happiness, or else anger; and the finished model of it."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    recipe = training.Recipe(net="tiny", epochs=6, batch=32, ema=0.9, seed=3)
    faces, aside = voted(320, 1, votes=6), voted(60, 2, votes=6)
    net = training.train(faces, aside, recipe, folder / "run.ckpt")
    export_model(net, faces, aside, aside, folder / "model", {"net": "tiny", "epochs": 6})
    return net, folder / "model"


def said(model: Path, faces: Faces) -> list[Emotion]:
    classifier = EmotionClassifier(ClassifierOptions(model=model))
    return [scores.top for scores in classifier.classify(list(normalized(faces.images)))]


# --- reading back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiny", "pi"])
def test_a_float_file_is_read_back_exactly_whatever_the_net(tmp_path: Path, name: str) -> None:
    torch.manual_seed(4)
    net = build(name).eval()
    (tmp_path / "float.tflite").write_bytes(float_tflite(net))
    images = prepared(pictures(6, 1)[0])
    with torch.no_grad():
        torch.testing.assert_close(float_net(tmp_path / "float.tflite")(images), net(images), atol=1e-4, rtol=1e-4)


def test_an_int8_model_is_read_back_close_to_the_net_that_it_was_made_of(trained: tuple[torch.nn.Module, Path]) -> None:
    net, model = trained
    images = prepared(pictures(60, 9)[0])
    with torch.no_grad():
        one, other = float_net(model / "emotion.tflite")(images), net(images)
    assert (one.argmax(dim=1) == other.argmax(dim=1)).float().mean() > 0.95
    assert float((one - other).abs().mean()) < 0.05 * float(other.std())


@pytest.mark.parametrize("case", ["missing", "no model", "cut", "another net"])
def test_what_is_no_net_of_ours_is_refused(tmp_path: Path, trained: tuple[torch.nn.Module, Path], case: str) -> None:
    file = tmp_path / "emotion.tflite"
    content = (trained[1] / "emotion.tflite").read_bytes()
    if case == "no model":
        file.write_bytes(b"GIF89a" * 50)
    if case == "cut":
        file.write_bytes(content[: len(content) // 2])
    if case == "another net":
        file.write_bytes(float_tflite(torch.nn.Conv2d(1, 4, 3)))
    with pytest.raises(InputError, match=r"emotion\.tflite"):
        float_net(file)


# --- adapting -----------------------------------------------------------------------------------------------------


def plain(net: torch.nn.Module) -> EmotionNet:
    without = folded(net)
    assert isinstance(without, EmotionNet)
    return without


def test_only_the_head_moves_and_emotions_that_do_not_occur_keep_their_weights(
    trained: tuple[torch.nn.Module, Path],
) -> None:
    old = plain(trained[0])
    new = adapted(old, voted(40, 3, (3, 4)), replace(QUICK, heeding=0.0, steps=5))
    same = {name for name, value in new.state_dict().items() if torch.equal(value, old.state_dict()[name])}
    assert set(old.state_dict()) - same == {"head.weight", "head.bias"}
    moved = (new.head.weight != old.head.weight).any(dim=1)
    assert moved.tolist() == [index in (3, 4) for index in range(8)]


def test_other_people_are_remembered_where_they_are_shown(trained: tuple[torch.nn.Module, Path]) -> None:
    """Own faces bear other labels than the net would give; what it says of the others stays closer to what it said."""
    old = plain(trained[0])
    images = prepared(pictures(60, 12)[0])
    alone, reminded = (
        adapted(old, voted(40, 3, (1, 0)), QUICK, others=others) for others in (None, pictures(80, 11)[0])
    )
    with torch.no_grad():
        before, far, near = (torch.softmax(net(images), dim=1) for net in (old, alone, reminded))
    assert float((near - before).abs().mean()) < 0.7 * float((far - before).abs().mean())


def test_the_same_seed_adapts_to_the_same_net_and_no_way_at_all_is_the_old_one(
    trained: tuple[torch.nn.Module, Path],
) -> None:
    old = plain(trained[0])
    one, same, other = (adapted(old, voted(40, 3, (3, 4)), replace(QUICK, steps=5, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(one.head.weight, same.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)
    assert torch.equal(between(old, one, 0.0).head.weight, old.head.weight)
    torch.testing.assert_close(between(old, one, 1.0).head.weight, one.head.weight)


# --- one's own faces ----------------------------------------------------------------------------------------------


def test_the_last_pictures_of_each_emotion_are_set_aside() -> None:
    faces = voted(40, 1)
    faces = replace(faces, names=np.array([f"{number:02}" for number in range(40)][::-1], np.str_))
    learnt, aside = parted(faces)
    assert sorted(aside.names.tolist()) == [f"{number:02}" for number in range(28, 40)]
    assert len(learnt) == 28


def test_a_validation_part_decides_where_there_is_one(tmp_path: Path) -> None:
    write_faces(tmp_path / "train", (Emotion.SADNESS, Emotion.FEAR), 30)
    write_faces(tmp_path / "validation", (Emotion.SADNESS, Emotion.FEAR), 8, seed=6)
    learnt, aside = own_faces(tmp_path)
    assert (len(learnt), len(aside)) == (30, 8)


def test_look_alikes_of_learnt_faces_do_not_judge_unless_too_few_others_are_left() -> None:
    learnt, aside = voted(28, 1), voted(20, 2)
    assert len(judges(learnt, aside)[0]) == 20
    images = aside.images.copy()
    images[:6] = learnt.images[:6] // 2 + 20
    left, alike = judges(learnt, replace(aside, images=images))
    assert (left.names.tolist(), alike) == (aside.names[6:].tolist(), 0)
    images[6:10] = learnt.images[6:10, :, ::-1]
    left, alike = judges(learnt, replace(aside, images=images))
    assert (len(left), alike) == (20, 10)
    images[:], images[1::2] = aside.images, learnt.images[1:21:2]
    assert judges(learnt, replace(aside, images=images))[1] == 10, "else one emotion alone would judge"


@pytest.mark.parametrize("count", [1, 5, 99])
def test_too_few_faces_of_other_people_are_refused(tmp_path: Path, count: int) -> None:
    np.savez(tmp_path / "few.npz", images=pictures(count, 1)[0], votes=np.ones((count, 10), np.uint8))
    with pytest.raises(InputError, match=f"{count} pictures of other people; to remember them takes 100"):
        other_faces(tmp_path / "few.npz")


@pytest.mark.parametrize(
    ("emotions", "count", "word"),
    [
        ((Emotion.SADNESS, Emotion.FEAR), 22, "sadness 11, fear 11"),
        ((Emotion.SADNESS, Emotion.SADNESS), 40, "40 faces of 1 emotions"),
        ((Emotion.SADNESS, Emotion.FEAR), 3, "sadness 2, fear 1"),
    ],
)
def test_too_few_faces_are_refused_by_name(
    tmp_path: Path, emotions: tuple[Emotion, Emotion], count: int, word: str
) -> None:
    with pytest.raises(InputError, match=word):
        own_faces(write_faces(tmp_path / "train", emotions, count))


# --- the whole way ------------------------------------------------------------------------------------------------


def test_the_command_leaves_a_better_model_that_says_where_it_comes_from(
    tmp_path: Path, trained: tuple[torch.nn.Module, Path]
) -> None:
    """What the model calls neutral is sadness in this household."""
    data = write_faces(tmp_path / "mine" / "train", (Emotion.SADNESS, Emotion.NEUTRAL), 80).parent
    others = tmp_path / "others"
    others.mkdir()
    for number in range(100):
        blocks = np.kron(np.random.default_rng(number).integers(0, 255, (8, 8)), np.ones((6, 6)))
        cv2.imwrite(str(others / f"{number}.png"), blocks.astype(np.uint8))
    arguments = [str(data), "--finetune", str(trained[1]), "--others", str(others), "--out", str(tmp_path / "new")]
    result = CliRunner().invoke(train_emotion, [*arguments, "--threads", "1"])
    assert result.exit_code == 0, result.output
    assert {file.name for file in (tmp_path / "new").iterdir()} == {"emotion.tflite", "manifest.json", "card.md"}
    later = voted(40, 21, (3, 0))
    labels = [EMOTIONS[index] for index in later.top]
    right = [
        np.mean([one is other for one, other in zip(said(model, later), labels, strict=True)])
        for model in (trained[1], tmp_path / "new")
    ]
    assert right[0] < 0.2 and right[1] > right[0] + 0.3
    manifest, old = (json.loads((folder / "manifest.json").read_text()) for folder in (tmp_path / "new", trained[1]))
    assert manifest["training"]["config"]["finetune"]["model_sha256"] == old["sha256"]
    assert manifest["temperature"] == old["temperature"]
    assert old["sha256"] in (tmp_path / "new" / "card.md").read_text()
    assert "WARNING" not in result.output
    assert "of 24 set aside" in result.output and "on other people's faces" in result.output


def test_a_model_judged_by_look_alikes_says_so(tmp_path: Path, trained: tuple[torch.nn.Module, Path]) -> None:
    """A single session: each face of the validation part was learnt."""
    for part in ("train", "validation"):
        write_faces(tmp_path / "mine" / part, (Emotion.SADNESS, Emotion.NEUTRAL), 80)
    arguments = [str(tmp_path / "mine"), "--finetune", str(trained[1]), "--out", str(tmp_path / "new")]
    result = CliRunner().invoke(train_emotion, [*arguments, "--threads", "1"])
    assert result.exit_code == 0, result.output
    assert "WARNING: 80 of the 80 faces set aside look like learnt ones" in result.output
    assert "80 of them look like learnt ones" in (tmp_path / "new" / "card.md").read_text()


def test_a_model_that_would_not_be_better_is_not_written(tmp_path: Path, trained: tuple[torch.nn.Module, Path]) -> None:
    """Labels drawn by lot teach nothing; an earlier model in the folder stays."""
    images, _ = pictures(80, 7)
    rng = np.random.default_rng(3)
    for number, image in enumerate(images):
        file = tmp_path / "mine" / str(rng.choice(["neutral", "happy"])) / f"{number:03}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), image)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "emotion.tflite").write_bytes(b"earlier")
    with pytest.raises(InputError, match="nothing was written"):
        personalise(tmp_path / "mine", tmp_path / "out", replace(QUICK, steps=3, rate=1e-4), model=trained[1])
    assert {file.name for file in tmp_path.iterdir()} == {"mine", "out"}
    assert (tmp_path / "out" / "emotion.tflite").read_bytes() == b"earlier"


def test_finetune_without_a_model_there_or_others_without_finetune_say_so(tmp_path: Path) -> None:
    data = write_faces(tmp_path / "train", (Emotion.SADNESS, Emotion.FEAR), 30).parent
    out = str(tmp_path / "out")
    absent = CliRunner().invoke(train_emotion, [str(data), "--finetune", str(tmp_path / "no"), "--out", out])
    assert isinstance(absent.exception, ModelError)
    usage = CliRunner().invoke(train_emotion, [str(data), "--others", str(data), "--out", out])
    assert usage.exit_code == 2 and "--finetune" in usage.output


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--epochs", "3"], "--epochs"),
        (["--rate", "0.1"], "--rate"),
        (["--net", "pi"], "--net"),
        (["--teacher", "a.ckpt", "--start", "b.ckpt"], "--teacher, --start"),
        (["--detector", "."], "--detector"),
        (["--twins", "allow"], "--twins"),
        (["--quick", "--resume"], "--quick, --resume"),
        (["--device", "auto", "--checkpoint-dir", "run"], "--device, --checkpoint-dir"),
    ],
)
def test_what_finetune_has_no_use_for_is_refused_by_name(tmp_path: Path, words: list[str], named: str) -> None:
    result = CliRunner().invoke(train_emotion, [str(tmp_path), "--finetune", "--out", str(tmp_path / "out"), *words])
    assert result.exit_code == 2 and f"does not go with {named}: " in result.output, result.output

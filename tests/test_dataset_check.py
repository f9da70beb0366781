"""Looking over a data set: what is in it is counted, what is wrong with it is named, look-alikes are found."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.training.dataset.check import check
from fer_pi.training.dataset.commands import check_dataset
from fer_pi.training.dataset.look_alikes import LIKENESS, alike, groups, twins
from fer_pi.training.emotion.split import split_data


def made(count: int, seed: int = 0, side: int = 48) -> NDArray[Any]:
    """(N, side, side) uint8 of soft random shapes; no two are alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 235, (count, 6, 6)).astype(np.float32)
    fine = [cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in coarse]
    return np.asarray(np.clip(np.stack(fine), 0, 255), np.uint8)


def write(folder: Path, images: NDArray[Any], suffix: str = ".png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        cv2.imwrite(str(folder / f"{index}{suffix}"), image)
    return folder


def sound_folders(root: Path) -> Path:
    """A data set without a fault."""
    for seed, (split, count) in enumerate((("train", 30), ("validation", 22))):
        for kind, emotion in enumerate(("angry", "Happy", "SADNESS")):
            write(root / split / emotion, made(count, 10 * seed + kind))
    return root


def archive(folder: Path, name: str, images: NDArray[Any], kinds: Any) -> None:
    votes = np.zeros((len(images), 10), np.uint8)
    votes[np.arange(len(images)), kinds] = 9
    np.savez(folder / f"{name}.npz", images=images, votes=votes)


def findings(root: Path, level: str) -> str:
    figures, _, _ = check(root)
    return "\n".join("\n".join([f["text"], *f["examples"]]) for f in figures["findings"] if f["level"] == level)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(check_dataset, [str(argument) for argument in arguments])


# --- look-alikes --------------------------------------------------------------------------------------------------


def spoilt(image: NDArray[Any], how: str) -> NDArray[Any]:
    if how == "mirrored":
        return image[:, ::-1].copy()
    if how == "brighter, flatter":
        return np.asarray(60 + 0.6 * image, np.uint8)
    if how == "moved":
        return np.asarray(cv2.warpAffine(image, np.array([[1.0, 0, 4], [0, 1, -3]]), (48, 48), borderMode=1))
    if how == "moved and mirrored":
        return spoilt(spoilt(image, "moved"), "mirrored")
    if how == "watermark":
        marked = cv2.putText(image.copy(), "stock", (4, 28), 0, 0.4, (255.0,))
        return np.asarray(cv2.addWeighted(image, 0.5, marked, 0.5, 0))
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 15])
    return np.asarray(cv2.imdecode(data, 0))


@pytest.mark.parametrize("how", ["mirrored", "brighter, flatter", "moved", "moved and mirrored", "watermark", "JPEG"])
def test_the_same_photograph_is_found_however_it_was_changed(how: str) -> None:
    images = made(60)
    others = np.stack([spoilt(image, how) for image in images[[7, 33]]])
    found = twins(others, images)
    assert found.index.tolist() == [7, 33]
    assert (found.likeness >= LIKENESS).all()
    assert found.mirrored.tolist() == ["mirrored" in how] * 2


def test_different_pictures_and_blank_ones_are_no_twins() -> None:
    images = np.concatenate([made(300), np.full((2, 48, 48), 90, np.uint8)])
    found = twins(images)
    assert len(found.found()) == 0
    assert (found.index == -1).all()


def test_more_pictures_than_one_block_are_all_compared() -> None:
    images = made(1500)
    images[1400] = images[3][:, ::-1]
    found = twins(images)
    assert found.found().tolist() == [3, 1400]
    assert found.mirrored[[3, 1400]].all()
    assert found.index[[3, 1400]].tolist() == [1400, 3]


def test_what_is_joined_by_others_is_one_group_and_the_rest_stands_alone() -> None:
    images = made(40)
    images[20] = spoilt(images[5], "moved")
    images[30] = spoilt(images[20], "moved and mirrored")
    found = groups(images)
    assert found[[5, 20, 30]].tolist() == [5, 5, 5]
    assert len(set(found.tolist())) == 38


def test_the_bound_that_spares_comparing_in_full_loses_no_pair() -> None:
    rng = np.random.default_rng(4)
    images = np.clip(made(80) + rng.normal(0, 20, (80, 48, 48)), 0, 255).astype(np.uint8)
    images[40:] = np.clip(images[:40] + rng.normal(0, 30, (40, 48, 48)), 0, 255).astype(np.uint8)
    pairs = alike(images, None, 0.8)
    view = images[:, 6:42, 6:42].reshape(80, 12, 3, 12, 3).mean(axis=(2, 4)).reshape(80, -1)
    wanted = {(i, j) for i, j in zip(*np.nonzero(np.corrcoef(view) > 0.81), strict=True) if i < j}
    assert len(wanted) >= 20
    assert wanted <= set(zip(pairs.one.tolist(), pairs.other.tolist(), strict=True))


# --- what is in it ------------------------------------------------------------------------------------------------


def test_a_sound_data_set_is_counted_and_nothing_is_said_against_it(tmp_path: Path) -> None:
    figures, _, pairs = check(sound_folders(tmp_path))
    assert [f for f in figures["findings"] if f["level"] != "note"] == []
    assert pairs == [] and figures["errors"] == 0
    assert {name: part["pictures"] for name, part in figures["parts"].items()} == {"train": 90, "validation": 66}
    assert figures["parts"]["train"]["labels"]["anger"] == 30
    assert figures["parts"]["validation"]["labels"]["sadness"] == 22
    assert figures["parts"]["train"]["width"] == {"least": 48, "median": 48, "most": 48}
    assert "no faces for neutral, surprise" in findings(tmp_path, "note")


def test_an_emotion_that_only_the_validation_part_has_is_an_error(tmp_path: Path) -> None:
    sound_folders(tmp_path)
    (tmp_path / "validation" / "SADNESS").rename(tmp_path / "validation" / "fear")
    assert "validation: has faces for fear, of which train has none" in findings(tmp_path, "error")


def test_archives_of_votes_are_counted_and_their_twins_found(tmp_path: Path) -> None:
    train, valid = made(120), made(60, 1)
    valid[4] = spoilt(train[50], "watermark")
    train[9] = train[8]
    archive(tmp_path, "train", train, np.arange(120) % 3)
    archive(tmp_path, "valid", valid, [8] * 10 + [0, 1] * 25)
    figures, _, pairs = check(tmp_path)
    assert figures["parts"]["train"]["labels"]["happiness"] == 40
    assert figures["parts"]["valid"]["unlabelled"] == 10
    assert [(pair.one, pair.other) for pair in pairs] == [((0, 50), (1, 4))]
    assert figures["parts"]["train"]["look_alikes"] == 2
    assert figures["parts"]["train"]["look_alikes_with_other_labels"] == 2
    assert "valid.npz[4] = train.npz[50]" in findings(tmp_path, "error")
    assert "2 of them with another label" in findings(tmp_path, "warning")
    assert "10 faces most votes name none" in findings(tmp_path, "note")


def test_a_single_twin_in_many_is_an_error_as_training_refuses_it(tmp_path: Path) -> None:
    train, valid = made(120), made(150, 1)
    valid[4] = train[50]
    archive(tmp_path, "train", train, np.arange(120) % 3)
    archive(tmp_path, "valid", valid, np.arange(150) % 3)
    said = findings(tmp_path, "error")
    assert "valid: 1 of its pictures (0.67%) stand in train too" in said
    assert "remove them, or train with --twins leave-out" in said
    with pytest.raises(InputError, match="photograph that stands in the validation part"):
        split_data(tmp_path, "refuse")


@pytest.mark.parametrize(("count", "level"), [(150, "warning"), (30, "error")])
def test_twins_in_a_part_that_training_does_not_read_are_an_error_if_they_are_many(
    tmp_path: Path, count: int, level: str
) -> None:
    root = sound_folders(tmp_path)
    unread = made(count, 60)
    unread[0] = cv2.imread(str(root / "train" / "angry" / "0.png"), cv2.IMREAD_GRAYSCALE)
    write(root / "test" / "happy", unread)
    said = findings(root, level)
    assert "test: 1 of its pictures" in said and "--twins" not in said
    split_data(root, "refuse")


@pytest.mark.parametrize(
    ("case", "level", "words"),
    [
        ("broken", "warning", ["train: 2 files cannot be read", "angry/empty.png (empty)", "text.jpg (no picture)"]),
        ("cut off", "warning", ["train: 1 files cannot be read", "angry/cut.jpg (image file is truncated"]),
        ("blank", "warning", ["train: 1 pictures show nothing", "angry/blank.png"]),
        ("small and wide", "warning", ["smaller than 48 px", "wide.png (40 x 20)", "not square and are squeezed"]),
        ("unknown folder", "error", ["not names of emotions", "'hapiness' (2 pictures); did you mean 'happ"]),
        ("numbered", "error", ["train: 1 labels are numbers, and data sets count emotions differently"]),
        ("empty folder", "error", ["train: 1 empty folders", "train/fear"]),
        ("other files", "note", ["files that are no pictures by their names: 1 .db"]),
        ("no validation", "error", ["no valid part; name a folder or file valid or validation"]),
        ("a test part too", "note", ["validation judges what is trained; test is left unread"]),
        ("rare", "warning", ["train: fewer than 20 faces for fear (3)"]),
        ("another folder", "warning", ["folders beside the splits that nobody reads", "old"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_folders_is_named(tmp_path: Path, case: str, level: str, words: list[str]) -> None:
    root = sound_folders(tmp_path / "set")
    angry = root / "train" / "angry"
    if case == "broken":
        (angry / "empty.png").write_bytes(b"")
        (angry / "text.jpg").write_text("no picture")
    if case == "cut off":
        _, data = cv2.imencode(".jpg", made(1, 99, 200)[0])
        (angry / "cut.jpg").write_bytes(data.tobytes()[:2000])
    if case == "blank":
        cv2.imwrite(str(angry / "blank.png"), np.full((48, 48), 7, np.uint8))
    if case == "small and wide":
        cv2.imwrite(str(angry / "wide.png"), made(1, 98)[0][:20, :40])
    if case in ("unknown folder", "numbered"):
        write(root / "train" / {"unknown folder": "hapiness", "numbered": "3"}[case], made(2, 50))
    if case == "empty folder":
        (root / "train" / "fear").mkdir()
    if case == "other files":
        (angry / "Thumbs.db").write_bytes(b"x")
    if case == "no validation":
        (root / "validation").rename(tmp_path / "away")
    if case == "a test part too":
        write(root / "test" / "happy", made(25, 51))
    if case == "rare":
        write(root / "train" / "fear", made(3, 52))
    if case == "another folder":
        write(root / "old" / "happy", made(3, 53))
    said = findings(root, level)
    for word in words:
        assert word in said


@pytest.mark.parametrize(("count", "emotions"), [(1, ("angry", "happy", "sad")), (60, ("happy",))])
def test_too_little_to_train_on_is_an_error(tmp_path: Path, count: int, emotions: tuple[str, ...]) -> None:
    for index, emotion in enumerate(emotions):
        write(tmp_path / emotion, made(count, index))
    said = findings(tmp_path, "error")
    assert f"{count * len(emotions)} labelled faces of {len(emotions)} emotions; training needs at least 40" in said


# --- tables -------------------------------------------------------------------------------------------------------


def write_table(root: Path, text: str, count: int = 45) -> Path:
    write(root / "images", made(count))
    (root / "labels.csv").write_text(text, encoding="utf-8")
    return root


def test_a_table_names_its_missing_files_and_the_labels_that_are_not_understood(tmp_path: Path) -> None:
    rows = [f"{index}.png,{'HAPPY' if index % 2 else 'Sad'}" for index in range(43)]
    rows += ["43.png,freude", "44.png,", "nowhere.png,happy", ",sad"]
    root = write_table(tmp_path, "\ufeffImage,Label\n" + "\n".join(rows) + "\n")
    figures, _, _ = check(root)
    part = figures["parts"]["all"]
    assert part["pictures"] == 45
    assert (part["labels"]["happiness"], part["labels"]["sadness"], part["unlabelled"]) == (21, 22, 2)
    said = findings(root, "error")
    assert "2 files named in the table are missing" in said
    assert "labels.csv:47: nowhere.png" in said and "labels.csv:48: (no name)" in said
    assert "2 labels are not names of emotions" in said
    assert "'(empty)' (1 pictures)\n'freude' (1 pictures)" in said


def test_a_table_may_have_splits(tmp_path: Path) -> None:
    rows = [
        f"{index}.png,{'happy' if index % 2 else 'sad'},{'train' if index < 42 else 'valid'}" for index in range(45)
    ]
    figures, _, _ = check(write_table(tmp_path, "image,label,split\n" + "\n".join(rows)))
    assert {name: part["pictures"] for name, part in figures["parts"].items()} == {"train": 42, "valid": 3}


def test_a_picture_with_several_rows_counts_once(tmp_path: Path) -> None:
    rows = [f"{index // 2}.png,happy" for index in range(20)]
    figures, _, _ = check(write_table(tmp_path, "image,label\n" + "\n".join(rows)))
    assert figures["parts"]["all"]["pictures"] == 10
    assert figures["parts"]["all"]["look_alikes"] == 0


def test_the_table_of_the_detector_is_read_as_its_training_reads_it(tmp_path: Path) -> None:
    points = ",".join(
        f"{name}_{axis}" for name in ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left") for axis in "xy"
    )
    header = f"image,split,kind,x,y,w,h,{points}"
    write(tmp_path / "images", made(2))
    for size, words in (("20,30", ""), ("0,30", "faces.csv:2: 0.png: box 0 x 30 has no area")):
        (tmp_path / "faces.csv").write_text(
            f"{header}\n0.png,train,face,1,2,{size}{',' * 10}\n1.png,val,none,,,,{',' * 10}\n"
        )
        assert words in findings(tmp_path, "error")
        assert bool(words) == bool(findings(tmp_path, "error"))


@pytest.mark.parametrize(
    ("case", "word"),
    [
        ("nowhere", "no such folder"),
        ("nothing in it", "holds neither"),
        ("a file", "neither a folder nor an .npz"),
        ("no names", "its columns are label, size; one must name the pictures"),
        ("no rows", "holds no rows"),
        ("latin-1", "not a UTF-8 csv"),
    ],
)
def test_what_is_no_data_set_is_refused_in_words(tmp_path: Path, case: str, word: str) -> None:
    root = tmp_path / "set"
    if case == "a file":
        root.write_text("x")
    elif case != "nowhere":
        root.mkdir()
    if case == "no names":
        (root / "a.csv").write_text("label,size\nhappy,3\n")
    if case == "no rows":
        (root / "a.csv").write_text("image,label\n")
    if case == "latin-1":
        (root / "a.csv").write_bytes("image,label\nä.png,happy\n".encode("latin-1"))
    with pytest.raises(InputError, match=word):
        check(root)


def test_a_damaged_archive_is_named_and_the_other_one_still_counted(tmp_path: Path) -> None:
    archive(tmp_path, "train", made(60), np.arange(60) % 3)
    (tmp_path / "valid.npz").write_bytes(b"PK")
    figures, _, _ = check(tmp_path)
    assert figures["parts"]["train"]["pictures"] == 60
    assert "valid.npz: not a FER+ archive" in findings(tmp_path, "error")


def test_a_set_of_nothing_but_broken_pictures_is_reported_not_crashed_on(tmp_path: Path) -> None:
    for emotion in ("happy", "sad"):
        (tmp_path / emotion).mkdir()
        (tmp_path / emotion / "a.png").write_bytes(b"x")
    result = run(tmp_path)
    assert result.exit_code == 66, result.output
    assert "2 files cannot be read" in result.output


# --- the command --------------------------------------------------------------------------------------------------


def test_the_command_ends_with_0_or_66_and_says_the_same_in_words_and_as_json(tmp_path: Path) -> None:
    root = sound_folders(tmp_path)
    result = run(root)
    assert result.exit_code == 0, result.output
    assert "nothing that training would refuse" in result.output and "anger" in result.output
    (root / "train" / "[b]odd").mkdir()
    assert "'[b]odd' (0 pictures)" in run(root).output
    result = run(root, "--json")
    assert result.exit_code == 66
    assert json.loads(result.stdout)["errors"] == 1


def test_the_report_is_one_page_with_plots_examples_and_the_twins(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="reports need matplotlib (the extra 'train')")
    pytest.importorskip("jinja2", reason="reports need jinja2 (the extra 'train')")
    root = sound_folders(tmp_path / "set")
    first = cv2.imread(str(root / "train" / "angry" / "0.png"), 0)
    cv2.imwrite(str(root / "validation" / "Happy" / "0.png"), first)
    write(root / "train" / "fear", made(20, 77, 90))
    (root / "train" / "<i>").mkdir()
    result = run(root, "--report", tmp_path / "out")
    assert result.exit_code == 66, result.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<h2>") >= 3 + 4 + 1  # plots, emotions, twins
    assert page.count('class="plot"') == 3
    assert "One photograph in two splits" in page and "anger / happiness" in page
    assert "&lt;i&gt;" in page and "<i>" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert json.loads((tmp_path / "out" / "report.json").read_text())["parts"]["train"]["labels"]["fear"] == 20


def test_a_report_can_be_written_about_a_set_without_any_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="reports need matplotlib (the extra 'train')")
    pytest.importorskip("jinja2", reason="reports need jinja2 (the extra 'train')")
    (tmp_path / "folders" / "happy").mkdir(parents=True)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "train.npz").write_bytes(b"PK")
    for name, words in (("folders", "empty folders"), ("archive", "not a FER+ archive")):
        result = run(tmp_path / name, "--report", tmp_path / "out")
        assert result.exit_code == 66, result.output
        assert words in (tmp_path / "out" / "report.html").read_text()

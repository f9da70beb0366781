"""The benchmark says all that it promises, of what it was asked about."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fer_pi.bench import RATE_HZ, SCENE_FROM_S, STAGES, WARM_UP, measure, print_table
from fer_pi.chain import open_chain, with_threads
from fer_pi.cli import commands
from fer_pi.config import Config, checked_config
from fer_pi.errors import InputError
from fer_pi.sources.demo import scene
from fer_pi.testing.videos import scene_video


@pytest.fixture(autouse=True)
def _one_thread_afterwards() -> Iterator[None]:
    """OpenCV keeps the number of threads for the whole process."""
    yield
    cv2.setNumThreads(1)


@pytest.fixture(scope="module")
def config() -> Config:
    return checked_config({})


@pytest.fixture(scope="module")
def figures(config: Config) -> dict[str, Any]:
    return measure(config, None, seconds=1.0)


def test_every_stage_and_every_sum_has_its_figures(figures: dict[str, Any]) -> None:
    assert set(figures) == {
        "machine", "python", "opencv", "input", "size", "threads", "frames", "stages_ms", "chain_ms",
        "frames_per_second", "age_ms", "cpu_seconds_per_frame", "peak_memory_mb",
    }  # fmt: skip
    assert list(figures["stages_ms"]) == ["capture", "detect", "align", "classify", "mood", "draw"] == list(STAGES)
    for spread in (*figures["stages_ms"].values(), figures["chain_ms"], figures["age_ms"]):
        assert 0 < spread["median"] <= spread["p95"]


def test_the_sums_agree_with_the_parts(figures: dict[str, Any]) -> None:
    """A sum is more than its dearest part, and half of the frames stay below the sum of each part's p95."""
    stages, chain = figures["stages_ms"], figures["chain_ms"]["median"]
    assert chain > max(stages[name]["median"] for name in ("detect", "align", "classify", "mood"))
    assert chain <= sum(stages[name]["p95"] for name in ("detect", "align", "classify", "mood"))


def test_the_embedded_scene_is_measured_without_a_video(figures: dict[str, Any]) -> None:
    assert (figures["input"], figures["size"]) == ("embedded scene, MJPG", [640, 480])
    assert figures["frames"] == 30 - WARM_UP


def test_the_measured_part_of_the_scene_shows_one_face_all_along(config: Config) -> None:
    """Without a face alignment and classification would cost next to nothing, and the figures would flatter."""
    chain = open_chain(config)
    for number in range(0, 60, 5):
        gray = cv2.cvtColor(scene(SCENE_FROM_S + number / RATE_HZ), cv2.COLOR_BGR2GRAY)
        assert len(chain.attention.look(np.asarray(gray, np.uint8), number / RATE_HZ)) == 1, number


def test_a_video_is_measured_in_its_own_size(config: Config, tmp_path: Path) -> None:
    video = scene_video(tmp_path / "scene.mp4", start_s=2.0, seconds=1.0)
    seen = measure(config, video, seconds=0.5)
    assert (seen["input"], seen["size"], seen["frames"]) == (str(video), [640, 480], 15 - WARM_UP)


def test_a_video_with_too_few_frames_is_refused(config: Config, tmp_path: Path) -> None:
    video = scene_video(tmp_path / "short.mp4", start_s=2.0, seconds=WARM_UP / 15)
    with pytest.raises(InputError, match=rf"short\.mp4: more than {WARM_UP} frames are needed"):
        measure(config, video, seconds=0.5)


def test_threads_reach_detector_and_classifier(config: Config) -> None:
    assert measure(with_threads(config, 2), None, seconds=0.5)["threads"] == {"detector": 2, "classifier": 2}
    assert (config.detector.threads, config.classifier.threads) == (1, 1), "the configuration itself is left alone"


def test_the_table_shows_every_stage(figures: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    print_table(figures)
    shown = capsys.readouterr().out
    rows = {row.split("│")[1].strip(): row for row in shown.splitlines() if row.count("│") == 4}
    for stage, spread in figures["stages_ms"].items():
        assert f"{spread['median']:.3f}" in rows[stage]
        assert f"{spread['p95']:.3f}" in rows[stage]
    assert f"{figures['chain_ms']['median']:.3f}" in rows["detect to mood"]
    assert f"{figures['age_ms']['median']:.3f}" in rows["age at the output"]
    assert f"{figures['peak_memory_mb']} MB" in " ".join(shown.split())


def test_the_command_prints_json_with_the_threads_it_was_told() -> None:
    result = CliRunner().invoke(commands, ["bench", "--seconds", "1", "--threads", "2", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["threads"] == {"detector": 2, "classifier": 2}

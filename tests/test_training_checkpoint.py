"""Checkpoints: what was saved comes back, a kill while saving costs nothing, and another run's is refused."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_pi.errors import InputError

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")

import torch

from fer_pi.training.checkpoint import Checkpoint, load, random_state, restore_random_state, save


def checkpoint(epoch: int = 3) -> Checkpoint:
    weights = {"w": torch.arange(4.0)}
    return Checkpoint({"rate": 0.1, "epochs": 9}, 7, epoch, weights, {}, {"lr": 0.1}, [{"loss": 1.5}])


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    save(tmp_path / "deep" / "run.ckpt", checkpoint())
    found = load(tmp_path / "deep" / "run.ckpt", config={"epochs": 9, "rate": 0.1})
    assert (found.seed, found.epoch, found.metrics) == (7, 3, [{"loss": 1.5}])
    assert torch.equal(found.model["w"], torch.arange(4.0))
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["run.ckpt"]


def test_a_kill_while_saving_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.ckpt"
    save(path, checkpoint(3))

    def half(values: Any, file: Any) -> None:
        file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        save(path, checkpoint(4))
    assert load(path).epoch == 3


def test_another_run_s_checkpoint_is_refused_with_what_differs(tmp_path: Path) -> None:
    save(tmp_path / "run.ckpt", checkpoint())
    with pytest.raises(InputError, match=r"rate: 0\.1 then, 0\.2 now"):
        load(tmp_path / "run.ckpt", config={"epochs": 9, "rate": 0.2})


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.ckpt").write_bytes(content)
    with pytest.raises(InputError, match="not a readable checkpoint"):
        load(tmp_path / "run.ckpt")


def test_random_numbers_go_on_where_they_stood() -> None:
    own, numpy_s = torch.Generator().manual_seed(1), np.random.default_rng(1)

    def draw() -> list[float]:
        return [
            random.random(),
            float(np.random.rand()),
            float(torch.rand(1)),
            float(torch.rand(1, generator=own)),
            float(numpy_s.random()),
        ]

    state = random_state(own, numpy_s)
    first = draw()
    assert draw() != first
    restore_random_state(state, own, numpy_s)
    assert draw() == first

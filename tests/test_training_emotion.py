"""Emotion training: the loop, its augmentation and its nets; interrupted or not, the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_pi.errors import InputError
from fer_pi.testing.labelled_faces import two_mouths, voted
from fer_pi.vision.align import normalized

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
pytest.importorskip("sklearn", reason="evaluation needs scikit-learn (the extra 'train')")

import torch
from torch import nn

from fer_pi.training.emotion import train as training
from fer_pi.training.emotion.augment import Strength, augmented, mixed, prepared
from fer_pi.training.emotion.net import build, folded, multiply_adds


def test_augmentation_keeps_shape_and_range_and_depends_on_the_seed_alone() -> None:
    images, _ = two_mouths(64)
    strong = Strength(
        small_share=0.9, blur_share=0.9, noise_share=0.9, jpeg_share=0.9, erase_share=0.9, cover_share=0.5
    )
    first, second, other = (augmented(images, strong, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == (64, 1, 48, 48)
    assert float(first.abs().max()) <= 128 / 52 + 1e-6
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_without_any_strength_a_face_is_only_mirrored() -> None:
    images, _ = two_mouths(8)
    none = Strength(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    changed = augmented(images, none, torch.Generator().manual_seed(1))
    plain, mirrored = prepared(images), prepared(images).flip(3)
    as_they_were = [bool(torch.isclose(c, p, atol=0.05).all()) for c, p in zip(changed, plain, strict=True)]
    turned = [bool(torch.isclose(c, m, atol=0.05).all()) for c, m in zip(changed, mirrored, strict=True)]
    assert all(a != b for a, b in zip(as_they_were, turned, strict=True))
    assert any(as_they_were) and any(turned)


def test_training_faces_go_through_the_normalisation_of_the_pi() -> None:
    images, _ = two_mouths(4)
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

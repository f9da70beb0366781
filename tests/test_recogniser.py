"""The teacher that begins with the weights of a face recognition net."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the train extra")

import torch

from fer_pi.errors import InputError
from fer_pi.training.emotion.net import build
from fer_pi.training.emotion.recogniser import LAYERS, WEIGHTS, RecogniserNet, pretrained


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as the package holds them, but drawn at random: some coded in 8 bits, some not."""
    folder = tmp_path_factory.mktemp("model")
    rng = np.random.default_rng(4)
    entries, content = [], b""

    def add(name: str, values: NDArray[np.float64], *, coded: bool) -> None:
        nonlocal content
        entry: dict[str, object] = {"name": name, "shape": list(values.shape), "dtype": "float32"}
        if coded:
            low, scale = float(values.min()), float(np.ptp(values)) / 255
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": low}
            content += np.rint((values - low) / scale).astype(np.uint8).tobytes()
        else:
            content += values.astype(np.float32).tobytes()
        entries.append(entry)

    def unit(name: str, wide_in: int, wide_out: int, kernel: int) -> None:
        spread = (2 / (kernel * kernel * wide_in)) ** 0.5
        add(f"{name}/conv/filters", rng.normal(0, spread, (kernel, kernel, wide_in, wide_out)), coded=True)
        add(f"{name}/conv/bias", rng.normal(0, 0.1, wide_out), coded=False)
        add(f"{name}/scale/weights", rng.uniform(0.5, 1.5, wide_out), coded=True)
        add(f"{name}/scale/biases", rng.normal(0, 0.1, wide_out), coded=True)

    unit("conv32_down", 3, 32, 7)
    wide = 32
    for name in LAYERS:
        width = int(name[4:].split("_")[0])
        unit(f"{name}/conv1", wide, width, 3)
        unit(f"{name}/conv2", width, width, 3)
        wide = width
    (folder / f"{WEIGHTS}-weights_manifest.json").write_text(json.dumps([{"weights": entries}]))
    (folder / f"{WEIGHTS}.bin").write_bytes(content)
    return folder


def faces(count: int) -> torch.Tensor:
    return torch.randn(count, 1, 48, 48, generator=torch.Generator().manual_seed(1))


def test_the_stem_is_the_published_one_fed_with_grey_as_red_green_and_blue(published: Path) -> None:
    net = pretrained(published, faces(4))
    entries = json.loads((published / f"{WEIGHTS}-weights_manifest.json").read_text())[0]["weights"]
    codes = np.frombuffer((published / f"{WEIGHTS}.bin").read_bytes(), np.uint8)
    kernel = codes[: 7 * 7 * 3 * 32].reshape(7, 7, 3, 32) * entries[0]["quantization"]["scale"]
    kernel = torch.from_numpy(kernel + entries[0]["quantization"]["min"]).float().permute(3, 2, 0, 1)
    bias = torch.from_numpy(np.frombuffer(codes[7 * 7 * 3 * 32 :][: 32 * 4].tobytes(), np.float32).copy())
    place = 7 * 7 * 3 * 32 + 32 * 4
    scale, offset = (
        torch.from_numpy(codes[start : start + 32] * entry["quantization"]["scale"] + entry["quantization"]["min"])
        for start, entry in ((place, entries[2]), (place + 32, entries[3]))
    )
    grey = torch.rand(2, 1, 40, 40) * 255
    coloured = (grey - torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)) / 255
    wanted = torch.nn.functional.conv2d(coloured, kernel, bias, stride=2).double()
    wanted = wanted * scale.view(1, -1, 1, 1) + offset.view(1, -1, 1, 1)
    with torch.no_grad():
        np.testing.assert_allclose(net.first(grey / 255), wanted, atol=1e-3)


def test_batch_norms_stand_where_training_would_leave_them(published: Path) -> None:
    """In training mode, where each batch is measured anew, the examples come out as in evaluation mode."""
    examples = faces(16)
    net = pretrained(published, examples)
    net.dropout.p = 0.0
    torch.nn.init.normal_(net.head.weight, std=0.1)
    with torch.no_grad():
        calm, measured = net.eval()(examples), net.train()(examples)
    np.testing.assert_allclose(measured, calm, rtol=0.02, atol=0.02 * float(calm.abs().max()))


def test_it_is_built_by_name_and_answers_for_eight_emotions() -> None:
    net = build("recogniser").eval()
    assert isinstance(net, RecogniserNet)
    with torch.no_grad():
        assert net(faces(3)).shape == (3, 8)


def test_weights_that_are_missing_cut_off_or_of_another_net_are_named(published: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"@vladmandic/face-api"):
        pretrained(tmp_path, faces(2))
    manifest, content = f"{WEIGHTS}-weights_manifest.json", f"{WEIGHTS}.bin"
    (tmp_path / manifest).write_text((published / manifest).read_text())
    (tmp_path / content).write_bytes((published / content).read_bytes()[:5000])
    with pytest.raises(InputError, match=r"ends within 'conv32_"):
        pretrained(tmp_path, faces(2))
    strange = [{"name": "a", "shape": [1], "dtype": "float32", "quantization": {"dtype": "uint3"}}]
    for text in ("{}", json.dumps([{"weights": strange}]), json.dumps([{"weights": [{"shape": [1]}]}])):
        (tmp_path / manifest).write_text(text)
        with pytest.raises(InputError, match="not a manifest"):
            pretrained(tmp_path, faces(2))
    (tmp_path / manifest).write_text('[{"weights": []}]')
    with pytest.raises(InputError, match="is not the net expected"):
        pretrained(tmp_path, faces(2))

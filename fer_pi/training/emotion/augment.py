"""Makes training faces as various as a cheap webcam makes them: geometry, light, blur, noise, JPEG, occlusion."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fer_pi.vision.align import DEVIATION, MEAN, normalized


@dataclass(frozen=True, slots=True)
class Strength:
    """How far each change may go, and how often it comes (`*_share` of the faces)."""

    angle_deg: float = 18.0
    log_scale: float = 0.14
    log_aspect: float = 0.06
    shift: float = 0.10
    """Of the side of the crop."""
    small_share: float = 0.08
    blur_share: float = 0.08
    log_gamma: float = 0.9
    gamma_share: float = 0.3
    shade: float = 0.5
    shade_share: float = 0.2
    noise: float = 14.0
    """Standard deviation in grey levels."""
    noise_share: float = 0.15
    jpeg_share: float = 0.08
    erase_share: float = 0.15
    cover_share: float = 0.02
    """Faces whose lower third is hidden (a hand, a scarf)."""


def augmented(crops: NDArray[Any], strength: Strength, generator: torch.Generator) -> Tensor:
    """(N, S, S) uint8 crops, not normalised -> (N, 1, S, S) float32, changed at random, ready for the net."""
    images = torch.from_numpy(crops).float().unsqueeze(1)
    images = _moved(images, strength, generator)
    images = _shrunk(images, strength, generator)
    images = _blurred(images, strength, generator)
    images = _lit(images, strength, generator)
    images = _noisy(images, strength, generator)
    images = _covered(images, strength, generator)
    pixels = images.clamp_(0, 255).round_().to(torch.uint8).squeeze(1).numpy()
    pixels = _compressed(pixels, strength, generator)
    return prepared(pixels)


def prepared(crops: NDArray[Any]) -> Tensor:
    """(N, S, S) uint8 crops -> (N, 1, S, S) float32 as the net takes them, through `align.normalized`."""
    return torch.from_numpy(normalized(crops)).float().sub_(MEAN).div_(DEVIATION).unsqueeze(1)


def mixed(images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Half of the batch blended with other faces, (N, 8) targets alike (mixup, Zhang et al. 2018, Beta(0.4, 0.4))."""
    count = len(images)
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    share = torch.from_numpy(rng.beta(0.4, 0.4, count).astype(np.float32))
    share = torch.where(_chosen(count, 0.5, generator), torch.maximum(share, 1 - share), torch.ones(count))
    other = torch.randperm(count, generator=generator)
    of_images, of_targets = share.view(-1, 1, 1, 1), share.view(-1, 1)
    return (
        images * of_images + images[other] * (1 - of_images),
        targets * of_targets + targets[other] * (1 - of_targets),
    )


def _chosen(count: int, share: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) < share


def _between(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _moved(images: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    count = len(images)
    angle = torch.deg2rad(_between(-strength.angle_deg, strength.angle_deg, count, generator))
    scale = torch.exp(_between(-strength.log_scale, strength.log_scale, count, generator))
    aspect = torch.exp(_between(-strength.log_aspect, strength.log_aspect, count, generator))
    mirror = torch.where(_chosen(count, 0.5, generator), -1.0, 1.0)
    shift = _between(-2 * strength.shift, 2 * strength.shift, 2 * count, generator).view(2, count)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [cos * aspect * mirror, -sin * aspect, shift[0], sin * mirror / aspect, cos / aspect, shift[1]]
    matrices = torch.stack(rows, dim=1).view(count, 2, 3)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _shrunk(images: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """Some faces as if they had been small in the camera's picture."""
    some = _chosen(len(images), strength.small_share, generator)
    size = int(torch.randint(18, 37, (1,), generator=generator))
    if some.any():
        small = functional.interpolate(images[some], size=(size, size), mode="bilinear", antialias=True)
        images[some] = functional.interpolate(small, size=images.shape[2:], mode="bilinear", align_corners=False)
    return images


def _blurred(images: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """Some faces out of focus (half of them) or moving (the others)."""
    some = _chosen(len(images), strength.blur_share, generator)
    count = int(some.sum())
    if count == 0:
        return images
    reach = torch.arange(-3.0, 4.0)
    y, x = reach.view(1, 7, 1), reach.view(1, 1, 7)
    angle = _between(0, torch.pi, count, generator).view(-1, 1, 1)
    along = x * torch.cos(angle) + y * torch.sin(angle)
    across = y * torch.cos(angle) - x * torch.sin(angle)
    width = _between(0.5, 1.5, count, generator).view(-1, 1, 1)
    moving = _chosen(count, 0.5, generator).view(-1, 1, 1)
    kernel = torch.exp(
        -0.5 * ((along / torch.where(moving, 2 * width, width)) ** 2 + (across / torch.where(moving, 0.4, width)) ** 2)
    )
    kernel = kernel / kernel.sum(dim=(1, 2), keepdim=True)
    padded = functional.pad(images[some].transpose(0, 1), (3, 3, 3, 3), mode="replicate")
    images[some] = functional.conv2d(padded, kernel.unsqueeze(1), groups=count).transpose(0, 1)
    return images


def _lit(images: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """Gamma for some, a shade across the face for some."""
    count, side = len(images), images.shape[-1]
    gamma = torch.exp(_between(-strength.log_gamma, strength.log_gamma, count, generator))
    gamma = torch.where(_chosen(count, strength.gamma_share, generator), gamma, torch.ones(count)).view(-1, 1, 1, 1)
    images = images.clamp(1, 255).div_(255).pow(gamma)
    slope = _between(-strength.shade, strength.shade, 2 * count, generator).view(2, count, 1, 1, 1)
    slope = slope * _chosen(count, strength.shade_share, generator).view(1, -1, 1, 1, 1)
    place = torch.linspace(-1, 1, side)
    return images.mul_(1 + slope[0] * place.view(1, 1, 1, -1) + slope[1] * place.view(1, 1, -1, 1)).mul_(255)


def _noisy(images: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    some = _chosen(len(images), strength.noise_share, generator)
    level = _between(0, strength.noise, int(some.sum()), generator).view(-1, 1, 1, 1)
    images[some] += torch.randn(images[some].shape, generator=generator) * level
    return images


def _covered(images: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """A patch of flat or noisy grey on some faces (random erasing, Zhong et al. 2020), a low band on a few."""
    count, side = len(images), images.shape[-1]
    some = _chosen(count, strength.erase_share, generator)
    band = _chosen(count, strength.cover_share, generator)
    size = _between(0.12, 0.45, 2 * count, generator).view(2, count, 1, 1)
    middle = _between(0, 1, 2 * count, generator).view(2, count, 1, 1)
    place = ((torch.arange(side) + 0.5) / side).view(1, 1, -1)
    inside_x = (place - middle[0]).abs() < size[0] / 2
    inside_y = ((place - middle[1]).abs() < size[1] / 2).transpose(1, 2)
    patch = (inside_x & inside_y & some.view(-1, 1, 1)) | ((place > 0.66).transpose(1, 2) & band.view(-1, 1, 1))
    grey = _between(0, 255, count, generator).view(-1, 1, 1, 1)
    roughness = _between(0, 40, count, generator).view(-1, 1, 1, 1)
    filling = grey + roughness * torch.randn(images.shape, generator=generator)
    return torch.where(patch.unsqueeze(1), filling, images)


def _compressed(pixels: NDArray[Any], strength: Strength, generator: torch.Generator) -> NDArray[Any]:
    some = _chosen(len(pixels), strength.jpeg_share, generator).nonzero().flatten().tolist()
    quality = torch.randint(15, 70, (len(pixels),), generator=generator).tolist()
    for index in some:
        _, data = cv2.imencode(".jpg", pixels[index], [cv2.IMWRITE_JPEG_QUALITY, quality[index]])
        pixels[index] = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return pixels

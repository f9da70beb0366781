"""Makes training pictures for the detector: placed, turned, shrunk, tiled, relit, blurred and partly covered faces."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.training.detector.data import Floats, LabelledPicture, PackedPictures
from fer_pi.types import Image

SMALLEST_PX = 8.0
"""A face whose shorter side is smaller is masked out of the loss: too little is left of it."""
MIRRORED = np.array([1, 0, 2, 4, 3])
"""Where each landmark goes when the picture is mirrored: right and left are the subject's."""
VISIBLE = 0.55
"""The part of a box that must be in view for the face to count; of less, it is masked out of the loss."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One training picture and its labels, in pixels."""

    image: Image
    boxes: Floats
    """(n, 4) left, top, width, height; may reach out of the picture."""
    points: Floats
    """(n, 5, 2), NaN where unknown."""
    ignored: NDArray[np.bool_]


GRIDS = (0.58, 0.22, 0.14, 0.06)
"""How often a scene is one picture, or a mosaic of 2 x 2, 3 x 3, 5 x 5."""
CALM_GRIDS = (0.8, 0.14, 0.06, 0.0)
DECOYS = 0.35
"""How often pieces without a face are pasted as faces are: an edge all around must not give a face away."""


class SceneMaker:
    """Makes `size` x `size` scenes from labelled pictures; the same seed makes the same scene."""

    def __init__(
        self,
        pictures: Sequence[LabelledPicture],
        packed: PackedPictures,
        size: int,
        wanted: NDArray[np.float64] | None = None,
    ) -> None:
        """`wanted` tells how often each picture with faces fills a tile; all alike if None."""
        self._pictures, self._packed, self._size = pictures, packed, size
        self._empty = [n for n, picture in enumerate(pictures) if picture.empty]
        self._with_faces = np.array([n for n, picture in enumerate(pictures) if (~picture.ignored).any()])
        shares = np.ones(len(pictures)) if wanted is None else wanted
        self._up_to = np.cumsum(shares[self._with_faces])
        self._noise = np.random.default_rng(7).standard_normal(1 << 18).astype(np.float32)

    def scene(self, number: int, seed: Sequence[int], *, calm: bool = False) -> Scene:
        """A scene around picture `number`, drawn with random numbers from `seed`.

        A calm one is nearer to what a camera sees: few mosaics, larger faces, half of the disturbances.
        """
        rng = np.random.default_rng(seed)
        if self._pictures[number].empty:
            tiles, grid = [number], 1
        else:
            grid = int(rng.choice([1, 2, 3, 5], p=CALM_GRIDS if calm else GRIDS))
            others = np.searchsorted(self._up_to, rng.random(grid * grid - 1) * self._up_to[-1], side="right")
            tiles = [number, *self._with_faces[others.clip(max=len(self._with_faces) - 1)].tolist()]
            tiles = [n if k == 0 or rng.random() > 0.15 else self._any_empty(rng, n) for k, n in enumerate(tiles)]
            rng.shuffle(tiles)
        image = np.empty((self._size, self._size), np.uint8)
        edges_x, edges_y = _edges(grid, self._size, rng), _edges(grid, self._size, rng)
        boxes, points, ignored = [], [], []
        for k, n in enumerate(tiles):
            row, column = divmod(k, grid)
            left, right, top, bottom = edges_x[column], edges_x[column + 1], edges_y[row], edges_y[row + 1]
            tile, tile_boxes, tile_points, tile_ignored = self._tile(n, right - left, bottom - top, rng)
            image[top:bottom, left:right] = tile
            boxes.append(tile_boxes + np.array([left, top, 0, 0], np.float32))
            points.append(tile_points + np.array([left, top], np.float32))
            ignored.append(tile_ignored)
        all_boxes, all_points = np.concatenate(boxes), np.concatenate(points)
        if not calm or rng.random() < 0.5:
            self._cover(image, all_boxes, rng)
        if not calm or rng.random() < 0.5:
            image = self._relight(image, rng)
        return Scene(image, all_boxes, all_points, np.concatenate(ignored))

    def _any_empty(self, rng: np.random.Generator, otherwise: int) -> int:
        return self._empty[rng.integers(len(self._empty))] if self._empty else otherwise

    def _tile(
        self, number: int, width: int, height: int, rng: np.random.Generator
    ) -> tuple[Image, Floats, Floats, NDArray[np.bool_]]:
        """One picture warped into a tile of `width` x `height`, over another background where it does not reach."""
        picture, source = self._pictures[number], self._packed[number]
        focus, factor = _framing(picture, source.shape, width, height, rng)
        angle = math.radians(rng.normal(0, 9) if rng.random() < 0.8 else rng.uniform(-35, 35))
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        stretch = math.exp(rng.normal(0, 0.05))
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        linear = turn @ np.diag([factor * stretch * mirror, factor / stretch])
        at = np.array([rng.uniform(0.18, 0.82) * width, rng.uniform(0.18, 0.82) * height])
        if width > 200 and rng.random() < 0.12:  # half out of the picture
            at = np.array([rng.uniform(-0.05, 1.05) * width, rng.uniform(-0.05, 1.05) * height])
        shift = at - linear @ focus
        tile = self._background(width, height, rng)
        if self._empty and rng.random() < DECOYS:
            for _ in range(rng.integers(1, 4)):
                self._decoy(tile, rng)
        _warp(source, linear, shift, tile, factor, repeat_edges=rng.random() < 0.15)
        boxes, points = _moved(picture, linear, shift, factor, stretch, angle)
        if mirror < 0:
            points = points[:, MIRRORED]
        return tile, *_labels(boxes, points, picture.ignored, width, height)

    def _background(self, width: int, height: int, rng: np.random.Generator) -> Image:
        kind = rng.random()
        if kind < 0.55 and self._empty:
            other = self._packed[self._empty[rng.integers(len(self._empty))]]
            part = rng.uniform(0.4, 1.0)
            h, w = max(1, int(other.shape[0] * part)), max(1, int(other.shape[1] * part))
            y, x = rng.integers(other.shape[0] - h + 1), rng.integers(other.shape[1] - w + 1)
            return np.asarray(cv2.resize(other[y : y + h, x : x + w], (width, height)), np.uint8)
        value = int(rng.choice([0, 128, 255, int(rng.integers(256))], p=[0.3, 0.4, 0.1, 0.2]))
        return np.full((height, width), value, np.uint8)

    def _decoy(self, tile: Image, rng: np.random.Generator) -> None:
        """Paste a picture without a face somewhere, turned, 12 px to half of the tile."""
        source = self._packed[self._empty[rng.integers(len(self._empty))]]
        smaller = min(tile.shape)
        factor = math.exp(rng.uniform(math.log(12), math.log(max(13.0, smaller / 2)))) / min(source.shape)
        angle = math.radians(rng.normal(0, 9))
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) * factor
        at = np.array([rng.uniform(0, tile.shape[1]), rng.uniform(0, tile.shape[0])])
        shift = at - turn @ np.array([source.shape[1] / 2, source.shape[0] / 2])
        _warp(source, turn, shift, tile, factor, repeat_edges=False)

    def _cover(self, image: Image, boxes: Floats, rng: np.random.Generator) -> None:
        """Hide a part of some faces: a hand, a cup, a phone."""
        for left, top, width, height in boxes:
            if rng.random() > 0.12 or min(width, height) < 14:
                continue
            w, h = rng.uniform(0.2, 0.55) * width, rng.uniform(0.2, 0.55) * height
            x, y = int(left + rng.uniform(-0.1, 1) * (width - w)), int(top + rng.uniform(0, 1.1) * (height - h))
            x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + int(w), self._size), min(y + int(h), self._size)
            if x1 <= x0 or y1 <= y0:
                continue
            if rng.random() < 0.5:
                image[y0:y1, x0:x1] = self._background(x1 - x0, y1 - y0, rng)
            else:
                image[y0:y1, x0:x1] = rng.integers(256)

    def _relight(self, image: Image, rng: np.random.Generator) -> Image:
        """Blur, gamma, contrast, uneven light, sensor noise, JPEG."""
        if rng.random() < 0.15:
            sigma = rng.uniform(0.4, 1.4)
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
        elif rng.random() < 0.08:
            length = int(rng.integers(3, 8))
            kernel = np.zeros((length, length), np.float32)
            end = (int(rng.integers(length)), int(rng.integers(length)))
            cv2.line(kernel, (length - 1 - end[0], length - 1 - end[1]), end, [1.0])
            image = np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
        levels = np.arange(256, dtype=np.float32) / 255
        if rng.random() < 0.7:
            levels = levels ** math.exp(rng.normal(0, 0.45))
        if rng.random() < 0.5:
            levels = (levels - 0.5) * rng.uniform(0.5, 1.4) + 0.5 + rng.normal(0, 0.1)
        if rng.random() < 0.12:
            levels = levels * rng.uniform(0.1, 0.5)  # a dark room
        if rng.random() < 0.03:
            levels = 1 - levels * 0.9
        image = np.asarray(cv2.LUT(image, (levels.clip(0, 1) * 255).astype(np.uint8)), np.uint8)
        uneven, noisy = rng.random() < 0.2, rng.random() < 0.35
        if uneven or noisy:
            values = image.astype(np.float32)
            if uneven:
                field = rng.uniform(0.35, 1.35, (3, 3)).astype(np.float32)
                values *= cv2.resize(field, (self._size, self._size), interpolation=cv2.INTER_LINEAR)
            if noisy:
                start = rng.integers(len(self._noise) - image.size)
                values += self._noise[start : start + image.size].reshape(image.shape) * rng.uniform(1, 14)
            image = values.clip(0, 255).astype(np.uint8)
        if rng.random() < 0.08:
            _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
            image = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.uint8)
        return image


def _edges(grid: int, size: int, rng: np.random.Generator) -> list[int]:
    """Borders of the tiles: 0 .. size, the inner ones moved a little."""
    step = size / grid
    inner = [round(step * (k + 1) + rng.uniform(-0.2, 0.2) * step) for k in range(grid - 1)]
    return [0, *inner, size]


def _framing(
    picture: LabelledPicture, shape: tuple[int, ...], width: int, height: int, rng: np.random.Generator
) -> tuple[Floats, float]:
    """The point of the picture to put into the tile, and the scale."""
    faces = np.flatnonzero(~picture.ignored)
    if not len(faces):
        focus = np.array([rng.uniform(0.3, 0.7) * shape[1], rng.uniform(0.3, 0.7) * shape[0]], np.float32)
        return focus, max(width / shape[1], height / shape[0]) * math.exp(rng.uniform(-0.3, 0.7))
    left, top, w, h = picture.boxes[faces[rng.integers(len(faces))]]
    size = math.sqrt(w * h)
    # Log-uniform sizes, from faces across the room to one that fills the tile; never enlarged into mush.
    largest = min(0.95 * min(width, height), size * 2.5)
    smallest = min(9.0, largest)
    if width > 200:
        smallest = min(float(rng.choice([9.0, 28.0, 80.0], p=[0.4, 0.3, 0.3])), largest)
    wanted = math.exp(rng.uniform(math.log(smallest), math.log(largest)))
    return np.array([left + w / 2, top + h / 2], np.float32), wanted / size


def _warp(
    source: Image,
    linear: NDArray[np.floating[Any]],
    shift: NDArray[np.floating[Any]],
    tile: Image,
    factor: float,
    *,
    repeat_edges: bool,
) -> None:
    """Draw the source into the tile; strong shrinking goes by area first, as a camera's scaler does."""
    if factor < 0.6:
        height, width = max(1, round(source.shape[0] * factor)), max(1, round(source.shape[1] * factor))
        small = np.asarray(cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        linear = linear @ np.diag([source.shape[1] / width, source.shape[0] / height])
        source = small
    matrix = np.hstack([linear, shift[:, None]])
    border = cv2.BORDER_REPLICATE if repeat_edges else cv2.BORDER_TRANSPARENT
    size = (tile.shape[1], tile.shape[0])
    cv2.warpAffine(source, matrix, size, dst=tile, flags=cv2.INTER_LINEAR, borderMode=border)


def _moved(
    picture: LabelledPicture,
    linear: NDArray[np.floating[Any]],
    shift: NDArray[np.floating[Any]],
    factor: float,
    stretch: float,
    angle: float,
) -> tuple[Floats, Floats]:
    """Boxes and points after the warp; a turned face keeps the upright box of its turned ellipse."""
    width, height = picture.boxes[:, 2] * factor * stretch, picture.boxes[:, 3] * factor / stretch
    center = (picture.boxes[:, :2] + picture.boxes[:, 2:] / 2) @ linear.T + shift
    cos, sin = math.cos(angle), math.sin(angle)
    wide = np.hypot(width * cos, height * sin)
    tall = np.hypot(width * sin, height * cos)
    boxes = np.stack([center[:, 0] - wide / 2, center[:, 1] - tall / 2, wide, tall], 1)
    return boxes.astype(np.float32), (picture.points @ linear.T + shift).astype(np.float32)


def _labels(
    boxes: Floats, points: Floats, ignored: NDArray[np.bool_], width: int, height: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """What can be seen in the tile; the rest is dropped, and what can hardly be seen is ignored."""
    right = np.minimum(boxes[:, 0] + boxes[:, 2], width) - np.maximum(boxes[:, 0], 0)
    down = np.minimum(boxes[:, 1] + boxes[:, 3], height) - np.maximum(boxes[:, 1], 0)
    visible = right.clip(0) * down.clip(0) / np.maximum(boxes[:, 2] * boxes[:, 3], 1e-6)
    hidden = ignored | (visible < VISIBLE) | (boxes[:, 2:].min(1, initial=np.inf) < SMALLEST_PX)
    seen = visible > 0
    return boxes[seen], points[seen], hidden[seen]

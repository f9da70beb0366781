"""The demonstration: the whole chain on an embedded scene, with no camera, no board and no screen."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import cv2

from fer_pi.app import Appliance, obeying_signals
from fer_pi.config import Config
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.outputs.console import Console
from fer_pi.outputs.rgb_led import RgbLed
from fer_pi.outputs.video_file import VideoFile
from fer_pi.sources.demo import DemoCamera
from fer_pi.types import Reading

VIDEO_SIZE = (960, 720)

"""A webcam, a Raspberry Pi and a light: the mood in front of the camera, shown in real time."""

__version__ = "0.1.0"

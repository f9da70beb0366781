"""The cameras, outputs and sections that a configuration can name; the only place that lists them.

A reference is "module:Class" and is imported when it is first needed, so that naming a camera here costs
nothing to those who use another. Each camera and output class carries its options as `Class.Options`.
"""

from importlib import import_module
from typing import Any

CAMERAS = {
    "auto": "fer_pi.sources.auto:AutoCamera",
    "webcam": "fer_pi.sources.webcam:Webcam",
    "pi_camera": "fer_pi.sources.pi_camera:PiCamera",
    "replay": "fer_pi.sources.replay:Replay",
    "demo": "fer_pi.sources.demo:DemoCamera",
}

OUTPUTS = {
    "rgb_led": "fer_pi.outputs.rgb_led:RgbLed",
    "emotion_leds": "fer_pi.outputs.emotion_leds:EmotionLeds",
    "screen": "fer_pi.outputs.screen:Screen",
    "event_log": "fer_pi.outputs.event_log:EventLog",
    "console": "fer_pi.outputs.console:Console",
}

SECTIONS = {
    "detector": "fer_pi.vision.detector_input:DetectorOptions",
    "classifier": "fer_pi.vision.classifier:ClassifierOptions",
    "mood": "fer_pi.mood.options:MoodOptions",
    "privacy": "fer_pi.outputs.privacy_panel:PrivacyOptions",
}


def resolve(reference: str) -> Any:
    """The object that "module:name" stands for."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)

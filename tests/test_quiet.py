"""OpenCV's log: silent inside, as before outside."""

import cv2
import pytest

from fer_pi.sources.quiet import quiet_opencv


def test_opencv_is_silent_inside_and_as_before_outside_even_nested_or_after_an_error() -> None:
    before = cv2.getLogLevel()
    with pytest.raises(ValueError, match="inside"), quiet_opencv:
        with quiet_opencv:
            assert cv2.getLogLevel() == 0
        assert cv2.getLogLevel() == 0
        raise ValueError("inside")
    assert cv2.getLogLevel() == before != 0

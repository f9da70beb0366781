"""OpenCV's log: silent inside, as before outside."""

import pytest

from fer_pi.sources.quiet import opencv_log, quiet_opencv


def test_opencv_is_silent_inside_and_as_before_outside_even_nested_or_after_an_error() -> None:
    before = opencv_log().getLogLevel()
    with pytest.raises(ValueError, match="inside"), quiet_opencv:
        with quiet_opencv:
            assert opencv_log().getLogLevel() == 0
        assert opencv_log().getLogLevel() == 0
        raise ValueError("inside")
    assert opencv_log().getLogLevel() == before != 0

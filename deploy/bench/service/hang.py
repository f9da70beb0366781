"""fer-pi, but for a loop that hangs once a file names its process: the first argument, the others are for fer-pi."""

import os
import sys
import time
from pathlib import Path

from fer_pi.chain import Chain
from fer_pi.cli import main
from fer_pi.types import Frame, Reading

hangs = Path(sys.argv.pop(1))
read = Chain.read


def hanging(self: Chain, frame: Frame) -> Reading:
    """A reading, or none for ever."""
    while hangs.exists() and hangs.read_text() == str(os.getpid()):
        time.sleep(1)
    return read(self, frame)


Chain.read = hanging  # type: ignore[method-assign]
sys.argv[0] = "fer-pi"
main()

"""The published nets that a large teacher may begin with, by the name that `--net` knows them by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from torch import Tensor, nn

from fer_pi.training.emotion import faceres, recogniser


@dataclass(frozen=True, slots=True)
class Published:
    """A net whose weights others have trained."""

    build: Callable[[], nn.Module]
    pretrained: Callable[[Path, Tensor], nn.Module]
    """From the folder with the weights, and (N, 1, 48, 48) normalised faces that settle its norms."""
    slow: Callable[[nn.Module], list[Tensor]] = lambda net: []
    """The parameters that learn at a third of the rate."""


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "recogniser": Published(recogniser.RecogniserNet, recogniser.pretrained),
        "faceres": Published(faceres.FaceresNet, faceres.pretrained, faceres.slow),
    }
)

"""An optimizer for plain convolutional nets: Muon for the convolutions, Adam for everything else.

Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") steps along the nearest
orthogonal matrix of the momentum, so that every direction of a layer learns at the same pace.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration, from the publication; five rounds bring all singular values near 1."""


class Muon(torch.optim.Optimizer):
    """Group 0, the convolutions, at `lr`; group 1, the rest, by Adam at `lr` times `adam_share`."""

    def __init__(
        self,
        convolutions: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        lr: float,
        *,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        adam_share: float = 0.07,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "adam_share": adam_share,
            "betas": betas,
        }
        super().__init__([{"params": list(convolutions)}, {"params": list(others)}], defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step; parameters without gradient stay."""
        orthogonal, plain = self.param_groups
        for parameter in orthogonal["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            momentum = state.setdefault("momentum", torch.zeros_like(parameter))
            momentum.mul_(orthogonal["momentum"]).add_(parameter.grad)
            ahead = parameter.grad.add(momentum, alpha=orthogonal["momentum"])
            rows = ahead.reshape(len(ahead), -1)
            direction = nearest_orthogonal(rows).reshape(parameter.shape)
            parameter.mul_(1 - orthogonal["lr"] * orthogonal["weight_decay"])
            parameter.add_(direction, alpha=-orthogonal["lr"] * max(1.0, rows.shape[0] / rows.shape[1]) ** 0.5)
        slow, fast = plain["betas"]
        for parameter in plain["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            mean = state.setdefault("mean", torch.zeros_like(parameter))
            square = state.setdefault("square", torch.zeros_like(parameter))
            count = state["count"] = state.get("count", 0) + 1
            mean.lerp_(parameter.grad, 1 - slow)
            square.lerp_(parameter.grad.square(), 1 - fast)
            update = (mean / (1 - slow**count)) / ((square / (1 - fast**count)).sqrt() + 1e-8)
            parameter.sub_(update, alpha=plain["lr"] * plain["adam_share"])


def nearest_orthogonal(matrix: Tensor) -> Tensor:
    """About U V^T of the singular value decomposition U S V^T of a (rows, columns) matrix."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        product = x @ x.T
        x = a * x + (b * product + c * product @ product) @ x
    return x.T if tall else x

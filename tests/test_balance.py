"""Rare emotions: leant towards where that costs nothing, and not an inch further."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")

import torch
from torch import Tensor, nn

from fer_pi.training.emotion.balance import balanced, rarity
from fer_pi.training.emotion.data import Faces, faces_from_votes


class Shy(nn.Module):
    """Says neutral with a lead that stands in the crop's first pixel, else disgust."""

    def __init__(self, lead: float) -> None:
        super().__init__()
        self.head = nn.Linear(1, 8)
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.bias.copy_(torch.tensor([lead, -9, -9, -9, -9, 0, -9, -9.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.ones(len(x), 1))  # type: ignore[no-any-return]


def faces(neutral: int, disgust: int) -> Faces:
    votes = np.zeros((neutral + disgust, 10), np.int64)
    votes[:neutral, 0] = votes[neutral:, 5] = 10
    return faces_from_votes(np.zeros((len(votes), 48, 48), np.uint8), votes)


def test_rarity_is_the_logarithm_of_how_many_times_rarer() -> None:
    np.testing.assert_allclose(rarity(faces(80, 10)), [0, 0, 0, 0, 0, np.log(8), 0, 0], rtol=1e-6)


def test_a_small_lead_over_a_rare_emotion_is_taken_back_where_that_is_right() -> None:
    """With a lead of 0.5 and a rarity of log(8) = 2.08 a strength of 0.3 turns the answer; more does no more."""
    net, strength = balanced(Shy(0.5), faces(80, 10), aside=faces(1, 5))
    assert strength == 0.3
    assert net(torch.zeros(1, 1, 48, 48)).argmax() == 5


def test_not_where_fewer_would_be_right() -> None:
    net, strength = balanced(Shy(0.5), faces(80, 10), aside=faces(5, 1))
    assert strength == 0
    assert net(torch.zeros(1, 1, 48, 48)).argmax() == 0


def test_the_net_given_is_left_as_it_is() -> None:
    given = Shy(0.5)
    before = given.head.bias.detach().clone()
    balanced(given, faces(80, 10), aside=faces(1, 5))
    assert torch.equal(given.head.bias, before)


def test_faces_without_a_majority_have_no_say() -> None:
    aside = faces(1, 5)
    nobody = replace(aside, majority=np.full(6, -1))
    assert balanced(Shy(0.5), faces(80, 10), nobody)[1] == 0

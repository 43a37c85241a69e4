"""Real-time chunking in the flow head: the weights, the pull, and what it does to chunks."""

import math

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given
from hypothesis import strategies as st

torch = import_or_skip("torch")

from fast_tokenizer.errors import HeadError  # noqa: E402
from fast_tokenizer.heads import Condition, FlowMatchingHead, RealTimeGuidance, TransformerTrunk  # noqa: E402
from fast_tokenizer.heads.random_draws import normal  # noqa: E402

H, D, C = 8, 2, 3


def published_weights(start, end, total):
    """As the published code computes them (schedule "exp")."""
    start = min(start, end)
    w = np.clip((start - 1 - np.arange(total)) / (end - start + 1) + 1, 0, 1)
    w = w * np.expm1(w) / (math.e - 1)
    return np.where(np.arange(total) >= end, 0, w)


@pytest.fixture
def head():
    torch.manual_seed(0)
    head = FlowMatchingHead(TransformerTrunk(C, width=16, layers=1, heads=2), horizon=H, action_dim=D).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return head


CONDITION = Condition.of(torch.randn(3, C, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
PLANNED = torch.linspace(-1, 1, 3 * 6 * D, dtype=torch.float64).reshape(3, 6, D)


def seeded():
    return torch.Generator().manual_seed(5)


@given(st.integers(1, 20), st.data())
def test_weights_are_the_published_ones(horizon, data):
    execute = data.draw(st.integers(1, horizon))
    planned = data.draw(st.integers(1, horizon))
    delay = data.draw(st.integers(0, planned))
    weights = RealTimeGuidance(torch.zeros(1, planned, 1), delay, execute).weights(horizon).numpy()
    end = min(horizon - execute, planned)
    assert weights == pytest.approx(published_weights(delay, end, horizon), abs=1e-6)
    assert (np.diff(weights) <= 0).all()


def restated(head, guidance, noise, steps):
    """The published loop, in which time runs from noise at 0 to actions at 1, with the Jacobian entry by entry."""
    weights = torch.tensor(published_weights(guidance.delay, H - guidance.execute, H))[:, None]
    planned = torch.cat([guidance.planned, torch.zeros(3, H - 6, D, dtype=torch.float64)], dim=1)
    memory = head.trunk.remember(CONDITION)
    x = noise
    for step in range(steps):
        tau = step / steps

        def velocity(x_t, tau=tau):
            return -head.velocity(x_t, torch.full((3,), 1 - tau, dtype=torch.float64), memory)

        def denoise(x_t, tau=tau):
            return x_t + (1 - tau) * velocity(x_t, tau)

        error = weights * (planned - denoise(x))
        if guidance.jacobian:
            jacobian = torch.autograd.functional.jacobian(lambda x_t: denoise(x_t).flatten(), x)
            pull = torch.einsum("ibhd,i->bhd", jacobian, error.flatten())
        else:
            pull = error
        inverse = (tau**2 + (1 - tau) ** 2) / (1 - tau) ** 2
        strength = min((1 - tau) / tau * inverse, guidance.beta) if tau > 0 else guidance.beta
        x = (x + (velocity(x) + strength * pull) / steps).detach()
    return x


@pytest.mark.parametrize("jacobian", [True, False])
def test_the_pull_is_the_published_one(head, jacobian):
    guidance = RealTimeGuidance(PLANNED, delay=2, execute=2, jacobian=jacobian)
    found = head.sample_onwards(CONDITION, guidance, generator=seeded(), num_steps=4)
    expected = restated(head, guidance, normal((3, H, D), PLANNED, seeded()), 4)
    assert torch.allclose(found, expected, atol=1e-9)
    assert not found.requires_grad


def test_without_a_pull_it_is_a_sample(head):
    guidance = RealTimeGuidance(PLANNED, delay=2, execute=2, beta=0.0)
    found = head.sample_onwards(CONDITION, guidance, generator=seeded())
    assert torch.allclose(found, head.sample(CONDITION, generator=seeded()))


@pytest.mark.parametrize("jacobian", [True, False])
def test_it_comes_nearer_to_the_plan(head, jacobian):
    free = head.sample(CONDITION, generator=seeded())
    guidance = RealTimeGuidance(PLANNED, delay=3, execute=2, jacobian=jacobian)
    guided = head.sample_onwards(CONDITION, guidance, generator=seeded())
    off_free, off_guided = ((chunk[:, :3] - PLANNED[:, :3]).abs().mean() for chunk in (free, guided))
    assert off_guided < 0.5 * off_free


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"planned": PLANNED[0]}, "planned has shape"),
        ({"planned": PLANNED[:, :0]}, "planned has shape"),
        ({"delay": 7}, "delay is 7: expected 0 to 6"),
        ({"delay": -1}, "delay is -1"),
        ({"execute": 0}, "execute is 0"),
        ({"beta": math.nan}, "beta nan"),
    ],
)
def test_bad_guidance_is_named(change, message):
    with pytest.raises(HeadError, match=message):
        RealTimeGuidance(**{"planned": PLANNED, "delay": 2, "execute": 2, **change})


def test_a_plan_for_other_chunks_is_named(head):
    for planned in (PLANNED[:2], PLANNED[..., :1], torch.zeros(3, H + 1, D)):
        with pytest.raises(HeadError, match=r"expected \[3, 1 to 8, 2\]"):
            head.sample_onwards(CONDITION, RealTimeGuidance(planned, delay=0, execute=2))
    with pytest.raises(HeadError, match="num_steps is 0"):
        head.sample_onwards(CONDITION, RealTimeGuidance(PLANNED, delay=0, execute=2), num_steps=0)

"""Flow matching's samples against torchdiffeq, which solves the same equation with small steps of a high order."""

import pytest
from frameworks import import_or_skip

torch = import_or_skip("torch")
torchdiffeq = import_or_skip("torchdiffeq")

from fast_tokenizer.heads import Condition, FlowMatchingHead, TransformerTrunk  # noqa: E402
from fast_tokenizer.heads.random_draws import normal  # noqa: E402

H, D, C = 4, 3, 5
CONDITION = Condition(torch.randn(2, 3, C, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))


pytestmark = pytest.mark.usefixtures("one_thread")


def make(solver, spacing="even"):
    """A head in which no two terms are alike, and whose velocity is smooth in time.

    The trunk's fastest feature of time has a period of 0.004, which no ten steps follow: what is faster than 1 is
    left out.
    """
    torch.manual_seed(0)
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    head = FlowMatchingHead(trunk, horizon=H, action_dim=D, solver=solver, spacing=spacing).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        periods = 4e-3 * (4.0 / 4e-3) ** torch.linspace(0, 1, 8)
        trunk.time[0].weight[:, torch.cat([periods, periods]) < 1] = 0.0
    return head


@pytest.fixture(scope="module")
def solved():
    """Where the flow ends, and how far one that does not depend on time would have ended from it."""
    head = make("euler")
    memory = head.trunk.remember(CONDITION)
    noise = normal((2, H, D), CONDITION.tokens, torch.Generator().manual_seed(3))

    def velocity(time, chunk):
        return head.velocity(chunk, time.expand(2), memory)

    def frozen(time, chunk):
        return velocity(torch.ones_like(time), chunk)

    times = torch.tensor([1.0, 0.0], dtype=torch.float64)
    with torch.no_grad():
        ends = [
            torchdiffeq.odeint(one, noise, times, method="dopri5", rtol=1e-7, atol=1e-8)[-1]
            for one in (velocity, frozen)
        ]
    assert (ends[0] - ends[1]).abs().max() > 0.05
    return ends[0]


@pytest.mark.parametrize(
    ("solver", "spacing", "num_steps", "most"),
    [
        ("euler", "even", 100, 2e-2),
        ("euler", "even", 400, 4e-3),
        ("euler", "quadratic", 400, 1e-2),
        ("midpoint", "even", 100, 1e-4),
        ("midpoint", "quadratic", 100, 3e-4),
    ],
)
def test_small_steps_end_where_the_equation_does(solved, solver, spacing, num_steps, most):
    found = make(solver, spacing).sample(
        CONDITION, generator=torch.Generator().manual_seed(3), num_steps=num_steps
    )
    assert (found - solved).abs().max() < most

"""Each action head against the formulas that it was built from."""

import math

import numpy as np
import pytest
from frameworks import import_or_skip

torch = import_or_skip("torch")

from heads_under_test import ACTIONS, BINS, CONDITION, C, D, H, make, near, seeded  # noqa: E402

from fast_tokenizer.codecs import BinningCodec  # noqa: E402
from fast_tokenizer.codecs.bins import quantiles  # noqa: E402
from fast_tokenizer.errors import HeadError  # noqa: E402
from fast_tokenizer.heads import Condition, FlowMatchingHead, TransformerTrunk  # noqa: E402
from fast_tokenizer.heads.action_bins import ActionBins  # noqa: E402
from fast_tokenizer.heads.random_draws import draw_ids, normal, uniform  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def test_regression_is_the_distance():
    for name, distance in (("mse", torch.square), ("l1", torch.abs)):
        head = make(name)
        expected = distance(head.sample(CONDITION) - ACTIONS).mean()
        assert near(head.loss(CONDITION, ACTIONS), expected)


def test_the_mixture_is_that_of_torch():
    head = make("mixture")
    weights, means, stds = head._mixture(CONDITION)
    peer = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=weights),
        torch.distributions.Independent(torch.distributions.Normal(means, stds), 2),
    )
    assert near(head.log_prob(CONDITION, ACTIONS), peer.log_prob(ACTIONS))
    expected = -peer.log_prob(ACTIONS).mean() / (H * D)
    assert near(head.loss(CONDITION, ACTIONS), expected)
    assert (stds >= 1e-2).all()


def test_samples_of_a_mixture_have_its_moments():
    head = make("mixture")
    condition = Condition.of(torch.ones(20_000, C))
    weights, means, stds = (part[0] for part in head._mixture(condition))
    samples = head.sample(condition, generator=seeded(7))
    shares = weights.exp()[:, None, None]
    mean = (shares * means).sum(dim=0)
    variance = (shares * (stds**2 + means**2)).sum(dim=0) - mean**2
    assert near(samples.mean(dim=0), mean, 0.05)
    assert near(samples.var(dim=0), variance, 0.1)
    likeliest = head.sample(condition, temperature=0)
    assert near(likeliest[0], means[weights.argmax()])


def pi0_loss(head, condition, actions, generator):
    """As openpi writes it down, entry by entry."""
    time = uniform((len(actions),), actions, generator) ** (1 / 1.5) * 0.999 + 0.001
    noise = normal(tuple(actions.shape), actions, generator)
    total = 0.0
    for row in range(len(actions)):
        x_t = time[row] * noise[row] + (1 - time[row]) * actions[row]
        u_t = noise[row] - actions[row]
        memory = head.trunk.remember(Condition(condition.tokens[row : row + 1]))
        v_t = head.velocity(x_t[None], time[row : row + 1], memory)[0]
        total += float(((v_t - u_t) ** 2).mean().detach())
    return total / len(actions)


def test_the_flow_is_that_of_pi0():
    head = make("flow")
    loss = head.loss(CONDITION, ACTIONS, generator=seeded(8))
    assert near(loss, pi0_loss(head, CONDITION, ACTIONS, seeded(8)), 1e-4)
    # pi0's loop: dt = -1 / steps, from time 1 while time >= -dt / 2.
    chunk, time, dt = normal((4, H, D), ACTIONS, seeded(9)), 1.0, -1 / 10
    memory = head.trunk.remember(CONDITION)
    while time >= -dt / 2:
        chunk = chunk + dt * head.velocity(chunk, torch.full((4,), time), memory)
        time += dt
    assert near(head.sample(CONDITION, generator=seeded(9)), chunk)


def test_quadratic_steps_are_squares_of_even_ones():
    head = make("flow, quadratic")
    chunk = normal((4, H, D), ACTIONS, seeded(9))
    memory = head.trunk.remember(CONDITION)
    for step in range(10, 0, -1):
        time, later = (step / 10) ** 2, ((step - 1) / 10) ** 2
        chunk = chunk - (time - later) * head.velocity(chunk, torch.full((4,), time), memory)
    assert near(head.sample(CONDITION, generator=seeded(9)), chunk)


def test_time_is_beta_distributed():
    drawn = uniform((100_000,), ACTIONS, seeded(0)) ** (1 / 1.5)
    assert float(drawn.mean()) == pytest.approx(0.6, abs=0.005)
    assert float(drawn.var()) == pytest.approx(1.5 / (2.5**2 * 3.5), abs=0.002)


@pytest.mark.parametrize(("name", "order"), [("flow", 1), ("flow, midpoint", 2)])
def test_solvers_converge_in_their_order(name, order, monkeypatch):
    """On a smooth velocity whose end is known: x' = sin(3t) x from time 1 to 0."""
    head = make(name, torch.float64)
    monkeypatch.setattr(head, "velocity", lambda noisy, time, memory: torch.sin(3 * time)[:, None, None] * noisy)
    double = Condition(CONDITION.tokens.double())

    def at(steps):
        return head.sample(double, generator=seeded(9), num_steps=steps)

    exact = normal((4, H, D), double.tokens, seeded(9)) * math.exp(-(1 - math.cos(3)) / 3)
    errors = [float((at(steps) - exact).abs().max()) for steps in (64, 128)]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.05)
    assert errors[1] < 0.02


def test_one_step_of_a_flow_is_the_mean():
    """Two ways were shown: one Euler step from noise ends between them, ten do not."""
    torch.manual_seed(0)
    trunk = TransformerTrunk(1, width=32, layers=1, heads=2)
    head = FlowMatchingHead(trunk, horizon=1, action_dim=1)
    generator = seeded(0)
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)
    condition = Condition.of(torch.zeros(256, 1))
    for _ in range(300):
        ways = (uniform((256, 1, 1), condition.tokens, generator) < 0.5).float() * 2 - 1
        optimizer.zero_grad()
        head.loss(condition, ways, generator=generator).backward()
        optimizer.step()
    one, ten = (head.sample(condition, generator=seeded(1), num_steps=steps).flatten() for steps in (1, 10))
    assert one.abs().mean() < 0.35
    assert ((ten.abs() - 1).abs() < 0.3).float().mean() > 0.8
    assert 0.3 < (ten > 0).float().mean() < 0.7


@pytest.mark.parametrize("per_dimension", [False, True])
def test_bins_are_those_of_the_codec(per_dimension):
    values = np.random.default_rng(0).normal(size=(50, H, D))
    bins = quantiles(values.reshape(-1, D), count=20) if per_dimension else BINS
    codec, ours = BinningCodec(bins), ActionBins(bins, D)
    edges = (
        np.array(bins.thresholds)[..., :H].T
        if per_dimension
        else np.array(bins.thresholds)[0, : H * D].reshape(H, D)
    )
    values[0] = edges
    expected = codec.encode(values).ids.reshape(values.shape)
    ids = ours.to_ids(torch.tensor(values))
    assert (ids.numpy() == expected).all()
    for dtype in (torch.float32, torch.bfloat16):
        rounded = torch.tensor(values).to(dtype)
        of_rounded = codec.encode(rounded.double().numpy()).ids.reshape(values.shape)
        assert (ours.to_ids(rounded).numpy() == of_rounded).all()
    decoded = codec.decode(codec.encode(values), horizon=H, action_dim=D)
    assert (ours.to_actions(ids, torch.float64).numpy() == decoded).all()
    with pytest.raises(HeadError, match="bins are of 3 dimensions: expected 1 or 2"):
        ActionBins(quantiles(values.reshape(-1, D), count=20), 2)


def test_ids_are_drawn_from_the_distribution():
    logits = torch.tensor([0.0, 1.0, -math.inf, 2.0])
    drawn = draw_ids(logits.expand(100_000, 4), 2.0, uniform((100_000,), logits, seeded(0)))
    shares = drawn.bincount(minlength=4) / 100_000
    assert near(shares, (logits / 2).softmax(dim=0), 0.01)
    ends = draw_ids(logits.expand(2, 4), 1.0, torch.tensor([0.0, 1 - 2**-24]))
    assert ends.tolist() == [0, 3]
    assert draw_ids(logits, 0, torch.tensor(0.5)) == 3


def test_parallel_bins_are_a_cross_entropy():
    head = make("bins")
    log_probs = head.logits(CONDITION).log_softmax(dim=3)
    ids = head.bins.to_ids(ACTIONS)
    assert near(head.loss(CONDITION, ACTIONS), -log_probs.gather(3, ids[..., None]).mean())


def test_masked_diffusion_takes_as_many_rounds_as_asked():
    head = make("masked diffusion, bins")
    passes = []
    head.trunk.register_forward_hook(lambda *_: passes.append(1))
    for rounds, expected in ((1, 1), (3, 3), (H * D * 9, H * D)):
        passes.clear()
        head.sample(CONDITION, num_steps=rounds)
        assert len(passes) == expected
    one = head.sample(CONDITION, num_steps=1, temperature=0)
    logits = head._logits(torch.full((4, H * D), head.bins.count), head.trunk.remember(CONDITION))
    assert head.bins.to_ids(one).flatten(1).tolist() == logits.argmax(dim=2).tolist()

"""Action heads: the contract that all keep, and each against its formulas."""

import math

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given, settings
from hypothesis import strategies as st

torch = import_or_skip("torch")

from fast_tokenizer.codecs import BinningCodec  # noqa: E402
from fast_tokenizer.codecs.bins import quantiles  # noqa: E402
from fast_tokenizer.codecs.bins import uniform as uniform_bins  # noqa: E402
from fast_tokenizer.errors import HeadError  # noqa: E402
from fast_tokenizer.heads import (  # noqa: E402
    AutoregressiveBinsHead,
    BinningHead,
    Condition,
    FlowMatchingHead,
    GaussianMixtureHead,
    MaskedDiffusionHead,
    RegressionHead,
    TransformerTrunk,
)
from fast_tokenizer.heads.action_bins import ActionBins, draw_ids  # noqa: E402
from fast_tokenizer.heads.random_draws import normal, uniform  # noqa: E402

H, D, C = 6, 3, 5
BINS = uniform_bins(-3, 3, count=48)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks this small wait for threads more than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


HEADS = {
    "mse": lambda trunk: RegressionHead(trunk, horizon=H, action_dim=D),
    "l1": lambda trunk: RegressionHead(trunk, horizon=H, action_dim=D, distance="l1"),
    "mixture": lambda trunk: GaussianMixtureHead(trunk, horizon=H, action_dim=D, components=3),
    "flow": lambda trunk: FlowMatchingHead(trunk, horizon=H, action_dim=D),
    "flow, midpoint": lambda trunk: FlowMatchingHead(trunk, horizon=H, action_dim=D, solver="midpoint"),
    "bins": lambda trunk: BinningHead(trunk, horizon=H, action_dim=D, bins=BINS),
    "bins, one by one": lambda trunk: AutoregressiveBinsHead(trunk, horizon=H, action_dim=D, bins=BINS),
    "masked diffusion": lambda trunk: MaskedDiffusionHead(trunk, horizon=H, action_dim=D, bins=BINS),
}
NOISY = ("flow", "flow, midpoint", "masked diffusion")  # in which training draws numbers


def make(name, dtype=torch.float32):
    torch.manual_seed(0)
    head = HEADS[name](TransformerTrunk(C, width=16, layers=2, heads=2)).to(dtype)
    with torch.no_grad():  # no parameter is zero, as after a training
        for parameter in head.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return head


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=HEADS)
def head(request):
    return make(request.param)


@pytest.fixture
def condition():
    return Condition(torch.randn(4, 7, C, generator=seeded(1)))


ACTIONS = torch.randn(4, H, D, generator=seeded(2))


def near(got, wanted, tolerance=1e-5):
    """Whether two tensors, or numbers, are alike to a part of their size or so."""
    got, wanted = torch.as_tensor(got).detach(), torch.as_tensor(wanted).detach()
    return torch.allclose(got, wanted.to(got.dtype), rtol=tolerance, atol=tolerance)


# ---- The contract ------------------------------------------------------------------------------------------


def test_shapes_types_and_information(head, condition):
    loss = head.loss(condition, ACTIONS, generator=seeded())
    assert (loss.shape, loss.dtype) == ((), torch.float32)
    sample = head.sample(condition, generator=seeded())
    assert (sample.shape, sample.dtype) == ((4, H, D), torch.float32)
    assert not sample.requires_grad
    assert head.info().nfe >= 1


def test_it_takes_so_many_passes_as_it_says(head, condition):
    passes = 0

    def count(*_):
        nonlocal passes
        passes += 1

    head.trunk.register_forward_hook(count)
    head.sample(condition)
    assert passes == head.info().nfe


@given(st.data())
@settings(max_examples=6, deadline=None)
@pytest.mark.parametrize("name", HEADS)
def test_masked_entries_change_nothing_and_get_no_gradient(name, data):
    head, condition = make(name), Condition(torch.randn(4, 7, C, generator=seeded(1)))
    by_step = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    mask = torch.tensor(rng.random((4, H) if by_step else (4, H, D)) < 0.6)
    mask[0] = True
    valid = mask[..., None].expand(4, H, D) if by_step else mask
    loss = head.loss(condition, ACTIONS, mask, generator=seeded())
    garbage = torch.where(valid, ACTIONS, data.draw(st.sampled_from([float("nan"), float("inf"), 1e30, 3.0])))
    garbage.requires_grad_()
    again = head.loss(condition, garbage, mask, generator=seeded())
    assert torch.equal(loss, again)
    gradients = [
        torch.autograd.grad(one, head.parameters(), retain_graph=True, allow_unused=True) for one in (loss, again)
    ]
    assert all(a is b is None or torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    if isinstance(head, BinningHead | AutoregressiveBinsHead | MaskedDiffusionHead):
        return  # ids have no gradient
    again.backward()
    assert (garbage.grad[~valid] == 0).all()
    assert (garbage.grad[valid] != 0).any()


@pytest.mark.parametrize("name", [name for name in HEADS if name not in NOISY])
def test_the_loss_is_the_mean_over_valid_entries(name, condition):
    """Of two rows, of which one has half of its entries, that one counts half."""
    head = make(name)
    mask = torch.ones(2, H, dtype=torch.bool)
    mask[1, H // 2 :] = False
    two = Condition(condition.tokens[:2])
    together = head.loss(two, ACTIONS[:2], mask)
    alone = [head.loss(Condition(two.tokens[i : i + 1]), ACTIONS[i : i + 1], mask[i : i + 1]) for i in (0, 1)]
    assert near(together, (2 * alone[0] + alone[1]) / 3)


def test_a_generator_decides_everything(head, condition):
    first, again, other = (head.sample(condition, generator=seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert torch.equal(first, other) != head.info().is_stochastic
    losses = [head.loss(condition, ACTIONS, generator=seeded(3)) for _ in range(2)]
    assert torch.equal(*losses)
    state = torch.get_rng_state()
    head.sample(condition, generator=seeded(3))
    head.loss(condition, ACTIONS, generator=seeded(3))
    assert torch.equal(torch.get_rng_state(), state)


def test_training_and_evaluation_are_the_same(head, condition):
    losses = [head.train(mode).loss(condition, ACTIONS, generator=seeded()) for mode in (True, False)]
    assert torch.equal(*losses)


def test_what_the_condition_masks_is_not_seen(head):
    tokens = torch.randn(2, 7, C, generator=seeded(1))
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[:, 5:] = False
    short = head.sample(Condition(tokens[:, :5]), generator=seeded())
    tokens[:, 5:] = 77.0
    masked = head.sample(Condition(tokens, mask), generator=seeded())
    assert near(masked, short)


def test_half_precision(head, condition):
    half = head.to(torch.bfloat16)
    loss = half.loss(Condition(condition.tokens.bfloat16()), ACTIONS.bfloat16(), generator=seeded())
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert half.sample(Condition(condition.tokens.bfloat16()), generator=seeded()).dtype == torch.bfloat16


def test_it_learns_the_chunk_that_it_is_shown(head):
    """Of one condition and one chunk."""
    chunk = torch.linspace(-0.5, 0.5, H * D).reshape(1, H, D)
    condition = Condition.of(torch.ones(1, C))
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    many = Condition.of(torch.ones(16, C))
    generator = seeded()
    for _ in range(150):
        optimizer.zero_grad()
        head.loss(many, chunk.expand(16, -1, -1), generator=generator).backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
    error = (head.sample(condition, generator=generator) - chunk).abs().max()
    assert error < 0.25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actions": torch.zeros(4, H, D + 1)}, r"actions is torch.float32 of shape \[4, 6, 4\]: expected"),
        ({"actions": torch.zeros(4, H, D, dtype=torch.int64)}, "actions is torch.int64"),
        ({"actions": torch.zeros(3, H, D)}, r"expected floating \[4, 6, 3\]"),
        ({"mask": torch.ones(4, H)}, "mask is torch.float32"),
        ({"mask": torch.ones(4, D, dtype=torch.bool)}, r"expected bool \[4, 6\] or \[4, 6, 3\]"),
        ({"mask": torch.zeros(4, H, dtype=torch.bool)}, "every entry is masked"),
        ({"actions": torch.full((4, H, D), math.nan)}, r"actions\[0, 0, 0\] is not finite"),
        ({"condition": Condition(torch.full((4, 2, C), math.inf))}, "condition, row 0, token 0: holds NaN"),
        ({"condition": Condition(torch.zeros(4, 2, C), torch.zeros(4, 2) > 0)}, "row 0: its mask leaves no token"),
    ],
)
def test_bad_input_is_named(head, condition, change, message):
    with pytest.raises(HeadError, match=message):
        head.loss(**{"condition": condition, "actions": ACTIONS, **change})


def test_bad_settings_are_named(head, condition):
    with pytest.raises(HeadError, match="num_steps is 0"):
        head.sample(condition, num_steps=0)
    with pytest.raises(HeadError, match="temperature is -1"):
        head.sample(condition, temperature=-1)
    with pytest.raises(HeadError, match="condition, row 2, token 0"):
        head.sample(Condition.of(torch.tensor([0.0, 0.0, math.nan])[:, None].expand(3, C)))
    for wrong in ({"horizon": 0}, {"action_dim": -1}):
        with pytest.raises(HeadError, match=next(iter(wrong))):
            RegressionHead(head.trunk, **{"horizon": H, "action_dim": D, **wrong})
    with pytest.raises(HeadError, match="expected floating"):
        Condition(torch.zeros(3, C))
    with pytest.raises(HeadError, match="expected bool"):
        Condition(torch.zeros(3, 2, C), torch.ones(3, 3, dtype=torch.bool))
    with pytest.raises(HeadError, match="multiple of twice"):
        TransformerTrunk(C, width=10, heads=4)


# ---- The trunk ---------------------------------------------------------------------------------------------


def test_a_causal_pass_in_pieces_is_the_pass_as_a_whole(condition):
    trunk = make("mse").trunk
    tokens = torch.randn(4, 9, 16, generator=seeded(5))
    memory = trunk.remember(condition)
    whole = trunk(tokens, memory, causal=True)
    past = []
    pieces = [trunk(piece, memory, causal=True, past=past) for piece in tokens.split([1, 4, 1, 3], dim=1)]
    assert near(torch.cat(pieces, dim=1), whole)
    later = tokens.clone()
    later[:, 5:] += 1.0
    assert torch.equal(trunk(later, memory, causal=True)[:, :5], whole[:, :5])
    assert not torch.equal(trunk(later, memory)[:, :5], trunk(tokens, memory)[:, :5])


def test_rows_do_not_see_each_other(condition):
    trunk = make("mse").trunk
    tokens, time = torch.randn(4, 9, 16, generator=seeded(5)), torch.linspace(0, 1, 4)
    whole = trunk(tokens, trunk.remember(condition), time=time)
    for row in range(4):
        one = slice(row, row + 1)
        alone = trunk(tokens[one], trunk.remember(Condition(condition.tokens[one])), time=time[one])
        assert near(alone, whole[one])


# ---- Each head ---------------------------------------------------------------------------------------------


def test_regression_is_the_distance(condition):
    for name, distance in (("mse", torch.square), ("l1", torch.abs)):
        head = make(name)
        expected = distance(head.sample(condition) - ACTIONS).mean()
        assert near(head.loss(condition, ACTIONS), expected)


def test_the_mixture_is_that_of_torch(condition):
    head = make("mixture")
    weights, means, stds = head._mixture(condition)
    peer = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=weights),
        torch.distributions.Independent(torch.distributions.Normal(means, stds), 2),
    )
    assert near(head.log_prob(condition, ACTIONS), peer.log_prob(ACTIONS))
    expected = -peer.log_prob(ACTIONS).mean() / (H * D)
    assert near(head.loss(condition, ACTIONS), expected)
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


def test_the_flow_is_that_of_pi0(condition):
    head = make("flow")
    loss = head.loss(condition, ACTIONS, generator=seeded(8))
    assert near(loss, pi0_loss(head, condition, ACTIONS, seeded(8)), 1e-4)
    # pi0's loop: dt = -1 / steps, from time 1 while time >= -dt / 2.
    chunk, time, dt = normal((4, H, D), ACTIONS, seeded(9)), 1.0, -1 / 10
    memory = head.trunk.remember(condition)
    while time >= -dt / 2:
        chunk = chunk + dt * head.velocity(chunk, torch.full((4,), time), memory)
        time += dt
    assert near(head.sample(condition, generator=seeded(9)), chunk)


def test_time_is_beta_distributed():
    drawn = uniform((100_000,), ACTIONS, seeded(0)) ** (1 / 1.5)
    assert float(drawn.mean()) == pytest.approx(0.6, abs=0.005)
    assert float(drawn.var()) == pytest.approx(1.5 / (2.5**2 * 3.5), abs=0.002)


@pytest.mark.parametrize(("name", "order"), [("flow", 1), ("flow, midpoint", 2)])
def test_solvers_converge_in_their_order(condition, name, order, monkeypatch):
    """On a smooth velocity whose end is known: x' = sin(3t) x from time 1 to 0."""
    head = make(name, torch.float64)
    monkeypatch.setattr(head, "velocity", lambda noisy, time, memory: torch.sin(3 * time)[:, None, None] * noisy)
    double = Condition(condition.tokens.double())

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
    decoded = codec.decode(codec.encode(values), horizon=H, action_dim=D)
    assert (ours.to_actions(ids).numpy() == decoded).all()
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


def test_parallel_bins_are_a_cross_entropy(condition):
    head = make("bins")
    log_probs = head.logits(condition).log_softmax(dim=3)
    ids = head.bins.to_ids(ACTIONS)
    assert near(head.loss(condition, ACTIONS), -log_probs.gather(3, ids[..., None]).mean())


def test_bins_one_by_one_know_those_before(condition):
    """The loss is the sum over values of what a pass over those before says, and samples follow such passes."""
    head = make("bins, one by one")
    memory, ids = head.trunk.remember(condition), head.bins.to_ids(ACTIONS).flatten(1)
    begin = torch.full((4, 1), head.bins.count)
    total = 0.0
    for place in range(H * D):
        tokens = head.ids(torch.cat([begin, ids[:, :place]], dim=1)) + head.places[: place + 1]
        logits = head.out(head.trunk(tokens, memory, causal=True)[:, -1])
        total = total - logits.log_softmax(dim=1).gather(1, ids[:, place : place + 1]).mean()
    assert near(head.loss(condition, ACTIONS), total / (H * D))
    greedy = head.bins.to_ids(head.sample(condition, temperature=0)).flatten(1)
    for place in (0, 5, H * D - 1):
        tokens = head.ids(torch.cat([begin, greedy[:, :place]], dim=1)) + head.places[: place + 1]
        logits = head.out(head.trunk(tokens, memory, causal=True)[:, -1])
        assert logits.argmax(dim=1).tolist() == greedy[:, place].tolist()


def test_masked_diffusion_takes_as_many_rounds_as_asked(condition):
    head = make("masked diffusion")
    passes = []
    head.trunk.register_forward_hook(lambda *_: passes.append(1))
    for rounds, expected in ((1, 1), (3, 3), (H * D * 9, H * D)):
        passes.clear()
        head.sample(condition, num_steps=rounds)
        assert len(passes) == expected
    one = head.sample(condition, num_steps=1, temperature=0)
    logits = head._logits(torch.full((4, H * D), head.bins.count), head.trunk.remember(condition))
    assert head.bins.to_ids(one).flatten(1).tolist() == logits.argmax(dim=2).tolist()


@pytest.mark.parametrize("name", [name for name in HEADS if name != "masked diffusion"])
def test_it_compiles(name, condition):
    """To one graph, without the checks that wait for the device."""
    head = make(name)
    torch._dynamo.reset()
    graph = torch.compile(lambda tokens: head.loss(Condition(tokens), ACTIONS), backend="eager", fullgraph=True)
    torch.manual_seed(3)
    compiled = graph(condition.tokens)
    torch.manual_seed(3)
    assert near(compiled, head.loss(condition, ACTIONS))

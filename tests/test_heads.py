"""Action heads: the contract that all keep."""

import math

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given, settings
from hypothesis import strategies as st

torch = import_or_skip("torch")

from heads_under_test import ACTIONS, CONDITION, DIFFUSERS_WARN, HEADS, C, D, H, make, near, seeded  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from fast_tokenizer.errors import HeadError  # noqa: E402
from fast_tokenizer.heads import (  # noqa: E402
    AutoregressiveTokensHead,
    BinningHead,
    Condition,
    MaskedDiffusionHead,
    RegressionHead,
    TransformerTrunk,
)

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings(DIFFUSERS_WARN)]
DENOISED = tuple(name for name in HEADS if name.startswith("diffusion"))
FLOWS = tuple(name for name in HEADS if name.startswith("flow"))
MASKED = tuple(name for name in HEADS if name.startswith("masked"))
NOISY = (*FLOWS, *MASKED, *DENOISED)  # in which training draws numbers
ENCODED = tuple(
    name for name in HEADS if name.split(", ")[-1] in ("symbols", "bytes", "frequencies")
)  # whose ids mix steps, and leave the graph
ENDED = ("tokens, symbols", "tokens, bytes")  # whose chunks differ in length


@pytest.fixture(params=HEADS)
def head(request):
    return make(request.param)


def test_shapes_types_and_information(head):
    loss = head.loss(CONDITION, ACTIONS, generator=seeded())
    assert (loss.shape, loss.dtype) == ((), torch.float32)
    sample = head.sample(CONDITION, generator=seeded())
    assert (sample.shape, sample.dtype) == ((4, H, D), torch.float32)
    assert not sample.requires_grad
    assert head.info().nfe >= 1


@pytest.mark.parametrize("name", HEADS)
def test_it_takes_so_many_passes_as_it_says(name):
    head, passes = make(name), 0

    def count(*_):
        nonlocal passes
        passes += 1

    head.trunk.register_forward_hook(count)
    head.sample(CONDITION)
    assert passes == head.info().nfe or (name in ENDED and H <= passes < head.info().nfe)


@given(st.data())
@settings(max_examples=6, deadline=None)
@pytest.mark.parametrize("name", HEADS)
def test_masked_entries_change_nothing_and_get_no_gradient(name, data):
    head = make(name)
    by_step = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    mask = torch.tensor(rng.random((4, H) if by_step else (4, H, D)) < 0.6)
    mask[0] = True
    valid = mask[..., None].expand(4, H, D) if by_step else mask
    loss = head.loss(CONDITION, ACTIONS, mask, generator=seeded())
    garbage = torch.where(valid, ACTIONS, data.draw(st.sampled_from([float("nan"), float("inf"), 1e30, 3.0])))
    garbage.requires_grad_()
    again = head.loss(CONDITION, garbage, mask, generator=seeded())
    assert torch.equal(loss, again)
    gradients = [
        torch.autograd.grad(one, head.parameters(), retain_graph=True, allow_unused=True) for one in (loss, again)
    ]
    assert all(a is b is None or torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    if isinstance(head, BinningHead | AutoregressiveTokensHead | MaskedDiffusionHead):
        return  # ids have no gradient
    again.backward()
    assert (garbage.grad[~valid] == 0).all()
    assert (garbage.grad[valid] != 0).any()


@pytest.mark.parametrize("name", [name for name in HEADS if name not in (*NOISY, *ENCODED)])
def test_the_loss_is_the_mean_over_valid_entries(name):
    """Of two rows, of which one has half of its entries, that one counts half."""
    head = make(name)
    mask = torch.ones(2, H, dtype=torch.bool)
    mask[1, H // 2 :] = False
    two = Condition(CONDITION.tokens[:2])
    together = head.loss(two, ACTIONS[:2], mask)
    alone = [head.loss(Condition(two.tokens[i : i + 1]), ACTIONS[i : i + 1], mask[i : i + 1]) for i in (0, 1)]
    assert near(together, (2 * alone[0] + alone[1]) / 3)


def test_a_generator_decides_everything(head):
    first, again, other = (head.sample(CONDITION, generator=seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert torch.equal(first, other) != head.info().is_stochastic
    losses = [head.loss(CONDITION, ACTIONS, generator=seeded(3)) for _ in range(2)]
    assert torch.equal(*losses)
    state = torch.get_rng_state()
    head.sample(CONDITION, generator=seeded(3))
    head.loss(CONDITION, ACTIONS, generator=seeded(3))
    assert torch.equal(torch.get_rng_state(), state)


class NoFloat64(TorchDispatchMode):
    """As on a device that has none, such as Apple's."""

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        result = op(*args, **(kwargs or {}))
        if (
            op is torch.ops.aten.lift_fresh.default
        ):  # an array of numpy, which is on the CPU whatever the head is on
            return result
        for one in result if isinstance(result, tuple | list) else [result]:
            assert not isinstance(one, torch.Tensor) or one.dtype != torch.float64, op
        return result


@pytest.mark.parametrize("name", HEADS)
def test_float64_is_not_needed(name):
    head = make(name)
    with NoFloat64():
        head.sample(CONDITION, generator=seeded())
        if name not in MASKED:  # mask_tokens draws in float64 where the device has it
            head.loss(CONDITION, ACTIONS, generator=seeded()).backward()


def test_training_and_evaluation_are_the_same(head):
    losses = [head.train(mode).loss(CONDITION, ACTIONS, generator=seeded()) for mode in (True, False)]
    assert torch.equal(*losses)


def test_what_the_condition_masks_is_not_seen(head):
    tokens = torch.randn(2, 7, C, generator=seeded(1))
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[:, 5:] = False
    short = head.sample(Condition(tokens[:, :5]), generator=seeded())
    tokens[:, 5:] = 77.0
    masked = head.sample(Condition(tokens, mask), generator=seeded())
    assert near(masked, short)


def test_half_precision(head):
    half = head.to(torch.bfloat16)
    loss = half.loss(Condition(CONDITION.tokens.bfloat16()), ACTIONS.bfloat16(), generator=seeded())
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert half.sample(Condition(CONDITION.tokens.bfloat16()), generator=seeded()).dtype == torch.bfloat16


@pytest.mark.parametrize("name", [name for name in HEADS if name not in DENOISED])
def test_it_learns_the_chunk_that_it_is_shown(name):
    """Of one condition and one chunk; those that learn noise take longer, and are tried in their own tests."""
    head = make(name)
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
def test_bad_input_is_named(head, change, message):
    with pytest.raises(HeadError, match=message):
        head.loss(**{"condition": CONDITION, "actions": ACTIONS, **change})


def test_bad_settings_are_named(head):
    with pytest.raises(HeadError, match="num_steps is 0"):
        head.sample(CONDITION, num_steps=0)
    with pytest.raises(HeadError, match="temperature is -1"):
        head.sample(CONDITION, temperature=-1)
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


@pytest.mark.parametrize("name", [name for name in HEADS if name not in MASKED])
def test_it_compiles(name):
    """To one graph, without the checks that wait for the device; to two, where a codec encodes on the CPU."""
    head = make(name)
    torch._dynamo.reset()
    graph = torch.compile(
        lambda tokens: head.loss(Condition(tokens), ACTIONS), backend="eager", fullgraph=name not in ENCODED
    )
    torch.manual_seed(3)
    compiled = graph(CONDITION.tokens)
    torch.manual_seed(3)
    assert near(compiled, head.loss(CONDITION, ACTIONS))

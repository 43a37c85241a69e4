"""Averaged weights: Diffusion Policy's schedule, and a copy that is a head."""

import copy

import pytest
from frameworks import import_or_skip
from hypothesis import given
from hypothesis import strategies as st

torch = import_or_skip("torch")

from fast_tokenizer.errors import HeadError  # noqa: E402
from fast_tokenizer.heads import Condition, RegressionHead, TransformerTrunk, averaged_weights  # noqa: E402


def make():
    torch.manual_seed(0)
    return RegressionHead(TransformerTrunk(5, width=8, layers=1, heads=2), horizon=2, action_dim=3)


def published_average(weights, power, most):
    """Of a single weight, as the published class has it: the first two updates take it over whole."""
    average = 0.0
    for optimization_step, weight in enumerate(weights):
        step = max(0, optimization_step - 1)
        decay = min(1 - (1 + step) ** -power, most) if step > 0 else 0.0
        average = decay * average + (1 - decay) * weight
    return average


@given(
    weights=st.lists(st.floats(-10, 10), min_size=1, max_size=30),
    power=st.sampled_from([2 / 3, 0.75, 1.0]),
    most=st.sampled_from([0.5, 0.9, 0.9999]),
)
def test_it_is_the_published_average(weights, power, most):
    head = make().double()
    averaged = averaged_weights(head, power=power, most=most)
    for weight in weights:
        with torch.no_grad():
            head.out.bias.fill_(weight)
        averaged.update_parameters(head)
    expected = published_average(weights, power, most)
    assert averaged.module.out.bias.tolist() == pytest.approx([expected] * 3, rel=1e-6, abs=1e-6)


def test_a_power_of_one_is_the_mean():
    """Of all but the first, which the second replaces."""
    head = make().double()
    averaged = averaged_weights(head, power=1.0)
    for weight in (7.0, 1.0, 2.0, 6.0):
        with torch.no_grad():
            head.out.bias.fill_(weight)
        averaged.update_parameters(head)
    assert averaged.module.out.bias.tolist() == pytest.approx([3.0] * 3)


def test_the_copy_is_a_head_of_its_own():
    head, condition = make(), Condition.of(torch.ones(1, 5))
    averaged = averaged_weights(head)
    averaged.update_parameters(head)
    before = head.sample(condition)
    with torch.no_grad():
        head.out.bias.add_(1.0)
    assert torch.equal(averaged.module.sample(condition), before)
    assert torch.allclose(head.sample(condition), before + 1.0)


def test_a_training_can_be_resumed():
    """What was saved on the way goes on as if nothing had happened."""
    head = make()
    through = averaged_weights(head)
    for weight in range(20):
        if weight == 10:
            saved, again = through.state_dict(), averaged_weights(copy.deepcopy(head))
            again.load_state_dict(saved)
        with torch.no_grad():
            head.out.bias.fill_(weight)
        through.update_parameters(head)
        if weight >= 10:
            again.update_parameters(head)
    assert torch.equal(again.module.out.bias, through.module.out.bias)
    assert 10 < again.module.out.bias[0].item() < 19


@pytest.mark.parametrize("numbers", [{"power": 0}, {"power": float("nan")}, {"most": 1.0}, {"most": -0.1}])
def test_bad_numbers_are_named(numbers):
    with pytest.raises(HeadError, match="expected above 0, and 0 or more but less than 1"):
        averaged_weights(make(), **numbers)

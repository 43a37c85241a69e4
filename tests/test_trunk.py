"""The trunk that heads share: what its tokens see."""

import pytest
from frameworks import import_or_skip

torch = import_or_skip("torch")

from heads_under_test import CONDITION, make, near, seeded  # noqa: E402

from fast_tokenizer.heads import Condition  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_causal_pass_in_pieces_is_the_pass_as_a_whole():
    trunk = make("mse").trunk
    tokens = torch.randn(4, 9, 16, generator=seeded(5))
    memory = trunk.remember(CONDITION)
    whole = trunk(tokens, memory, causal=True)
    past = []
    pieces = [trunk(piece, memory, causal=True, past=past) for piece in tokens.split([1, 4, 1, 3], dim=1)]
    assert near(torch.cat(pieces, dim=1), whole)
    later = tokens.clone()
    later[:, 5:] += 1.0
    assert torch.equal(trunk(later, memory, causal=True)[:, :5], whole[:, :5])
    assert not torch.equal(trunk(later, memory)[:, :5], trunk(tokens, memory)[:, :5])


def test_rows_do_not_see_each_other():
    trunk = make("mse").trunk
    tokens, time = torch.randn(4, 9, 16, generator=seeded(5)), torch.linspace(0, 1, 4)
    whole = trunk(tokens, trunk.remember(CONDITION), time=time)
    for row in range(4):
        one = slice(row, row + 1)
        alone = trunk(tokens[one], trunk.remember(Condition(CONDITION.tokens[one])), time=time[one])
        assert near(alone, whole[one])

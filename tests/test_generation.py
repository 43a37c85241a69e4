"""Generation by hand: rows that end at different steps, ids that are refused, steps without ids."""

import numpy as np
import pytest

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.generation import ConstrainedGeneration


@pytest.mark.parametrize("scheme", ["bytes", "symbols"])
def test_rows_end_when_they_are_complete(scheme, request):
    tokenizer = request.getfixturevalue(f"{scheme}_tokenizer")
    rng = np.random.default_rng(0)
    generation = ConstrainedGeneration(tokenizer.codec.constraint(5, 3), rows=6)
    rows_seen = []
    for step in generation:
        rows_seen.append(step.rows.tolist())
        assert step.mask.shape == (len(step.rows), tokenizer.vocab_size)
        logits = rng.normal(size=step.mask.shape)
        step.take(np.where(step.mask, logits, -np.inf).argmax(axis=1))
        assert all(row in rows_seen[-1] for row in step.rows)
    assert rows_seen[0] == list(range(6))
    assert {len(tokens) for tokens in generation.tokens} == {
        sum(row in rows for rows in rows_seen) for row in range(6)
    }
    assert tokenizer.decode(generation.tokens).shape == (6, 5, 3)


def test_a_models_choices_are_kept(symbols_tokenizer, motions):
    wanted = symbols_tokenizer(motions[:3])
    generation = ConstrainedGeneration(symbols_tokenizer.codec.constraint(20, 7), rows=3)
    for number, step in enumerate(generation):
        if number > 0:
            assert step.ids.tolist() == [wanted[row][number - 1] for row in step.rows]
        step.take([wanted[row][number] for row in step.rows])
    assert generation.tokens == wanted


def test_what_is_refused(symbols_tokenizer):
    generation = ConstrainedGeneration(symbols_tokenizer.codec.constraint(1, 1))
    with pytest.raises(FastTokenizerError, match="not allowed"):
        generation.take([symbols_tokenizer.vocab_size])
    with pytest.raises(RuntimeError, match=r"call take\(ids\)"):
        for _ in generation:
            pass

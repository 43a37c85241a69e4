"""Temporal ensembling: ACT's formula, and what follows from it."""

import numpy as np
import pytest
from execution_policies import LabelledPolicy, RandomPolicy, run
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.execution import ChunkExecutor, TemporalEnsemble

weights = st.sampled_from([0.0, 0.01, 0.1, -0.1, 1.0, -2.0])


def actions_of_act(chunks, m, horizon, action_dim):
    """ACT's own way: a table of all predictions by (asked at, step), a column of it averaged at each step.

    Restated from arXiv 2304.13705, algorithm 2, with a table of what is there in place of a test for zeros.
    """
    steps = len(chunks)
    table = np.zeros((steps, steps + horizon, action_dim))
    there = np.zeros((steps, steps + horizon), bool)
    actions = []
    for step, chunk in enumerate(chunks):
        table[step, step : step + horizon] = chunk
        there[step, step : step + horizon] = True
        column = table[there[:, step], step]
        weight = np.exp(-m * np.arange(len(column)))
        weight = weight / weight.sum()
        actions.append((column * weight[:, None]).sum(axis=0))
    return np.stack(actions)


@given(seed=seeds, m=weights, horizon=st.integers(1, 10), steps=st.integers(1, 25))
def test_it_is_what_act_does(seed, m, horizon, steps):
    policy = RandomPolicy(horizon, 3, seed)
    found = run(ChunkExecutor(policy, execute=1, ensemble=TemporalEnsemble(m)), steps)
    expected = actions_of_act(list(policy.chunks.values()), m, horizon, 3)
    if m >= 0:
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_by_hand():
    """Chunks 0, 1, 4 | 2, 3, 8 | ...: the second action is of (1, 2), the third of (4, 3, 6)."""
    chunks = [[0.0, 1.0, 4.0], [2.0, 3.0, 8.0], [6.0, 9.0, 9.0]]
    executor = ChunkExecutor(
        lambda context: np.array(chunks[context.step])[:, None], execute=1, ensemble=TemporalEnsemble(np.log(2))
    )
    expected = [0, (1 + 2 / 2) / 1.5, (4 + 3 / 2 + 6 / 4) / 1.75]
    np.testing.assert_allclose(run(executor, 3)[:, 0], expected, rtol=1e-15)


def test_zero_is_an_action():
    """ACT's code leaves out a prediction that has a zero in it; two of three chunks say 0 here."""
    executor = ChunkExecutor(
        lambda context: np.full((3, 1), 3.0 * (context.step == 0)), execute=1, ensemble=TemporalEnsemble(0.0)
    )
    np.testing.assert_allclose(run(executor, 4)[:, 0], [3, 1.5, 1, 0], rtol=1e-15)


@given(seed=seeds, horizon=st.integers(1, 8), execute=st.integers(1, 8), steps=st.integers(1, 30))
def test_the_limits_are_the_oldest_and_the_newest(seed, horizon, execute, steps):
    execute = min(execute, horizon)
    oldest = run(ChunkExecutor(LabelledPolicy(horizon), execute=execute, ensemble=TemporalEnsemble(1e300)), steps)
    newest = run(ChunkExecutor(LabelledPolicy(horizon), execute=execute, ensemble=TemporalEnsemble(-1e300)), steps)
    now = np.arange(steps)
    reaching = np.maximum(0, -(-(now - horizon + 1) // execute) * execute)
    np.testing.assert_array_equal(oldest, np.stack([reaching, now], axis=1))
    np.testing.assert_array_equal(newest, run(ChunkExecutor(LabelledPolicy(horizon), execute=execute), steps))


@given(seed=seeds, m=weights, execute=st.integers(1, 6))
def test_a_constant_is_reproduced_and_an_average_stays_between(seed, m, execute):
    constant = np.random.default_rng(seed).normal(size=4)
    executor = ChunkExecutor(
        lambda context: np.tile(constant, (6, 1)), execute=execute, ensemble=TemporalEnsemble(m)
    )
    np.testing.assert_allclose(run(executor, 20), np.tile(constant, (20, 1)), rtol=1e-14)
    asked = run(ChunkExecutor(LabelledPolicy(6), execute=execute, ensemble=TemporalEnsemble(m)), 20)[:, 0]
    now = np.arange(20)
    assert (asked <= now).all()
    assert (asked >= np.maximum(0, now - 5)).all()


def test_the_policy_is_told_the_averages():
    policy = LabelledPolicy(4)
    executor = ChunkExecutor(policy, execute=1, ensemble=TemporalEnsemble(0.0))
    run(executor, 3)
    assert policy.contexts[1].planned.tolist() == [[0, 1], [0, 2], [0, 3]]
    assert policy.contexts[2].planned.tolist() == [[0.5, 2], [0.5, 3], [1, 4]]


@given(seed=seeds, m=weights, horizon=st.integers(1, 8), execute=st.integers(1, 8))
def test_what_is_planned_is_what_is_done_if_no_answer_comes(seed, m, horizon, execute):
    execute = min(execute, horizon)
    contexts, policy = [], RandomPolicy(horizon, 3, seed)

    def predict(context):
        contexts.append(context)
        return policy(context) if context.step < 10 else None

    executor = ChunkExecutor(predict, execute=execute, ensemble=TemporalEnsemble(m), patience=20)
    actions = run(executor, 20)
    last = next(context for context in contexts if context.step >= 10)
    np.testing.assert_allclose(last.planned, actions[last.step :][: len(last.planned)], rtol=0, atol=1e-14)
    assert executor.counts.held == 20 - last.step - len(last.planned)


def test_robots_are_averaged_one_by_one():
    chunks = np.random.default_rng(0).normal(size=(10, 3, 4, 2))
    together = run(ChunkExecutor(lambda c: chunks[c.step], execute=1, ensemble=TemporalEnsemble()), 10)
    for robot in range(3):
        alone = ChunkExecutor(lambda c, r=robot: chunks[c.step, r], execute=1, ensemble=TemporalEnsemble())
        np.testing.assert_allclose(together[:, robot], run(alone, 10), rtol=1e-14)


@pytest.mark.parametrize("m", [np.nan, np.inf, -np.inf])
def test_weights_must_be_finite(m):
    with pytest.raises(FastTokenizerError, match=r"m is -?(nan|inf): expected a finite number; for the newest"):
        TemporalEnsemble(m)

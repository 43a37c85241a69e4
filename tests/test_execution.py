"""Chunks carried out while the robot waits for the policy: receding horizon, failures, holds."""

import numpy as np
import pytest
from execution_policies import LabelledPolicy, RandomPolicy, run
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from fast_tokenizer import DecodeError
from fast_tokenizer.execution import (
    DIFFUSION_POLICY,
    OCTO,
    OPENVLA,
    PI0_20HZ,
    PI0_50HZ,
    ChunkExecutor,
    ExecutionCounts,
    ExecutionStopped,
)


@st.composite
def lengths(draw):
    """(horizon, execute)"""
    horizon = draw(st.integers(1, 20))
    return horizon, draw(st.integers(1, horizon))


@given(lengths(), st.integers(1, 60))
def test_receding_horizon(horizon_and_execute, steps):
    horizon, execute = horizon_and_execute
    policy = LabelledPolicy(horizon)
    executor = ChunkExecutor(policy, execute=execute)
    now = np.arange(steps)
    np.testing.assert_array_equal(run(executor, steps), np.stack([now - now % execute, now], axis=1))
    assert executor.counts == ExecutionCounts(steps=steps, requests=-(-steps // execute))
    assert executor.delay == 0


@given(seed=seeds, horizon=st.integers(1, 12), rounds=st.integers(1, 4))
def test_all_steps_of_each_chunk_are_open_loop(seed, horizon, rounds):
    policy = RandomPolicy(horizon, 3, seed)
    actions = run(ChunkExecutor(policy, execute=horizon), rounds * horizon)
    np.testing.assert_array_equal(actions, np.concatenate(list(policy.chunks.values())))


def test_several_robots_move_in_step():
    chunks = np.random.default_rng(0).normal(size=(4, 5, 8, 3)).astype(np.float32)
    executor = ChunkExecutor(lambda context: chunks[context.step // 2], execute=2)
    for step in range(8):
        action = executor.step()
        assert action.dtype == np.float32
        np.testing.assert_array_equal(action, chunks[step // 2, :, step % 2])


def test_the_policy_is_told_what_is_planned():
    policy = LabelledPolicy(5)
    run(ChunkExecutor(policy, execute=3), 7)
    first, second, third = policy.contexts
    assert (first.step, first.delay, first.planned.shape) == (0, 0, (0, 0))
    assert (second.step, second.planned.tolist(), second.prefix.shape) == (3, [[0, 3], [0, 4]], (0, 2))
    assert (third.step, third.planned.tolist()) == (6, [[3, 6], [3, 7]])


def test_nobody_else_can_change_what_is_planned():
    buffer = np.zeros((4, 2))

    def predict(context):
        context.planned[...] = np.nan
        buffer[...] = context.step
        return buffer

    executor = ChunkExecutor(predict, execute=3)
    for step in range(9):
        if step % 3:
            buffer[...] = np.nan
        action = executor.step()
        assert action.tolist() == [step - step % 3] * 2
        action[...] = np.nan


def test_nobody_else_can_change_what_is_held():
    executor = ChunkExecutor(LabelledPolicy(2, failures=(1, 2, 3)), execute=2)
    for step in range(5):
        action = executor.step()
        assert action.tolist() == [0, min(step, 1)]
        action[...] = np.nan


@given(lengths(), st.integers(1, 60), st.sets(st.integers(1, 60)).map(frozenset), st.integers(0, 5), st.booleans())
def test_after_a_failure_the_old_chunk_goes_on_then_the_last_action_is_held(
    horizon_and_execute, steps, failures, patience, raises
):
    horizon, execute = horizon_and_execute
    policy = LabelledPolicy(horizon, failures)

    def predict(context):
        chunk = policy(context)
        if chunk is None and raises:
            raise DecodeError("the ids end", position=3)
        return chunk

    executor = ChunkExecutor(predict, execute=execute, patience=patience)
    asked = calls = held = held_in_a_row = 0
    for step in range(steps):
        if step == 0 or step >= asked + execute:
            asked = asked if calls in failures else step
            calls += 1
        if step < asked + horizon:
            held_in_a_row = 0
            assert executor.step().tolist() == [asked, step]
        elif held_in_a_row < patience:
            held_in_a_row += 1
            held += 1
            assert executor.step().tolist() == [asked, asked + horizon - 1]
        else:
            with pytest.raises(ExecutionStopped) as info:
                executor.step()
            assert (info.value.step, info.value.held) == (step, patience)
            assert isinstance(info.value.__cause__, DecodeError) == raises
            assert executor.counts.steps == step
            break
    failed = len(failures & set(range(calls)))
    counts = executor.counts
    assert (counts.requests, counts.failed, counts.held, counts.late) == (calls, failed, held, 0)


def test_a_stopped_execution_stays_stopped():
    executor = ChunkExecutor(LabelledPolicy(2, failures=(1, 2, 3)), execute=2, patience=1)
    run(executor, 3)
    for _ in range(2):
        with pytest.raises(
            ExecutionStopped,
            match=r"step 3: no action is planned, and 1 were held in a row\. Of 3 prediction\(s\) 2 failed and 0 "
            r"came too late\. Bring the robot to rest; then see why the policy fails",
        ):
            executor.step()
    assert executor.counts == ExecutionCounts(steps=3, held=1, requests=3, failed=2)


def test_a_failure_that_was_got_over_is_not_to_blame():
    answers = [[[1.0]], DecodeError("the ids end"), [[2.0]], None, None]

    def predict(context):
        answer = answers.pop(0)
        if isinstance(answer, DecodeError):
            raise answer
        return answer

    executor = ChunkExecutor(predict, execute=1, patience=1)
    assert run(executor, 4).tolist() == [[1], [1], [2], [2]]
    with pytest.raises(ExecutionStopped) as info:
        executor.step()
    assert info.value.__cause__ is None


def test_a_first_prediction_that_fails_is_asked_for_again():
    executor = ChunkExecutor(LabelledPolicy(2, failures=(0, 1)), execute=1, patience=2)
    assert executor.step().tolist() == [0, 0]
    assert executor.counts == ExecutionCounts(steps=1, requests=3, failed=2)
    with pytest.raises(ExecutionStopped, match=r"step 0: .* Of 2 prediction\(s\) 2 failed"):
        ChunkExecutor(LabelledPolicy(2, failures=(0, 1)), execute=1, patience=1).step()


def test_what_is_held_can_be_chosen():
    """From the action before, a held one too: here each comes half way nearer to 2."""
    policy = LabelledPolicy(1, failures=(1, 2, 3))
    executor = ChunkExecutor(policy, execute=1, hold=lambda last: last * 0.5 + [1, 0])
    assert run(executor, 4).tolist() == [[0, 0], [1, 0], [1.5, 0], [1.75, 0]]


def test_ids_that_are_no_chunk(symbols_tokenizer, motions):
    """A tokenizer's `DecodeError` is a failed prediction: nothing it made up reaches the robot."""
    ids = symbols_tokenizer(motions[:3])

    def predict(context):
        number = context.step // 10
        sequence = ids[number][:-1] if context.step == 10 else ids[number]
        return symbols_tokenizer.decode([sequence], time_horizon=20, action_dim=7)[0]

    executor = ChunkExecutor(predict, execute=10)
    actions = run(executor, 21)
    whole = symbols_tokenizer.decode(ids)
    np.testing.assert_array_equal(actions[:11], whole[0, :11])
    np.testing.assert_array_equal(actions[11:], whole[1, :10])
    assert executor.counts == ExecutionCounts(steps=21, requests=3, failed=1)


@pytest.mark.parametrize("preset", [OPENVLA, OCTO, DIFFUSION_POLICY, PI0_20HZ, PI0_50HZ])
def test_presets_can_be_carried_out(preset):
    executor = ChunkExecutor(LabelledPolicy(preset.horizon), execute=preset.execute)
    assert run(executor, 200)[:, 1].tolist() == list(range(200))
    assert executor.counts.requests == -(-200 // preset.execute)


def test_presets_are_those_of_their_papers():
    assert (OPENVLA, OCTO, DIFFUSION_POLICY) == ((1, 1), (4, 4), (16, 8))
    assert PI0_20HZ.execute == 0.8 * 20
    assert PI0_50HZ.execute == 0.5 * 50

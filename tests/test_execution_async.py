"""Chunks carried out while the policy thinks about the next one, by a fake clock and in a real thread."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from execution_policies import LabelledPolicy, SlowPool, run
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import DecodeError
from fast_tokenizer.execution import ChunkExecutor, ExecutionCounts, ExecutionStopped, TemporalEnsemble


@given(
    horizon=st.integers(1, 12),
    share=st.floats(0, 1),
    delays=st.lists(st.integers(0, 15), min_size=1, max_size=12),
    steps=st.integers(1, 80),
)
def test_a_splice_repeats_and_skips_no_step(horizon, share, delays, steps):
    execute = 1 + int(share * (horizon - 1))
    pool, policy = SlowPool(0, *delays), LabelledPolicy(horizon)
    executor = ChunkExecutor(policy, execute=execute, pool=pool, patience=steps)
    answered, asked, answers = 0, 0, [0]  # when the newest answer was asked for; when the next one is asked for
    held = skipped = late = 0
    due, waiting, left = execute, False, 0
    delays = iter([*delays, *[delays[-1]] * steps])
    for step in range(steps):
        for _ in range(2):  # an answer comes; the next one is asked for, and may come at once
            if waiting and left <= 0:
                answered, waiting, due = asked, False, asked + execute
                answers.append(asked)
                skipped += min(step - asked, horizon)
                late += step - asked >= horizon
            if not waiting and step >= due:
                asked, waiting, left = step, True, next(delays)
        left -= 1
        action = executor.step()
        pool.tick()
        is_held = step >= answered + horizon
        held += is_held
        if not is_held:
            assert action.tolist() == [answered, step]
            last = action
        np.testing.assert_array_equal(action, last)
    counts = executor.counts
    assert (counts.steps, counts.held, counts.failed) == (steps, held, 0)
    assert (counts.skipped, counts.late) == (skipped, late)
    assert counts.requests == len(answers) + waiting


@given(horizon=st.integers(1, 30), execute=st.integers(1, 30), delay=st.integers(0, 30))
def test_when_there_is_always_a_plan(horizon, execute, delay):
    """As the docstring has it: exactly where max(execute, delay) + delay <= horizon."""
    execute = min(execute, horizon)
    pool = SlowPool(0, delay)
    executor = ChunkExecutor(LabelledPolicy(horizon), execute=execute, pool=pool, patience=300)
    run(executor, 300, pool)
    assert (executor.counts.held == 0) == (max(execute, delay) + delay <= horizon)


def test_an_answer_that_takes_three_steps():
    policy, pool = LabelledPolicy(8), SlowPool(0, 3)
    executor = ChunkExecutor(policy, execute=4, pool=pool, expected_delay=2)
    assert run(executor, 13, pool).tolist() == (
        [[0, step] for step in range(7)] + [[4, step] for step in range(7, 11)] + [[8, 11], [8, 12]]
    )
    first, second, third, fourth = policy.contexts
    assert (first.delay, second.delay, third.delay) == (2, 2, 3)
    assert second.planned.tolist() == [[0, step] for step in range(4, 8)]
    assert second.prefix.tolist() == [[0, 4], [0, 5]]
    assert third.prefix.tolist() == [[4, 8], [4, 9], [4, 10]]
    assert fourth.step == 12
    assert executor.counts == ExecutionCounts(steps=13, requests=4, skipped=6)


def test_the_slowest_of_the_last_ten_answers_is_expected():
    pool = SlowPool(0, 2, 7, *[1] * 9, 3, 1)
    executor = ChunkExecutor(LabelledPolicy(16), execute=8, pool=pool)
    delays = []
    for _ in range(8 * 13 + 4):
        executor.step()
        pool.tick()
        delays.append(executor.delay)
    assert [delays[8 * number + 7] for number in range(13)] == [0, 2, *[7] * 10, 3]


def test_a_chunk_that_comes_too_late_is_of_no_use():
    pool = SlowPool(0, 5)
    executor = ChunkExecutor(LabelledPolicy(4), execute=2, pool=pool, patience=3)
    assert run(executor, 7, pool).tolist() == [[0, 0], [0, 1], [0, 2], [0, 3], [0, 3], [0, 3], [0, 3]]
    with pytest.raises(ExecutionStopped, match=r"Of 3 prediction\(s\) 0 failed and 1 came too late, and one is"):
        executor.step()
    assert executor.counts == ExecutionCounts(steps=7, held=3, requests=3, late=1, skipped=4)


@pytest.mark.parametrize("error", [None, DecodeError("the ids end")])
def test_a_failed_answer_is_asked_for_again_at_once(error):
    policy, pool = LabelledPolicy(6, failures=(1,)), SlowPool(0, 2)

    def predict(context):
        chunk = policy(context)
        if chunk is None and error is not None:
            raise error
        return chunk

    executor = ChunkExecutor(predict, execute=2, pool=pool)
    assert run(executor, 8, pool).tolist() == [[0, step] for step in range(6)] + [[4, 6], [4, 7]]
    assert [context.step for context in policy.contexts] == [0, 2, 4, 6]
    assert executor.counts == ExecutionCounts(steps=8, requests=4, failed=1, skipped=2)


@given(delay=st.integers(0, 4), execute=st.integers(1, 4))
def test_an_ensemble_averages_what_has_arrived(delay, execute):
    policy, pool = LabelledPolicy(8), SlowPool(0, delay)
    executor = ChunkExecutor(policy, execute=execute, pool=pool, ensemble=TemporalEnsemble(m=0.0))
    actions = run(executor, 40, pool)
    np.testing.assert_allclose(actions[:, 1], np.arange(40), rtol=1e-14)
    assert executor.counts.held == 0
    asked = [context.step for context in policy.contexts]
    for step in range(40):
        arrived = [one for one in asked if (one == 0 or one + delay <= step) and step - one < 8]
        np.testing.assert_allclose(actions[step, 0], np.mean(arrived), rtol=1e-14)


def test_in_a_real_thread():
    release, names = {2: threading.Event(), 4: threading.Event()}, []

    def predict(context):
        names.append(threading.current_thread().name)
        if context.step:
            assert release[context.step].wait(timeout=60)
        return policy(context)

    policy = LabelledPolicy(6)
    with ThreadPoolExecutor(1, "policy") as pool:
        executor = ChunkExecutor(predict, execute=2, pool=pool)
        actions = list(run(executor, 4))
        release[2].set()
        pool.submit(int).result()  # the one thread has finished what it was asked before
        actions.append(executor.step())
        release[4].set()
    np.testing.assert_array_equal(actions, [[0, 0], [0, 1], [0, 2], [0, 3], [2, 4]])
    assert executor.delay == 2
    assert executor.counts == ExecutionCounts(steps=5, requests=3, skipped=2)
    assert len(names) == 3
    assert all(name.startswith("policy") for name in names)


def test_an_error_of_the_policy_comes_out_of_the_thread():
    release = threading.Event()

    def predict(context):
        if context.step == 1:
            assert release.wait(timeout=60)
            raise RuntimeError("out of memory")
        return np.zeros((4, 2))

    with ThreadPoolExecutor(1) as pool:
        executor = ChunkExecutor(predict, execute=1, pool=pool)
        run(executor, 2)
        release.set()
        pool.submit(int).result()
        with pytest.raises(RuntimeError, match="out of memory"):
            executor.step()
        assert executor.step().tolist() == [0, 0]

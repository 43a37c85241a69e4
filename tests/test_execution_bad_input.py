"""What an execution refuses, in words, and that it can go on after it."""

import numpy as np
import pytest
from execution_policies import LabelledPolicy, run

from fast_tokenizer import FastTokenizerError, FormatError
from fast_tokenizer.execution import ChunkExecutor, ExecutionCounts


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"execute": 0}, "'execute': got 0, expected 1 or more"),
        ({"execute": -3}, "'execute': got -3"),
        ({"execute": 2.0}, "'execute': got 2.0, expected an integer"),
        ({"execute": True}, "'execute': got True"),
        ({"execute": 1, "patience": -1}, "'patience': got -1, expected 0 or more"),
        ({"execute": 1, "expected_delay": -1}, "'expected_delay': got -1, expected 0 or more"),
    ],
)
def test_settings(settings, message):
    with pytest.raises(FormatError, match=message):
        ChunkExecutor(LabelledPolicy(4), **settings)


def with_nan(value):
    chunk = np.zeros((4, 2))
    chunk[2, 1] = value
    return chunk


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            with_nan(np.nan),
            r"the prediction of step 2: actions\[2, 1\] is nan \(1 of 8 .*: return None for a chunk",
        ),
        (with_nan(-np.inf), r"the prediction of step 2: actions\[2, 1\] is -inf"),
        (np.zeros((5, 2)), r"the prediction of step 2 has shape \(5, 2\), the one before it \(4, 2\): expected"),
        (np.zeros((4, 3)), r"the prediction of step 2 has shape \(4, 3\)"),
        (np.zeros((1, 4, 2)), r"the prediction of step 2 has shape \(1, 4, 2\)"),
        (np.zeros(4), r"the prediction of step 2: actions have shape \(4,\): expected \[horizon, action_dim\]"),
        (np.zeros((0, 2)), r"the prediction of step 2: actions have shape"),
        (np.zeros((4, 2), complex), r"the prediction of step 2: actions have the type complex128"),
        ("left", r"the prediction of step 2: actions have the type"),
    ],
)
def test_an_answer_that_is_no_chunk(answer, message):
    policy = LabelledPolicy(4)
    answers = {1: answer}
    executor = ChunkExecutor(lambda context: answers.pop(executor.counts.requests, policy(context)), execute=2)
    run(executor, 2)
    with pytest.raises(FastTokenizerError, match=message):
        executor.step()
    assert executor.counts.steps == 2
    assert run(executor, 2).tolist() == [[2, 2], [2, 3]]  # asked again, as if nothing had been


def test_more_steps_than_a_chunk_has():
    executor = ChunkExecutor(LabelledPolicy(4), execute=5)
    with pytest.raises(
        FastTokenizerError,
        match=r"execute is 5, and the prediction of step 0 has 4 steps: expected at most 4; carry out fewer",
    ):
        executor.step()


def test_other_errors_of_the_policy_are_its_own():
    def predict(context):
        if context.step == 1 and executor.counts.requests == 1:
            raise KeyError("camera")
        return np.zeros((3, 2))

    executor = ChunkExecutor(predict, execute=1)
    executor.step()
    with pytest.raises(KeyError, match="camera"):
        executor.step()
    run(executor, 3)
    assert executor.counts == ExecutionCounts(steps=4, requests=5)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (np.zeros(3), r"hold returned the shape \(3,\): expected \(2,\), an action as those before"),
        (0.0, r"hold returned the shape \(\)"),
        ([np.nan, 0.0], r"hold: action\[0\] is nan .*: return an action at which the robot stands still"),
    ],
)
def test_what_is_held_must_be_an_action(held, message):
    executor = ChunkExecutor(LabelledPolicy(1, failures=(1,)), execute=1, hold=lambda last: held)
    executor.step()
    with pytest.raises(FastTokenizerError, match=message):
        executor.step()
    assert executor.counts.held == 0

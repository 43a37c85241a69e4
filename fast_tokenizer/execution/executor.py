"""Chunks carried out step by step, while the policy thinks about the next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import Actions, require_finite
from fast_tokenizer.codecs.parameters import as_integer
from fast_tokenizer.errors import DecodeError, ExecutionStopped, FastTokenizerError
from fast_tokenizer.execution.action_queue import ActionQueue
from fast_tokenizer.execution.counts import ExecutionCounts
from fast_tokenizer.execution.ensembling import TemporalEnsemble
from fast_tokenizer.execution.in_place import InPlace
from fast_tokenizer.execution.prediction import Predict, PredictionContext, as_predicted_chunk

_DELAYS_KEPT = 10
"""Of the last answers, of which the slowest is what the next one is expected to take (arXiv 2506.07339)."""


def hold_last(action: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Repeats the last action: a robot that is given positions stands still."""
    return action


class ChunkExecutor:
    """Carries out `execute` steps of each chunk, then asks for the next one: receding horizon control.

    Time is counted in calls of `step`, one for each period of the robot's controller. A chunk begins at the step
    at which it was asked for. Without `pool` the robot waits for each answer. With one it goes on with the old
    chunk meanwhile; when the answer comes, the actions whose steps have passed are skipped, and the new chunk is
    carried out from the current step on. No step is without a plan as long as `max(execute, delay) + delay` is
    not more than the steps of a chunk. Only the first answer is waited for, as there is nothing to go on with.

    Where the policy has no chunk (it returns None or raises `DecodeError`) the old one is carried out to its end
    while the policy is asked again at every step. Where nothing is planned any more `hold` says what the robot
    does, for at most `patience` steps in a row; then the execution ends. Before the first action there is nothing
    to hold: the policy is asked again at once, as often. Any other error of the policy comes out of `step` as it
    is.

    An executor is for one episode of one robot, or of B robots that move in step, for all of which a prediction
    fails or comes at once.

    Args:
        predict: The policy.
        execute: Steps n of a chunk of H that are carried out before the next one is asked for: 1 asks at every
            step, H carries chunks out to their end.
        ensemble: Averages all chunks that reach a step; None carries out the newest.
        pool: Where `predict` runs, one call at a time, such as a `ThreadPoolExecutor(1)`. Whoever made it shuts
            it down. None for the thread that calls `step`.
        expected_delay: Steps that an answer is expected to take until one has been measured. Only the policy's
            context tells of it.
        hold: From the action given last, a held one too, what the robot is given when nothing is planned. A
            robot that is given velocities or differences must be told to stand still instead.
        patience: The most steps in a row that are held, and the most times that a failed first prediction is
            asked for again.

    Raises:
        FormatError: If a number is not an integer, or too small.

    Examples:
        >>> def predict(context):  # a chunk of four steps that says for which steps it is
        ...     return [[float(context.step + i)] for i in range(4)]
        >>> executor = ChunkExecutor(predict, execute=3)
        >>> [executor.step().item() for _ in range(5)]
        [0.0, 1.0, 2.0, 3.0, 4.0]
        >>> executor.counts.requests
        2

        A policy in the background, and a robot that moves by differences and keeps its gripper as it is::

            with ThreadPoolExecutor(1) as pool:
                executor = ChunkExecutor(predict, execute=25, pool=pool, hold=lambda last: last * [0, 0, 0, 1])
                while not done:
                    robot.send(executor.step())
                    clock.wait_for_the_next_period()
    """

    def __init__(
        self,
        predict: Predict,
        *,
        execute: int,
        ensemble: TemporalEnsemble | None = None,
        pool: Executor | None = None,
        expected_delay: int = 0,
        hold: Callable[[npt.NDArray[Any]], npt.ArrayLike] = hold_last,
        patience: int = 10,
    ) -> None:
        self._predict = predict
        self._execute = as_integer("execute", execute, at_least=1)
        self._pool = InPlace() if pool is None else pool
        self._expected_delay = as_integer("expected_delay", expected_delay, at_least=0)
        self._hold = hold
        self._patience = as_integer("patience", patience, at_least=0)
        self._queue = ActionQueue(ensemble)
        self._counts = ExecutionCounts()
        self._delays: deque[int] = deque(maxlen=_DELAYS_KEPT)
        self._answer: Future[Actions | None] | None = None
        self._asked_at = 0
        self._ask_at = 0  # only a chunk moves it on, so that after a failure it is time to ask again
        self._last: npt.NDArray[Any] | None = None
        self._held_in_a_row = 0
        self._failure: DecodeError | None = None
        self._stopped: ExecutionStopped | None = None

    @property
    def counts(self) -> ExecutionCounts:
        """What happened so far, as a copy."""
        return replace(self._counts)

    @property
    def delay(self) -> int:
        """Steps that an answer is expected to take: the most that any of the last ten took."""
        return max(self._delays, default=self._expected_delay)

    def step(self) -> npt.NDArray[Any]:
        """The action for the robot's next period.

        Returns:
            `[D]`, or `[B, D]` for several robots, as a new array.

        Raises:
            ExecutionStopped: If nothing is planned and `patience` is used up, and at every call after that.
            FastTokenizerError: If the policy answers with something that is no chunk, or has not the shape of
                the chunks before, or fewer steps than are to be carried out. The step is not counted: at the next
                call the policy is asked again.
        """
        if self._stopped is not None:
            raise self._stopped
        self._take_answer()
        for _ in range(1 if self._last is not None else 1 + self._patience):
            if self._answer is None and self._counts.steps >= self._ask_at:
                self._ask()
                self._take_answer()
        action = self._queue.action(self._counts.steps)
        if action is None:
            action = self._held_action()
        else:
            self._held_in_a_row = 0
        self._last = action
        self._counts.steps += 1
        return action.copy()

    def _ask(self) -> None:
        now = self._counts.steps
        context = PredictionContext(now, self.delay, self._queue.planned(now))
        self._answer = self._pool.submit(self._predict, context)
        self._asked_at = now
        self._counts.requests += 1

    def _take_answer(self) -> None:
        is_first = self._last is None
        if self._answer is None or not (is_first or self._answer.done()):
            return
        answer, self._answer = self._answer, None
        try:
            predicted = answer.result()
        except DecodeError as error:
            self._failure = error
            predicted = None
        if predicted is None:
            self._counts.failed += 1
            return
        chunk = as_predicted_chunk(predicted, self._asked_at)
        horizon = chunk.shape[-2]
        if self._execute > horizon:
            raise FastTokenizerError(
                f"execute is {self._execute}, and the prediction of step {self._asked_at} has {horizon} steps: "
                f"expected at most {horizon}; carry out fewer steps, or predict longer chunks"
            )
        self._queue.splice(chunk, self._asked_at)
        self._failure = None
        self._ask_at = self._asked_at + self._execute
        passed = self._counts.steps - self._asked_at
        self._counts.late += passed >= horizon
        self._counts.skipped += min(passed, horizon)
        if not is_first:
            self._delays.append(passed)

    def _held_action(self) -> npt.NDArray[Any]:
        if self._last is None or self._held_in_a_row == self._patience:
            self._stop()
        action = np.array(self._hold(self._last))
        if action.shape != self._last.shape:
            raise FastTokenizerError(
                f"hold returned the shape {action.shape}: expected {self._last.shape}, an action as those before"
            )
        require_finite(action, "hold: action", "return an action at which the robot stands still")
        self._held_in_a_row += 1
        self._counts.held += 1
        return action

    def _stop(self) -> NoReturn:
        counts = self._counts
        running = "" if self._answer is None else ", and one is still awaited"
        self._stopped = ExecutionStopped(
            f"step {counts.steps}: no action is planned, and {self._held_in_a_row} were held in a row. Of "
            f"{counts.requests} prediction(s) {counts.failed} failed and {counts.late} came too late{running}. "
            "Bring the robot to rest; then see why the policy fails, or carry out fewer steps of longer chunks, "
            "or allow more patience",
            counts.steps,
            self._held_in_a_row,
        )
        raise self._stopped from self._failure

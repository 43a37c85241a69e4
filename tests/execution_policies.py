"""Policies whose actions tell where they come from, and a pool whose answers take a number of steps."""

from concurrent.futures import Executor, Future

import numpy as np


class LabelledPolicy:
    """Chunks `[H, 2]` of (the step it was asked at, the step of the action); keeps what it was told.

    `failures` are the numbers of the calls, from 0, that give no chunk.
    """

    def __init__(self, horizon, failures=()):
        self.horizon = horizon
        self.failures = failures
        self.contexts = []

    def __call__(self, context):
        self.contexts.append(context)
        if len(self.contexts) - 1 in self.failures:
            return None
        steps = context.step + np.arange(self.horizon)
        return np.stack([np.full(self.horizon, context.step), steps], axis=1).astype(float)


class RandomPolicy:
    """Chunks `[H, D]` of random numbers; keeps them by the step it was asked at."""

    def __init__(self, horizon, action_dim, seed):
        self.shape = horizon, action_dim
        self.rng = np.random.default_rng(seed)
        self.chunks = {}

    def __call__(self, context):
        self.chunks[context.step] = self.rng.normal(size=self.shape)
        return self.chunks[context.step]


class SlowPool(Executor):
    """A fake clock: `tick` once a step; each answer comes after the next of `delays` ticks, the last for ever.

    The policy itself runs at once, as it would see the observation of that step.
    """

    def __init__(self, *delays):
        self.delays = list(delays)
        self.running = None

    def submit(self, fn, /, *args):
        future = Future()
        delay = self.delays.pop(0) if len(self.delays) > 1 else self.delays[0]
        try:
            self.running = delay, future, fn(*args), None
        except Exception as error:
            self.running = delay, future, None, error
        self._finish()
        return future

    def tick(self):
        if self.running is not None:
            self.running = self.running[0] - 1, *self.running[1:]
            self._finish()

    def _finish(self):
        left, future, answer, error = self.running
        if left <= 0:
            self.running = None
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(answer)


def run(executor, steps, pool=None):
    """The actions `[steps, D]` of that many steps; the clock of the pool ticks between them."""
    actions = []
    for _ in range(steps):
        actions.append(executor.step())
        if pool is not None:
            pool.tick()
    return np.stack(actions)

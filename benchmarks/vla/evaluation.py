"""How often a policy does the task, and what its answers cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from fast_tokenizer.progress import ProgressBar
from vla.policy import Policy
from vla.simulator import Simulator

_TIMED_CALLS = 15


@dataclass(frozen=True)
class Score:
    """The outcome of some episodes.

    Attributes:
        success: Part of the episodes in which the task was done.
        invalid: Part of the answers that are no action.
        tokens: Tokens of an answer, on average.
        milliseconds: From an observation to its chunk, for one robot; the median of some.
    """

    success: float
    invalid: float
    tokens: float
    milliseconds: float


@dataclass(frozen=True)
class Trial:
    """How a policy is tried.

    Attributes:
        seeds: Of the episodes.
        max_steps: Steps after which an episode has failed.
        executed: Actions of a chunk that are carried out before the next observation.
    """

    seeds: Sequence[int]
    max_steps: int
    executed: int


def evaluate(label: str, policy: Policy, trial: Trial, simulators: Sequence[Simulator]) -> Score:
    """Tries a policy on several robots at a time."""
    successes = 0
    valid: list[bool] = []
    tokens: list[int] = []
    with ProgressBar(label, unit="episodes") as bar:
        for begin in range(0, len(trial.seeds), len(simulators)):
            seeds = trial.seeds[begin : begin + len(simulators)]
            acting = list(simulators[: len(seeds)])
            for simulator, seed in zip(acting, seeds, strict=True):
                simulator.reset(seed)
            for step in range(0, trial.max_steps, trial.executed):
                answers = policy.act([simulator.observe() for simulator in acting])
                valid += answers.valid.tolist()
                tokens += answers.tokens.tolist()
                for simulator, chunk in zip(acting, answers.chunks, strict=True):
                    for action in chunk[: min(trial.executed, trial.max_steps - step)]:
                        simulator.step(action)
                acting = [simulator for simulator in acting if not simulator.success]
                if not acting:
                    break
            successes += len(seeds) - len(acting)
            bar.update(begin + len(seeds), len(trial.seeds))
    return Score(
        success=successes / len(trial.seeds),
        invalid=1 - float(np.mean(valid)),
        tokens=float(np.mean(tokens)),
        milliseconds=_latency(policy, simulators[0]),
    )


def evaluate_expert(trial: Trial, simulator: Simulator) -> float:
    """The part of the same episodes in which the scripted expert does the task."""
    successes = 0
    with ProgressBar("scripted expert", unit="episodes") as bar:
        for done, seed in enumerate(trial.seeds):
            simulator.reset(seed)
            for _ in range(trial.max_steps):
                simulator.step(simulator.expert_action())
                if simulator.success:
                    successes += 1
                    break
            bar.update(done + 1, len(trial.seeds))
    return successes / len(trial.seeds)


def _latency(policy: Policy, simulator: Simulator) -> float:
    times = []
    for seed in range(_TIMED_CALLS):
        simulator.reset(seed)
        observation = simulator.observe()
        begin = perf_counter()
        policy.act([observation])
        times.append(perf_counter() - begin)
    return 1e3 * median(times)

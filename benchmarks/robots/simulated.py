"""Actions of the scripted experts of Meta-World, a simulated arm with a gripper, 80 steps a second."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

HZ = 80
STEPS = 400


def expert_episodes(task: str, count: int) -> list[npt.NDArray[np.float64]]:
    """Episodes `[STEPS, 4]` of one task, with things in other places each time."""
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as environments
    from metaworld.policies import ENV_POLICY_MAP

    environment: Any = environments[f"{task}-goal-observable"](seed=0)
    environment._freeze_rand_vec = False  # as its own wrappers do it: places are drawn at each reset
    environment.seeded_rand_vec = True
    expert = ENV_POLICY_MAP[task]()
    episodes = []
    for seed in range(count):
        environment.seed(seed)
        seen, _ = environment.reset()
        actions = np.empty((STEPS, 4))
        for step in range(STEPS):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # it clips, and so do we
                actions[step] = np.clip(expert.get_action(seen), -1, 1)
            seen, *_ = environment.step(actions[step])
        episodes.append(actions)
    environment.close()
    return episodes


def tasks(count: int) -> list[str]:
    """So many tasks, spread over all that there are."""
    from metaworld.policies import ENV_POLICY_MAP

    names = sorted(ENV_POLICY_MAP)
    return names[:: max(1, len(names) // count)][:count]

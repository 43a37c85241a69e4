"""A robot arm of Meta-World, with the scripted expert of its task (extra `simulator`). No picture is drawn."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.lab.closed_loop.robots import Ending

ACTION_DIM = 4  # where the hand goes in x, y and z, and the effort of the gripper
HAND, OBJECT = slice(0, 3), slice(4, 7)
"""Where the 39 numbers of an observation tell the places of the hand and of the object, in metres."""


class MetaWorldRobot:
    """A robot before a task of Meta-World 3, whose observation tells the goal too.

    An observation has 39 numbers: 18 of now, 18 of the step before, and the goal.

    Args:
        task: Meta-World's name without the version, such as `drawer-open`.

    Raises:
        FastTokenizerError: If Meta-World has no such task.
        ImportError: If it is not installed.
    """

    def __init__(self, task: str) -> None:
        os.environ.setdefault("MUJOCO_GL", "disable")  # read when mujoco is imported; else it looks for a screen
        try:
            from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as environments
            from metaworld.policies import ENV_POLICY_MAP as experts
        except ImportError as error:
            raise ImportError(
                f"the simulator needs more packages: pip install 'fast_tokenizer[simulator]' ({error})"
            ) from error
        name = f"{task}-v3"
        if name not in experts:
            known = ", ".join(one.removesuffix("-v3") for one in experts)
            raise FastTokenizerError(f"Meta-World has no task {task!r}: expected one of {known}")
        make: Any = environments[f"{name}-goal-observable"]
        self._environment = make(seed=0)
        # As Meta-World's own wrappers do it: places are drawn at each reset, from the seed.
        self._environment._freeze_rand_vec = False
        self._environment.seeded_rand_vec = True
        make_expert: Any = experts[name]
        self._expert = make_expert()
        self._seen: npt.NDArray[np.float64] = np.empty(0)
        self._succeeded = False

    @property
    def seen(self) -> npt.NDArray[np.float64]:
        """The observation, `[39]`."""
        return self._seen

    @property
    def ending(self) -> Ending:
        """Success stays once the task was done."""
        return Ending(self._succeeded)

    def reset(self, seed: int) -> None:
        """Puts the hand to its start, and object and goal to places that the seed tells."""
        self._environment.seed(seed)
        self._seen, _ = self._environment.reset()
        self._succeeded = False

    def expert_action(self) -> npt.NDArray[np.float64]:
        """What Meta-World's expert would do now, `[4]`."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Constant", category=UserWarning)  # it clips, and so do we
            action = self._expert.get_action(self._seen)
        return np.clip(np.asarray(action, np.float64), -1.0, 1.0)

    def step(self, action: npt.NDArray[Any]) -> None:
        """Acts for 12.5 ms; a hand at full speed goes about a centimetre."""
        self._seen, _, _, _, told = self._environment.step(np.clip(action, -1.0, 1.0))
        self._succeeded = self._succeeded or bool(told["success"])

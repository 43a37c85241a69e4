"""A task of Meta-World: a robot arm in MuJoCo, its camera, and the scripted expert of the task.

Needs metaworld, and for the camera a software renderer of OpenGL: `MUJOCO_GL=egl` (Debian: libegl1) or
`MUJOCO_GL=osmesa` (libosmesa6).
"""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

ACTION_DIM = 4  # where the hand goes in x, y and z, and the effort of the gripper
STATE_DIM = 4
IMAGE_SIZE = 64
_CAMERA = "topview"


@dataclass(frozen=True, eq=False)
class Observation:
    """What the policy is given.

    Attributes:
        image: uint8 `[IMAGE_SIZE, IMAGE_SIZE, 3]`: the table from above.
        state: float64 `[STATE_DIM]`: the hand's place in metres, and how far the gripper is open, 0 to 1. Where
            the object is, only the image tells.
    """

    image: npt.NDArray[np.uint8]
    state: npt.NDArray[np.float64]


class Simulator:
    """One robot before one task.

    Args:
        task: A task of Meta-World, such as `button-press-topdown-v3`.
        camera_of: Another robot before the same task, whose renderer draws this one too: each takes a second to
            make, and only where things stand differs.
    """

    def __init__(self, task: str, camera_of: Simulator | None = None) -> None:
        if sys.platform == "linux" and "DISPLAY" not in os.environ:
            os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is imported
        import mujoco
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as environments
        from metaworld.policies import ENV_POLICY_MAP

        if task not in ENV_POLICY_MAP:
            raise SystemExit(f"there is no task {task!r}: expected one of {', '.join(ENV_POLICY_MAP)}")
        self.instruction = task.removesuffix("-v3").replace("-", " ")
        self.success = False
        self._environment: Any = environments[f"{task}-goal-observable"](seed=0)
        # As Meta-World's own wrappers do it: places are drawn at each reset, from the seed.
        self._environment._freeze_rand_vec = False
        self._environment.seeded_rand_vec = True
        self._expert = ENV_POLICY_MAP[task]()
        self._seen: npt.NDArray[np.float64] = np.empty(0)
        self._renderer: Any = None if camera_of is None else camera_of._renderer
        if self._renderer is not None:
            return
        model = self._environment.model
        # Shadows and smooth edges take thirty times as long as the rest of a small picture, reflections twice.
        model.vis.quality.shadowsize = model.vis.quality.offsamples = 0
        self._renderer = mujoco.Renderer(model, IMAGE_SIZE, IMAGE_SIZE)
        for effect in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._renderer.scene.flags[effect] = 0

    def reset(self, seed: int) -> None:
        """Puts the hand to its start, and the object to a place that the seed tells."""
        self._environment.seed(seed)
        self._seen, _ = self._environment.reset()
        self.success = False

    def observe(self) -> Observation:
        """What the policy sees now; takes about 10 ms for the picture."""
        self._renderer.update_scene(self._environment.data, _CAMERA)
        return Observation(self._renderer.render(), self._seen[:STATE_DIM].copy())

    def expert_action(self) -> npt.NDArray[np.float64]:
        """What the scripted expert would do now, `[ACTION_DIM]` in [-1, 1]; it knows where the object is."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Constant", category=UserWarning)  # it clips, and so do we
            action = self._expert.get_action(self._seen)
        return np.clip(np.asarray(action, np.float64), -1.0, 1.0)

    def step(self, action: npt.NDArray[np.float64]) -> None:
        """Acts for one step of 12.5 ms. `success` stays true once the task was done."""
        self._seen, _, _, _, info = self._environment.step(np.clip(action, -1.0, 1.0))
        self.success = self.success or bool(info["success"])

    def close(self) -> None:
        """Gives the renderer back."""
        self._renderer.close()
        self._environment.close()

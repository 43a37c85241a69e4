"""A task made two-sided: a pillar stands in the way, and the expert goes round it on the left or on the right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.lab.closed_loop.metaworld_robot import HAND, OBJECT
from fast_tokenizer.lab.closed_loop.robots import Ending, Robot

PILLAR_RADIUS = 0.06  # metres, as all that follow
_ASIDE = 0.15
_NEAR = 0.03
_GAIN = 25.0  # of the controller, in the robot's full speed a metre: that of Meta-World's experts


class TwoSidedRobot:
    """A robot whose way to the object may not be the straight one.

    The pillar is virtual: a circle in the plane of the table around the middle between where the hand starts and
    the object. An episode in which the hand enters it has failed. The expert first goes to a point beside it, and
    then on as it does without a pillar. The seeds 2n and 2n + 1 begin alike: in one the expert goes to the left,
    in the other to the right. So both are right for what is seen first, which no policy can learn to tell apart
    from where the object is, and the mean of both is the straight way.

    Args:
        robot: Whose observations have Meta-World's order.

    Attributes:
        pillar: `[2]`, in metres: its middle in this episode.
    """

    def __init__(self, robot: Robot) -> None:
        self._robot = robot

    @property
    def seen(self) -> npt.NDArray[Any]:
        """As the robot has it; where the pillar is follows from where the object is."""
        return self._robot.seen

    @property
    def ending(self) -> Ending:
        """Success counts where the pillar was not hit."""
        return Ending(self._robot.ending.succeeded and not self._hit, self._hit, self._went_left)

    def reset(self, seed: int) -> None:
        """Begins the episode of half the seed, whose remainder is the expert's side."""
        self._robot.reset(seed // 2)
        start, end = self._hand(), self.seen[OBJECT][:2]
        along = (end - start) / np.linalg.norm(end - start)
        self.pillar = (start + end) / 2
        self._along, self._leftwards = along, np.array([-along[1], along[0]])
        aside = _ASIDE * self._leftwards
        self._via: npt.NDArray[np.float64] | None = self.pillar + (-aside if seed % 2 else aside)
        self._hit = False
        self._went_left: bool | None = None

    def expert_action(self) -> npt.NDArray[Any]:
        """Towards the point beside the pillar until the hand is near it, in the plane; then as the expert."""
        action = self._robot.expert_action()
        if self._via is None:
            return action
        error = self._via - self._hand()
        if np.linalg.norm(error) < _NEAR:
            self._via = None
            return action
        wanted = _GAIN * error
        action[:2] = wanted / max(1.0, np.abs(wanted).max())  # straight there, however far
        return action

    def step(self, action: npt.NDArray[Any]) -> None:
        """Acts, and looks where the hand is."""
        self._robot.step(action)
        offset = self._hand() - self.pillar
        self._hit = self._hit or bool(np.linalg.norm(offset) < PILLAR_RADIUS)
        if self._went_left is None and not self._hit and offset @ self._along > 0:
            self._went_left = bool(offset @ self._leftwards > 0)

    def _hand(self) -> npt.NDArray[np.float64]:
        return np.array(self.seen[HAND][:2])

"""What a robot of the lab is asked for, whatever moves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt


@dataclass(frozen=True)
class Ending:
    """How an episode stands, or how it ended.

    Attributes:
        succeeded: Whether the task was done.
        hit_pillar: Whether the hand was where it must not be: then the episode is over, and failed.
        went_left: On which side the hand passed the pillar; None where it did not, or there is none.
    """

    succeeded: bool
    hit_pillar: bool = False
    went_left: bool | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more can change it."""
        return self.succeeded or self.hit_pillar


class Robot(Protocol):
    """One robot before one task."""

    @property
    def seen(self) -> npt.NDArray[Any]:
        """What its sensors tell now, `[C]`."""

    @property
    def ending(self) -> Ending:
        """How the episode stands."""

    def reset(self, seed: int) -> None:
        """Begins an episode, of which the seed tells everything that is drawn."""

    def expert_action(self) -> npt.NDArray[Any]:
        """What the scripted expert would do now, `[D]` in [-1, 1]."""

    def step(self, action: npt.NDArray[Any]) -> None:
        """Acts for one step; what is beyond [-1, 1] is cut off."""

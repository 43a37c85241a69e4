"""What a tokenizer is trained with, beside the data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from fast_tokenizer.chunking import Chunking
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.normalization import Mode, Normalizer
from fast_tokenizer.relative_actions import RelativeActions
from fast_tokenizer.training import VocabularySettings


@dataclass(frozen=True)
class Resampling:
    """Another rate that the episodes are brought to before they are cut.

    Attributes:
        hz: Steps a second wanted.
        held: Dimensions that keep the value of the step before, such as a gripper.
    """

    hz: float
    held: tuple[int, ...] = ()


@dataclass(frozen=True)
class TrainingSettings:
    """How a dataset becomes a tokenizer.

    Attributes:
        chunking: How episodes are cut into chunks.
        vocabulary: How the vocabulary is trained; its scale is not used where there is a `max_error`.
        normalization: By which statistics of the episodes that are trained on; or a normaliser that is known
            already.
        clip: Whether normalised actions are held within [-1, 1], by a given normaliser too.
        embodiment: What the robot is called in the tokenizer.
        relative: Makes the chunks relative to the states that they begin in, which the dataset must give then. The
            tokenizer takes and gives such actions.
        resampling: Another rate than that of the dataset.
        hold_out: The share of the episodes that is kept out of everything but the figures at the end.
        seed: Of the choice of these.
        max_error: For each dimension the largest error, in the robot's units, that a value of a training chunk may
            have; infinity where any will do. The least scale that keeps it is chosen.

    Raises:
        TrainingError: If a number is out of its range, or two settings contradict each other.
    """

    chunking: Chunking
    vocabulary: VocabularySettings = field(default_factory=VocabularySettings)
    normalization: Mode | Normalizer = "quantile"
    clip: bool = False
    embodiment: str = "default"
    relative: RelativeActions | None = None
    resampling: Resampling | None = None
    hold_out: float = 0.2
    seed: int = 0
    max_error: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.relative is not None and self.chunking.padding == "zeros":
            raise TrainingError("padding by zeros is no rest where actions are relative to a state: hold, or drop")
        if not 0 <= self.hold_out < 1:
            raise TrainingError(f"hold_out is {self.hold_out}: expected a share from 0, below 1")
        if self.max_error is not None and not all(limit > 0 for limit in self.max_error):
            raise TrainingError(f"max_error is {self.max_error}: expected numbers above 0")
        if self.max_error is not None and all(map(math.isinf, self.max_error)):
            raise TrainingError("max_error bounds no dimension: give a bound, or leave it out")

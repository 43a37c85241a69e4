"""Which committed positions are masked again, because the model has changed its mind about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.errors import FastTokenizerError

Figures: TypeAlias = "npt.NDArray[np.float64]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"


@dataclass(frozen=True, eq=False)
class RemaskEvidence:
    """What a rule looks at.

    Attributes:
        committed: bool `[A, L]`: positions that decoding has committed in earlier rounds.
        now: `[A, L]`: the probability of the id of each, as the model sees it now.
        then: `[A, L]`: the same when it was committed.
        progress: `[A]`: the round divided by the number of rounds.
        revealed: `[A]`: the fraction of positions that is not masked before this round.
        revealed_after: `[A]`: after this round.
        uniform: `[A, L]`: random numbers in `[0, 1)`.
    """

    committed: Mask
    now: Figures
    then: Figures
    progress: Figures
    revealed: Figures
    revealed_after: Figures
    uniform: Figures


@dataclass(frozen=True, kw_only=True)
class _Budgeted:
    budget: int | None = None

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget < 0:
            raise FastTokenizerError(f"budget is {self.budget}: expected 0 or more, or None")


@dataclass(frozen=True)
class RemaskBelow(_Budgeted):
    """Positions whose id has fallen below `eta * round / rounds`, the least likely first.

    Source: Discrete Diffusion VLA (arXiv 2508.20072, App. B) with `eta = 0.5`; its t counts down.

    Attributes:
        eta: The bound that the last round would have; 0 re-masks nothing.
        budget: The most positions of a row that are re-masked over all rounds; None: as many as the schedule
            lets in.
    """

    eta: float = 0.5

    def wanted(self, evidence: RemaskEvidence) -> tuple[Mask, Figures]:
        """Which positions, `[A, L]`, and how urgently."""
        below = evidence.now < self.eta * evidence.progress[:, None]
        return evidence.committed & below, -evidence.now


@dataclass(frozen=True)
class RemaskDrop(_Budgeted):
    """Positions whose id has lost more than `eta` of its probability since it was committed.

    Source: the residual drop of Discrete Diffusion VLA, versions 1 to 3, which give no value for `eta`.

    Attributes:
        eta: At 1 nothing is re-masked.
        budget: As in `RemaskBelow`.
    """

    eta: float

    def wanted(self, evidence: RemaskEvidence) -> tuple[Mask, Figures]:
        """As in `RemaskBelow`."""
        drop = evidence.then - evidence.now
        return evidence.committed & (drop > self.eta), drop


@dataclass(frozen=True)
class RemaskTop(_Budgeted):
    """The few positions a round whose id has lost most of its probability since it was committed.

    Source: as `RemaskDrop`, which it is an alternative to there.

    Attributes:
        count: The most a round; 0 re-masks nothing.
        budget: As in `RemaskBelow`.
    """

    count: int

    def wanted(self, evidence: RemaskEvidence) -> tuple[Mask, Figures]:
        """As in `RemaskBelow`."""
        drop = evidence.then - evidence.now
        losing = evidence.committed & (drop > 0)
        most = np.full(len(drop), self.count)
        return losing & (_core.rank(losing, [drop], most) < drop.shape[1]), drop


@dataclass(frozen=True)
class ReMDM(_Budgeted):
    """Any committed position with the same small probability (ReMDM, arXiv 2503.00307).

    The most that keeps the schedule is `sigma_max = min(1, (1 - revealed_after) / revealed)`.

    Attributes:
        eta: The probability, of which `sigma_max` is the bound; 0 re-masks nothing.
        rescale: Whether it is `eta * sigma_max` instead.
        budget: As in `RemaskBelow`.
    """

    eta: float
    rescale: bool = False

    def wanted(self, evidence: RemaskEvidence) -> tuple[Mask, Figures]:
        """As in `RemaskBelow`."""
        left = 1 - evidence.revealed_after
        most = np.where(left < evidence.revealed, left / np.maximum(evidence.revealed, 1e-300), 1.0)
        sigma = self.eta * most if self.rescale else np.minimum(self.eta, most)
        return evidence.committed & (evidence.uniform < sigma[:, None]), -evidence.uniform


Remask: TypeAlias = "RemaskBelow | RemaskDrop | RemaskTop | ReMDM"

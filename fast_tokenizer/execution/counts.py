"""What happened while chunks were carried out, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ExecutionCounts:
    """How an execution went: a robot that holds often has a policy that is too slow, or fails.

    Attributes:
        steps: Actions that were given.
        held: Those among them for which nothing was planned.
        requests: Predictions that were asked for.
        failed: Answers that were no chunk.
        late: Chunks that came when all of their actions had passed.
        skipped: Actions that had passed when their chunk came, those of late chunks too.
    """

    steps: int = 0
    held: int = 0
    requests: int = 0
    failed: int = 0
    late: int = 0
    skipped: int = 0

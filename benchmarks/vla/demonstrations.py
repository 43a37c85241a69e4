"""What the policy learns from: episodes of the scripted expert, kept in a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.progress import ProgressBar
from vla.files import require_same, write_beside
from vla.simulator import ACTION_DIM, Observation, Simulator

_SHOVE_STEPS = 40  # at most


@dataclass(frozen=True)
class Recording:
    """How demonstrations are recorded.

    Attributes:
        task: The task of Meta-World.
        episodes: How many.
        horizon: Steps of a chunk.
        stride: Steps from an observation to the next one.
        max_steps: Steps after which an episode is given up.
    """

    task: str
    episodes: int
    horizon: int
    stride: int
    max_steps: int


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """Observations of the expert at work, and the actions that followed each.

    Attributes:
        images: uint8 `[N, S, S, 3]`.
        states: float64 `[N, STATE_DIM]`, as in `Observation`.
        chunks: float64 `[N, H, D]`, in [-1, 1].
    """

    images: npt.NDArray[np.uint8]
    states: npt.NDArray[np.float64]
    chunks: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """Observations."""
        return len(self.chunks)


def load_or_record(file: Path, recording: Recording, simulator: Simulator) -> Demonstrations:
    """The demonstrations of a file; they are recorded where there is none.

    Raises:
        SystemExit: If the file holds demonstrations of another kind.
    """
    if not file.exists():
        arrays: dict[str, Any] = vars(_record(recording, simulator))
        write_beside(file, lambda path: np.savez(path, recording=json.dumps(asdict(recording)), **arrays))
    with np.load(file) as content:
        require_same(file, json.loads(str(content["recording"])), asdict(recording))
        return Demonstrations(content["images"], content["states"], content["chunks"])


def _record(recording: Recording, simulator: Simulator) -> Demonstrations:
    observations: list[Observation] = []
    chunks = []
    with ProgressBar("demonstrations", unit="episodes") as bar:
        for seed in range(recording.episodes):
            seen, actions = _episode(recording, simulator, seed)
            windows = cut_chunks([actions], recording.horizon, recording.stride)
            observations += seen[: len(windows)]
            chunks.append(windows)
            bar.update(seed + 1, recording.episodes)
    return Demonstrations(
        np.stack([one.image for one in observations]),
        np.stack([one.state for one in observations]),
        np.concatenate(chunks),
    )


def _episode(
    recording: Recording, simulator: Simulator, seed: int
) -> tuple[list[Observation], npt.NDArray[np.float64]]:
    """Observations at every `stride`-th step, and all actions, of one episode.

    The hand is shoved somewhere first, so that the expert shows how to come back from where a policy may err to;
    the shove is not recorded. A chunk more of actions follows the success, so that the last windows are whole.
    """
    rng = np.random.default_rng(seed)
    simulator.reset(seed)
    direction = rng.uniform(-1.0, 1.0, ACTION_DIM)
    for _ in range(rng.integers(_SHOVE_STEPS + 1)):
        simulator.step(direction)
    seen, actions = [], []
    left = recording.horizon
    for step in range(recording.max_steps):
        if step % recording.stride == 0:
            seen.append(simulator.observe())
        actions.append(simulator.expert_action())
        simulator.step(actions[-1])
        left -= simulator.success
        if not left:
            break
    return seen, np.stack(actions)

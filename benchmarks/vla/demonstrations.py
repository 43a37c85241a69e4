"""What the policy learns from: episodes of the scripted expert, kept in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import count_chunks, cut_chunks
from fast_tokenizer.progress import ProgressBar
from vla.files import require_same, write_beside
from vla.simulator import ACTION_DIM, Observation, Simulator

_PARTS, _PART_STEPS, _SHOVE_STEPS = 4, 80, 25  # at most; Meta-World ends an episode after 500 steps


@dataclass(frozen=True)
class Recording:
    """How demonstrations are recorded.

    Attributes:
        task: The task of Meta-World.
        episodes: How many.
        horizon: Steps of a chunk.
        stride: Steps from an observation to the next one.
    """

    task: str
    episodes: int
    horizon: int
    stride: int


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
            for seen, actions in _episode(recording, simulator, seed):
                observations += seen
                chunks.append(cut_chunks([actions], recording.horizon, recording.stride))
            bar.update(seed + 1, recording.episodes)
    return Demonstrations(
        np.stack([one.image for one in observations]),
        np.stack([one.state for one in observations]),
        np.concatenate(chunks),
    )


def _episode(
    recording: Recording, simulator: Simulator, seed: int
) -> Iterator[tuple[list[Observation], npt.NDArray[np.float64]]]:
    """The parts of an episode: the observation at the start of each chunk, and the actions.

    Before each part the hand is shoved somewhere, so that the expert shows how to come back from where a policy
    may err to; a shove is not recorded. The part with the success is the last.
    """
    rng = np.random.default_rng(seed)
    simulator.reset(seed)
    for _ in range(_PARTS):
        direction = rng.uniform(-1.0, 1.0, ACTION_DIM)
        for _ in range(rng.integers(_SHOVE_STEPS + 1)):
            simulator.step(direction)
        yield _part(recording, simulator, int(rng.integers(recording.horizon, _PART_STEPS + 1)))
        if simulator.success:
            break


def _part(
    recording: Recording, simulator: Simulator, steps: int
) -> tuple[list[Observation], npt.NDArray[np.float64]]:
    """Goes on for a chunk after the success, so that there are whole chunks up to it."""
    seen: list[Observation] = []
    actions: list[npt.NDArray[np.float64]] = []
    while len(actions) < steps:
        if len(actions) % recording.stride == 0:
            seen.append(simulator.observe())
        actions.append(simulator.expert_action())
        was_done = simulator.success
        simulator.step(actions[-1])
        if simulator.success and not was_done:
            steps = len(actions) + recording.horizon
    return seen[: count_chunks(len(actions), recording.horizon, recording.stride)], np.stack(actions)

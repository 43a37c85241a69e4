"""How long chunks are in published policies, and how much of each their robots carried out."""

from __future__ import annotations

from typing import NamedTuple


class ChunkPreset(NamedTuple):
    """Lengths of a published policy.

    Attributes:
        horizon: Steps H of a chunk.
        execute: Steps n of it that are carried out before the next one is asked for.

    Examples:
        >>> horizon, execute = DIFFUSION_POLICY
        >>> horizon, execute
        (16, 8)
    """

    horizon: int
    execute: int


OPENVLA = ChunkPreset(1, 1)
"""One action at a time (arXiv 2406.09246)."""

OCTO = ChunkPreset(4, 4)
"""Chunks of four (arXiv 2405.12213). How many are carried out is a choice of its evaluation scripts
(`exec_horizon` in octo-models/octo, `examples/04_eval_finetuned_on_robot.py`), where 1 is the default."""

DIFFUSION_POLICY = ChunkPreset(16, 8)
"""Eight of sixteen (arXiv 2303.04137; `n_action_steps` in real-stanford/diffusion_policy). Its chunks begin with
the steps of past observations, one where there are two: cut them off before a chunk is carried out."""

PI0_20HZ = ChunkPreset(50, 16)
"""0.8 s of chunks of fifty, on its UR5e and Franka robots of 20 Hz (arXiv 2410.24164, appendix D)."""

PI0_50HZ = ChunkPreset(50, 25)
"""0.5 s of chunks of fifty, on its robots of 50 Hz (arXiv 2410.24164, appendix D)."""

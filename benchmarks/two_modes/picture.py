"""Pictures: which position is committed when and how certain it was, and where the chunks go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from two_modes.decoding import ROUNDS, Outcome
from two_modes.task import ACTION_DIM, HORIZON

_DIMENSIONS = ("x", "y", "z", "roll", "pitch", "yaw", "grip")
_DRAWN = 60  # chunks of a panel


def save_picture(file: Path, outcomes: Mapping[str, Outcome], width: int) -> None:
    """Draws each outcome: the rounds of its first row above, where all chunks go below.

    Args:
        file: A PNG.
        outcomes: By title, with traces.
        width: D of the ids, which are drawn as `[L / D, D]`.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(
        2, len(outcomes), figsize=(3.4 * len(outcomes), 7), layout="constrained", squeeze=False
    )
    for (title, outcome), above, below in zip(outcomes.items(), *panels, strict=True):
        rounds, certainty = committed(outcome)
        image = _draw_rounds(above, rounds.reshape(-1, width), certainty.reshape(-1, width))
        above.set_title(title)
        _draw_ways(below, outcome)
    figure.colorbar(image, ax=panels[0].tolist(), label="round")
    figure.savefig(file, dpi=130)
    plt.close(figure)


def committed(outcome: Outcome) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The round in which each position of the first row got its last id, and how certain that was; `[L]` both."""
    certainty = np.zeros(outcome.result.ids.shape[1])
    for played in outcome.result.trace or ():
        for at in np.flatnonzero(played.rows == 0):
            certainty = np.where(played.committed[at], played.probability[at], certainty)
    return outcome.result.committed_round[0], certainty


def print_rounds(outcome: Outcome, step: int) -> None:
    """Prints how the ids of one time step of the first row come to be, as text; for bins, `[H, D]`."""
    print(f"time step {step} of the first chunk, round by round")
    print(f"{'':10}" + "".join(f"{name:>6}" for name in _DIMENSIONS))
    for played in outcome.result.trace or ():
        for at in np.flatnonzero(played.rows == 0):
            known = outcome.result.committed_round[0] <= played.round[at]
            shown = [str(one) if seen else "?" for one, seen in zip(played.ids[at], known, strict=True)]
            begin = step * ACTION_DIM
            print(
                f"round {played.round[at] + 1:<4}"
                + "".join(f"{one:>6}" for one in shown[begin : begin + ACTION_DIM])
            )


def _draw_rounds(panel: Any, rounds: npt.NDArray[np.int64], certainty: npt.NDArray[np.float64]) -> Any:
    image = panel.imshow(rounds + 1, cmap="viridis_r", aspect="auto", vmin=1, vmax=ROUNDS)
    for (row, column), chance in np.ndenumerate(certainty):
        dark = rounds[row, column] + 1 > ROUNDS / 2
        panel.text(
            column, row, f"{chance:.2f}".lstrip("0"), ha="center", va="center", fontsize=7,
            color="white" if dark else "black",
        )  # fmt: skip
    if rounds.shape[1] == ACTION_DIM:
        panel.set_xticks(range(ACTION_DIM), _DIMENSIONS, fontsize=8)
        panel.set_ylabel("time step" if len(rounds) == HORIZON else "frequency")
    else:
        panel.set_xticks([])
        panel.set_ylabel("place in the canvas")
    return image


def _draw_ways(panel: Any, outcome: Outcome) -> None:
    verdict = outcome.verdict
    colors = np.where(verdict.left, "tab:blue", np.where(verdict.right, "tab:orange", "tab:red"))
    for chunk, color in zip(outcome.chunks[:_DRAWN], colors, strict=False):
        panel.plot(chunk[:, 1], chunk[:, 0], color=color, alpha=0.4, linewidth=1)
    panel.plot(0, -0.1, "ks", markersize=14)  # the obstacle
    panel.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="y", ylabel="x")
    panel.set_title(
        f"left {verdict.left.mean():.0%}, right {verdict.right.mean():.0%}, invalid {1 - verdict.valid:.0%}",
        fontsize=9,
    )

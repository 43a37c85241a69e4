"""Where the steps of a sampler lie between noise and actions."""

from __future__ import annotations

from typing import Literal

Spacing = Literal["even", "quadratic"]
"""`"even"`: steps of one length, as pi0 and Diffusion Policy take them; `"quadratic"`: shorter and shorter towards
the actions, as the squares of even ones (Song et al. 2021, arXiv 2010.02502, appendix D.2). A step aims at the
mean of the actions that are possible where it begins: a long last one takes from the spread of samples."""


def flow_times(count: int, spacing: Spacing) -> list[float]:
    """The times at which `count` steps of a flow begin, from 1, and 0 after them.

    Examples:
        >>> flow_times(4, "even"), flow_times(4, "quadratic")
        ([1.0, 0.75, 0.5, 0.25, 0.0], [1.0, 0.5625, 0.25, 0.0625, 0.0])
    """
    power = 2 if spacing == "quadratic" else 1
    return [(1 - step / count) ** power for step in range(count + 1)]


def quadratic_steps(count: int, last: int) -> list[int]:
    """Steps of training, as many as asked for, from the last down to 0 as squares, as near as whole numbers are.

    Args:
        count: 1 to `last`.
        last: The step with most noise that is taken.

    Examples:
        >>> quadratic_steps(5, 98), quadratic_steps(8, 9), quadratic_steps(1, 98)
        ([98, 55, 24, 6, 0], [9, 7, 5, 4, 3, 2, 1, 0], [98])
    """
    if count == 1:
        return [last]
    steps = [round(last * (step / (count - 1)) ** 2) for step in range(count)]
    for at in range(1, count):  # near 0 squares are nearer to each other than steps are
        steps[at] = max(steps[at], steps[at - 1] + 1)
    return steps[::-1]

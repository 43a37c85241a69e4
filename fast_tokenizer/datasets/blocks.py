"""Episodes cut out of a long recording that is read block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Block: TypeAlias = "tuple[npt.NDArray[Any], ...]"
"""Arrays of the same steps, such as actions and states: `[N, ...]` each."""


def cut_blocks(blocks: Iterable[Block], lengths: Iterable[int]) -> Iterator[Block]:
    """Cuts blocks at the ends of the episodes, which need not be the ends of blocks.

    At most one episode and the rest of the block it ends in are held.

    Args:
        blocks: The steps of all episodes, in order; as many as the lengths add up to.
        lengths: Steps of each episode, 1 or more.

    Yields:
        The arrays of one episode; views where it lies within one block.

    Examples:
        >>> blocks = [(np.arange(4),), (np.arange(4, 7),)]
        >>> [steps.tolist() for (steps,) in cut_blocks(blocks, [3, 2, 2])]
        [[0, 1, 2], [3, 4], [5, 6]]
    """
    source = iter(blocks)
    rest: Block | None = None
    for length in lengths:
        pieces = [] if rest is None else [rest]
        missing = length - (0 if rest is None else len(rest[0]))
        while missing > 0:
            pieces.append(next(source))
            missing -= len(pieces[-1][0])
        joined = pieces[0] if len(pieces) == 1 else tuple(map(np.concatenate, zip(*pieces, strict=True)))
        yield tuple(array[:length] for array in joined)
        rest = tuple(array[length:] for array in joined)

"""What masked decoding needs to know of logits: one pass over those of the positions that it asks about.

Numpy arrays and tensors on the CPU are reduced by the compiled core, tensors on a GPU where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.diffusion.query import Query
from fast_tokenizer.errors import LogitsError

GRID = _core.PROBABILITY_GRID
"""Probabilities and entropies are rounded to multiples of this: far above the error of sums, so that equal
distributions are equal, in whatever order and by whatever processor they were summed."""

_NARROWEST = 4  # bytes of a float32


@dataclass(frozen=True, eq=False)
class Reduction:
    """What the logits say, `[A, L]` each; 0 where it was not asked.

    Probabilities are those of the model among the allowed ids, whatever the temperature is.

    Attributes:
        ids: The id that was chosen.
        largest: The probability of the likeliest id.
        second: The probability of the next one.
        entropy: Of the distribution, in nats.
        probability: Of the chosen id, or of the one that was asked for.
    """

    ids: npt.NDArray[np.int64]
    largest: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]
    entropy: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]


def on_grid(figures: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rounds to multiples of `GRID`. Sums of such numbers are exact."""
    return np.asarray(np.rint(figures / GRID) * GRID)


def is_torch(array: Any) -> bool:
    """Whether it is a tensor of torch, which is not imported for that."""
    return type(array).__module__.partition(".")[0] == "torch"


def reduce_logits(
    logits: Any, query: Query, columns: npt.NDArray[np.int64] | None, names: npt.NDArray[np.int64]
) -> Reduction:
    """Reduces the logits of some positions.

    Args:
        logits: `[A, L, V]`, checked by `check_logits`.
        query: What is asked.
        columns: int64 `[ids]`: where the logit of each id lies; None: at its own number.
        names: int64 `[A]`: what errors call the rows.

    Raises:
        LogitsError: If a logit is NaN or plus infinity, or none of a position is above minus infinity.
    """
    on_gpu = is_torch(logits) and logits.device.type == "cuda"
    ids, figures, failed = (_reduce_there if on_gpu else _reduce_here)(logits, query, columns)
    if failed >= 0:
        raise _no_answer(figures[0], failed, names)
    return Reduction(ids, *figures)


def check_logits(logits: Any, rows: int, length: int, least: int) -> None:
    """Raises LogitsError unless the logits are floating `[rows, length, V]`, with V at least `least`."""
    shape = tuple(getattr(logits, "shape", ()))
    if len(shape) != 3 or shape[:2] != (rows, length) or shape[2] < least:
        got = f"an array of shape {list(shape)}" if hasattr(logits, "shape") else f"a {type(logits).__name__}"
        raise LogitsError(
            f"logits_fn gave {got}: expected [{rows}, {length}, {least} or more], the logits of every position of "
            f"the {rows} row(s) that it was called with"
        )
    if not _is_floating(logits.dtype):
        raise LogitsError(f"logits_fn gave logits of type {logits.dtype}: expected floating-point numbers")


def _reduce_here(
    logits: Any, query: Query, columns: npt.NDArray[np.int64] | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], int]:
    if is_torch(logits):
        logits = logits.detach().cpu()
    if logits.dtype.itemsize < _NARROWEST:  # of which the core and, in one kind, numpy know nothing
        if columns is not None:
            logits, columns = logits[..., columns], None
        logits = logits.float() if is_torch(logits) else logits.astype(np.float32)
    logits = np.asarray(logits)
    if logits.dtype not in (np.float32, np.float64):
        logits = logits.astype(np.float64)
    return _core.reduce_logits(
        np.ascontiguousarray(logits),
        query.asked,
        columns,
        query.allowed,
        query.allowed_rows,
        query.kept,
        query.temperatures,
        query.uniforms,
    )


def _reduce_there(
    logits: Any, query: Query, columns: npt.NDArray[np.int64] | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], int]:
    from fast_tokenizer.diffusion.torch_reduction import reduce_on_device

    found = reduce_on_device(logits, query, columns).cpu().numpy()  # the only wait for the device
    ids = np.zeros(query.asked.shape, np.int64)
    ids[query.asked] = found[0]
    figures = np.zeros((4, *query.asked.shape))
    figures[:, query.asked] = on_grid(found[1:])
    failed = np.flatnonzero(query.asked & ~(figures[0] > 0))
    return ids, figures, int(failed[0]) if failed.size else -1


def _no_answer(largest: npt.NDArray[np.float64], cell: int, names: npt.NDArray[np.int64]) -> LogitsError:
    row, position = divmod(cell, largest.shape[1])
    if np.isnan(largest[row, position]):
        reason = "a logit is NaN or plus infinity: check the model, and masks of attention that leave nothing"
    else:
        reason = "no id is left: all are banned by allowed, by a constraint or by logits of minus infinity"
    return LogitsError(reason, int(names[row]), position)


@cache
def _is_floating(dtype: Any) -> bool:
    return "float" in str(dtype)

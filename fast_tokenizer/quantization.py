"""Rounded DCT coefficients, the same ones as the reference computes with scipy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.actions import Floats
from fast_tokenizer.errors import EncodeError

_COEFFICIENT_LIMIT = 2**30
"""Where the core holds coefficients, and so what scipy settles is held there too."""

_TIE_TOLERANCE = {np.dtype(np.float32): 2e-6, np.dtype(np.float64): 1e-11}
"""How near to a tie, relative to a column's largest scaled coefficient, the order of operations can matter.

Far above the rounding error of either transform (the worst seen in float32 was a fifth of this).
"""


def quantize(chunks: Floats, scale: float, num_threads: int) -> npt.NDArray[np.int32]:
    """Rounds `scale` times the orthonormal DCT-II over time, half to even.

    The compiled transform works in float64. Where a coefficient is so near to a tie that scipy, in the input's
    own precision, might round to the other side, scipy decides: the result is the reference's on every
    processor and for any number of threads.

    Args:
        chunks: `[B, H, D]`.
        scale: Multiplier before rounding.
        num_threads: 0 for as many as the process may use.

    Returns:
        int32 `[B, H, D]`, frequency by frequency.

    Raises:
        EncodeError: If a value is NaN, infinite, or so large that its coefficients are.
    """
    # Imported with the first chunk, not with the first tie: it takes half a second, and a tie may come in the
    # middle of a control loop.
    scipy_dct = _scipy_dct()
    coefficients, near_ties = _core.quantize(chunks, scale, _TIE_TOLERANCE[chunks.dtype], num_threads)
    if near_ties.size:
        chunk, dimension = np.divmod(near_ties, chunks.shape[2])
        with np.errstate(over="ignore", invalid="ignore"):
            settled = np.rint(scipy_dct(chunks[chunk, :, dimension], axis=1, norm="ortho") * scale)
        largest = np.abs(settled).max(axis=1)
        if not (largest <= _COEFFICIENT_LIMIT).all():
            _hold(settled, largest, chunk, dimension, chunks.dtype)
        coefficients[chunk, :, dimension] = settled
    return coefficients


def _hold(
    settled: Floats,
    largest: Floats,
    chunk: npt.NDArray[np.int64],
    dimension: npt.NDArray[np.int64],
    dtype: np.dtype[Any],
) -> None:
    """Holds coefficients at the core's limit, in place; refuses those that are not finite."""
    if not np.isfinite(largest).all():
        worst = int(np.flatnonzero(~np.isfinite(largest))[0])
        raise EncodeError(
            f"dimension {dimension[worst]} overflows {dtype} in the transform: "
            "expected actions normalised to about [-1, 1]",
            int(chunk[worst]),
        )
    np.clip(settled, -_COEFFICIENT_LIMIT, _COEFFICIENT_LIMIT, out=settled)


@functools.cache
def _scipy_dct() -> Callable[..., Any]:
    from scipy.fft import dct

    return cast("Callable[..., Any]", dct)

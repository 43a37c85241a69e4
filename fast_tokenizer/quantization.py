"""Rounded DCT coefficients, the same ones as the reference computes with scipy."""

from __future__ import annotations

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
    coefficients, near_ties = _core.quantize(chunks, scale, _TIE_TOLERANCE[chunks.dtype], num_threads)
    if near_ties.size:
        chunk, dimension = np.divmod(near_ties, chunks.shape[2])
        settled = np.rint(_scipy_dct(chunks[chunk, :, dimension]) * scale)
        if not np.isfinite(settled).all():
            worst = int(np.flatnonzero(~np.isfinite(settled).all(axis=1))[0])
            raise EncodeError(
                f"actions[{chunk[worst]}, :, {dimension[worst]}] overflow {chunks.dtype} in the transform: "
                "expected actions normalised to about [-1, 1]",
                int(chunk[worst]),
            )
        np.clip(settled, -_COEFFICIENT_LIMIT, _COEFFICIENT_LIMIT, out=settled)
        coefficients[chunk, :, dimension] = settled
    return coefficients


def _scipy_dct(columns: Floats) -> Floats:
    from scipy.fft import dct

    with np.errstate(over="ignore", invalid="ignore"):
        transformed: Floats = dct(columns, axis=1, norm="ortho")
    return transformed

"""Normalised and quantised chunks: what a vocabulary is trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fast_tokenizer.dataset_training.chunk_groups import ChunkGroups
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.quantization import quantize


def quantize_groups(
    groups: ChunkGroups, normalizer: Normalizer, scale: float, num_threads: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Coefficients of all chunks, flat int32 `[N]`, and where each chunk begins, int64 `[B + 1]`."""
    parts: list[npt.NDArray[np.int16 | np.int32]] = []
    count = size = 0
    for chunks in groups.read("DCT"):
        coefficients = quantize(normalizer.normalize(chunks), scale, num_threads)
        count, size = count + len(chunks), coefficients[0].size
        parts.append(_narrow(coefficients.reshape(-1)))
    return np.concatenate(parts, dtype=np.int32), np.arange(count + 1, dtype=np.int64) * size


def _narrow(coefficients: npt.NDArray[np.int32]) -> npt.NDArray[np.int16 | np.int32]:
    """The same in half the memory, where they fit."""
    limits = np.iinfo(np.int16)
    fits = limits.min <= coefficients.min() and coefficients.max() <= limits.max
    return coefficients.astype(np.int16) if fits else coefficients
